package mirin_test

import (
	"fmt"
	"math"
	"testing"

	mirin "mirin.dev/go"
)

func TestTensorSharesTheData(t *testing.T) {
	data := []int64{1, 2, 3, 4, 5, 6}
	x := tensor(t, []int{2, 3}, data...)
	data[0] = 7
	expect[int64](t, x, []int{2, 3}, 7, 2, 3, 4, 5, 6)
	values, err := mirin.Data[int64](x)
	if err != nil {
		t.Fatal(err)
	}
	values[1] = 8
	if data[1] != 8 || x.Bytes()[8] != 8 || len(x.Bytes()) != 48 {
		t.Error("the elements are not shared")
	}
	if x.DType() != mirin.DTypeInt64 || x.Len() != 6 || x.String() != "int64[2 3]" {
		t.Error(x)
	}
	x.Shape()[0] = 100
	if x.Shape()[0] != 2 {
		t.Error("Shape is no copy")
	}
}

func TestTensorRefusesBadShapes(t *testing.T) {
	for name, shape := range map[string][]int{
		"too small": {1}, "too large": {3}, "negative": {-2}, "two negatives": {-1, -2}, "empty": {0}, "scalar": {},
		"overflow": {1 << 40, 1 << 40}, "overflow to 2": {1 << 32, 1 << 32, 2}, "rank": {1, 1, 1, 1, 1, 1, 1, 1, 2},
	} {
		if _, err := mirin.NewTensor(shape, []float32{1, 2}); err == nil {
			t.Error(name, "is taken")
		} else {
			expectCode(t, err, mirin.InvalidArgument)
		}
	}
	for _, dtype := range []mirin.DType{mirin.DTypeBool, mirin.DTypeFloat64, mirin.DTypeString} {
		_, err := mirin.Zeros(dtype, []int{1 << 60})
		expectCode(t, err, mirin.ResourceExhausted)
	}
	_, err := mirin.Zeros(31, []int{1})
	expectCode(t, err, mirin.InvalidArgument)
	_, err = mirin.Zeros(mirin.DTypeFloat64, []int{1 << 60, 0, 1 << 60})
	if err != nil {
		t.Error(err)
	}
}

func TestDataRefusesOtherTypes(t *testing.T) {
	x := tensor[mirin.Float16](t, []int{1}, 0x3c00)
	if _, err := mirin.Data[uint16](x); err == nil {
		t.Error("float16 is read as uint16")
	}
	_, err := mirin.Data[float32](x)
	expectCode(t, err, mirin.InvalidArgument)
	_, err = mirin.Data[float32](nil)
	expectCode(t, err, mirin.InvalidArgument)
	_, err = mirin.Data[float32](&mirin.Tensor{})
	expectCode(t, err, mirin.InvalidArgument)
}

func TestFromBytesCopies(t *testing.T) {
	bytes := []byte{1, 0, 2, 0}
	x, err := mirin.FromBytes(mirin.DTypeUint16, []int{2}, bytes)
	if err != nil {
		t.Fatal(err)
	}
	bytes[0] = 9
	expect[uint16](t, x, []int{2}, 1, 2)
	empty, err := mirin.FromBytes(mirin.DTypeFloat32, []int{0}, nil)
	if err != nil {
		t.Fatal(err)
	}
	expect[float32](t, empty, []int{0})
	for _, dtype := range []mirin.DType{mirin.DTypeString, mirin.DTypeBool, mirin.DTypeFloat64, 0} {
		_, err := mirin.FromBytes(dtype, []int{4}, []byte{1, 0, 2, 0})
		expectCode(t, err, mirin.InvalidArgument)
	}
}

func TestDTypesHaveTheirNames(t *testing.T) {
	for _, name := range []string{"string", "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16",
		"float32", "float64", "bfloat16"} {
		dtype, err := mirin.ParseDType(name)
		if err != nil || dtype.String() != name {
			t.Error(name, dtype, err)
		}
		x, err := mirin.Zeros(dtype, []int{3})
		if err != nil || x.DType() != dtype || len(x.Bytes()) != 3*dtype.Size() {
			t.Error(name, x, err)
		}
	}
	_, err := mirin.ParseDType("float128")
	expectCode(t, err, mirin.InvalidArgument)
	if got := fmt.Sprint(mirin.DType(99)); got != "DType(99)" {
		t.Error(got)
	}
}

// through checks that T is the type of a dtype, from a slice, from zeros, and through bytes.
func through[T mirin.Element](t *testing.T, dtype mirin.DType, value T) {
	t.Helper()
	var zero T
	x := tensor(t, []int{2}, zero, value)
	if x.DType() != dtype {
		t.Errorf("%T is taken for %v, not for %v", value, x.DType(), dtype)
	}
	expect(t, x, []int{2}, zero, value)
	zeros, err := mirin.Zeros(dtype, []int{2})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, zeros, []int{2}, zero, zero)
	if dtype == mirin.DTypeString {
		return
	}
	copied, err := mirin.FromBytes(dtype, []int{2}, x.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	expect(t, copied, []int{2}, zero, value)
}

func TestEveryTypeHasItsDType(t *testing.T) {
	through(t, mirin.DTypeString, "text")
	through(t, mirin.DTypeBool, true)
	through(t, mirin.DTypeInt8, int8(-1))
	through(t, mirin.DTypeInt16, int16(-2))
	through(t, mirin.DTypeInt32, int32(-3))
	through(t, mirin.DTypeInt64, int64(-4))
	through(t, mirin.DTypeUint8, uint8(5))
	through(t, mirin.DTypeUint16, uint16(6))
	through(t, mirin.DTypeUint32, uint32(7))
	through(t, mirin.DTypeUint64, uint64(8))
	through(t, mirin.DTypeFloat16, mirin.Float16(9))
	through(t, mirin.DTypeFloat32, float32(10))
	through(t, mirin.DTypeFloat64, 11.0)
	through(t, mirin.DTypeBFloat16, mirin.BFloat16(12))
}

func TestSixteenBitFloatsRound(t *testing.T) {
	from := []float32{1, -2.5, 65504, 1e-8, float32(math.Inf(1))}
	half, err := mirin.ToFloat16(from)
	if err != nil || fmt.Sprint(half) != fmt.Sprint([]mirin.Float16{0x3c00, 0xc100, 0x7bff, 0, 0x7c00}) {
		t.Fatal(half, err)
	}
	back, err := mirin.FromFloat16(half[:3])
	if err != nil || fmt.Sprint(back) != fmt.Sprint(from[:3]) {
		t.Error(back, err)
	}
	brain, err := mirin.ToBFloat16([]float32{1, -2.5})
	if err != nil || fmt.Sprint(brain) != fmt.Sprint([]mirin.BFloat16{0x3f80, 0xc020}) {
		t.Fatal(brain, err)
	}
	back, err = mirin.FromBFloat16(brain)
	if err != nil || fmt.Sprint(back) != "[1 -2.5]" {
		t.Error(back, err)
	}
	if none, err := mirin.ToFloat16(nil); err != nil || len(none) != 0 {
		t.Error(none, err)
	}
}
