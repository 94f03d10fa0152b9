package mirin

import (
	"fmt"
	"unsafe"

	"mirin.dev/go/internal/capi"
)

// A DType is the type of a tensor's elements.
type DType int32

// The dtypes; their numbers are MindSpore's.
const (
	DTypeString   DType = 12
	DTypeBool     DType = 30
	DTypeInt8     DType = 32
	DTypeInt16    DType = 33
	DTypeInt32    DType = 34
	DTypeInt64    DType = 35
	DTypeUint8    DType = 37
	DTypeUint16   DType = 38
	DTypeUint32   DType = 39
	DTypeUint64   DType = 40
	DTypeFloat16  DType = 42
	DTypeFloat32  DType = 43
	DTypeFloat64  DType = 44
	DTypeBFloat16 DType = 45
)

// Float16 holds the bits of an IEEE binary16 number.
type Float16 uint16

// BFloat16 holds the bits of a bfloat16 number: the upper half of a float32.
type BFloat16 uint16

// Element is what tensors are made of.
type Element interface {
	bool | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | Float16 | BFloat16 | float32 | float64 | string
}

// A kind is what the package knows of a dtype.
type kind struct {
	name string
	size int // bytes of an element; 0 for strings
	make func(elements int) unsafe.Pointer
	copy func(from unsafe.Pointer, elements int) unsafe.Pointer
}

var kinds = map[DType]kind{
	DTypeString:   kindOf[string]("string"),
	DTypeBool:     kindOf[bool]("bool"),
	DTypeInt8:     kindOf[int8]("int8"),
	DTypeInt16:    kindOf[int16]("int16"),
	DTypeInt32:    kindOf[int32]("int32"),
	DTypeInt64:    kindOf[int64]("int64"),
	DTypeUint8:    kindOf[uint8]("uint8"),
	DTypeUint16:   kindOf[uint16]("uint16"),
	DTypeUint32:   kindOf[uint32]("uint32"),
	DTypeUint64:   kindOf[uint64]("uint64"),
	DTypeFloat16:  kindOf[Float16]("float16"),
	DTypeFloat32:  kindOf[float32]("float32"),
	DTypeFloat64:  kindOf[float64]("float64"),
	DTypeBFloat16: kindOf[BFloat16]("bfloat16"),
}

func kindOf[T Element](name string) kind {
	k := kind{
		name: name,
		size: int(unsafe.Sizeof(*new(T))),
		make: func(elements int) unsafe.Pointer { return pointer(make([]T, elements)) },
		copy: func(from unsafe.Pointer, elements int) unsafe.Pointer {
			return pointer(append([]T(nil), unsafe.Slice((*T)(from), elements)...))
		},
	}
	if name == "string" {
		k.size = 0
	}
	return k
}

func pointer[T any](values []T) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(values)) }

func dtypeOf[T Element]() DType {
	switch any((*T)(nil)).(type) {
	case *string:
		return DTypeString
	case *bool:
		return DTypeBool
	case *int8:
		return DTypeInt8
	case *int16:
		return DTypeInt16
	case *int32:
		return DTypeInt32
	case *int64:
		return DTypeInt64
	case *uint8:
		return DTypeUint8
	case *uint16:
		return DTypeUint16
	case *uint32:
		return DTypeUint32
	case *uint64:
		return DTypeUint64
	case *Float16:
		return DTypeFloat16
	case *float32:
		return DTypeFloat32
	case *float64:
		return DTypeFloat64
	default:
		return DTypeBFloat16
	}
}

// String is the dtype's name, such as float32.
func (d DType) String() string {
	if k, ok := kinds[d]; ok {
		return k.name
	}
	return fmt.Sprintf("DType(%d)", int32(d))
}

// Size is the bytes of an element; 0 for DTypeString and numbers that are no dtype.
func (d DType) Size() int { return kinds[d].size }

// ParseDType finds a dtype by its name.
func ParseDType(name string) (DType, error) {
	for dtype, k := range kinds {
		if k.name == name {
			return dtype, nil
		}
	}
	return 0, invalid("%q is no dtype", name)
}

// ToFloat16 rounds to the nearest, ties to even.
func ToFloat16(from []float32) ([]Float16, error) { return narrow[Float16](from, capi.F32ToF16) }

// ToBFloat16 rounds to the nearest, ties to even.
func ToBFloat16(from []float32) ([]BFloat16, error) { return narrow[BFloat16](from, capi.F32ToBF16) }

// FromFloat16 is exact.
func FromFloat16(from []Float16) ([]float32, error) { return widen(from, capi.F16ToF32) }

// FromBFloat16 is exact.
func FromBFloat16(from []BFloat16) ([]float32, error) { return widen(from, capi.BF16ToF32) }

func narrow[T ~uint16](from []float32, convert func([]float32, []uint16)) ([]T, error) {
	if err := open(); err != nil {
		return nil, err
	}
	to := make([]T, len(from))
	convert(from, bits(to))
	return to, nil
}

func widen[T ~uint16](from []T, convert func([]uint16, []float32)) ([]float32, error) {
	if err := open(); err != nil {
		return nil, err
	}
	to := make([]float32, len(from))
	convert(bits(from), to)
	return to, nil
}

func bits[T ~uint16](numbers []T) []uint16 {
	return unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(numbers))), len(numbers))
}
