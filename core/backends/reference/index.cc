#include <algorithm>
#include <numeric>

#include "core/backends/reference/kernels.h"
#include "core/backends/reference/loops.h"
#include "core/ops/unique.h"

#define MIRIN_KERNEL(Name) \
  absl::Status Name([[maybe_unused]] const ir::Node& node, const KernelContext& c)

namespace mirin::reference::kernels {
namespace {

// A checked index in [0, n).
absl::StatusOr<int64_t> At(int64_t index, int64_t n) {
  const int64_t at = index < 0 ? index + n : index;
  if (at < 0 || at >= n) return IndexError(index, n);
  return at;
}

// Offsets of the slices that index rows name, in units of `inner` elements.
absl::StatusOr<std::vector<int64_t>> RowOffsets(const TensorView& indices,
                                                absl::Span<const int64_t> dims) {
  const std::vector<int64_t> v = ReadAll<int64_t>(indices);
  const int64_t depth = indices.dims[indices.rank() - 1];
  const Dims strides = Strides(dims.subspan(0, static_cast<size_t>(depth)));
  const int64_t rows = NumElements(indices.dims.subspan(0, indices.dims.size() - 1));
  std::vector<int64_t> out;
  for (int64_t r = 0; r < rows; ++r) {
    int64_t offset = 0;
    for (int64_t d = 0; d < depth; ++d) {
      MIRIN_ASSIGN_OR_RETURN(const int64_t at, At(v[r * depth + d], dims[d]));
      offset += at * strides[d];
    }
    out.push_back(offset);
  }
  return out;
}

template <typename Fn>
absl::Status ScatterRows(const KernelContext& c, const TensorView& target,
                         const TensorView& indices, const TensorView& updates, Fn fn) {
  MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> rows, RowOffsets(indices, target.dims));
  const int64_t inner = rows.empty() ? 0 : updates.elements() / static_cast<int64_t>(rows.size());
  const auto run = [&](auto zero) {
    using N = decltype(zero);
    std::vector<N> v = ReadAll<N>(target);
    const std::vector<N> u = ReadAll<N>(updates);
    for (size_t r = 0; r < rows.size(); ++r) {
      for (int64_t i = 0; i < inner; ++i) {
        N& to = v[rows[r] * inner + i];
        to = fn(to, u[r * inner + i]);
      }
    }
    WriteAll(c.output(0), v);
  };
  WithExact(target.dtype, run);
  return absl::OkStatus();
}

// Elements of any dtype replace those of x.
absl::Status ReplaceRows(const KernelContext& c) {
  const TensorView &x = c.input(0), &updates = c.input(2), &out = c.output(0);
  MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> rows, RowOffsets(c.input(1), x.dims));
  if (x.bytes() > 0) std::memcpy(out.data, x.data, x.bytes());
  const int64_t inner = rows.empty() ? 0 : updates.elements() / static_cast<int64_t>(rows.size());
  const ElementMover mover(updates, out);
  for (size_t r = 0; r < rows.size(); ++r)
    mover.Move(static_cast<int64_t>(r) * inner, rows[r] * inner, inner);
  return absl::OkStatus();
}

template <typename Fn>
absl::Status TensorScatter(const KernelContext& c, Fn fn) {
  return ScatterRows(c, c.input(0), c.input(1), c.input(2), fn);
}

// Indices of one line in sorted order; NaN last when ascending, first when descending, ties by position.
template <typename N>
std::vector<int64_t> SortedOrder(const std::vector<N>& line, bool descending) {
  std::vector<int64_t> order(line.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    const N x = line[a], y = line[b];
    if (x != x || y != y) return descending ? x != x && y == y : x == x && y != y;
    return descending ? x > y : x < y;
  });
  return order;
}

// For each of the first k places along the axis, in sorted order, where its element is along the axis of x.
std::vector<int64_t> SortedIndices(const TensorView& x, const AxisView& axis, int64_t k,
                                   bool descending) {
  std::vector<int64_t> indices(static_cast<size_t>(axis.outer * k * axis.inner));
  WithExact(x.dtype, [&](auto zero) {
    const auto v = ReadAll<decltype(zero)>(x);
    std::vector<decltype(zero)> line(static_cast<size_t>(axis.n));
    for (int64_t o = 0; o < axis.outer; ++o) {
      for (int64_t i = 0; i < axis.inner; ++i) {
        for (int64_t j = 0; j < axis.n; ++j) line[j] = v[(o * axis.n + j) * axis.inner + i];
        const std::vector<int64_t> order = SortedOrder(line, descending);
        for (int64_t j = 0; j < k; ++j) indices[(o * k + j) * axis.inner + i] = order[j];
      }
    }
  });
  return indices;
}

