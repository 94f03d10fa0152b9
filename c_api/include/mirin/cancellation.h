/* Ending runs early: what a caller may cancel, and how long a run may take. */
#ifndef MIRIN_CANCELLATION_H_
#define MIRIN_CANCELLATION_H_

#include "mirin/base.h"
#include "mirin/status.h"

MIRIN_BEGIN_DECLS

/* What a caller may cancel, from any thread, once and for good. One object may serve any number of runs. */
typedef struct mirin_cancellation mirin_cancellation;

/* Errors: INVALID_ARGUMENT, RESOURCE_EXHAUSTED.
   @since 1.0 */
MIRIN_API mirin_status* mirin_cancellation_create(mirin_cancellation** out_cancellation);

/* Ends runs that were given this object, at their next operator, and those that still wait; later ones do not begin. They return
   CANCELLED. From any thread; NULL is fine.
   @since 1.0 */
MIRIN_API void mirin_cancellation_cancel(mirin_cancellation* cancellation);

/* Frees the object, which no run may use any more; NULL is fine.
   @since 1.0 */
MIRIN_API void mirin_cancellation_destroy(mirin_cancellation* cancellation);

typedef struct mirin_run_options {
  size_t struct_size;
  int64_t timeout_us;               /* waiting and running together, in microseconds; 0: no limit */
  mirin_cancellation* cancellation; /* NULL: none */
} mirin_run_options;

#define MIRIN_RUN_OPTIONS_INIT {sizeof(mirin_run_options), 0, NULL}

MIRIN_END_DECLS

#endif /* MIRIN_CANCELLATION_H_ */
