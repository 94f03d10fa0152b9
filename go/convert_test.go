package mirin_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	mirin "mirin.dev/go"
)

// field is one of protobuf's length-delimited fields; all are shorter than 128 bytes here.
func field(number byte, parts ...string) string {
	value := strings.Join(parts, "")
	return string([]byte{number<<3 | 2, byte(len(value))}) + value
}

func number(field, value byte) string { return string([]byte{field << 3, value}) }

// onnxFile writes a model y = op(x), float32 of 2 elements.
func onnxFile(t *testing.T, op string) string { return onnxFileOf(t, op, 1) }

// onnxFileOf does so for another number of ONNX's dtypes.
func onnxFileOf(t *testing.T, op string, dtype byte) string {
	t.Helper()
	value := func(name string) string {
		shape := field(2, field(1, number(1, 2)))
		return field(1, name) + field(2, field(1, number(1, dtype), shape))
	}
	node := field(1, field(1, "x"), field(2, "y"), field(3, "the_node"), field(4, op))
	graph := field(7, node, field(2, "g"), field(11, value("x")), field(12, value("y")))
	path := filepath.Join(t.TempDir(), "net.onnx")
	if err := os.WriteFile(path, []byte(number(1, 8)+graph+field(8, number(2, 13))), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConvertMakesAModel(t *testing.T) {
	output := filepath.Join(t.TempDir(), "net")
	file, err := mirin.Convert(ctx, mirin.ConvertOptions{Framework: "ONNX", ModelFile: onnxFile(t, "Neg"), OutputFile: output})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(file.OutputFile, output) || file.Model != nil || file.Report.Text == "" || file.Report.HTML == "" ||
		!json.Valid([]byte(file.Report.JSON)) {
		t.Errorf("%+v", file)
	}
	memory, err := mirin.Convert(ctx, mirin.ConvertOptions{Framework: "ONNX", ModelFile: onnxFile(t, "Neg")})
	if err != nil || memory.OutputFile != "" {
		t.Fatal(memory, err)
	}
	fromFile, err := mirin.Load(file.OutputFile)
	if err != nil {
		t.Fatal(err)
	}
	fromMemory, err := mirin.LoadBytes(memory.Model)
	if err != nil {
		t.Fatal(err)
	}
	for _, model := range []*mirin.Model{fromFile, fromMemory} {
		s, err := model.NewSession(nil)
		if err != nil {
			t.Fatal(err)
		}
		y, err := s.Run(ctx, tensor[float32](t, []int{2}, 1, -2))
		if err != nil {
			t.Fatal(err)
		}
		expect[float32](t, y[0], []int{2}, -1, 2)
	}
}

func TestConvertTellsWhatIsWrong(t *testing.T) {
	output := filepath.Join(t.TempDir(), "net")
	broken := onnxFile(t, "Abracadabra")
	for _, checkOnly := range []bool{false, true} {
		c, err := mirin.Convert(ctx, mirin.ConvertOptions{Framework: "ONNX", ModelFile: broken, OutputFile: output, CheckOnly: checkOnly})
		expectCode(t, err, mirin.Unimplemented)
		if c == nil || !strings.Contains(c.Report.Text, "the_node") || !strings.Contains(c.Report.JSON, "Abracadabra") {
			t.Errorf("%+v", c)
		}
	}
	c, err := mirin.Convert(ctx, mirin.ConvertOptions{Framework: "ONNX", ModelFile: onnxFile(t, "Neg"), OutputFile: output, CheckOnly: true})
	if err != nil || c.OutputFile != "" {
		t.Error(c, err)
	}
	if files, err := filepath.Glob(output + "*"); err != nil || len(files) != 0 {
		t.Error("a check, or a failure, has written", files, err)
	}
}

func TestConvertRefusesBadOptions(t *testing.T) {
	model := onnxFile(t, "Neg")
	for _, c := range []struct {
		options mirin.ConvertOptions
		code    mirin.Code
	}{
		{mirin.ConvertOptions{}, mirin.InvalidArgument},
		{mirin.ConvertOptions{Framework: "ONNX"}, mirin.InvalidArgument},
		{mirin.ConvertOptions{Framework: "PAPER", ModelFile: model}, mirin.InvalidArgument},
		{mirin.ConvertOptions{Framework: "ONNX", ModelFile: "none.onnx"}, mirin.NotFound},
		{mirin.ConvertOptions{Framework: "ONNX", ModelFile: "no\x00ne.onnx"}, mirin.InvalidArgument},
		{mirin.ConvertOptions{Framework: "ONNX", ModelFile: model, Flags: map[string]string{"none": "1"}}, mirin.InvalidArgument},
		{mirin.ConvertOptions{Framework: "ONNX", ModelFile: model, Flags: map[string]string{"inputShape": "z:1"}}, mirin.InvalidArgument},
	} {
		_, err := mirin.Convert(ctx, c.options)
		expectCode(t, err, c.code)
	}
}

func TestConvertHeedsItsContext(t *testing.T) {
	ended, cancel := context.WithCancel(ctx)
	cancel()
	output := filepath.Join(t.TempDir(), "net")
	_, err := mirin.Convert(ended, mirin.ConvertOptions{Framework: "ONNX", ModelFile: onnxFile(t, "Neg"), OutputFile: output})
	expectCode(t, err, mirin.Cancelled)
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if files, err := filepath.Glob(output + "*"); err != nil || len(files) != 0 {
		t.Error("it was converted", files, err)
	}
}

func TestStringsGoInAndOut(t *testing.T) {
	c, err := mirin.Convert(ctx, mirin.ConvertOptions{Framework: "ONNX", ModelFile: onnxFileOf(t, "Identity", 8)})
	if err != nil {
		t.Fatal(err)
	}
	model, err := mirin.LoadBytes(c.Model)
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
	for _, run := range []func(context.Context, ...*mirin.Tensor) ([]*mirin.Tensor, error){s.Run, pool.Run} {
		y, err := run(ctx, tensor(t, []int{2}, "", "grüße\x00!"))
		if err != nil {
			t.Fatal(err)
		}
		expect(t, y[0], []int{2}, "", "grüße\x00!")
	}
}
