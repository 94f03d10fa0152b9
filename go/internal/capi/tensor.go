package capi

import "unsafe"

// Tensor is one tensor of a run. As an input: a handle, or else dtype, dims, rank and data. As the target of a run: dtype and data.
// After a run: everything.
type Tensor struct {
	handle uintptr
	data   uintptr // C's, or pinned for the run
	size   int     // bytes of the data
	rank   int
	dims   [MaxRank]int64
	dtype  int32 // 0: none
}

// Lend makes it a tensor over memory that is pinned until the run is over.
func (t *Tensor) Lend(dtype int32, shape []int, data unsafe.Pointer, size int) {
	t.dtype, t.data, t.size, t.rank = dtype, uintptr(data), size, len(shape)
	for i := range min(len(shape), MaxRank) {
		t.dims[i] = int64(shape[i])
	}
}

// OwnStrings gives it a handle with a copy of the texts; shape has MaxRank axes or fewer.
func (t *Tensor) OwnStrings(shape []int, texts []string) Status {
	var m memory
	defer m.Unpin()
	pointers, sizes := make([]uintptr, len(texts)), make([]uintptr, len(texts))
	for i, text := range texts {
		pointers[i], sizes[i] = m.text(text), uintptr(len(text))
	}
	return tensorCreateStrings.status(array(&m, sizesOf(shape)), uintptr(len(shape)), uintptr(unsafe.Pointer(unsafe.SliceData(pointers))),
		uintptr(unsafe.Pointer(unsafe.SliceData(sizes))), uintptr(unsafe.Pointer(&t.handle)))
}

// describe makes it the tensor of a handle, which is the only element: so each call takes it as its arguments and allocates nothing.
func (t *Tensor) describe(handle []uintptr) {
	t.handle = handle[0]
	t.dtype = int32(tensorDtype.call(handle...))
	t.data = tensorData.call(handle...)
	t.describeShape(handle)
}

// describeShape gives it the shape of a handle, unless that is none.
func (t *Tensor) describeShape(handle []uintptr) {
	if handle[0] == 0 {
		return
	}
	t.rank = int(tensorRank.call(handle...))
	copy(t.dims[:], unsafe.Slice((*int64)(pointer(tensorDims.call(handle...))), t.rank))
}

// Destroy frees the handle.
func (t *Tensor) Destroy() {
	tensorDestroy.call(t.handle)
	t.handle = 0
}

// Destroy frees the handles that there are.
func Destroy(tensors []Tensor) {
	for i := range tensors {
		if tensors[i].handle != 0 {
			tensors[i].Destroy()
		}
	}
}

// DType is the dtype.
func (t *Tensor) DType() int32 { return t.dtype }

// Shape copies the shape into dims.
func (t *Tensor) Shape(dims *[MaxRank]int) []int {
	for i := range t.rank {
		dims[i] = int(t.dims[i])
	}
	return dims[:t.rank]
}

// Data points to the elements in C's memory.
func (t *Tensor) Data() unsafe.Pointer { return pointer(t.data) }

// Strings copies the texts of a string tensor.
func (t *Tensor) Strings(elements int) []string {
	texts := make([]string, elements)
	var size uintptr
	for i := range texts {
		if text := tensorString.call(t.handle, uintptr(i), uintptr(unsafe.Pointer(&size))); text != 0 {
			texts[i] = string(unsafe.Slice((*byte)(pointer(text)), size))
		}
	}
	return texts
}

// sizesOf is a shape as C has it.
func sizesOf(shape []int) []int64 {
	sizes := make([]int64, len(shape))
	for i, size := range shape {
		sizes[i] = int64(size)
	}
	return sizes
}

// F32ToF16 is mirin_f32_to_f16 of len(from) elements.
func F32ToF16(from []float32, to []uint16) { convert(f32ToF16, from, to) }

// F16ToF32 is mirin_f16_to_f32.
func F16ToF32(from []uint16, to []float32) { convert(f16ToF32, from, to) }

// F32ToBF16 is mirin_f32_to_bf16.
func F32ToBF16(from []float32, to []uint16) { convert(f32ToBf16, from, to) }

// BF16ToF32 is mirin_bf16_to_f32.
func BF16ToF32(from []uint16, to []float32) { convert(bf16ToF32, from, to) }

func convert[From, To any](f *function, from []From, to []To) {
	f.call(uintptr(unsafe.Pointer(unsafe.SliceData(from))), uintptr(unsafe.Pointer(unsafe.SliceData(to))), uintptr(len(from)))
}
