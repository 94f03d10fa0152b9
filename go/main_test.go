package mirin_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	mirin "mirin.dev/go"
)

var ctx = context.Background()

// TestMain runs the tests in the folder of the test models: examples name them as users would. Afterwards no C object may be left,
// whether it was closed or dropped.
func TestMain(m *testing.M) {
	folder := os.Getenv("MIRIN_TEST_MODELS")
	if folder == "" {
		folder = "../tests/models/mindir"
	}
	if err := os.Chdir(folder); err != nil {
		fmt.Println("MIRIN_TEST_MODELS must name the folder of the test models:", err)
		os.Exit(1)
	}
	code := m.Run()
	for deadline := time.Now().Add(time.Minute); code == 0 && mirin.Living() != 0; runtime.GC() {
		if time.Now().After(deadline) {
			fmt.Println(mirin.Living(), "C objects are left")
			code = 1
		}
	}
	os.Exit(code)
}

// modelFile is the path of a test model.
func modelFile(name string) string { return name + ".mindir" }

func load(t testing.TB, name string, options ...mirin.Option) *mirin.Model {
	t.Helper()
	model, err := mirin.Load(modelFile(name), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { model.Close() })
	return model
}

func session(t testing.TB, name string) *mirin.Session {
	t.Helper()
	s, err := load(t, name).NewSession(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func tensor[T mirin.Element](t testing.TB, shape []int, data ...T) *mirin.Tensor {
	t.Helper()
	x, err := mirin.NewTensor(shape, data)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// expect fails unless the tensor is of T with this shape and these elements.
func expect[T mirin.Element](t testing.TB, x *mirin.Tensor, shape []int, data ...T) {
	t.Helper()
	got, err := mirin.Data[T](x)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(x.Shape()) != fmt.Sprint(shape) || fmt.Sprint(got) != fmt.Sprint(data) {
		t.Fatalf("got %v %v, want %v %v", x.Shape(), got, shape, data)
	}
}

// expectCode fails unless the error has this code, and says something.
func expectCode(t testing.TB, err error, code mirin.Code) {
	t.Helper()
	var e *mirin.Error
	if !errors.As(err, &e) || !errors.Is(err, code) || e.Message == "" {
		t.Fatalf("got %v, want %v", err, code)
	}
}
