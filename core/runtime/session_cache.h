// Idle sessions of one model for callers that have none of their own. Thread-safe.
#ifndef CORE_RUNTIME_SESSION_CACHE_H_
#define CORE_RUNTIME_SESSION_CACHE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "core/runtime/session.h"

namespace mirin::runtime {

class SessionCache {
 public:
  // A session that returns to the cache when the lease ends.
  class Lease {
   public:
    Lease(SessionCache* cache, std::string key, std::unique_ptr<Session> session)
        : cache_(cache), key_(std::move(key)), session_(std::move(session)) {}
    Lease(Lease&&) = default;
    ~Lease() {
      if (session_ != nullptr) cache_->Return(std::move(key_), std::move(session_));
    }
    Session* operator->() const { return session_.get(); }

   private:
    SessionCache* cache_;
    std::string key_;
    std::unique_ptr<Session> session_;
  };

  // An idle session with these options, or a new one.
  absl::StatusOr<Lease> Take(const std::shared_ptr<const Model>& model,
                             const SessionOptions& options);

 private:
  void Return(std::string key, std::unique_ptr<Session> session);

  absl::Mutex mutex_;
  std::vector<std::pair<std::string, std::unique_ptr<Session>>> idle_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mirin::runtime

#endif  // CORE_RUNTIME_SESSION_CACHE_H_
