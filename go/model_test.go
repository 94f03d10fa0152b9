package mirin_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	mirin "mirin.dev/go"
)

func TestLoadDescribesTheModel(t *testing.T) {
	model := load(t, "dyn_batch_mlp")
	if got := fmt.Sprint(model.Inputs()); !strings.Contains(got, "float32 [-1 4]") {
		t.Error(got)
	}
	if got := model.Outputs(); len(got) != 1 || got[0].Name == "" || got[0].DType != mirin.DTypeFloat32 {
		t.Error(got)
	}
	scalar := load(t, "scalar_tensor").Inputs()[1]
	if scalar.Shape == nil || len(scalar.Shape) != 0 {
		t.Errorf("a scalar has the shape %#v", scalar.Shape)
	}
	if open := load(t, "dyn_rank__v210").Inputs()[0]; open.Shape != nil {
		t.Errorf("an open rank has the shape %#v", open.Shape)
	}
	if name, err := model.Metadata("producer_name"); err != nil || !strings.Contains(strings.ToLower(name), "mindspore") {
		t.Error(name, err)
	}
	if absent, err := model.Metadata("user_info/none"); err != nil || absent != "" {
		t.Error(absent, err)
	}
	if report, err := model.PassReport(); err != nil || report == "" {
		t.Error(report, err)
	}
}

func TestLoadBytesRunsAsTheFile(t *testing.T) {
	data, err := os.ReadFile(modelFile("tensor_add"))
	if err != nil {
		t.Fatal(err)
	}
	model, err := mirin.LoadBytes(data)
	if err != nil {
		t.Fatal(err)
	}
	clear(data) // it was copied
	s, err := model.NewSession(nil)
	if err != nil {
		t.Fatal(err)
	}
	y, err := s.Run(ctx, tensor[float32](t, []int{2, 2}, 1, 2, 3, 4), tensor[float32](t, []int{2, 2}, 1, 1, 1, 1))
	if err != nil {
		t.Fatal(err)
	}
	expect[float32](t, y[0], []int{2, 2}, 2, 3, 4, 5)
}

func TestLoadTakesKeys(t *testing.T) {
	for name, key := range map[string]string{
		"tensor_add_gcm": "asdfasdfasdfasgwegw12310", "tensor_add_cbc": "asdfasdfasdfasgwegw12310",
		"tensor_add_gcm256": "0123456789ABCDEF0123456789ABCDEF", "tensor_add_sm4": "0123456789ABCDEF",
	} {
		load(t, name, mirin.WithKey([]byte(key)))
		_, err := mirin.Load(modelFile(name))
		expectCode(t, err, mirin.FailedPrecondition)
		_, err = mirin.Load(modelFile(name), mirin.WithKey([]byte(strings.Repeat("x", len(key)))))
		expectCode(t, err, mirin.PermissionDenied)
		_, err = mirin.Load(modelFile(name), mirin.WithKey([]byte("short")))
		expectCode(t, err, mirin.InvalidArgument)
		_, err = mirin.Load(modelFile(name), mirin.WithKey([]byte(key)), mirin.WithCipher(77))
		expectCode(t, err, mirin.InvalidArgument)
	}
	load(t, "tensor_add_sm4", mirin.WithKey([]byte("0123456789ABCDEF")), mirin.WithCipher(mirin.CipherSM4CBC))
}

func TestLoadTakesOptions(t *testing.T) {
	dump := t.TempDir()
	load(t, "lenet5", mirin.WithDumpDirectory(dump), mirin.WithDisabledPasses("fuse_bias"))
	if files, err := os.ReadDir(dump); err != nil || len(files) == 0 {
		t.Error("no dump", err)
	}
	load(t, "lenet5", mirin.WithOptimizationLevel(0))
	_, err := mirin.Load(modelFile("lenet5"), mirin.WithOptimizationLevel(1<<40))
	expectCode(t, err, mirin.InvalidArgument)
	_, err = mirin.Load(modelFile("lenet5"), mirin.WithDisabledPasses("fold"))
	expectCode(t, err, mirin.InvalidArgument)
	_, err = mirin.Load(modelFile("lenet5"), mirin.WithDisabledPasses("fuse_bias\x00"))
	expectCode(t, err, mirin.InvalidArgument)
}

