#include <algorithm>
#include <cstring>

#include "absl/strings/match.h"
#include "core/backends/reference/kernels.h"
#include "core/backends/reference/loops.h"
#include "core/ops/padding.h"
#include "core/ops/slice_plan.h"

#define MIRIN_KERNEL(Name) \
  absl::Status Name([[maybe_unused]] const ir::Node& node, const KernelContext& c)

namespace mirin::reference::kernels {
namespace {

absl::Status CopyBytes(const KernelContext& c) {
  const size_t bytes = c.input(0).bytes();
  if (bytes > 0 && c.output(0).data != c.input(0).data)
    std::memcpy(c.output(0).data, c.input(0).data, bytes);
  return absl::OkStatus();
}

// Output in C order from input offsets given by strides over the output's dims.
absl::Status Gatherlike(const KernelContext& c, absl::Span<const int64_t> strides,
                        int64_t base = 0) {
  const ElementMover mover(c.input(0), c.output(0));
  int64_t to = 0;
  ForEachOffset(c.output(0).dims, strides, [&](int64_t o) { mover.Move(base + o, to++); });
  return absl::OkStatus();
}

absl::Status Join(const KernelContext& c, int axis, bool stack) {
  const TensorView& out = c.output(0);
  const AxisView to(out.dims, axis);
  int64_t at = 0;
  for (int i = 0; i < c.num_inputs(); ++i) {
    const TensorView& x = c.input(i);
    const int64_t n = stack ? 1 : x.dims[axis];
    const ElementMover mover(x, out);
    for (int64_t o = 0; o < to.outer; ++o)
      mover.Move(o * n * to.inner, (o * to.n + at) * to.inner, n * to.inner);
    at += n;
  }
  return absl::OkStatus();
}

absl::Status Cut(const KernelContext& c, int axis, bool unstack) {
  const TensorView& x = c.input(0);
  const AxisView from(x.dims, axis);
  int64_t at = 0;
  for (int i = 0; i < c.num_outputs(); ++i) {
    const int64_t n = unstack ? 1 : c.output(i).dims[axis];
    const ElementMover mover(x, c.output(i));
    for (int64_t o = 0; o < from.outer; ++o)
      mover.Move((o * from.n + at) * from.inner, o * n * from.inner, n * from.inner);
    at += n;
  }
  return absl::OkStatus();
}

using ops::PadMode;

absl::Status PadBy(const KernelContext& c, absl::Span<const int64_t> pads, PadMode mode,
                   const TensorView* value) {
  const TensorView& x = c.input(0);
  const TensorView& out = c.output(0);
  const size_t size = SizeOf(out.dtype);
  const Dims strides = Strides(x.dims);
  const ElementMover mover(x, out);
  for (size_t i = 0; mode != PadMode::kConstant && i < x.dims.size(); ++i) {
    if (x.dims[i] == 0 && out.elements() > 0)
      return absl::InvalidArgumentError(absl::StrCat("axis ", i, " has no element to pad with"));
  }
  // the value in the dtype of the output
  alignas(16) char filler[16] = {};
  TensorView one = out;
  one.data = filler;
  one.dims = {};
  if (value != nullptr && value->dtype == out.dtype) {
    std::memcpy(filler, value->data, size);
  } else if (value != nullptr) {
    IsFloat(value->dtype) ? WriteAll(one, ReadAll<double>(*value))
                          : WriteAll(one, ReadAll<int64_t>(*value));
  }
  char* to = out.as<char>();
  int64_t k = 0;
  ForEachIndex(out.dims, [&](absl::Span<const int64_t> index) {
    int64_t from = 0;
    for (size_t i = 0; i < index.size() && from >= 0; ++i) {
      const int64_t source = ops::PadSource(index[i] - pads[2 * i], x.dims[i], mode);
      from = source < 0 ? -1 : from + source * strides[i];
    }
    if (from >= 0) {
      mover.Move(from, k);
    } else {
      std::memcpy(to + k * static_cast<int64_t>(size), filler, size);
    }
    ++k;
  });
  return absl::OkStatus();
}

absl::Status SliceBy(const KernelContext& c, const ops::SlicePlan& plan) {
  const Dims own = Strides(c.input(0).dims);
  Dims strides(own.size());
  int64_t base = 0;
  for (size_t i = 0; i < own.size(); ++i) {
    strides[i] = own[i] * plan.step[i];
    base += own[i] * plan.start[i];
  }
  const ElementMover mover(c.input(0), c.output(0));
  int64_t to = 0;
  ForEachOffset(plan.count, strides, [&](int64_t o) { mover.Move(base + o, to++); });
  return absl::OkStatus();
}

void FillWith(const TensorView& out, double value) {
  WriteAll(out, std::vector<double>(static_cast<size_t>(out.elements()), value));
}

}  // namespace

MIRIN_KERNEL(Reshape) { return CopyBytes(c); }
MIRIN_KERNEL(View) { return CopyBytes(c); }
MIRIN_KERNEL(ExpandDims) { return CopyBytes(c); }
MIRIN_KERNEL(Unsqueeze) { return CopyBytes(c); }
MIRIN_KERNEL(Squeeze) { return CopyBytes(c); }
MIRIN_KERNEL(Flatten) { return CopyBytes(c); }

MIRIN_KERNEL(Transpose) {
  const std::vector<int64_t> perm = Ints(c, 1);
  const Dims own = Strides(c.input(0).dims);
  Dims strides(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) strides[i] = own[Axis(perm[i], c.input(0).rank())];
  return Gatherlike(c, strides);
}
MIRIN_KERNEL(Concat) { return Join(c, Axis(node.attrs().Int("axis"), c.output(0).rank()), false); }
MIRIN_KERNEL(AppendRow) {
  char* to = c.output(0).as<char>();
  for (int i = 0; i < 2; ++i) {
    const size_t bytes = c.input(i).bytes();
    if (bytes > 0) std::memcpy(to, c.input(i).data, bytes);
    to += bytes;
  }
  return absl::OkStatus();
}
MIRIN_KERNEL(Stack) { return Join(c, Axis(node.attrs().Int("axis"), c.output(0).rank()), true); }
MIRIN_KERNEL(Split) { return Cut(c, Axis(node.attrs().Int("axis"), c.input(0).rank()), false); }
MIRIN_KERNEL(SplitSizes) {
  return Cut(c, Axis(node.attrs().Int("axis"), c.input(0).rank()), false);
}
MIRIN_KERNEL(SplitV) { return Cut(c, Axis(node.attrs().Int("axis"), c.input(0).rank()), false); }
MIRIN_KERNEL(Unstack) { return Cut(c, Axis(node.attrs().Int("axis"), c.input(0).rank()), true); }

MIRIN_KERNEL(Tile) {
  const TensorView& out = c.output(0);
  Dims dims(c.input(0).dims.begin(), c.input(0).dims.end());
  while (dims.size() < out.dims.size()) dims.insert(dims.begin(), 1);
  const Dims own = Strides(dims);
  const ElementMover mover(c.input(0), out);
  int64_t to = 0;
  ForEachIndex(out.dims, [&](absl::Span<const int64_t> index) {
    int64_t from = 0;
    for (size_t i = 0; i < index.size(); ++i) from += index[i] % dims[i] * own[i];
    mover.Move(from, to++);
  });
  return absl::OkStatus();
}
MIRIN_KERNEL(BroadcastTo) {
  return Gatherlike(c, BroadcastStrides(c.input(0).dims, c.output(0).dims));
}

MIRIN_KERNEL(Pad) { return PadBy(c, node.attrs().Ints("paddings"), PadMode::kConstant, nullptr); }
MIRIN_KERNEL(MirrorPad) {
  const bool symmetric = absl::EqualsIgnoreCase(node.attrs().String("mode"), "symmetric");
  return PadBy(c, Ints(c, 1), symmetric ? PadMode::kSymmetric : PadMode::kReflect, nullptr);
}
MIRIN_KERNEL(PadFusion) {
  static constexpr PadMode kModes[] = {PadMode::kConstant, PadMode::kReflect, PadMode::kSymmetric,
                                       PadMode::kEdge};
  const int64_t mode = node.attrs().Int("padding_mode");
  if (mode < 0 || mode > 3) return absl::InvalidArgumentError(absl::StrCat("padding mode ", mode));
  return PadBy(c, Ints(c, 1), kModes[mode], c.has_input(2) ? &c.input(2) : nullptr);
}
MIRIN_KERNEL(PadV3) {
  MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> pads,
                         ops::PaddingsFromLastAxis(node.attrs(), Ints(c, 1), c.input(0).rank()));
  const PadMode mode = ops::PadModeOf(node.attrs().String("mode"));
  return PadBy(c, pads, mode, c.has_input(2) ? &c.input(2) : nullptr);
}

