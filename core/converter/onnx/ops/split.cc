#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {
namespace {

// Sizes of `parts` parts, as equal as opset 18 says: all but the last one are rounded up.
absl::StatusOr<std::vector<ir::Value*>> UnevenParts(OpContext& c, int64_t axis, int64_t parts) {
  GraphBuilder& b = c.builder();
  ir::Value* n = b.DimOf(c.input(0), axis);
  ir::Value* most = b.Op("FloorDiv", {b.Add(n, b.Int(parts - 1)), b.Int(parts)});
  ir::Value* last = b.Sub(n, b.Mul(most, b.Int(parts - 1)));
  std::vector<ir::Value*> sizes(static_cast<size_t>(parts), b.Reshape(most, {1}));
  sizes.back() = b.Reshape(last, {1});
  ir::Value* all = b.Concat(sizes, 0);
  return c.Ops("SplitSizes", {c.input(0), all}, {{"axis", axis}, {"output_num", parts}});
}

}  // namespace

// Sizes are an attribute before opset 13, an input since. Without them the parts are equal; opset 18 (num_outputs) lets the last
// one be smaller.
absl::Status Split(OpContext& c) {
  const int64_t axis = c.Int("axis", 0);
  const int64_t parts = c.num_outputs();
  if (c.version() >= 18 && c.Int("num_outputs", parts) != parts) {
    return absl::InvalidArgumentError(absl::StrCat("num_outputs is ", c.Int("num_outputs", parts),
                                                   ", it has ", parts, " outputs"));
  }
  const bool as_input = c.version() >= 13;
  std::vector<ir::Value*> values;
  if (as_input ? c.has_input(1) : c.Has("split")) {
    if (const auto sizes = as_input ? GraphBuilder::IntsOf(c.input(1)) : c.Ints("split")) {
      if (static_cast<int64_t>(sizes->size()) != parts)
        return absl::InvalidArgumentError(
            absl::StrCat(sizes->size(), " sizes for ", parts, " outputs"));
      if (std::any_of(sizes->begin(), sizes->end(), [](int64_t s) { return s < 0; }))
        return absl::InvalidArgumentError("a size is negative");
      values = c.Ops("SplitV", {c.input(0)}, {{"size_splits", *sizes}, {"axis", axis}});
    } else {
      values = c.Ops("SplitSizes", {c.input(0), IntsOperand(c, 1)},
                     {{"axis", axis}, {"output_num", parts}});
    }
  } else if (c.version() >= 18 && c.Has("num_outputs")) {
    MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(0));
    MIRIN_ASSIGN_OR_RETURN(const int at, NormalizeAxis(axis, rank));
    const int64_t n = c.shape(0).dim(at);
    if (n >= 0 && n % parts == 0) {
      values = c.Ops("Split", {c.input(0)}, {{"axis", axis}, {"output_num", parts}});
    } else {
      MIRIN_ASSIGN_OR_RETURN(values, UnevenParts(c, axis, parts));
    }
  } else {
    values = c.Ops("Split", {c.input(0)}, {{"axis", axis}, {"output_num", parts}});
  }
  for (size_t i = 0; i < values.size(); ++i) c.SetOutput(static_cast<int>(i), values[i]);
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
