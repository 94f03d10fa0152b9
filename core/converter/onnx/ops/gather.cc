// Reading by index. Negative indices count from the end of their axis.
#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {

absl::Status Gather(OpContext& c) {
  c.SetOutput(0, c.Op("Gather", {c.input(0), c.input(1)}, {{"axis", c.Int("axis", 0)}}));
  return absl::OkStatus();
}

absl::Status GatherElements(OpContext& c) {
  c.SetOutput(0, c.Op("GatherD", {c.input(0), c.builder().Int(c.Int("axis", 0)), c.input(1)}));
  return absl::OkStatus();
}

// Opset 12 added batch_dims: that many axes are the same in both, so their coordinates go in front of the indices.
absl::Status GatherND(OpContext& c) {
  GraphBuilder& b = c.builder();
  ir::Value* indices = b.Cast(c.input(1), DType::kInt64);
  const int64_t batch_dims = c.Int("batch_dims", 0);
  if (batch_dims != 0) {
    MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(1));
    MIRIN_ASSIGN_OR_RETURN(const int data_rank, c.Rank(0));
    if (batch_dims < 0 || batch_dims >= std::min(rank, data_rank))
      return absl::InvalidArgumentError(
          absl::StrCat("batch_dims ", batch_dims, " of ranks ", data_rank, " and ", rank));
    ir::Value* shape = b.Concat({b.SliceAxis(b.ShapeOf(indices), 0, 0, rank - 1), b.Ints({1})}, 0);
    std::vector<ir::Value*> parts;
    for (int64_t axis = 0; axis < batch_dims; ++axis) {
      std::vector<int64_t> dims(static_cast<size_t>(rank), 1);
      dims[static_cast<size_t>(axis)] = -1;
      ir::Value* places = b.Op("Range", {b.Int(0), b.DimOf(c.input(0), axis), b.Int(1)});
      parts.push_back(b.Op("BroadcastTo", {b.Reshape(places, dims), shape}));
    }
    parts.push_back(indices);
    indices = b.Concat(parts, -1);
  }
  c.SetOutput(0, c.Op("GatherNd", {c.input(0), indices}));
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
