#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {

// k is an attribute before opset 10. Unsorted results come sorted, too: their order is undefined.
absl::Status TopK(OpContext& c) {
  GraphBuilder& b = c.builder();
  ir::Value* k = nullptr;
  if (c.version() < 10) {
    MIRIN_ASSIGN_OR_RETURN(const int64_t number, c.RequiredInt("k"));
    k = b.Int(number);
  } else {
    k = b.Cast(c.input(1), DType::kInt64);
  }
  const int64_t axis = c.Int("axis", -1);
  const bool largest = c.Bool("largest", true), sorted = c.Bool("sorted", true);
  const Shape& x = c.shape(0);
  const bool last = axis == -1 || (x.rank_known() && axis == x.rank() - 1);
  const std::vector<ir::Value*> results =
      last && largest ? c.Ops("TopK", {c.input(0), k}, {{"sorted", sorted}})
                      : c.Ops("TopKAxis", {c.input(0), k},
                              {{"axis", axis}, {"largest", largest}, {"sorted", sorted}});
  if (results.size() != 2) return absl::OkStatus();
  c.SetOutput(0, results[0]);
  c.SetOutput(1, b.Cast(results[1], DType::kInt64));
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
