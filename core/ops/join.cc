// Joining, splitting and repeating.
#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "core/ops/infer.h"
#include "core/ops/registry.h"

namespace mirin::ops {
namespace {

absl::Status InferConcat(InferContext& c) {
  if (c.num_inputs() == 0) return absl::InvalidArgumentError("needs one tensor or more");
  Shape out = c.shape(0);
  for (int i = 1; i < c.num_inputs(); ++i) {
    MIRIN_RETURN_IF_ERROR(c.RequireSameDType(0, i));
    const Shape& s = c.shape(i);
    if (!out.rank_known() || !s.rank_known()) {
      out = Shape::Unknown();
      continue;
    }
    MIRIN_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(c.attrs().Int("axis"), out.rank()));
    if (s.rank() != out.rank())
      return absl::InvalidArgumentError(
          absl::StrCat("cannot join ", ToString(out), " and ", ToString(s)));
    for (int d = 0; d < out.rank(); ++d) {
      if (d == axis) {
        out.set_dim(d, out.dim(d) < 0 || s.dim(d) < 0 ? -1 : out.dim(d) + s.dim(d));
      } else if (out.dim(d) < 0) {
        out.set_dim(d, s.dim(d));
      } else if (s.dim(d) >= 0 && s.dim(d) != out.dim(d)) {
        return absl::InvalidArgumentError(absl::StrCat("cannot join ", ToString(out), " and ",
                                                       ToString(s), " along axis ", axis));
      }
    }
  }
  if (out.rank_known())
    MIRIN_RETURN_IF_ERROR(NormalizeAxis(c.attrs().Int("axis"), out.rank()).status());
  c.SetOutput(0, c.dtype(0), std::move(out));
  return absl::OkStatus();
}

// A history without rows takes the shape of its first one: it may have been made before that shape was known.
absl::Status InferAppendRow(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireSameDType(0, 1));
  const Shape& history = c.shape(0);
  const Shape& row = c.shape(1);
  if (!row.rank_known()) {
    c.SetOutput(0, c.dtype(0), Shape::Unknown());
    return absl::OkStatus();
  }
  if (row.rank() >= kMaxRank)
    return absl::InvalidArgumentError(absl::StrCat("a row of rank ", row.rank()));
  const bool empty = history.rank_known() && history.rank() > 0 && history.dim(0) == 0;
  Dims dims = {-1};
  dims.insert(dims.end(), row.dims().begin(), row.dims().end());
  if (history.rank_known() && history.rank() > 0 && history.dim(0) >= 0)
    dims[0] = history.dim(0) + 1;
  if (!empty && history.rank_known()) {
    MIRIN_RETURN_IF_ERROR(c.RequireRank(0, row.rank() + 1));
    for (int d = 0; d < row.rank(); ++d) {
      if (history.dim(d + 1) >= 0 && row.dim(d) >= 0 && history.dim(d + 1) != row.dim(d)) {
        return absl::InvalidArgumentError(
            absl::StrCat("cannot append ", ToString(row), " to ", ToString(history)));
      }
    }
  }
  c.SetOutput(0, c.dtype(0), Shape(std::move(dims)));
  return absl::OkStatus();
}

absl::Status InferStack(InferContext& c) {
  if (c.num_inputs() == 0) return absl::InvalidArgumentError("needs one tensor or more");
  Shape out = c.shape(0);
  for (int i = 1; i < c.num_inputs(); ++i) {
    MIRIN_RETURN_IF_ERROR(c.RequireSameDType(0, i));
    const Shape& s = c.shape(i);
    if (!out.rank_known() || !s.rank_known()) {
      out = out.rank_known() ? out : s;
      continue;
    }
    if (s.rank() != out.rank())
      return absl::InvalidArgumentError(
          absl::StrCat("cannot stack ", ToString(out), " and ", ToString(s)));
    for (int d = 0; d < out.rank(); ++d) {
      if (out.dim(d) < 0) out.set_dim(d, s.dim(d));
      if (s.dim(d) >= 0 && s.dim(d) != out.dim(d)) {
        return absl::InvalidArgumentError(
            absl::StrCat("cannot stack ", ToString(out), " and ", ToString(s)));
      }
    }
  }
  if (!out.rank_known()) {
    c.SetOutput(0, c.dtype(0), out);
    return absl::OkStatus();
  }
  if (out.rank() + 1 > kMaxRank) return absl::InvalidArgumentError("the result has too many axes");
  MIRIN_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(c.attrs().Int("axis"), out.rank() + 1));
  Dims dims = out.dims();
  dims.insert(dims.begin() + axis, c.num_inputs());
  c.SetOutput(0, c.dtype(0), Shape(std::move(dims)));
  return absl::OkStatus();
}

