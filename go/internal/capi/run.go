package capi

import (
	"runtime"
	"slices"
	"sync"
	"unsafe"
)

// Cancellation is a mirin_cancellation.
type Cancellation struct{ cancellation uintptr }

// NewCancellation is mirin_cancellation_create.
func NewCancellation() (c Cancellation, s Status) {
	s = cancellationCreate.status(uintptr(unsafe.Pointer(&c.cancellation)))
	return c, s
}

// Cancel is mirin_cancellation_cancel.
func (c Cancellation) Cancel() { cancellationCancel.call(c.cancellation) }

// Destroy is mirin_cancellation_destroy.
func (c Cancellation) Destroy() { cancellationDestroy.call(c.cancellation) }

// Limits are mirin_run_options; zero for none.
type Limits struct {
	TimeoutMicroseconds int64
	Cancellation        Cancellation
}

type runOptions struct {
	structSize   uintptr
	timeoutUs    int64
	cancellation uintptr
}

func newRunOptions() runOptions { return runOptions{structSize: unsafe.Sizeof(runOptions{})} }

// A Frame is the memory of a run: its tensors, and what C reads and writes. Frames are used again. They are never on a stack, which
// might move: C may be given addresses of what is in them.
type Frame struct {
	Inputs, Outputs []Tensor
	Pinner          runtime.Pinner // of the tensors' memory, until Free

	handles   []uintptr // of the inputs and the outputs
	options   runOptions
	arguments [6]uintptr
}

var frames = sync.Pool{New: func() any { return &Frame{options: newRunOptions()} }}

// NewFrame takes a frame; Free must follow.
func NewFrame(inputs, outputs int) *Frame {
	f := frames.Get().(*Frame)
	f.Inputs = slices.Grow(f.Inputs, inputs)[:inputs]
	f.Outputs = slices.Grow(f.Outputs, outputs)[:outputs]
	f.handles = slices.Grow(f.handles, inputs+outputs)[:inputs+outputs]
	return f
}

// Free lets go of memory and frees the handles of inputs.
func (f *Frame) Free() {
	f.Pinner.Unpin()
	Destroy(f.Inputs)
	clear(f.Inputs)
	clear(f.Outputs)
	f.Inputs, f.Outputs = f.Inputs[:0], f.Outputs[:0]
	frames.Put(f)
}

// Run runs the session, or the pool where there is no session, and fills in the outputs. Their memory and handles are the session's
// until it runs again, or the caller's where a pool ran. into: the outputs go where they point instead; one without a dtype is
// dropped.
func (f *Frame) Run(s Session, p Pool, limits Limits, into bool) Status {
	clear(f.handles)
	in, out := f.handles[:len(f.Inputs)], f.handles[len(f.Inputs):]
	defer takeBack(f.Inputs, in)
	if status := f.lend(f.Inputs, in); status != (Status{}) {
		return status
	}
	if into {
		defer takeBack(f.Outputs, out)
		if status := f.lend(f.Outputs, out); status != (Status{}) {
			return status
		}
	}
	f.options.timeoutUs, f.options.cancellation = limits.TimeoutMicroseconds, limits.Cancellation.cancellation
	f.arguments = [6]uintptr{s.session, uintptr(unsafe.Pointer(unsafe.SliceData(in))), uintptr(len(in)), uintptr(unsafe.Pointer(&f.options)),
		uintptr(unsafe.Pointer(unsafe.SliceData(out))), uintptr(len(out))}
	var status Status
	switch {
	case s.session == 0 && into:
		f.arguments[0] = p.pool
		status = poolRunInto.status(f.arguments[:6]...)
	case s.session == 0:
		f.arguments[0] = p.pool
		status = poolRun.status(f.arguments[:6]...)
	case into:
		status = sessionRunIntoWith.status(f.arguments[:6]...)
	default:
		status = sessionRunWith.status(f.arguments[:6]...)
	}
	for i := range out {
		switch {
		case status != (Status{}):
		case into:
			f.Outputs[i].describeShape(out[i : i+1])
		default:
			f.Outputs[i].describe(out[i : i+1])
		}
	}
	return status
}

// SetState is mirin_session_set_state with the frame's only input.
func (f *Frame) SetState(s Session, i int) Status {
	clear(f.handles)
	defer takeBack(f.Inputs, f.handles)
	if status := f.lend(f.Inputs, f.handles); status != (Status{}) {
		return status
	}
	return sessionSetState.status(s.session, uintptr(i), f.handles[0])
}

// lend gives the tensors' handles; those that have none get one that borrows their memory, those without a dtype none.
func (f *Frame) lend(tensors []Tensor, handles []uintptr) Status {
	for i := range tensors {
		t := &tensors[i]
		if t.handle != 0 {
			handles[i] = t.handle
		} else if t.dtype != 0 {
			f.arguments = [6]uintptr{uintptr(t.dtype), uintptr(unsafe.Pointer(&t.dims)), uintptr(t.rank), t.data, uintptr(t.size),
				uintptr(unsafe.Pointer(&handles[i]))}
			if status := tensorCreateBorrowed.status(f.arguments[:6]...); status != (Status{}) {
				return status
			}
		}
	}
	return Status{}
}

// takeBack frees what lend made.
func takeBack(tensors []Tensor, handles []uintptr) {
	for i := range tensors {
		if tensors[i].handle == 0 && handles[i] != 0 {
			tensorDestroy.call(handles[i : i+1]...)
		}
	}
}
