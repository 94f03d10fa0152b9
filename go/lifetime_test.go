package mirin_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	mirin "mirin.dev/go"
)

func TestUseAfterCloseIsErrClosed(t *testing.T) {
	model := load(t, "kvparam_inc")
	s, err := model.NewSession(nil)
	if err != nil {
		t.Fatal(err)
	}
	add := load(t, "tensor_add")
	pool, err := add.NewPool(&mirin.PoolOptions{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, err := range []error{model.Close(), add.Close(), s.Close(), pool.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
	}
	x := tensor[float32](t, []int{2, 2}, 1, 2, 3, 4)
	for name, use := range map[string]func() error{
		"Model.NewSession":     func() error { _, err := model.NewSession(nil); return err },
		"Model.NewPool":        func() error { _, err := model.NewPool(nil); return err },
		"Model.Reshape":        func() error { _, err := model.Reshape([]int{1, 1}, []int{1}); return err },
		"Model.States":         func() error { _, err := model.States(); return err },
		"Model.Metadata":       func() error { _, err := model.Metadata("x"); return err },
		"Model.PassReport":     func() error { _, err := model.PassReport(); return err },
		"Session.Run":          func() error { _, err := s.Run(ctx, x, x); return err },
		"Session.RunInto":      func() error { return s.RunInto(ctx, []*mirin.Tensor{x, x}, []*mirin.Tensor{x}) },
		"Session.Resize":       func() error { return s.Resize([]int{1}) },
		"Session.State":        func() error { _, err := s.State("x"); return err },
		"Session.SetState":     func() error { return s.SetState("x", x) },
		"Session.Profile":      func() error { _, _, err := s.Profile(); return err },
		"Session.ResetProfile": func() error { return s.ResetProfile() },
		"Session.Placement":    func() error { _, err := s.Placement(); return err },
		"Pool.Run":             func() error { _, err := pool.Run(ctx, x, x); return err },
		"Pool.RunInto":         func() error { return pool.RunInto(ctx, []*mirin.Tensor{x, x}, []*mirin.Tensor{x}) },
	} {
		if err := use(); !errors.Is(err, mirin.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		} else {
			expectCode(t, err, mirin.FailedPrecondition)
		}
	}
	if len(model.Inputs()) != 2 || pool.Workers() != 1 {
		t.Error("what is known in Go is gone")
	}
}

func TestAnyOrderOfCloseWorks(t *testing.T) {
	a := tensor[float32](t, []int{2, 2}, 1, 2, 3, 4)
	for order := range 6 {
		model, err := mirin.Load(modelFile("tensor_add"))
		if err != nil {
			t.Fatal(err)
		}
		s, err := model.NewSession(nil)
		if err != nil {
			t.Fatal(err)
		}
		pool, err := model.NewPool(&mirin.PoolOptions{Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		closes := []func() error{model.Close, s.Close, pool.Close}
		runs := []func() ([]*mirin.Tensor, error){
			func() ([]*mirin.Tensor, error) { return s.Run(ctx, a, a) },
			func() ([]*mirin.Tensor, error) { return pool.Run(ctx, a, a) },
		}
		permutation := [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}[order]
		closed := map[int]bool{}
		for _, i := range permutation {
			if err := closes[i](); err != nil {
				t.Error(err)
			}
			closed[i] = true
			for r, run := range runs {
				y, err := run()
				if closed[r+1] {
					if !errors.Is(err, mirin.ErrClosed) {
						t.Error(order, i, err)
					}
				} else if err != nil {
					t.Error(order, i, err)
				} else {
					expect[float32](t, y[0], []int{2, 2}, 2, 4, 6, 8)
				}
			}
		}
	}
}

func TestDroppedObjectsDoNotHarm(t *testing.T) {
	a := tensor[float32](t, []int{2, 2}, 1, 2, 3, 4)
	var results []*mirin.Tensor
	for range 20 {
		model, err := mirin.Load(modelFile("tensor_add"))
		if err != nil {
			t.Fatal(err)
		}
		s, err := model.NewSession(nil)
		if err != nil {
			t.Fatal(err)
		}
		model = nil
		runtime.GC()
		y, err := s.Run(ctx, a, a)
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, y...)
	}
	runtime.GC()
	for _, y := range results {
		expect[float32](t, y, []int{2, 2}, 2, 4, 6, 8)
	}
}

// MIRIN_TEST_LOOPS is the number of turns; the default is short, for every day.
func TestLoopsDoNotGrow(t *testing.T) {
	loops := 4000
	if text := os.Getenv("MIRIN_TEST_LOOPS"); text != "" {
		var err error
		if loops, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(modelFile("tensor_add"))
	if err != nil {
		t.Fatal(err)
	}
	turn := func() {
		model, err := mirin.LoadBytes(data)
		if err != nil {
			t.Fatal(err)
		}
		s, err := model.NewSession(nil)
		if err != nil {
			t.Fatal(err)
		}
		y, err := s.Run(ctx, tensor[float32](t, []int{2, 2}, 1, 2, 3, 4), tensor[float32](t, []int{2, 2}, 1, 2, 3, 4))
		if err != nil {
			t.Fatal(err)
		}
		expect[float32](t, y[0], []int{2, 2}, 2, 4, 6, 8)
		s.Close()
		model.Close()
	}
	for range loops / 4 {
		turn()
	}
	runtime.GC()
	before := residentKiB(t)
	for range loops {
		turn()
	}
	runtime.GC()
	after := residentKiB(t)
	t.Logf("resident: %d KiB, after %d turns %d KiB", before, loops, after)
	if after > before+16*1024 {
		t.Errorf("resident memory grew from %d to %d KiB", before, after)
	}
}

func residentKiB(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(status), "\n") {
		var kib int
		if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &kib); n == 1 {
			return kib
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

func TestGoroutinesShareModelsSessionsAndPools(t *testing.T) {
	model := load(t, "dyn_batch_mlp")
	shared, err := model.NewSession(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer shared.Close()
	pool, err := model.NewPool(&mirin.PoolOptions{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	var want [4]string
	var inputs [4]*mirin.Tensor
	for batch := range want {
		x := make([]float32, 4*batch)
		for i := range x {
			x[i] = float32(i + batch)
		}
		inputs[batch] = tensor(t, []int{batch, 4}, x...)
		y, err := shared.Run(ctx, inputs[batch])
		if err != nil {
			t.Fatal(err)
		}
		want[batch] = string(y[0].Bytes())
	}
	var goroutines sync.WaitGroup
	for g := range 16 {
		goroutines.Add(1)
		go func() {
			defer goroutines.Done()
			own, err := model.NewSession(&mirin.SessionOptions{Threads: 1})
			if err != nil {
				t.Error(err)
				return
			}
			defer own.Close()
			for i := range 20 {
				batch := (g + i) % 4
				for _, run := range []func(*mirin.Tensor) ([]*mirin.Tensor, error){
					func(x *mirin.Tensor) ([]*mirin.Tensor, error) { return own.Run(ctx, x) },
					func(x *mirin.Tensor) ([]*mirin.Tensor, error) { return shared.Run(ctx, x) },
					func(x *mirin.Tensor) ([]*mirin.Tensor, error) { return pool.Run(ctx, x) },
				} {
					y, err := run(inputs[batch])
					if err != nil || string(y[0].Bytes()) != want[batch] {
						t.Error("another result", err)
					}
				}
			}
		}()
	}
	goroutines.Wait()
}

func TestCloseWaitsForRuns(t *testing.T) {
	model := load(t, "tensor_add")
	x := tensor[float32](t, []int{2, 2}, 1, 2, 3, 4)
	for range 20 {
		s, err := model.NewSession(nil)
		if err != nil {
			t.Fatal(err)
		}
		pool, err := model.NewPool(&mirin.PoolOptions{Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		var runs sync.WaitGroup
		for range 4 {
			runs.Add(1)
			go func() {
				defer runs.Done()
				for {
					_, err := s.Run(ctx, x, x)
					_, poolErr := pool.Run(ctx, x, x)
					if err != nil && poolErr != nil {
						if !errors.Is(err, mirin.ErrClosed) || !errors.Is(poolErr, mirin.ErrClosed) {
							t.Error(err, poolErr)
						}
						return
					}
				}
			}()
		}
		s.Close()
		pool.Close()
		runs.Wait()
	}
}
