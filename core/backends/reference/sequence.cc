#include <algorithm>
#include <cmath>

#include "core/backends/reference/kernels.h"
#include "core/backends/reference/loops.h"
#include "core/ops/detection.h"

#define MIRIN_KERNEL(Name) \
  absl::Status Name([[maybe_unused]] const ir::Node& node, const KernelContext& c)

namespace mirin::reference::kernels {

MIRIN_KERNEL(NonMaxSuppressionV3) {
  const auto one = [&](int i) { return ReadAll<double>(c.input(i))[0]; };
  const std::vector<int64_t> kept =
      ops::SuppressOverlaps(ReadAll<double>(c.input(0)), ReadAll<double>(c.input(1)),
                            static_cast<int64_t>(one(2)), one(3), one(4));
  WriteAll(c.output(0), kept);
  return absl::OkStatus();
}

MIRIN_KERNEL(NonMaxSuppression) {
  std::vector<double> limits[3];
  for (int i = 0; i < 3; ++i) {
    if (c.has_input(i + 2)) limits[i] = ReadAll<double>(c.input(i + 2));
  }
  const ops::BoxSelection selection =
      ops::SelectionOf(node.attrs(), c.input(0).dims, c.input(1).dims, limits);
  const std::vector<int64_t> selected =
      ops::SelectBoxes(selection, ReadAll<double>(c.input(0)), ReadAll<double>(c.input(1)));
  if (static_cast<int64_t>(selected.size()) != c.output(0).elements())
    return absl::InternalError("the result was planned for other boxes");
  WriteAll(c.output(0), selected);
  return absl::OkStatus();
}

MIRIN_KERNEL(IndexSelect) {
  const TensorView &x = c.input(0), &y = c.output(0);
  const int axis = Axis(Ints(c, 1)[0], x.rank());
  const AxisView from(x.dims, axis);
  const std::vector<int64_t> index = ReadAll<int64_t>(c.input(2));
  const ElementMover mover(x, y);
  int64_t to = 0;
  for (int64_t o = 0; o < from.outer; ++o) {
    for (const int64_t i : index) {
      if (i < 0 || i >= from.n) return IndexError(i, from.n);
      mover.Move((o * from.n + i) * from.inner, to, from.inner);
      to += from.inner;
    }
  }
  return absl::OkStatus();
}

MIRIN_KERNEL(ReverseSequence) {
  const TensorView &x = c.input(0), &y = c.output(0);
  const size_t sequence = static_cast<size_t>(Axis(node.attrs().Int("seq_dim"), x.rank())),
               batch = static_cast<size_t>(Axis(node.attrs().Int("batch_dim"), x.rank()));
  const std::vector<int64_t> lengths = ReadAll<int64_t>(c.input(1));
  for (const int64_t length : lengths) {
    if (length < 0 || length > x.dims[sequence])
      return absl::InvalidArgumentError(
          absl::StrCat("a sequence of ", length, " steps in ", x.dims[sequence]));
  }
  const Dims strides = Strides(x.dims);
  const ElementMover mover(x, y);
  int64_t to = 0;
  ForEachIndex(y.dims, [&](absl::Span<const int64_t> i) {
    Dims source(i.begin(), i.end());
    const int64_t length = lengths[static_cast<size_t>(i[batch])];
    if (i[sequence] < length) source[sequence] = length - 1 - i[sequence];
    mover.Move(Offset(source, strides), to++);
  });
  return absl::OkStatus();
}

MIRIN_KERNEL(UnsortedSegmentSum) {
  const TensorView& y = c.output(0);
  const std::vector<int64_t> ids = ReadAll<int64_t>(c.input(1));
  const int64_t inner = y.elements() / std::max<int64_t>(1, y.dims[0]);
  for (const int64_t id : ids) {
    if (id >= y.dims[0])
      return absl::InvalidArgumentError(
          absl::StrCat("segment ", id, " is out of range for ", y.dims[0]));
  }
  const auto run = [&](auto zero) {
    using N = decltype(zero);
    const std::vector<N> x = ReadAll<N>(c.input(0));
    std::vector<N> sums(static_cast<size_t>(y.elements()), 0);
    for (size_t r = 0; r < ids.size(); ++r) {
      if (ids[r] < 0) continue;
      for (int64_t i = 0; i < inner; ++i)
        sums[static_cast<size_t>(ids[r] * inner + i)] +=
            x[r * static_cast<size_t>(inner) + static_cast<size_t>(i)];
    }
    WriteAll(y, sums);
  };
  IsFloat(y.dtype) ? run(0.0) : run(int64_t{0});
  return absl::OkStatus();
}

MIRIN_KERNEL(LinSpace) {
  const double start = ReadAll<double>(c.input(0)).at(0), stop = ReadAll<double>(c.input(1)).at(0);
  const int64_t n = c.output(0).elements();
  std::vector<double> values;
  for (int64_t i = 0; i < n; ++i)
    values.push_back(i == n - 1 && n > 1
                         ? stop
                         : start + (stop - start) * static_cast<double>(i) /
                                       static_cast<double>(std::max<int64_t>(1, n - 1)));
  WriteAll(c.output(0), values);
  return absl::OkStatus();
}

MIRIN_KERNEL(Eye) {
  const TensorView& y = c.output(0);
  std::vector<int64_t> values;
  for (int64_t k = 0; k < y.elements(); ++k)
    values.push_back(k / y.dims[1] == k % y.dims[1] ? 1 : 0);
  WriteAll(y, values);
  return absl::OkStatus();
}

MIRIN_KERNEL(BatchToSpaceND) {
  const TensorView &x = c.input(0), &y = c.output(0);
  const std::vector<int64_t> block = node.attrs().Ints("block_shape"),
                             crops = node.attrs().Ints("crops");
  const Dims strides = Strides(x.dims);
  const ElementMover mover(x, y);
  int64_t to = 0;
  ForEachIndex(y.dims, [&](absl::Span<const int64_t> i) {
    const int64_t h = i[2] + crops[0], w = i[3] + crops[2];
    const int64_t n = (h % block[0] * block[1] + w % block[1]) * y.dims[0] + i[0];
    mover.Move(n * strides[0] + i[1] * strides[1] + h / block[0] * strides[2] + w / block[1], to++);
  });
  return absl::OkStatus();
}

MIRIN_KERNEL(SpaceToBatchND) {
  const TensorView &x = c.input(0), &y = c.output(0);
  const std::vector<int64_t> block = node.attrs().Ints("block_shape"),
                             pads = node.attrs().Ints("paddings");
  const Dims strides = Strides(x.dims);
  const ElementMover mover(x, y);
  if (y.bytes() > 0) std::memset(y.data, 0, y.bytes());
  int64_t to = 0;
  ForEachIndex(y.dims, [&](absl::Span<const int64_t> i) {
    const int64_t position = i[0] / x.dims[0];
    const int64_t h = i[2] * block[0] + position / block[1] - pads[0],
                  w = i[3] * block[1] + position % block[1] - pads[2];
    if (h >= 0 && h < x.dims[2] && w >= 0 && w < x.dims[3])
      mover.Move(i[0] % x.dims[0] * strides[0] + i[1] * strides[1] + h * strides[2] + w, to);
    ++to;
  });
  return absl::OkStatus();
}

}  // namespace mirin::reference::kernels
