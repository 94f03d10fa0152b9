#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx {
namespace {

// A vector per channel, shaped to broadcast along axis 1.
ir::Value* AlongChannels(OpContext& c, ir::Value* v, int rank) {
  std::vector<int64_t> dims(static_cast<size_t>(rank) - 1, 1);
  dims[0] = -1;
  return c.builder().Reshape(v, dims);
}

// Opset 7 with spatial = 0: statistics of every element of a sample, so all vectors have the shape of one.
ir::Value* PerActivation(OpContext& c, double epsilon) {
  GraphBuilder& b = c.builder();
  ir::Value* deviation = c.Op("Sqrt", {b.Add(c.input(4), b.ScalarLike(epsilon, c.input(4)))});
  return b.Add(b.Mul(c.Op("RealDiv", {b.Sub(c.input(0), c.input(3)), deviation}), c.input(1)),
               c.input(2));
}

// Statistics of the batch itself, in float32 at least; the running ones move towards them.
absl::Status Training(OpContext& c, double epsilon, double momentum) {
  MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(0));
  if (rank < 2)
    return Refuse("training_mode with an input of rank 1", "export the model for inference");
  GraphBuilder& b = c.builder();
  std::vector<int64_t> axes = {0};
  for (int i = 2; i < rank; ++i) axes.push_back(i);
  const DType dtype = c.dtype(0), wide = SizeOf(dtype) < 4 ? DType::kFloat32 : dtype;
  ir::Value* x = b.Cast(c.input(0), wide);
  const Attrs keep = {{"keep_dims", true}};
  ir::Value* mean = c.Op("ReduceMean", {x, b.Ints(axes)}, keep);
  ir::Value* centred = b.Sub(x, mean);
  ir::Value* variance = c.Op("ReduceMean", {c.Op("Square", {centred}), b.Ints(axes)}, keep);
  ir::Value* deviation = c.Op("Sqrt", {b.Add(variance, b.ScalarLike(epsilon, variance))});
  ir::Value* scale = AlongChannels(c, b.Cast(c.input(1), wide), rank);
  ir::Value* shift = AlongChannels(c, b.Cast(c.input(2), wide), rank);
  c.SetOutput(0, b.Cast(b.Add(b.Mul(c.Op("RealDiv", {centred, deviation}), scale), shift), dtype));
  const auto moved = [&](int input, ir::Value* now) {
    ir::Value* before = b.Cast(c.input(input), wide);
    ir::Value* sum = b.Add(b.Mul(before, b.ScalarLike(momentum, before)),
                           b.Mul(b.Reshape(now, {-1}), b.ScalarLike(1 - momentum, before)));
    return b.Cast(sum, c.dtype(input));
  };
  if (c.wants(1)) c.SetOutput(1, moved(3, mean));
  if (c.wants(2)) c.SetOutput(2, moved(4, variance));
  return absl::OkStatus();
}

}  // namespace

namespace translate {

absl::Status BatchNormalization(OpContext& c) {
  const double epsilon = c.Float("epsilon", 1e-5f), momentum = c.Float("momentum", 0.9f);
  const bool training = c.version() >= 14 && c.Bool("training_mode", false);
  const bool spatial = c.version() >= 9 || c.Bool("spatial", true);
  if (training) return Training(c, epsilon, momentum);
  for (int i = 1; i < c.num_outputs(); ++i) {
    if (c.wants(i))
      return Refuse(absl::StrCat("output ", i, " is a statistic of training"),
                    "export the model for inference");
  }
  if (!spatial) {
    c.SetOutput(0, PerActivation(c, epsilon));
    return absl::OkStatus();
  }
  MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(0));
  if (rank < 1) return absl::InvalidArgumentError("input 0 is a scalar");
  // A vector is a batch of samples with one channel.
  ir::Value* x = rank == 1 ? c.builder().Unsqueeze(c.input(0), {1}) : c.input(0);
  ir::Value* y = c.Op("BatchNorm", {x, c.input(1), c.input(2), c.input(3), c.input(4)},
                      {{"epsilon", epsilon}});
  c.SetOutput(0, rank == 1 ? c.builder().Squeeze(y, {1}) : y);
  return absl::OkStatus();
}

}  // namespace translate
}  // namespace mirin::onnx
