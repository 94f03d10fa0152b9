#include <limits>

#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {
namespace {

// A bound must not add axes to x.
ir::Value* Bound(OpContext& c, int i) {
  return c.has_input(i) ? AsScalar(c.builder(), c.input(i)) : nullptr;
}

}  // namespace

// min(max(x, low), high): attributes before opset 11, which default to the limits of float32, then optional operands.
absl::Status Clip(OpContext& c) {
  MIRIN_RETURN_IF_ERROR(RequireSameDTypes(c));
  ir::Value* x = c.input(0);
  ir::Value *low = nullptr, *high = nullptr;
  if (c.version() < 11) {
    constexpr double kLimit = std::numeric_limits<float>::max();
    low = c.builder().ScalarLike(c.Float("min", -kLimit), x);
    high = c.builder().ScalarLike(c.Float("max", kLimit), x);
  } else {
    low = Bound(c, 1);
    high = Bound(c, 2);
  }
  const std::optional<double> from = GraphBuilder::NumberOf(low), to = GraphBuilder::NumberOf(high);
  if (from == 0 && to == 6) return Unary(c, "ReLU6");
  if (from == 0 && high == nullptr) return Unary(c, "ReLU");
  // A bound that no number passes is none.
  if (low != nullptr && from != -INFINITY) x = c.Op("Maximum", {x, low});
  if (high != nullptr && to != INFINITY) x = c.Op("Minimum", {x, high});
  c.SetOutput(0, x);
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
