package mirin_test

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	mirin "mirin.dev/go"
)

func reshape(t testing.TB, model *mirin.Model, shapes ...[]int) *mirin.Model {
	t.Helper()
	reshaped, err := model.Reshape(shapes...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reshaped.Close() })
	return reshaped
}

// runOnce gives the only output of a model in a session of its own.
func runOnce(t testing.TB, model *mirin.Model, inputs ...*mirin.Tensor) []float32 {
	t.Helper()
	s, err := model.NewSession(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	outputs, err := s.Run(ctx, inputs...)
	if err != nil {
		t.Fatal(err)
	}
	values, err := mirin.Data[float32](outputs[0])
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func TestReshapeTakesOtherBatches(t *testing.T) {
	for _, name := range []string{"resnet18_tiny", "lenet5"} {
		model := load(t, name)
		shape := slices.Clone(model.Inputs()[0].Shape)
		shape[0] = 1
		size := shape[1] * shape[2] * shape[3]
		one := reshape(t, model, shape)
		var images, want []float32
		for i := range 3 {
			image := make([]float32, size)
			for j := range image {
				image[j] = float32(math.Sin(float64(j*(i+1)) / 7))
			}
			images = append(images, image...)
			want = append(want, runOnce(t, one, tensor(t, shape, image...))...)
		}
		shape[0] = 3
		three := reshape(t, one, shape) // also from a reshaped one
		if got := three.Outputs()[0].Shape; three.Inputs()[0].Shape[0] != 3 || got[0] != 3 {
			t.Errorf("%s: outputs of the shape %v", name, got)
		}
		got := runOnce(t, three, tensor(t, shape, images...))
		if len(got) != len(want) || slices.Equal(want[:len(want)/3], want[len(want)/3:2*len(want)/3]) {
			t.Fatalf("%s: %d elements, want %d", name, len(got), len(want))
		}
		for i := range got {
			if math.Abs(float64(got[i]-want[i])) > 2e-4 {
				t.Errorf("%s: element %d is %v, want %v", name, i, got[i], want[i])
			}
		}

		if got := model.Inputs()[0].Shape[0]; got != 2 {
			t.Errorf("%s: the original has a batch of %d now", name, got)
		}
		shape[0] = 2
		back := reshape(t, three, shape)
		two := tensor(t, shape, images[:2*size]...)
		if a, b := runOnce(t, back, two), runOnce(t, model, two); !slices.Equal(a, b) {
			t.Errorf("%s: %v, the original gives %v", name, a, b)
		}
		shape[1]++
		_, err := model.Reshape(shape)
		expectCode(t, err, mirin.InvalidArgument)
		if !strings.Contains(err.Error(), "Conv2D") {
			t.Errorf("%s: %v does not name the node", name, err)
		}
		runOnce(t, model, two)
	}
}

func TestReshapeOpensAndClosesAxes(t *testing.T) {
	model := load(t, "dyn_batch_mlp")
	fixed := reshape(t, model, []int{2, 4})
	s, err := fixed.NewSession(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	x := tensor(t, []int{5, 4}, make([]float32, 20)...)
	_, err = s.Run(ctx, x)
	expectCode(t, err, mirin.InvalidArgument)
	expectCode(t, s.Resize([]int{5, 4}), mirin.InvalidArgument)
	open := reshape(t, fixed, []int{-1, 4})
	if got := fmt.Sprint(open.Outputs()[0].Shape); got != "[-1 3]" {
		t.Error(got)
	}
	if a, b := runOnce(t, open, x), runOnce(t, model, x); !slices.Equal(a, b) {
		t.Error(a, b)
	}
}

func TestReshapeRefusesBadShapes(t *testing.T) {
	model := load(t, "tensor_add")
	for _, shapes := range [][][]int{
		nil,
		{{2, 2}},
		{{2, 2}, {2, 2}, {2, 2}},
		{{2, 2}, {2, 3}},
		{{-2, 2}, {-2, 2}},
		{make([]int, 100), {2, 2}},
	} {
		_, err := model.Reshape(shapes...)
		expectCode(t, err, mirin.InvalidArgument)
	}
	huge := []int{math.MaxInt, math.MaxInt}
	_, err := model.Reshape(huge, huge)
	expectCode(t, err, mirin.ResourceExhausted)
}

func TestReshapedModelsLiveOn(t *testing.T) {
	x := tensor[float32](t, []int{1, 2}, 3, 4)
	model, err := mirin.Load(modelFile("tensor_add"))
	if err != nil {
		t.Fatal(err)
	}
	reshaped, err := model.Reshape([]int{1, 2}, []int{1, 2})
	if err != nil {
		t.Fatal(err)
	}
	model.Close()
	if _, err := model.Reshape([]int{1, 2}, []int{1, 2}); !errors.Is(err, mirin.ErrClosed) {
		t.Error(err)
	}
	s, err := reshaped.NewSession(nil)
	if err != nil {
		t.Fatal(err)
	}
	pool, err := reshaped.NewPool(&mirin.PoolOptions{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	reshaped = nil // dropped
	runtime.GC()
	y, err := s.Run(ctx, x, x)
	if err != nil {
		t.Fatal(err)
	}
	z, err := pool.Run(ctx, x, x)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	pool.Close()
	expect[float32](t, y[0], []int{1, 2}, 6, 8)
	expect[float32](t, z[0], []int{1, 2}, 6, 8)
}
