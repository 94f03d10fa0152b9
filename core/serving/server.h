// A server: options by name, the repository of servables, and the faces that listen.
#ifndef CORE_SERVING_SERVER_H_
#define CORE_SERVING_SERVER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/serving/engine/executor.h"
#include "core/serving/engine/repository.h"
#include "core/serving/log.h"
#include "core/serving/metrics.h"
#include "core/serving/settings.h"
#include "core/serving/shared_memory.h"
#include "core/serving/trace.h"
#include "core/serving/transport.h"

namespace mirin::serving {

struct ServerOptions {
  std::string python = "python3";
  std::vector<std::string> python_paths;
  std::string repository;
  std::string model_control = "none";
  absl::Duration poll = absl::Seconds(15);
  uint64_t max_queue = 10000;
  uint64_t max_batch = 32;
  int64_t max_queue_delay_us = 0;
  int32_t threads = 0;
  int32_t io_threads = 0;
  uint64_t max_connections = 20000;
  absl::Duration header_timeout = absl::Seconds(10);
  absl::Duration body_timeout = absl::Seconds(60);
  absl::Duration idle_timeout = absl::Seconds(600);
  absl::Duration worker_start_timeout = absl::Seconds(600);
  absl::Duration worker_call_timeout = absl::InfiniteDuration();
  bool always_ok = false;
  bool client_memory = true;
  bool shared_memory = false;
  LogOptions log;
  TracerOptions trace;
};

class Server {
 public:
  Server();
  ~Server();

  // InvalidArgument: unknown name, or no value of it. FailedPrecondition: something was added or listens already.
  absl::Status Set(absl::string_view name, absl::string_view value);
  // name, what it means: of every option.
  static std::vector<std::pair<std::string, std::string>> OptionHelp();

  absl::Status Add(std::vector<ServableOptions> servables);
  absl::Status Remove(const std::string& name, uint64_t version);
  // The port that was bound.
  absl::StatusOr<int> Listen(bool grpc, TransportOptions options);
  void Wait();
  void Stop(absl::Duration drain);
  std::string StatusJson();
  std::string MetricsText();

 private:
  // Makes the repository with the options at its first use.
  absl::Status Begin() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The repository, which stays until the lease is gone.
  class Lease;
  absl::StatusOr<Lease> Use();
  bool IsUnused() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return leases_ == 0; }
  bool IsStopped() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return stopped_; }

  absl::Mutex mutex_;
  ServerOptions options_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  size_t leases_ ABSL_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<Metrics> metrics_;
  SharedMemoryRegistry shared_memory_;
  ServerSettings settings_;
  std::unique_ptr<EventLog> log_;
  std::unique_ptr<Tracer> tracer_;
  // ends after the repository: its servables' last tasks run here
  std::unique_ptr<Executor> executor_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Repository> repository_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Transport>> transports_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_SERVER_H_