MIRIN_KERNEL(ReverseV2) {
  const TensorView& x = c.input(0);
  Dims strides = Strides(x.dims);
  int64_t base = 0;
  for (int64_t a : node.attrs().Ints("axis")) {
    const int axis = Axis(a, x.rank());
    base += strides[axis] * std::max<int64_t>(0, x.dims[axis] - 1);
    strides[axis] = -strides[axis];
  }
  return Gatherlike(c, strides, base);
}
MIRIN_KERNEL(Roll) {
  const TensorView& x = c.input(0);
  const std::vector<int64_t> shift = node.attrs().Ints("shift"), axes = node.attrs().Ints("axis");
  if (shift.size() != axes.size())
    return absl::InvalidArgumentError("shift and axis have different lengths");
  const Dims own = Strides(x.dims);
  const ElementMover mover(x, c.output(0));
  int64_t to = 0;
  ForEachIndex(x.dims, [&](absl::Span<const int64_t> index) {
    Dims from(index.begin(), index.end());
    for (size_t i = 0; i < axes.size(); ++i) {
      const int axis = Axis(axes[i], x.rank());
      const int64_t n = x.dims[axis];
      from[axis] = ((from[axis] - shift[i]) % n + n) % n;
    }
    mover.Move(Offset(from, own), to++);
  });
  return absl::OkStatus();
}

