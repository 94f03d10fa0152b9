/* Source compatibility with MindSpore Lite's C API: tensors. One thread at a time uses a handle. */
#ifndef MINDSPORE_INCLUDE_C_API_TENSOR_C_H
#define MINDSPORE_INCLUDE_C_API_TENSOR_C_H

#include <stdlib.h>
#include <string.h>

#include "include/c_api/context_c.h"
#include "include/c_api/data_type_c.h"
#include "include/c_api/format_c.h"
#include "include/c_api/types_c.h"

/* -- ours: what the handle points to
 * ----------------------------------------------------------------------------------- */

typedef struct mirin_ms_tensor {
  char* name;
  MSDataType type;
  MSFormat format;
  int64_t shape[MS_MAX_SHAPE_NUM];
  size_t rank;
  void* data;
  bool own_data;
} mirin_ms_tensor;

/* Elements; 0 when an axis is not known yet, or when the number does not fit. */
MS_API int64_t mirin_ms_elements(const mirin_ms_tensor* tensor) {
  int64_t n = 1;
  size_t i;
  for (i = 0; i < tensor->rank; ++i) {
    const int64_t size = tensor->shape[i];
    if (size <= 0 || n > INT64_MAX / 16 / size) return 0;
    n *= size;
  }
  return n;
}

MS_API size_t mirin_ms_bytes(const mirin_ms_tensor* tensor) {
  return (size_t)mirin_ms_elements(tensor) * mirin_dtype_size((mirin_dtype)tensor->type);
}

MS_API void mirin_ms_drop_data(mirin_ms_tensor* tensor) {
  if (tensor->own_data) free(tensor->data);
  tensor->data = NULL;
  tensor->own_data = false;
}

/* -- the documented functions
 * ------------------------------------------------------------------------------------------- */

MS_API void MSTensorDestroy(MSTensorHandle* handle) {
  mirin_ms_tensor* tensor = handle == NULL ? NULL : (mirin_ms_tensor*)*handle;
  if (tensor == NULL) return;
  mirin_ms_drop_data(tensor);
  free(tensor->name);
  free(tensor);
  *handle = NULL;
}

/* Copies the data, which may be NULL: zeros on first use. NULL when name or shape is NULL or the
 * sizes do not agree. */
MS_API MSTensorHandle MSTensorCreate(const char* name, MSDataType type, const int64_t* shape,
                                     size_t shape_num, const void* data, size_t data_len) {
  mirin_ms_tensor* tensor;
  if (name == NULL || shape == NULL || shape_num > MS_MAX_SHAPE_NUM) return NULL;
  tensor = (mirin_ms_tensor*)calloc(1, sizeof *tensor);
  if (tensor == NULL) return NULL;
  tensor->name = mirin_ms_copy_text(name);
  tensor->type = type;
  tensor->rank = shape_num;
  memcpy(tensor->shape, shape, shape_num * sizeof *shape);
  if (data != NULL) {
    const size_t bytes = mirin_ms_bytes(tensor);
    tensor->data = bytes == data_len ? malloc(bytes + 1) : NULL;
    tensor->own_data = true;
    if (tensor->data == NULL) {
      MSTensorHandle handle = tensor;
      MSTensorDestroy(&handle);
      return NULL;
    }
    memcpy(tensor->data, data, bytes);
  }
  return tensor;
}

/* A deep copy named "<name>_duplicate". */
MS_API MSTensorHandle MSTensorClone(MSTensorHandle handle) {
  const mirin_ms_tensor* tensor = (const mirin_ms_tensor*)handle;
  mirin_ms_tensor* copy;
  size_t length;
  if (tensor == NULL) return NULL;
  copy = (mirin_ms_tensor*)MSTensorCreate(tensor->name, tensor->type, tensor->shape, tensor->rank,
                                          tensor->data, mirin_ms_bytes(tensor));
  if (copy == NULL) return NULL;
  copy->format = tensor->format;
  length = strlen(tensor->name) + sizeof "_duplicate";
  free(copy->name);
  copy->name = (char*)malloc(length);
  if (copy->name != NULL) snprintf(copy->name, length, "%s_duplicate", tensor->name);
  return copy;
}

