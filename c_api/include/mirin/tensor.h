/* Tensors: dtype, shape and dense memory in C order. A tensor belongs to its creator; one thread at a time changes it, any
   number may read it. */
#ifndef MIRIN_TENSOR_H_
#define MIRIN_TENSOR_H_

#include "mirin/base.h"
#include "mirin/status.h"

MIRIN_BEGIN_DECLS

typedef struct mirin_tensor mirin_tensor;

/* Frees memory that was handed over; `context` is what came with it. */
typedef void (*mirin_deleter)(void* data, void* context);

/* A tensor with its own zeroed memory, 64-byte aligned.
   dtype: any but STRING. dims: rank sizes of 0 or more; NULL for rank 0.
   Errors: INVALID_ARGUMENT, RESOURCE_EXHAUSTED.
   @since 1.0 */
MIRIN_API mirin_status* mirin_tensor_create(mirin_dtype dtype, const int64_t* dims, size_t rank,
                                            mirin_tensor** out_tensor);

/* A tensor over the caller's memory, which must outlive it. size: bytes at data, no less than the shape needs.
   Errors: INVALID_ARGUMENT.
   @since 1.0 */
MIRIN_API mirin_status* mirin_tensor_create_borrowed(mirin_dtype dtype, const int64_t* dims,
                                                     size_t rank, void* data, size_t size,
                                                     mirin_tensor** out_tensor);

/* The same, but the tensor frees the memory: deleter(data, context) runs when the last user is gone, on any thread. On failure the
   caller keeps the memory.
   Errors: INVALID_ARGUMENT.
   @since 1.0 */
MIRIN_API mirin_status* mirin_tensor_create_adopted(mirin_dtype dtype, const int64_t* dims,
                                                    size_t rank, void* data, size_t size,
                                                    mirin_deleter deleter, void* context,
                                                    mirin_tensor** out_tensor);

/* A string tensor with copies of the texts: one (pointer, size) pair per element.
   Errors: INVALID_ARGUMENT.
   @since 1.0 */
MIRIN_API mirin_status* mirin_tensor_create_strings(const int64_t* dims, size_t rank,
                                                    const char* const* texts, const size_t* sizes,
                                                    mirin_tensor** out_tensor);

/* A deep copy with its own memory.
   Errors: INVALID_ARGUMENT, RESOURCE_EXHAUSTED.
   @since 1.0 */
MIRIN_API mirin_status* mirin_tensor_copy(const mirin_tensor* tensor, mirin_tensor** out_tensor);

/* Frees the tensor (and adopted memory); NULL is fine.
   @since 1.0 */
MIRIN_API void mirin_tensor_destroy(mirin_tensor* tensor);

/* dtype; UNKNOWN for NULL.
   @since 1.0 */
MIRIN_API mirin_dtype mirin_tensor_dtype(const mirin_tensor* tensor);

/* Number of axes; 0 for NULL.
   @since 1.0 */
MIRIN_API size_t mirin_tensor_rank(const mirin_tensor* tensor);

/* Sizes of the axes, mirin_tensor_rank of them; NULL for NULL. Borrowed from the tensor.
   @since 1.0 */
MIRIN_API const int64_t* mirin_tensor_dims(const mirin_tensor* tensor);

/* Number of elements; 0 for NULL.
   @since 1.0 */
MIRIN_API int64_t mirin_tensor_elements(const mirin_tensor* tensor);

/* Bytes of the elements; 0 for NULL and string tensors.
   @since 1.0 */
MIRIN_API size_t mirin_tensor_size(const mirin_tensor* tensor);

/* The elements in C order; NULL for NULL and string tensors. Borrowed from the tensor; for an output of a session until
   that session runs again.
   @since 1.0 */
MIRIN_API const void* mirin_tensor_data(const mirin_tensor* tensor);

/* The same for writing; NULL for outputs of a session and string tensors.
   @since 1.0 */
MIRIN_API void* mirin_tensor_mutable_data(mirin_tensor* tensor);

/* Text i of a string tensor, not terminated; *out_size gets its length. NULL when i is out of range or it is no string tensor.
   Borrowed from the tensor.
   @since 1.0 */
MIRIN_API const char* mirin_tensor_string(const mirin_tensor* tensor, int64_t i, size_t* out_size);

/* float to IEEE binary16 (round to nearest even) and back, n elements. Does nothing when a pointer is NULL.
   @since 1.0 */
MIRIN_API void mirin_f32_to_f16(const float* from, uint16_t* to, size_t n);
/* @since 1.0 */
MIRIN_API void mirin_f16_to_f32(const uint16_t* from, float* to, size_t n);
/* The same for bfloat16.
   @since 1.0 */
MIRIN_API void mirin_f32_to_bf16(const float* from, uint16_t* to, size_t n);
/* @since 1.0 */
MIRIN_API void mirin_bf16_to_f32(const uint16_t* from, float* to, size_t n);

MIRIN_END_DECLS

#endif /* MIRIN_TENSOR_H_ */
