#include "core/serving/trace.h"

#include <deque>
#include <thread>

#include "absl/random/random.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/serving/otlp.h"
#include "core/serving/trace_file.h"

namespace mirin::serving {
namespace {

constexpr size_t kBatch = 512;      // traces in one export
constexpr size_t kMaxParts = 1000;  // of one trace
constexpr size_t kMaxPlans = 2000;

bool IsLowerHex(absl::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == absl::string_view::npos;
}

template <typename Id>
bool ReadId(absl::string_view hex, Id* id) {
  if (!IsLowerHex(hex)) return false;
  const std::string bytes = absl::HexStringToBytes(hex);
  std::copy(bytes.begin(), bytes.end(), id->begin());
  return *id != Id{};
}

template <typename Id>
Id RandomId() {
  thread_local absl::BitGen random;
  Id id;
  do {
    for (uint8_t& byte : id) byte = absl::Uniform<uint8_t>(random);
  } while (id == Id{});
  return id;
}

bool Chance(double rate) {
  thread_local absl::InsecureBitGen random;
  return rate >= 1 || (rate > 0 && absl::Bernoulli(random, rate));
}

}  // namespace

std::optional<TraceContext> ParseTraceparent(absl::string_view header) {
  // 00-32 digits-16 digits-2 digits; later versions may go on after another '-'
  if (header.size() < 55 || header[2] != '-' || header[35] != '-' || header[52] != '-') return {};
  const absl::string_view version = header.substr(0, 2), flags = header.substr(53, 2);
  if (!IsLowerHex(version) || version == "ff" || !IsLowerHex(flags)) return {};
  if (header.size() > 55 && (version == "00" || header[55] != '-')) return {};
  TraceContext context;
  if (!ReadId(header.substr(3, 32), &context.trace)) return {};
  if (!ReadId(header.substr(36, 16), &context.span)) return {};
  context.sampled = (absl::HexStringToBytes(flags)[0] & 1) != 0;
  return context;
}

std::string MakeTraceparent(const TraceContext& context) {
  const auto hex = [](const auto& id) {
    return absl::BytesToHexString(
        absl::string_view(reinterpret_cast<const char*>(id.data()), id.size()));
  };
  return absl::StrCat("00-", hex(context.trace), "-", hex(context.span), "-",
                      context.sampled ? "01" : "00");
}

// Traces that are over, and the thread that takes them away.
class TraceQueue {
 public:
  TraceQueue(const TracerOptions& options, std::optional<CollectorAddress> collector,
             std::unique_ptr<TraceFile> file)
      : options_(options), collector_(std::move(collector)), file_(std::move(file)) {
    thread_ = std::thread([this] { Loop(); });
  }
  ~TraceQueue() { Stop(); }

  void Stop() {
    {
      absl::MutexLock lock(&mutex_);
      stop_ = true;
    }
    if (thread_.joinable()) thread_.join();
  }

  void Push(FinishedTrace trace) {
    absl::MutexLock lock(&mutex_);
    if (stop_ || waiting_.size() >= options_.queue) {
      ++dropped_;
      return;
    }
    waiting_.push_back(std::move(trace));
  }

  uint64_t exported() const {
    absl::MutexLock lock(&mutex_);
    return exported_;
  }
  uint64_t dropped() const {
    absl::MutexLock lock(&mutex_);
    return dropped_;
  }

 private:
  bool Waiting() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stop_ || !waiting_.empty(); }
  bool Full() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stop_ || waiting_.size() >= kBatch;
  }

  void Loop() {
    while (true) {
      std::vector<FinishedTrace> batch;
      bool last = false;
      {
        absl::MutexLock lock(&mutex_);
        mutex_.Await(absl::Condition(this, &TraceQueue::Waiting));
        mutex_.AwaitWithTimeout(absl::Condition(this, &TraceQueue::Full), options_.interval);
        while (!waiting_.empty() && batch.size() < kBatch) {
          batch.push_back(std::move(waiting_.front()));
          waiting_.pop_front();
        }
        last = stop_ && waiting_.empty();
        if (stop_ && last_words_ == absl::InfiniteFuture()) {
          last_words_ = absl::Now() + options_.timeout;
        }
      }
      if (file_ != nullptr) File(batch);
      if (collector_.has_value()) Export(batch);
      if (last) return;
    }
  }

  void File(const std::vector<FinishedTrace>& batch) {
    for (const FinishedTrace& trace : batch) {
      if (!trace.filed) continue;
      Complain("cannot write the trace file", file_->Add(trace));
    }
  }

  void Export(std::vector<FinishedTrace>& batch) {
    std::vector<FinishedTrace> traces;
    for (FinishedTrace& trace : batch) {
      if (trace.exported) traces.push_back(std::move(trace));
    }
    if (traces.empty()) return;
    const absl::Duration timeout = std::min(options_.timeout, last_words_ - absl::Now());
    const absl::Status status = PostJson(*collector_, OtlpJson(options_.service, traces), timeout);
    Complain("cannot export traces", status);
    absl::MutexLock lock(&mutex_);
    (status.ok() ? exported_ : dropped_) += traces.size();
  }

  void Complain(absl::string_view what, const absl::Status& status) {
    if (status.ok() || options_.log == nullptr) return;
    options_.log->Event(LogLevel::kWarning, what, {{"error", status.message()}});
  }

  const TracerOptions options_;
  const std::optional<CollectorAddress> collector_;
  const std::unique_ptr<TraceFile> file_;           // the thread's
  absl::Time last_words_ = absl::InfiniteFuture();  // the thread's
  mutable absl::Mutex mutex_;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<FinishedTrace> waiting_ ABSL_GUARDED_BY(mutex_);
  uint64_t exported_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t dropped_ ABSL_GUARDED_BY(mutex_) = 0;
  std::thread thread_;
};

