#include <algorithm>
#include <cmath>
#include <limits>

#include "core/backends/reference/kernels.h"
#include "core/backends/reference/loops.h"
#include "core/ops/activation_kind.h"

namespace mirin::reference::kernels {
namespace {

// By Winitzki's estimate and three Newton steps: full double precision inside (-1, 1).
double InverseErf(double y) {
  if (y <= -1 || y >= 1)
    return y == 1    ? std::numeric_limits<double>::infinity()
           : y == -1 ? -std::numeric_limits<double>::infinity()
                     : std::nan("");
  constexpr double a = 0.147, kTwoOverPi = 0.63661977236758134;
  const double l = std::log1p(-y * y), t = kTwoOverPi / a + l / 2;
  double x = std::copysign(std::sqrt(std::sqrt(t * t - l / a) - t), y);
  for (int i = 0; i < 3; ++i) x -= (std::erf(x) - y) / (1.1283791670955126 * std::exp(-x * x));
  return x;
}

using ops::ActivationKind;
using ops::Apply;

// Floats go through double, integers and bool through int64, uint64 as it is.
template <typename F, typename I>
absl::Status Unary(const ir::Node& node, const KernelContext& c, F f, I i) {
  const TensorView& x = c.input(0);
  if (x.dtype == DType::kString) return NoKernel(node, x);
  if (IsFloat(x.dtype)) {
    std::vector<double> v = ReadAll<double>(x);
    for (double& e : v) e = f(e);
    WriteAll(c.output(0), v);
    return absl::OkStatus();
  }
  const auto run = [&](auto zero) {
    using N = decltype(zero);
    std::vector<N> v = ReadAll<N>(x);
    for (N& e : v) e = static_cast<N>(i(e));
    WriteAll(c.output(0), v);
  };
  x.dtype == DType::kUInt64 ? run(uint64_t{0}) : run(int64_t{0});
  return absl::OkStatus();
}

template <typename F>
absl::Status Floats(const ir::Node& node, const KernelContext& c, F f) {
  if (!IsFloat(c.input(0).dtype)) return NoKernel(node, c.input(0));
  return Unary(node, c, f, [](auto v) { return v; });
}

absl::Status CopyBytes(const KernelContext& c) {
  if (c.input(0).bytes() > 0 && c.output(0).data != c.input(0).data) {
    std::memcpy(c.output(0).data, c.input(0).data, c.input(0).bytes());
  }
  return absl::OkStatus();
}

double Sigmoid1(double x) { return 1 / (1 + std::exp(-x)); }
double Softplus1(double x) { return x > 30 ? x : std::log1p(std::exp(x)); }

}  // namespace

#define MIRIN_KERNEL(Name) absl::Status Name(const ir::Node& node, const KernelContext& c)
#define MIRIN_FLOAT_UNARY(Name, expr)                                \
  MIRIN_KERNEL(Name) {                                               \
    return Floats(node, c, [](double x) -> double { return expr; }); \
  }
#define MIRIN_UNARY(Name, float_expr, int_expr)                                                   \
  MIRIN_KERNEL(Name) {                                                                            \
    return Unary(                                                                                 \
        node, c, [](double x) -> double { return float_expr; }, [](auto x) { return int_expr; }); \
  }

MIRIN_UNARY(Abs, std::fabs(x), x < 0 ? Difference(decltype(x){0}, x) : x)
MIRIN_UNARY(BitwiseNot, x, ~x)
MIRIN_UNARY(Ceil, std::ceil(x), x)
MIRIN_UNARY(Floor, std::floor(x), x)
MIRIN_UNARY(Neg, -x, Difference(decltype(x){0}, x))
MIRIN_UNARY(ReLU, Apply(ActivationKind::kRelu, x), x < 0 ? 0 : x)
MIRIN_UNARY(ReLU1, std::clamp(x, -1.0, 1.0), x > 1 ? 1 : x < 0 ? -1 : x)
MIRIN_UNARY(ReLU6, Apply(ActivationKind::kRelu6, x), x > 6 ? 6 : x < 0 ? 0 : x)
MIRIN_UNARY(Sign, std::isnan(x) ? x : (x > 0) - (x < 0), (x > 0) - (x < 0))
MIRIN_UNARY(Square, x* x, Product(x, x))
MIRIN_UNARY(Trunc, std::trunc(x), x)
MIRIN_FLOAT_UNARY(ACos, std::acos(x))
MIRIN_FLOAT_UNARY(Acosh, std::acosh(x))
MIRIN_FLOAT_UNARY(Asin, std::asin(x))
MIRIN_FLOAT_UNARY(Asinh, std::asinh(x))
MIRIN_FLOAT_UNARY(Atan, std::atan(x))
MIRIN_FLOAT_UNARY(Atanh, std::atanh(x))
MIRIN_FLOAT_UNARY(Cos, std::cos(x))
MIRIN_FLOAT_UNARY(Cosh, std::cosh(x))
MIRIN_FLOAT_UNARY(Erf, std::erf(x))
MIRIN_FLOAT_UNARY(Erfc, std::erfc(x))
MIRIN_FLOAT_UNARY(Exp2, std::exp2(x))
MIRIN_FLOAT_UNARY(Expm1, std::expm1(x))
MIRIN_FLOAT_UNARY(FastGeLU, x / (1 + std::exp(-1.702 * x)))
MIRIN_FLOAT_UNARY(Frac, x - std::trunc(x))
MIRIN_FLOAT_UNARY(GeLU, Apply(ActivationKind::kGelu, x))
MIRIN_FLOAT_UNARY(GeLUErf, Apply(ActivationKind::kGeluErf, x))
MIRIN_FLOAT_UNARY(HSigmoid, std::clamp(x + 3, 0.0, 6.0) / 6)
MIRIN_FLOAT_UNARY(HSwish, Apply(ActivationKind::kHSwish, x))
MIRIN_FLOAT_UNARY(Inv, 1 / x)
MIRIN_FLOAT_UNARY(Log10, std::log10(x))
MIRIN_FLOAT_UNARY(Log1p, std::log1p(x))
MIRIN_FLOAT_UNARY(Log2, std::log2(x))
MIRIN_FLOAT_UNARY(LogSigmoid, -Softplus1(-x))
MIRIN_FLOAT_UNARY(Mish, x* std::tanh(Softplus1(x)))
MIRIN_FLOAT_UNARY(MishExt, x* std::tanh(Softplus1(x)))
MIRIN_FLOAT_UNARY(Reciprocal, 1 / x)
MIRIN_FLOAT_UNARY(Rint, std::nearbyint(x))
MIRIN_FLOAT_UNARY(Rsqrt, 1 / std::sqrt(x))
MIRIN_FLOAT_UNARY(SeLU, x > 0 ? 1.0507009873554805 * x : 1.7580993408473766 * std::expm1(x))
MIRIN_FLOAT_UNARY(SiLU, x* Sigmoid1(x))
MIRIN_FLOAT_UNARY(Sigmoid, Sigmoid1(x))
MIRIN_FLOAT_UNARY(Sin, std::sin(x))
MIRIN_FLOAT_UNARY(Sinh, std::sinh(x))
MIRIN_FLOAT_UNARY(Softplus, Softplus1(x))
MIRIN_FLOAT_UNARY(Softsign, x / (1 + std::fabs(x)))
MIRIN_FLOAT_UNARY(Sqrt, std::sqrt(x))
MIRIN_FLOAT_UNARY(Tan, std::tan(x))
MIRIN_FLOAT_UNARY(Tanh, std::tanh(x))

#define MIRIN_PREDICATE(Name, float_expr, int_expr)                                           \
  MIRIN_KERNEL(Name) {                                                                        \
    const TensorView& in = c.input(0);                                                        \
    std::vector<int64_t> out;                                                                 \
    if (in.dtype == DType::kString) return NoKernel(node, in);                                \
    if (IsFloat(in.dtype)) {                                                                  \
      for (double x : ReadAll<double>(in)) out.push_back(float_expr);                         \
    } else {                                                                                  \
      for (int64_t x : ReadAll<int64_t>(in)) out.push_back((static_cast<void>(x), int_expr)); \
    }                                                                                         \
    WriteAll(c.output(0), out);                                                               \
    return absl::OkStatus();                                                                  \
  }
MIRIN_PREDICATE(IsFinite, std::isfinite(x), 1)
MIRIN_PREDICATE(IsInf, std::isinf(x), 0)
MIRIN_PREDICATE(IsNan, std::isnan(x), 0)
MIRIN_PREDICATE(LogicalNot, x == 0, x == 0)

MIRIN_KERNEL(Copy) {
  static_cast<void>(node);
  return CopyBytes(c);
}
MIRIN_KERNEL(Identity) {
  static_cast<void>(node);
  return CopyBytes(c);
}
MIRIN_KERNEL(StopGradient) {
  static_cast<void>(node);
  return CopyBytes(c);
}

MIRIN_KERNEL(Exp) {
  const double base = node.attrs().Float("base"), scale = node.attrs().Float("scale"),
               shift = node.attrs().Float("shift");
  const double factor = base < 0 ? 1 : std::log(base);
  return Floats(node, c, [=](double x) { return std::exp(factor * (scale * x + shift)); });
}
MIRIN_KERNEL(Log) {
  const double base = node.attrs().Float("base"), scale = node.attrs().Float("scale"),
               shift = node.attrs().Float("shift");
  const double divisor = base < 0 ? 1 : std::log(base);
  return Floats(node, c, [=](double x) { return std::log(scale * x + shift) / divisor; });
}
MIRIN_KERNEL(Round) {  // half to even
  const double factor = std::pow(10.0, static_cast<double>(node.attrs().Int("decimals")));
  return Unary(
      node, c, [=](double x) { return std::nearbyint(x * factor) / factor; },
      [](auto x) { return x; });
}
MIRIN_KERNEL(Elu) {
  const double alpha = node.attrs().Float("alpha");
  return Floats(node, c, [=](double x) { return x > 0 ? x : alpha * std::expm1(x); });
}
MIRIN_KERNEL(CeLU) {
  const double alpha = node.attrs().Float("alpha");
  return Floats(node, c, [=](double x) { return x > 0 ? x : alpha * std::expm1(x / alpha); });
}
MIRIN_KERNEL(LeakyRelu) {
  const double alpha = node.attrs().Float("alpha");
  return Floats(node, c, [=](double x) { return x > 0 ? x : alpha * x; });
}
MIRIN_KERNEL(LeakyReLUExt) {
  const double alpha = node.attrs().Float("negative_slope");
  return Floats(node, c, [=](double x) { return x > 0 ? x : alpha * x; });
}
MIRIN_KERNEL(HShrink) {
  const double lambd = node.attrs().Float("lambd");
  return Floats(node, c, [=](double x) { return x > lambd || x < -lambd ? x : 0; });
}
MIRIN_KERNEL(SoftShrink) {
  const double lambd = node.attrs().Float("lambd");
  return Floats(node, c, [=](double x) {
    return x > lambd ? x - lambd : x < -lambd ? x + lambd : 0;
  });
}
MIRIN_KERNEL(Hardtanh) {
  const double low = node.attrs().Float("min_val"), high = node.attrs().Float("max_val");
  return Unary(
      node, c, [=](double x) { return std::isnan(x) ? x : std::min(std::max(x, low), high); },
      [=](auto x) {
        return std::min(std::max(x, FromDouble<decltype(x)>(low)), FromDouble<decltype(x)>(high));
      });
}
MIRIN_FLOAT_UNARY(Erfinv, InverseErf(x))
MIRIN_KERNEL(NanToNum) {
  const double most = VisitDType(
      c.input(0).dtype,
      [](auto tag) {
        using T = typename decltype(tag)::type;
        if constexpr (std::is_same_v<T, Half>) return 65504.0;
        if constexpr (std::is_same_v<T, BFloat16>) return 3.3895313892515355e38;
        return static_cast<double>(std::numeric_limits<T>::max());
      },
      0.0);
  const double nan = node.attrs().Float("nan"), high = node.attrs().Float("posinf", most),
               low = node.attrs().Float("neginf", -most);
  return Floats(node, c, [=](double x) {
    return std::isnan(x) ? nan : std::isinf(x) ? (x > 0 ? high : low) : x;
  });
}
MIRIN_KERNEL(Threshold) {
  const double threshold = node.attrs().Float("threshold"), value = node.attrs().Float("value");
  return Unary(
      node, c, [=](double x) { return x > threshold ? x : value; },
      [=](auto x) {
        return static_cast<double>(x) > threshold ? x : FromDouble<decltype(x)>(value);
      });
}
MIRIN_KERNEL(SoftplusExt) {
  const double beta = node.attrs().Float("beta"), threshold = node.attrs().Float("threshold");
  return Floats(node, c, [=](double x) {
    return x * beta > threshold ? x : std::log1p(std::exp(x * beta)) / beta;
  });
}
MIRIN_KERNEL(GeluExt) {
  const bool tanh_form =
      node.attrs().String("approximate") == "tanh" || node.attrs().Int("approximate") == 1;
  return Floats(node, c, [=](double x) {
    return Apply(tanh_form ? ActivationKind::kGelu : ActivationKind::kGeluErf, x);
  });
}

}  // namespace mirin::reference::kernels
