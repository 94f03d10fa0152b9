// ai.onnx.ml TreeEnsemble of version 5.
#include <cmath>

#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx {
namespace {

absl::StatusOr<ir::Value*> PostTransform(GraphBuilder& b, ir::Value* x, int64_t transform) {
  switch (transform) {
    case 0: return x;
    case 1: return b.Op("Softmax", {x}, {{"axis", -1}});
    case 2: return b.Op("Sigmoid", {x});
    case 3: return Refuse("post_transform SOFTMAX_ZERO", "use SOFTMAX");
    case 4: return b.Mul(b.ScalarLike(std::sqrt(2.0), x), b.Op("Erfinv", {b.Sub(b.Mul(x, b.ScalarLike(2, x)), b.ScalarLike(1, x))}));
    default: return absl::InvalidArgumentError(absl::StrCat("post_transform is ", transform));
  }
}

}  // namespace

namespace translate {

absl::Status TreeEnsemble(OpContext& c) {
  GraphBuilder& b = c.builder();
  const Tensor *splits = c.TensorAttribute("nodes_splits"), *weights = c.TensorAttribute("leaf_weights"), *members = c.TensorAttribute("membership_values");
  const Tensor* modes = c.TensorAttribute("nodes_modes");
  c.Ignore("nodes_hitrates");
  if (splits == nullptr || weights == nullptr || modes == nullptr) return absl::InvalidArgumentError("nodes_splits, leaf_weights and nodes_modes are needed");
  MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> mode, modes->ToInt64s());
  const auto flat = [&](const Tensor& t) { return b.Constant(t.Reshaped({t.elements()})); };
  Attrs attributes = {{"nodes_modes", mode}};
  for (const char* name : {"nodes_featureids", "nodes_truenodeids", "nodes_falsenodeids", "nodes_trueleafs", "nodes_falseleafs", "nodes_missing_value_tracks_true",
                           "leaf_targetids", "tree_roots"}) {
    attributes.push_back({name, c.Ints(name)});
  }
  attributes.push_back({"n_targets", c.Int("n_targets", 1)});
  attributes.push_back({"aggregate_function", c.Int("aggregate_function", 1)});
  ir::Value* y = b.Op("TreeEnsemble", {c.input(0), flat(*splits), flat(*weights), members == nullptr ? GraphBuilder::Absent() : flat(*members)}, attributes);
  MIRIN_ASSIGN_OR_RETURN(y, PostTransform(b, y, c.Int("post_transform", 0)));
  c.SetOutput(0, y);
  return absl::OkStatus();
}

}  // namespace translate
}  // namespace mirin::onnx
