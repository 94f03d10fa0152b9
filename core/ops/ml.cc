// Ops of classical machine learning: schemas and shape inference.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/ops/infer.h"
#include "core/ops/registry.h"

namespace mirin::ops {
namespace {

absl::Status InferLookUp(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireSameDType(0, 1));
  MIRIN_RETURN_IF_ERROR(c.RequireSameDType(2, 3));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(1, 1));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(2, 1));
  MIRIN_RETURN_IF_ERROR(c.RequireOneElement(3));
  if (c.shape(1).concrete() && c.shape(2).concrete() && c.shape(1) != c.shape(2)) {
    return absl::InvalidArgumentError(absl::StrCat("keys ", ToString(c.shape(1)), " do not match values ", ToString(c.shape(2))));
  }
  if (c.shape(0).concrete()) MIRIN_RETURN_IF_ERROR(CheckedBytes(c.dtype(2), c.shape(0).dims()).status());
  c.SetOutput(0, c.dtype(2), c.shape(0));
  return absl::OkStatus();
}

absl::Status CheckIds(const std::vector<int64_t>& ids, int64_t end, absl::string_view what) {
  for (const int64_t id : ids) {
    if (id < 0 || id >= end) return absl::InvalidArgumentError(absl::StrCat(what, " ", id, " is out of range: there are ", end));
  }
  return absl::OkStatus();
}

// Where a branch leads, to a node or to a leaf.
absl::Status CheckBranches(const std::vector<int64_t>& ids, const std::vector<int64_t>& leafs, int64_t nodes, int64_t leaves) {
  for (size_t i = 0; i < ids.size(); ++i) {
    const int64_t end = leafs[i] != 0 ? leaves : nodes;
    if (ids[i] < 0 || ids[i] >= end) return absl::InvalidArgumentError(absl::StrCat("a branch to ", leafs[i] != 0 ? "leaf " : "node ", ids[i], " of ", end));
  }
  return absl::OkStatus();
}

absl::Status InferTreeEnsemble(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(0, 2));
  for (int i = 1; i < 4; ++i) {
    if (!c.has_input(i)) continue;
    MIRIN_RETURN_IF_ERROR(c.RequireFloat(i));
    MIRIN_RETURN_IF_ERROR(c.RequireRank(i, 1));
  }
  const auto ints = [&](const char* name) { return c.attrs().Ints(name); };
  const std::vector<int64_t> modes = ints("nodes_modes"), features = ints("nodes_featureids"), tracks = ints("nodes_missing_value_tracks_true");
  const auto nodes = static_cast<int64_t>(modes.size()), leaves = static_cast<int64_t>(ints("leaf_targetids").size());
  for (const char* name : {"nodes_featureids", "nodes_truenodeids", "nodes_falsenodeids", "nodes_trueleafs", "nodes_falseleafs"}) {
    if (ints(name).size() != modes.size()) return absl::InvalidArgumentError(absl::StrCat(name, " has ", ints(name).size(), " entries for ", nodes, " nodes"));
  }
  if (!tracks.empty() && tracks.size() != modes.size()) return absl::InvalidArgumentError("nodes_missing_value_tracks_true does not match the nodes");
  if (c.shape(1).concrete() && c.shape(1).dim(0) != nodes) return absl::InvalidArgumentError(absl::StrCat(c.shape(1).dim(0), " splits for ", nodes, " nodes"));
  if (c.shape(2).concrete() && c.shape(2).dim(0) != leaves) return absl::InvalidArgumentError(absl::StrCat(c.shape(2).dim(0), " weights for ", leaves, " leaves"));
  const int64_t targets = c.attrs().Int("n_targets"), aggregate = c.attrs().Int("aggregate_function");
  if (targets < 1 || targets > (int64_t{1} << 24)) return absl::InvalidArgumentError(absl::StrCat("n_targets is ", targets));
  if (aggregate < 0 || aggregate > 3) return absl::InvalidArgumentError(absl::StrCat("aggregate_function is ", aggregate));
  MIRIN_RETURN_IF_ERROR(CheckIds(modes, 7, "mode"));
  MIRIN_RETURN_IF_ERROR(CheckIds(ints("tree_roots"), nodes, "root"));
  MIRIN_RETURN_IF_ERROR(CheckIds(ints("leaf_targetids"), targets, "target"));
  MIRIN_RETURN_IF_ERROR(CheckBranches(ints("nodes_truenodeids"), ints("nodes_trueleafs"), nodes, leaves));
  MIRIN_RETURN_IF_ERROR(CheckBranches(ints("nodes_falsenodeids"), ints("nodes_falseleafs"), nodes, leaves));
  const int64_t width = c.shape(0).rank_known() ? c.shape(0).dim(1) : -1;
  if (width >= 0) MIRIN_RETURN_IF_ERROR(CheckIds(features, width, "feature"));
  const Shape out({c.shape(0).rank_known() ? c.shape(0).dim(0) : -1, targets});
  if (out.concrete()) MIRIN_RETURN_IF_ERROR(CheckedBytes(DType::kFloat64, out.dims()).status());
  c.SetOutput(0, c.dtype(0), out);
  return absl::OkStatus();
}

}  // namespace

namespace schemas {

OpSchema LookUp() {
  return OpSchema("LookUp", "The value at the last key that equals x, else the fallback; NaN equals NaN. (internal)")
      .Input("x").Input("keys").Input("values").Input("fallback").Output("y").Infer(InferLookUp);
}
OpSchema TreeEnsemble() {
  return OpSchema("TreeEnsemble",
                  "ONNX ai.onnx.ml TreeEnsemble without transform: x [samples, features] falls through every tree; the leaves' weights are averaged, "
                  "summed, or the least or greatest of them taken, per target; a target without a leaf is 0. (internal)")
      .Input("x").Input("splits").Input("leaf_weights").OptionalInput("members").RequiredAttr("nodes_modes").RequiredAttr("nodes_featureids")
      .RequiredAttr("nodes_truenodeids").RequiredAttr("nodes_falsenodeids").RequiredAttr("nodes_trueleafs").RequiredAttr("nodes_falseleafs")
      .Attr("nodes_missing_value_tracks_true", std::vector<int64_t>{}).RequiredAttr("leaf_targetids").RequiredAttr("tree_roots")
      .Attr("n_targets", int64_t{1}).Attr("aggregate_function", int64_t{1}).Output("y").Infer(InferTreeEnsemble);
}

}  // namespace schemas
}  // namespace mirin::ops
