#include <algorithm>
#include <map>

#include "core/backends/cpu/broadcast.h"
#include "core/backends/cpu/kernel.h"
#include "core/ops/infer.h"

namespace mirin::cpu {
namespace {

struct UnaryRow {
  UnaryKind kind;
  bool keeps_zero;  // f(0) == 0: the zero padding of blocked layouts survives
};

const std::map<std::string, UnaryRow, std::less<>>& UnaryTable() {
  static const auto* const kTable = new std::map<std::string, UnaryRow, std::less<>>{
      {"ReLU", {UnaryKind::kRelu, true}},
      {"ReLU6", {UnaryKind::kRelu6, true}},
      {"Sigmoid", {UnaryKind::kSigmoid, false}},
      {"Tanh", {UnaryKind::kTanh, true}},
      {"HSwish", {UnaryKind::kHSwish, true}},
      {"HSigmoid", {UnaryKind::kHSigmoid, false}},
      {"SiLU", {UnaryKind::kSilu, true}},
      {"GeLU", {UnaryKind::kGelu, true}},
      {"GeLUErf", {UnaryKind::kGeluErf, true}},
      {"Exp", {UnaryKind::kExp, false}},
      {"Sqrt", {UnaryKind::kSqrt, true}},
      {"Rsqrt", {UnaryKind::kRsqrt, false}},
      {"Neg", {UnaryKind::kNeg, true}},
      {"Abs", {UnaryKind::kAbs, true}},
      {"Square", {UnaryKind::kSquare, true}},
      {"Reciprocal", {UnaryKind::kReciprocal, false}},
      {"LeakyRelu", {UnaryKind::kLeakyRelu, true}},
      {"Erf", {UnaryKind::kErf, true}},
  };
  return *kTable;
}

}  // namespace

KernelResult MakeUnary(const KernelRequest& r) {
  if (!IsF32(r, 0)) return Refuse(r.inputs[0]);
  const UnaryRow row = UnaryTable().at(r.node->op());
  if (row.kind == UnaryKind::kExp &&
      (r.node->attrs().Float("base") != -1 || r.node->attrs().Float("scale") != 1 ||
       r.node->attrs().Float("shift") != 0)) {
    return absl::UnimplementedError("Exp with base, scale or shift");
  }
  KernelTraits traits;
  traits.implementation = SimdName(r.node->op());
  traits.in_place = 1;
  traits.layout = row.keeps_zero ? r.input_layouts[0] : Layout::kPlain;
  const int64_t n = static_cast<int64_t>(
      LayoutBytes(DType::kFloat32, r.inputs[0].shape.dims(), traits.layout) / 4);
  const float parameter = static_cast<float>(r.node->attrs().Float("alpha"));
  return FromFunction(traits,
                      [kind = row.kind, n, parameter, &simd = Simd()](const KernelContext& c) {
                        const float* x = c.input(0).as<float>();
                        float* y = c.output(0).as<float>();
                        c.threads().ParallelFor(n, kElementGrain, [&](int64_t b, int64_t e) {
                          simd.unary(kind, x + b, y + b, e - b, parameter);
                        });
                      });
}

namespace {

absl::StatusOr<BinaryKind> BinaryOf(absl::string_view op) {
  if (op == "Add") return BinaryKind::kAdd;
  if (op == "Sub") return BinaryKind::kSub;
  if (op == "Mul" || op == "Muls") return BinaryKind::kMul;
  if (op == "RealDiv" || op == "Div" || op == "Divs") return BinaryKind::kDiv;
  if (op == "Maximum") return BinaryKind::kMax;
  if (op == "Minimum") return BinaryKind::kMin;
  return absl::UnimplementedError("another operator");
}

template <typename T>
T Apply(BinaryKind kind, T a, T b) {
  using U = std::make_unsigned_t<T>;
  switch (kind) {
    case BinaryKind::kAdd:
      return static_cast<T>(static_cast<U>(a) + static_cast<U>(b));
    case BinaryKind::kSub:
      return static_cast<T>(static_cast<U>(a) - static_cast<U>(b));
    case BinaryKind::kMul:
      return static_cast<T>(static_cast<U>(a) * static_cast<U>(b));
    case BinaryKind::kMax:
      return std::max(a, b);
    case BinaryKind::kMin:
      return std::min(a, b);
    case BinaryKind::kDiv:
      break;
  }
  return a;
}

}  // namespace

KernelResult MakeBinary(const KernelRequest& r) {
  absl::StatusOr<BinaryKind> parsed = BinaryOf(r.node->op());
  if (!parsed.ok()) return parsed.status();
  const BinaryKind kind = *parsed;
  const DType dtype = r.inputs[0].dtype;
  if (r.inputs[1].dtype != dtype || r.outputs[0].dtype != dtype) return Refuse(r.inputs[1]);
  const Dims &a = r.inputs[0].shape.dims(), &b = r.inputs[1].shape.dims(),
             &y = r.outputs[0].shape.dims();
  KernelTraits traits;
  traits.implementation = SimdName(r.node->op());
  traits.in_place = (a == y ? 1u : 0u) | (b == y ? 2u : 0u);
  if (dtype == DType::kFloat32) {
    const auto& simd = Simd();
    if (a == b) {
      // Any layout, if both have it; a quotient would turn zero padding into NaN.
      if (r.input_layouts[0] == r.input_layouts[1] && kind != BinaryKind::kDiv)
        traits.layout = r.input_layouts[0];
      const bool one_blocked = r.input_layouts[0] != r.input_layouts[1] && kind != BinaryKind::kDiv;
      if (one_blocked) traits.layout = std::max(r.input_layouts[0], r.input_layouts[1]);
      const int64_t n = static_cast<int64_t>(LayoutBytes(dtype, y, traits.layout) / 4);
      return FromFunction(traits, [kind, n, &simd](const KernelContext& c) {
        const float *p = c.input(0).as<float>(), *q = c.input(1).as<float>();
        float* to = c.output(0).as<float>();
        if (n <= kElementGrain) {
          simd.binary(kind, p, q, to, n);
          return;
        }
        c.threads().ParallelFor(n, kElementGrain, [&](int64_t i, int64_t e) {
          simd.binary(kind, p + i, q + i, to + i, e - i);
        });
      });
    }
    const BroadcastPlan plan = PlanBroadcast(a, b, y);
    const int64_t lines = plan.inner.n == 0 || plan.total == 0 ? 0 : plan.total / plan.inner.n;
    if (plan.inner.a > 1 || plan.inner.b > 1)
      return absl::UnimplementedError("an unusual broadcast");
    if (plan.inner.a == 0 && plan.inner.b == 0)
      return absl::UnimplementedError("an unusual broadcast");
    return FromFunction(traits, [kind, plan, lines, &simd](const KernelContext& c) {
      const float *p = c.input(0).as<float>(), *q = c.input(1).as<float>();
      float* to = c.output(0).as<float>();
      c.threads().ParallelFor(
          lines, std::max<int64_t>(1, kElementGrain / std::max<int64_t>(1, plan.inner.n)),
          [&](int64_t begin, int64_t end) {
            ForEachLine(plan, begin, end, [&](int64_t i, int64_t j, int64_t k) {
              if (plan.inner.b == 0) {
                simd.binary_scalar(kind, p + i, q[j], to + k, plan.inner.n, false);
              } else if (plan.inner.a == 0) {
                simd.binary_scalar(kind, q + j, p[i], to + k, plan.inner.n, true);
              } else {
                simd.binary(kind, p + i, q + j, to + k, plan.inner.n);
              }
            });
          });
    });
  }
  if ((dtype == DType::kInt32 || dtype == DType::kInt64) && kind != BinaryKind::kDiv) {
    const BroadcastPlan plan = PlanBroadcast(a, b, y);
    const int64_t lines = plan.inner.n == 0 || plan.total == 0 ? 0 : plan.total / plan.inner.n;
    traits.implementation = absl::StrCat("cpu:", r.node->op());
    const auto run = [kind, plan, lines](const KernelContext& c, auto zero) {
      using T = decltype(zero);
      const T *p = c.input(0).as<T>(), *q = c.input(1).as<T>();
      T* to = c.output(0).as<T>();
      ForEachLine(plan, 0, lines, [&](int64_t i, int64_t j, int64_t k) {
        for (int64_t l = 0; l < plan.inner.n; ++l)
          to[k + l] = Apply(kind, p[i + l * plan.inner.a], q[j + l * plan.inner.b]);
      });
    };
    if (dtype == DType::kInt32)
      return FromFunction(traits, [run](const KernelContext& c) { run(c, int32_t{0}); });
    return FromFunction(traits, [run](const KernelContext& c) { run(c, int64_t{0}); });
  }
  return Refuse(r.inputs[0]);
}

KernelResult MakeBiasAdd(const KernelRequest& r) {
  if (!IsF32(r, 0)) return Refuse(r.inputs[0]);
  const Dims& x = r.inputs[0].shape.dims();
  const bool last = r.node->attrs().String("data_format") == "NHWC" ||
                    r.node->attrs().Int("data_format", -1) == 1;
  const size_t axis = last ? x.size() - 1 : 1;
  int64_t inner = 1;
  for (size_t i = axis + 1; i < x.size(); ++i) inner *= x[i];
  const int64_t channels = x[axis], outer = NumElements(x) / std::max<int64_t>(1, channels * inner);
  KernelTraits traits;
  traits.implementation = SimdName("BiasAdd");
  traits.in_place = 1;
  return FromFunction(traits, [channels, inner, outer, &simd = Simd()](const KernelContext& c) {
    const float *from = c.input(0).as<float>(), *bias = c.input(1).as<float>();
    float* to = c.output(0).as<float>();
    if (inner == 1) {
      for (int64_t o = 0; o < outer; ++o)
        simd.binary(BinaryKind::kAdd, from + o * channels, bias, to + o * channels, channels);
      return;
    }
    c.threads().ParallelFor(
        outer * channels, std::max<int64_t>(1, kElementGrain / std::max<int64_t>(1, inner)),
        [&](int64_t b, int64_t e) {
          for (int64_t i = b; i < e; ++i)
            simd.binary_scalar(BinaryKind::kAdd, from + i * inner, bias[i % channels],
                               to + i * inner, inner, false);
        });
  });
}

KernelResult MakeBatchNorm(const KernelRequest& r) {
  for (int i = 0; i < 5; ++i) {
    if (!IsF32(r, i)) return Refuse(r.inputs[i]);
  }
  const Dims& x = r.inputs[0].shape.dims();
  const int64_t channels = x[1], batch = x[0],
                inner = NumElements(absl::MakeConstSpan(x).subspan(2));
  const float epsilon = static_cast<float>(r.node->attrs().Float("epsilon"));
  KernelTraits traits;
  traits.implementation = SimdName("BatchNorm");
  return FromFunction(traits, [=, &simd = Simd()](const KernelContext& c) {
    const float* p[4];
    for (int i = 0; i < 4; ++i) p[i] = c.input(i + 1).as<float>();
    const float* from = c.input(0).as<float>();
    float* to = c.output(0).as<float>();
    c.threads().ParallelFor(batch * channels,
                            std::max<int64_t>(1, kElementGrain / std::max<int64_t>(1, inner)),
                            [&](int64_t b, int64_t e) {
                              for (int64_t i = b; i < e; ++i) {
                                const int64_t ch = i % channels;
                                const float scale = p[0][ch] / __builtin_sqrtf(p[3][ch] + epsilon);
                                simd.affine(from + i * inner, to + i * inner, inner, scale,
                                            p[1][ch] - p[2][ch] * scale);
                              }
                            });
    static constexpr int kOrder[] = {2, 3, 2, 3};
    for (int i = 0; i < 4; ++i)
      std::copy(p[kOrder[i]], p[kOrder[i]] + channels, c.output(i + 1).as<float>());
  });
}

}  // namespace mirin::cpu
