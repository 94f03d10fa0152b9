#include "core/runtime/session_cache.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/base/cpus.h"
#include "core/base/status.h"

namespace mirin::runtime {

absl::StatusOr<SessionCache::Lease> SessionCache::Take(const std::shared_ptr<const Model>& model,
                                                       const SessionOptions& options) {
  std::string key = absl::StrCat(
      options.threads, ",", options.prefer_fp16, ",", options.profile, ",", options.deterministic,
      ",", absl::StrJoin(options.devices, ","), ",", absl::StrJoin(options.cpus, ","));
  {
    absl::MutexLock lock(&mutex_);
    for (auto it = idle_.rbegin(); it != idle_.rend(); ++it) {  // the one used last is the warmest
      if (it->first != key) continue;
      std::unique_ptr<Session> session = std::move(it->second);
      idle_.erase(std::next(it).base());
      return Lease(this, std::move(key), std::move(session));
    }
  }
  MIRIN_ASSIGN_OR_RETURN(std::unique_ptr<Session> session, Session::Create(model, options));
  return Lease(this, std::move(key), std::move(session));
}

void SessionCache::Return(std::string key, std::unique_ptr<Session> session) {
  absl::MutexLock lock(&mutex_);
  if (static_cast<int>(idle_.size()) >= 2 * AvailableCpus()) idle_.erase(idle_.begin());
  idle_.emplace_back(std::move(key), std::move(session));
}

}  // namespace mirin::runtime
