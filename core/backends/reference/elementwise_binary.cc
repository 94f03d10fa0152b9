#include <algorithm>

#include "core/backends/reference/kernels.h"
#include "core/backends/reference/loops.h"
#include "core/ops/infer.h"

// glibc 2.35 has a new hypot; the one that it had before serves systems of 2.34, too.
__asm__(".symver hypot, hypot@GLIBC_2.2.5");

namespace mirin::reference::kernels {
namespace {

// Both operands are broadcast to the output; floats compute in double, integers and bool in int64, uint64 in itself.
template <typename F, typename I>
absl::Status Binary(const ir::Node& node, const KernelContext& c, F f, I i) {
  const TensorView& out = c.output(0);
  const absl::StatusOr<DType> common = ops::Promote(c.input(0).dtype, c.input(1).dtype);
  if (!common.ok() || *common == DType::kString) return NoKernel(node, c.input(0));
  if (IsFloat(*common) || IsFloat(out.dtype)) {
    std::vector<double> a = ReadBroadcast<double>(c.input(0), out.dims);
    const std::vector<double> b = ReadBroadcast<double>(c.input(1), out.dims);
    for (size_t k = 0; k < a.size(); ++k) a[k] = f(a[k], b[k]);
    WriteAll(out, a);
    return absl::OkStatus();
  }
  const auto run = [&](auto zero) {
    using N = decltype(zero);
    std::vector<N> a = ReadBroadcast<N>(c.input(0), out.dims);
    const std::vector<N> b = ReadBroadcast<N>(c.input(1), out.dims);
    for (size_t k = 0; k < a.size(); ++k) a[k] = static_cast<N>(i(a[k], b[k]));
    WriteAll(out, a);
  };
  *common == DType::kUInt64 ? run(uint64_t{0}) : run(int64_t{0});
  return absl::OkStatus();
}

int64_t Wrap(uint64_t v) { return static_cast<int64_t>(v); }

// a - trunc(a / b) * b; 0 for what has no remainder.
template <typename N>
N Remainder(N a, N b) {
  if (b == 0 || (std::is_signed_v<N> && b == static_cast<N>(-1))) return 0;
  return a % b;
}

template <typename N>
N FloorDivide(N a, N b) {
  const N q = Quotient(a, b);
  return Remainder(a, b) != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}

template <typename N>
N FloorModulo(N a, N b) {
  const N r = Remainder(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

// A zero has the sign of b.
double FloorModuloF(double a, double b) {
  const double r = std::fmod(a, b);
  if (r == 0) return std::copysign(0.0, b);
  return (r < 0) != (b < 0) ? r + b : r;
}

int64_t Power(int64_t base, int64_t exponent) {
  if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent % 2 == 0 ? 1 : -1) : 0;
  uint64_t result = 1;
  uint64_t b = static_cast<uint64_t>(base);
  for (uint64_t e = static_cast<uint64_t>(exponent); e != 0; e >>= 1) {
    if (e & 1) result *= b;
    b *= b;
  }
  return Wrap(result);
}

// A NaN wins.
constexpr auto Larger = [](auto a, auto b) { return b > a || b != b ? b : a; };
constexpr auto Smaller = [](auto a, auto b) { return b < a || b != b ? b : a; };

// For results that depend on the operands' order only: every dtype keeps its exact values.
template <typename F>
absl::Status Ordered(const ir::Node& node, const KernelContext& c, F f) {
  const TensorView& out = c.output(0);
  const absl::StatusOr<DType> common = ops::Promote(c.input(0).dtype, c.input(1).dtype);
  if (!common.ok() || *common == DType::kString) return NoKernel(node, c.input(0));
  WithExact(*common, [&](auto zero) {
    using N = decltype(zero);
    const std::vector<N> a = ReadBroadcast<N>(c.input(0), out.dims),
                         b = ReadBroadcast<N>(c.input(1), out.dims);
    std::vector<decltype(f(zero, zero))> y(a.size());
    for (size_t k = 0; k < a.size(); ++k) y[k] = f(a[k], b[k]);
    if constexpr (std::is_same_v<decltype(f(zero, zero)), bool>) {
      WriteAll(out, std::vector<int64_t>(y.begin(), y.end()));
    } else {
      WriteAll(out, y);
    }
  });
  return absl::OkStatus();
}

}  // namespace

#define MIRIN_BINARY(Name, float_expr, int_expr)                                                   \
  absl::Status Name(const ir::Node& node, const KernelContext& c) {                                \
    return Binary(                                                                                 \
        node, c,                                                                                   \
        []([[maybe_unused]] double a, [[maybe_unused]] double b) -> double { return float_expr; }, \
        []([[maybe_unused]] auto a, [[maybe_unused]] auto b) { return int_expr; });                \
  }

#define MIRIN_ORDERED(Name, expr)                                   \
  absl::Status Name(const ir::Node& node, const KernelContext& c) { \
    return Ordered(node, c, [](auto a, auto b) { return expr; });   \
  }

MIRIN_BINARY(Add, a + b, Sum(a, b))
MIRIN_BINARY(Atan2, std::atan2(a, b), static_cast<int64_t>(std::atan2(a, b)))
MIRIN_BINARY(BitwiseAnd, FromDouble<int64_t>(a) & FromDouble<int64_t>(b), a& b)
MIRIN_BINARY(BitwiseOr, FromDouble<int64_t>(a) | FromDouble<int64_t>(b), a | b)
MIRIN_BINARY(BitwiseXor, FromDouble<int64_t>(a) ^ FromDouble<int64_t>(b), a ^ b)
MIRIN_BINARY(Div, a / b, Quotient(a, b))
MIRIN_BINARY(DivNoNan, b == 0 ? 0 : a / b, Quotient(a, b))
MIRIN_BINARY(Divs, a / b, Quotient(a, b))
MIRIN_ORDERED(EqScalar, a == b)
MIRIN_BINARY(FloorDiv, std::floor(a / b), FloorDivide(a, b))
MIRIN_BINARY(FloorMod, FloorModuloF(a, b), FloorModulo(a, b))
MIRIN_BINARY(FmodTensor, std::fmod(a, b), Remainder(a, b))
MIRIN_ORDERED(Greater, a > b)
MIRIN_ORDERED(GreaterEqual, a >= b)
MIRIN_ORDERED(GreaterEqualScalar, a >= b)
MIRIN_BINARY(Hypot, std::hypot(a, b), static_cast<int64_t>(std::hypot(a, b)))
MIRIN_BINARY(LeftShift, a, b < 0 || b > 63 ? 0 : Wrap(static_cast<uint64_t>(a) << b))
MIRIN_ORDERED(Less, a < b)
MIRIN_ORDERED(LessEqual, a <= b)
MIRIN_ORDERED(LessScalar, a < b)
MIRIN_BINARY(LogAddExp, Larger(a, b) + std::log1p(std::exp(-std::fabs(a - b))), a)
MIRIN_BINARY(LogicalAnd, a != 0 && b != 0, a != 0 && b != 0)
MIRIN_BINARY(LogicalOr, a != 0 || b != 0, a != 0 || b != 0)
MIRIN_BINARY(LogicalXor, (a != 0) != (b != 0), (a != 0) != (b != 0))
MIRIN_ORDERED(Maximum, Larger(a, b))
MIRIN_ORDERED(Minimum, Smaller(a, b))
MIRIN_BINARY(Mod, std::fmod(a, b), Remainder(a, b))
MIRIN_BINARY(Mul, a* b, Product(a, b))
MIRIN_BINARY(Muls, a* b, Product(a, b))
MIRIN_BINARY(Pow, std::pow(a, b), Power(a, b))
MIRIN_BINARY(PowScalarTensor, std::pow(a, b), Power(a, b))
MIRIN_BINARY(PowTensorScalar, std::pow(a, b), Power(a, b))
MIRIN_BINARY(RealDiv, a / b, Quotient(a, b))
MIRIN_BINARY(RemainderTensorScalar, FloorModuloF(a, b), FloorModulo(a, b))
MIRIN_BINARY(RemainderTensorTensor, FloorModuloF(a, b), FloorModulo(a, b))
MIRIN_BINARY(RightShift, a, b < 0 || b > 63 ? (a < 0 ? -1 : 0) : a >> b)
MIRIN_BINARY(SquaredDifference, (a - b) * (a - b), Product(Difference(a, b), Difference(a, b)))
MIRIN_BINARY(Sub, a - b, Difference(a, b))
MIRIN_BINARY(TruncateDiv, std::trunc(a / b), Quotient(a, b))
MIRIN_BINARY(TruncateMod, std::fmod(a, b), Remainder(a, b))
MIRIN_BINARY(Xdivy, a == 0 ? 0 : a / b, Quotient(a, b))
MIRIN_BINARY(Xlogy, a == 0 ? 0 : a * std::log(b), a)

namespace {

template <typename F>
absl::Status Compare(const ir::Node& node, const KernelContext& c, F f) {
  const TensorView& out = c.output(0);
  if (c.input(0).dtype != DType::kString) return Ordered(node, c, f);
  std::vector<int64_t> a, b, y;
  ForEachOffset(out.dims, BroadcastStrides(c.input(0).dims, out.dims),
                [&](int64_t o) { a.push_back(o); });
  ForEachOffset(out.dims, BroadcastStrides(c.input(1).dims, out.dims),
                [&](int64_t o) { b.push_back(o); });
  const auto *left = c.input(0).as<absl::string_view>(),
             *right = c.input(1).as<absl::string_view>();
  for (size_t k = 0; k < a.size(); ++k) y.push_back(f(left[a[k]], right[b[k]]));
  WriteAll(out, y);
  return absl::OkStatus();
}

}  // namespace

absl::Status Equal(const ir::Node& node, const KernelContext& c) {
  return Compare(node, c, [](auto a, auto b) { return a == b; });
}
absl::Status NotEqual(const ir::Node& node, const KernelContext& c) {
  return Compare(node, c, [](auto a, auto b) { return a != b; });
}

absl::Status AddExt(const ir::Node& node, const KernelContext& c) {
  const double alpha = node.attrs().Float("alpha");
  return Binary(
      node, c, [=](double a, double b) { return a + alpha * b; },
      [=](auto a, auto b) {
        return Sum(a, Product(static_cast<decltype(a)>(FromDouble<int64_t>(alpha)), b));
      });
}

absl::Status SubExt(const ir::Node& node, const KernelContext& c) {
  const double alpha = node.attrs().Float("alpha");
  return Binary(
      node, c, [=](double a, double b) { return a - alpha * b; },
      [=](auto a, auto b) {
        return Difference(a, Product(static_cast<decltype(a)>(FromDouble<int64_t>(alpha)), b));
      });
}

namespace {

// Computes in double, or in int64 for integer outputs, over any number of broadcast operands.
template <typename N, typename Fn>
void Combine(const KernelContext& c, Fn fn) {
  std::vector<std::vector<N>> operands;
  for (int i = 0; i < c.num_inputs(); ++i) {
    operands.push_back(c.has_input(i) ? ReadBroadcast<N>(c.input(i), c.output(0).dims)
                                      : std::vector<N>());
  }
  std::vector<N> out(static_cast<size_t>(c.output(0).elements()));
  for (size_t k = 0; k < out.size(); ++k) out[k] = fn(operands, k);
  WriteAll(c.output(0), out);
}

template <typename Fn>
absl::Status CombineAny(const KernelContext& c, Fn fn) {
  WithExact(c.output(0).dtype, [&](auto zero) { Combine<decltype(zero)>(c, fn); });
  return absl::OkStatus();
}

absl::Status SelectBytes(const KernelContext& c) {
  const TensorView& out = c.output(0);
  const std::vector<int64_t> condition = ReadBroadcast<int64_t>(c.input(0), out.dims);
  const ElementMover from_x(c.input(1), out), from_y(c.input(2), out);
  std::vector<int64_t> x, y;
  ForEachOffset(out.dims, BroadcastStrides(c.input(1).dims, out.dims),
                [&](int64_t o) { x.push_back(o); });
  ForEachOffset(out.dims, BroadcastStrides(c.input(2).dims, out.dims),
                [&](int64_t o) { y.push_back(o); });
  for (size_t k = 0; k < condition.size(); ++k) {
    const int64_t to = static_cast<int64_t>(k);
    condition[k] != 0 ? from_x.Move(x[k], to) : from_y.Move(y[k], to);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status AddN(const ir::Node& /*node*/, const KernelContext& c) {
  return CombineAny(c, [](const auto& v, size_t k) {
    auto sum = v[0][k];
    for (size_t i = 1; i < v.size(); ++i) sum = Sum(sum, v[i][k]);
    return sum;
  });
}

absl::Status BiasAdd(const ir::Node& node, const KernelContext& c) {
  const bool last =
      node.attrs().String("data_format") == "NHWC" || node.attrs().Int("data_format", -1) == 1;
  const TensorView& x = c.input(0);
  const AxisView axis(x.dims, last ? x.rank() - 1 : 1);
  const auto run = [&](auto zero) {
    using N = decltype(zero);
    std::vector<N> v = ReadAll<N>(x);
    const std::vector<N> bias = ReadAll<N>(c.input(1));
    for (size_t k = 0; k < v.size(); ++k)
      v[k] += bias[(static_cast<int64_t>(k) / axis.inner) % axis.n];
    WriteAll(c.output(0), v);
  };
  IsFloat(x.dtype) ? run(0.0) : run(int64_t{0});
  return absl::OkStatus();
}

absl::Status Select(const ir::Node& /*node*/, const KernelContext& c) { return SelectBytes(c); }
absl::Status SelectV2(const ir::Node& /*node*/, const KernelContext& c) { return SelectBytes(c); }

absl::Status MaskedFill(const ir::Node& node, const KernelContext& c) {
  if (c.input(2).elements() != 1)
    return absl::InvalidArgumentError(absl::StrCat(node.op(), ": the value must have one element"));
  return CombineAny(c, [](const auto& v, size_t k) { return v[1][k] != 0 ? v[2][k] : v[0][k]; });
}

absl::Status ClipByValue(const ir::Node& /*node*/, const KernelContext& c) {
  return CombineAny(c, [](const auto& v, size_t k) {
    auto x = v[0][k];
    if (v.size() > 1 && !v[1].empty() && x < v[1][k]) x = v[1][k];
    if (v.size() > 2 && !v[2].empty() && x > v[2][k]) x = v[2][k];
    return x;
  });
}

absl::Status Addcmul(const ir::Node& /*node*/, const KernelContext& c) {
  return CombineAny(c,
                    [](const auto& v, size_t k) { return v[0][k] + v[1][k] * v[2][k] * v[3][k]; });
}
absl::Status Addcdiv(const ir::Node& /*node*/, const KernelContext& c) {
  return CombineAny(
      c, [](const auto& v, size_t k) { return v[0][k] + Quotient(v[1][k], v[2][k]) * v[3][k]; });
}
absl::Status Lerp(const ir::Node& /*node*/, const KernelContext& c) {
  return CombineAny(
      c, [](const auto& v, size_t k) { return v[0][k] + v[2][k] * (v[1][k] - v[0][k]); });
}

absl::Status PReLU(const ir::Node& node, const KernelContext& c) {
  const TensorView& x = c.input(0);
  const std::vector<double> weight = ReadAll<double>(c.input(1));
  std::vector<double> v = ReadAll<double>(x);
  const AxisView axis(x.dims, x.rank() > 1 ? 1 : 0);
  if (weight.size() != 1 && static_cast<int64_t>(weight.size()) != axis.n) {
    return absl::InvalidArgumentError(
        absl::StrCat(node.op(), ": ", weight.size(), " weights for ", axis.n, " channels"));
  }
  for (size_t k = 0; k < v.size(); ++k) {
    const double w =
        weight.size() == 1 ? weight[0] : weight[(static_cast<int64_t>(k) / axis.inner) % axis.n];
    if (v[k] < 0) v[k] *= w;
  }
  WriteAll(c.output(0), v);
  return absl::OkStatus();
}

absl::Status GLU(const ir::Node& node, const KernelContext& c) {
  const TensorView& x = c.input(0);
  const AxisView axis(x.dims, Axis(node.attrs().Int("axis"), x.rank()));
  const std::vector<double> v = ReadAll<double>(x);
  std::vector<double> out;
  const int64_t half = axis.n / 2 * axis.inner;
  for (int64_t o = 0; o < axis.outer; ++o) {
    for (int64_t i = 0; i < half; ++i) {
      const int64_t at = o * axis.n * axis.inner + i;
      out.push_back(v[at] / (1 + std::exp(-v[at + half])));
    }
  }
  WriteAll(c.output(0), out);
  return absl::OkStatus();
}

}  // namespace mirin::reference::kernels
