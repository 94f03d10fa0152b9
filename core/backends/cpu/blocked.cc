// What networks do with whole channels between convolutions, on the layout that these leave.
#include <algorithm>

#include "core/backends/cpu/blocked_kernels.h"
#include "core/backends/cpu/kernel.h"
#include "core/backends/cpu/onednn.h"
#include "core/base/status.h"
#include "core/ops/infer.h"

namespace mirin::cpu {
namespace {

// Planes of a blocked tensor: one channel block of one image each.
struct Planes {
  int64_t count, pixels;
  int64_t grain() const {
    return std::max<int64_t>(1, kElementGrain / std::max<int64_t>(1, pixels * Blocked()->lanes));
  }
};

Planes PlanesOf(const Dims& x) {
  const int64_t lanes = Blocked()->lanes;
  return {x[0] * ((x[1] + lanes - 1) / lanes), NumElements(absl::MakeConstSpan(x).subspan(2))};
}

// Whether input i is float32 and lies in blocks now.
bool IsBlocked(const KernelRequest& r, size_t i) {
  return Blocked() != nullptr && IsF32(r, static_cast<int>(i)) &&
         r.input_layouts[i] == onednn::BlockedLayout() && r.inputs[i].shape.rank() >= 3;
}

// One number a channel of each image, or of all images.
bool IsPerChannel(const Dims& x, const Dims& y) {
  return x.size() == y.size() && (x[0] == y[0] || x[0] == 1) && x[1] == y[1] &&
         std::all_of(x.begin() + 2, x.end(), [](int64_t n) { return n == 1; });
}

// Pixels that are added up one after the other, with the error of that.
constexpr int64_t kMostPixels = 256;

// The sums of a channels-last image.
KernelResult SumPixels(const Dims& x, int64_t pixels, float scale, KernelTraits traits) {
  if (pixels > kMostPixels) return absl::UnimplementedError("a large image");
  traits.implementation = SimdName("channels_last:sum");
  traits.layout = Layout::kChannelsLast;
  return FromFunction(traits,
                      [=, images = x[0], channels = x[1], &simd = Simd()](const KernelContext& c) {
                        c.threads().ParallelFor(images, 1, [&](int64_t begin, int64_t end) {
                          for (int64_t i = begin; i < end; ++i) {
                            const float* from = c.input(0).as<float>() + i * pixels * channels;
                            float* to = c.output(0).as<float>() + i * channels;
                            std::copy(from, from + channels, to);
                            for (int64_t p = 1; p < pixels; ++p)
                              simd.binary(BinaryKind::kAdd, to, from + p * channels, to, channels);
                            simd.binary_scalar(BinaryKind::kMul, to, scale, to, channels, false);
                          }
                        });
                      });
}

}  // namespace

KernelResult MakeChannelSums(const KernelRequest& r) {
  const bool channels_last = IsF32(r, 0) && r.input_layouts[0] == Layout::kChannelsLast;
  if (!IsBlocked(r, 0) && !channels_last)
    return absl::UnimplementedError("an image not in blocks, nor channels last");
  if (!r.node->attrs().Bool("keep_dims")) return absl::UnimplementedError("dropped axes");
  if (!r.has_input(1) || r.constants[1] == nullptr) return absl::UnimplementedError("other axes");
  const Dims& x = r.inputs[0].shape.dims();
  const int rank = static_cast<int>(x.size());
  MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> given, r.constants[1]->ToInt64s());
  MIRIN_ASSIGN_OR_RETURN(const std::vector<int> axes, ops::NormalizeAxes(given, rank));
  if (static_cast<int>(axes.size()) != rank - 2 || axes.front() != 2)
    return absl::UnimplementedError("other axes");
  const int64_t pixels = NumElements(absl::MakeConstSpan(x).subspan(2));
  if (pixels == 0) return absl::UnimplementedError("nothing to reduce");
  const std::string& op = r.node->op();
  const float scale =
      op == "ReduceMean" || op == "MeanExt" ? 1.0f / static_cast<float>(pixels) : 1.0f;
  KernelTraits traits;
  traits.plain = 2;
  if (channels_last) return SumPixels(x, pixels, scale, traits);
  const Planes planes = PlanesOf(x);
  traits.implementation = SimdName(absl::StrCat("blocked:", op));
  traits.layout = onednn::BlockedLayout();
  return FromFunction(traits, [planes, scale, &kernels = *Blocked()](const KernelContext& c) {
    const float* x = c.input(0).as<float>();
    float* y = c.output(0).as<float>();
    c.threads().ParallelFor(planes.count, planes.grain(), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        kernels.sum(x + i * planes.pixels * kernels.lanes, planes.pixels, scale,
                    y + i * kernels.lanes);
    });
  });
}

KernelResult MakeChannelScales(const KernelRequest& r) {
  const Dims& y = r.outputs[0].shape.dims();
  const auto is_image = [&](size_t i) { return IsBlocked(r, i) && r.inputs[i].shape.dims() == y; };
  const int image = is_image(0) ? 0 : 1, factor = 1 - image;
  if (!is_image(static_cast<size_t>(image)))
    return absl::UnimplementedError("an image not in blocks");
  const Dims& f = r.inputs[static_cast<size_t>(factor)].shape.dims();
  if (!IsF32(r, factor) || !IsPerChannel(f, y))
    return absl::UnimplementedError("an unusual broadcast");
  const Planes planes = PlanesOf(y);
  const int64_t factors = PlanesOf(f).count;  // taken in turns
  KernelTraits traits;
  traits.implementation = SimdName("blocked:Mul");
  traits.layout = onednn::BlockedLayout();
  traits.in_place = 1u << image;
  return FromFunction(traits, [=, &kernels = *Blocked()](const KernelContext& c) {
    const float *x = c.input(image).as<float>(), *by = c.input(factor).as<float>();
    float* to = c.output(0).as<float>();
    c.threads().ParallelFor(planes.count, planes.grain(), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t at = i * planes.pixels * kernels.lanes;
        kernels.multiply(x + at, by + i % factors * kernels.lanes, to + at, planes.pixels);
      }
    });
  });
}

}  // namespace mirin::cpu
