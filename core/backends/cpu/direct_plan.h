// How a convolution is laid out for DirectKernels: everything that follows from shapes and attributes.
#ifndef CORE_BACKENDS_CPU_DIRECT_PLAN_H_
#define CORE_BACKENDS_CPU_DIRECT_PLAN_H_

#include <vector>

#include "absl/status/statusor.h"
#include "core/backend/backend.h"
#include "core/backends/cpu/direct_kernels.h"
#include "core/base/shape.h"
#include "core/ops/window.h"

namespace mirin::cpu {

// The taps of a window on one axis that meet the image for some result: numbers of them.
struct DirectTaps {
  int64_t begin, end;
  int64_t count() const { return end - begin; }
};

// Rows of an image with zeros beside them, or the image itself, as the kernel reads it.
struct DirectImage {
  int64_t lanes;   // channels side by side
  int64_t planes;  // of `lanes` channels
  int64_t height, width;
  bool padded;
  int64_t left, band_height, padded_width;  // of a padded one
  int64_t plane() const { return band_height * padded_width * lanes; }
  int64_t floats() const { return planes * plane(); }
};

struct DirectPlan {
  DirectImage image;
  ops::WindowAxis vertical, horizontal;
  DirectTaps tap_rows, tap_columns;
  std::vector<DepthRun> runs;  // of one group
  std::vector<DepthPart> parts;
  std::vector<int32_t> run_begin, row_class;
  int64_t class_count;
  std::vector<int32_t> positions;  // in the packed depth, by place in the file
  int64_t batch, groups, merged, depth, channels, blocks;  // of a group
  int64_t rows, columns, band_rows, bands;                 // as the kernel counts results
  int64_t part_tiles;                                      // that meet all panels together
  int64_t group_floats(int64_t lanes) const { return blocks * lanes * depth; }
};

// The place in the image that tap t of result r meets on an axis.
inline int64_t Meets(const ops::WindowAxis& a, int64_t result, int64_t tap) {
  return result * a.stride + tap * a.dilation - a.pad_before;
}

// For images x, weights w and results y of rank 4, none of them empty. Unimplemented for groups that make no whole blocks and for windows that
// all miss the image.
absl::StatusOr<DirectPlan> PlanDirect(const Dims& x, const Dims& w, const Dims& y,
                                      const std::vector<ops::WindowAxis>& axes, int64_t groups,
                                      int threads);

}  // namespace mirin::cpu

#endif  // CORE_BACKENDS_CPU_DIRECT_PLAN_H_
