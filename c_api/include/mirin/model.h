/* Models: loaded and verified once, immutable, shared by any number of sessions and threads. */
#ifndef MIRIN_MODEL_H_
#define MIRIN_MODEL_H_

#include "mirin/base.h"
#include "mirin/options.h"
#include "mirin/status.h"
#include "mirin/tensor.h"

MIRIN_BEGIN_DECLS

typedef struct mirin_model mirin_model;

/* Loads a MindIR file. path: UTF-8, NUL-terminated. options: NULL for the defaults.
   Errors: NOT_FOUND, PERMISSION_DENIED (file or key), FAILED_PRECONDITION (key missing), DATA_LOSS, UNIMPLEMENTED (with the node),
   RESOURCE_EXHAUSTED, INVALID_ARGUMENT.
   @since 1.0 */
MIRIN_API mirin_status* mirin_model_load_file(const char* path, const mirin_model_options* options,
                                              mirin_model** out_model);

/* Loads from memory, which is copied. Models with external weight files need options.config to say where those are ([model_file]
   mindir_path).
   Errors: as mirin_model_load_file.
   @since 1.0 */
MIRIN_API mirin_status* mirin_model_load_memory(const void* data, size_t size,
                                                const mirin_model_options* options,
                                                mirin_model** out_model);

/* Loads from memory without a copy: deleter(data, context) runs when the model and its sessions are gone; deleter may be NULL
   for memory that outlives them. On failure the caller keeps the memory.
   Errors: as mirin_model_load_file.
   @since 1.0 */
MIRIN_API mirin_status* mirin_model_load_memory_adopt(const void* data, size_t size,
                                                      mirin_deleter deleter, void* context,
                                                      const mirin_model_options* options,
                                                      mirin_model** out_model);

/* A model of the same contents for other input shapes than the file has, fixed or open ones: dims[i] points to ranks[i] sizes, -1 is
   open. Weights are shared with `model`, which may be destroyed. A session's resize is cheaper where the shapes fit the model's.
   Errors: INVALID_ARGUMENT (names the node that cannot work with these shapes), RESOURCE_EXHAUSTED.
   @since 1.0 */
MIRIN_API mirin_status* mirin_model_reshape(const mirin_model* model, const int64_t* const* dims,
                                            const size_t* ranks, size_t num_inputs,
                                            mirin_model** out_model);

/* Lets go of a model; its sessions may live on. NULL is fine.
   @since 1.0 */
MIRIN_API void mirin_model_destroy(mirin_model* model);

/* The three groups of named values below are read alike: i counts from 0; out of range or NULL gives 0, NULL or UNKNOWN.
   inputs and outputs: the model's signature. states: parameters that the model writes, a copy in each session. */

/* @since 1.0 */
MIRIN_API size_t mirin_model_input_count(const mirin_model* model);
/* Name of input i. Borrowed from the model.
   @since 1.0 */
MIRIN_API const char* mirin_model_input_name(const mirin_model* model, size_t i);
/* @since 1.0 */
MIRIN_API mirin_dtype mirin_model_input_dtype(const mirin_model* model, size_t i);
/* Number of axes; -1 when even that is known only at run time (and for an i out of range).
   @since 1.0 */
MIRIN_API int32_t mirin_model_input_rank(const mirin_model* model, size_t i);
/* Sizes of the axes, -1 where known only at run time. Borrowed from the model.
   @since 1.0 */
MIRIN_API const int64_t* mirin_model_input_dims(const mirin_model* model, size_t i);

/* @since 1.0 */
MIRIN_API size_t mirin_model_output_count(const mirin_model* model);
/* @since 1.0 */
MIRIN_API const char* mirin_model_output_name(const mirin_model* model, size_t i);
/* @since 1.0 */
MIRIN_API mirin_dtype mirin_model_output_dtype(const mirin_model* model, size_t i);
/* @since 1.0 */
MIRIN_API int32_t mirin_model_output_rank(const mirin_model* model, size_t i);
/* @since 1.0 */
MIRIN_API const int64_t* mirin_model_output_dims(const mirin_model* model, size_t i);

/* @since 1.0 */
MIRIN_API size_t mirin_model_state_count(const mirin_model* model);
/* @since 1.0 */
MIRIN_API const char* mirin_model_state_name(const mirin_model* model, size_t i);

/* A text that the file carries: "model_version", "producer_name", "preprocessor" (JSON), "user_info/KEY"; "" when absent, NULL when
   an argument is NULL. Borrowed from the model.
   @since 1.0 */
MIRIN_API const char* mirin_model_metadata(const mirin_model* model, const char* key);

/* What the graph passes did, a table for people; NULL for NULL. Borrowed from the model.
   @since 1.0 */
MIRIN_API const char* mirin_model_pass_report(const mirin_model* model);

/* The thread-safe way to run: any number of threads may call it on one model. A session is taken from the model's idle ones,
   or made; idle ones are kept, at most two per CPU. options: NULL for the defaults. inputs: as mirin_session_run. out_outputs:
   room for num_outputs == mirin_model_output_count tensors, which then belong to the caller. Models with states are
   FAILED_PRECONDITION: their runs are not independent.
   Errors: as mirin_session_create and mirin_session_run.
   @since 1.0 */
MIRIN_API mirin_status* mirin_model_run(const mirin_model* model,
                                        const mirin_session_options* options,
                                        const mirin_tensor* const* inputs, size_t num_inputs,
                                        mirin_tensor** out_outputs, size_t num_outputs);

MIRIN_END_DECLS

#endif /* MIRIN_MODEL_H_ */
