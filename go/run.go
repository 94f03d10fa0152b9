package mirin

import (
	"context"
	"time"

	"mirin.dev/go/internal/capi"
)

// give describes the inputs.
func give(f *capi.Frame, inputs []*Tensor) error {
	for i, t := range inputs {
		if err := t.describe(&f.Inputs[i], &f.Pinner); err != nil {
			return err
		}
	}
	stress()
	return nil
}

// run gives the results of the session, or of the pool where there is no session, as new tensors.
func run(ctx context.Context, session capi.Session, pool capi.Pool, inputs []*Tensor, outputs int) ([]*Tensor, error) {
	f := capi.NewFrame(len(inputs), outputs)
	defer f.Free()
	if err := give(f, inputs); err != nil {
		return nil, err
	}
	if err := runFrame(ctx, f, session, pool, false); err != nil {
		return nil, err
	}
	if session == (capi.Session{}) {
		defer capi.Destroy(f.Outputs)
	}
	results := make([]*Tensor, outputs)
	for i := range results {
		var err error
		if results[i], err = copyOut(&f.Outputs[i]); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// runInto writes the results into outputs.
func runInto(ctx context.Context, session capi.Session, pool capi.Pool, inputs, outputs []*Tensor) error {
	f := capi.NewFrame(len(inputs), len(outputs))
	defer f.Free()
	if err := give(f, inputs); err != nil {
		return err
	}
	for i, t := range outputs {
		if err := t.describeRoom(&f.Outputs[i], &f.Pinner); err != nil {
			return err
		}
	}
	if err := runFrame(ctx, f, session, pool, true); err != nil {
		return err
	}
	for i, t := range outputs {
		if t != nil {
			if err := t.takeShape(&f.Outputs[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// runFrame runs until ctx ends.
func runFrame(ctx context.Context, f *capi.Frame, session capi.Session, pool capi.Pool, into bool) error {
	if ctx.Err() != nil {
		return contextError(ctx, "the context ended before the run")
	}
	var limits capi.Limits
	if deadline, ok := ctx.Deadline(); ok {
		limits.TimeoutMicroseconds = max(1, time.Until(deadline).Microseconds())
	}
	if ctx.Done() == nil {
		return check(f.Run(session, pool, limits, into))
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
	err := check(f.Run(session, pool, limits, into))
	if !stop() {
		<-cancelled // it uses the cancellation
		if e, ok := err.(*Error); ok && e.Code == Cancelled {
			return contextError(ctx, e.Message)
		}
	}
	return err
}
