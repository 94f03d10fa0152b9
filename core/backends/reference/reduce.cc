#include <algorithm>

#include "core/backends/reference/kernels.h"
#include "core/backends/reference/loops.h"
#include "core/ops/infer.h"

namespace mirin::reference::kernels {
namespace {

// Where the elements of a reduction go: strides of x over the result, 0 along reduced axes, and elements per group.
struct Groups {
  Dims strides;
  int64_t count = 1;
};

absl::StatusOr<Groups> GroupsOf(const ir::Node& node, const KernelContext& c) {
  const TensorView& x = c.input(0);
  const std::vector<int64_t> given = Ints(c, 1);
  MIRIN_ASSIGN_OR_RETURN(std::vector<int> axes, ops::NormalizeAxes(given, x.rank()));
  if (given.empty() && node.attrs().Bool("skip_mode")) axes.clear();
  Groups groups;
  groups.strides.assign(static_cast<size_t>(x.rank()), 0);
  int64_t stride = 1;
  for (int i = x.rank() - 1; i >= 0; --i) {
    if (std::find(axes.begin(), axes.end(), i) == axes.end()) {
      groups.strides[i] = stride;
      stride *= x.dims[i];
    } else {
      groups.count *= x.dims[i];
    }
  }
  return groups;
}

// Folds every group of reduced elements: start, then acc = step(acc, x), then end(acc, count).
template <typename N, typename Step, typename End>
absl::Status Fold(const ir::Node& node, const KernelContext& c, N start, Step step, End end) {
  MIRIN_ASSIGN_OR_RETURN(const Groups groups, GroupsOf(node, c));
  const TensorView& x = c.input(0);
  const std::vector<N> v = ReadAll<N>(x);
  std::vector<N> out(static_cast<size_t>(c.output(0).elements()), start);
  size_t k = 0;
  ForEachOffset(x.dims, groups.strides, [&](int64_t o) { out[o] = step(out[o], v[k++]); });
  for (N& e : out) e = end(e, groups.count);
  WriteAll(c.output(0), out);
  return absl::OkStatus();
}

// Floats in double, integers modulo 2^64.
template <typename Step, typename End>
absl::Status FoldNumbers(const ir::Node& node, const KernelContext& c, int start, Step step,
                         End end) {
  const DType number = IsFloat(c.output(0).dtype) ? DType::kFloat64 : c.input(0).dtype;
  return WithExact(number, [&](auto zero) {
    return Fold(node, c, static_cast<decltype(zero)>(start), step, end);
  });
}

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr auto kSame = [](auto v, int64_t) { return v; };
constexpr auto kAdd = [](auto a, auto v) { return Sum(a, v); };
constexpr auto kMultiply = [](auto a, auto v) { return Product(a, v); };
constexpr auto kMean = [](auto v, int64_t n) {
  using N = decltype(v);
  if constexpr (std::is_same_v<N, double>) {
    return v / static_cast<double>(n);
  } else {
    return n == 0 ? N{0} : v / static_cast<N>(n);
  }
};
constexpr auto kLarger = [](auto a, auto v) { return v > a || v != v ? v : a; };
constexpr auto kSmaller = [](auto a, auto v) { return v < a || v != v ? v : a; };
// The least (or the greatest) value of a dtype.
template <typename N>
N Limit(DType dtype, bool least) {
  return VisitDType(
      dtype,
      [&](auto tag) {
        using T = typename decltype(tag)::type;
        if constexpr (std::is_integral_v<T>) {
          return static_cast<N>(least ? std::numeric_limits<T>::min()
                                      : std::numeric_limits<T>::max());
        } else {
          return static_cast<N>(least ? -kInf : kInf);
        }
      },
      N{0});
}

absl::Status FoldExtreme(const ir::Node& node, const KernelContext& c, bool largest) {
  const TensorView& x = c.input(0);
  if (x.elements() == 0 && c.output(0).elements() > 0 && !node.attrs().Bool("empty_ok")) {
    return absl::InvalidArgumentError(absl::StrCat(node.op(), " of no elements"));
  }
  return WithExact(x.dtype, [&](auto zero) {
    const auto start = Limit<decltype(zero)>(x.dtype, largest);
    return largest ? Fold(node, c, start, kLarger, kSame) : Fold(node, c, start, kSmaller, kSame);
  });
}

// log(sum(exp)) without overflow or underflow: every group is taken relative to its own largest element.
absl::Status FoldLogSumExp(const ir::Node& node, const KernelContext& c) {
  MIRIN_ASSIGN_OR_RETURN(const Groups groups, GroupsOf(node, c));
  const TensorView& x = c.input(0);
  const std::vector<double> v = ReadAll<double>(x);
  std::vector<double> high(static_cast<size_t>(c.output(0).elements()), -kInf), sum(high.size(), 0);
  size_t k = 0;
  ForEachOffset(x.dims, groups.strides, [&](int64_t o) { high[o] = std::max(high[o], v[k++]); });
  for (double& h : high) h = std::isfinite(h) ? h : 0;
  k = 0;
  ForEachOffset(x.dims, groups.strides, [&](int64_t o) { sum[o] += std::exp(v[k++] - high[o]); });
  for (size_t i = 0; i < sum.size(); ++i) sum[i] = std::log(sum[i]) + high[i];
  WriteAll(c.output(0), sum);
  return absl::OkStatus();
}

}  // namespace

#define MIRIN_KERNEL(Name) absl::Status Name(const ir::Node& node, const KernelContext& c)
MIRIN_KERNEL(ReduceSum) { return FoldNumbers(node, c, 0, kAdd, kSame); }
MIRIN_KERNEL(ReduceMean) { return FoldNumbers(node, c, 0, kAdd, kMean); }
MIRIN_KERNEL(ReduceProd) { return FoldNumbers(node, c, 1, kMultiply, kSame); }
MIRIN_KERNEL(SumExt) { return ReduceSum(node, c); }
MIRIN_KERNEL(MeanExt) { return ReduceMean(node, c); }
MIRIN_KERNEL(ProdExt) { return ReduceProd(node, c); }
MIRIN_KERNEL(ReduceMax) { return FoldExtreme(node, c, true); }
MIRIN_KERNEL(ReduceMin) { return FoldExtreme(node, c, false); }
MIRIN_KERNEL(Max) { return ReduceMax(node, c); }
MIRIN_KERNEL(Min) { return ReduceMin(node, c); }
MIRIN_KERNEL(ReduceAll) {
  return Fold<double>(
      node, c, 1, [](double a, double v) { return a != 0 && v != 0 ? 1.0 : 0.0; }, kSame);
}
MIRIN_KERNEL(ReduceAny) {
  return Fold<double>(
      node, c, 0, [](double a, double v) { return a != 0 || v != 0 ? 1.0 : 0.0; }, kSame);
}
MIRIN_KERNEL(CountNonZero) {
  return Fold<double>(node, c, 0, [](double a, double v) { return a + (v != 0); }, kSame);
}
MIRIN_KERNEL(ReduceSumSquare) {
  return FoldNumbers(node, c, 0, [](auto a, auto v) { return kAdd(a, kMultiply(v, v)); }, kSame);
}
MIRIN_KERNEL(ReduceL1) {
  return FoldNumbers(
      node, c, 0,
      [](auto a, auto v) {
        return kAdd(a, v < 0 ? kMultiply(v, static_cast<decltype(v)>(-1)) : v);
      },
      kSame);
}
MIRIN_KERNEL(ReduceL2) {
  return Fold<double>(
      node, c, 0, [](double a, double v) { return a + v * v; },
      [](double v, int64_t) { return std::sqrt(v); });
}
MIRIN_KERNEL(ReduceLogSum) {
  return Fold<double>(node, c, 0, kAdd, [](double v, int64_t) { return std::log(v); });
}
MIRIN_KERNEL(ReduceLogSumExp) { return FoldLogSumExp(node, c); }
MIRIN_KERNEL(LogSumExp) { return FoldLogSumExp(node, c); }
MIRIN_KERNEL(ReduceStd) {
  const TensorView& x = c.input(0);
  MIRIN_ASSIGN_OR_RETURN(const std::vector<int> axes, ops::NormalizeAxes(Ints(c, 1), x.rank()));
  // The cell of the result that each element belongs to.
  Dims strides(x.dims.size(), 0);
  int64_t cells = 1;
  for (int i = x.rank() - 1; i >= 0; --i) {
    if (std::find(axes.begin(), axes.end(), i) != axes.end()) continue;
    strides[static_cast<size_t>(i)] = cells;
    cells *= x.dims[static_cast<size_t>(i)];
  }
  const std::vector<double> v = ReadAll<double>(x);
  const double n = cells == 0 ? 0 : static_cast<double>(x.elements()) / static_cast<double>(cells);
  std::vector<double> mean(static_cast<size_t>(cells), 0), deviation(mean);
  size_t k = 0;
  ForEachOffset(x.dims, strides,
                [&](int64_t cell) { mean[static_cast<size_t>(cell)] += v[k++] / n; });
  k = 0;
  ForEachOffset(x.dims, strides, [&](int64_t cell) {
    const double d = v[k++] - mean[static_cast<size_t>(cell)];
    deviation[static_cast<size_t>(cell)] += d * d;
  });
  const double divisor = node.attrs().Bool("unbiased") ? n - 1 : n;
  for (double& d : deviation) d = std::sqrt(d / divisor);
  WriteAll(c.output(0), deviation);
  WriteAll(c.output(1), mean);
  return absl::OkStatus();
}

namespace {

// The index of the extreme element; NaN counts as the most extreme, as in NumPy.
std::vector<int64_t> ExtremeIndices(const KernelContext& c, int64_t axis_attribute, bool largest) {
  const TensorView& x = c.input(0);
  const AxisView axis(x.dims, x.rank() == 0 ? 0 : Axis(axis_attribute, x.rank()));
  std::vector<int64_t> out;
  WithExact(x.dtype, [&](auto zero) {
    const auto v = ReadAll<decltype(zero)>(x);
    for (int64_t o = 0; o < axis.outer; ++o) {
      for (int64_t i = 0; i < axis.inner; ++i) {
        int64_t best = 0;
        auto best_value = v[o * axis.n * axis.inner + i];
        for (int64_t k = 1; k < axis.n && best_value == best_value; ++k) {
          const auto e = v[(o * axis.n + k) * axis.inner + i];
          if (e != e || (largest ? e > best_value : e < best_value)) {
            best = k;
            best_value = e;
          }
        }
        out.push_back(best);
      }
    }
  });
  return out;
}

absl::Status ArgExtreme(const ir::Node& node, const KernelContext& c, bool largest) {
  WriteAll(c.output(0), ExtremeIndices(c, node.attrs().Int("axis"), largest));
  return absl::OkStatus();
}

absl::Status ArgExtremeWithValue(const ir::Node& node, const KernelContext& c, bool largest) {
  const std::vector<int64_t> indices = ExtremeIndices(c, node.attrs().Int("axis"), largest);
  WriteAll(c.output(0), indices);
  const TensorView& x = c.input(0);
  const AxisView axis(x.dims, x.rank() == 0 ? 0 : Axis(node.attrs().Int("axis"), x.rank()));
  const ElementMover mover(x, c.output(1));
  for (int64_t k = 0; k < static_cast<int64_t>(indices.size()); ++k) {
    mover.Move((k / axis.inner * axis.n + indices[k]) * axis.inner + k % axis.inner, k);
  }
  return absl::OkStatus();
}

template <typename N, typename Step>
absl::Status Scan(const ir::Node& node, const KernelContext& c, N start, Step step) {
  const TensorView& x = c.input(0);
  const std::vector<int64_t> given = Ints(c, 1);
  if (given.size() != 1)
    return absl::InvalidArgumentError(absl::StrCat(node.op(), ": axis must be one number"));
  MIRIN_ASSIGN_OR_RETURN(const int at, NormalizeAxis(given[0], std::max(1, x.rank())));
  const AxisView axis(x.dims, at);
  const bool exclusive = node.attrs().Bool("exclusive"), reverse = node.attrs().Bool("reverse");
  std::vector<N> v = ReadAll<N>(x);
  for (int64_t o = 0; o < axis.outer; ++o) {
    for (int64_t i = 0; i < axis.inner; ++i) {
      N acc = start;
      for (int64_t k = 0; k < axis.n; ++k) {
        N& e = v[(o * axis.n + (reverse ? axis.n - 1 - k : k)) * axis.inner + i];
        const N next = step(acc, e);
        e = exclusive ? acc : next;
        acc = next;
      }
    }
  }
  WriteAll(c.output(0), v);
  return absl::OkStatus();
}

absl::Status ScanExtreme(const ir::Node& node, const KernelContext& c, bool largest) {
  const TensorView& x = c.input(0);
  const AxisView axis(x.dims, x.rank() == 0 ? 0 : Axis(node.attrs().Int("axis"), x.rank()));
  std::vector<int64_t> index(static_cast<size_t>(x.elements()));
  WithExact(x.dtype, [&](auto zero) {
    auto v = ReadAll<decltype(zero)>(x);
    for (int64_t o = 0; o < axis.outer; ++o) {
      for (int64_t i = 0; i < axis.inner; ++i) {
        int64_t best = 0;
        for (int64_t k = 0; k < axis.n; ++k) {
          const int64_t at = (o * axis.n + k) * axis.inner + i;
          const auto e = v[at], b = k == 0 ? e : v[at - axis.inner];
          if (k == 0 || e != e || (largest ? e >= b : e <= b)) best = k;
          v[at] = best == k ? e : b;
          index[at] = best;
        }
      }
    }
    WriteAll(c.output(0), v);
  });
  WriteAll(c.output(1), index);
  return absl::OkStatus();
}

absl::Status SoftmaxLike(const ir::Node& node, const KernelContext& c, bool log) {
  const TensorView& x = c.input(0);
  const std::vector<int64_t> axes = node.attrs().Ints("axis");
  const AxisView axis(x.dims, x.rank() == 0 ? 0 : Axis(axes.empty() ? -1 : axes[0], x.rank()));
  std::vector<double> v = ReadAll<double>(x);
  for (int64_t o = 0; o < axis.outer; ++o) {
    for (int64_t i = 0; i < axis.inner; ++i) {
      const auto at = [&](int64_t k) -> double& { return v[(o * axis.n + k) * axis.inner + i]; };
      double high = -kInf;
      for (int64_t k = 0; k < axis.n; ++k) high = std::max(high, at(k));
      double sum = 0;
      for (int64_t k = 0; k < axis.n; ++k) sum += std::exp(at(k) - high);
      for (int64_t k = 0; k < axis.n; ++k)
        at(k) = log ? at(k) - high - std::log(sum) : std::exp(at(k) - high) / sum;
    }
  }
  WriteAll(c.output(0), v);
  return absl::OkStatus();
}

}  // namespace

MIRIN_KERNEL(Argmax) { return ArgExtreme(node, c, true); }
MIRIN_KERNEL(Argmin) { return ArgExtreme(node, c, false); }
MIRIN_KERNEL(ArgMaxWithValue) { return ArgExtremeWithValue(node, c, true); }
MIRIN_KERNEL(ArgMinWithValue) { return ArgExtremeWithValue(node, c, false); }
MIRIN_KERNEL(Cummax) { return ScanExtreme(node, c, true); }
MIRIN_KERNEL(Cummin) { return ScanExtreme(node, c, false); }
MIRIN_KERNEL(CumSum) {
  return WithExact(c.input(0).dtype, [&](auto zero) { return Scan(node, c, zero, kAdd); });
}
MIRIN_KERNEL(CumProd) {
  return WithExact(c.input(0).dtype, [&](auto zero) {
    return Scan(node, c, static_cast<decltype(zero)>(1), kMultiply);
  });
}
MIRIN_KERNEL(Softmax) { return SoftmaxLike(node, c, false); }
MIRIN_KERNEL(LogSoftmax) { return SoftmaxLike(node, c, true); }

MIRIN_KERNEL(L2Normalize) {
  const TensorView& x = c.input(0);
  const double epsilon = node.attrs().Float("epsilon");
  MIRIN_ASSIGN_OR_RETURN(const std::vector<int> axes,
                         ops::NormalizeAxes(node.attrs().Ints("axis"), x.rank()));
  Dims strides(x.rank(), 0);
  int64_t stride = 1;
  for (int i = x.rank() - 1; i >= 0; --i) {
    if (std::find(axes.begin(), axes.end(), i) != axes.end()) continue;
    strides[i] = stride;
    stride *= x.dims[i];
  }
  std::vector<double> v = ReadAll<double>(x);
  std::vector<double> sums(static_cast<size_t>(stride), 0);
  size_t k = 0;
  ForEachOffset(x.dims, strides, [&](int64_t o) {
    sums[o] += v[k] * v[k];
    ++k;
  });
  k = 0;
  ForEachOffset(x.dims, strides,
                [&](int64_t o) { v[k++] /= std::sqrt(std::max(sums[o], epsilon)); });
  WriteAll(c.output(0), v);
  return absl::OkStatus();
}

// -- state ------------------------------------------------------------------------------------------------------------

namespace {

absl::Status WriteVariable(const KernelContext& c, double sign) {
  const TensorView& variable = c.input(0);
  const auto run = [&](auto zero) {
    using N = decltype(zero);
    std::vector<N> v = ReadAll<N>(variable);
    const std::vector<N> change = ReadBroadcast<N>(c.input(1), variable.dims);
    for (size_t i = 0; i < v.size(); ++i) v[i] += static_cast<N>(sign) * change[i];
    WriteAll(variable, v);
  };
  IsFloat(variable.dtype) ? run(0.0) : run(int64_t{0});
  std::memcpy(c.output(0).data, variable.data, variable.bytes());
  return absl::OkStatus();
}

}  // namespace

MIRIN_KERNEL(Load) {
  static_cast<void>(node);
  std::memcpy(c.output(0).data, c.input(0).data, c.input(0).bytes());
  return absl::OkStatus();
}
MIRIN_KERNEL(Assign) {
  static_cast<void>(node);
  std::memcpy(c.input(0).data, c.input(1).data, c.input(1).bytes());
  std::memcpy(c.output(0).data, c.input(1).data, c.input(1).bytes());
  return absl::OkStatus();
}
MIRIN_KERNEL(AssignAdd) {
  static_cast<void>(node);
  return WriteVariable(c, 1);
}
MIRIN_KERNEL(AssignSub) {
  static_cast<void>(node);
  return WriteVariable(c, -1);
}

}  // namespace mirin::reference::kernels
