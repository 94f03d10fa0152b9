// Spatial sizes as the window kernels use them.
#ifndef CORE_BACKENDS_REFERENCE_SPATIAL_H_
#define CORE_BACKENDS_REFERENCE_SPATIAL_H_

#include <vector>

#include "absl/status/statusor.h"
#include "core/backend/kernel.h"
#include "core/ir/graph.h"
#include "core/ops/window.h"

namespace mirin::reference {

// Sizes behind batch and channels.
inline std::vector<int64_t> Spatial(const TensorView& view) {
  return std::vector<int64_t>(view.dims.begin() + 2, view.dims.end());
}

// Sizes padded to three spatial axes in front, so that one loop serves 1-D to 3-D.
inline std::vector<ops::WindowAxis> Three(std::vector<ops::WindowAxis> axes) {
  while (axes.size() < 3) {
    ops::WindowAxis one;
    one.input = one.output = 1;
    axes.insert(axes.begin(), one);
  }
  return axes;
}

// The sums of a 2-D or 3-D convolution by the node's attributes, without bias: xs and ws are what input 0 and the weight, input 1,
// stand for.
absl::StatusOr<std::vector<double>> Convolved(const ir::Node& node, const KernelContext& c,
                                              const std::vector<double>& xs,
                                              const std::vector<double>& ws);

}  // namespace mirin::reference

#endif  // CORE_BACKENDS_REFERENCE_SPATIAL_H_
