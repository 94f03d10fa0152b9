package capi

import "unsafe"

// Session is a mirin_session.
type Session struct{ session uintptr }

// Pool is a mirin_pool.
type Pool struct{ pool uintptr }

// SessionOptions is mirin_session_options.
type SessionOptions struct {
	Threads       int
	Precision     int32
	Devices       []string
	Profile       bool
	CPUs          []int
	Deterministic bool
}

type sessionOptions struct {
	structSize    uintptr
	threads       int32
	precision     int32
	devices       uintptr
	numDevices    uintptr
	profile       bool
	cpus          uintptr
	numCpus       uintptr
	deterministic bool
}

func newSessionOptions() sessionOptions {
	return sessionOptions{structSize: unsafe.Sizeof(sessionOptions{})}
}

func (o *SessionOptions) c(m *memory) *sessionOptions {
	c := newSessionOptions()
	c.threads = int32Of(o.Threads)
	c.precision = o.Precision
	c.devices = m.texts(o.Devices)
	c.numDevices = uintptr(len(o.Devices))
	c.profile = o.Profile
	c.cpus = array(m, int32s(o.CPUs))
	c.numCpus = uintptr(len(o.CPUs))
	c.deterministic = o.Deterministic
	return &c
}

// NewSession is mirin_session_create.
func (m Model) NewSession(options *SessionOptions) (session Session, status Status) {
	var memory memory
	defer memory.Unpin()
	o := options.c(&memory)
	status = sessionCreate.status(m.model, uintptr(unsafe.Pointer(o)), uintptr(unsafe.Pointer(&session.session)))
	return session, status
}

// PoolOptions is mirin_pool_options.
type PoolOptions struct {
	Workers, MaxQueue int
	Session           *SessionOptions
	Config            Config
}

type poolOptions struct {
	structSize uintptr
	workers    int32
	maxQueue   int32
	session    uintptr
	config     uintptr
}

func newPoolOptions() poolOptions {
	return poolOptions{structSize: unsafe.Sizeof(poolOptions{}), maxQueue: 1000}
}

// NewPool is mirin_pool_create.
func (m Model) NewPool(options *PoolOptions) (pool Pool, status Status) {
	var memory memory
	defer memory.Unpin()
	session := options.Session.c(&memory)
	memory.Pin(session)
	o := newPoolOptions()
	o.workers = int32Of(options.Workers)
	o.maxQueue = int32Of(options.MaxQueue)
	o.session = uintptr(unsafe.Pointer(session))
	o.config = options.Config.config
	status = poolCreate.status(m.model, uintptr(unsafe.Pointer(&o)), uintptr(unsafe.Pointer(&pool.pool)))
	return pool, status
}

// Destroy is mirin_session_destroy.
func (s Session) Destroy() { sessionDestroy.call(s.session) }

// Destroy is mirin_pool_destroy.
func (p Pool) Destroy() { poolDestroy.call(p.pool) }

// Workers is mirin_pool_workers.
func (p Pool) Workers() int { return int(int32(poolWorkers.call(p.pool))) }

// Resize is mirin_session_resize.
func (s Session) Resize(shapes [][]int) Status {
	var memory memory
	defer memory.Unpin()
	dims, ranks := memory.shapes(shapes)
	return sessionResize.status(s.session, dims, ranks, uintptr(len(shapes)))
}

// State is mirin_session_get_state; the tensor's handle is the caller's.
func (s Session) State(i int) (Tensor, Status) {
	handle := make([]uintptr, 1)
	if status := sessionGetState.status(s.session, uintptr(i), uintptr(unsafe.Pointer(&handle[0]))); status != (Status{}) {
		return Tensor{}, status
	}
	var tensor Tensor
	tensor.describe(handle)
	return tensor, Status{}
}

// ProfileTable is mirin_session_profile_table.
func (s Session) ProfileTable() string { return goString(sessionProfileTable.call(s.session)) }

// ProfileTrace is mirin_session_profile_trace.
func (s Session) ProfileTrace() string { return goString(sessionProfileTrace.call(s.session)) }

// ResetProfile is mirin_session_profile_reset.
func (s Session) ResetProfile() { sessionProfileReset.call(s.session) }

// Placement is mirin_session_placement.
func (s Session) Placement() string { return goString(sessionPlacement.call(s.session)) }
