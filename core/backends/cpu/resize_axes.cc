// ONNX Resize, one axis after the other; positions and weights are worked out once, when the kernel is made.
#include <algorithm>

#include "core/backends/cpu/kernel.h"
#include "core/base/status.h"
#include "core/ops/infer.h"
#include "core/ops/resize_plan.h"

namespace mirin::cpu {
namespace {

// x as [outer, n, inner] to [outer, out, inner].
struct Pass {
  int64_t outer = 1, n = 1, out = 1, inner = 1;
  std::vector<int64_t> begin, index;
  std::vector<float> weight;

  int64_t floats() const { return outer * out * inner; }
};

void Run(const Pass& p, const float* x, float* y, const ThreadShare& threads) {
  // With one number per position a task is a line, else it is a position.
  const int64_t tasks = p.inner == 1 ? p.outer : p.outer * p.out,
                size = p.inner == 1 ? p.out : p.inner;
  threads.ParallelFor(
      tasks, std::max<int64_t>(1, kElementGrain / size), [&](int64_t first, int64_t last) {
        for (int64_t t = first; t < last; ++t) {
          if (p.inner == 1) {
            const float* from = x + t * p.n;
            for (int64_t i = 0; i < p.out; ++i) {
              float sum = 0;
              for (int64_t k = p.begin[static_cast<size_t>(i)];
                   k < p.begin[static_cast<size_t>(i) + 1]; ++k)
                sum += p.weight[static_cast<size_t>(k)] * from[p.index[static_cast<size_t>(k)]];
              y[t * p.out + i] = sum;
            }
            continue;
          }
          const auto i = static_cast<size_t>(t % p.out);
          float* to = y + t * p.inner;
          for (int64_t k = p.begin[i]; k < p.begin[i + 1]; ++k) {
            const float w = p.weight[static_cast<size_t>(k)];
            const float* from = x + (t / p.out * p.n + p.index[static_cast<size_t>(k)]) * p.inner;
            if (k == p.begin[i]) {
              for (int64_t e = 0; e < p.inner; ++e) to[e] = w * from[e];
            } else {
              for (int64_t e = 0; e < p.inner; ++e) to[e] += w * from[e];
            }
          }
          if (p.begin[i] == p.begin[i + 1]) std::fill(to, to + p.inner, 0.0f);
        }
      });
}

// The numbers of an optional operand; Unimplemented while they are computed.
absl::StatusOr<std::vector<double>> NumbersAt(const KernelRequest& r, size_t i) {
  if (!r.has_input(i) || r.inputs[i].shape == Shape({0})) return std::vector<double>();
  if (r.constants[i] == nullptr) return absl::UnimplementedError("computed scales or sizes");
  return ops::NumbersOf(*r.constants[i]);
}

}  // namespace

KernelResult MakeResizeAxes(const KernelRequest& r) {
  if (!IsF32(r, 0)) return Refuse(r.inputs[0]);
  MIRIN_ASSIGN_OR_RETURN(const ops::ResizeSpec spec, ops::ReadResize(r.node->attrs()));
  if (spec.coordinates == ops::ResizeCoordinates::kTfCropAndResize)
    return absl::UnimplementedError("regions of interest");
  MIRIN_ASSIGN_OR_RETURN(const std::vector<double> scales, NumbersAt(r, 2));
  MIRIN_ASSIGN_OR_RETURN(const std::vector<double> given, NumbersAt(r, 3));
  const std::vector<int64_t> sizes(given.begin(), given.end());
  const Dims& x = r.inputs[0].shape.dims();
  if (NumElements(x) == 0 || NumElements(r.outputs[0].shape.dims()) == 0)
    return absl::UnimplementedError("an empty tensor");
  MIRIN_ASSIGN_OR_RETURN(const std::vector<ops::ResizeAxis> plan,
                         ops::PlanResize(spec, x, scales, sizes, {}));
  std::vector<Pass> passes;
  Dims dims = x;
  for (size_t a = 0; a < plan.size(); ++a) {
    if (plan[a].identity()) continue;
    ops::ResizeTaps taps = ops::TapsOf(spec, plan[a]);
    Pass pass;
    for (size_t i = 0; i < dims.size(); ++i)
      (i < a ? pass.outer : i == a ? pass.n : pass.inner) *= dims[i];
    pass.out = dims[a] = plan[a].output;
    pass.begin = std::move(taps.begin);
    pass.index = std::move(taps.index);
    pass.weight.assign(taps.weight.begin(), taps.weight.end());
    passes.push_back(std::move(pass));
  }
  if (passes.empty()) return absl::UnimplementedError("nothing to resize");
  KernelTraits traits;
  traits.implementation = "cpu:ResizeAxes";
  for (size_t i = 0; i + 1 < passes.size(); ++i)
    traits.scratch_bytes += static_cast<size_t>(passes[i].floats()) * sizeof(float);
  return FromFunction(traits, [passes = std::move(passes)](const KernelContext& c) {
    const float* from = c.input(0).as<float>();
    float* scratch = static_cast<float*>(c.scratch());
    for (size_t i = 0; i < passes.size(); ++i) {
      float* to = i + 1 == passes.size() ? c.output(0).as<float>() : scratch;
      Run(passes[i], from, to, c.threads());
      from = to;
      scratch += passes[i].floats();
    }
  });
}

}  // namespace mirin::cpu