// Outputs are parts of x along an axis; a single size of -1 takes the rest. Sizes that are not known are kUnknown.
absl::Status SetParts(InferContext& c, int axis, std::vector<int64_t> sizes) {
  const Shape& x = c.shape(0);
  const int64_t n = x.dim(axis);
  int64_t sum = 0;
  int open = -1;
  bool known = true;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == PartialValues::kUnknown) {
      known = false;
    } else if (sizes[i] >= 0) {
      if (__builtin_add_overflow(sum, sizes[i], &sum))
        return absl::InvalidArgumentError("the sizes are out of range");
    } else if (sizes[i] != -1 || open >= 0) {
      return absl::InvalidArgumentError("a size is negative");
    } else {
      open = static_cast<int>(i);
    }
  }
  if (known && n >= 0) {
    if (open >= 0 ? sum > n : sum != n)
      return absl::InvalidArgumentError(absl::StrCat("the sizes do not add up to ", n));
    if (open >= 0) sizes[static_cast<size_t>(open)] = n - sum;
  }
  for (int i = 0; i < c.num_outputs(); ++i) {
    Shape s = x;
    s.set_dim(axis, std::max<int64_t>(sizes[static_cast<size_t>(i)], -1));
    c.SetOutput(i, c.dtype(0), std::move(s));
  }
  return absl::OkStatus();
}

absl::Status InferSplit(InferContext& c) {
  const Shape& x = c.shape(0);
  std::vector<int64_t> sizes = c.attrs().Ints("size_splits");
  const int parts = c.num_outputs();
  if (!x.rank_known()) {
    for (int i = 0; i < parts; ++i) c.SetOutput(i, c.dtype(0), Shape::Unknown());
    return absl::OkStatus();
  }
  MIRIN_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(c.attrs().Int("axis"), x.rank()));
  const int64_t n = x.dim(axis);
  if (static_cast<int>(sizes.size()) != parts) {
    if (n >= 0 && n % parts != 0)
      return absl::InvalidArgumentError(
          absl::StrCat("axis ", axis, " of ", ToString(x), " does not split into ", parts));
    sizes.assign(static_cast<size_t>(parts), n < 0 ? PartialValues::kUnknown : n / parts);
  }
  return SetParts(c, axis, std::move(sizes));
}

absl::Status InferSplitSizes(InferContext& c) {
  std::vector<int64_t> sizes;
  MIRIN_ASSIGN_OR_RETURN(const bool some, c.IntsPartly(1, &sizes));
  if (!some) sizes.assign(static_cast<size_t>(c.num_outputs()), PartialValues::kUnknown);
  if (static_cast<int>(sizes.size()) != c.num_outputs())
    return absl::InvalidArgumentError(
        absl::StrCat(sizes.size(), " sizes for ", c.num_outputs(), " parts"));
  for (const int64_t size : sizes) {
    if (size < 0 && size != PartialValues::kUnknown)
      return absl::InvalidArgumentError("a size is negative");
  }
  if (!c.shape(0).rank_known()) {
    for (int i = 0; i < c.num_outputs(); ++i) c.SetOutput(i, c.dtype(0), Shape::Unknown());
    return absl::OkStatus();
  }
  MIRIN_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(c.attrs().Int("axis"), c.shape(0).rank()));
  return SetParts(c, axis, std::move(sizes));
}

