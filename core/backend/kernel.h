// What a kernel is and what it sees when it runs.
#ifndef CORE_BACKEND_KERNEL_H_
#define CORE_BACKEND_KERNEL_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/base/dtype.h"
#include "core/base/shape.h"
#include "core/base/thread_pool.h"

namespace mirin {

// How the elements of a tensor lie in memory. kPlain is C order (NCHW for images) and the only form at the borders of a
// graph; kernels may ask for another between themselves, the planner inserts reorders where neighbours differ.
enum class Layout : uint8_t {
  kPlain,
  kChannelsLast,  // N, spatial.., C
  kBlocked8,      // N, C/8, spatial.., 8 with zero-padded channels
  kBlocked16,
};

// Bytes of a tensor of rank >= 3 in a layout (channels = axis 1); plain for other ranks.
size_t LayoutBytes(DType dtype, absl::Span<const int64_t> dims, Layout layout);

// Whether such a tensor has the same bytes in both layouts, as one with a single pixel has.
bool SameBytes(absl::Span<const int64_t> dims, Layout a, Layout b);

// Dense tensor memory that somebody else owns. `dims` are logical (NCHW order) whatever the layout.
struct TensorView {
  void* data = nullptr;
  DType dtype = DType::kUnknown;
  Layout layout = Layout::kPlain;
  absl::Span<const int64_t> dims;

  int rank() const { return static_cast<int>(dims.size()); }
  int64_t elements() const { return NumElements(dims); }
  size_t bytes() const { return LayoutBytes(dtype, dims, layout); }
  template <typename T>
  T* as() const {
    return static_cast<T*>(data);
  }
};

// Set by another thread to stop a run, or by the clock; the executor looks between steps, long kernels may look inside.
class Cancellation {
 public:
  using Clock = std::chrono::steady_clock;

  void Cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  // Starts a new run: not cancelled, until `other` (may be null; outlives the run) is or the deadline has passed.
  void Reset(const Cancellation* other = nullptr,
             Clock::time_point deadline = Clock::time_point::max()) {
    other_ = other;
    deadline_ = deadline;
    cancelled_.store(false, std::memory_order_relaxed);
  }
  bool cancelled() const { return requested() || expired(); }
  // Somebody asked for it.
  bool requested() const {
    return cancelled_.load(std::memory_order_relaxed) || (other_ != nullptr && other_->requested());
  }
  bool expired() const {
    return deadline_ != Clock::time_point::max() && Clock::now() >= deadline_;
  }

 private:
  std::atomic<bool> cancelled_{false};
  const Cancellation* other_ = nullptr;
  Clock::time_point deadline_ = Clock::time_point::max();
};

// Where kernels put the texts that they make: elements of string tensors point there. A session keeps the texts of a run during
// the next one too, whose inputs they may be. One thread at a time.
class TextMemory {
 public:
  TextMemory() = default;
  TextMemory(const TextMemory&) = delete;
  TextMemory& operator=(const TextMemory&) = delete;

  // A copy that stays. ResourceExhausted when there is too much text.
  absl::StatusOr<absl::string_view> Keep(absl::string_view text);
  // Drops what was kept before the last call of this.
  void NextRun();

 private:
  std::vector<std::unique_ptr<char[]>> blocks_, last_run_;
  size_t used_ = 0;      // of the last block
  size_t capacity_ = 0;  // of the last block
  size_t total_ = 0;
};

// Operands of one run of one kernel. Absent optional inputs have data == nullptr and dtype kUnknown. Outputs never overlap
// inputs unless the kernel allowed it. Pointers are aligned to the element size at least (but see Kernel::TakesUnaligned); arena
// memory to 64 bytes.
class KernelContext {
 public:
  KernelContext(absl::Span<const TensorView* const> inputs,
                absl::Span<const TensorView* const> outputs, void* scratch,
                const ThreadShare* threads, const Cancellation* cancellation,
                TextMemory* texts = nullptr)
      : inputs_(inputs),
        outputs_(outputs),
        scratch_(scratch),
        threads_(threads),
        cancellation_(cancellation),
        texts_(texts) {}

  // The same run over other operands, which must outlive the result.
  KernelContext With(absl::Span<const TensorView* const> inputs,
                     absl::Span<const TensorView* const> outputs) const {
    return KernelContext(inputs, outputs, scratch_, threads_, cancellation_, texts_);
  }

  int num_inputs() const { return static_cast<int>(inputs_.size()); }
  int num_outputs() const { return static_cast<int>(outputs_.size()); }
  bool has_input(int i) const { return i < num_inputs() && inputs_[i]->dtype != DType::kUnknown; }
  const TensorView& input(int i) const { return *inputs_[i]; }
  const TensorView& output(int i) const { return *outputs_[i]; }
  // As many bytes as Kernel::scratch_bytes(), 64-byte aligned.
  void* scratch() const { return scratch_; }
  // The session's share of the process's threads; never null.
  const ThreadShare& threads() const { return *threads_; }
  bool cancelled() const { return cancellation_ != nullptr && cancellation_->cancelled(); }
  // For ops that make texts.
  TextMemory& texts() const { return *texts_; }

 private:
  absl::Span<const TensorView* const> inputs_;
  absl::Span<const TensorView* const> outputs_;
  void* scratch_;
  const ThreadShare* threads_;
  const Cancellation* cancellation_;
  TextMemory* texts_;
};

// Code prepared for one node with concrete types. Immutable after creation: Run may be called by many threads at once
// with different contexts. Everything is checked at creation; Run fails only for what data alone can show
// (an index out of range).
class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual absl::Status Run(const KernelContext& context) const = 0;

  // Scratch that the planner books in the arena for the time of this step.
  virtual size_t scratch_bytes() const { return 0; }
  // The layout in which input i must arrive / output i is given, decided at creation.
  virtual Layout input_layout(int /*i*/) const { return Layout::kPlain; }
  virtual Layout output_layout(int /*i*/) const { return Layout::kPlain; }
  // Output 0 may share memory with input i (same bytes, elementwise access).
  virtual bool CanRunInPlace(int /*i*/) const { return false; }
  // Constant input i was packed at creation: its bytes are not read by Run and need no aligned copy.
  virtual bool ConsumesConstant(int /*i*/) const { return false; }
  // Constant input i is only copied: it may lie anywhere, and gets no aligned copy either.
  virtual bool TakesUnaligned(int /*i*/) const { return false; }
  // Uses TBB or oneDNN parallelism inside: must run within the session's arena.
  virtual bool NeedsArena() const { return false; }
  // Results below the smallest normal number are zeros while it runs (SubnormalFlush).
  bool flushes_subnormals() const { return flushes_subnormals_; }
  void set_flushes_subnormals() { flushes_subnormals_ = true; }
  // Shown by the profiler: "onednn:brgconv:avx512_core", "cpu:add:avx2", "reference".
  virtual absl::string_view implementation() const = 0;

 private:
  bool flushes_subnormals_ = false;
};

}  // namespace mirin

#endif  // CORE_BACKEND_KERNEL_H_
