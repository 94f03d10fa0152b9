// Kernels that move elements: transpose, gather, joins, cuts, slices, casts.
#include <algorithm>
#include <cstring>
#include <optional>

#include "core/backends/cpu/kernel.h"
#include "core/base/status.h"
#include "core/ops/slice_plan.h"

namespace mirin::cpu {
namespace {

// A strided copy into C order, with axes merged where the source allows it.
struct StridedCopy {
  struct Axis {
    int64_t n, stride;  // in elements
  };
  std::vector<Axis> outer;
  Axis inner = {1, 1};
  int64_t base = 0;
  int64_t total = 1;
};

StridedCopy PlanCopy(absl::Span<const int64_t> dims, absl::Span<const int64_t> strides,
                     int64_t base) {
  StridedCopy plan;
  plan.base = base;
  std::vector<StridedCopy::Axis> axes;  // fastest first
  for (int i = static_cast<int>(dims.size()) - 1; i >= 0; --i) {
    plan.total *= dims[i];
    if (dims[i] == 1) continue;
    if (!axes.empty() && strides[i] == axes.back().stride * axes.back().n) {
      axes.back().n *= dims[i];
    } else {
      axes.push_back({dims[i], strides[i]});
    }
  }
  if (!axes.empty()) {
    plan.inner = axes[0];
    plan.outer.assign(axes.rbegin(), axes.rend() - 1);
  }
  return plan;
}

template <typename T>
void CopyLines(const StridedCopy& plan, const T* from, T* to, int64_t begin, int64_t end) {
  const int64_t n = plan.inner.n, stride = plan.inner.stride;
  for (int64_t line = begin; line < end; ++line) {
    int64_t rest = line, at = plan.base;
    for (size_t i = plan.outer.size(); i-- > 0;) {
      at += rest % plan.outer[i].n * plan.outer[i].stride;
      rest /= plan.outer[i].n;
    }
    T* out = to + line * n;
    if (stride == 1) {
      std::memcpy(out, from + at, static_cast<size_t>(n) * sizeof(T));
    } else {
      for (int64_t k = 0; k < n; ++k) out[k] = from[at + k * stride];
    }
  }
}

// Where neighbours of the source come from different lines of the result, both are walked in tiles.
constexpr int64_t kTile = 16;

struct TiledCopy {
  std::vector<StridedCopy::Axis> outer;  // with the strides of the source
  std::vector<int64_t> to_strides;       // and those of the result
  int64_t rows, row_stride;              // neighbours in the source; apart in the result
  int64_t columns, column_stride;        // neighbours in the result; apart in the source
  int64_t base, tiles_down, tiles_across, tiles;
};

std::optional<TiledCopy> PlanTiles(const StridedCopy& plan) {
  if (plan.inner.stride == 1 || plan.total == 0) return std::nullopt;
  TiledCopy tiled = {};
  tiled.columns = plan.inner.n;
  tiled.column_stride = plan.inner.stride;
  tiled.base = plan.base;
  tiled.tiles = 1;
  int64_t to_stride = plan.inner.n;
  for (size_t i = plan.outer.size(); i-- > 0;) {
    const StridedCopy::Axis& axis = plan.outer[i];
    if (axis.stride == 1 && tiled.rows == 0) {
      tiled.rows = axis.n;
      tiled.row_stride = to_stride;
    } else {
      tiled.outer.push_back(axis);
      tiled.to_strides.push_back(to_stride);
      tiled.tiles *= axis.n;
    }
    to_stride *= axis.n;
  }
  if (tiled.rows < 4 || tiled.columns < 4) return std::nullopt;
  tiled.tiles_down = (tiled.rows + kTile - 1) / kTile;
  tiled.tiles_across = (tiled.columns + kTile - 1) / kTile;
  tiled.tiles *= tiled.tiles_down * tiled.tiles_across;
  return tiled;
}

using Four = uint32_t __attribute__((vector_size(16)));

// Four rows of four words become columns.
void TurnFour(const uint32_t* from, int64_t from_row, uint32_t* to, int64_t to_row) {
  Four r[4];
// Unrolled, rows and columns stay in registers.
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) std::memcpy(&r[i], from + i * from_row, sizeof(Four));
  const Four a = __builtin_shufflevector(r[0], r[1], 0, 4, 1, 5),
             b = __builtin_shufflevector(r[2], r[3], 0, 4, 1, 5),
             c = __builtin_shufflevector(r[0], r[1], 2, 6, 3, 7),
             d = __builtin_shufflevector(r[2], r[3], 2, 6, 3, 7);
  const Four columns[4] = {
      __builtin_shufflevector(a, b, 0, 1, 4, 5), __builtin_shufflevector(a, b, 2, 3, 6, 7),
      __builtin_shufflevector(c, d, 0, 1, 4, 5), __builtin_shufflevector(c, d, 2, 3, 6, 7)};
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) std::memcpy(to + i * to_row, &columns[i], sizeof(Four));
}

