#include "tests/bad_input/guarded.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <mutex>
#include <thread>

#include "tests/support/c_api.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

namespace mirin::testing {
namespace {

constexpr size_t kTextBytes = 4096;

// Lives in memory shared by parent and child.
struct Shared {
  char progress[kTextBytes];
  char text[kTextBytes];
  bool returned;
};

double ResidentMegabytes() {
  std::ifstream status("/proc/self/statm");
  double pages = 0, resident = 0;
  status >> pages >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1048576.0;
}

void Copy(const std::string& from, char* to) { std::snprintf(to, kTextBytes, "%s", from.c_str()); }

// Cancels a session that runs for too long: damaged models may loop without end.
class Watchdog {
 public:
  explicit Watchdog(mirin_session* session) : thread_([this, session] { Watch(session); }) {}
  ~Watchdog() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      done_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

 private:
  void Watch(mirin_session* session) {
    std::unique_lock<std::mutex> lock(mutex_);
    while (!changed_.wait_for(lock, std::chrono::milliseconds(200), [this] { return done_; }))
      mirin_session_cancel(session);
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  std::thread thread_;
};

std::string RunOnce(const mirin_model* model) {
  mirin_session_options options = MIRIN_SESSION_OPTIONS_INIT;
  options.threads = 1;
  mirin_session* raw = nullptr;
  const std::string created = Text(mirin_session_create(model, &options, &raw));
  const SessionPtr session(raw);
  if (raw == nullptr) return created;
  std::vector<TensorPtr> inputs;
  for (size_t i = 0; i < mirin_model_input_count(model); ++i) {
    const int32_t rank = mirin_model_input_rank(model, i);
    std::vector<int64_t> dims;
    double elements = 1;
    for (int32_t d = 0; d < rank; ++d) {
      const int64_t size = mirin_model_input_dims(model, i)[d];
      dims.push_back(size < 0 ? 2 : size);
      elements *= static_cast<double>(dims.back());
    }
    if (rank < 0) dims = {2, 3};
    if (elements > 1e6) return "OK";  // the input itself would be the caller's problem
    inputs.push_back(mirin_model_input_dtype(model, i) == MIRIN_DTYPE_STRING
                         ? nullptr
                         : MakeTensor(mirin_model_input_dtype(model, i), dims, nullptr));
  }
  const auto pointers = Pointers(inputs);
  std::vector<const mirin_tensor*> outputs(mirin_model_output_count(model));
  const Watchdog watchdog(raw);
  return Text(
      mirin_session_run(raw, pointers.data(), pointers.size(), outputs.data(), outputs.size()));
}

}  // namespace

double CpuSeconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

Outcome RunGuarded(const std::function<std::string(const Progress&)>& body, int wall_seconds) {
  auto* shared = static_cast<Shared*>(
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  if (shared == MAP_FAILED) std::abort();
  std::memset(shared, 0, sizeof(Shared));
  const double before = ResidentMegabytes();
  const pid_t child = fork();
  if (child < 0) std::abort();
  if (child == 0) {
    if (!kSanitized) {
      const rlimit limit = {rlim_t{3} << 30, rlim_t{3} << 30};
      setrlimit(RLIMIT_AS, &limit);
    }
    alarm(static_cast<unsigned>(wall_seconds));
    Copy(body([&](const std::string& note) { Copy(note, shared->progress); }), shared->text);
#ifdef __SANITIZE_ADDRESS__
    if (__lsan_do_recoverable_leak_check() != 0) {
      Copy("memory was leaked", shared->text);
      _exit(1);
    }
#endif
    shared->returned = true;
    _exit(0);
  }
  int status = 0;
  rusage usage;
  wait4(child, &status, 0, &usage);
  Outcome outcome;
  outcome.survived = shared->returned && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  outcome.text = shared->text;
  if (!outcome.survived) {
    const std::string how = WIFSIGNALED(status)
                                ? WTERMSIG(status) == SIGALRM
                                      ? std::string("hung")
                                      : "died of signal " + std::to_string(WTERMSIG(status))
                                : "ended with status " + std::to_string(WEXITSTATUS(status));
    outcome.text = how + " " + outcome.text + " at: " + shared->progress;
  }
  outcome.cpu_seconds = static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                        static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
  outcome.extra_megabytes = std::max(0.0, static_cast<double>(usage.ru_maxrss) / 1024.0 - before);
  munmap(shared, sizeof(Shared));
  return outcome;
}

std::string LoadAndRun(const std::string& bytes, const std::string& key, double* load_seconds) {
  mirin_model_options options = MIRIN_MODEL_OPTIONS_INIT;
  options.key = key.empty() ? nullptr : key.data();
  options.key_size = key.size();
  mirin_model* raw = nullptr;
  const double start = CpuSeconds();
  const std::string loaded =
      Text(mirin_model_load_memory(bytes.data(), bytes.size(), &options, &raw));
  *load_seconds = CpuSeconds() - start;
  const ModelPtr model(raw);
  return raw == nullptr ? loaded : RunOnce(raw);
}

}  // namespace mirin::testing
