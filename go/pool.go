package mirin

import (
	"context"

	"mirin.dev/go/internal/capi"
)

// PoolOptions are the choices of a pool. The zero value has the defaults.
type PoolOptions struct {
	Workers  int             // 0: the CPUs of the process divided by the threads of a worker
	MaxQueue int             // runs that may wait for a worker; 0: 1000, negative: none
	Session  *SessionOptions // of every worker; Threads 0: the CPUs divided by the workers
	Config   *Config         // further settings; nil: none
}

// A Pool runs a model for many goroutines at once: a fixed number of workers share its weights, other runs wait in the order of
// their arrival.
type Pool struct {
	handle  handle[capi.Pool]
	workers int
	outputs int
}

// NewPool makes a pool; nil for the default options.
//
// Errors: InvalidArgument, NotFound (device), Unavailable, ResourceExhausted, FailedPrecondition (the model keeps state between
// runs), ErrClosed.
func (m *Model) NewPool(options *PoolOptions) (*Pool, error) {
	if options == nil {
		options = &PoolOptions{}
	}
	session, err := options.Session.convert()
	if err != nil {
		return nil, err
	}
	queue := options.MaxQueue
	switch {
	case queue == 0:
		queue = 1000
	case queue < 0:
		queue = 0
	}
	model, err := m.handle.use()
	if err != nil {
		return nil, err
	}
	defer m.handle.release()
	config, err := options.Config.convert()
	if err != nil {
		return nil, err
	}
	defer config.Destroy()
	object, status := model.NewPool(&capi.PoolOptions{Workers: options.Workers, MaxQueue: queue, Session: session, Config: config})
	if err := check(status); err != nil {
		return nil, err
	}
	p := &Pool{workers: object.Workers(), outputs: len(m.outputs)}
	set(p, &p.handle, object, capi.Pool.Destroy)
	return p, nil
}

// Close waits for runs in progress and frees the pool. Closing twice is fine.
func (p *Pool) Close() error { return p.handle.close() }

// Workers is the number of workers.
func (p *Pool) Workers() int { return p.workers }

// Run is [Session.Run] as soon as a worker is free; every run may have shapes of its own. ctx also ends the waiting.
//
// Errors: as Session.Run; ResourceExhausted also when the queue is full.
func (p *Pool) Run(ctx context.Context, inputs ...*Tensor) ([]*Tensor, error) {
	object, err := p.handle.use()
	if err != nil {
		return nil, err
	}
	defer p.handle.release()
	return run(ctx, capi.Session{}, object, inputs, p.outputs)
}

// RunInto is [Session.RunInto] as soon as a worker is free. Errors are those of Run.
func (p *Pool) RunInto(ctx context.Context, inputs, outputs []*Tensor) error {
	object, err := p.handle.use()
	if err != nil {
		return err
	}
	defer p.handle.release()
	return runInto(ctx, capi.Session{}, object, inputs, outputs)
}
