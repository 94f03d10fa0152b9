package mirin_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	mirin "mirin.dev/go"
)

func TestRunGivesTensorsOfTheCallers(t *testing.T) {
	s := session(t, "tensor_add")
	a, b := tensor[float32](t, []int{2, 2}, 1, 2, 3, 4), tensor[float32](t, []int{2, 2}, 10, 20, 30, 40)
	first, err := s.Run(ctx, a, b)
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.Run(ctx, a, a)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	expect[float32](t, first[0], []int{2, 2}, 11, 22, 33, 44)
	expect[float32](t, second[0], []int{2, 2}, 2, 4, 6, 8)
}

func TestRunReadsInputsWhereTheyLie(t *testing.T) {
	s := session(t, "tensor_add")
	data := []float32{0, 1, 2, 3, 4}
	a := tensor(t, []int{2, 2}, data[1:]...) // at an odd element
	data[1] = 5
	y, err := s.Run(ctx, a, a)
	if err != nil {
		t.Fatal(err)
	}
	expect[float32](t, y[0], []int{2, 2}, 10, 4, 6, 8)
}

func TestRunKeepsEveryDType(t *testing.T) {
	y, err := session(t, "string_output").Run(ctx, tensor[float32](t, []int{2, 3}, 1, 2, 3, 4, 5, 6))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"float32[2 3]", "string[]", "int64[]", "float32[]", "bool[]"}
	if got := fmt.Sprint(y); got != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	text, err := mirin.Data[string](y[1])
	if err != nil || len(text) != 1 || len(text[0]) != 5 {
		t.Errorf("got the text %q, %v", text, err)
	}

	half, err := mirin.ToFloat16(make([]float32, 24))
	if err != nil {
		t.Fatal(err)
	}
	y, err = session(t, "fp16_mlp").Run(ctx, tensor(t, []int{3, 8}, half...))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := mirin.Data[mirin.Float16](y[0]); err != nil || fmt.Sprint(y[0]) != "float16[3 4]" {
		t.Error(y[0], err)
	}
}

func TestRunTakesAnyBatch(t *testing.T) {
	s := session(t, "dyn_batch_mlp")
	if err := s.Resize([]int{7, 4}); err != nil {
		t.Fatal(err)
	}
	for _, batch := range []int{1, 7, 0, 64} {
		y, err := s.Run(ctx, tensor(t, []int{batch, 4}, make([]float32, batch*4)...))
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(y[0].Shape()); got != fmt.Sprint([]int{batch, 3}) {
			t.Error(got)
		}
	}
	expectCode(t, s.Resize([]int{7, 5}), mirin.InvalidArgument)
	expectCode(t, s.Resize(), mirin.InvalidArgument)
	expectCode(t, s.Resize(make([]int, 100)), mirin.InvalidArgument)
	expectCode(t, s.Resize([]int{-7, 4}), mirin.InvalidArgument)
}

func TestRunCarriesNaN(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	a := tensor(t, []int{2, 2}, nan, inf, -inf, 0)
	y, err := session(t, "tensor_add").Run(ctx, a, a)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, y[0], []int{2, 2}, nan, inf, -inf, 0)
}

