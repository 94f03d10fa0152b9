/* Mirin runs MindIR models. This header includes the whole C interface.

   Objects
     mirin_model    a loaded model: immutable; any number of threads and sessions may use it at once
     mirin_session  runs one model, one call at a time; make one per thread, or use mirin_model_run from any thread
     mirin_pool     runs one model for many callers: workers, a bounded queue, deadlines
     mirin_tensor   dtype, shape and memory
     mirin_config   settings by name, from files or one by one
     mirin_status   an error; NULL is success

   Rules
     - A function that can fail returns mirin_status*; destroy what is not NULL.
     - create, load and copy give you ownership; destroy takes NULL. Getters lend: their comment says from whom.
     - Outputs of a function come last, are named out_.., and stay untouched on failure.
     - A const handle may be shared between threads; any other is for one thread at a time. mirin_session_cancel is the exception.
     - A model may be destroyed while its sessions live.
     - Nothing prints, nothing exits; NULL and numbers out of range are answered with a status, 0 or NULL.

   Example
     mirin_model* model = NULL;
     mirin_session* session = NULL;
     mirin_tensor* x = NULL;
     const mirin_tensor* y = NULL;
     const int64_t dims[] = {1, 4};
     mirin_status* s = mirin_model_load_file("net.mindir", NULL, &model);
     if (s == NULL) s = mirin_session_create(model, NULL, &session);
     if (s == NULL) s = mirin_tensor_create(MIRIN_DTYPE_F32, dims, 2, &x);
     if (s == NULL) {
       const mirin_tensor* inputs[] = {x};
       fill((float*)mirin_tensor_mutable_data(x));
       s = mirin_session_run(session, inputs, 1, &y, 1);
     }
     if (s == NULL) use((const float*)mirin_tensor_data(y));
     if (s != NULL) fprintf(stderr, "%s\n", mirin_status_message(s));
     mirin_status_destroy(s);
     mirin_tensor_destroy(x);
     mirin_session_destroy(session);
     mirin_model_destroy(model);
*/
#ifndef MIRIN_MIRIN_H_
#define MIRIN_MIRIN_H_

#include "mirin/base.h"
#include "mirin/cancellation.h"
#include "mirin/config.h"
#include "mirin/device.h"
#include "mirin/log.h"
#include "mirin/model.h"
#include "mirin/options.h"
#include "mirin/pool.h"
#include "mirin/session.h"
#include "mirin/status.h"
#include "mirin/tensor.h"

#endif /* MIRIN_MIRIN_H_ */
