package capi

/*
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import "unsafe"

// Converter is a mirin_converter.
type Converter struct{ converter *C.mirin_converter }

// NewConverter is mirin_converter_create; OpenConverter must have succeeded.
func NewConverter() (Converter, Status) {
	var converter *C.mirin_converter
	status := C.mirin_converter_create(&converter)
	return Converter{converter}, Status{status}
}

// Destroy is mirin_converter_destroy.
func (c Converter) Destroy() { C.mirin_converter_destroy(c.converter) }

// Set is mirin_converter_set.
func (c Converter) Set(name, value string) Status {
	var memory cMemory
	defer memory.free()
	return Status{C.mirin_converter_set(c.converter, memory.text(name), memory.text(value))}
}

// Run is mirin_converter_run.
func (c Converter) Run() Status { return Status{C.mirin_converter_run(c.converter)} }

// Check is mirin_converter_check.
func (c Converter) Check() Status { return Status{C.mirin_converter_check(c.converter)} }

// Report is mirin_converter_report.
func (c Converter) Report(format int32) string {
	return C.GoString(C.mirin_converter_report(c.converter, C.mirin_report_format(format)))
}

// OutputFile is mirin_converter_output_file.
func (c Converter) OutputFile() string { return C.GoString(C.mirin_converter_output_file(c.converter)) }

// Model copies mirin_converter_model.
func (c Converter) Model() []byte {
	var size C.size_t
	data := C.mirin_converter_model(c.converter, &size)
	if data == nil {
		return nil
	}
	return append([]byte(nil), unsafe.Slice((*byte)(data), size)...)
}
