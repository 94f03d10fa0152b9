// Windows of convolutions and pools, from ONNX's attributes to those of the IR's operators, which have two or three axes.
#ifndef CORE_CONVERTER_ONNX_OPS_WINDOW_H_
#define CORE_CONVERTER_ONNX_OPS_WINDOW_H_

#include <string>
#include <vector>

#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx {

enum class AutoPad { kNotSet, kValid, kSameUpper, kSameLower };

// The attributes kernel_shape, strides, dilations, pads and auto_pad, completed: one number per spatial axis.
struct Window {
  std::vector<int64_t> kernel;  // -1: not known at conversion
  std::vector<int64_t> strides, dilations;
  std::vector<int64_t> before, after;  // zeros unless auto_pad is NOTSET
  AutoPad auto_pad = AutoPad::kNotSet;

  size_t axes() const { return strides.size(); }
  bool same() const { return auto_pad == AutoPad::kSameUpper || auto_pad == AutoPad::kSameLower; }
  // Extent of the kernel with its gaps.
  int64_t extent(size_t i) const { return (kernel[i] - 1) * dilations[i] + 1; }
  bool HasPads() const;
  // A window of one axis becomes one of two, the first of size one. See Lift().
  void LiftToTwo();
};

// `kernel` comes from the weight, or is empty: then kernel_shape must be given.
absl::StatusOr<Window> ReadWindow(OpContext& c, std::vector<int64_t> kernel, int axes);

// The number of spatial axes of input 0: one to three, or a refusal.
absl::StatusOr<int> SpatialAxes(OpContext& c, int weight = -1);

// [N, C, L] as [N, C, 1, L] and back; other ranks stay.
ir::Value* Lift(OpContext& c, ir::Value* x, int axes);
ir::Value* Lower(OpContext& c, ir::Value* x, int axes);

// pad_mode and pad_list for an input with these spatial sizes (-1 unknown): numbers where they are known, else a mode.
Attrs PadAttributes(const Window& window, absl::Span<const int64_t> input);
// The attributes of Conv2D or Conv3D on input 0, lifted, for a convolution whose weight is input `weight`.
absl::StatusOr<Attrs> ConvolutionAttributes(OpContext& c, int weight, int axes);
// (before, after) per axis.
std::vector<int64_t> PadList(const std::vector<int64_t>& before, const std::vector<int64_t>& after);

}  // namespace mirin::onnx

#endif  // CORE_CONVERTER_ONNX_OPS_WINDOW_H_
