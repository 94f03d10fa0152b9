/* Source compatibility with MindSpore Lite's C API: models.

   A model is built once, then run by one thread at a time. Tensor handles that a model gives belong
   to it; the data of its outputs is valid until the next predict or resize. */
#ifndef MINDSPORE_INCLUDE_C_API_MODEL_C_H
#define MINDSPORE_INCLUDE_C_API_MODEL_C_H

#include "include/c_api/context_c.h"
#include "include/c_api/status_c.h"
#include "include/c_api/tensor_c.h"
#include "include/c_api/types_c.h"

/* -- ours: what the handle points to, and the way to mirin's calls
 * ------------------------------------------------------- */

#define MIRIN_MS_MAX_INPUTS 64

typedef struct mirin_ms_model {
  mirin_model* model; /* as it was built */
  mirin_model*
      reshaped; /* for shapes that the built one cannot take: what the session runs; or NULL */
  mirin_session* session;
  MSContextHandle context;
  MSTensorHandleArray inputs;
  MSTensorHandleArray outputs;
} mirin_ms_model;

MS_API void mirin_ms_free_array(MSTensorHandleArray* array) {
  size_t i;
  for (i = 0; i < array->handle_num; ++i) MSTensorDestroy(&array->handle_list[i]);
  free(array->handle_list);
  array->handle_list = NULL;
  array->handle_num = 0;
}

MS_API bool mirin_ms_add(MSTensorHandleArray* array, const char* name, mirin_dtype dtype,
                         const int64_t* dims, int32_t rank) {
  const int64_t unknown_rank = -1;
  array->handle_list[array->handle_num] =
      MSTensorCreate(name, (MSDataType)dtype, rank < 0 || dims == NULL ? &unknown_rank : dims,
                     rank < 0 ? 1 : (size_t)rank, NULL, 0);
  if (array->handle_list[array->handle_num] == NULL) return false;
  ++array->handle_num;
  return true;
}

MS_API bool mirin_ms_make_tensors(mirin_ms_model* m) {
  const size_t inputs = mirin_model_input_count(m->model),
               outputs = mirin_model_output_count(m->model);
  size_t i;
  m->inputs.handle_list = (MSTensorHandle*)calloc(inputs + 1, sizeof(MSTensorHandle));
  m->outputs.handle_list = (MSTensorHandle*)calloc(outputs + 1, sizeof(MSTensorHandle));
  if (m->inputs.handle_list == NULL || m->outputs.handle_list == NULL) return false;
  for (i = 0; i < inputs; ++i) {
    if (!mirin_ms_add(&m->inputs, mirin_model_input_name(m->model, i),
                      mirin_model_input_dtype(m->model, i), mirin_model_input_dims(m->model, i),
                      mirin_model_input_rank(m->model, i))) {
      return false;
    }
  }
  for (i = 0; i < outputs; ++i) {
    if (!mirin_ms_add(&m->outputs, mirin_model_output_name(m->model, i),
                      mirin_model_output_dtype(m->model, i), mirin_model_output_dims(m->model, i),
                      mirin_model_output_rank(m->model, i))) {
      return false;
    }
  }
  return true;
}

MS_API void mirin_ms_unbuild(mirin_ms_model* m) {
  mirin_ms_free_array(&m->inputs);
  mirin_ms_free_array(&m->outputs);
  mirin_session_destroy(m->session);
  mirin_model_destroy(m->reshaped);
  mirin_model_destroy(m->model);
  m->session = NULL;
  m->reshaped = NULL;
  m->model = NULL;
}

MS_API mirin_status* mirin_ms_new_session(const MSContextHandle handle, const mirin_model* model,
                                          mirin_session** out) {
  const mirin_ms_context* context = (const mirin_ms_context*)handle;
  mirin_session_options options = MIRIN_SESSION_OPTIONS_INIT;
  const char* names[8];
  size_t i;
  options.threads = context->thread_num;
  options.cpus = context->cores;
  options.num_cpus = context->core_num;
  for (i = 0; i < context->device_num && options.num_devices < 8; ++i) {
    const mirin_ms_device* device = context->devices[i];
    names[options.num_devices++] = device->type == kMSDeviceTypeCPU   ? "cpu"
                                   : device->type == kMSDeviceTypeGPU ? "gpu"
                                                                      : "kirin_npu";
    if (device->enable_fp16) options.precision = MIRIN_PRECISION_PREFER_FP16;
  }
  if (options.num_devices > 0) options.devices = names;
  return mirin_session_create(model, &options, out);
}

/* The second half of building: session and tensors; the context is the model's from here on when it
 * succeeds. */
