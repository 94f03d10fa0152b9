/* Pools: one model for many callers at once. A fixed number of workers share the model's weights; requests that find all of them
   busy wait in a bounded queue, in the order of their arrival. A const pool is for any number of threads. On machines with more than one
   NUMA node each worker keeps to the CPUs of one node, unless the session options say where it runs. */
#ifndef MIRIN_POOL_H_
#define MIRIN_POOL_H_

#include "mirin/base.h"
#include "mirin/cancellation.h"
#include "mirin/model.h"
#include "mirin/options.h"
#include "mirin/status.h"
#include "mirin/tensor.h"

MIRIN_BEGIN_DECLS

typedef struct mirin_pool mirin_pool;

typedef struct mirin_pool_options {
  size_t struct_size;
  int32_t workers;   /* 0: the CPUs of the process divided by the threads of a worker */
  int32_t max_queue; /* requests that may wait; one more is RESOURCE_EXHAUSTED */
  const mirin_session_options*
      session; /* of every worker; NULL: the defaults; threads 0: the CPUs divided by the workers */
  const mirin_config* config; /* settings by name; NULL: none */
} mirin_pool_options;

#define MIRIN_POOL_OPTIONS_INIT {sizeof(mirin_pool_options), 0, 1000, NULL, NULL}

/* options: NULL for the defaults. The pool keeps the model's contents alive.
   Errors: INVALID_ARGUMENT, NOT_FOUND (device), UNAVAILABLE, RESOURCE_EXHAUSTED, FAILED_PRECONDITION (the model keeps state between
   runs).
   @since 1.0 */
MIRIN_API mirin_status* mirin_pool_create(const mirin_model* model,
                                          const mirin_pool_options* options, mirin_pool** out_pool);

/* Waits for requests in progress and frees the pool; none may begin any more. NULL is fine.
   @since 1.0 */
MIRIN_API void mirin_pool_destroy(mirin_pool* pool);

/* Number of workers; 0 for NULL.
   @since 1.0 */
MIRIN_API int32_t mirin_pool_workers(const mirin_pool* pool);

/* Runs on the calling thread as soon as a worker is free. inputs: one tensor per model input; every request may have shapes of its
   own. options: NULL for no limit. out_outputs: room for num_outputs == mirin_model_output_count tensors, which then belong to the
   caller.
   Errors: INVALID_ARGUMENT (count, dtype, shape: names the input), RESOURCE_EXHAUSTED (queue full, memory), DEADLINE_EXCEEDED,
   CANCELLED.
   @since 1.0 */
MIRIN_API mirin_status* mirin_pool_run(const mirin_pool* pool, const mirin_tensor* const* inputs,
                                       size_t num_inputs, const mirin_run_options* options,
                                       mirin_tensor** out_outputs, size_t num_outputs);

/* The same into the caller's tensors, as mirin_session_run_into; a NULL entry drops that output.
   Errors: as mirin_pool_run.
   @since 1.0 */
MIRIN_API mirin_status* mirin_pool_run_into(const mirin_pool* pool,
                                            const mirin_tensor* const* inputs, size_t num_inputs,
                                            const mirin_run_options* options,
                                            mirin_tensor* const* outputs, size_t num_outputs);

MIRIN_END_DECLS

#endif /* MIRIN_POOL_H_ */
