#define _GNU_SOURCE
#include "shim.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "_cgo_export.h"

/* A pointer to each function, and a function under the header's name that calls it. Hidden: no
   other library of the process may take these for its own. */
#define CORE(result, name, parameters, arguments) \
  static result(*p_##name) parameters;            \
  __asm__(".hidden " #name);                      \
  result name parameters { return p_##name arguments; }
#define CONVERTER CORE
#include "functions.inc"
#undef CORE
#undef CONVERTER

static char* text(const char* format, ...) {
  char* result = NULL;
  va_list arguments;
  va_start(arguments, format);
  const int length = vasprintf(&result, format, arguments);
  va_end(arguments);
  return length < 0 ? NULL : result;
}

static char* take_core(void* library) {
  uint32_t (*version)(void);
  *(void**)&version = dlsym(library, "mirin_api_version");
  if (version == NULL) return text("it is no Mirin library");
  const uint32_t has = version();
  if (has >> 16 != MIRIN_API_MAJOR || (int)(has & 0xffff) < MIRIN_API_MINOR) {
    return text("its interface is %u.%u, this module needs %d.%d", has >> 16, has & 0xffff,
                MIRIN_API_MAJOR, MIRIN_API_MINOR);
  }
#define CORE(result, name, parameters, arguments) \
  if ((*(void**)& p_##name = dlsym(library, #name)) == NULL) return text("it has no %s", #name);
#define CONVERTER(result, name, parameters, arguments)
#include "functions.inc"
#undef CORE
#undef CONVERTER
  return NULL;
}

static char* take_converter(void* library) {
#define CORE(result, name, parameters, arguments)
#define CONVERTER(result, name, parameters, arguments) \
  if ((*(void**)& p_##name = dlsym(library, #name)) == NULL) return text("it has no %s", #name);
#include "functions.inc"
#undef CORE
#undef CONVERTER
  return NULL;
}

char* capi_open(const char* path, bool converter) {
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return text("%s", dlerror());
  char* reason = converter ? take_converter(library) : take_core(library);
  if (reason != NULL) dlclose(library);
  return reason;
}

char* capi_path(void) {
  Dl_info info;
  if (p_mirin_api_version == NULL || dladdr(*(void**)&p_mirin_api_version, &info) == 0)
    return text("");
  return realpath(info.dli_fname, NULL);
}

char* capi_loader_folders(void) {
  void* self = dlopen(NULL, RTLD_NOW);
  Dl_serinfo size;
  char* folders = NULL;
  if (self == NULL || dlinfo(self, RTLD_DI_SERINFOSIZE, &size) != 0) return NULL;
  Dl_serinfo* found = calloc(1, size.dls_size);
  if (found != NULL && dlinfo(self, RTLD_DI_SERINFOSIZE, found) == 0 &&
      dlinfo(self, RTLD_DI_SERINFO, found) == 0) {
    for (unsigned i = 0; i < found->dls_cnt; ++i) {
      char* longer = text("%s%s\n", folders == NULL ? "" : folders, found->dls_serpath[i].dls_name);
      free(folders);
      folders = longer;
    }
  }
  free(found);
  return folders;
}

void capi_describe(capi_tensor* tensor) {
  const mirin_tensor* handle = tensor->handle;
  tensor->dtype = mirin_tensor_dtype(handle);
  tensor->rank = mirin_tensor_rank(handle);
  tensor->data = (uintptr_t)mirin_tensor_data(handle);
  if (tensor->rank > 0)
    memcpy(tensor->dims, mirin_tensor_dims(handle), tensor->rank * sizeof(int64_t));
}

static mirin_status* no_memory(void) {
  return mirin_status_create(MIRIN_RESOURCE_EXHAUSTED, "out of memory");
}

/* The tensors' handles; those that have none get one that borrows their memory. */
static mirin_status* lend(const capi_tensor* tensors, size_t count, mirin_tensor** handles) {
  mirin_status* status = NULL;
  for (size_t i = 0; i < count && status == NULL; ++i) {
    const capi_tensor* t = &tensors[i];
    if (t->handle != NULL) {
      handles[i] = t->handle;
    } else if (t->dtype != MIRIN_DTYPE_UNKNOWN) {
      status = mirin_tensor_create_borrowed(t->dtype, t->dims, t->rank, (void*)t->data, t->size,
                                            &handles[i]);
    }
  }
  return status;
}

/* Frees what lend made. */
static void take_back(const capi_tensor* tensors, size_t count, mirin_tensor** handles) {
  for (size_t i = 0; i < count; ++i) {
    if (tensors[i].handle == NULL) mirin_tensor_destroy(handles[i]);
  }
}

static mirin_status* run_into(mirin_session* session, const mirin_pool* pool,
                              const mirin_tensor* const* in, size_t num_inputs,
                              const mirin_run_options* options, capi_tensor* outputs,
                              size_t num_outputs, mirin_tensor** out) {
  mirin_status* status = lend(outputs, num_outputs, out);
  if (status == NULL) {
    status = session != NULL
                 ? mirin_session_run_into_with(session, in, num_inputs, options, out, num_outputs)
                 : mirin_pool_run_into(pool, in, num_inputs, options, out, num_outputs);
  }
  for (size_t i = 0; i < num_outputs; ++i) {
    if (status == NULL && out[i] != NULL) {
      outputs[i].rank = mirin_tensor_rank(out[i]);
      if (outputs[i].rank > 0)
        memcpy(outputs[i].dims, mirin_tensor_dims(out[i]), outputs[i].rank * sizeof(int64_t));
    }
    mirin_tensor_destroy(out[i]);
  }
  return status;
}

static mirin_status* run(mirin_session* session, const mirin_pool* pool,
                         const mirin_tensor* const* in, size_t num_inputs,
                         const mirin_run_options* options, capi_tensor* outputs, size_t num_outputs,
                         mirin_tensor** out) {
  mirin_status* status = session != NULL
                             ? mirin_session_run_with(session, in, num_inputs, options,
                                                      (const mirin_tensor**)out, num_outputs)
                             : mirin_pool_run(pool, in, num_inputs, options, out, num_outputs);
  for (size_t i = 0; i < num_outputs && status == NULL; ++i) {
    outputs[i].handle = out[i];
    capi_describe(&outputs[i]);
  }
  return status;
}

mirin_status* capi_run(mirin_session* session, const mirin_pool* pool, const capi_tensor* inputs,
                       size_t num_inputs, int64_t timeout_us, mirin_cancellation* cancellation,
                       capi_tensor* outputs, size_t num_outputs, bool into) {
  mirin_run_options limits = MIRIN_RUN_OPTIONS_INIT;
  limits.timeout_us = timeout_us;
  limits.cancellation = cancellation;
  mirin_tensor** handles = calloc(num_inputs + num_outputs + 1, sizeof *handles);
  if (handles == NULL) return no_memory();
  mirin_tensor** out = handles + num_inputs;
  const mirin_tensor* const* in = (const mirin_tensor* const*)handles;
  mirin_status* status = lend(inputs, num_inputs, handles);
  if (status == NULL) {
    status = into ? run_into(session, pool, in, num_inputs, &limits, outputs, num_outputs, out)
                  : run(session, pool, in, num_inputs, &limits, outputs, num_outputs, out);
  }
  take_back(inputs, num_inputs, handles);
  free(handles);
  return status;
}

mirin_status* capi_strings(const int64_t* dims, size_t rank, const char* bytes, const size_t* sizes,
                           size_t count, mirin_tensor** out_tensor) {
  const char** texts = calloc(count + 1, sizeof *texts);
  if (texts == NULL) return no_memory();
  for (size_t i = 0; i < count; ++i) {
    texts[i] = bytes;
    bytes += sizes[i];
  }
  mirin_status* status = mirin_tensor_create_strings(dims, rank, texts, sizes, out_tensor);
  free(texts);
  return status;
}

/* Where each input's dims begin. Free it; NULL without memory. */
static const int64_t** starts(const int64_t* dims, const size_t* ranks, size_t num_inputs) {
  const int64_t** shapes = calloc(num_inputs + 1, sizeof *shapes);
  for (size_t i = 0; i < num_inputs && shapes != NULL; ++i) {
    shapes[i] = dims;
    dims += ranks[i];
  }
  return shapes;
}

mirin_status* capi_resize(mirin_session* session, const int64_t* dims, const size_t* ranks,
                          size_t num_inputs) {
  const int64_t** shapes = starts(dims, ranks, num_inputs);
  if (shapes == NULL) return no_memory();
  mirin_status* status = mirin_session_resize(session, shapes, ranks, num_inputs);
  free(shapes);
  return status;
}

mirin_status* capi_reshape(const mirin_model* model, const int64_t* dims, const size_t* ranks,
                           size_t num_inputs, mirin_model** out_model) {
  const int64_t** shapes = starts(dims, ranks, num_inputs);
  if (shapes == NULL) return no_memory();
  mirin_status* status = mirin_model_reshape(model, shapes, ranks, num_inputs, out_model);
  free(shapes);
  return status;
}

static void log_to_go(mirin_log_level level, const char* message, void* context) {
  capi_go_log((int)level, (char*)message);
}

void capi_log_to_go(bool on) { mirin_log_set_sink(on ? log_to_go : NULL, NULL); }