MS_API MSStatus mirin_ms_open(const char* function, mirin_ms_model* m,
                              const MSContextHandle handle) {
  mirin_status* status = mirin_ms_new_session(handle, m->model, &m->session);
  if (status != NULL) {
    const MSStatus code = mirin_status_code(status) == MIRIN_NOT_FOUND
                              ? kMSStatusLiteNotSupport
                              : mirin_ms_from_code(mirin_status_code(status));
    mirin_ms_report(function, status);
    mirin_ms_unbuild(m);
    return code;
  }
  if (!mirin_ms_make_tensors(m)) {
    mirin_ms_unbuild(m);
    return mirin_ms_fail(function, kMSStatusLiteMemoryFailed, "out of memory");
  }
  m->context = handle;
  return kMSStatusSuccess;
}

MS_API MSStatus mirin_ms_check_build(const char* function, const mirin_ms_model* m,
                                     const void* source, MSModelType type, const void* context) {
  if (m == NULL || source == NULL || context == NULL)
    return mirin_ms_fail(function, kMSStatusLiteNullptr, "an argument is NULL");
  if (type != kMSModelTypeMindIR)
    return mirin_ms_fail(function, kMSStatusLiteParamInvalid, "the model type is not MindIR");
  if (m->model != NULL)
    return mirin_ms_fail(function, kMSStatusLiteModelRebuild, "the model was built before");
  return kMSStatusSuccess;
}

/* Whether sessions of a model take these shapes, of which opened, unless NULL, gets a copy with -1
 * for the axes that the model leaves open. That there is one for each input is for sessions to
 * check. */
MS_API bool mirin_ms_fit(const mirin_model* model, const MSShapeInfo* shapes, size_t num_shapes,
                         MSShapeInfo* opened) {
  bool fit = true;
  size_t i, k;
  for (i = 0; i < num_shapes; ++i) {
    const int32_t rank = mirin_model_input_rank(model, i);
    const int64_t* declared = mirin_model_input_dims(model, i);
    const bool same_rank = rank >= 0 && (size_t)rank == shapes[i].shape_num;
    if (rank >= 0 && !same_rank) fit = false;
    if (opened != NULL) opened[i] = shapes[i];
    for (k = 0; k < shapes[i].shape_num; ++k) {
      const bool is_open = rank < 0 || (same_rank && declared[k] == -1);
      if (is_open && opened != NULL) opened[i].shape[k] = -1;
      if (!is_open && same_rank && declared[k] != shapes[i].shape[k]) fit = false;
    }
  }
  return fit;
}

/* Another session, of a reshaped model or (NULL) of the built one. The outputs' data was the former
 * session's. */
MS_API void mirin_ms_replace(mirin_ms_model* m, mirin_model* reshaped, mirin_session* session) {
  const mirin_model* model = reshaped == NULL ? m->model : reshaped;
  const int64_t unknown_rank = -1;
  size_t i;
  for (i = 0; i < m->outputs.handle_num; ++i) {
    const int32_t rank = mirin_model_output_rank(model, i);
    const int64_t* dims = mirin_model_output_dims(model, i);
    mirin_ms_drop_data((mirin_ms_tensor*)m->outputs.handle_list[i]);
    MSTensorSetShape(m->outputs.handle_list[i], rank < 0 || dims == NULL ? &unknown_rank : dims,
                     rank < 0 ? 1 : (size_t)rank);
  }
  mirin_session_destroy(m->session);
  mirin_model_destroy(m->reshaped);
  m->session = session;
  m->reshaped = reshaped;
}

/* Our tensor over the data of theirs. */
MS_API mirin_status* mirin_ms_wrap(mirin_ms_tensor* tensor, mirin_tensor** out) {
  static char nothing[1];
  void* data = MSTensorGetMutableData(tensor);
  if (data == NULL && mirin_ms_bytes(tensor) > 0) {
    return mirin_status_create(MIRIN_RESOURCE_EXHAUSTED, "no memory for an input");
  }
  return mirin_tensor_create_borrowed((mirin_dtype)tensor->type, tensor->shape, tensor->rank,
                                      data == NULL ? nothing : data, mirin_ms_bytes(tensor), out);
}

MS_API void mirin_ms_take_output(mirin_ms_tensor* to, const mirin_tensor* from) {
  mirin_ms_drop_data(to);
  to->type = (MSDataType)mirin_tensor_dtype(from);
  to->rank = mirin_tensor_rank(from);
  memcpy(to->shape, mirin_tensor_dims(from), to->rank * sizeof(int64_t));
  to->data = (void*)(uintptr_t)mirin_tensor_data(from); /* the session's until its next run */
}

/* -- the documented functions
 * ------------------------------------------------------------------------------------------- */