absl::Status SortAxis(const KernelContext& c, int64_t axis_attribute, bool descending) {
  const TensorView& x = c.input(0);
  const AxisView axis(x.dims, Axis(axis_attribute, x.rank()));
  const int64_t k = c.output(0).dims[Axis(axis_attribute, x.rank())];
  const std::vector<int64_t> indices = SortedIndices(x, axis, k, descending);
  const ElementMover mover(x, c.output(0));
  for (int64_t to = 0; to < static_cast<int64_t>(indices.size()); ++to) {
    mover.Move((to / (k * axis.inner) * axis.n + indices[to]) * axis.inner + to % axis.inner, to);
  }
  WriteAll(c.output(1), indices);
  return absl::OkStatus();
}

absl::Status Triangle(const ir::Node& node, const KernelContext& c, bool lower) {
  const TensorView& x = c.input(0);
  const int64_t rows = x.dims[x.rank() - 2], columns = x.dims[x.rank() - 1],
                diagonal = node.attrs().Int("diagonal");
  const size_t size = SizeOf(x.dtype);
  if (x.bytes() > 0) std::memcpy(c.output(0).data, x.data, x.bytes());
  char* to = c.output(0).as<char>();
  for (int64_t k = 0; k < x.elements(); ++k) {
    const int64_t row = k / columns % rows, column = k % columns;
    if (lower ? column - row > diagonal : column - row < diagonal)
      std::memset(to + k * static_cast<int64_t>(size), 0, size);
  }
  return absl::OkStatus();
}

absl::Status ScatterVariable(const KernelContext& c, bool add) {
  const TensorView& variable = c.input(0);
  const std::vector<int64_t> indices = ReadAll<int64_t>(c.input(1));
  const int64_t inner = NumElements(variable.dims.subspan(1));
  for (int64_t i : indices) MIRIN_RETURN_IF_ERROR(At(i, variable.dims[0]).status());
  const auto run = [&](auto zero) {
    using N = decltype(zero);
    std::vector<N> v = ReadAll<N>(variable);
    const std::vector<N> u = ReadAll<N>(c.input(2));
    for (size_t r = 0; r < indices.size(); ++r) {
      const int64_t row = indices[r] < 0 ? indices[r] + variable.dims[0] : indices[r];
      for (int64_t k = 0; k < inner; ++k) {
        N& to = v[row * inner + k];
        to = add ? to + u[r * inner + k] : u[r * inner + k];
      }
    }
    WriteAll(variable, v);
  };
  IsFloat(variable.dtype) ? run(0.0) : run(int64_t{0});
  std::memcpy(c.output(0).data, variable.data, variable.bytes());
  return absl::OkStatus();
}

}  // namespace

MIRIN_KERNEL(Gather) {
  const TensorView& x = c.input(0);
  const AxisView axis(x.dims, Axis(node.attrs().Int("axis"), x.rank()));
  const int64_t batch = node.attrs().Int("batch_dims");
  const int batch_dims = static_cast<int>(batch < 0 ? batch + c.input(1).rank() : batch);
  const std::vector<int64_t> indices = ReadAll<int64_t>(c.input(1));
  const int64_t batches = NumElements(x.dims.subspan(0, batch_dims));
  if (batches == 0 || c.output(0).elements() == 0) return absl::OkStatus();
  const int64_t per_batch = static_cast<int64_t>(indices.size()) / batches;
  const int64_t outer = axis.outer / batches;
  const ElementMover mover(x, c.output(0));
  for (int64_t b = 0; b < batches; ++b) {
    for (int64_t o = 0; o < outer; ++o) {
      for (int64_t k = 0; k < per_batch; ++k) {
        MIRIN_ASSIGN_OR_RETURN(const int64_t at, At(indices[b * per_batch + k], axis.n));
        const int64_t line = b * outer + o;
        mover.Move((line * axis.n + at) * axis.inner, (line * per_batch + k) * axis.inner,
                   axis.inner);
      }
    }
  }
  return absl::OkStatus();
}
MIRIN_KERNEL(GatherD) {
  const TensorView& x = c.input(0);
  const int dim = Axis(Ints(c, 1).at(0), x.rank());
  const std::vector<int64_t> index = ReadAll<int64_t>(c.input(2));
  const Dims strides = Strides(x.dims);
  const ElementMover mover(x, c.output(0));
  int64_t k = 0;
  absl::Status status;
  ForEachIndex(c.input(2).dims, [&](absl::Span<const int64_t> at) {
    Dims from(at.begin(), at.end());
    const int64_t i = index[k] < 0 ? index[k] + x.dims[dim] : index[k];
    if (i < 0 || i >= x.dims[dim]) {
      status = IndexError(index[k], x.dims[dim]);
    } else {
      from[dim] = i;
      mover.Move(Offset(from, strides), k);
    }
    ++k;
  });
  return status;
}
MIRIN_KERNEL(GatherNd) {
  const TensorView& x = c.input(0);
  MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> rows, RowOffsets(c.input(1), x.dims));
  const int64_t inner =
      NumElements(x.dims.subspan(static_cast<size_t>(c.input(1).dims[c.input(1).rank() - 1])));
  const ElementMover mover(x, c.output(0));
  for (size_t r = 0; r < rows.size(); ++r)
    mover.Move(rows[r] * inner, static_cast<int64_t>(r) * inner, inner);
  return absl::OkStatus();
}

