package mirin

import (
	"fmt"
	"runtime"
	"slices"
	"unsafe"

	"mirin.dev/go/internal/capi"
)

// MaxRank is the most axes a tensor can have.
const MaxRank = capi.MaxRank

// A Tensor has a dtype, a shape and elements in C order, in Go memory. Any number of goroutines may read it, and give it to runs as
// an input, while none changes its elements.
type Tensor struct {
	dtype    DType
	rank     int
	dims     [MaxRank]int
	elements int
	data     unsafe.Pointer // of the elements, and of room for more
	capacity int            // elements for which there is room
}

// NewTensor makes a tensor of data, which is not copied: the caller and the tensor share it. The shape's product must be the
// number of elements; no axes make a scalar, an axis of 0 an empty tensor.
func NewTensor[T Element](shape []int, data []T) (*Tensor, error) {
	elements, err := count(shape)
	if err != nil {
		return nil, err
	}
	if elements != len(data) {
		return nil, invalid("the shape %v has %d elements, the data has %d", shape, elements, len(data))
	}
	return newTensor(dtypeOf[T](), shape, pointer(data), elements), nil
}

// Zeros makes a tensor of zeros, false, or empty strings. As with make, the caller sees to it that there is memory.
func Zeros(dtype DType, shape []int) (*Tensor, error) {
	elements, err := count(shape)
	if err != nil {
		return nil, err
	}
	kind, ok := kinds[dtype]
	if !ok {
		return nil, invalid("%d is no dtype", dtype)
	}
	const limit = 1 << 47 // what a process can address
	if elements > limit/max(kind.size, int(unsafe.Sizeof(""))) {
		return nil, &Error{Code: ResourceExhausted, Message: fmt.Sprintf("the shape %v of %v needs more memory than there is", shape, dtype)}
	}
	return newTensor(dtype, shape, kind.make(elements), elements), nil
}

// FromBytes makes a tensor of the elements' bytes, little-endian, which are copied. Not for [DTypeString].
func FromBytes(dtype DType, shape []int, data []byte) (*Tensor, error) {
	elements, err := count(shape)
	if err != nil {
		return nil, err
	}
	kind, ok := kinds[dtype]
	if !ok || dtype == DTypeString {
		return nil, invalid("a tensor of %v cannot be made of bytes", dtype)
	}
	if len(data)%kind.size != 0 || elements != len(data)/kind.size {
		return nil, invalid("the shape %v of %v does not fit %d bytes", shape, dtype, len(data))
	}
	if dtype == DTypeBool && slices.ContainsFunc(data, func(b byte) bool { return b > 1 }) {
		return nil, invalid("a bool is 0 or 1")
	}
	t, err := Zeros(dtype, shape)
	if err == nil {
		copy(t.Bytes(), data)
	}
	return t, err
}

// Data gives the elements, which the tensor and the caller then share. T must be the dtype's type: nothing is converted.
func Data[T Element](t *Tensor) ([]T, error) {
	if t == nil {
		return nil, invalid("the tensor is nil")
	}
	if want := dtypeOf[T](); t.dtype != want {
		return nil, invalid("the tensor is of %v, not of %v", t.dtype, want)
	}
	return elements[T](t), nil
}

// elements are the elements of a tensor that is known to be of T's dtype.
func elements[T Element](t *Tensor) []T { return unsafe.Slice((*T)(t.data), t.elements) }

// DType is the type of the elements.
func (t *Tensor) DType() DType { return t.dtype }

// Shape is a copy of the shape.
func (t *Tensor) Shape() []int { return append([]int{}, t.shape()...) }

func (t *Tensor) shape() []int { return t.dims[:t.rank] }

// Len is the number of elements.
func (t *Tensor) Len() int { return t.elements }

// Bytes gives the elements' memory, shared with the tensor; nil for strings.
func (t *Tensor) Bytes() []byte {
	if t.dtype == DTypeString {
		return nil
	}
	return unsafe.Slice((*byte)(t.data), t.size(t.elements))
}

// String describes the tensor, without its elements.
func (t *Tensor) String() string { return fmt.Sprintf("%v%v", t.dtype, t.shape()) }

func newTensor(dtype DType, shape []int, data unsafe.Pointer, elements int) *Tensor {
	t := &Tensor{dtype: dtype, data: data, capacity: elements}
	t.reshape(shape, elements)
	return t
}

func (t *Tensor) reshape(shape []int, elements int) {
	t.rank = copy(t.dims[:], shape)
	t.elements = elements
}

// size is what so many elements take; 0 for strings.
func (t *Tensor) size(elements int) int { return kinds[t.dtype].size * elements }

// count is the product of the shape.
func count(shape []int) (int, error) {
	if len(shape) > MaxRank {
		return 0, invalid("the shape %v has more than %d axes", shape, MaxRank)
	}
	elements, empty := 1, slices.Contains(shape, 0)
	for _, size := range shape {
		if size < 0 {
			return 0, invalid("the shape %v has a negative axis", shape)
		}
		if !empty && elements > (1<<62)/size {
			return 0, invalid("the shape %v is too large", shape)
		}
		elements *= size
	}
	return elements, nil
}

// describe fills in what C has to know of a tensor as an input. The memory is pinned; a handle, which a tensor of strings gets, is
// the caller's to destroy.
func (t *Tensor) describe(c *capi.Tensor, pinner *runtime.Pinner) error {
	if t == nil || t.dtype == 0 {
		return nil // the library refuses it and says which
	}
	if t.dtype == DTypeString {
		return check(c.OwnStrings(t.shape(), elements[string](t)))
	}
	if t.elements > 0 {
		pinner.Pin(t.data)
	}
	c.Lend(int32(t.dtype), t.shape(), t.data, t.size(t.elements))
	return nil
}

// describeRoom does so for a tensor that gets a result.
func (t *Tensor) describeRoom(c *capi.Tensor, pinner *runtime.Pinner) error {
	if t == nil {
		return nil
	}
	if t.dtype == 0 {
		return invalid("a zero Tensor has no room for an output")
	}
	if t.dtype == DTypeString {
		return &Error{Code: Unimplemented, Message: "strings cannot be written into a tensor: give nil or call Run"}
	}
	if t.capacity > 0 {
		pinner.Pin(t.data)
	}
	c.Lend(int32(t.dtype), []int{t.capacity}, t.data, t.size(t.capacity))
	return nil
}

// takeShape gives a tensor that got a result its shape.
func (t *Tensor) takeShape(c *capi.Tensor) error {
	var dims [MaxRank]int
	shape := c.Shape(&dims)
	elements, err := count(shape)
	if err == nil {
		t.reshape(shape, elements)
	}
	return err
}

// copyOut makes a tensor of one in C's memory.
func copyOut(c *capi.Tensor) (*Tensor, error) {
	kind, ok := kinds[DType(c.DType())]
	if !ok {
		return nil, &Error{Code: Internal, Message: fmt.Sprintf("the library gave a tensor of the unknown dtype %d", c.DType())}
	}
	t := &Tensor{dtype: DType(c.DType())}
	if err := t.takeShape(c); err != nil {
		return nil, err
	}
	t.capacity = t.elements
	if t.dtype == DTypeString {
		t.data = pointer(c.Strings(t.elements))
	} else {
		t.data = kind.copy(c.Data(), t.elements)
	}
	return t, nil
}
