package capi

/*
#include "shim.h"
*/
import "C"

import "unsafe"

// MaxRank is the most axes a tensor can have.
const MaxRank = C.MIRIN_MAX_RANK

// Tensor is one tensor of a run: see capi_tensor.
type Tensor struct{ c C.capi_tensor }

// Lend makes it a tensor over memory that is pinned until the run is over.
func (t *Tensor) Lend(dtype int32, shape []int, data unsafe.Pointer, size int) {
	t.c.dtype = C.mirin_dtype(dtype)
	t.c.data = C.uintptr_t(uintptr(data))
	t.c.size = C.size_t(size)
	t.c.rank = C.size_t(len(shape))
	for i := 0; i < min(len(shape), MaxRank); i++ {
		t.c.dims[i] = C.int64_t(shape[i])
	}
}

// Own gives it a handle that borrows what was lent.
func (t *Tensor) Own() Status {
	return Status{C.mirin_tensor_create_borrowed(t.c.dtype, &t.c.dims[0], t.c.rank, pointer(t.c.data), t.c.size, &t.c.handle)}
}

// OwnStrings gives it a handle with a copy of the texts; shape has MaxRank axes or fewer.
func (t *Tensor) OwnStrings(shape []int, texts []string) Status {
	var dims [MaxRank]C.int64_t
	for i, size := range shape {
		dims[i] = C.int64_t(size)
	}
	var bytes []byte
	sizes := make([]C.size_t, len(texts))
	for i, text := range texts {
		sizes[i] = C.size_t(len(text))
		bytes = append(bytes, text...)
	}
	return Status{C.capi_strings(&dims[0], C.size_t(len(shape)), (*C.char)(unsafe.Pointer(unsafe.SliceData(bytes))),
		unsafe.SliceData(sizes), C.size_t(len(texts)), &t.c.handle)}
}

// Destroy frees the handle.
func (t *Tensor) Destroy() {
	C.mirin_tensor_destroy(t.c.handle)
	t.c.handle = nil
}

// Owned reports whether there is a handle.
func (t *Tensor) Owned() bool { return t.c.handle != nil }

// DType is the dtype.
func (t *Tensor) DType() int32 { return int32(t.c.dtype) }

// Shape copies the shape into dims.
func (t *Tensor) Shape(dims *[MaxRank]int) []int {
	for i := range t.c.rank {
		dims[i] = int(t.c.dims[i])
	}
	return dims[:t.c.rank]
}

// Data points to the elements in C's memory.
func (t *Tensor) Data() unsafe.Pointer { return pointer(t.c.data) }

// Strings copies the texts of a string tensor.
func (t *Tensor) Strings(elements int) []string {
	texts := make([]string, elements)
	for i := range texts {
		var size C.size_t
		if text := C.mirin_tensor_string(t.c.handle, C.int64_t(i), &size); text != nil {
			texts[i] = string(unsafe.Slice((*byte)(unsafe.Pointer(text)), size))
		}
	}
	return texts
}

// pointer takes an address of C's memory, or one that is pinned, out of its number.
func pointer(address C.uintptr_t) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&address)) }

func floats(f []float32) *C.float { return (*C.float)(unsafe.SliceData(f)) }

func halves(h []uint16) *C.uint16_t { return (*C.uint16_t)(unsafe.SliceData(h)) }

// F32ToF16 is mirin_f32_to_f16 of len(from) elements.
func F32ToF16(from []float32, to []uint16) {
	C.mirin_f32_to_f16(floats(from), halves(to), C.size_t(len(from)))
}

// F16ToF32 is mirin_f16_to_f32.
func F16ToF32(from []uint16, to []float32) {
	C.mirin_f16_to_f32(halves(from), floats(to), C.size_t(len(from)))
}

// F32ToBF16 is mirin_f32_to_bf16.
func F32ToBF16(from []float32, to []uint16) {
	C.mirin_f32_to_bf16(floats(from), halves(to), C.size_t(len(from)))
}

// BF16ToF32 is mirin_bf16_to_f32.
func BF16ToF32(from []uint16, to []float32) {
	C.mirin_bf16_to_f32(halves(from), floats(to), C.size_t(len(from)))
}
