package capi

/*
#include "shim.h"
*/
import "C"

import (
	"runtime"
	"unsafe"
)

// Session is a mirin_session.
type Session struct{ session *C.mirin_session }

// Pool is a mirin_pool.
type Pool struct{ pool *C.mirin_pool }

// SessionOptions is mirin_session_options.
type SessionOptions struct {
	Threads   int
	Precision int32
	Devices   []string
	Profile   bool
	CPUs      []int
}

func (o *SessionOptions) c(memory *cMemory) C.mirin_session_options {
	c := C.capi_session_options()
	c.threads = int32Of(o.Threads)
	c.precision = C.mirin_precision(o.Precision)
	c.devices = memory.texts(o.Devices)
	c.num_devices = C.size_t(len(o.Devices))
	c.profile = C.bool(o.Profile)
	c.cpus = memory.numbers(o.CPUs)
	c.num_cpus = C.size_t(len(o.CPUs))
	return c
}

// NewSession is mirin_session_create.
func (m Model) NewSession(options *SessionOptions) (Session, Status) {
	var memory cMemory
	defer memory.free()
	o := options.c(&memory)
	var session *C.mirin_session
	status := C.mirin_session_create(m.model, &o, &session)
	return Session{session}, Status{status}
}

// PoolOptions is mirin_pool_options.
type PoolOptions struct {
	Workers, MaxQueue int
	Session           *SessionOptions
	Config            Config
}

// NewPool is mirin_pool_create.
func (m Model) NewPool(options *PoolOptions) (Pool, Status) {
	var memory cMemory
	defer memory.free()
	var pinner runtime.Pinner
	defer pinner.Unpin()
	session := options.Session.c(&memory)
	pinner.Pin(&session)
	o := C.capi_pool_options()
	o.workers = int32Of(options.Workers)
	o.max_queue = int32Of(options.MaxQueue)
	o.session = &session
	o.config = options.Config.config
	var pool *C.mirin_pool
	status := C.mirin_pool_create(m.model, &o, &pool)
	return Pool{pool}, Status{status}
}

// Destroy is mirin_session_destroy.
func (s Session) Destroy() { C.mirin_session_destroy(s.session) }

// Destroy is mirin_pool_destroy.
func (p Pool) Destroy() { C.mirin_pool_destroy(p.pool) }

// Workers is mirin_pool_workers.
func (p Pool) Workers() int { return int(C.mirin_pool_workers(p.pool)) }

// Resize is mirin_session_resize.
func (s Session) Resize(shapes [][]int) Status {
	dims, ranks := flatten(shapes)
	return Status{C.capi_resize(s.session, unsafe.SliceData(dims), unsafe.SliceData(ranks), C.size_t(len(shapes)))}
}

// State is mirin_session_get_state; the tensor's handle is the caller's.
func (s Session) State(i int) (Tensor, Status) {
	var handle *C.mirin_tensor
	if status := C.mirin_session_get_state(s.session, C.size_t(i), &handle); status != nil {
		return Tensor{}, Status{status}
	}
	tensor := Tensor{C.capi_tensor{handle: handle}}
	C.capi_describe(&tensor.c)
	return tensor, Status{}
}

// SetState is mirin_session_set_state; value has a handle.
func (s Session) SetState(i int, value *Tensor) Status {
	return Status{C.mirin_session_set_state(s.session, C.size_t(i), value.c.handle)}
}

// ProfileTable is mirin_session_profile_table.
func (s Session) ProfileTable() string { return C.GoString(C.mirin_session_profile_table(s.session)) }

// ProfileTrace is mirin_session_profile_trace.
func (s Session) ProfileTrace() string { return C.GoString(C.mirin_session_profile_trace(s.session)) }

// ResetProfile is mirin_session_profile_reset.
func (s Session) ResetProfile() { C.mirin_session_profile_reset(s.session) }

// Placement is mirin_session_placement.
func (s Session) Placement() string { return C.GoString(C.mirin_session_placement(s.session)) }
