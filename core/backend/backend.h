// The interface of a device backend.
//
// Write one by copying core/backends/null (its README says how) and adding a line to core/backends/all.cc. A backend never
// includes another. `reference` answers for every op and comes last.
#ifndef CORE_BACKEND_BACKEND_H_
#define CORE_BACKEND_BACKEND_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "core/backend/kernel.h"
#include "core/ir/graph.h"

namespace mirin {

// Weights that kernels packed, shared by all sessions of a model. Thread-safe.
class WeightCache {
 public:
  // The object stored under (constant, key), made by `make` if there is none yet. `key` says everything that the packed
  // form depends on besides the constant: "onednn:conv:<format>", "cpu:gemm:avx512". `make` may run twice when two threads
  // race; one result wins.
  template <typename T>
  absl::StatusOr<std::shared_ptr<const T>> GetOrMake(
      const ir::Value* constant, const std::string& key,
      const std::function<absl::StatusOr<std::shared_ptr<const T>>()>& make) {
    const auto full_key = std::make_pair(constant, key);
    {
      absl::MutexLock lock(&mutex_);
      auto it = packed_.find(full_key);
      if (it != packed_.end()) return std::static_pointer_cast<const T>(it->second);
    }
    absl::StatusOr<std::shared_ptr<const T>> made = make();
    if (!made.ok()) return made.status();
    absl::MutexLock lock(&mutex_);
    return std::static_pointer_cast<const T>(packed_.try_emplace(full_key, *made).first->second);
  }

  // Memory for a packed form: 64-byte aligned, null when it cannot be had. Weights of middle size share large pages, which are
  // given back when the last of them goes.
  std::shared_ptr<void> Allocate(size_t bytes);

 private:
  absl::Mutex mutex_;
  std::shared_ptr<void> slab_ ABSL_GUARDED_BY(mutex_);
  size_t slab_used_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t slab_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t total_ ABSL_GUARDED_BY(mutex_) = 0;  // given out of slabs
  absl::flat_hash_map<std::pair<const ir::Value*, std::string>, std::shared_ptr<const void>> packed_
      ABSL_GUARDED_BY(mutex_);
};

// Everything a backend needs to prepare one node.
struct KernelRequest {
  const ir::Node* node = nullptr;
  // Concrete types; an absent optional input has dtype kUnknown.
  absl::Span<const ir::TensorType> inputs;
  absl::Span<const ir::TensorType> outputs;
  // Layout in which each input is at hand now: a kernel that takes any layout answers with this one.
  absl::Span<const Layout> input_layouts;
  // Known bytes of input i (null when it is computed), and the constant behind it for the weight cache (null when there
  // is none, as for a folded shape computation).
  absl::Span<const Tensor* const> constants;
  absl::Span<const ir::Value* const> constant_values;
  WeightCache* weights = nullptr;
  // Threads the kernel may use.
  const ThreadShare* threads = nullptr;
  // Float weights may be kept as binary16 numbers; sums stay float.
  bool prefer_fp16 = false;
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual absl::string_view name() const = 0;

  // Prepares a kernel, or refuses with Unimplemented and the reason ("dtype float64", "rank 6"), which the planner keeps
  // for its report and goes on to the next backend. Any other code is an error of the model and ends planning.
  virtual absl::StatusOr<std::unique_ptr<Kernel>> CreateKernel(
      const KernelRequest& request) const = 0;

  // A kernel that converts between layouts; only for backends that use other layouts than plain. (optional)
  virtual absl::StatusOr<std::unique_ptr<Kernel>> CreateReorder(
      const ir::TensorType& /*type*/, Layout /*from*/, Layout /*to*/,
      const ThreadShare& /*threads*/) const {
    return absl::UnimplementedError("this backend uses the plain layout only");
  }
};

}  // namespace mirin

#endif  // CORE_BACKEND_BACKEND_H_
