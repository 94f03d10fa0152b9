// Where statuses and exceptions become mirin_status*: what every C function's body begins and ends with.
#ifndef C_API_SRC_GUARD_H_
#define C_API_SRC_GUARD_H_

#include <exception>
#include <new>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "mirin/status.h"

namespace mirin::c_api {

// NULL for ok.
mirin_status* ToC(const absl::Status& status);
mirin_status* OutOfMemory();

inline absl::Status NullArgument(const char* name) {
  return absl::InvalidArgumentError(absl::StrCat(name, " is NULL"));
}

}  // namespace mirin::c_api

// A C function's body: `return mirin_status*` inside; nothing escapes.
#define MIRIN_C_BEGIN try {
#define MIRIN_C_END                                                             \
  }                                                                             \
  catch (const std::bad_alloc&) {                                               \
    return mirin::c_api::OutOfMemory();                                         \
  }                                                                             \
  catch (const std::exception& e) {                                             \
    return mirin::c_api::ToC(                                                   \
        absl::InternalError(absl::StrCat("unexpected exception: ", e.what()))); \
  }                                                                             \
  catch (...) {                                                                 \
    return mirin::c_api::ToC(absl::InternalError("unexpected exception"));      \
  }
#define MIRIN_C_REQUIRE(argument) \
  if ((argument) == nullptr) return mirin::c_api::ToC(mirin::c_api::NullArgument(#argument))
#define MIRIN_C_RETURN_IF_ERROR(expr)                       \
  do {                                                      \
    const absl::Status c_status = (expr);                   \
    if (!c_status.ok()) return mirin::c_api::ToC(c_status); \
  } while (false)

#endif  // C_API_SRC_GUARD_H_