MS_API MSModelHandle MSModelCreate(void) { return calloc(1, sizeof(mirin_ms_model)); }

/* Frees the model with its tensors and the context that it was built with. */
MS_API void MSModelDestroy(MSModelHandle* handle) {
  mirin_ms_model* m = handle == NULL ? NULL : (mirin_ms_model*)*handle;
  if (m == NULL) return;
  mirin_ms_unbuild(m);
  MSContextDestroy(&m->context);
  free(m);
  *handle = NULL;
}

/* Copies the bytes. When it succeeds the model owns the context. */
MS_API MSStatus MSModelBuild(MSModelHandle handle, const void* model_data, size_t data_size,
                             MSModelType model_type, const MSContextHandle model_context) {
  mirin_ms_model* m = (mirin_ms_model*)handle;
  mirin_status* status;
  const MSStatus checked =
      mirin_ms_check_build("MSModelBuild", m, model_data, model_type, model_context);
  if (checked != kMSStatusSuccess) return checked;
  status = mirin_model_load_memory(model_data, data_size, NULL, &m->model);
  if (status != NULL) return mirin_ms_report("MSModelBuild", status);
  return mirin_ms_open("MSModelBuild", m, model_context);
}

MS_API MSStatus MSModelBuildFromFile(MSModelHandle handle, const char* model_path,
                                     MSModelType model_type, const MSContextHandle model_context) {
  mirin_ms_model* m = (mirin_ms_model*)handle;
  mirin_status* status;
  const MSStatus checked =
      mirin_ms_check_build("MSModelBuildFromFile", m, model_path, model_type, model_context);
  if (checked != kMSStatusSuccess) return checked;
  status = mirin_model_load_file(model_path, NULL, &m->model);
  if (status != NULL) return mirin_ms_report("MSModelBuildFromFile", status);
  return mirin_ms_open("MSModelBuildFromFile", m, model_context);
}

/* inputs: the model's own. Their shapes change when it succeeds; otherwise nothing does. Where the
 * file fixes other shapes, the model is prepared anew from the file's contents, states included: it
 * takes these alone, but for sizes that the file leaves open; the outputs have the shapes that
 * follow, and no data. */
MS_API MSStatus MSModelResize(MSModelHandle handle, const MSTensorHandleArray inputs,
                              MSShapeInfo* shape_infos, size_t shape_info_num) {
  mirin_ms_model* m = (mirin_ms_model*)handle;
  MSShapeInfo opened[MIRIN_MS_MAX_INPUTS];
  const int64_t *dims[MIRIN_MS_MAX_INPUTS], *opened_dims[MIRIN_MS_MAX_INPUTS];
  size_t ranks[MIRIN_MS_MAX_INPUTS];
  size_t i, k;
  mirin_model* reshaped = NULL;
  mirin_session* session = NULL;
  mirin_status* status = NULL;
  if (m == NULL || shape_infos == NULL)
    return mirin_ms_fail("MSModelResize", kMSStatusLiteNullptr, "an argument is NULL");
  if (m->session == NULL)
    return mirin_ms_fail("MSModelResize", kMSStatusLiteUninitializedObj, "the model was not built");
  if (shape_info_num != inputs.handle_num || shape_info_num > MIRIN_MS_MAX_INPUTS) {
    return mirin_ms_fail("MSModelResize", kMSStatusLiteInputParamInvalid,
                         "one shape per input is needed");
  }
  for (i = 0; i < shape_info_num; ++i) {
    if (shape_infos[i].shape_num > MS_MAX_SHAPE_NUM)
      return mirin_ms_fail("MSModelResize", kMSStatusLiteInputParamInvalid, "too many axes");
    for (k = 0; k < shape_infos[i].shape_num; ++k) {
      if (shape_infos[i].shape[k] < 0 || shape_infos[i].shape[k] > INT32_MAX) {
        return mirin_ms_fail("MSModelResize", kMSStatusLiteInputParamInvalid,
                             "a size is out of range");
      }
    }
    dims[i] = shape_infos[i].shape;
    opened_dims[i] = opened[i].shape;
    ranks[i] = shape_infos[i].shape_num;
  }
  if (mirin_ms_fit(m->model, shape_infos, shape_info_num, opened)) {
    if (m->reshaped != NULL) status = mirin_ms_new_session(m->context, m->model, &session);
  } else if (m->reshaped == NULL || !mirin_ms_fit(m->reshaped, shape_infos, shape_info_num, NULL)) {
    status = mirin_model_reshape(m->model, opened_dims, ranks, shape_info_num, &reshaped);
    if (status == NULL) status = mirin_ms_new_session(m->context, reshaped, &session);
  }
  if (status == NULL) {
    status =
        mirin_session_resize(session == NULL ? m->session : session, dims, ranks, shape_info_num);
  }
  if (status != NULL) {
    mirin_session_destroy(session);
    mirin_model_destroy(reshaped);
    return mirin_ms_report("MSModelResize", status);
  }
  if (session != NULL) mirin_ms_replace(m, reshaped, session);
  for (i = 0; i < shape_info_num; ++i) MSTensorSetShape(inputs.handle_list[i], dims[i], ranks[i]);
  return kMSStatusSuccess;
}

