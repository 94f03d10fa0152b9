/* Messages for people. Errors are statuses; messages tell what happens on the way: passes, placement, refusals.
   The environment variable MIRIN_LOG (error, warning, info, debug) sets the first level; without it nothing is said. */
#ifndef MIRIN_LOG_H_
#define MIRIN_LOG_H_

#include "mirin/base.h"
#include "mirin/status.h"

MIRIN_BEGIN_DECLS

typedef enum mirin_log_level {
  MIRIN_LOG_OFF = 0,
  MIRIN_LOG_ERROR = 1,
  MIRIN_LOG_WARNING = 2,
  MIRIN_LOG_INFO = 3,
  MIRIN_LOG_DEBUG = 4
} mirin_log_level;

/* message: UTF-8, no newline at its end, borrowed for the call. Must not call mirin functions. */
typedef void (*mirin_log_sink)(mirin_log_level level, const char* message, void* context);

/* What is said from now on. Thread-safe.
   Errors: INVALID_ARGUMENT for a number that is no level.
   @since 1.0 */
MIRIN_API mirin_status* mirin_log_set_level(mirin_log_level level);

/* Sends messages to sink(level, message, context) instead of stderr, on whichever thread makes them, one at a time; NULL brings
   stderr back. When the call returns the old sink is not running and will not run again. Thread-safe.
   @since 1.0 */
MIRIN_API void mirin_log_set_sink(mirin_log_sink sink, void* context);

MIRIN_END_DECLS

#endif /* MIRIN_LOG_H_ */
