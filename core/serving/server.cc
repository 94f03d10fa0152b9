#include "core/serving/server.h"

#include <algorithm>
#include <cmath>
#include <thread>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "core/base/cpus.h"
#include "core/base/json.h"

namespace mirin::serving {
namespace {

struct Option {
  const char* name;
  const char* help;
  // false: not a value of this option
  bool (*set)(absl::string_view value, ServerOptions& options);
};

template <typename T>
bool Number(absl::string_view text, T low, T high, T& out) {
  T value;
  if (!absl::SimpleAtoi(text, &value) || value < low || value > high) return false;
  out = value;
  return true;
}

// "0" stands for `zero`.
bool Duration(absl::string_view text, absl::Duration zero, absl::Duration& out) {
  double seconds;
  if (!absl::SimpleAtod(text, &seconds) || !(seconds >= 0) || std::isinf(seconds)) return false;
  out = seconds == 0 ? zero : absl::Seconds(seconds);
  return true;
}

bool Bool(absl::string_view text, bool& out) { return absl::SimpleAtob(text, &out); }

constexpr Option kOptions[] = {
    {"access_log", "true: a line for each request [false]",
     [](absl::string_view v, ServerOptions& o) { return Bool(v, o.log.access); }},
    {"always_ok",
     "true: MindSpore Serving's REST answers 200 for errors too, as the original did [false]",
     [](absl::string_view v, ServerOptions& o) { return Bool(v, o.always_ok); }},
    {"body_timeout_seconds", "for the body of an HTTP request, or a message over gRPC [60]",
     [](absl::string_view v, ServerOptions& o) {
       return Duration(v, absl::InfiniteDuration(), o.body_timeout);
     }},
    {"client_memory",
     "true: clients of the server's user on this machine may send large tensors by shared memory "
     "[true]",
     [](absl::string_view v, ServerOptions& o) { return Bool(v, o.client_memory); }},
    {"header_timeout_seconds", "for the head of a request, and what comes before the first [10]",
     [](absl::string_view v, ServerOptions& o) {
       return Duration(v, absl::InfiniteDuration(), o.header_timeout);
     }},
    {"idle_timeout_seconds", "of a connection without requests [600]",
     [](absl::string_view v, ServerOptions& o) {
       return Duration(v, absl::InfiniteDuration(), o.idle_timeout);
     }},
    {"io_threads", "threads of each face; 0: as many as CPUs, at most 4 [0]",
     [](absl::string_view v, ServerOptions& o) { return Number(v, 0, 1024, o.io_threads); }},
    {"log_file", "appended to; empty: stderr []",
     [](absl::string_view v, ServerOptions& o) {
       o.log.file = std::string(v);
       return true;
     }},
    {"log_format", "text or json [text]",
     [](absl::string_view v, ServerOptions& o) {
       const auto format = EventLog::ParseFormat(v);
       if (format.ok()) o.log.format = *format;
       return format.ok();
     }},
    {"log_level", "off, error, warning, info or debug [info]",
     [](absl::string_view v, ServerOptions& o) {
       const auto level = EventLog::ParseLevel(v);
       if (level.ok()) o.log.level = *level;
       return level.ok();
     }},
    {"max_batch_size", "instances in a batch of a model whose batch axis is open [32]",
     [](absl::string_view v, ServerOptions& o) {
       return Number<uint64_t>(v, 1, 1 << 20, o.max_batch);
     }},
    {"max_connections", "open connections of each face [20000]",
     [](absl::string_view v, ServerOptions& o) {
       return Number<uint64_t>(v, 1, UINT32_MAX, o.max_connections);
     }},
    {"max_queue", "requests in progress; one more is refused [10000]",
     [](absl::string_view v, ServerOptions& o) {
       return Number<uint64_t>(v, 1, UINT64_MAX, o.max_queue);
     }},
    {"max_queue_delay_us",
     "how long an instance may wait for a fuller batch, where its method does not say [0]",
     [](absl::string_view v, ServerOptions& o) {
       return Number<int64_t>(v, 0, int64_t{3600} * 1000000, o.max_queue_delay_us);
     }},
    {"model_control",
     "none; explicit: clients may load and unload; poll: new versions and servables on disk are "
     "taken up [none]",
     [](absl::string_view v, ServerOptions& o) {
       o.model_control = std::string(v);
       return v == "none" || v == "explicit" || v == "poll";
     }},
    {"poll_seconds", "of model_control=poll [15]",
     [](absl::string_view v, ServerOptions& o) {
       return Duration(v, absl::ZeroDuration(), o.poll) && o.poll > absl::ZeroDuration();
     }},
    {"python", "the interpreter of workers [python3]",
     [](absl::string_view v, ServerOptions& o) {
       o.python = std::string(v);
       return !v.empty();
     }},
    {"python_path", "folders in front of the workers' module path, with ':' between them",
     [](absl::string_view v, ServerOptions& o) {
       o.python_paths = absl::StrSplit(v, ':', absl::SkipEmpty());
       return true;
     }},
    {"repository", "the directory in which servables are found that clients load by name",
     [](absl::string_view v, ServerOptions& o) {
       o.repository = std::string(v);
       return true;
     }},
    {"shared_memory", "true: clients may register system shared memory [false]",
     [](absl::string_view v, ServerOptions& o) { return Bool(v, o.shared_memory); }},
    {"threads", "that run batches; 0: as many as CPUs, at least 2 [0]",
     [](absl::string_view v, ServerOptions& o) { return Number(v, 0, 4096, o.threads); }},
    {"trace_endpoint",
     "\"http://HOST:PORT[/PATH]\" of an OTLP collector; empty: nothing is exported []",
     [](absl::string_view v, ServerOptions& o) {
       o.trace.endpoint = std::string(v);
       return true;
     }},
    {"trace_file", "Triton's trace file; clients choose what is traced []",
     [](absl::string_view v, ServerOptions& o) {
       o.trace.file = std::string(v);
       return true;
     }},
    {"trace_rate", "share of the requests without a traceparent that are exported, 0 to 1 [0]",
     [](absl::string_view v, ServerOptions& o) {
       return absl::SimpleAtod(v, &o.trace.rate) && o.trace.rate >= 0 && o.trace.rate <= 1;
     }},
    {"worker_call_timeout_seconds",
     "a Python stage that takes longer hangs: its worker is replaced; 0: never [0]",
     [](absl::string_view v, ServerOptions& o) {
       return Duration(v, absl::InfiniteDuration(), o.worker_call_timeout);
     }},
    {"worker_start_timeout_seconds", "for servable_config.py and the models of a worker [600]",
     [](absl::string_view v, ServerOptions& o) {
       return Duration(v, absl::InfiniteDuration(), o.worker_start_timeout);
     }},
};

}  // namespace

Server::Server() : metrics_(Metrics::Create()) {}

Server::~Server() { Stop(absl::ZeroDuration()); }

std::vector<std::pair<std::string, std::string>> Server::OptionHelp() {
  std::vector<std::pair<std::string, std::string>> out;
  for (const Option& option : kOptions) out.emplace_back(option.name, option.help);
  return out;
}

absl::Status Server::Set(absl::string_view name, absl::string_view value) {
  absl::MutexLock lock(&mutex_);
  for (const Option& option : kOptions) {
    if (name != option.name) continue;
    ServerOptions changed = options_;
    if (!option.set(value, changed)) {
      return absl::InvalidArgumentError(
          absl::StrCat("option '", name, "' does not take '", value, "': ", option.help));
    }
    // the one that a running server can change
    if (repository_ != nullptr && name != "max_queue") {
      return absl::FailedPreconditionError(
          absl::StrCat("option '", name, "' must be set before the first servable and address"));
    }
    options_ = std::move(changed);
    if (repository_ != nullptr) repository_->SetMaxQueue(options_.max_queue);
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("there is no option '", name, "'"));
}

absl::Status Server::Begin() {
  if (repository_ != nullptr) return absl::OkStatus();
  auto log = EventLog::Create(options_.log);
  if (!log.ok()) return log.status();
  TracerOptions trace = options_.trace;
  trace.settings = [this](absl::string_view model) { return settings_.TraceOf(model); };
  trace.settings_version = [this] { return settings_.version(); };
  trace.log = log->get();
  auto tracer = Tracer::Create(std::move(trace));
  if (!tracer.ok()) return tracer.status();
  log_ = *std::move(log);
  settings_.SetLoggingListener(
      [log = log_.get()](const ServerSettings::Log& changed) { log->Apply(changed); });
  tracer_ = *std::move(tracer);
  executor_ = std::make_unique<Executor>(options_.threads > 0 ? options_.threads
                                                              : std::max(2, AvailableCpus()));
  RepositoryOptions repository;
  repository.max_queue = options_.max_queue;
  repository.directory = options_.repository;
  repository.allow_control = options_.model_control == "explicit";
  if (options_.model_control == "poll") repository.poll = options_.poll;
  ServableContext context;
  context.executor = executor_.get();
  context.metrics = metrics_.get();
  const bool traced = !options_.trace.endpoint.empty() || !options_.trace.file.empty();
  context.tracer = traced ? tracer_.get() : nullptr;
  context.log = log_.get();
  context.python = options_.python;
  context.python_paths = options_.python_paths;
  context.max_batch = options_.max_batch;
  context.default_delay_us = options_.max_queue_delay_us;
  context.worker_start_timeout = options_.worker_start_timeout;
  context.worker_call_timeout = options_.worker_call_timeout;
  repository_ = std::make_unique<Repository>(std::move(repository), std::move(context));
  return absl::OkStatus();
}

class Server::Lease {
 public:
  explicit Lease(Server* server) ABSL_EXCLUSIVE_LOCKS_REQUIRED(server->mutex_)
      : server_(server), repository_(server->repository_.get()) {
    ++server->leases_;
  }
  Lease(Lease&& other) noexcept
      : server_(std::exchange(other.server_, nullptr)), repository_(other.repository_) {}
  ~Lease() {
    if (server_ == nullptr) return;
    absl::MutexLock lock(&server_->mutex_);
    --server_->leases_;
  }
  Repository* operator->() const { return repository_; }
  Repository* get() const { return repository_; }

