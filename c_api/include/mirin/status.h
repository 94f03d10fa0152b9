/* Errors. A fallible function returns mirin_status*: NULL is success, anything else is an error that the caller destroys.
   There is no "last error": a status may travel between threads. */
#ifndef MIRIN_STATUS_H_
#define MIRIN_STATUS_H_

#include "mirin/base.h"

MIRIN_BEGIN_DECLS

/* Numbers of the codes; they equal those of gRPC and Abseil. */
typedef enum mirin_code {
  MIRIN_OK = 0,
  MIRIN_CANCELLED = 1,           /* mirin_session_cancel was called */
  MIRIN_UNKNOWN = 2,             /* an operating system error without a better code */
  MIRIN_INVALID_ARGUMENT = 3,    /* NULL, a wrong dtype or shape, a number out of range */
  MIRIN_DEADLINE_EXCEEDED = 4,   /* a run took longer than it was given */
  MIRIN_NOT_FOUND = 5,           /* a file, a device */
  MIRIN_PERMISSION_DENIED = 7,   /* an unreadable file, a wrong decryption key */
  MIRIN_RESOURCE_EXHAUSTED = 8,  /* memory, or a limit that guards against damaged models */
  MIRIN_FAILED_PRECONDITION = 9, /* a missing key, a session that is busy in another thread */
  MIRIN_UNIMPLEMENTED = 12,      /* an operator, dtype or file feature that is not supported */
  MIRIN_INTERNAL = 13,           /* a defect of the library */
  MIRIN_UNAVAILABLE = 14,        /* a device or its driver is missing */
  MIRIN_DATA_LOSS = 15           /* a damaged model */
} mirin_code;

typedef struct mirin_status mirin_status;

/* The code; MIRIN_OK for NULL.
   @since 1.0 */
MIRIN_API mirin_code mirin_status_code(const mirin_status* status);

/* What happened, UTF-8, for people; "" for NULL. Borrowed from the status.
   @since 1.0 */
MIRIN_API const char* mirin_status_message(const mirin_status* status);

/* "INVALID_ARGUMENT" ..; "UNKNOWN" for numbers that are no code. Static text.
   @since 1.0 */
MIRIN_API const char* mirin_code_name(mirin_code code);

/* A status of the caller's own: for libraries over this one. message: UTF-8, NUL-terminated, copied; NULL is "". NULL for MIRIN_OK.
   @since 1.0 */
MIRIN_API mirin_status* mirin_status_create(mirin_code code, const char* message);

/* Frees a status; NULL is fine.
   @since 1.0 */
MIRIN_API void mirin_status_destroy(mirin_status* status);

MIRIN_END_DECLS

#endif /* MIRIN_STATUS_H_ */