func TestRunRefusesBadInputs(t *testing.T) {
	s := session(t, "tensor_add")
	pool, err := load(t, "tensor_add").NewPool(&mirin.PoolOptions{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	good := tensor[float32](t, []int{2, 2}, 1, 2, 3, 4)
	scalar := tensor[float32](t, nil, 1)
	for name, inputs := range map[string][]*mirin.Tensor{
		"none":        {},
		"one":         {good},
		"three":       {good, good, good},
		"nil":         {good, nil},
		"zero value":  {good, {}},
		"wrong shape": {good, tensor[float32](t, []int{4}, 1, 2, 3, 4)},
		"scalar":      {good, scalar},
		"empty":       {good, tensor[float32](t, []int{0, 2})},
		"wrong dtype": {good, tensor[float64](t, []int{2, 2}, 1, 2, 3, 4)},
		"strings":     {good, tensor(t, []int{2, 2}, "a", "b", "", "d")},
	} {
		_, err := s.Run(ctx, inputs...)
		_, poolErr := pool.Run(ctx, inputs...)
		for _, err := range []error{err, poolErr} {
			expectCode(t, err, mirin.InvalidArgument)
		}
		t.Log(name, err)
	}
	if _, err := s.Run(ctx, good, good); err != nil {
		t.Error("a refusal has spoilt the session:", err)
	}
}

func TestRunIntoWritesIntoTensors(t *testing.T) {
	model := load(t, "dyn_batch_mlp")
	s, err := model.NewSession(nil)
	if err != nil {
		t.Fatal(err)
	}
	pool, err := model.NewPool(&mirin.PoolOptions{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	defer pool.Close()
	room, err := mirin.Zeros(mirin.DTypeFloat32, []int{5, 3})
	if err != nil {
		t.Fatal(err)
	}
	memory, err := mirin.Data[float32](room)
	if err != nil {
		t.Fatal(err)
	}
	for name, run := range map[string]func(in, out []*mirin.Tensor) error{
		"session": func(in, out []*mirin.Tensor) error { return s.RunInto(ctx, in, out) },
		"pool":    func(in, out []*mirin.Tensor) error { return pool.RunInto(ctx, in, out) },
	} {
		for _, batch := range []int{2, 5, 1} { // smaller, and as large as the room again
			x := make([]float32, batch*4)
			for i := range x {
				x[i] = float32(i) / 10
			}
			in := []*mirin.Tensor{tensor(t, []int{batch, 4}, x...)}
			want, err := s.Run(ctx, in...)
			if err != nil {
				t.Fatal(err)
			}
			clear(memory)
			if err := run(in, []*mirin.Tensor{room}); err != nil {
				t.Fatal(name, err)
			}
			values, err := mirin.Data[float32](want[0])
			if err != nil {
				t.Fatal(err)
			}
			expect(t, room, []int{batch, 3}, values...)
			expect(t, tensor(t, []int{batch, 3}, memory[:batch*3]...), []int{batch, 3}, values...)
		}
		in := []*mirin.Tensor{tensor(t, []int{6, 4}, make([]float32, 24)...)}
		expectCode(t, run(in, []*mirin.Tensor{room}), mirin.InvalidArgument) // too small
		expectCode(t, run(in, nil), mirin.InvalidArgument)
		wrong, err := mirin.Zeros(mirin.DTypeFloat64, []int{6, 3})
		if err != nil {
			t.Fatal(err)
		}
		expectCode(t, run(in, []*mirin.Tensor{wrong}), mirin.InvalidArgument)
		text, err := mirin.Zeros(mirin.DTypeString, []int{1})
		if err != nil {
			t.Fatal(err)
		}
		expectCode(t, run(in, []*mirin.Tensor{text}), mirin.Unimplemented)
		expectCode(t, run(in, []*mirin.Tensor{{}}), mirin.InvalidArgument)
		if err := run(in, []*mirin.Tensor{nil}); err != nil {
			t.Error("an output cannot be dropped:", err)
		}
	}
}

func TestStatesBelongToTheSession(t *testing.T) {
	model := load(t, "kvparam_inc")
	names, err := model.States()
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	s, err := model.NewSession(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	before, err := s.State(names[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Run(ctx, tensor[int32](t, []int{1, 1}, 3), tensor[int32](t, []int{1}, 0)); err != nil {
		t.Fatal(err)
	}
	after, err := s.State(names[0])
	if err != nil {
		t.Fatal(err)
	}
	if string(before.Bytes()) == string(after.Bytes()) {
		t.Error("a run has not changed the state")
	}
	if err := s.SetState(names[0], before); err != nil {
		t.Fatal(err)
	}
	again, err := s.State(names[0])
	if err != nil || string(again.Bytes()) != string(before.Bytes()) {
		t.Error("the state is not what was set", err)
	}
	expectCode(t, s.SetState("none", before), mirin.NotFound)
	expectCode(t, s.SetState(names[0], tensor[float32](t, []int{1}, 1)), mirin.InvalidArgument)
	expectCode(t, s.SetState(names[0], nil), mirin.InvalidArgument)
	expectCode(t, s.SetState(names[0], tensor(t, []int{1}, "text")), mirin.InvalidArgument)
	_, err = s.State("none")
	expectCode(t, err, mirin.NotFound)
}

func TestProfileAndPlacementTellOfRuns(t *testing.T) {
	s, err := load(t, "lenet5").NewSession(&mirin.SessionOptions{Profile: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	x, err := mirin.Zeros(mirin.DTypeFloat32, load(t, "lenet5").Inputs()[0].Shape)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Run(ctx, x); err != nil {
		t.Fatal(err)
	}
	table, trace, err := s.Profile()
	if err != nil || !strings.Contains(table, "Conv2D") || !strings.Contains(trace, "traceEvents") {
		t.Error(table, trace, err)
	}
	if text, err := s.Placement(); err != nil || !strings.Contains(text, "Conv2D") {
		t.Error(text, err)
	}
	if err := s.ResetProfile(); err != nil {
		t.Error(err)
	}
}
