#include "core/serving/metrics.h"

#include <dirent.h>
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <iterator>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "core/serving/tensor.h"

namespace mirin::serving {
namespace {

// Servables come and go while a server runs, and a series is for ever: later ones share the labels "other".
constexpr size_t kMaxMethods = 2000;
constexpr size_t kMaxServables = 500;
constexpr size_t kMaxReasons = 64;
constexpr char kOther[] = "other";

constexpr int kCodes = 17;  // of gRPC

// Seconds. Methods of small models take tens of microseconds, large ones minutes.
const prometheus::Histogram::BucketBoundaries& Durations() {
  static const auto* bounds = new prometheus::Histogram::BucketBoundaries{
      0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
      0.1,     0.25,   0.5,     1,      2.5,   5,      10,    30,   60,    300};
  return *bounds;
}

const prometheus::Histogram::BucketBoundaries& Sizes() {
  static const auto* bounds =
      new prometheus::Histogram::BucketBoundaries{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};
  return *bounds;
}

std::string CodeName(int status) {
  const bool known = status >= 0 && status < kCodes;
  return absl::StatusCodeToString(known ? static_cast<absl::StatusCode>(status)
                                        : absl::StatusCode::kUnknown);
}

// Labels are UTF-8.
std::string Label(absl::string_view text) {
  return IsValidUtf8(text) ? std::string(text) : std::string(kOther);
}

// The first `most` texts that it saw; "other" for all that come later.
class Bounded {
 public:
  explicit Bounded(size_t most) : most_(most) {}
  std::string Get(absl::string_view text) {
    std::string label = Label(text);
    absl::MutexLock lock(&mutex_);
    if (known_.count(label) != 0) return label;
    if (known_.size() >= most_) return kOther;
    known_.insert(label);
    return label;
  }

 private:
  const size_t most_;
  absl::Mutex mutex_;
  std::set<std::string> known_ ABSL_GUARDED_BY(mutex_);
};

struct Families {
  explicit Families(prometheus::Registry& registry)
      : requests(prometheus::BuildCounter()
                     .Name("mirin_requests_total")
                     .Help("Requests that were answered, by gRPC's code.")
                     .Register(registry)),
        request_duration(prometheus::BuildHistogram()
                             .Name("mirin_request_duration_seconds")
                             .Help("From a request's arrival to its answer.")
                             .Register(registry)),
        queue_duration(prometheus::BuildHistogram()
                           .Name("mirin_queue_duration_seconds")
                           .Help("The longest wait of an instance in a batch.")
                           .Register(registry)),
        compute_duration(prometheus::BuildHistogram()
                             .Name("mirin_compute_duration_seconds")
                             .Help("Computation of a batch.")
                             .Register(registry)),
        batch_size(prometheus::BuildHistogram()
                       .Name("mirin_batch_size")
                       .Help("Instances in a batch.")
                       .Register(registry)),
        queue_length(prometheus::BuildGauge()
                         .Name("mirin_queue_length")
                         .Help("Instances in progress.")
                         .Register(registry)),
        worker_starts(prometheus::BuildCounter()
                          .Name("mirin_worker_starts_total")
                          .Help("Python processes that were started.")
                          .Register(registry)),
        worker_ends(prometheus::BuildCounter()
                        .Name("mirin_worker_ends_total")
                        .Help("Python processes that ended, by reason.")
                        .Register(registry)),
        workers(prometheus::BuildGauge()
                    .Name("mirin_workers")
                    .Help("Python processes that run.")
                    .Register(registry)),
        connections(prometheus::BuildGauge()
                        .Name("mirin_connections")
                        .Help("Open connections of clients.")
                        .Register(registry)),
        refused(prometheus::BuildCounter()
                    .Name("mirin_refused_total")
                    .Help("Requests that reached no method.")
                    .Register(registry)) {}

  prometheus::Family<prometheus::Counter>& requests;
  prometheus::Family<prometheus::Histogram>& request_duration;
  prometheus::Family<prometheus::Histogram>& queue_duration;
  prometheus::Family<prometheus::Histogram>& compute_duration;
  prometheus::Family<prometheus::Histogram>& batch_size;
  prometheus::Family<prometheus::Gauge>& queue_length;
  prometheus::Family<prometheus::Counter>& worker_starts;
  prometheus::Family<prometheus::Counter>& worker_ends;
  prometheus::Family<prometheus::Gauge>& workers;
  prometheus::Family<prometheus::Gauge>& connections;
  prometheus::Family<prometheus::Counter>& refused;
};

class MethodSeries final : public MethodMetrics {
 public:
  MethodSeries(Families& families, const prometheus::Labels& labels)
      : families_(families),
        labels_(labels),
        total_(families.request_duration.Add(labels, Durations())),
        queue_(families.queue_duration.Add(labels, Durations())),
        compute_(families.compute_duration.Add(labels, Durations())),
        batch_(families.batch_size.Add(labels, Sizes())),
        length_(families.queue_length.Add(labels)) {
    Counter(0);  // a method that nobody asked yet shows 0
  }

  void Request(int status, absl::Duration total) override {
    Counter(status).Increment();
    total_.Observe(absl::ToDoubleSeconds(total));
  }
  void Batch(uint64_t size, absl::Duration queue, absl::Duration compute) override {
    batch_.Observe(static_cast<double>(size));
    queue_.Observe(absl::ToDoubleSeconds(queue));
    compute_.Observe(absl::ToDoubleSeconds(compute));
  }
  void QueueLength(int64_t delta) override { length_.Increment(static_cast<double>(delta)); }