/* outputs: filled with the model's own handles. Callbacks per operator are not supported: pass
 * NULL. */
MS_API MSStatus MSModelPredict(MSModelHandle handle, const MSTensorHandleArray inputs,
                               MSTensorHandleArray* outputs, const MSKernelCallBackC before,
                               const MSKernelCallBackC after) {
  mirin_ms_model* m = (mirin_ms_model*)handle;
  mirin_tensor** wrapped;
  const mirin_tensor** results;
  mirin_status* status = NULL;
  size_t i, made;
  if (m == NULL || outputs == NULL || (inputs.handle_list == NULL && inputs.handle_num > 0)) {
    return mirin_ms_fail("MSModelPredict", kMSStatusLiteNullptr, "an argument is NULL");
  }
  if (m->session == NULL)
    return mirin_ms_fail("MSModelPredict", kMSStatusLiteUninitializedObj,
                         "the model was not built");
  if (before != NULL || after != NULL) {
    return mirin_ms_fail("MSModelPredict", kMSStatusLiteNotSupport,
                         "callbacks per operator are not supported; use a profile");
  }
  if (inputs.handle_num != m->inputs.handle_num)
    return mirin_ms_fail("MSModelPredict", kMSStatusLiteError, "wrong number of inputs");
  for (i = 0; i < inputs.handle_num; ++i) {
    if (inputs.handle_list[i] == NULL)
      return mirin_ms_fail("MSModelPredict", kMSStatusLiteNullptr, "an input is NULL");
  }
  wrapped = (mirin_tensor**)calloc(inputs.handle_num + 1, sizeof *wrapped);
  results = (const mirin_tensor**)calloc(m->outputs.handle_num + 1, sizeof *results);
  if (wrapped == NULL || results == NULL) {
    free(wrapped);
    free((void*)(uintptr_t)results);
    return mirin_ms_fail("MSModelPredict", kMSStatusLiteMemoryFailed, "out of memory");
  }
  for (made = 0; made < inputs.handle_num && status == NULL; ++made) {
    status = mirin_ms_wrap((mirin_ms_tensor*)inputs.handle_list[made], &wrapped[made]);
  }
  if (status == NULL) {
    status = mirin_session_run(m->session, (const mirin_tensor* const*)wrapped, inputs.handle_num,
                               results, m->outputs.handle_num);
  }
  for (i = 0; i < inputs.handle_num; ++i) mirin_tensor_destroy(wrapped[i]);
  if (status == NULL) {
    for (i = 0; i < m->outputs.handle_num; ++i)
      mirin_ms_take_output((mirin_ms_tensor*)m->outputs.handle_list[i], results[i]);
    *outputs = m->outputs;
  }
  free(wrapped);
  free((void*)(uintptr_t)results);
  return mirin_ms_report("MSModelPredict", status);
}

MS_API MSTensorHandleArray MSModelGetInputs(const MSModelHandle handle) {
  const MSTensorHandleArray none = {0, NULL};
  return handle == NULL ? none : ((const mirin_ms_model*)handle)->inputs;
}
MS_API MSTensorHandleArray MSModelGetOutputs(const MSModelHandle handle) {
  const MSTensorHandleArray none = {0, NULL};
  return handle == NULL ? none : ((const mirin_ms_model*)handle)->outputs;
}

MS_API MSTensorHandle mirin_ms_find(const MSTensorHandleArray array, const char* name) {
  size_t i;
  for (i = 0; name != NULL && i < array.handle_num; ++i) {
    if (strcmp(MSTensorGetName(array.handle_list[i]), name) == 0) return array.handle_list[i];
  }
  return NULL;
}
MS_API MSTensorHandle MSModelGetInputByTensorName(const MSModelHandle handle,
                                                  const char* tensor_name) {
  return mirin_ms_find(MSModelGetInputs(handle), tensor_name);
}
MS_API MSTensorHandle MSModelGetOutputByTensorName(const MSModelHandle handle,
                                                   const char* tensor_name) {
  return mirin_ms_find(MSModelGetOutputs(handle), tensor_name);
}

#include "include/c_api/unsupported_c.h"

#endif /* MINDSPORE_INCLUDE_C_API_MODEL_C_H */
