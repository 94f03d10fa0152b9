// The interface of a device backend.
//
// Write one by copying core/backends/null (its README says how) and adding a line to core/backends/all.cc. A backend never
// includes another. `reference` answers for every op and comes last.
#ifndef CORE_BACKEND_BACKEND_H_
#define CORE_BACKEND_BACKEND_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/backend/kernel.h"
#include "core/backend/weight_cache.h"
#include "core/ir/graph.h"

namespace mirin {

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
  // A result may depend neither on the number of threads nor on the other elements of a batch: see SessionOptions.
  bool deterministic = false;

  int thread_count() const { return threads == nullptr ? 1 : threads->threads(); }
  // Whether optional input i is there.
  bool has_input(size_t i) const { return i < inputs.size() && inputs[i].dtype != DType::kUnknown; }
  // Whether input i is a constant that Pack and the weight cache take.
  bool can_pack(size_t i) const {
    return weights != nullptr && constants[i] != nullptr && constant_values[i] != nullptr;
  }

  // constants[i] as bytes that `fill` makes of it, shared by the model's sessions; see WeightCache::GetOrPack.
  absl::StatusOr<std::shared_ptr<const void>> Pack(
      size_t i, const std::string& key, size_t bytes,
      absl::FunctionRef<absl::Status(void*)> fill) const {
    const ir::Value* constant = constant_values[i];
    return weights->GetOrPack(constant, constant->tensor().data() == constants[i]->data(), key,
                              bytes, fill);
  }
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual absl::string_view name() const = 0;

  // What packed bytes depend on besides the keys of WeightCache: the CPU's abilities, versions of libraries. Where it is the same, bytes of
  // another process may be used. (optional)
  virtual std::string packing() const { return std::string(); }

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