 private:
  // Made when the code is first seen: most never are. A family gives the same counter for the same labels.
  prometheus::Counter& Counter(int status) {
    const int index = status >= 0 && status < kCodes ? status : 2;
    prometheus::Counter* counter = requests_[index].load(std::memory_order_acquire);
    if (counter == nullptr) {
      prometheus::Labels labels = labels_;
      labels["code"] = CodeName(index);
      counter = &families_.requests.Add(labels);
      requests_[index].store(counter, std::memory_order_release);
    }
    return *counter;
  }

  Families& families_;
  const prometheus::Labels labels_;
  prometheus::Histogram& total_;
  prometheus::Histogram& queue_;
  prometheus::Histogram& compute_;
  prometheus::Histogram& batch_;
  prometheus::Gauge& length_;
  std::atomic<prometheus::Counter*> requests_[kCodes] = {};
};

prometheus::MetricFamily Process(std::string name, std::string help, prometheus::MetricType type,
                                 double value) {
  prometheus::MetricFamily family;
  family.name = std::move(name);
  family.help = std::move(help);
  family.type = type;
  family.metric.emplace_back();
  family.metric[0].counter.value = value;
  family.metric[0].gauge.value = value;
  return family;
}

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

double ResidentBytes() {
  FILE* file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return 0;
  unsigned long long total = 0, resident = 0;
  const int got = std::fscanf(file, "%llu %llu", &total, &resident);
  std::fclose(file);
  return got == 2 ? static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) : 0;
}

double OpenDescriptors() {
  DIR* dir = opendir("/proc/self/fd");
  if (dir == nullptr) return 0;
  double count = -1;  // the directory itself
  while (const dirent* entry = readdir(dir)) count += entry->d_name[0] != '.';
  closedir(dir);
  return count;
}

// The names of Prometheus' other client libraries.
std::vector<prometheus::MetricFamily> ProcessFamilies(double start) {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return {
      Process("process_cpu_seconds_total", "User and system time of this process.",
              prometheus::MetricType::Counter, Seconds(usage.ru_utime) + Seconds(usage.ru_stime)),
      Process("process_resident_memory_bytes", "Resident memory of this process.",
              prometheus::MetricType::Gauge, ResidentBytes()),
      Process("process_open_fds", "Open descriptors of this process.",
              prometheus::MetricType::Gauge, OpenDescriptors()),
      Process("process_start_time_seconds", "When the server was made, since the epoch.",
              prometheus::MetricType::Gauge, start),
  };
}

class PrometheusMetrics final : public Metrics {
 public:
  MethodMetrics* Method(absl::string_view servable, uint64_t version,
                        absl::string_view method) override {
    absl::MutexLock lock(&mutex_);
    Key key(Label(servable), absl::StrCat(version), Label(method));
    auto it = methods_.find(key);
    if (it == methods_.end() && methods_.size() >= kMaxMethods) {
      key = Key(kOther, "0", kOther);
      it = methods_.find(key);
    }
    if (it == methods_.end()) {
      const prometheus::Labels labels = {{"servable", std::get<0>(key)},
                                         {"version", std::get<1>(key)},
                                         {"method", std::get<2>(key)}};
      it = methods_.emplace(key, std::make_unique<MethodSeries>(families_, labels)).first;
    }
    return it->second.get();
  }

  void Refused(absl::string_view protocol, absl::string_view reason) override {
    families_.refused
        .Add({{"protocol", protocols_.Get(protocol)}, {"reason", refusals_.Get(reason)}})
        .Increment();
  }
  void WorkerStarted(absl::string_view servable) override {
    const std::string name = servables_.Get(servable);
    families_.worker_starts.Add({{"servable", name}}).Increment();
    families_.workers.Add({{"servable", name}}).Increment();
  }
  void WorkerEnded(absl::string_view servable, absl::string_view reason) override {
    const std::string name = servables_.Get(servable);
    families_.worker_ends.Add({{"servable", name}, {"reason", ends_.Get(reason)}}).Increment();
    families_.workers.Add({{"servable", name}}).Decrement();
  }
  void Connections(absl::string_view protocol, int64_t delta) override {
    families_.connections.Add({{"protocol", protocols_.Get(protocol)}})
        .Increment(static_cast<double>(delta));
  }

  std::string Text() const override {
    std::vector<prometheus::MetricFamily> families = registry_.Collect();
    std::vector<prometheus::MetricFamily> process = ProcessFamilies(start_);
    families.insert(families.end(), std::make_move_iterator(process.begin()),
                    std::make_move_iterator(process.end()));
    return prometheus::TextSerializer().Serialize(families);
  }

 private:
  using Key = std::tuple<std::string, std::string, std::string>;

  const double start_ = absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch());
  prometheus::Registry registry_;
  Families families_{registry_};
  Bounded protocols_{kMaxReasons}, refusals_{kMaxReasons}, ends_{kMaxReasons};
  Bounded servables_{kMaxServables};
  mutable absl::Mutex mutex_;
  std::map<Key, std::unique_ptr<MethodSeries>> methods_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<Metrics> Metrics::Create() { return std::make_unique<PrometheusMetrics>(); }

}  // namespace mirin::serving