MIRIN_KERNEL(TensorScatterUpdate) { return ReplaceRows(c); }
MIRIN_KERNEL(TensorScatterAdd) {
  return TensorScatter(c, [](auto x, auto u) { return Sum(x, u); });
}
MIRIN_KERNEL(TensorScatterSub) {
  return TensorScatter(c, [](auto x, auto u) { return Difference(x, u); });
}
MIRIN_KERNEL(TensorScatterMul) {
  return TensorScatter(c, [](auto x, auto u) { return Product(x, u); });
}
MIRIN_KERNEL(TensorScatterDiv) {
  return TensorScatter(c, [](auto x, auto u) { return Quotient(x, u); });
}
MIRIN_KERNEL(TensorScatterMax) {
  return TensorScatter(c, [](auto x, auto u) { return std::max(x, u); });
}
MIRIN_KERNEL(TensorScatterMin) {
  return TensorScatter(c, [](auto x, auto u) { return std::min(x, u); });
}
MIRIN_KERNEL(TensorScatterElements) {
  const TensorView& x = c.input(0);
  const int axis = Axis(node.attrs().Int("axis"), x.rank());
  const std::string reduction = node.attrs().String("reduction");
  const std::vector<int64_t> index = ReadAll<int64_t>(c.input(1));
  const Dims strides = Strides(x.dims);
  std::vector<int64_t> targets;
  absl::Status status;
  ForEachIndex(c.input(1).dims, [&](absl::Span<const int64_t> at) {
    const int64_t i = index[targets.size()];
    Dims to(at.begin(), at.end());
    to[axis] = i < 0 ? i + x.dims[axis] : i;
    bool inside = true;
    for (size_t d = 0; d < to.size(); ++d) inside &= to[d] >= 0 && to[d] < x.dims[d];
    if (!inside) status = IndexError(i, x.dims[axis]);
    targets.push_back(inside ? Offset(to, strides) : 0);
  });
  MIRIN_RETURN_IF_ERROR(status);
  if (reduction == "none") {  // any dtype
    if (x.bytes() > 0) std::memcpy(c.output(0).data, x.data, x.bytes());
    const ElementMover mover(c.input(2), c.output(0));
    for (size_t k = 0; k < targets.size(); ++k) mover.Move(static_cast<int64_t>(k), targets[k]);
    return absl::OkStatus();
  }
  WithExact(x.dtype, [&](auto zero) {
    using N = decltype(zero);
    std::vector<N> v = ReadAll<N>(x);
    const std::vector<N> u = ReadAll<N>(c.input(2));
    for (size_t k = 0; k < targets.size(); ++k) {
      N& to = v[static_cast<size_t>(targets[k])];
      if (reduction == "add") {
        to = Sum(to, u[k]);
      } else if (reduction == "mul") {
        to = Product(to, u[k]);
      } else if (u[k] != u[k] || (reduction == "max" ? u[k] > to : u[k] < to)) {  // NaN stays
        to = u[k];
      }
    }
    WriteAll(c.output(0), v);
  });
  return absl::OkStatus();
}
MIRIN_KERNEL(ScatterNd) {
  std::memset(c.output(0).data, 0, c.output(0).bytes());
  return ScatterRows(c, c.output(0), c.input(0), c.input(1), [](auto x, auto u) { return x + u; });
}
MIRIN_KERNEL(ScatterUpdate) { return ScatterVariable(c, false); }
MIRIN_KERNEL(ScatterAdd) { return ScatterVariable(c, true); }

MIRIN_KERNEL(OneHot) {
  const TensorView& out = c.output(0);
  const AxisView axis(out.dims, Axis(node.attrs().Int("axis"), out.rank()));
  const std::vector<int64_t> indices = ReadAll<int64_t>(c.input(0));
  const ElementMover on(c.input(2), out), off(c.input(3), out);
  if (c.input(2).elements() != 1 || c.input(3).elements() != 1)
    return absl::InvalidArgumentError("on and off must be scalars");
  for (int64_t k = 0; k < out.elements(); ++k) {
    const int64_t o = k / axis.inner / axis.n, i = k % axis.inner, d = k / axis.inner % axis.n;
    (indices[o * axis.inner + i] == d ? on : off).Move(0, k);
  }
  return absl::OkStatus();
}
MIRIN_KERNEL(TopK) { return SortAxis(c, -1, true); }
MIRIN_KERNEL(TopKAxis) {
  return SortAxis(c, node.attrs().Int("axis"), node.attrs().Bool("largest"));
}
MIRIN_KERNEL(ArgSort) {
  const TensorView& x = c.input(0);
  const AxisView axis(x.dims, Axis(node.attrs().Int("dim"), x.rank()));
  WriteAll(c.output(0), SortedIndices(x, axis, axis.n, node.attrs().Bool("descending")));
  return absl::OkStatus();
}
MIRIN_KERNEL(Sort) {
  return SortAxis(c, node.attrs().Int("axis"), node.attrs().Bool("descending"));
}