 private:
  Server* server_;
  Repository* repository_;
};

absl::StatusOr<Server::Lease> Server::Use() {
  absl::MutexLock lock(&mutex_);
  if (stopping_) return absl::CancelledError("the server was stopped");
  const absl::Status begun = Begin();
  if (!begun.ok()) return begun;
  return Lease(this);
}

absl::Status Server::Add(std::vector<ServableOptions> servables) {
  const absl::StatusOr<Lease> repository = Use();
  if (!repository.ok()) return repository.status();
  return (*repository)->Add(std::move(servables));
}

absl::Status Server::Remove(const std::string& name, uint64_t version) {
  const absl::StatusOr<Lease> repository = Use();
  if (!repository.ok()) return repository.status();
  return (*repository)->Remove(name, version);
}

absl::StatusOr<int> Server::Listen(bool grpc, TransportOptions options) {
  const absl::StatusOr<Lease> repository = Use();
  if (!repository.ok()) return repository.status();
  TransportContext context;
  context.engine = repository->get();
  context.metrics = metrics_.get();
  context.shared_memory = &shared_memory_;
  context.settings = &settings_;
  context.log = log_.get();
  {
    absl::MutexLock lock(&mutex_);
    options.threads = options_.io_threads;
    options.always_ok = options_.always_ok;
    options.max_connections = options_.max_connections;
    options.header_timeout = options_.header_timeout;
    options.body_timeout = options_.body_timeout;
    options.idle_timeout = options_.idle_timeout;
    options.allow_repository_control = options_.model_control == "explicit";
    options.allow_shared_memory = options_.shared_memory;
    options.allow_client_memory = options_.client_memory;
  }
  auto transport =
      grpc ? StartGrpc(context, std::move(options)) : StartHttp(context, std::move(options));
  if (!transport.ok()) return transport.status();
  const int port = (*transport)->port();
  absl::MutexLock lock(&mutex_);
  // Stop waits for this lease before it takes the faces
  transports_.push_back(*std::move(transport));
  return port;
}

void Server::Wait() {
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(this, &Server::IsStopped));
}

