/* What lies between Go and the C API: the library is opened at run time, and a run is one call. */
#ifndef MIRIN_GO_SHIM_H_
#define MIRIN_GO_SHIM_H_

#include "mirin/converter.h"
#include "mirin/mirin.h"

/* Opens the library at path and takes its functions; the converter's when converter is set. NULL,
 * or why not: free it. */
char* capi_open(const char* path, bool converter);

/* The path of the open library; "" when there is none. Free it. */
char* capi_path(void);

/* Where the system's loader looks for libraries, one folder a line. Free it; NULL when it does not
 * tell. */
char* capi_loader_folders(void);

/* One tensor of a run. As an input: handle, or else dtype, dims, rank and data. As the target of a
   run: dtype and data, or dtype UNKNOWN to drop the output. After a run: everything; handle lends
   the tensor (or, of a pool, is the caller's). */
typedef struct capi_tensor {
  mirin_tensor* handle;
  uintptr_t data; /* pinned by Go for the call */
  size_t size;
  int64_t dims[MIRIN_MAX_RANK];
  size_t rank;
  mirin_dtype dtype;
} capi_tensor;

/* The options' defaults, which Go cannot take from the macros. */
static inline mirin_model_options capi_model_options(void) {
  return (mirin_model_options)MIRIN_MODEL_OPTIONS_INIT;
}
static inline mirin_session_options capi_session_options(void) {
  return (mirin_session_options)MIRIN_SESSION_OPTIONS_INIT;
}
static inline mirin_pool_options capi_pool_options(void) {
  return (mirin_pool_options)MIRIN_POOL_OPTIONS_INIT;
}

/* Runs the session or, where it is NULL, the pool, with the limits of mirin_run_options. into: the
   outputs are written where outputs[i].data points. */
mirin_status* capi_run(mirin_session* session, const mirin_pool* pool, const capi_tensor* inputs,
                       size_t num_inputs, int64_t timeout_us, mirin_cancellation* cancellation,
                       capi_tensor* outputs, size_t num_outputs, bool into);

/* Fills in what the handle says. */
void capi_describe(capi_tensor* tensor);

/* A tensor of count texts that lie one after another in text. */
mirin_status* capi_strings(const int64_t* dims, size_t rank, const char* text, const size_t* sizes,
                           size_t count, mirin_tensor** out_tensor);

/* mirin_session_resize and mirin_model_reshape with the dims of all inputs one after another. */
mirin_status* capi_resize(mirin_session* session, const int64_t* dims, const size_t* ranks,
                          size_t num_inputs);
mirin_status* capi_reshape(const mirin_model* model, const int64_t* dims, const size_t* ranks,
                           size_t num_inputs, mirin_model** out_model);

/* Sends messages to Go's capi_go_log, or to standard error again. */
void capi_log_to_go(bool on);

#endif /* MIRIN_GO_SHIM_H_ */
