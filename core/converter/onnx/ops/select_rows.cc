// Choosing and ordering elements by what they are.
#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {

// The slices along an axis (without one: the elements) where the condition, which may be shorter, is true.
absl::Status Compress(OpContext& c) {
  GraphBuilder& b = c.builder();
  if (c.dtype(1) != DType::kBool)
    return absl::InvalidArgumentError(
        absl::StrCat("the condition is ", Name(c.dtype(1)), ", expected bool"));
  const Shape& condition = c.shape(1);
  if (condition.rank_known() && condition.rank() != 1)
    return absl::InvalidArgumentError(
        absl::StrCat("the condition has shape ", ToString(condition), ", expected rank 1"));
  ir::Value* chosen = b.Squeeze(c.Op("NonZero", {c.input(1)}), {1});
  const bool flat = !c.Has("axis");
  ir::Value* x = flat ? b.Reshape(c.input(0), {-1}) : c.input(0);
  c.SetOutput(0, c.Op("Gather", {x, chosen}, {{"axis", c.Int("axis", 0)}}));
  return absl::OkStatus();
}

// [rank, number of non-zero elements]
absl::Status NonZero(OpContext& c) {
  GraphBuilder& b = c.builder();
  if (c.dtype(0) == DType::kString) return Refuse("non-zero strings", "compare them first");
  c.SetOutput(0, b.Transpose(c.Op("NonZero", {c.input(0)}), {1, 0}));
  return absl::OkStatus();
}

absl::Status Unique(OpContext& c) {
  Attrs attributes = {{"sorted", c.Bool("sorted", true)}};
  if (c.Has("axis")) attributes.push_back({"axis", c.Int("axis", 0)});
  const std::vector<ir::Value*> values = c.Ops("UniqueSlices", {c.input(0)}, attributes);
  for (size_t i = 0; i < values.size(); ++i) c.SetOutput(static_cast<int>(i), values[i]);
  return absl::OkStatus();
}

absl::Status ReverseSequence(OpContext& c) {
  const int64_t time = c.Int("time_axis", 0), batch = c.Int("batch_axis", 1);
  if (time == batch || std::min(time, batch) != 0 || std::max(time, batch) != 1)
    return absl::InvalidArgumentError(absl::StrCat("time_axis ", time, " and batch_axis ", batch));
  c.SetOutput(0, c.Op("ReverseSequence", {c.input(0), c.input(1)},
                      {{"seq_dim", time}, {"batch_dim", batch}}));
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
