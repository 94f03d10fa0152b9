#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {

// A depthwise convolution of what came before and the input; the last k - 1 places are handed on.
absl::Status CausalConvWithState(OpContext& c) {
  MIRIN_RETURN_IF_ERROR(RequireSameDTypes(c));
  const std::string activation = c.String("activation", "none");
  if (activation != "none" && activation != "silu" && activation != "swish")
    return absl::InvalidArgumentError(absl::StrCat("activation is '", activation, "'"));
  GraphBuilder& b = c.builder();
  ir::Value* x = c.input(0);
  ir::Value* weight = c.input(1);
  if (x == nullptr || weight == nullptr) return absl::OkStatus();
  const Shape& w = weight->type().shape;
  MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(0));
  if (rank != 3)
    return absl::InvalidArgumentError(absl::StrCat("input 0 has rank ", rank, ", expected 3"));
  if (!w.concrete())
    return Refuse("the shape of the weight is not known at conversion",
                  "make the weight a constant");
  if (w.rank() != 3 || w.dim(1) != 1 || w.dim(2) < 1)
    return absl::InvalidArgumentError(
        absl::StrCat("the weight ", ToString(w), " is not [channels, 1, k]"));
  const int64_t carried = w.dim(2) - 1;
  ir::Value* padded = c.has_input(3) ? b.Concat({c.input(3), x}, 2)
                      : carried == 0 ? x
                                     : c.Op("PadV3", {x, b.Ints({carried, 0}), b.ScalarLike(0, x)},
                                            {{"mode", std::string("constant")}});
  ir::Value* y = c.Op("Conv2D", {b.Unsqueeze(padded, {2}), b.Unsqueeze(weight, {2})},
                      {{"pad_mode", std::string("valid")}, {"group", w.dim(0)}});
  if (c.has_input(2)) y = c.Op("BiasAdd", {y, c.input(2)});
  y = b.Squeeze(y, {2});
  if (activation != "none") y = c.Op("SiLU", {y});
  c.SetOutput(0, y);
  c.SetOutput(
      1, carried == 0 ? b.SliceAxis(padded, 2, 0, 0) : b.SliceAxis(padded, 2, -carried, INT64_MAX));
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