RequestTrace::RequestTrace(std::shared_ptr<TraceQueue> queue, FinishedTrace trace)
    : queue_(std::move(queue)), context_(trace.context), trace_(std::move(trace)) {}

void RequestTrace::Event(absl::string_view name, absl::Time time) {
  absl::MutexLock lock(&mutex_);
  if (!ended_ && trace_.events.size() < kMaxParts) trace_.events.emplace_back(name, time);
}

void RequestTrace::Span(absl::string_view name, absl::Time start, absl::Time end) {
  absl::MutexLock lock(&mutex_);
  if (ended_ || trace_.parts.size() >= kMaxParts) return;
  trace_.parts.push_back({std::string(name), start, end, RandomId<SpanId>()});
}

void RequestTrace::End(const Failure& failure, uint64_t version) {
  FinishedTrace trace;
  {
    absl::MutexLock lock(&mutex_);
    if (ended_) return;
    ended_ = true;
    trace = std::move(trace_);
  }
  trace.end = absl::Now();
  if (version != 0) trace.version = version;
  trace.status = failure.ok() ? absl::StatusCode::kOk : failure.status;
  trace.error = failure.text;
  queue_->Push(std::move(trace));
}

// What the settings say of one servable, and how far it got.
struct Tracer::Plan {
  bool on = false;
  uint64_t rate = 1000;  // one in so many requests
  int64_t left = -1;     // traces that it may still have; -1: no end
  uint64_t log_frequency = 0;
  uint64_t seen = 0;
};

absl::StatusOr<std::unique_ptr<Tracer>> Tracer::Create(TracerOptions options) {
  if (!(options.rate >= 0 && options.rate <= 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the trace rate must be from 0 to 1, got ", options.rate));
  }
  std::optional<CollectorAddress> collector;
  if (!options.endpoint.empty()) {
    absl::StatusOr<CollectorAddress> parsed = ParseCollector(options.endpoint);
    if (!parsed.ok()) return parsed.status();
    collector = *std::move(parsed);
  }
  std::unique_ptr<TraceFile> file;
  if (!options.file.empty()) {
    absl::StatusOr<std::unique_ptr<TraceFile>> opened = TraceFile::Create(options.file);
    if (!opened.ok()) return opened.status();
    file = *std::move(opened);
  }
  auto tracer = std::unique_ptr<Tracer>(new Tracer(std::move(options)));
  if (collector.has_value() || file != nullptr) {
    tracer->queue_ =
        std::make_shared<TraceQueue>(tracer->options_, std::move(collector), std::move(file));
  }
  return tracer;
}

Tracer::Tracer(TracerOptions options) : options_(std::move(options)) {}

Tracer::~Tracer() {
  // Requests may still hold the queue; they only count as dropped now.
  if (queue_ != nullptr) queue_->Stop();
}

bool Tracer::Filed(const std::string& servable, uint64_t* log_frequency) {
  if (options_.file.empty() || !options_.settings) return false;
  const uint64_t version = options_.settings_version();
  absl::MutexLock lock(&mutex_);
  if (version != settings_version_ || plans_.size() > kMaxPlans) {
    plans_.clear();
    settings_version_ = version;
  }
  const auto [it, is_new] = plans_.try_emplace(servable);
  Plan& plan = it->second;
  if (is_new) {
    const ServerSettings::Trace settings = options_.settings(servable);
    const auto number = [&](const char* name, auto* value) {
      const auto found = settings.find(name);
      if (found != settings.end() && !found->second.empty())
        (void)absl::SimpleAtoi(found->second[0], value);
    };
    const auto level = settings.find("trace_level");
    if (level != settings.end()) {
      for (const std::string& name : level->second) plan.on |= name == "TIMESTAMPS";
    }
    number("trace_rate", &plan.rate);
    number("trace_count", &plan.left);
    number("log_frequency", &plan.log_frequency);
  }
  if (!plan.on || plan.left == 0 || plan.seen++ % std::max<uint64_t>(plan.rate, 1) != 0) {
    return false;
  }
  if (plan.left > 0) --plan.left;
  *log_frequency = plan.log_frequency;
  return true;
}

std::shared_ptr<RequestTrace> Tracer::Start(const InferRequest& request) {
  if (queue_ == nullptr) return nullptr;
  FinishedTrace trace;
  trace.filed = Filed(request.servable, &trace.log_frequency);
  std::optional<TraceContext> parent;
  if (!request.traceparent.empty()) parent = ParseTraceparent(request.traceparent);
  if (!options_.endpoint.empty()) {
    trace.exported = parent.has_value() ? parent->sampled : Chance(options_.rate);
  }
  if (!trace.filed && !trace.exported) return nullptr;
  trace.number = number_.fetch_add(1, std::memory_order_relaxed) + 1;
  trace.context.trace = parent.has_value() ? parent->trace : RandomId<TraceId>();
  trace.context.span = RandomId<SpanId>();
  trace.context.sampled = trace.exported;
  if (parent.has_value()) trace.parent = parent->span;
  trace.servable = request.servable;
  trace.method = request.method;
  trace.request_id = request.id;
  trace.version = request.version;
  trace.start = request.received;
  return std::make_shared<RequestTrace>(queue_, std::move(trace));
}

uint64_t Tracer::exported() const { return queue_ == nullptr ? 0 : queue_->exported(); }
uint64_t Tracer::dropped() const { return queue_ == nullptr ? 0 : queue_->dropped(); }

}  // namespace mirin::serving
