// Functions of the C library over float32: for ops that are too rare for vector code and too slow as reference kernels.
#include <algorithm>
#include <cmath>
#include <map>

#include "core/backends/cpu/broadcast.h"
#include "core/backends/cpu/kernel.h"

namespace mirin::cpu {
namespace {

using Function = float (*)(float);

const std::map<std::string, Function, std::less<>>& Functions() {
  static const auto* const kTable = new std::map<std::string, Function, std::less<>>{
      {"ACos", [](float x) { return std::acos(x); }},
      {"Acosh", [](float x) { return std::acosh(x); }},
      {"Asin", [](float x) { return std::asin(x); }},
      {"Asinh", [](float x) { return std::asinh(x); }},
      {"Atan", [](float x) { return std::atan(x); }},
      {"Atanh", [](float x) { return std::atanh(x); }},
      {"Ceil", [](float x) { return std::ceil(x); }},
      {"Cos", [](float x) { return std::cos(x); }},
      {"Cosh", [](float x) { return std::cosh(x); }},
      {"Erfc", [](float x) { return std::erfc(x); }},
      {"Expm1", [](float x) { return std::expm1(x); }},
      {"Floor", [](float x) { return std::floor(x); }},
      {"Log", [](float x) { return std::log(x); }},
      {"Log1p", [](float x) { return std::log1p(x); }},
      {"Mish", [](float x) { return x * std::tanh(x > 20 ? x : std::log1p(std::exp(x))); }},
      {"Rint", [](float x) { return std::nearbyint(x); }},
      {"Sign", [](float x) { return x > 0   ? 1.0f
                                    : x < 0 ? -1.0f
                                            : x; }},
      {"Sin", [](float x) { return std::sin(x); }},
      {"Sinh", [](float x) { return std::sinh(x); }},
      {"Softplus", [](float x) { return x > 20 ? x : std::log1p(std::exp(x)); }},
      {"Softsign", [](float x) { return x / (1 + std::fabs(x)); }},
      {"Tan", [](float x) { return std::tan(x); }},
      {"Trunc", [](float x) { return std::trunc(x); }},
  };
  return *kTable;
}

}  // namespace

KernelResult MakeMath(const KernelRequest& r) {
  if (!IsF32(r, 0)) return Refuse(r.inputs[0]);
  const Function function = Functions().at(r.node->op());
  KernelTraits traits;
  traits.implementation = absl::StrCat("cpu:", r.node->op());
  traits.in_place = 1;
  const int64_t n = NumElements(r.inputs[0].shape.dims());
  return FromFunction(traits, [=](const KernelContext& c) {
    const float* x = c.input(0).as<float>();
    float* y = c.output(0).as<float>();
    c.threads().ParallelFor(n, kElementGrain / 8, [&](int64_t b, int64_t e) {
      std::transform(x + b, x + e, y + b, function);
    });
  });
}

KernelResult MakePow(const KernelRequest& r) {
  if (!IsF32(r, 0) || !IsF32(r, 1) || r.outputs[0].dtype != DType::kFloat32)
    return Refuse(r.inputs[0]);
  const BroadcastPlan plan =
      PlanBroadcast(r.inputs[0].shape.dims(), r.inputs[1].shape.dims(), r.outputs[0].shape.dims());
  KernelTraits traits;
  traits.implementation = SimdName("Pow");
  return FromFunction(traits, [plan, &simd = Simd()](const KernelContext& c) {
    const float *a = c.input(0).as<float>(), *b = c.input(1).as<float>();
    float* y = c.output(0).as<float>();
    const int64_t n = plan.inner.n;
    c.threads().ParallelFor(
        LinesOf(plan), std::max<int64_t>(1, kElementGrain / 8 / std::max<int64_t>(1, n)),
        [&](int64_t begin, int64_t end) {
          ForEachLine(plan, begin, end, [&](int64_t i, int64_t j, int64_t k) {
            if (plan.inner.a == 1 && plan.inner.b == 0 && b[j] == 2.0f) {
              simd.unary(UnaryKind::kSquare, a + i, y + k, n, 0);
              return;
            }
            for (int64_t l = 0; l < n; ++l)
              y[k + l] = std::pow(a[i + l * plan.inner.a], b[j + l * plan.inner.b]);
          });
        });
  });
}

}  // namespace mirin::cpu
