// Convolutions of each channel by itself, on blocked layouts.
#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/backends/cpu/blocked_convolution.h"
#include "core/backends/cpu/depthwise_kernels.h"
#include "core/backends/cpu/direct_kernels.h"
#include "core/backends/cpu/gemm.h"
#include "core/base/status.h"

namespace mirin::cpu {
namespace {

DepthwiseAxis PlanAxis(const ops::WindowAxis& a, int64_t size, int64_t results) {
  const int64_t window = (a.kernel - 1) * a.dilation + 1;
  DepthwiseAxis axis = {a.kernel, a.stride, a.dilation, a.pad_before, size, results, 0, 0};
  axis.inner_begin = std::min(results, (a.pad_before + a.stride - 1) / a.stride);
  const int64_t room = size + a.pad_before - window;  // for the last window in the image to move
  axis.inner_end = room < 0 ? axis.inner_begin
                            : std::max(axis.inner_begin, std::min(results, room / a.stride + 1));
  return axis;
}

absl::StatusOr<std::shared_ptr<const void>> PackWeights(const KernelRequest& r) {
  const Dims& w = r.inputs[1].shape.dims();
  const int64_t taps = w[2] * w[3], lanes = Depthwise()->lanes, blocks = (w[0] + lanes - 1) / lanes;
  return r.Pack(1, absl::StrCat(SimdName("depthwise"), ":", absl::StrJoin(w, "x")),
                static_cast<size_t>(blocks * taps * lanes) * 4, [&](void* to) {
                  std::vector<int32_t> in_order(static_cast<size_t>(taps));
                  std::iota(in_order.begin(), in_order.end(), 0);
                  const char* from = static_cast<const char*>(r.constants[1]->data());
                  for (int64_t b = 0; b < blocks; ++b)
                    Direct()->pack(from + b * lanes * taps * 4, taps,
                                   std::min(lanes, w[0] - b * lanes), in_order.data(), lanes,
                                   static_cast<float*>(to) + b * taps * lanes);
                  return absl::OkStatus();
                });
}

}  // namespace

KernelResult MakeDepthwise(const KernelRequest& r) {
  MIRIN_ASSIGN_OR_RETURN(BlockedConvolution conv, BeginConvolution(r, "depthwise"));
  const Dims &x = r.inputs[0].shape.dims(), &w = r.inputs[1].shape.dims(),
             &y = r.outputs[0].shape.dims();
  if (conv.groups < 2 || conv.groups != x[1] || conv.groups != w[0])
    return absl::UnimplementedError("groups of several channels");
  if (conv.has_add) return absl::UnimplementedError("a sum with another tensor");
  const DepthwiseKernels* kernels = Depthwise();
  const int64_t lanes = kernels->lanes, blocks = (x[1] + lanes - 1) / lanes;
  DepthwiseArgs plan = {};
  plan.activation = conv.activation;
  plan.rows = PlanAxis(conv.axes[0], x[2], y[2]);
  plan.columns = PlanAxis(conv.axes[1], x[3], y[3]);
  MIRIN_ASSIGN_OR_RETURN(const std::shared_ptr<const void> weights, PackWeights(r));
  conv.bias.resize(static_cast<size_t>(blocks * lanes));
  // Threads share out bands of rows.
  const int64_t row_work = y[3] * w[2] * w[3] * lanes,
                bands = std::clamp<int64_t>(y[2] * row_work / kLeastMultiplyAdds, 1, y[2]),
                grain = std::max<int64_t>(1, kLeastMultiplyAdds / (y[2] * row_work));
  return FromFunction(
      conv.traits, [=, planes = x[0] * blocks, bias = conv.bias](const KernelContext& c) {
        const float* from = c.input(0).as<float>();
        float* to = c.output(0).as<float>();
        const auto first_row = [&](int64_t band) {  // even, but for the end
          const int64_t rows = plan.rows.results;
          return band == bands ? rows : band * rows / bands / 2 * 2;
        };
        c.threads().ParallelFor(planes * bands, grain, [&](int64_t begin, int64_t end) {
          while (begin < end) {  // neighbouring bands of a plane at once
            const int64_t plane = begin / bands, last = std::min(end, (plane + 1) * bands),
                          block = plane % blocks;
            DepthwiseArgs a = plan;
            a.x = from + plane * a.rows.size * a.columns.size * lanes;
            a.y = to + plane * a.rows.results * a.columns.results * lanes;
            a.weights = static_cast<const float*>(weights.get()) +
                        block * a.rows.taps * a.columns.taps * lanes;
            a.bias = bias.data() + block * lanes;
            a.row_begin = first_row(begin - plane * bands);
            a.row_end = first_row(last - plane * bands);
            kernels->convolve(a);
            begin = last;
          }
        });
      });
}

}  // namespace mirin::cpu
