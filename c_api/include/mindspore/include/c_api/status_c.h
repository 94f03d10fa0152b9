/* Source compatibility with MindSpore Lite's C API: status codes. The reason of a failure goes to
 * stderr as one line. */
#ifndef MINDSPORE_INCLUDE_C_API_STATUS_C_H
#define MINDSPORE_INCLUDE_C_API_STATUS_C_H

#include <stdint.h>
#include <stdio.h>

#include "include/c_api/types_c.h"
#include "mirin/mirin.h"

enum MSCompCode { kMSCompCodeCore = 0x00000000u, kMSCompCodeLite = 0xF0000000u };

typedef enum MSStatus {
  kMSStatusSuccess = 0,
  kMSStatusCoreFailed = kMSCompCodeCore | 0x1,
  kMSStatusLiteError = kMSCompCodeLite | (0x0FFFFFFF & -1),
  kMSStatusLiteNullptr = kMSCompCodeLite | (0x0FFFFFFF & -2),
  kMSStatusLiteParamInvalid = kMSCompCodeLite | (0x0FFFFFFF & -3),
  kMSStatusLiteNoChange = kMSCompCodeLite | (0x0FFFFFFF & -4),
  kMSStatusLiteSuccessExit = kMSCompCodeLite | (0x0FFFFFFF & -5),
  kMSStatusLiteMemoryFailed = kMSCompCodeLite | (0x0FFFFFFF & -6),
  kMSStatusLiteNotSupport = kMSCompCodeLite | (0x0FFFFFFF & -7),
  kMSStatusLiteThreadPoolError = kMSCompCodeLite | (0x0FFFFFFF & -8),
  kMSStatusLiteUninitializedObj = kMSCompCodeLite | (0x0FFFFFFF & -9),
  kMSStatusLiteFileError = kMSCompCodeLite | (0x0FFFFFFF & -10),
  kMSStatusLiteServiceDeny = kMSCompCodeLite | (0x0FFFFFFF & -11),
  kMSStatusLiteModelRebuild = kMSCompCodeLite | (0x0FFFFFFF & -12),
  kMSStatusLiteOutOfTensorRange = kMSCompCodeLite | (0x0FFFFFFF & -100),
  kMSStatusLiteInputTensorError = kMSCompCodeLite | (0x0FFFFFFF & -101),
  kMSStatusLiteReentrantError = kMSCompCodeLite | (0x0FFFFFFF & -102),
  kMSStatusLiteGraphFileError = kMSCompCodeLite | (0x0FFFFFFF & -200),
  kMSStatusLiteNotFindOp = kMSCompCodeLite | (0x0FFFFFFF & -300),
  kMSStatusLiteInvalidOpName = kMSCompCodeLite | (0x0FFFFFFF & -301),
  kMSStatusLiteInvalidOpAttr = kMSCompCodeLite | (0x0FFFFFFF & -302),
  kMSStatusLiteOpExecuteFailure = kMSCompCodeLite | (0x0FFFFFFF & -303),
  kMSStatusLiteFormatError = kMSCompCodeLite | (0x0FFFFFFF & -400),
  kMSStatusLiteInferError = kMSCompCodeLite | (0x0FFFFFFF & -500),
  kMSStatusLiteInferInvalid = kMSCompCodeLite | (0x0FFFFFFF & -501),
  kMSStatusLiteInputParamInvalid = kMSCompCodeLite | (0x0FFFFFFF & -600)
} MSStatus;

/* -- ours
 * ------------------------------------------------------------------------------------------------------------
 */

MS_API MSStatus mirin_ms_from_code(mirin_code code) {
  switch (code) {
    case MIRIN_OK:
      return kMSStatusSuccess;
    case MIRIN_INVALID_ARGUMENT:
      return kMSStatusLiteInputParamInvalid;
    case MIRIN_NOT_FOUND:
    case MIRIN_PERMISSION_DENIED:
      return kMSStatusLiteFileError;
    case MIRIN_DATA_LOSS:
      return kMSStatusLiteGraphFileError;
    case MIRIN_UNIMPLEMENTED:
    case MIRIN_UNAVAILABLE:
      return kMSStatusLiteNotSupport;
    case MIRIN_RESOURCE_EXHAUSTED:
      return kMSStatusLiteMemoryFailed;
    case MIRIN_FAILED_PRECONDITION:
      return kMSStatusLiteUninitializedObj;
    default:
      return kMSStatusLiteError;
  }
}

/* Says why on stderr and consumes the status. */
MS_API MSStatus mirin_ms_report(const char* function, mirin_status* status) {
  const MSStatus code = mirin_ms_from_code(mirin_status_code(status));
  if (status != NULL) fprintf(stderr, "%s: %s\n", function, mirin_status_message(status));
  mirin_status_destroy(status);
  return code;
}

MS_API MSStatus mirin_ms_fail(const char* function, MSStatus code, const char* reason) {
  fprintf(stderr, "%s: %s\n", function, reason);
  return code;
}

#endif /* MINDSPORE_INCLUDE_C_API_STATUS_C_H */
