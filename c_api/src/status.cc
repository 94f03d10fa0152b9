#include "c_api/src/boundary.h"

mirin_code mirin_status_code(const mirin_status* status) {
  return status == nullptr ? MIRIN_OK : status->code;
}

const char* mirin_status_message(const mirin_status* status) {
  return status == nullptr ? "" : status->message.c_str();
}

const char* mirin_code_name(mirin_code code) {
  switch (code) {
    case MIRIN_OK:
      return "OK";
    case MIRIN_CANCELLED:
      return "CANCELLED";
    case MIRIN_INVALID_ARGUMENT:
      return "INVALID_ARGUMENT";
    case MIRIN_DEADLINE_EXCEEDED:
      return "DEADLINE_EXCEEDED";
    case MIRIN_NOT_FOUND:
      return "NOT_FOUND";
    case MIRIN_PERMISSION_DENIED:
      return "PERMISSION_DENIED";
    case MIRIN_RESOURCE_EXHAUSTED:
      return "RESOURCE_EXHAUSTED";
    case MIRIN_FAILED_PRECONDITION:
      return "FAILED_PRECONDITION";
    case MIRIN_UNIMPLEMENTED:
      return "UNIMPLEMENTED";
    case MIRIN_INTERNAL:
      return "INTERNAL";
    case MIRIN_UNAVAILABLE:
      return "UNAVAILABLE";
    case MIRIN_DATA_LOSS:
      return "DATA_LOSS";
    case MIRIN_UNKNOWN:
      break;
  }
  return "UNKNOWN";
}

mirin_status* mirin_status_create(mirin_code code, const char* message) {
  return mirin::c_api::ToC(
      absl::Status(static_cast<absl::StatusCode>(code), message == nullptr ? "" : message));
}

void mirin_status_destroy(mirin_status* status) {
  if (status != mirin::c_api::OutOfMemory()) delete status;
}
