package mirin

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"

	"mirin.dev/go/internal/capi"
)

// A frame is what a run tells C about its tensors. Frames are used again.
type frame struct {
	inputs, outputs []capi.Tensor
	pinner          runtime.Pinner
}

var frames = sync.Pool{New: func() any { return new(frame) }}

// newFrame takes a frame; free must follow.
func newFrame(inputs, outputs int) *frame {
	f := frames.Get().(*frame)
	f.inputs = slices.Grow(f.inputs, inputs)[:inputs]
	f.outputs = slices.Grow(f.outputs, outputs)[:outputs]
	return f
}

// free lets go of memory and frees the handles of inputs.
func (f *frame) free() {
	f.pinner.Unpin()
	destroy(f.inputs)
	clear(f.inputs)
	clear(f.outputs)
	f.inputs, f.outputs = f.inputs[:0], f.outputs[:0]
	frames.Put(f)
}

// give describes the inputs.
func (f *frame) give(inputs []*Tensor) error {
	for i, t := range inputs {
		if err := t.describe(&f.inputs[i], &f.pinner); err != nil {
			return err
		}
	}
	stress()
	return nil
}

// run gives the results of the session, or of the pool where there is no session, as new tensors.
func run(ctx context.Context, session capi.Session, pool capi.Pool, inputs []*Tensor, outputs int) ([]*Tensor, error) {
	f := newFrame(len(inputs), outputs)
	defer f.free()
	if err := f.give(inputs); err != nil {
		return nil, err
	}
	if err := f.run(ctx, session, pool, false); err != nil {
		return nil, err
	}
	if session == (capi.Session{}) {
		defer destroy(f.outputs)
	}
	results := make([]*Tensor, outputs)
	for i := range results {
		var err error
		if results[i], err = copyOut(&f.outputs[i]); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// runInto writes the results into outputs.
func runInto(ctx context.Context, session capi.Session, pool capi.Pool, inputs, outputs []*Tensor) error {
	f := newFrame(len(inputs), len(outputs))
	defer f.free()
	if err := f.give(inputs); err != nil {
		return err
	}
	for i, t := range outputs {
		if err := t.describeRoom(&f.outputs[i], &f.pinner); err != nil {
			return err
		}
	}
	if err := f.run(ctx, session, pool, true); err != nil {
		return err
	}
	for i, t := range outputs {
		if t != nil {
			if err := t.takeShape(&f.outputs[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// run runs until ctx ends.
func (f *frame) run(ctx context.Context, session capi.Session, pool capi.Pool, into bool) error {
	if ctx.Err() != nil {
		return contextError(ctx, "the context ended before the run")
	}
	var limits capi.Limits
	if deadline, ok := ctx.Deadline(); ok {
		limits.TimeoutMicroseconds = max(1, time.Until(deadline).Microseconds())
	}
	if ctx.Done() == nil {
		return check(capi.Run(session, pool, f.inputs, f.outputs, limits, into))
	}
	cancellation, status := capi.NewCancellation()
	if err := check(status); err != nil {
		return err
	}
	defer cancellation.Destroy()
	limits.Cancellation = cancellation
	cancelled := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		cancellation.Cancel()
		close(cancelled)
	})
	err := check(capi.Run(session, pool, f.inputs, f.outputs, limits, into))
	if !stop() {
		<-cancelled // it uses the cancellation
		if e, ok := err.(*Error); ok && e.Code == Cancelled {
			return contextError(ctx, e.Message)
		}
	}
	return err
}

// destroy frees the handles.
func destroy(tensors []capi.Tensor) {
	for i := range tensors {
		if tensors[i].Owned() {
			tensors[i].Destroy()
		}
	}
}