template <typename T>
void CopyTile(const TiledCopy& plan, const T* from, T* to, int64_t rows, int64_t columns) {
  if constexpr (sizeof(T) == 4) {
    if (rows == kTile && columns == kTile) {
      for (int64_t i = 0; i < kTile; i += 4) {
        for (int64_t k = 0; k < kTile; k += 4)
          TurnFour(from + i + k * plan.column_stride, plan.column_stride,
                   to + i * plan.row_stride + k, plan.row_stride);
      }
      return;
    }
  }
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t k = 0; k < columns; ++k)
      to[i * plan.row_stride + k] = from[i + k * plan.column_stride];
  }
}

template <typename T>
void CopyTiles(const TiledCopy& plan, const T* from, T* to, int64_t begin, int64_t end) {
  for (int64_t tile = begin; tile < end; ++tile) {
    int64_t rest = tile;
    const int64_t column = rest % plan.tiles_across * kTile;
    rest /= plan.tiles_across;
    const int64_t row = rest % plan.tiles_down * kTile;
    rest /= plan.tiles_down;
    int64_t source = plan.base + row + column * plan.column_stride,
            target = row * plan.row_stride + column;
    for (size_t i = 0; i < plan.outer.size(); ++i) {
      source += rest % plan.outer[i].n * plan.outer[i].stride;
      target += rest % plan.outer[i].n * plan.to_strides[i];
      rest /= plan.outer[i].n;
    }
    CopyTile(plan, from + source, to + target, std::min(kTile, plan.rows - row),
             std::min(kTile, plan.columns - column));
  }
}

KernelResult CopyKernel(const KernelRequest& r, StridedCopy plan) {
  const size_t size = SizeOf(r.inputs[0].dtype);
  if (r.inputs[0].dtype == DType::kString || size > 8) return Refuse(r.inputs[0]);
  KernelTraits traits;
  traits.implementation = absl::StrCat("cpu:", r.node->op());
  if (const auto tiled = PlanTiles(plan); tiled.has_value()) {
    return FromFunction(traits, [tiled = *tiled, size](const KernelContext& c) {
      c.threads().ParallelFor(tiled.tiles, kElementGrain / (kTile * kTile),
                              [&](int64_t b, int64_t e) {
                                WithElement(size, [&](auto zero) {
                                  using T = decltype(zero);
                                  CopyTiles(tiled, c.input(0).as<T>(), c.output(0).as<T>(), b, e);
                                });
                              });
    });
  }
  const int64_t lines = plan.total == 0 ? 0 : plan.total / plan.inner.n;
  return FromFunction(traits, [plan = std::move(plan), lines, size](const KernelContext& c) {
    c.threads().ParallelFor(
        lines, std::max<int64_t>(1, kElementGrain / std::max<int64_t>(1, plan.inner.n)),
        [&](int64_t b, int64_t e) {
          WithElement(size, [&](auto zero) {
            using T = decltype(zero);
            CopyLines(plan, c.input(0).as<T>(), c.output(0).as<T>(), b, e);
          });
        });
  });
}

absl::StatusOr<std::vector<int64_t>> ConstantInts(const KernelRequest& r, size_t i) {
  if (!r.has_input(i)) return std::vector<int64_t>();
  if (r.constants[i] == nullptr) return absl::UnimplementedError("computed bounds");
  return r.constants[i]->ToInt64s();
}

}  // namespace

KernelResult MakeTranspose(const KernelRequest& r) {
  MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> perm, ConstantInts(r, 1));
  const Dims own = Strides(r.inputs[0].shape.dims());
  Dims strides(perm.size());
  for (size_t i = 0; i < perm.size(); ++i)
    strides[i] = own[perm[i] < 0 ? perm[i] + static_cast<int64_t>(own.size()) : perm[i]];
  return CopyKernel(r, PlanCopy(r.outputs[0].shape.dims(), strides, 0));
}

