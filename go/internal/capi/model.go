package capi

/*
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"math"
	"runtime"
	"unsafe"
)

// Model is a mirin_model.
type Model struct{ model *C.mirin_model }

// ModelOptions is mirin_model_options.
type ModelOptions struct {
	Key               []byte
	Cipher            int32
	OptimizationLevel int
	DisabledPasses    []string
	DumpDirectory     string
	Config            Config
}

// Config is a mirin_config; the zero value is none.
type Config struct{ config *C.mirin_config }

// NewConfig is mirin_config_create.
func NewConfig() (Config, Status) {
	var config *C.mirin_config
	status := C.mirin_config_create(&config)
	return Config{config}, Status{status}
}

// Destroy is mirin_config_destroy.
func (c Config) Destroy() { C.mirin_config_destroy(c.config) }

// LoadFile is mirin_config_load_file.
func (c Config) LoadFile(path string) Status {
	var memory cMemory
	defer memory.free()
	return Status{C.mirin_config_load_file(c.config, memory.text(path))}
}

// Set is mirin_config_set.
func (c Config) Set(section, key, value string) Status {
	var memory cMemory
	defer memory.free()
	return Status{C.mirin_config_set(c.config, memory.text(section), memory.text(key), memory.text(value))}
}

// Value is an input or output of a model. Dims is nil where the rank is known only at run time.
type Value struct {
	Name  string
	DType int32
	Dims  []int
}

// LoadFile is mirin_model_load_file.
func LoadFile(path string, options *ModelOptions) (Model, Status) {
	var memory cMemory
	defer memory.free()
	cPath := memory.text(path)
	return load(&memory, options, func(o *C.mirin_model_options, m **C.mirin_model) *C.mirin_status {
		return C.mirin_model_load_file(cPath, o, m)
	})
}

// LoadMemory is mirin_model_load_memory.
func LoadMemory(data []byte, options *ModelOptions) (Model, Status) {
	var memory cMemory
	defer memory.free()
	return load(&memory, options, func(o *C.mirin_model_options, m **C.mirin_model) *C.mirin_status {
		return C.mirin_model_load_memory(unsafe.Pointer(unsafe.SliceData(data)), C.size_t(len(data)), o, m)
	})
}

func load(memory *cMemory, options *ModelOptions, call func(*C.mirin_model_options, **C.mirin_model) *C.mirin_status) (Model, Status) {
	var pinner runtime.Pinner
	defer pinner.Unpin()
	o := C.capi_model_options()
	o.cipher = C.mirin_cipher(options.Cipher)
	o.optimization_level = int32Of(options.OptimizationLevel)
	o.disabled_passes = memory.texts(options.DisabledPasses)
	o.num_disabled_passes = C.size_t(len(options.DisabledPasses))
	o.config = options.Config.config
	if len(options.Key) > 0 {
		key := unsafe.SliceData(options.Key)
		pinner.Pin(key)
		o.key = unsafe.Pointer(key)
		o.key_size = C.size_t(len(options.Key))
	}
	if options.DumpDirectory != "" {
		o.dump_directory = memory.text(options.DumpDirectory)
	}
	var model *C.mirin_model
	status := call(&o, &model)
	return Model{model}, Status{status}
}

// Reshape is mirin_model_reshape.
func (m Model) Reshape(shapes [][]int) (Model, Status) {
	dims, ranks := flatten(shapes)
	var model *C.mirin_model
	status := C.capi_reshape(m.model, unsafe.SliceData(dims), unsafe.SliceData(ranks), C.size_t(len(shapes)), &model)
	return Model{model}, Status{status}
}

// flatten gives the sizes of all shapes one after another, and how many each has.
func flatten(shapes [][]int) (dims []C.int64_t, ranks []C.size_t) {
	ranks = make([]C.size_t, len(shapes))
	for i, shape := range shapes {
		ranks[i] = C.size_t(len(shape))
		for _, size := range shape {
			dims = append(dims, C.int64_t(size))
		}
	}
	return dims, ranks
}

// Destroy is mirin_model_destroy.
func (m Model) Destroy() { C.mirin_model_destroy(m.model) }

// Inputs describes the inputs.
func (m Model) Inputs() []Value {
	values := make([]Value, C.mirin_model_input_count(m.model))
	for i := range values {
		n := C.size_t(i)
		values[i] = Value{
			C.GoString(C.mirin_model_input_name(m.model, n)),
			int32(C.mirin_model_input_dtype(m.model, n)),
			dims(C.mirin_model_input_rank(m.model, n), C.mirin_model_input_dims(m.model, n)),
		}
	}
	return values
}

// Outputs describes the outputs.
func (m Model) Outputs() []Value {
	values := make([]Value, C.mirin_model_output_count(m.model))
	for i := range values {
		n := C.size_t(i)
		values[i] = Value{
			C.GoString(C.mirin_model_output_name(m.model, n)),
			int32(C.mirin_model_output_dtype(m.model, n)),
			dims(C.mirin_model_output_rank(m.model, n), C.mirin_model_output_dims(m.model, n)),
		}
	}
	return values
}

// States gives the names of the states.
func (m Model) States() []string {
	names := make([]string, C.mirin_model_state_count(m.model))
	for i := range names {
		names[i] = C.GoString(C.mirin_model_state_name(m.model, C.size_t(i)))
	}
	return names
}

// Metadata is mirin_model_metadata.
func (m Model) Metadata(key string) string {
	var memory cMemory
	defer memory.free()
	return C.GoString(C.mirin_model_metadata(m.model, memory.text(key)))
}

// PassReport is mirin_model_pass_report.
func (m Model) PassReport() string { return C.GoString(C.mirin_model_pass_report(m.model)) }

func dims(rank C.int32_t, sizes *C.int64_t) []int {
	if rank < 0 {
		return nil
	}
	result := make([]int, rank)
	for i, size := range unsafe.Slice(sizes, rank) {
		result[i] = int(size)
	}
	return result
}

// int32Of keeps numbers that are out of range out of range.
func int32Of(n int) C.int32_t { return C.int32_t(max(math.MinInt32, min(math.MaxInt32, n))) }

// cMemory is C memory for the length of a call. The zero value is ready.
type cMemory struct{ blocks []unsafe.Pointer }

func (m *cMemory) free() {
	for _, block := range m.blocks {
		C.free(block)
	}
}

func (m *cMemory) text(text string) *C.char {
	c := C.CString(text)
	m.blocks = append(m.blocks, unsafe.Pointer(c))
	return c
}

func (m *cMemory) texts(texts []string) **C.char {
	if len(texts) == 0 {
		return nil
	}
	block := C.calloc(C.size_t(len(texts)), C.size_t(unsafe.Sizeof(uintptr(0))))
	m.blocks = append(m.blocks, block)
	for i, text := range texts {
		unsafe.Slice((**C.char)(block), len(texts))[i] = m.text(text)
	}
	return (**C.char)(block)
}

func (m *cMemory) numbers(numbers []int) *C.int32_t {
	if len(numbers) == 0 {
		return nil
	}
	block := C.calloc(C.size_t(len(numbers)), C.size_t(unsafe.Sizeof(C.int32_t(0))))
	m.blocks = append(m.blocks, block)
	for i, n := range numbers {
		unsafe.Slice((*C.int32_t)(block), len(numbers))[i] = int32Of(n)
	}
	return (*C.int32_t)(block)
}
