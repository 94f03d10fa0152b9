#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {

// Axes are an attribute before opset 13, an input since; without them every axis of size 1 goes.
absl::Status Squeeze(OpContext& c) {
  GraphBuilder& b = c.builder();
  ir::Value* x = c.input(0);
  const bool as_input = c.version() >= 13;
  if (as_input ? !c.has_input(1) : !c.Has("axes")) {
    c.SetOutput(0, c.Op("Squeeze", {x}));
    return absl::OkStatus();
  }
  const auto known = as_input ? GraphBuilder::IntsOf(c.input(1)) : c.Ints("axes");
  if (known) {
    c.SetOutput(0, b.Squeeze(x, *known));
    return absl::OkStatus();
  }
  MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(0));
  MIRIN_ASSIGN_OR_RETURN(const int64_t count, LengthOf(c, 1, "axes"));
  if (count > rank)
    return absl::InvalidArgumentError(absl::StrCat(count, " axes of a tensor of rank ", rank));
  ir::Value* keep =
      b.Op("LogicalNot", {MaskOf(b, AxesFromStart(b, IntsOperand(c, 1), rank), rank)});
  ir::Value* dims = b.Reshape(b.Op("MaskedSelect", {b.ShapeOf(x), keep}), {rank - count});
  c.SetOutput(0, b.Op("Reshape", {x, dims}));
  return absl::OkStatus();
}

// Axes are an attribute before opset 13, an input since.
absl::Status Unsqueeze(OpContext& c) {
  GraphBuilder& b = c.builder();
  ir::Value* x = c.input(0);
  const auto known = c.version() >= 13 ? GraphBuilder::IntsOf(c.input(1)) : c.Ints("axes");
  if (known) {
    c.SetOutput(0, b.Unsqueeze(x, *known));
    return absl::OkStatus();
  }
  MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(0));
  MIRIN_ASSIGN_OR_RETURN(const int64_t count, LengthOf(c, 1, "axes"));
  if (rank + count > kMaxRank)
    return Refuse(absl::StrCat("a tensor of rank ", rank + count),
                  absl::StrCat("ranks up to ", kMaxRank, " are supported"));
  if (rank == 0) {
    c.SetOutput(0, b.Reshape(x, std::vector<int64_t>(static_cast<size_t>(count), 1)));
    return absl::OkStatus();
  }
  // Old axes take the places that are not new ones, in order.
  ir::Value* inserted = MaskOf(b, AxesFromStart(b, IntsOperand(c, 1), rank + count), rank + count);
  ir::Value* old = b.Sub(
      b.Op("CumSum", {b.Cast(b.Op("LogicalNot", {inserted}), DType::kInt64), b.Int(0)}), b.Int(1));
  ir::Value* dims = b.Op("Gather", {b.ShapeOf(x), b.Op("Maximum", {old, b.Int(0)})}, {{"axis", 0}});
  c.SetOutput(0, b.Op("Reshape", {x, b.Op("Select", {inserted, b.Int(1), dims})}));
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
