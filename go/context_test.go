package mirin_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	mirin "mirin.dev/go"
)

// endless are inputs for ctrl_while that keep it counting for minutes.
func endless(t *testing.T) []*mirin.Tensor {
	return []*mirin.Tensor{tensor[float32](t, []int{3}, 0, 0, 0), tensor[int32](t, nil, math.MaxInt32)}
}

// runs are the four ways to run ctrl_while for good.
func runs(t *testing.T) map[string]func(context.Context) error {
	model := load(t, "ctrl_while")
	s, err := model.NewSession(nil)
	if err != nil {
		t.Fatal(err)
	}
	pool, err := model.NewPool(&mirin.PoolOptions{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		pool.Close()
	})
	in := endless(t)
	out := []*mirin.Tensor{nil, nil}
	return map[string]func(context.Context) error{
		"session":      func(ctx context.Context) error { _, err := s.Run(ctx, in...); return err },
		"session into": func(ctx context.Context) error { return s.RunInto(ctx, in, out) },
		"pool":         func(ctx context.Context) error { _, err := pool.Run(ctx, in...); return err },
		"pool into":    func(ctx context.Context) error { return pool.RunInto(ctx, in, out) },
	}
}

func TestContextEndsRuns(t *testing.T) {
	for name, run := range runs(t) {
		cancelled, cancel := context.WithCancel(ctx)
		go cancel()
		err := run(cancelled)
		if !errors.Is(err, context.Canceled) {
			t.Error(name, err)
		}
		expectCode(t, err, mirin.Cancelled)
		if err := run(cancelled); !errors.Is(err, context.Canceled) {
			t.Error(name, "begins with an ended context:", err)
		}

		timed, cancel := context.WithTimeout(ctx, time.Millisecond)
		err = run(timed)
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			t.Error(name, err)
		}
		expectCode(t, err, mirin.DeadlineExceeded)
		cancel()

		past, cancel := context.WithDeadline(ctx, time.Unix(1, 0))
		expectCode(t, run(past), mirin.DeadlineExceeded)
		cancel()

		reason := errors.New("the user has gone")
		caused, because := context.WithCancelCause(ctx)
		go because(reason)
		if err := run(caused); !errors.Is(err, reason) || !errors.Is(err, context.Canceled) {
			t.Error(name, err)
		}
	}
}

// Waiting for a session, or for a worker, ends with the context too; the run that is waited for does not notice.
func TestContextEndsWaiting(t *testing.T) {
	for name, run := range runs(t) {
		first, cancelFirst := context.WithCancel(ctx)
		ended := make(chan error)
		go func() { ended <- run(first) }()
		second, cancelSecond := context.WithCancel(ctx)
		go cancelSecond()
		if err := run(second); !errors.Is(err, context.Canceled) {
			t.Error(name, err)
		}
		select {
		case err := <-ended:
			t.Error(name, "the first run ended:", err)
		default:
			cancelFirst()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Error(name, err)
			}
		}
		cancelFirst()
	}
}

func TestContextThatLastsChangesNothing(t *testing.T) {
	s := session(t, "tensor_add")
	x := tensor[float32](t, []int{2, 2}, 1, 2, 3, 4)
	lasting, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	for range 3 {
		y, err := s.Run(lasting, x, x)
		if err != nil {
			t.Fatal(err)
		}
		expect[float32](t, y[0], []int{2, 2}, 2, 4, 6, 8)
	}
}

func TestPoolRefusesWhenTheQueueIsFull(t *testing.T) {
	pool, err := load(t, "ctrl_while").NewPool(&mirin.PoolOptions{Workers: 1, MaxQueue: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if pool.Workers() != 1 {
		t.Error(pool.Workers())
	}
	running, cancel := context.WithCancel(ctx)
	in, ended := endless(t), make(chan error, 2)
	for range 2 {
		go func() {
			_, err := pool.Run(running, in...)
			ended <- err
		}()
	}
	expectCode(t, <-ended, mirin.ResourceExhausted) // whichever came second
	cancel()
	expectCode(t, <-ended, mirin.Cancelled)
}
