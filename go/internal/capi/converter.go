package capi

import "unsafe"

// Converter is a mirin_converter.
type Converter struct{ converter uintptr }

// NewConverter is mirin_converter_create; OpenConverter must have succeeded.
func NewConverter() (c Converter, s Status) {
	s = converterCreate.status(uintptr(unsafe.Pointer(&c.converter)))
	return c, s
}

// Destroy is mirin_converter_destroy.
func (c Converter) Destroy() { converterDestroy.call(c.converter) }

// Set is mirin_converter_set.
func (c Converter) Set(name, value string) Status {
	var m memory
	defer m.Unpin()
	return converterSet.status(c.converter, m.text(name), m.text(value))
}

// Run is mirin_converter_run.
func (c Converter) Run() Status { return converterRun.status(c.converter) }

// Check is mirin_converter_check.
func (c Converter) Check() Status { return converterCheck.status(c.converter) }

// Report is mirin_converter_report.
func (c Converter) Report(format int32) string {
	return goString(converterReport.call(c.converter, uintptr(format)))
}

// OutputFile is mirin_converter_output_file.
func (c Converter) OutputFile() string { return goString(converterOutputFile.call(c.converter)) }

// Model copies mirin_converter_model.
func (c Converter) Model() []byte {
	var size uintptr
	data := converterModel.call(c.converter, uintptr(unsafe.Pointer(&size)))
	if data == 0 {
		return nil
	}
	return append([]byte(nil), unsafe.Slice((*byte)(pointer(data)), size)...)
}
