#include <cstring>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "core/ops/schema.h"
#include "core/passes/pass.h"

namespace mirin::passes {
namespace {

constexpr size_t kMaxComparedBytes = 256;

bool SameConstant(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || a.dims() != b.dims() || a.dtype() == DType::kString) return false;
  if (a.data() == b.data()) return true;
  return a.bytes() <= kMaxComparedBytes && std::memcmp(a.data(), b.data(), a.bytes()) == 0;
}

std::string KeyOf(const Tensor& tensor) {
  std::string key = TypeString(tensor);
  if (tensor.dtype() != DType::kString && tensor.bytes() <= kMaxComparedBytes) {
    absl::StrAppend(&key,
                    absl::string_view(static_cast<const char*>(tensor.data()), tensor.bytes()));
  } else {
    absl::StrAppend(&key, reinterpret_cast<uintptr_t>(tensor.data()));
  }
  return key;
}

int MergeConstants(ir::Module* module) {
  int changes = 0;
  absl::flat_hash_map<std::string, ir::Value*> seen;
  for (const auto& constant : module->constants()) {
    ir::Value* first = seen.try_emplace(KeyOf(constant->tensor()), constant.get()).first->second;
    if (first == constant.get() || !SameConstant(first->tensor(), constant->tensor())) continue;
    const std::vector<ir::Value::Use> uses = constant->uses();
    for (const ir::Value::Use& use : uses) use.node->SetInput(use.index, first);
    changes += uses.empty() ? 0 : 1;
  }
  return changes;
}

bool SameNode(const ir::Node& a, const ir::Node& b) {
  if (a.op() != b.op() || a.inputs() != b.inputs() || a.num_outputs() != b.num_outputs())
    return false;
  if (a.attrs().map().size() != b.attrs().map().size()) return false;
  for (const auto& [name, value] : a.attrs().map()) {
    const ir::Attribute* other = b.attrs().Find(name);
    if (other == nullptr || !ir::Equal(value, *other)) return false;
  }
  return true;
}

std::string KeyOf(const ir::Node& node) {
  std::string key = node.op();
  for (const ir::Value* v : node.inputs())
    absl::StrAppend(&key, " ", reinterpret_cast<uintptr_t>(v));
  for (const auto& [name, value] : node.attrs().map())
    absl::StrAppend(&key, " ", name, "=", ir::ToString(value));
  return key;
}

}  // namespace

absl::StatusOr<int> MergeDuplicates(PassContext& context) {
  int changes = MergeConstants(context.module);
  for (const auto& graph : context.module->graphs()) {
    absl::flat_hash_map<std::string, ir::Node*> seen;
    for (const auto& node : graph->nodes()) {
      bool mergeable = ops::IsPure(*node);
      for (const ir::Value* v : node->inputs())
        mergeable &= v == nullptr || v->kind() != ir::ValueKind::kVariable;
      if (!mergeable) continue;
      ir::Node* first = seen.try_emplace(KeyOf(*node), node.get()).first->second;
      if (first == node.get() || !SameNode(*first, *node)) continue;
      for (int i = 0; i < node->num_outputs(); ++i) Replace(node->output(i), first->output(i));
      ++changes;
    }
  }
  return changes;
}

}  // namespace mirin::passes
