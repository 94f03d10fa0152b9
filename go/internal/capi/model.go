package capi

import (
	"math"
	"unsafe"
)

// Model is a mirin_model.
type Model struct{ model uintptr }

// ModelOptions is mirin_model_options.
type ModelOptions struct {
	Key               []byte
	Cipher            int32
	OptimizationLevel int
	DisabledPasses    []string
	DumpDirectory     string
	Config            Config
}

type modelOptions struct {
	structSize        uintptr
	key               uintptr
	keySize           uintptr
	cipher            int32
	optimizationLevel int32
	disabledPasses    uintptr
	numDisabledPasses uintptr
	dumpDirectory     uintptr
	config            uintptr
}

func newModelOptions() modelOptions {
	return modelOptions{structSize: unsafe.Sizeof(modelOptions{}), optimizationLevel: 1}
}

func (o *ModelOptions) c(m *memory) *modelOptions {
	c := newModelOptions()
	c.key = array(m, o.Key)
	c.keySize = uintptr(len(o.Key))
	c.cipher = o.Cipher
	c.optimizationLevel = int32Of(o.OptimizationLevel)
	c.disabledPasses = m.texts(o.DisabledPasses)
	c.numDisabledPasses = uintptr(len(o.DisabledPasses))
	if o.DumpDirectory != "" {
		c.dumpDirectory = m.text(o.DumpDirectory)
	}
	c.config = o.Config.config
	return &c
}

// Config is a mirin_config; the zero value is none.
type Config struct{ config uintptr }

// NewConfig is mirin_config_create.
func NewConfig() (c Config, s Status) {
	s = configCreate.status(uintptr(unsafe.Pointer(&c.config)))
	return c, s
}

// Destroy is mirin_config_destroy.
func (c Config) Destroy() { configDestroy.call(c.config) }

// LoadFile is mirin_config_load_file.
func (c Config) LoadFile(path string) Status {
	var m memory
	defer m.Unpin()
	return configLoadFile.status(c.config, m.text(path))
}

// Set is mirin_config_set.
func (c Config) Set(section, key, value string) Status {
	var m memory
	defer m.Unpin()
	return configSet.status(c.config, m.text(section), m.text(key), m.text(value))
}

// Value is an input or output of a model. Dims is nil where the rank is known only at run time.
type Value struct {
	Name  string
	DType int32
	Dims  []int
}

// LoadFile is mirin_model_load_file.
func LoadFile(path string, options *ModelOptions) (model Model, status Status) {
	var m memory
	defer m.Unpin()
	o := options.c(&m)
	status = modelLoadFile.status(m.text(path), uintptr(unsafe.Pointer(o)), uintptr(unsafe.Pointer(&model.model)))
	return model, status
}

// LoadMemory is mirin_model_load_memory.
func LoadMemory(data []byte, options *ModelOptions) (model Model, status Status) {
	var m memory
	defer m.Unpin()
	o := options.c(&m)
	status = modelLoadMemory.status(uintptr(unsafe.Pointer(unsafe.SliceData(data))), uintptr(len(data)), uintptr(unsafe.Pointer(o)),
		uintptr(unsafe.Pointer(&model.model)))
	return model, status
}

// Reshape is mirin_model_reshape.
func (m Model) Reshape(shapes [][]int) (model Model, status Status) {
	var memory memory
	defer memory.Unpin()
	dims, ranks := memory.shapes(shapes)
	status = modelReshape.status(m.model, dims, ranks, uintptr(len(shapes)), uintptr(unsafe.Pointer(&model.model)))
	return model, status
}

// shapes makes an array of pointers to sizes, and one of how many each has.
func (m *memory) shapes(shapes [][]int) (dims, ranks uintptr) {
	pointers, lengths := make([]uintptr, len(shapes)), make([]uintptr, len(shapes))
	for i, shape := range shapes {
		pointers[i], lengths[i] = array(m, sizesOf(shape)), uintptr(len(shape))
	}
	return array(m, pointers), array(m, lengths)
}

// Destroy is mirin_model_destroy.
func (m Model) Destroy() { modelDestroy.call(m.model) }

// Inputs describes the inputs.
func (m Model) Inputs() []Value {
	return m.values(modelInputCount, modelInputName, modelInputDtype, modelInputRank, modelInputDims)
}

// Outputs describes the outputs.
func (m Model) Outputs() []Value {
	return m.values(modelOutputCount, modelOutputName, modelOutputDtype, modelOutputRank, modelOutputDims)
}

func (m Model) values(count, name, dtype, rank, dims *function) []Value {
	values := make([]Value, count.call(m.model))
	for i := range values {
		n := uintptr(i)
		values[i] = Value{Name: goString(name.call(m.model, n)), DType: int32(dtype.call(m.model, n))}
		if rank := int32(rank.call(m.model, n)); rank >= 0 {
			values[i].Dims = make([]int, rank)
			for j, size := range unsafe.Slice((*int64)(pointer(dims.call(m.model, n))), rank) {
				values[i].Dims[j] = int(size)
			}
		}
	}
	return values
}

// States gives the names of the states.
func (m Model) States() []string {
	names := make([]string, modelStateCount.call(m.model))
	for i := range names {
		names[i] = goString(modelStateName.call(m.model, uintptr(i)))
	}
	return names
}

// Metadata is mirin_model_metadata.
func (m Model) Metadata(key string) string {
	var memory memory
	defer memory.Unpin()
	return goString(modelMetadata.call(m.model, memory.text(key)))
}

// PassReport is mirin_model_pass_report.
func (m Model) PassReport() string { return goString(modelPassReport.call(m.model)) }

// int32Of keeps numbers that are out of range out of range.
func int32Of(n int) int32 { return int32(max(math.MinInt32, min(math.MaxInt32, n))) }

func int32s(numbers []int) []int32 {
	result := make([]int32, len(numbers))
	for i, n := range numbers {
		result[i] = int32Of(n)
	}
	return result
}
