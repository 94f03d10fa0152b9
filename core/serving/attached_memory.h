// Memory of clients on this machine, which large tensors come and go in instead of a connection.
//
// A client makes a memfd that nobody can resize, begins it with kMagic and a secret, and says which of its descriptors it is. Only
// who can read that memory knows the secret, so that nobody can offer what belongs to somebody else; and only processes of the
// server's user have descriptors that the server can open.
#ifndef CORE_SERVING_ATTACHED_MEMORY_H_
#define CORE_SERVING_ATTACHED_MEMORY_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "core/serving/mapping.h"
#include "core/serving/tensor.h"

namespace mirin::serving {

// Thread-safe.
class AttachedMemory {
 public:
  static constexpr absl::string_view kName = "mirin-client";  // that the memfd is made with
  static constexpr absl::string_view kMagic = "mirin client memory 1\n";  // its first bytes,
  static constexpr size_t kSecret = 32;                                   // and those behind them
  static constexpr absl::string_view kPrefix = "attached:";               // of a key
  static constexpr size_t kMost = 1024;

  struct Offer {
    int64_t process = 0;     // as the server sees it
    int64_t descriptor = 0;  // of that process
    uint64_t size = 0;
    std::string secret;
  };
  // The name that tensors give the memory of a secret: kPrefix and its hexadecimal digits.
  static std::string KeyOf(absl::string_view secret);

  // The memory is there until the last copy of the result is gone. NotFound when there is no such descriptor that this process may
  // open; InvalidArgument when it is not a client's memory or the secret is not its own; AlreadyExists; ResourceExhausted.
  absl::StatusOr<std::shared_ptr<const void>> Attach(const Offer& offer);

  // A part of the memory, which its owner may change at any time (Buffer::is_foreign).
  absl::StatusOr<Buffer> Read(absl::string_view key, uint64_t offset, uint64_t size) const;
  absl::Status Write(absl::string_view key, uint64_t offset, absl::string_view bytes) const;

 private:
  using Regions = absl::flat_hash_map<std::string, std::shared_ptr<Mapping>>;
  struct State {
    absl::Mutex mutex;
    Regions regions ABSL_GUARDED_BY(mutex);
  };
  absl::StatusOr<std::shared_ptr<Mapping>> Find(absl::string_view key, uint64_t offset,
                                                uint64_t size) const;

  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_ATTACHED_MEMORY_H_