absl::Status InferUnstack(InferContext& c) {
  const Shape& x = c.shape(0);
  if (!x.rank_known()) {
    for (int i = 0; i < c.num_outputs(); ++i) c.SetOutput(i, c.dtype(0), Shape::Unknown());
    return absl::OkStatus();
  }
  MIRIN_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(c.attrs().Int("axis"), x.rank()));
  if (x.dim(axis) >= 0 && x.dim(axis) != c.num_outputs()) {
    return absl::InvalidArgumentError(
        absl::StrCat("axis ", axis, " of ", ToString(x), " is not ", c.num_outputs()));
  }
  Dims dims = x.dims();
  dims.erase(dims.begin() + axis);
  for (int i = 0; i < c.num_outputs(); ++i) c.SetOutput(i, c.dtype(0), Shape(dims));
  return absl::OkStatus();
}

absl::Status SetChecked(InferContext& c, Dims dims) {
  MIRIN_RETURN_IF_ERROR(CheckedBytes(c.dtype(0), dims).status());
  c.SetOutput(0, c.dtype(0), Shape(std::move(dims)));
  return absl::OkStatus();
}

absl::Status InferTile(InferContext& c) {
  std::vector<int64_t> times;
  MIRIN_ASSIGN_OR_RETURN(const bool known, c.IntsPartly(1, &times));
  const Shape& x = c.shape(0);
  if (!known || !x.rank_known()) {
    const Shape least = ShapeOfLength(c.shape(1));
    c.SetOutput(0, c.dtype(0),
                x.rank_known() && least.rank_known()
                    ? Shape::OfRank(std::max(x.rank(), least.rank()))
                    : Shape::Unknown());
    return absl::OkStatus();
  }
  if (times.size() > kMaxRank) return absl::InvalidArgumentError("too many multiples");
  Dims dims = x.dims();
  while (dims.size() < times.size()) dims.insert(dims.begin(), 1);
  while (times.size() < dims.size()) times.insert(times.begin(), 1);
  for (size_t i = 0; i < dims.size(); ++i) {
    if (times[i] == PartialValues::kUnknown) {
      if (dims[i] != 0) dims[i] = -1;
      continue;
    }
    if (times[i] < 0) return absl::InvalidArgumentError("a multiple is negative");
    if (dims[i] >= 0 && __builtin_mul_overflow(dims[i], times[i], &dims[i]))
      return absl::ResourceExhaustedError("the result is too large");
  }
  if (!Shape(dims).concrete()) {
    c.SetOutput(0, c.dtype(0), Shape(std::move(dims)));
    return absl::OkStatus();
  }
  return SetChecked(c, std::move(dims));
}

absl::Status InferBroadcastTo(InferContext& c) {
  std::vector<int64_t> to;
  MIRIN_ASSIGN_OR_RETURN(const bool known, c.IntsPartly(1, &to));
  const Shape& x = c.shape(0);
  if (!known || !x.rank_known()) {
    c.SetOutput(0, c.dtype(0),
                known && to.size() <= kMaxRank ? Shape::OfRank(static_cast<int>(to.size()))
                                               : ShapeOfLength(c.shape(1)));
    return absl::OkStatus();
  }
  const int added = static_cast<int>(to.size()) - x.rank();
  if (to.size() > kMaxRank || added < 0)
    return absl::InvalidArgumentError(
        absl::StrCat("cannot broadcast ", ToString(x), " to ", ToString(absl::MakeConstSpan(to))));
  Dims dims(to.begin(), to.end());
  for (int i = 0; i < static_cast<int>(dims.size()); ++i) {
    const int64_t from = i < added ? 1 : x.dim(i - added);
    if (dims[i] == PartialValues::kUnknown) {
      dims[i] = from == 1 ? -1 : from;  // sizes other than 1 stay as they are
      continue;
    }
    if (dims[i] == -1 && i >= added) dims[i] = from;
    if (dims[i] < -1 || (dims[i] == -1 && i < added) ||
        (from >= 0 && from != 1 && dims[i] >= 0 && from != dims[i])) {
      return absl::InvalidArgumentError(absl::StrCat("cannot broadcast ", ToString(x), " to ",
                                                     ToString(absl::MakeConstSpan(to))));
    }
  }
  if (!Shape(dims).concrete()) {
    c.SetOutput(0, c.dtype(0), Shape(std::move(dims)));
    return absl::OkStatus();
  }
  return SetChecked(c, std::move(dims));
}

