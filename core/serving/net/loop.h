// One thread that waits for sockets, and the connections it has.
#ifndef CORE_SERVING_NET_LOOP_H_
#define CORE_SERVING_NET_LOOP_H_

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "core/serving/transport.h"

namespace mirin::serving {

class Connection;

class Loop {
 public:
  using Clock = std::chrono::steady_clock;

  // Looks for passed deadlines as often as the timeouts of `options` need.
  explicit Loop(const TransportOptions& options);
  ~Loop();

  boost::asio::io_context& context() { return context_; }
  bool OnThread() { return context_.get_executor().running_in_this_thread(); }
  // Runs `work` on the thread; drops it, and returns false, when the loop has ended. Any thread.
  bool Post(absl::AnyInvocable<void()> work);

  // Waits for connections and for what is posted no more; ends when the last connection has. Then `Join`.
  void Release();
  void Join();

  // On the thread only.
  void Add(Connection* connection);
  void Remove(Connection* connection);
  void DrainAll();
  void CloseAll();
  // For what is read and used at once.
  char* scratch() { return scratch_.data(); }
  size_t scratch_size() const { return scratch_.size(); }
  const std::string& Date();  // as HTTP writes it

 private:
  void Tick();
  std::vector<std::shared_ptr<Connection>> All() const;

  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
  boost::asio::steady_timer timer_;
  const Clock::duration period_;
  bool ticking_ = false;
  absl::flat_hash_set<Connection*> connections_;
  std::vector<char> scratch_;
  std::string date_;
  time_t date_second_ = 0;
  absl::Mutex mutex_;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_NET_LOOP_H_
