// What a connection keeps for its client until it is told otherwise, or ends.
#ifndef CORE_SERVING_GRPC_KEPT_H_
#define CORE_SERVING_GRPC_KEPT_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace mirin::serving {

class Kept {
 public:
  static constexpr size_t kMost = 64;

  absl::Status Add(std::string name, std::shared_ptr<const void> thing) {
    if (things_.size() >= kMost) {
      return absl::ResourceExhaustedError(
          absl::StrCat("a connection can attach at most ", kMost, " pieces of memory"));
    }
    things_.emplace(std::move(name), std::move(thing));
    return absl::OkStatus();
  }
  absl::Status Remove(absl::string_view name) {
    if (things_.erase(name) == 0)
      return absl::NotFoundError(absl::StrCat("'", name, "' is not attached by this connection"));
    return absl::OkStatus();
  }
  void Clear() { things_.clear(); }

 private:
  absl::flat_hash_map<std::string, std::shared_ptr<const void>> things_;
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_GRPC_KEPT_H_