MIRIN_KERNEL(Slice) {
  ops::SlicePlan plan;
  const std::vector<int64_t> begin = Ints(c, 1);
  plan.start.assign(begin.begin(), begin.end());
  plan.step.assign(begin.size(), 1);
  plan.count.assign(c.output(0).dims.begin(), c.output(0).dims.end());
  return SliceBy(c, plan);
}
MIRIN_KERNEL(StridedSlice) {
  MIRIN_ASSIGN_OR_RETURN(
      const ops::SlicePlan plan,
      ops::PlanStridedSlice(node.attrs(), c.input(0).dims, Ints(c, 1), Ints(c, 2), Ints(c, 3)));
  return SliceBy(c, plan);
}
MIRIN_KERNEL(StridedSliceAxes) {
  MIRIN_ASSIGN_OR_RETURN(
      const ops::SlicePlan plan,
      ops::PlanSliceAxes(c.input(0).dims, Ints(c, 1), Ints(c, 2), Ints(c, 3), Ints(c, 4)));
  return SliceBy(c, plan);
}

MIRIN_KERNEL(Shape) {
  std::copy(c.input(0).dims.begin(), c.input(0).dims.end(), c.output(0).as<int64_t>());
  return absl::OkStatus();
}
MIRIN_KERNEL(TensorShape) { return Shape(node, c); }
MIRIN_KERNEL(DynamicShape) { return Shape(node, c); }
MIRIN_KERNEL(Size) {
  *c.output(0).as<int64_t>() = c.input(0).elements();
  return absl::OkStatus();
}
MIRIN_KERNEL(Rank) {
  *c.output(0).as<int64_t>() = c.input(0).rank();
  return absl::OkStatus();
}
MIRIN_KERNEL(ScalarAt) {
  const int64_t n = c.input(0).elements();
  const int64_t i = node.attrs().Int("index");
  const int64_t at = i < 0 ? i + n : i;
  if (at < 0 || at >= n) return IndexError(i, n);
  ElementMover(c.input(0), c.output(0)).Move(at, 0);
  return absl::OkStatus();
}
MIRIN_KERNEL(PackScalars) {
  for (int i = 0; i < c.num_inputs(); ++i) {
    const std::vector<int64_t> v = ReadAll<int64_t>(c.input(i));
    if (v.size() != 1) return absl::InvalidArgumentError("a member is not a scalar");
    c.output(0).as<int64_t>()[i] = v[0];
  }
  return absl::OkStatus();
}

MIRIN_KERNEL(Fill) {
  const std::vector<double> value = ReadAll<double>(c.input(1));
  if (value.size() != 1) return absl::InvalidArgumentError("the value must have one element");
  if (c.input(1).dtype == c.output(0).dtype) {
    const ElementMover mover(c.input(1), c.output(0));
    for (int64_t i = 0; i < c.output(0).elements(); ++i) mover.Move(0, i);
  } else {
    FillWith(c.output(0), value[0]);
  }
  return absl::OkStatus();
}
MIRIN_KERNEL(FillV2) { return Fill(node, c); }
MIRIN_KERNEL(Zeros) {
  FillWith(c.output(0), 0);
  return absl::OkStatus();
}
MIRIN_KERNEL(Ones) {
  FillWith(c.output(0), 1);
  return absl::OkStatus();
}
MIRIN_KERNEL(ZerosLike) { return Zeros(node, c); }
MIRIN_KERNEL(OnesLike) { return Ones(node, c); }
MIRIN_KERNEL(Range) {
  const auto run = [&](auto zero) {
    using N = decltype(zero);
    const N start = ReadAll<N>(c.input(0)).at(0), delta = ReadAll<N>(c.input(2)).at(0);
    std::vector<N> out(static_cast<size_t>(c.output(0).elements()));
    for (size_t i = 0; i < out.size(); ++i) out[i] = start + static_cast<N>(i) * delta;
    WriteAll(c.output(0), out);
  };
  IsFloat(c.output(0).dtype) ? run(0.0)
                             : run(uint64_t{0});  // wraps around like every integer dtype
  return absl::OkStatus();
}

}  // namespace mirin::reference::kernels