// BroadcastTo and Tile: every axis of the source is walked once, or over and over.
KernelResult MakeRepeat(const KernelRequest& r) {
  const Dims &x = r.inputs[0].shape.dims(), &y = r.outputs[0].shape.dims();
  const Dims own = Strides(x);
  std::vector<int64_t> dims, strides;  // (repetitions, size) per axis of the result
  for (size_t i = 0; i < y.size(); ++i) {
    const size_t missing = y.size() - x.size();
    const int64_t size = i < missing ? 1 : x[i - missing];
    if (size == 0 || y[i] == 0) return absl::UnimplementedError("an empty tensor");
    dims.insert(dims.end(), {y[i] / size, size});
    strides.insert(strides.end(), {0, i < missing ? 0 : own[i - missing]});
  }
  return CopyKernel(r, PlanCopy(dims, strides, 0));
}

KernelResult MakeSlice(const KernelRequest& r) {
  const Dims& x = r.inputs[0].shape.dims();
  std::vector<int64_t> v[4];
  for (size_t i = 0; i < 4; ++i) {
    MIRIN_ASSIGN_OR_RETURN(v[i], ConstantInts(r, i + 1));
  }
  ops::SlicePlan plan;
  if (r.node->op() == "Slice") {
    plan.start.assign(v[0].begin(), v[0].end());
    plan.step.assign(v[0].size(), 1);
    plan.count = r.outputs[0].shape.dims();
  } else if (r.node->op() == "StridedSlice") {
    MIRIN_ASSIGN_OR_RETURN(plan, ops::PlanStridedSlice(r.node->attrs(), x, v[0], v[1], v[2]));
  } else {
    MIRIN_ASSIGN_OR_RETURN(plan, ops::PlanSliceAxes(x, v[0], v[1], v[2], v[3]));
  }
  const Dims own = Strides(x);
  Dims strides(own.size());
  int64_t base = 0;
  for (size_t i = 0; i < own.size(); ++i) {
    strides[i] = own[i] * plan.step[i];
    base += own[i] * plan.start[i];
  }
  return CopyKernel(r, PlanCopy(plan.count, strides, base));
}

KernelResult MakeGather(const KernelRequest& r) {
  if (r.node->attrs().Int("batch_dims") != 0 || r.inputs[0].dtype == DType::kString)
    return absl::UnimplementedError("batch_dims");
  if (r.inputs[1].dtype != DType::kInt32 && r.inputs[1].dtype != DType::kInt64)
    return Refuse(r.inputs[1]);
  const Dims& x = r.inputs[0].shape.dims();
  MIRIN_ASSIGN_OR_RETURN(const int axis,
                         NormalizeAxis(r.node->attrs().Int("axis"), static_cast<int>(x.size())));
  int64_t outer = 1, inner = 1;
  for (int i = 0; i < static_cast<int>(x.size()); ++i)
    (i > axis ? inner : outer) *= i == axis ? 1 : x[i];
  const int64_t n = x[axis], count = NumElements(r.inputs[1].shape.dims());
  const size_t row = static_cast<size_t>(inner) * SizeOf(r.inputs[0].dtype);
  const bool wide = r.inputs[1].dtype == DType::kInt64;
  KernelTraits traits;
  traits.implementation = "cpu:Gather";
  traits.unaligned = 1;
  return FromFunction(traits, [=](const KernelContext& c) -> absl::Status {
    const char* from = c.input(0).as<char>();
    char* to = c.output(0).as<char>();
    for (int64_t k = 0; k < count; ++k) {
      const int64_t given = wide ? c.input(1).as<int64_t>()[k] : c.input(1).as<int32_t>()[k];
      const int64_t at = given < 0 ? given + n : given;
      if (at < 0 || at >= n) return IndexError(given, n);
      for (int64_t o = 0; o < outer; ++o) {
        std::memcpy(to + static_cast<size_t>(o * count + k) * row,
                    from + static_cast<size_t>(o * n + at) * row, row);
      }
    }
    return absl::OkStatus();
  });
}