void Server::Stop(absl::Duration drain) {
  std::vector<std::unique_ptr<Transport>> transports;
  std::unique_ptr<Repository> repository;
  std::unique_ptr<Executor> executor;
  {
    absl::MutexLock lock(&mutex_);
    if (stopping_) {
      mutex_.Await(absl::Condition(this, &Server::IsStopped));
      return;
    }
    stopping_ = true;
    if (repository_ != nullptr) repository_->CancelAdds();
    mutex_.Await(absl::Condition(this, &Server::IsUnused));
    transports.swap(transports_);
  }
  const absl::Time deadline = absl::Now() + drain;
  {
    // all faces stop at once, each until the deadline
    std::vector<std::thread> threads;
    for (const auto& transport : transports)
      threads.emplace_back([&] { transport->Stop(deadline); });
    for (std::thread& thread : threads) thread.join();
  }
  Repository* running;
  {
    absl::MutexLock lock(&mutex_);
    running = repository_.get();
  }
  if (running != nullptr) running->Drain(deadline);
  {
    // those who ask for the status while it ends find nothing
    absl::MutexLock lock(&mutex_);
    repository = std::move(repository_);
    executor = std::move(executor_);
  }
  transports.clear();
  repository.reset();
  executor.reset();
  absl::MutexLock lock(&mutex_);
  stopped_ = true;
}

std::string Server::StatusJson() {
  std::vector<ServableState> states;
  {
    absl::MutexLock lock(&mutex_);
    if (repository_ != nullptr) states = repository_->List();
  }
  return absl::StrCat(
      "[",
      absl::StrJoin(states, ",",
                    [](std::string* out, const ServableState& s) {
                      absl::StrAppend(out, "{\"name\":", JsonString(s.name),
                                      ",\"version\":", s.version,
                                      ",\"state\":", JsonString(s.state),
                                      ",\"reason\":", JsonString(s.reason), ",\"methods\":[",
                                      absl::StrJoin(s.methods, ",",
                                                    [](std::string* o, const std::string& m) {
                                                      absl::StrAppend(o, JsonString(m));
                                                    }),
                                      "],\"workers\":", s.workers, ",\"queued\":", s.queued, "}");
                    }),
      "]");
}

std::string Server::MetricsText() { return metrics_->Text(); }

}  // namespace mirin::serving
