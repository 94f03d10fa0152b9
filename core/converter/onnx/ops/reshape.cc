#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {

// A 0 in the shape keeps the dim of x, unless allowzero (opset 14).
absl::Status Reshape(OpContext& c) {
  ir::Value* x = c.input(0);
  ir::Value* shape = c.input(1);
  if (shape == nullptr) return absl::OkStatus();
  GraphBuilder& b = c.builder();
  if (c.version() >= 14 && c.Bool("allowzero", false)) {
    c.SetOutput(0, c.Op("Reshape", {x, shape}));
    return absl::OkStatus();
  }
  if (auto dims = GraphBuilder::IntsOf(shape)) {
    bool computed = false;
    for (size_t i = 0; i < dims->size(); ++i) {
      if ((*dims)[i] != 0) continue;
      const Shape& from = c.shape(0);
      if (from.rank_known() && static_cast<int>(i) >= from.rank())
        return absl::InvalidArgumentError(
            absl::StrCat("shape[", i, "] is 0 but the input has rank ", from.rank()));
      if (from.rank_known() && from.dim(static_cast<int>(i)) >= 0) {
        (*dims)[i] = from.dim(static_cast<int>(i));
      } else {
        computed = true;
      }
    }
    if (!computed) {
      c.SetOutput(0, b.Reshape(x, *dims));
      return absl::OkStatus();
    }
    // One open dim may stand for the -1 when there is none.
    const auto open = [](int64_t d) { return d == -1; };
    if (std::none_of(dims->begin(), dims->end(), open) &&
        std::count(dims->begin(), dims->end(), 0) == 1 && !c.shape(0).concrete()) {
      std::replace(dims->begin(), dims->end(), int64_t{0}, int64_t{-1});
      c.SetOutput(0, b.Reshape(x, *dims));
      return absl::OkStatus();
    }
  }
  // shape + (shape == 0) * dims of x in those places
  MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(0));
  const Shape& size = c.shape(1);
  if (!size.concrete() || size.rank() != 1)
    return Refuse("the length of the shape is not known at conversion",
                  "make it a constant or a Concat of scalars");
  const int64_t n = size.dim(0);
  ir::Value* dims = b.ShapeOf(x);
  if (n < rank) dims = b.SliceAxis(dims, 0, 0, n);
  if (n > rank)
    dims = b.Concat(
        {dims, b.Constant(Tensor::Int64s(std::vector<int64_t>(static_cast<size_t>(n - rank), 0)))},
        0);
  ir::Value* wanted = c.Op("Select", {c.Op("Equal", {shape, b.Int(0)}), dims, shape});
  c.SetOutput(0, c.Op("Reshape", {x, wanted}));
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