func TestLoadRefusesBadFiles(t *testing.T) {
	folder := t.TempDir()
	whole, err := os.ReadFile(modelFile("lenet5"))
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, data []byte) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for path, code := range map[string]mirin.Code{
		"":                                  mirin.NotFound,
		folder + "/none.mindir":             mirin.NotFound,
		folder + "/no\x00ne":                mirin.InvalidArgument,
		write("empty", nil):                 mirin.InvalidArgument,
		write("text", []byte("no model")):   mirin.DataLoss,
		write("half", whole[:len(whole)/2]): mirin.DataLoss,
	} {
		_, err := mirin.Load(path)
		expectCode(t, err, code)
	}
	for _, data := range [][]byte{nil, {}, []byte("no model"), whole[:100]} {
		if _, err := mirin.LoadBytes(data); err == nil {
			t.Errorf("%d bytes are taken for a model", len(data))
		}
	}
}

func TestOptionsOfSessionsAndPoolsAreChecked(t *testing.T) {
	model := load(t, "tensor_add")
	for want, options := range map[mirin.Code]*mirin.SessionOptions{
		mirin.InvalidArgument: {Threads: -1},
		mirin.NotFound:        {Devices: []string{"abacus"}},
	} {
		_, err := model.NewSession(options)
		expectCode(t, err, want)
		_, err = model.NewPool(&mirin.PoolOptions{Session: options})
		expectCode(t, err, want)
	}
	_, err := model.NewSession(&mirin.SessionOptions{Devices: []string{"cpu\x00"}})
	expectCode(t, err, mirin.InvalidArgument)
	_, err = model.NewPool(&mirin.PoolOptions{Workers: -1})
	expectCode(t, err, mirin.InvalidArgument)
	_, err = model.NewPool(&mirin.PoolOptions{Workers: -1 << 40})
	expectCode(t, err, mirin.InvalidArgument)
	_, err = load(t, "kvparam_inc").NewPool(nil)
	expectCode(t, err, mirin.FailedPrecondition)
	s, err := model.NewSession(&mirin.SessionOptions{Threads: 1, Devices: []string{"reference", "cpu"}, PreferFloat16: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}

func TestConfigsAreHeeded(t *testing.T) {
	data, err := os.ReadFile("lenet_split__v210_graph.mindir")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := mirin.LoadBytes(data); err == nil {
		t.Error("weights are found without a path")
	}
	place, err := filepath.Abs("lenet_split__v210_graph.mindir")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "config.ini")
	if err := os.WriteFile(file, []byte("[model_file]\nmindir_path="+place+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	set := func(section, key, value string) map[string]map[string]string {
		return map[string]map[string]string{section: {key: value}}
	}
	for _, config := range []*mirin.Config{{File: file}, {Settings: set("model_file", "mindir_path", place)}} {
		model, err := mirin.LoadBytes(data, mirin.WithConfig(config))
		if err != nil {
			t.Error(err)
			continue
		}
		model.Close()
	}

	model := load(t, "tensor_add")
	for _, c := range []struct {
		config mirin.Config
		code   mirin.Code
	}{
		{mirin.Config{File: file + ".none"}, mirin.NotFound},
		{mirin.Config{File: "no\x00ne"}, mirin.InvalidArgument},
		{mirin.Config{Settings: set("none", "key", "value")}, mirin.InvalidArgument},
		{mirin.Config{Settings: set("model_file", "none", "value")}, mirin.InvalidArgument},
		{mirin.Config{Settings: set("model_file", "mindir_path", "no\x00ne")}, mirin.InvalidArgument},
	} {
		_, err := mirin.LoadBytes(data, mirin.WithConfig(&c.config))
		expectCode(t, err, c.code)
		_, err = model.NewPool(&mirin.PoolOptions{Config: &c.config})
		expectCode(t, err, c.code)
	}
}

func TestSessionsKeepToTheirCPUs(t *testing.T) {
	model := load(t, "tensor_add")
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(status), "Cpus_allowed_list:")
	first, _, _ := strings.Cut(strings.Fields(list)[0], ",") // such as 0-3
	first, _, _ = strings.Cut(first, "-")
	allowed, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	s, err := model.NewSession(&mirin.SessionOptions{CPUs: []int{allowed}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	x := tensor[float32](t, []int{2, 2}, 1, 2, 3, 4)
	if _, err := s.Run(ctx, x, x); err != nil {
		t.Error(err)
	}
	_, err = model.NewSession(&mirin.SessionOptions{CPUs: []int{1 << 40}})
	expectCode(t, err, mirin.InvalidArgument)
	_, err = model.NewPool(&mirin.PoolOptions{Session: &mirin.SessionOptions{CPUs: []int{-1}}})
	expectCode(t, err, mirin.InvalidArgument)
}
