// Status macros and the choice of codes.
//
// Fallible functions return absl::Status or absl::StatusOr. Choose the code by the sentence that fits:
//   InvalidArgument     the caller passed something that can never work (null, wrong dtype, wrong shape)
//   NotFound            a named thing (file, input, operator's parameter) does not exist
//   DataLoss            bytes of a model are damaged or truncated
//   Unimplemented       valid, but this build or backend has no code for it
//   ResourceExhausted   a limit (memory, depth, count) would be passed
//   FailedPrecondition  right call at the wrong time (resize while running, key missing)
//   PermissionDenied    wrong decryption key
//   Cancelled           the caller asked to stop
//   Internal            a broken invariant of ours
#ifndef CORE_BASE_STATUS_H_
#define CORE_BASE_STATUS_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"

namespace mirin {

// Puts "context: " before the message of a failed status and keeps its payloads; an ok status passes unchanged.
inline absl::Status Annotate(const absl::Status& status, absl::string_view context) {
  if (status.ok()) return status;
  absl::Status annotated(status.code(), absl::StrCat(context, ": ", status.message()));
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) {
    annotated.SetPayload(url, payload);
  });
  return annotated;
}

}  // namespace mirin

#define MIRIN_CONCAT_INNER_(a, b) a##b
#define MIRIN_CONCAT_(a, b) MIRIN_CONCAT_INNER_(a, b)

#define MIRIN_RETURN_IF_ERROR(expr)                \
  do {                                             \
    absl::Status mirin_status_ = (expr);           \
    if (!mirin_status_.ok()) return mirin_status_; \
  } while (false)

#define MIRIN_ASSIGN_OR_RETURN(lhs, expr) \
  MIRIN_ASSIGN_OR_RETURN_IMPL_(MIRIN_CONCAT_(mirin_or_, __LINE__), lhs, expr)
#define MIRIN_ASSIGN_OR_RETURN_IMPL_(result, lhs, expr) \
  auto result = (expr);                                 \
  if (!result.ok()) return result.status();             \
  lhs = std::move(result).value()

#endif  // CORE_BASE_STATUS_H_
