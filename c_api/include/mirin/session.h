/* Sessions: run a model, one call at a time. A session costs its intermediate memory; weights and plans are the model's. */
#ifndef MIRIN_SESSION_H_
#define MIRIN_SESSION_H_

#include "mirin/base.h"
#include "mirin/cancellation.h"
#include "mirin/model.h"
#include "mirin/options.h"
#include "mirin/status.h"
#include "mirin/tensor.h"

MIRIN_BEGIN_DECLS

typedef struct mirin_session mirin_session;

/* options: NULL for the defaults.
   Errors: INVALID_ARGUMENT, NOT_FOUND (device), UNAVAILABLE, RESOURCE_EXHAUSTED.
   @since 1.0 */
MIRIN_API mirin_status* mirin_session_create(const mirin_model* model,
                                             const mirin_session_options* options,
                                             mirin_session** out_session);

/* Frees the session, its outputs included; NULL is fine. No run may be in progress.
   @since 1.0 */
MIRIN_API void mirin_session_destroy(mirin_session* session);

/* Plans for these input shapes now, so that the next run with them does not. dims[i] points to ranks[i] sizes.
   Errors: INVALID_ARGUMENT, FAILED_PRECONDITION (running), RESOURCE_EXHAUSTED.
   @since 1.0 */
MIRIN_API mirin_status* mirin_session_resize(mirin_session* session, const int64_t* const* dims,
                                             const size_t* ranks, size_t num_inputs);

/* Runs. inputs: one tensor per model input, in its order; read only. out_outputs: room for num_outputs ==
   mirin_model_output_count pointers; the tensors belong to the session and are valid until its next run, resize or end.
   Errors: INVALID_ARGUMENT (count, dtype, shape: names the input), FAILED_PRECONDITION (running in another thread), CANCELLED,
   RESOURCE_EXHAUSTED.
   @since 1.0 */
MIRIN_API mirin_status* mirin_session_run(mirin_session* session, const mirin_tensor* const* inputs,
                                          size_t num_inputs, const mirin_tensor** out_outputs,
                                          size_t num_outputs);

/* Runs and writes the results into the caller's tensors: dtypes must match, and each must be as large as the result or larger
   in bytes; on success each gets the result's shape. An entry may be NULL: that output is dropped. A failed run leaves their
   contents undefined and their shapes as they were.
   Errors: as mirin_session_run.
   @since 1.0 */
MIRIN_API mirin_status* mirin_session_run_into(mirin_session* session,
                                               const mirin_tensor* const* inputs, size_t num_inputs,
                                               mirin_tensor* const* outputs, size_t num_outputs);

/* The same two with a time limit and a cancellation. options: NULL for neither. */

/* Errors: as mirin_session_run, and DEADLINE_EXCEEDED.
   @since 1.0 */
MIRIN_API mirin_status* mirin_session_run_with(mirin_session* session,
                                               const mirin_tensor* const* inputs, size_t num_inputs,
                                               const mirin_run_options* options,
                                               const mirin_tensor** out_outputs,
                                               size_t num_outputs);

/* Errors: as mirin_session_run_into, and DEADLINE_EXCEEDED.
   @since 1.0 */
MIRIN_API mirin_status* mirin_session_run_into_with(
    mirin_session* session, const mirin_tensor* const* inputs, size_t num_inputs,
    const mirin_run_options* options, mirin_tensor* const* outputs, size_t num_outputs);

/* Asks a run in progress to stop at the next operator; it then returns CANCELLED. May be called
   from any thread. NULL is fine.
   @since 1.0 */
MIRIN_API void mirin_session_cancel(mirin_session* session);

/* A copy of state i, which belongs to the caller.
   Errors: INVALID_ARGUMENT, FAILED_PRECONDITION (running), RESOURCE_EXHAUSTED.
   @since 1.0 */
MIRIN_API mirin_status* mirin_session_get_state(mirin_session* session, size_t i,
                                                mirin_tensor** out_tensor);

/* Replaces state i; dtype and shape must be the state's.
   Errors: INVALID_ARGUMENT, FAILED_PRECONDITION (running).
   @since 1.0 */
MIRIN_API mirin_status* mirin_session_set_state(mirin_session* session, size_t i,
                                                const mirin_tensor* value);

/* Texts below are borrowed from the session until the next call of the same function; NULL for NULL. Not during a run. */

/* Times per operator as a table; empty unless mirin_session_options.profile.
   @since 1.0 */
MIRIN_API const char* mirin_session_profile_table(mirin_session* session);
/* Every step as Chrome trace JSON.
   @since 1.0 */
MIRIN_API const char* mirin_session_profile_trace(mirin_session* session);
/* Which implementation each node of the last plans got, and why others refused it.
   @since 1.0 */
MIRIN_API const char* mirin_session_placement(mirin_session* session);
/* Forgets the times collected so far; NULL is fine.
   @since 1.0 */
MIRIN_API void mirin_session_profile_reset(mirin_session* session);

MIRIN_END_DECLS

#endif /* MIRIN_SESSION_H_ */
