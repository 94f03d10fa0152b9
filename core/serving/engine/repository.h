// The servables that run: the Engine that protocols see, with loading, replacing and taking away.
#ifndef CORE_SERVING_ENGINE_REPOSITORY_H_
#define CORE_SERVING_ENGINE_REPOSITORY_H_

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "core/serving/engine.h"
#include "core/serving/engine/servable.h"

namespace mirin::serving {

struct RepositoryOptions {
  uint64_t max_queue = 10000;  // requests in progress
  std::string directory;       // where Load finds servables that were never added; "": nowhere
  bool allow_control = false;  // Load and Unload
  absl::Duration poll =
      absl::ZeroDuration();  // looks for new versions and servables that often; 0: never
};

class Repository : public Engine {
 public:
  // context's pointers outlive this.
  Repository(RepositoryOptions options, ServableContext context);
  // Servables end; no request may be in progress.
  ~Repository() override;

  // All or none. Versions that run already are replaced when the new ones are ready.
  absl::Status Add(std::vector<ServableOptions> servables);
  // version 0: all.
  absl::Status Remove(const std::string& name, uint64_t version);
  void SetMaxQueue(uint64_t max_queue) { max_queue_ = max_queue; }
  // Ends an Add in progress, which then fails with Cancelled; later ones do so at once.
  void CancelAdds();
  // Refuses requests from now on, and waits for those in progress.
  void Drain(absl::Time deadline);

  void Infer(std::unique_ptr<InferRequest> request, InferCallback done) override;
  bool Live() const override { return true; }
  bool Ready() const override;
  absl::StatusOr<std::shared_ptr<const MethodInfo>> Find(absl::string_view model,
                                                         absl::string_view version) const override;
  absl::StatusOr<MethodStatistics> Statistics(const MethodInfo& method) const override;
  std::vector<uint64_t> Versions(absl::string_view servable) const override;
  std::vector<ServableState> List() const override;
  std::vector<std::shared_ptr<const MethodInfo>> Methods() const override;
  absl::Status Load(absl::string_view servable,
                    const std::map<std::string, std::string>& parameters) override;
  absl::Status Unload(absl::string_view servable) override;

 private:
  using Versions_ = std::map<uint64_t, std::shared_ptr<Servable>>;

  // Servables are ended by a thread of their own: whoever drops the last reference is not held up.
  std::shared_ptr<Servable> Own(std::unique_ptr<Servable> servable);
  void Reap();
  bool HasRetired() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(reaper_mutex_) {
    return !retired_.empty() || (reaper_stops_ && alive_ == 0);
  }
  absl::StatusOr<std::shared_ptr<Servable>> FindServable(absl::string_view name,
                                                         uint64_t version) const;
  bool IsIdle() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return in_progress_ == 0; }
  // Loads what is newer on disk, and takes away what is gone.
  void Poll();
  void SetState(const std::string& name, std::string state, std::string reason);

  const RepositoryOptions options_;
  const ServableContext context_;
  std::atomic<uint64_t> max_queue_;
  std::atomic<uint64_t> in_progress_{0};
  std::atomic<bool> draining_{false};

  absl::Mutex change_mutex_;  // one change at a time
  mutable absl::Mutex mutex_;
  std::map<std::string, Versions_, std::less<>> servables_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, ServableOptions, std::less<>> known_
      ABSL_GUARDED_BY(mutex_);  // as they were added last
  std::map<std::string, std::pair<std::string, std::string>, std::less<>> states_
      ABSL_GUARDED_BY(mutex_);  // not READY: state, reason
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool adds_cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::shared_ptr<Cancellation>> adding_ ABSL_GUARDED_BY(mutex_);

  absl::Mutex reaper_mutex_;
  std::deque<Servable*> retired_ ABSL_GUARDED_BY(reaper_mutex_);
  size_t alive_ ABSL_GUARDED_BY(reaper_mutex_) = 0;
  std::vector<std::weak_ptr<Servable>> owned_ ABSL_GUARDED_BY(reaper_mutex_);
  bool reaper_stops_ ABSL_GUARDED_BY(reaper_mutex_) = false;
  std::thread reaper_;
  std::thread poller_;
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_ENGINE_REPOSITORY_H_