MIRIN_KERNEL(NMSWithMask) {
  const TensorView& boxes = c.input(0);
  const int64_t n = boxes.dims[0];
  const double threshold = node.attrs().Float("iou_threshold");
  const std::vector<double> v = ReadAll<double>(boxes);
  std::vector<int64_t> keep(static_cast<size_t>(n), 1), indices(static_cast<size_t>(n));
  std::iota(indices.begin(), indices.end(), 0);
  const auto area = [&](int64_t i) {
    return (v[i * 5 + 2] - v[i * 5]) * (v[i * 5 + 3] - v[i * 5 + 1]);
  };
  for (int64_t a = 0; a < n; ++a) {
    if (!keep[a]) continue;
    for (int64_t b = a + 1; b < n; ++b) {
      const double w = std::min(v[a * 5 + 2], v[b * 5 + 2]) - std::max(v[a * 5], v[b * 5]);
      const double h = std::min(v[a * 5 + 3], v[b * 5 + 3]) - std::max(v[a * 5 + 1], v[b * 5 + 1]);
      const double inter = std::max(0.0, w) * std::max(0.0, h);
      if (inter / (area(a) + area(b) - inter) > threshold) keep[b] = 0;
    }
  }
  if (boxes.bytes() > 0) std::memcpy(c.output(0).data, boxes.data, boxes.bytes());
  WriteAll(c.output(1), indices);
  WriteAll(c.output(2), keep);
  return absl::OkStatus();
}

MIRIN_KERNEL(MaskedSelect) {
  Dims dims(std::max(c.input(0).rank(), c.input(1).rank()), 1);
  for (int i = 0; i < static_cast<int>(dims.size()); ++i) {
    for (const TensorView* x : {&c.input(0), &c.input(1)}) {
      const int at = i - (static_cast<int>(dims.size()) - x->rank());
      if (at >= 0 && x->dims[at] != 1) dims[i] = x->dims[at];
    }
  }
  const std::vector<int64_t> mask = ReadBroadcast<int64_t>(c.input(1), dims);
  const ElementMover mover(c.input(0), c.output(0));
  size_t k = 0;
  int64_t to = 0;
  ForEachOffset(dims, BroadcastStrides(c.input(0).dims, dims), [&](int64_t o) {
    if (mask[k++] != 0 && to < c.output(0).elements()) mover.Move(o, to++);
  });
  return absl::OkStatus();
}
MIRIN_KERNEL(NonZero) {
  const std::vector<double> v = ReadAll<double>(c.input(0));
  size_t k = 0;
  int64_t* out = c.output(0).as<int64_t>();
  int64_t left = c.output(0).elements();
  ForEachIndex(c.input(0).dims, [&](absl::Span<const int64_t> at) {
    if (v[k++] == 0 || left < static_cast<int64_t>(at.size())) return;
    out = std::copy(at.begin(), at.end(), out);
    left -= static_cast<int64_t>(at.size());
  });
  return absl::OkStatus();
}
MIRIN_KERNEL(UniqueSlices) {
  const TensorView &x = c.input(0), &y = c.output(0);
  const ops::UniqueSlices found = ops::FindUnique(x.dtype, x.dims, x.data, node.attrs());
  const AxisView from = ops::UniqueAxis(node.attrs())
                            ? AxisView(x.dims, Axis(*ops::UniqueAxis(node.attrs()), x.rank()))
                            : AxisView({x.elements()}, 0);
  const int64_t count = static_cast<int64_t>(found.first.size());
  const ElementMover mover(x, y);
  for (int64_t o = 0; o < from.outer; ++o) {
    for (int64_t k = 0; k < count; ++k)
      mover.Move((o * from.n + found.first[static_cast<size_t>(k)]) * from.inner,
                 (o * count + k) * from.inner, from.inner);
  }
  WriteAll(c.output(1), found.first);
  WriteAll(c.output(2), found.inverse);
  WriteAll(c.output(3), found.counts);
  return absl::OkStatus();
}
MIRIN_KERNEL(Tril) { return Triangle(node, c, true); }
MIRIN_KERNEL(Triu) { return Triangle(node, c, false); }

}  // namespace mirin::reference::kernels
