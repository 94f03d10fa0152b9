package mirin_test

import (
	"context"
	"testing"

	mirin "mirin.dev/go"
)

// What a run of a model that does next to nothing costs; tests/benchmark has the same for C.
func BenchmarkSessionRun(b *testing.B) {
	s := session(b, "tensor_add")
	x := tensor[float32](b, []int{2, 2}, 1, 2, 3, 4)
	for b.Loop() {
		if _, err := s.Run(ctx, x, x); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSessionRunInto(b *testing.B) {
	s := session(b, "tensor_add")
	x, y := tensor[float32](b, []int{2, 2}, 1, 2, 3, 4), tensor[float32](b, []int{2, 2}, 0, 0, 0, 0)
	in, out := []*mirin.Tensor{x, x}, []*mirin.Tensor{y}
	for b.Loop() {
		if err := s.RunInto(ctx, in, out); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSessionRunWithContext(b *testing.B) {
	s := session(b, "tensor_add")
	x := tensor[float32](b, []int{2, 2}, 1, 2, 3, 4)
	cancellable, cancel := context.WithCancel(ctx)
	defer cancel()
	for b.Loop() {
		if _, err := s.Run(cancellable, x, x); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPoolRun(b *testing.B) {
	pool, err := load(b, "tensor_add").NewPool(&mirin.PoolOptions{Workers: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer pool.Close()
	x := tensor[float32](b, []int{2, 2}, 1, 2, 3, 4)
	for b.Loop() {
		if _, err := pool.Run(ctx, x, x); err != nil {
			b.Fatal(err)
		}
	}
}
