// What the fusions need to know about convolutions and matrix products.
#ifndef CORE_PASSES_LINEAR_H_
#define CORE_PASSES_LINEAR_H_

#include <optional>
#include <vector>

#include "core/passes/pass.h"

namespace mirin::passes {

// A node y = activation(x * weight + bias [+ residual]) with a constant weight: float32, or stored as integers (core/passes/quantised.h),
// or bytes in a DynamicQuantMatMul.
struct Linear {
  ir::Node* node = nullptr;
  int weight_axis = 0;        // of the output channels, in the weight
  int channels_from_end = 1;  // output channels are axis rank - this of the result
  int bias = 2;               // node input; 1-D, one number per output channel
  int64_t channels = 0;

  bool has_bias() const { return node->input(bias) != nullptr; }
  bool has_activation() const { return !node->attrs().String("activation").empty(); }
  bool has_residual() const { return node->op() == "Conv2D" && node->input(3) != nullptr; }
};

// The producer of `value` as a Linear whose result has no other reader.
std::optional<Linear> LinearBehind(const ir::Value* value);

// One number per output channel from a constant that broadcasts against the result of `linear`, right-aligned as usual; a
// single number counts for every channel. nullopt when the constant varies along another axis or has more axes.
std::optional<std::vector<float>> PerChannel(const ir::Value* constant, const Linear& linear);

// A copy of the node in front of `before`, with another weight and bias (null: unchanged), taking over attributes.
absl::StatusOr<ir::Node*> CopyLinear(const Linear& linear, ir::Node* before, ir::Value* weight,
                                     ir::Value* bias);

}  // namespace mirin::passes

#endif  // CORE_PASSES_LINEAR_H_
