// Ops of classical machine learning: schemas and shape inference.
#include "core/ops/ml.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/ops/infer.h"
#include "core/ops/registry.h"

namespace mirin::ops {
namespace {

// Keys and values are a tensor each or, as texts, an attribute.
absl::Status InferLookUp(InferContext& c) {
  const auto texts = [&](const char* name) {
    return static_cast<int64_t>(Texts(c.attrs(), name).size());
  };
  const auto count = [&](int i, const char* name) {
    return !c.has_input(i) ? texts(name) : c.shape(i).rank_known() ? c.shape(i).dim(0) : -1;
  };
  if (c.has_input(1)) {
    MIRIN_RETURN_IF_ERROR(c.RequireSameDType(0, 1));
    MIRIN_RETURN_IF_ERROR(c.RequireRank(1, 1));
  }
  if ((c.dtype(0) == DType::kString) == c.has_input(1))
    return absl::InvalidArgumentError(absl::StrCat("keys for ", Name(c.dtype(0)), " are missing"));
  if (c.has_input(2) != c.has_input(3))
    return absl::InvalidArgumentError("values and fallback go together");
  if (c.has_input(2)) {
    MIRIN_RETURN_IF_ERROR(c.RequireNumber(2));
    MIRIN_RETURN_IF_ERROR(c.RequireSameDType(2, 3));
    MIRIN_RETURN_IF_ERROR(c.RequireRank(2, 1));
    MIRIN_RETURN_IF_ERROR(c.RequireOneElement(3));
  }
  const int64_t keys = count(1, "key_texts"), values = count(2, "value_texts");
  if (keys >= 0 && values >= 0 && keys != values)
    return absl::InvalidArgumentError(absl::StrCat(keys, " keys do not match ", values, " values"));
  const DType dtype = c.has_input(2) ? c.dtype(2) : DType::kString;
  if (c.shape(0).concrete()) MIRIN_RETURN_IF_ERROR(CheckedBytes(dtype, c.shape(0).dims()).status());
  c.SetOutput(0, dtype, c.shape(0));
  return absl::OkStatus();
}

absl::Status CheckIds(const std::vector<int64_t>& ids, int64_t end, absl::string_view what) {
  for (const int64_t id : ids) {
    if (id < 0 || id >= end)
      return absl::InvalidArgumentError(
          absl::StrCat(what, " ", id, " is out of range: there are ", end));
  }
  return absl::OkStatus();
}

// Where a branch leads, to a node or to a leaf.
absl::Status CheckBranches(const std::vector<int64_t>& ids, const std::vector<int64_t>& leafs,
                           int64_t nodes, int64_t leaves) {
  for (size_t i = 0; i < ids.size(); ++i) {
    const int64_t end = leafs[i] != 0 ? leaves : nodes;
    if (ids[i] < 0 || ids[i] >= end)
      return absl::InvalidArgumentError(
          absl::StrCat("a branch to ", leafs[i] != 0 ? "leaf " : "node ", ids[i], " of ", end));
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
  const std::vector<int64_t> modes = ints("nodes_modes"), features = ints("nodes_featureids"),
                             tracks = ints("nodes_missing_value_tracks_true");
  const auto nodes = static_cast<int64_t>(modes.size()),
             votes = static_cast<int64_t>(ints("leaf_targetids").size());
  const std::vector<int64_t> begins = ints("leaf_begins");
  int64_t leaves = votes;
  if (!begins.empty()) {
    if (begins.front() != 0 || begins.back() != votes ||
        !std::is_sorted(begins.begin(), begins.end()))
      return absl::InvalidArgumentError("leaf_begins does not cut the votes");
    leaves = static_cast<int64_t>(begins.size()) - 1;
  }
  for (const char* name : {"nodes_featureids", "nodes_truenodeids", "nodes_falsenodeids",
                           "nodes_trueleafs", "nodes_falseleafs"}) {
    if (ints(name).size() != modes.size())
      return absl::InvalidArgumentError(
          absl::StrCat(name, " has ", ints(name).size(), " entries for ", nodes, " nodes"));
  }
  if (!tracks.empty() && tracks.size() != modes.size())
    return absl::InvalidArgumentError("nodes_missing_value_tracks_true does not match the nodes");
  if (c.shape(1).concrete() && c.shape(1).dim(0) != nodes)
    return absl::InvalidArgumentError(
        absl::StrCat(c.shape(1).dim(0), " splits for ", nodes, " nodes"));
  if (c.shape(2).concrete() && c.shape(2).dim(0) != votes)
    return absl::InvalidArgumentError(
        absl::StrCat(c.shape(2).dim(0), " weights for ", votes, " votes"));
  const int64_t targets = c.attrs().Int("n_targets"),
                aggregate = c.attrs().Int("aggregate_function");
  if (targets < 1 || targets > (int64_t{1} << 24))
    return absl::InvalidArgumentError(absl::StrCat("n_targets is ", targets));
  if (aggregate < 0 || aggregate > 3)
    return absl::InvalidArgumentError(absl::StrCat("aggregate_function is ", aggregate));
  MIRIN_RETURN_IF_ERROR(CheckIds(modes, 7, "mode"));
  MIRIN_RETURN_IF_ERROR(CheckIds(ints("tree_roots"), nodes, "root"));
  MIRIN_RETURN_IF_ERROR(CheckIds(ints("leaf_targetids"), targets, "target"));
  MIRIN_RETURN_IF_ERROR(
      CheckBranches(ints("nodes_truenodeids"), ints("nodes_trueleafs"), nodes, leaves));
  MIRIN_RETURN_IF_ERROR(
      CheckBranches(ints("nodes_falsenodeids"), ints("nodes_falseleafs"), nodes, leaves));
  const int64_t width = c.shape(0).rank_known() ? c.shape(0).dim(1) : -1;
  if (width >= 0) MIRIN_RETURN_IF_ERROR(CheckIds(features, width, "feature"));
  const Shape out({c.shape(0).rank_known() ? c.shape(0).dim(0) : -1, targets});
  if (out.concrete()) MIRIN_RETURN_IF_ERROR(CheckedBytes(DType::kFloat64, out.dims()).status());
  c.SetOutput(0, c.dtype(0), out);
  return absl::OkStatus();
}

}  // namespace

const std::vector<std::string>& Texts(const ir::Attributes& attrs, absl::string_view name) {
  static const auto* const kNone = new std::vector<std::string>();
  const ir::Attribute* a = attrs.Find(name);
  const auto* texts = a == nullptr ? nullptr : std::get_if<std::vector<std::string>>(a);
  return texts == nullptr ? *kNone : *texts;
}

namespace schemas {

OpSchema LookUp() {
  return OpSchema("LookUp",
                  "The value at the last key that equals x, else the fallback; NaN equals NaN. "
                  "Texts are attributes, other keys and values tensors. (internal)")
      .Input("x")
      .OptionalInput("keys")
      .OptionalInput("values")
      .OptionalInput("fallback")
      .Attr("key_texts", std::vector<std::string>{})
      .Attr("value_texts", std::vector<std::string>{})
      .Attr("fallback_text", std::string())
      .Output("y")
      .Infer(InferLookUp);
}
OpSchema TreeEnsemble() {
  return OpSchema("TreeEnsemble",
                  "ONNX ai.onnx.ml TreeEnsemble without transform: x [samples, features] falls "
                  "through every tree; the leaves' weights are averaged, "
                  "summed, or the least or greatest of them taken, per target; a target without a "
                  "leaf is 0. Leaf i has one weight, or those from "
                  "leaf_begins[i] to leaf_begins[i + 1]. (internal)")
      .Input("x")
      .Input("splits")
      .Input("leaf_weights")
      .OptionalInput("members")
      .RequiredAttr("nodes_modes")
      .RequiredAttr("nodes_featureids")
      .RequiredAttr("nodes_truenodeids")
      .RequiredAttr("nodes_falsenodeids")
      .RequiredAttr("nodes_trueleafs")
      .RequiredAttr("nodes_falseleafs")
      .Attr("nodes_missing_value_tracks_true", std::vector<int64_t>{})
      .RequiredAttr("leaf_targetids")
      .Attr("leaf_begins", std::vector<int64_t>{})
      .RequiredAttr("tree_roots")
      .Attr("n_targets", int64_t{1})
      .Attr("aggregate_function", int64_t{1})
      .Output("y")
      .Infer(InferTreeEnsemble);
}

}  // namespace schemas
}  // namespace mirin::ops
