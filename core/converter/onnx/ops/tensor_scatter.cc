#include "core/converter/onnx/ops/attend.h"

namespace mirin::onnx {

ir::Value* WriteRows(GraphBuilder& b, ir::Value* cache, ir::Value* update, ir::Value* starts,
                     int64_t axis, bool circular) {
  if (cache == nullptr || update == nullptr) return nullptr;
  const int64_t rank = update->type().shape.rank();
  std::vector<int64_t> leading, trailing;  // axes around the one of positions
  for (int64_t i = 0; i < rank; ++i) {
    if (i < axis) leading.push_back(i);
    if (i > axis) trailing.push_back(i);
  }
  ir::Value* positions = b.Op("Range", {b.Int(0), b.DimOf(update, axis), b.Int(1)});
  for (size_t i = 0; i < trailing.size(); ++i) positions = b.Unsqueeze(positions, {-1});
  positions = b.Unsqueeze(positions, leading);
  if (starts != nullptr) {
    std::vector<int64_t> others(leading.begin() + 1, leading.end());
    others.push_back(axis);
    others.insert(others.end(), trailing.begin(), trailing.end());
    positions = b.Add(positions, b.Unsqueeze(starts, others));
  }
  if (circular) positions = b.Op("FloorMod", {positions, b.DimOf(cache, axis)});
  positions = b.Op("BroadcastTo", {positions, b.ShapeOf(update)});
  return b.Op("TensorScatterElements", {cache, positions, update}, {{"axis", axis}});
}

namespace translate {

// Writes `update` into the cache along one axis, from an index of each sample on.
absl::Status TensorScatter(OpContext& c) {
  MIRIN_RETURN_IF_ERROR(c.dtype(0) == c.dtype(1) ? absl::OkStatus()
                                                 : absl::InvalidArgumentError(
                                                       "the cache and its update differ in dtype"));
  MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(0));
  MIRIN_ASSIGN_OR_RETURN(const int update_rank, c.Rank(1));
  const std::string mode = c.String("mode", "linear");
  if (mode != "linear" && mode != "circular")
    return absl::InvalidArgumentError(absl::StrCat("unknown mode '", mode, "'"));
  int64_t axis = c.Int("axis", -2);
  if (axis < 0) axis += rank;
  if (axis < 1 || axis >= rank)
    return absl::InvalidArgumentError(
        absl::StrCat("axis ", c.Int("axis", -2), " of a cache of rank ", rank));
  bool fits = update_rank == rank;
  for (int i = 0; fits && i < rank; ++i) {
    const int64_t size = c.shape(0).dim(i), given = c.shape(1).dim(i);
    fits = size < 0 || given < 0 || (i == axis ? given <= size : given == size);
  }
  if (!fits)
    return absl::InvalidArgumentError(absl::StrCat("the update ", ToString(c.shape(1)),
                                                   " does not fit the cache ", ToString(c.shape(0)),
                                                   " along axis ", axis));

  c.SetOutput(0, WriteRows(c.builder(), c.input(0), c.input(1),
                           c.has_input(2) ? c.input(2) : nullptr, axis, mode == "circular"));
  return absl::OkStatus();
}

}  // namespace translate
}  // namespace mirin::onnx
