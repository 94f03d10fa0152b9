// Sliding windows of convolutions and pooling: attributes of every dialect to numbers.
#ifndef CORE_OPS_WINDOW_H_
#define CORE_OPS_WINDOW_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/base/shape.h"
#include "core/ir/attribute.h"

namespace mirin::ops {

// kSameLower puts the odd element of the padding in front, kSame behind.
enum class PadMode { kPad, kSame, kValid, kSameLower };

// "same" in any case, or MindSpore's numbers 0 pad, 1 same, 2 valid. "same_lower" is ONNX's.
absl::StatusOr<PadMode> ReadPadMode(const ir::Attributes& attrs);
// pad_list or pad as (before, after) for each of `axes`; empty when absent or not worked out (-1). InvalidArgument for
// other numbers.
absl::StatusOr<std::vector<int64_t>> ReadPads(const ir::Attributes& attrs, int axes);
// NHWC by text or number.
bool IsChannelsLast(const ir::Attributes& attrs);
// The last `n` numbers of a list attribute, a single number repeated, or `fallback` for an absent one (strides of 4 numbers
// have two leading ones). InvalidArgument for anything below `at_least`.
absl::StatusOr<std::vector<int64_t>> SpatialAttribute(const ir::Attributes& attrs,
                                                      absl::string_view name, int n,
                                                      int64_t fallback, int64_t at_least);

// One spatial axis.
struct WindowAxis {
  int64_t kernel = 1, stride = 1, dilation = 1, pad_before = 0, pad_after = 0;
  int64_t overhang = 0;             // the part of pad_after that ceil_mode added
  int64_t input = -1, output = -1;  // sizes; -1 unknown
};

struct WindowOptions {
  bool ceil_mode = false;
};

// Pads and output sizes of a forward window. `input` holds the spatial sizes (-1 unknown), `kernel` their kernel sizes.
absl::StatusOr<std::vector<WindowAxis>> PlanWindow(const ir::Attributes& attrs,
                                                   absl::Span<const int64_t> input,
                                                   absl::Span<const int64_t> kernel,
                                                   const WindowOptions& options = {});
// The same for a transposed convolution: output = (input - 1) * stride + window - pads + output_padding; SAME: input * stride.
// `wanted` gives the output sizes when they are known (they decide among several possible ones).
absl::StatusOr<std::vector<WindowAxis>> PlanTransposedWindow(const ir::Attributes& attrs,
                                                             absl::Span<const int64_t> input,
                                                             absl::Span<const int64_t> kernel,
                                                             absl::Span<const int64_t> wanted);

}  // namespace mirin::ops

#endif  // CORE_OPS_WINDOW_H_