KernelResult MakeConcat(const KernelRequest& r) {
  if (r.outputs[0].dtype == DType::kString) return Refuse(r.outputs[0]);
  const Dims& y = r.outputs[0].shape.dims();
  MIRIN_ASSIGN_OR_RETURN(const int axis,
                         NormalizeAxis(r.node->attrs().Int("axis"), static_cast<int>(y.size())));
  const int64_t outer = NumElements(absl::MakeConstSpan(y).subspan(0, static_cast<size_t>(axis)));
  const size_t inner = static_cast<size_t>(NumElements(
                           absl::MakeConstSpan(y).subspan(static_cast<size_t>(axis) + 1))) *
                       SizeOf(r.outputs[0].dtype);
  std::vector<size_t> rows;
  const bool new_axis = r.node->op() == "Stack";
  for (const ir::TensorType& t : r.inputs)
    rows.push_back(new_axis ? inner : static_cast<size_t>(t.shape.dim(axis)) * inner);
  const size_t stride = static_cast<size_t>(y[axis]) * inner;
  KernelTraits traits;
  traits.implementation = absl::StrCat("cpu:", r.node->op());
  return FromFunction(traits, [=](const KernelContext& c) {
    size_t at = 0;
    for (size_t i = 0; i < rows.size(); ++i) {
      const char* from = c.input(static_cast<int>(i)).as<char>();
      char* to = c.output(0).as<char>() + at;
      for (int64_t o = 0; o < outer && rows[i] > 0; ++o)
        std::memcpy(to + static_cast<size_t>(o) * stride, from + static_cast<size_t>(o) * rows[i],
                    rows[i]);
      at += rows[i];
    }
  });
}

KernelResult MakeSplit(const KernelRequest& r) {
  if (r.inputs[0].dtype == DType::kString) return Refuse(r.inputs[0]);
  const Dims& x = r.inputs[0].shape.dims();
  MIRIN_ASSIGN_OR_RETURN(const int axis,
                         NormalizeAxis(r.node->attrs().Int("axis"), static_cast<int>(x.size())));
  const int64_t outer = NumElements(absl::MakeConstSpan(x).subspan(0, static_cast<size_t>(axis)));
  const size_t inner = static_cast<size_t>(NumElements(
                           absl::MakeConstSpan(x).subspan(static_cast<size_t>(axis) + 1))) *
                       SizeOf(r.inputs[0].dtype);
  std::vector<size_t> rows;
  const bool drops_axis = r.node->op() == "Unstack";
  for (const ir::TensorType& t : r.outputs)
    rows.push_back(drops_axis ? inner : static_cast<size_t>(t.shape.dim(axis)) * inner);
  const size_t stride = static_cast<size_t>(x[axis]) * inner;
  KernelTraits traits;
  traits.implementation = absl::StrCat("cpu:", r.node->op());
  return FromFunction(traits, [=](const KernelContext& c) {
    size_t at = 0;
    for (size_t i = 0; i < rows.size(); ++i) {
      const char* from = c.input(0).as<char>() + at;
      char* to = c.output(static_cast<int>(i)).as<char>();
      for (int64_t o = 0; o < outer && rows[i] > 0; ++o)
        std::memcpy(to + static_cast<size_t>(o) * rows[i], from + static_cast<size_t>(o) * stride,
                    rows[i]);
      at += rows[i];
    }
  });
}

namespace {

template <typename From, typename To>
KernelResult Convert(const KernelRequest& r) {
  const int64_t n = NumElements(r.inputs[0].shape.dims());
  KernelTraits traits;
  traits.implementation = "cpu:Cast";
  return FromFunction(traits, [n](const KernelContext& c) {
    const From* from = c.input(0).as<From>();
    To* to = c.output(0).as<To>();
    for (int64_t i = 0; i < n; ++i) to[i] = static_cast<To>(from[i]);
  });
}

}  // namespace

// Only conversions that lose nothing or wrap: the others saturate, which the reference kernel does.
KernelResult MakeCast(const KernelRequest& r) {
  const DType from = r.inputs[0].dtype, to = r.outputs[0].dtype;
  if (from == DType::kInt32 && to == DType::kFloat32) return Convert<int32_t, float>(r);
  if (from == DType::kInt64 && to == DType::kFloat32) return Convert<int64_t, float>(r);
  if (from == DType::kBool && to == DType::kFloat32) return Convert<uint8_t, float>(r);
  if (from == DType::kInt32 && to == DType::kInt64) return Convert<int32_t, int64_t>(r);
  if (from == DType::kInt64 && to == DType::kInt32) return Convert<int64_t, int32_t>(r);
  if (from == DType::kFloat16 && to == DType::kFloat32) return Convert<Half, float>(r);
  if (from == DType::kFloat32 && to == DType::kFloat16) return Convert<float, Half>(r);
  return absl::UnimplementedError(absl::StrCat(Name(from), " to ", Name(to)));
}

}  // namespace mirin::cpu
