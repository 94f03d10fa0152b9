#include "core/tools/load/run.h"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "core/base/status.h"

namespace mirin::load {
namespace {

using Clock = std::chrono::steady_clock;

Clock::duration Duration(absl::Duration duration) {
  return std::chrono::nanoseconds(absl::ToInt64Nanoseconds(duration));
}

double CpuSeconds() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Which requests are measured, and when the last one begins. Shared by all threads.
class Plan {
 public:
  Plan(const LoadOptions& options, Clock::time_point start)
      : start_(start),
        measured_(start + Duration(options.warmup)),
        end_(measured_ + Duration(options.duration)),
        limit_(options.requests) {}

  // False: no request begins at `when` or later.
  bool Take(Clock::time_point when) {
    if (when >= end_) return false;
    if (limit_ == 0 || when < measured_) return true;
    return taken_.fetch_add(1, std::memory_order_relaxed) < limit_;
  }
  bool IsMeasured(Clock::time_point begun) const { return begun >= measured_; }
  Clock::time_point start() const { return start_; }
  Clock::time_point measured() const { return measured_; }

 private:
  const Clock::time_point start_, measured_, end_;
  const uint64_t limit_;
  std::atomic<uint64_t> taken_{0};
};

// The lanes of one thread.
class Worker {
 public:
  Worker(const LoadOptions& options, std::unique_ptr<Connections> connections, size_t lanes,
         size_t index, size_t body_bytes, Plan* plan)
      : options_(options),
        connections_(std::move(connections)),
        index_(index),
        body_bytes_(body_bytes),
        plan_(plan),
        begun_(lanes) {}

  // Until all is answered.
  void Run() {
    if (options_.rate > 0) {
      for (size_t lane = 0; lane < begun_.size(); ++lane) free_.push_back(lane);
      std::thread pacer([this] { Pace(); });
      connections_->Run([this](size_t lane, const Answer& answer) {
        Record(lane, answer);
        absl::MutexLock lock(&mutex_);
        free_.push_back(lane);
      });
      pacer.join();
      return;
    }
    for (size_t lane = 0; lane < begun_.size(); ++lane) Next(lane);
    connections_->Run([this](size_t lane, const Answer& answer) {
      Record(lane, answer);
      Next(lane);
    });
  }

  const LoadResult& result() const { return result_; }
  Clock::time_point last() const { return last_; }

 private:
  void Next(size_t lane) {
    const Clock::time_point now = Clock::now();
    if (!plan_->Take(now)) {
      if (++retired_ == begun_.size()) connections_->Stop();
      return;
    }
    begun_[lane] = now;
    connections_->Send(lane);
  }

  void Pace() {
    // this thread's share of the times, evenly between those of the others
    const double step = 1e9 / options_.rate;
    for (uint64_t i = 0;; ++i) {
      const double at = (static_cast<double>(i) * static_cast<double>(options_.threads) +
                         static_cast<double>(index_)) *
                        step;
      const Clock::time_point when =
          plan_->start() + std::chrono::nanoseconds(static_cast<int64_t>(at));
      if (!plan_->Take(when)) break;
      std::this_thread::sleep_until(when);
      size_t lane;
      {
        absl::MutexLock lock(&mutex_);
        mutex_.Await(absl::Condition(this, &Worker::AnyFree));
        lane = free_.front();
        free_.pop_front();
        begun_[lane] = when;
      }
      connections_->Send(lane);
    }
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &Worker::AllFree));
    }
    connections_->Stop();
  }
  bool AnyFree() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !free_.empty(); }
  bool AllFree() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return free_.size() == begun_.size();
  }

  void Record(size_t lane, const Answer& answer) {
    const Clock::time_point now = Clock::now();
    if (!plan_->IsMeasured(begun_[lane])) return;
    last_ = now;
    result_.sent += body_bytes_;
    result_.received += answer.received;
    const std::string error =
        answer.error.empty() ? AnswerError(options_.protocol, answer.body) : answer.error;
    if (!error.empty()) {
      if (++result_.errors[error] == 1) {
        result_.error_text[error] =
            answer.text.empty() ? std::string(answer.body.substr(0, 1000)) : answer.text;
      }
      return;
    }
    result_.latency.Add(std::chrono::nanoseconds(now - begun_[lane]).count());
  }

  const LoadOptions& options_;
  const std::unique_ptr<Connections> connections_;
  const size_t index_;
  const size_t body_bytes_;
  Plan* const plan_;
  // Of the thread that runs the connections; a lane's entry is the pacer's while the lane is free.
  std::vector<Clock::time_point> begun_;
  size_t retired_ = 0;
  LoadResult result_;
  Clock::time_point last_{};
  absl::Mutex mutex_;
  std::deque<size_t> free_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<std::string> CallOnce(Protocol protocol, const serving::Address& address,
                                     const Call& call, absl::Duration timeout) {
  ConnectionOptions options;
  options.address = address;
  options.timeout = timeout;
  MIRIN_ASSIGN_OR_RETURN(const std::unique_ptr<Connections> connections,
                         Connect(protocol, options, call));
  absl::StatusOr<std::string> result = absl::UnknownError("no answer");
  connections->Send(0);
  connections->Run([&](size_t, const Answer& answer) {
    if (answer.error.empty()) {
      result = std::string(answer.body);
    } else {
      result = absl::UnavailableError(absl::StrCat(answer.error, ": ", answer.text));
    }
    connections->Stop();
  });
  return result;
}

absl::StatusOr<LoadResult> RunLoad(const LoadOptions& options, const Call& call) {
  LoadOptions known = options;
  known.threads = std::max<size_t>(1, std::min(options.threads, options.concurrency));
  std::vector<std::unique_ptr<Connections>> connections;
  std::vector<size_t> lanes;
  for (size_t i = 0; i < known.threads; ++i) {
    ConnectionOptions one;
    one.address = options.address;
    one.timeout = options.timeout;
    one.want_body = !IsOip(options.protocol);
    one.lanes = options.concurrency / known.threads + (i < options.concurrency % known.threads);
    lanes.push_back(one.lanes);
    MIRIN_ASSIGN_OR_RETURN(auto made, Connect(options.protocol, one, call));
    connections.push_back(std::move(made));
  }
  Plan plan(known, Clock::now());
  std::vector<std::unique_ptr<Worker>> workers;
  for (size_t i = 0; i < known.threads; ++i) {
    workers.push_back(std::make_unique<Worker>(known, std::move(connections[i]), lanes[i], i,
                                               call.body.size(), &plan));
  }
  const double cpu = CpuSeconds();
  std::vector<std::thread> threads;
  for (const auto& worker : workers) threads.emplace_back([&worker] { worker->Run(); });
  for (std::thread& thread : threads) thread.join();

  LoadResult result;
  result.cpu_seconds = CpuSeconds() - cpu;
  Clock::time_point last = plan.measured();
  for (const auto& worker : workers) {
    const LoadResult& part = worker->result();
    result.latency.Merge(part.latency);
    for (const auto& [code, count] : part.errors) result.errors[code] += count;
    result.error_text.insert(part.error_text.begin(), part.error_text.end());
    result.sent += part.sent;
    result.received += part.received;
    last = std::max(last, worker->last());
  }
  result.seconds = std::chrono::duration<double>(last - plan.measured()).count();
  return result;
}

}  // namespace mirin::load