MS_API void MSTensorSetName(MSTensorHandle handle, const char* name) {
  mirin_ms_tensor* tensor = (mirin_ms_tensor*)handle;
  if (tensor == NULL || name == NULL) return;
  free(tensor->name);
  tensor->name = mirin_ms_copy_text(name);
}
/* Borrowed until the tensor ends or is renamed. */
MS_API const char* MSTensorGetName(const MSTensorHandle handle) {
  return handle == NULL ? NULL : ((const mirin_ms_tensor*)handle)->name;
}

/* Drops data that the tensor had for another size. */
MS_API void MSTensorSetDataType(MSTensorHandle handle, MSDataType type) {
  mirin_ms_tensor* tensor = (mirin_ms_tensor*)handle;
  size_t before;
  if (tensor == NULL) return;
  before = mirin_ms_bytes(tensor);
  tensor->type = type;
  if (mirin_ms_bytes(tensor) != before) mirin_ms_drop_data(tensor);
}
MS_API MSDataType MSTensorGetDataType(const MSTensorHandle handle) {
  return handle == NULL ? kMSDataTypeUnknown : ((const mirin_ms_tensor*)handle)->type;
}

/* Drops data that the tensor had for another size. */
MS_API void MSTensorSetShape(MSTensorHandle handle, const int64_t* shape, size_t shape_num) {
  mirin_ms_tensor* tensor = (mirin_ms_tensor*)handle;
  size_t before;
  if (tensor == NULL || shape == NULL || shape_num > MS_MAX_SHAPE_NUM) return;
  before = mirin_ms_bytes(tensor);
  memcpy(tensor->shape, shape, shape_num * sizeof *shape);
  tensor->rank = shape_num;
  if (mirin_ms_bytes(tensor) != before) mirin_ms_drop_data(tensor);
}
/* Borrowed from the tensor. */
MS_API const int64_t* MSTensorGetShape(const MSTensorHandle handle, size_t* shape_num) {
  if (handle == NULL || shape_num == NULL) return NULL;
  *shape_num = ((const mirin_ms_tensor*)handle)->rank;
  return ((const mirin_ms_tensor*)handle)->shape;
}

MS_API void MSTensorSetFormat(MSTensorHandle handle, MSFormat format) {
  if (handle != NULL) ((mirin_ms_tensor*)handle)->format = format;
}
MS_API MSFormat MSTensorGetFormat(const MSTensorHandle handle) {
  return handle == NULL ? kMSFormatNHWC : ((const mirin_ms_tensor*)handle)->format;
}

/* Takes over memory from malloc with as many bytes as MSTensorGetDataSize says. */
MS_API void MSTensorSetData(MSTensorHandle handle, void* data) {
  mirin_ms_tensor* tensor = (mirin_ms_tensor*)handle;
  if (tensor == NULL || tensor->data == data) return;
  mirin_ms_drop_data(tensor);
  tensor->data = data;
  tensor->own_data = true;
}
MS_API const void* MSTensorGetData(const MSTensorHandle handle) {
  return handle == NULL ? NULL : ((const mirin_ms_tensor*)handle)->data;
}

/* Zeroed memory is made when there is none. NULL while an axis is unknown. */
MS_API void* MSTensorGetMutableData(const MSTensorHandle handle) {
  mirin_ms_tensor* tensor = (mirin_ms_tensor*)handle;
  if (tensor == NULL) return NULL;
  if (tensor->data == NULL && mirin_ms_bytes(tensor) > 0) {
    tensor->data = calloc(1, mirin_ms_bytes(tensor));
    tensor->own_data = true;
  }
  return tensor->data;
}

MS_API int64_t MSTensorGetElementNum(const MSTensorHandle handle) {
  return handle == NULL ? 0 : mirin_ms_elements((const mirin_ms_tensor*)handle);
}
MS_API size_t MSTensorGetDataSize(const MSTensorHandle handle) {
  return handle == NULL ? 0 : mirin_ms_bytes((const mirin_ms_tensor*)handle);
}

#endif /* MINDSPORE_INCLUDE_C_API_TENSOR_C_H */
