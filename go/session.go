package mirin

import (
	"context"

	"mirin.dev/go/internal/capi"
)

// SessionOptions are the choices of a session. The zero value has the defaults.
type SessionOptions struct {
	Threads       int      // that a run may use; 0: all CPUs of the process
	PreferFloat16 bool     // 16-bit floats where the device gains by it
	Devices       []string // in order of preference; nil: "cpu"
	Profile       bool     // collect times per operator
	Deterministic bool     // the same bits for every number of threads and whatever else is in the batch; at most eight threads
	CPUs          []int    // ids of the CPUs that runs keep to; nil: any of the process
}

func (o *SessionOptions) convert() (*capi.SessionOptions, error) {
	if o == nil {
		return &capi.SessionOptions{}, nil
	}
	c := &capi.SessionOptions{Threads: o.Threads, Devices: o.Devices, Profile: o.Profile, CPUs: o.CPUs, Deterministic: o.Deterministic}
	if o.PreferFloat16 {
		c.Precision = 1
	}
	return c, checkTexts("device", o.Devices...)
}

// A Session runs a model, one run at a time: other goroutines wait for their turn. It has a copy of the model's states.
type Session struct {
	handle  handle[capi.Session]
	busy    chan struct{} // full while a goroutine uses the session
	outputs int
	states  []string
}

// NewSession makes a session; nil for the default options.
//
// Errors: InvalidArgument, NotFound (device), Unavailable, ResourceExhausted, ErrClosed.
func (m *Model) NewSession(options *SessionOptions) (*Session, error) {
	o, err := options.convert()
	if err != nil {
		return nil, err
	}
	model, err := m.handle.use()
	if err != nil {
		return nil, err
	}
	defer m.handle.release()
	object, status := model.NewSession(o)
	if err := check(status); err != nil {
		return nil, err
	}
	s := &Session{busy: make(chan struct{}, 1), outputs: len(m.outputs), states: model.States()}
	set(s, &s.handle, object, capi.Session.Destroy)
	return s, nil
}

// Close waits for a run in progress and frees the session. Closing twice is fine.
func (s *Session) Close() error {
	s.busy <- struct{}{}
	defer s.unlock()
	return s.handle.close()
}

// Run runs the model with one tensor for each input, in the model's order, and gives new tensors, one for each output. The inputs
// are read where they lie, nobody may write to them meanwhile. When ctx ends, so does the run, at its next operator.
//
// Errors: InvalidArgument (count, dtype, shape; names the input), Cancelled, DeadlineExceeded, ResourceExhausted, ErrClosed.
func (s *Session) Run(ctx context.Context, inputs ...*Tensor) ([]*Tensor, error) {
	object, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer s.release()
	return run(ctx, object, capi.Pool{}, inputs, s.outputs)
}

// RunInto runs the model and writes the results into outputs, which are not allocated anew: each must have the output's dtype and
// room for the result, and gets its shape; nil drops an output. They share no memory with inputs or with one another. A failed run
// leaves their elements undefined. Errors are those of Run.
func (s *Session) RunInto(ctx context.Context, inputs, outputs []*Tensor) error {
	object, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer s.release()
	return runInto(ctx, object, capi.Pool{}, inputs, outputs)
}

// Resize plans for inputs of these shapes now, so that the next run with them does not. The shapes must be among those that the
// model declares; [Model.Reshape] makes a model for others.
//
// Errors: InvalidArgument, ResourceExhausted, ErrClosed.
func (s *Session) Resize(shapes ...[]int) error {
	object, err := s.lock(context.Background())
	if err != nil {
		return err
	}
	defer s.release()
	return check(object.Resize(shapes))
}

// State is a copy of a state, by its name.
//
// Errors: NotFound, ResourceExhausted, ErrClosed.
func (s *Session) State(name string) (*Tensor, error) {
	object, err := s.lock(context.Background())
	if err != nil {
		return nil, err
	}
	defer s.release()
	i, err := s.stateIndex(name)
	if err != nil {
		return nil, err
	}
	state, status := object.State(i)
	if err := check(status); err != nil {
		return nil, err
	}
	defer state.Destroy()
	return copyOut(&state)
}

// SetState replaces a state with a copy of value, which must have its dtype and shape.
//
// Errors: NotFound, InvalidArgument, ErrClosed.
func (s *Session) SetState(name string, value *Tensor) error {
	object, err := s.lock(context.Background())
	if err != nil {
		return err
	}
	defer s.release()
	i, err := s.stateIndex(name)
	if err != nil {
		return err
	}
	f := capi.NewFrame(1, 0)
	defer f.Free()
	if err := give(f, []*Tensor{value}); err != nil {
		return err
	}
	return check(f.SetState(object, i))
}

// Profile gives the times per operator so far as a table for people and as a Chrome trace (JSON); empty without
// [SessionOptions].Profile.
func (s *Session) Profile() (table, trace string, err error) {
	object, err := s.lock(context.Background())
	if err != nil {
		return "", "", err
	}
	defer s.release()
	return object.ProfileTable(), object.ProfileTrace(), nil
}

// ResetProfile forgets the times so far.
func (s *Session) ResetProfile() error {
	object, err := s.lock(context.Background())
	if err != nil {
		return err
	}
	defer s.release()
	object.ResetProfile()
	return nil
}

// Placement tells which implementation each node of the last plans got, and why others refused it.
func (s *Session) Placement() (string, error) {
	object, err := s.lock(context.Background())
	if err != nil {
		return "", err
	}
	defer s.release()
	return object.Placement(), nil
}

// lock waits for the session to be free; release must follow.
func (s *Session) lock(ctx context.Context) (capi.Session, error) {
	select {
	case s.busy <- struct{}{}:
	default: // busy
		select {
		case s.busy <- struct{}{}:
		case <-ctx.Done():
			return capi.Session{}, contextError(ctx, "the session was busy until the context ended")
		}
	}
	object, err := s.handle.use()
	if err != nil {
		s.unlock()
	}
	return object, err
}

func (s *Session) release() {
	s.handle.release()
	s.unlock()
}

func (s *Session) unlock() { <-s.busy }

func (s *Session) stateIndex(name string) (int, error) {
	for i, state := range s.states {
		if state == name {
			return i, nil
		}
	}
	return 0, &Error{Code: NotFound, Message: "the model has no state '" + name + "'"}
}