absl::Status InferAxesSame(InferContext& c) {
  if (c.shape(0).rank_known()) {
    for (int64_t a : c.attrs().Ints("axis"))
      MIRIN_RETURN_IF_ERROR(NormalizeAxis(a, c.shape(0).rank()).status());
  }
  return InferSame(c);
}

}  // namespace

namespace schemas {

OpSchema Concat() {
  return OpSchema("Concat", "Joins tensors along an axis.")
      .VariadicInput("x")
      .Attr("axis", int64_t{0})
      .Output("y")
      .Infer(InferConcat);
}
OpSchema AppendRow() {
  return OpSchema("AppendRow",
                  "history [n, ..] with one more row [..]; without rows yet, the history takes the "
                  "row's shape. (internal)")
      .Input("history")
      .Input("row")
      .Output("y")
      .Infer(InferAppendRow);
}
OpSchema Stack() {
  return OpSchema("Stack", "Joins tensors along a new axis.")
      .VariadicInput("x")
      .Attr("axis", int64_t{0})
      .Output("y")
      .Infer(InferStack);
}
OpSchema Split() {
  return OpSchema("Split",
                  "Cuts along an axis into output_num parts, equal ones unless size_splits says "
                  "otherwise.")
      .Input("x")
      .Attr("axis", int64_t{0})
      .Attr("output_num", int64_t{1}, {"num_split"})
      .Attr("size_splits", std::vector<int64_t>{})
      .OutputsFromAttr("output_num")
      .Infer(InferSplit);
}
OpSchema SplitSizes() {
  return OpSchema(
             "SplitSizes",
             "Cuts along an axis into output_num parts of sizes that may be computed. (internal)")
      .Input("x")
      .Ints("sizes")
      .Attr("axis", int64_t{0})
      .RequiredAttr("output_num")
      .OutputsFromAttr("output_num")
      .Infer(InferSplitSizes);
}
OpSchema SplitV() {
  return OpSchema("SplitV", "Cuts along an axis into parts of given sizes.")
      .Input("x")
      .RequiredAttr("size_splits")
      .RequiredAttr("axis", {"split_dim"})
      .OutputsFromAttr("size_splits")
      .Infer(InferSplit);
}
OpSchema Unstack() {
  return OpSchema("Unstack", "The slices along an axis.")
      .Input("x")
      .Attr("axis", int64_t{0})
      .RequiredAttr("num")
      .OutputsFromAttr("num")
      .Infer(InferUnstack);
}
OpSchema Tile() {
  return OpSchema("Tile", "Repeats a tensor along its axes.")
      .Input("x")
      .Ints("multiples")
      .Output("y")
      .Infer(InferTile);
}
OpSchema BroadcastTo() {
  return OpSchema("BroadcastTo", "Repeats axes of size 1; -1 keeps an axis.")
      .Input("x")
      .Ints("shape")
      .Output("y")
      .Infer(InferBroadcastTo);
}
OpSchema ReverseV2() {
  return OpSchema("ReverseV2", "Reverses along axes.")
      .Input("x")
      .Attr("axis", std::vector<int64_t>{})
      .Output("y")
      .Infer(InferAxesSame);
}
OpSchema Roll() {
  return OpSchema("Roll", "Shifts along axes with wrap-around.")
      .Input("x")
      .RequiredAttr("shift", {"shifts"})
      .RequiredAttr("axis", {"dims"})
      .Output("y")
      .Infer(InferAxesSame);
}

}  // namespace schemas
}  // namespace mirin::ops
