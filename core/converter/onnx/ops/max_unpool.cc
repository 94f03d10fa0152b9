#include "core/converter/onnx/ops/window.h"

namespace mirin::onnx::translate {

// The indices count in the tensor that the attributes describe; output_shape may add zeros behind it along any axis.
absl::Status MaxUnpool(OpContext& c) {
  MIRIN_ASSIGN_OR_RETURN(const int axes, SpatialAxes(c));
  if (c.Has("auto_pad") || c.Has("dilations"))
    return absl::InvalidArgumentError("MaxUnpool has neither auto_pad nor dilations");
  MIRIN_ASSIGN_OR_RETURN(const Window w, ReadWindow(c, {}, axes));
  GraphBuilder& b = c.builder();
  ir::Value* x = c.input(0);
  std::vector<int64_t> strides = {1, 1}, more = {0, 0};
  for (size_t i = 0; i < w.axes(); ++i) {
    strides.push_back(w.strides[i]);
    more.push_back(w.kernel[i] - w.before[i] - w.after[i] - w.strides[i]);
  }
  // (dims - 1) * strides - pads + kernel
  ir::Value* shape = b.Add(b.Mul(b.ShapeOf(x), b.Ints(strides)), b.Ints(more));
  ir::Value* zeros =
      c.Op("FillV2",
           {c.Op("ReduceProd", {shape, b.Ints({0})}, {{"keep_dims", true}}), b.ScalarLike(0, x)});
  ir::Value* flat =
      c.Op("TensorScatterUpdate", {zeros, b.Reshape(c.input(1), {-1, 1}), b.Reshape(x, {-1})});
  ir::Value* y = c.Op("Reshape", {flat, shape});
  if (c.has_input(2)) {
    // PadV3 counts from the last axis: nothing in front, the difference behind.
    ir::Value* behind =
        c.Op("ReverseV2", {b.Sub(c.input(2), shape)}, {{"axis", std::vector<int64_t>{0}}});
    const std::vector<int64_t> front(w.axes() + 2, 0);
    y = c.Op("PadV3", {y, b.Concat({b.Ints(front), behind}, 0), b.ScalarLike(0, x)},
             {{"mode", std::string("constant")}, {"paddings_contiguous", false}});
  }
  c.SetOutput(0, y);
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
