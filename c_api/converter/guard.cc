// The guard of a library over libmirin.so: statuses are that library's objects.
#include "c_api/src/guard.h"

namespace mirin::c_api {

mirin_status* ToC(const absl::Status& status) {
  if (status.ok()) return nullptr;
  return mirin_status_create(static_cast<mirin_code>(status.code()),
                             std::string(status.message()).c_str());
}

mirin_status* OutOfMemory() {
  return mirin_status_create(MIRIN_RESOURCE_EXHAUSTED, "out of memory");
}

}  // namespace mirin::c_api
