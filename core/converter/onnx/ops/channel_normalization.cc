// Normalisation of channels and of groups of them, and over neighbouring channels.
#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx {
namespace {

// A vector per group as one per channel.
ir::Value* PerChannel(OpContext& c, ir::Value* per_group, int64_t groups) {
  GraphBuilder& b = c.builder();
  ir::Value* each = b.Unsqueeze(c.Op("FloorDiv", {b.DimOf(c.input(0), 1), b.Int(groups)}), {0});
  ir::Value* repeated = c.Op(
      "BroadcastTo", {b.Reshape(per_group, {groups, 1}), b.Concat({b.Ints({groups}), each}, 0)});
  return b.Reshape(repeated, {-1});
}

// The average of squares over `size` channels, zeros beyond the first and last, as a pool along the channels.
ir::Value* MeanOfSquares(OpContext& c, ir::Value* x, int64_t size) {
  GraphBuilder& b = c.builder();
  const int64_t before = (size - 1) / 2;
  ir::Value* columns = c.Op(
      "Reshape", {c.Op("Square", {x}), b.Concat({b.Unsqueeze(b.DimOf(x, 0), {0}), b.Ints({1}),
                                                 b.Unsqueeze(b.DimOf(x, 1), {0}), b.Ints({-1})},
                                                0)});
  const Attrs attributes = {{"kernel_size", std::vector<int64_t>{size, 1}},
                            {"strides", std::vector<int64_t>{1, 1}},
                            {"pad_mode", std::string("pad")},
                            {"pad_list", std::vector<int64_t>{before, size - 1 - before, 0, 0}},
                            {"count_include_pad", true}};
  return c.Op("Reshape", {c.Op("AvgPool", {columns}, attributes), b.ShapeOf(x)});
}

}  // namespace

namespace translate {

absl::Status InstanceNormalization(OpContext& c) {
  MIRIN_RETURN_IF_ERROR(RequireSameDTypes(c));
  c.SetOutput(0, c.Op("InstanceNorm", {c.input(0), c.input(1), c.input(2)},
                      {{"epsilon", c.Float("epsilon", 1e-5f)}}));
  return absl::OkStatus();
}

// Scale and bias are one per group in opset 18, one per channel from 21 on.
absl::Status GroupNormalization(OpContext& c) {
  MIRIN_RETURN_IF_ERROR(RequireSameDTypes(c));
  MIRIN_ASSIGN_OR_RETURN(const int64_t groups, c.RequiredInt("num_groups"));
  if (groups < 1) return absl::InvalidArgumentError(absl::StrCat("num_groups is ", groups));
  c.Ignore("stash_type");  // the first stage is worked out in float32 or better
  const bool per_group = c.version() < 21;
  ir::Value* scale = per_group ? PerChannel(c, c.input(1), groups) : c.input(1);
  ir::Value* bias = per_group ? PerChannel(c, c.input(2), groups) : c.input(2);
  c.SetOutput(0, c.Op("GroupNorm", {c.input(0), scale, bias},
                      {{"num_groups", groups}, {"eps", c.Float("epsilon", 1e-5f)}}));
  return absl::OkStatus();
}

absl::Status LRN(OpContext& c) {
  MIRIN_ASSIGN_OR_RETURN(const int64_t size, c.RequiredInt("size"));
  if (size < 1 || size > (int64_t{1} << 20))
    return absl::InvalidArgumentError(absl::StrCat("size is ", size));
  const double alpha = c.Float("alpha", 1e-4f), beta = c.Float("beta", 0.75f),
               bias = c.Float("bias", 1.0f);
  MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(0));
  if (rank < 2)
    return absl::InvalidArgumentError(
        absl::StrCat("input 0 has rank ", rank, ", it needs a batch and channels"));
  GraphBuilder& b = c.builder();
  ir::Value* x = c.input(0);
  if (rank == 4 && size % 2 == 1) {
    c.SetOutput(0, c.Op("LRN", {x},
                        {{"depth_radius", (size - 1) / 2},
                         {"bias", bias},
                         {"alpha", alpha / static_cast<double>(size)},
                         {"beta", beta}}));
    return absl::OkStatus();
  }
  // An even size reaches one channel further behind than in front.
  ir::Value* base = b.Mul(MeanOfSquares(c, x, size), b.ScalarLike(alpha, x));
  base = b.Add(base, b.ScalarLike(bias, x));
  c.SetOutput(0, c.Op("RealDiv", {x, c.Op("Pow", {base, b.ScalarLike(beta, x)})}));
  return absl::OkStatus();
}

}  // namespace translate
}  // namespace mirin::onnx
