// Making a tensor larger by repeating it.
#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {

// Broadcasting in both directions: a 1 in the shape keeps the dim of x.
absl::Status Expand(OpContext& c) {
  GraphBuilder& b = c.builder();
  ir::Value* x = c.input(0);
  MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(0));
  MIRIN_ASSIGN_OR_RETURN(const int64_t length, LengthOf(c, 1, "dims of the shape"));
  if (length > kMaxRank)
    return Refuse(absl::StrCat("a tensor of rank ", length),
                  absl::StrCat("ranks up to ", kMaxRank, " are supported"));
  ir::Value* dims = b.ShapeOf(x);
  ir::Value* shape = IntsOperand(c, 1);
  if (length < rank)
    shape =
        b.Concat({b.Ints(std::vector<int64_t>(static_cast<size_t>(rank - length), 1)), shape}, 0);
  if (length > rank)
    dims = b.Concat({b.Ints(std::vector<int64_t>(static_cast<size_t>(length - rank), 1)), dims}, 0);
  c.SetOutput(
      0, c.Op("BroadcastTo", {x, b.Op("Select", {b.Op("Equal", {shape, b.Int(1)}), dims, shape})}));
  return absl::OkStatus();
}

absl::Status Tile(OpContext& c) {
  const Shape& times = c.shape(1);
  if (c.shape(0).rank_known() && times.concrete() && times.rank() == 1 &&
      times.dim(0) != c.shape(0).rank()) {
    return absl::InvalidArgumentError(
        absl::StrCat(times.dim(0), " repeats for a tensor of rank ", c.shape(0).rank()));
  }
  c.SetOutput(0, c.Op("Tile", {c.input(0), IntsOperand(c, 1)}));
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
