// Runs one model, one call at a time. Sessions of a model share its weights, kernels and plans.
#ifndef CORE_RUNTIME_SESSION_H_
#define CORE_RUNTIME_SESSION_H_

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/backend/kernel.h"
#include "core/base/tensor.h"
#include "core/runtime/model.h"

namespace mirin::runtime {

struct SessionOptions {
  // Threads that one run may use; 0: all CPUs of the process.
  int threads = 0;
  // CPUs that runs keep to; empty: all of the process. InvalidArgument for one that the process may
  // not use.
  std::vector<int> cpus;
  // Backend names in order of preference; "reference" is always the last answer.
  std::vector<std::string> devices = {"cpu"};
  // Compute float32 models in a shorter type where the hardware pays for it: the CPU keeps weights of matrix products in 16 bits
  // and computes in float32.
  bool prefer_fp16 = false;
  // Collect times per step, see Profile().
  bool profile = false;
  // The same bits for every number of threads, and for a batch element whatever else is in its batch, on one instruction set. At most
  // eight threads work then.
  bool deterministic = false;
};

// A caller's buffer for one output.
struct OutputBuffer {
  void* data = nullptr;  // null: the session gives memory
  size_t bytes = 0;
};

// What may end a run early. The object behind `cancellation` outlives the run.
struct RunControl {
  const Cancellation* cancellation = nullptr;
  Cancellation::Clock::time_point deadline = Cancellation::Clock::time_point::max();
};

struct ProfileEntry {
  std::string node;
  std::string op;
  std::string implementation;
  std::string types;  // "float32[1,8] -> float32[1,4]"
  int64_t calls = 0;
  int64_t total_ns = 0;
};

// The right to run a session; it ends with the object.
class RunLock {
 public:
  explicit RunLock(std::atomic<bool>* running) : running_(running) {}
  RunLock(RunLock&& other) noexcept : running_(std::exchange(other.running_, nullptr)) {}
  RunLock& operator=(RunLock&&) = delete;
  ~RunLock() {
    if (running_ != nullptr) running_->store(false, std::memory_order_release);
  }

 private:
  std::atomic<bool>* running_;
};

// Thread rules: Run, RunInto, Resize and SetState by one thread at a time (a second caller gets FailedPrecondition, not a
// race); Cancel from any thread.
class Session {
 public:
  static absl::StatusOr<std::unique_ptr<Session>> Create(std::shared_ptr<const Model> model,
                                                         const SessionOptions& options);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const Model& model() const;

  // Plans for these input shapes now, so that the next Run with them does not. One concrete shape per input.
  absl::Status Resize(absl::Span<const Dims> shapes);

  // Checks the inputs (count, dtype, shape against the model) and runs. The outputs' memory belongs to the session: it is
  // valid until the next Run, Resize or the end of the session. InvalidArgument names the input; Cancelled after Cancel().
  absl::StatusOr<absl::Span<const Tensor>> Run(absl::Span<const Tensor> inputs);
  // The same, writing outputs into the caller's buffers where given; too small a buffer is InvalidArgument and says the
  // size needed. Element i of the result refers to the buffer (or the session's memory).
  // Cancelled or DeadlineExceeded when `control` ended it.
  absl::StatusOr<absl::Span<const Tensor>> RunInto(absl::Span<const Tensor> inputs,
                                                   absl::Span<const OutputBuffer> outputs,
                                                   const RunControl& control = {});

  // For callers that prepare a run in memory of their own beside the session: take the lock, then RunLocked.
  // FailedPrecondition while another thread has it.
  absl::StatusOr<RunLock> TryLock();
  absl::StatusOr<absl::Span<const Tensor>> RunLocked(absl::Span<const Tensor> inputs,
                                                     absl::Span<const OutputBuffer> outputs,
                                                     const RunControl& control = {});

  // Stops the run in progress, if any, at the next step.
  void Cancel();

  // State i (order of Model::states()): the session's current value, valid until the next Run or SetState.
  absl::StatusOr<Tensor> GetState(int i) const;
  absl::Status SetState(int i, const Tensor& value);

  // What the steps cost since the session was created or ResetProfile; empty unless SessionOptions::profile.
  std::vector<ProfileEntry> Profile() const;
  void ResetProfile();
  // The same as a table, or as Chrome trace JSON (chrome://tracing, Perfetto) with every single step.
  std::string ProfileTable() const;
  std::string ProfileTrace() const;
  // Which backend and implementation each node got, with the reasons of those that refused it.
  std::string PlacementReport() const;

 private:
  class Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mirin::runtime

#endif  // CORE_RUNTIME_SESSION_H_
