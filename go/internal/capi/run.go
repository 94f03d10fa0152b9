package capi

/*
#include "shim.h"
#cgo noescape capi_run
*/
import "C"

import "unsafe"

// Cancellation is a mirin_cancellation.
type Cancellation struct{ cancellation *C.mirin_cancellation }

// NewCancellation is mirin_cancellation_create.
func NewCancellation() (Cancellation, Status) {
	var cancellation *C.mirin_cancellation
	status := C.mirin_cancellation_create(&cancellation)
	return Cancellation{cancellation}, Status{status}
}

// Cancel is mirin_cancellation_cancel.
func (c Cancellation) Cancel() { C.mirin_cancellation_cancel(c.cancellation) }

// Destroy is mirin_cancellation_destroy.
func (c Cancellation) Destroy() { C.mirin_cancellation_destroy(c.cancellation) }

// Limits are mirin_run_options; zero for none.
type Limits struct {
	TimeoutMicroseconds int64
	Cancellation        Cancellation
}

// Run runs the session, or the pool where there is no session, and fills in outputs. Their memory and handles are the session's
// until it runs again, or the caller's where a pool ran. into: the outputs go where outputs point instead.
func Run(s Session, p Pool, inputs, outputs []Tensor, limits Limits, into bool) Status {
	return Status{C.capi_run(s.session, p.pool, first(inputs), C.size_t(len(inputs)), C.int64_t(limits.TimeoutMicroseconds),
		limits.Cancellation.cancellation, first(outputs), C.size_t(len(outputs)), C.bool(into))}
}

func first(tensors []Tensor) *C.capi_tensor {
	return (*C.capi_tensor)(unsafe.Pointer(unsafe.SliceData(tensors)))
}
