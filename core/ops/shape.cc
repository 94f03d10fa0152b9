#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "core/ops/infer.h"
#include "core/ops/registry.h"
#include "core/ops/slice_plan.h"

namespace mirin::ops {
namespace {

absl::Status InferReshape(InferContext& c) {
  std::vector<int64_t> to;
  MIRIN_ASSIGN_OR_RETURN(const bool known, c.IntsValue(1, &to));
  if (!known) {
    const Shape& s = c.shape(1);
    const bool rank_known = s.rank_known() && s.rank() == 1 && s.dim(0) >= 0 && s.dim(0) <= kMaxRank;
    c.SetOutput(0, c.dtype(0), rank_known ? Shape::OfRank(static_cast<int>(s.dim(0))) : Shape::Unknown());
    return absl::OkStatus();
  }
  if (to.size() > kMaxRank) return absl::InvalidArgumentError(absl::StrCat("the new shape has more than ", kMaxRank, " axes"));
  Dims dims(to.begin(), to.end());
  int inferred = -1;
  int64_t rest = 1;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == -1 && inferred < 0) {
      inferred = static_cast<int>(i);
    } else if (dims[i] < 0) {
      return absl::InvalidArgumentError(absl::StrCat("cannot reshape to ", ToString(dims)));
    } else if (__builtin_mul_overflow(rest, dims[i], &rest)) {
      return absl::ResourceExhaustedError(absl::StrCat("cannot reshape to ", ToString(dims)));
    }
  }
  if (c.shape(0).concrete()) {
    MIRIN_ASSIGN_OR_RETURN(const int64_t elements, CheckedElements(c.shape(0).dims()));
    if (inferred >= 0 && rest != 0 && elements % rest == 0) dims[inferred] = elements / rest;
    if (inferred >= 0 && rest == 0 && elements == 0) dims[inferred] = 0;
    const auto total = CheckedElements(dims);
    if (!total.ok() || *total != elements) {
      return absl::InvalidArgumentError(absl::StrCat("cannot reshape ", ToString(c.shape(0)), " to ", ToString(absl::MakeConstSpan(to))));
    }
  }
  c.SetOutput(0, c.dtype(0), Shape(std::move(dims)));
  return absl::OkStatus();
}

absl::Status Insert(InferContext& c, std::vector<int64_t> axes) {
  if (!c.shape(0).rank_known()) {
    c.SetOutput(0, c.dtype(0), Shape::Unknown());
    return absl::OkStatus();
  }
  const int rank = c.shape(0).rank() + static_cast<int>(axes.size());
  if (rank > kMaxRank) return absl::InvalidArgumentError("the result has too many axes");
  for (int64_t& a : axes) {
    MIRIN_ASSIGN_OR_RETURN(a, NormalizeAxis(a, rank));
  }
  std::sort(axes.begin(), axes.end());
  if (std::adjacent_find(axes.begin(), axes.end()) != axes.end()) return absl::InvalidArgumentError("an axis is repeated");
  Dims dims = c.shape(0).dims();
  for (int64_t a : axes) dims.insert(dims.begin() + a, 1);
  c.SetOutput(0, c.dtype(0), Shape(std::move(dims)));
  return absl::OkStatus();
}

absl::Status InferExpandDims(InferContext& c) { return Insert(c, c.attrs().Ints("axis")); }

absl::Status InferSqueeze(InferContext& c) {
  const std::vector<int64_t> axes = c.attrs().Ints("axis");
  const Shape& x = c.shape(0);
  if (!x.rank_known() || (axes.empty() && !x.concrete())) {
    c.SetOutput(0, c.dtype(0), Shape::Unknown());
    return absl::OkStatus();
  }
  std::vector<bool> drop(x.rank(), false);
  for (int64_t a : axes) {
    MIRIN_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(a, x.rank()));
    if (x.dim(axis) > 1 || x.dim(axis) == 0) {
      return absl::InvalidArgumentError(absl::StrCat("axis ", a, " of ", ToString(x), " is not 1"));
    }
    drop[axis] = true;
  }
  Dims dims;
  for (int i = 0; i < x.rank(); ++i) {
    if (!drop[i] && !(axes.empty() && x.dim(i) == 1)) dims.push_back(x.dim(i));
  }
  c.SetOutput(0, c.dtype(0), Shape(std::move(dims)));
  return absl::OkStatus();
}

absl::Status InferFlatten(InferContext& c) {
  const Shape& x = c.shape(0);
  if (!x.rank_known()) {
    c.SetOutput(0, c.dtype(0), Shape::OfRank(2));
    return absl::OkStatus();
  }
  MIRIN_RETURN_IF_ERROR(c.RequireMinRank(0, 1));
  MIRIN_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(c.attrs().Int("axis", 1), x.rank() + 1));
  int64_t sides[2] = {1, 1};
  for (int i = 0; i < x.rank(); ++i) {
    int64_t& side = sides[i < axis ? 0 : 1];
    side = side < 0 || x.dim(i) < 0 ? -1 : side * x.dim(i);
  }
  c.SetOutput(0, c.dtype(0), Shape({sides[0], sides[1]}));
  return absl::OkStatus();
}

absl::Status InferTranspose(InferContext& c) {
  std::vector<int64_t> perm;
  MIRIN_ASSIGN_OR_RETURN(const bool known, c.IntsValue(1, &perm));
  const Shape& x = c.shape(0);
  if (!known || !x.rank_known()) {
    c.SetOutput(0, c.dtype(0), x.rank_known() ? Shape::OfRank(x.rank()) : known ? Shape::OfRank(static_cast<int>(perm.size())) : Shape::Unknown());
    return absl::OkStatus();
  }
  if (static_cast<int>(perm.size()) != x.rank()) {
    return absl::InvalidArgumentError(absl::StrCat("perm has ", perm.size(), " axes, the input has shape ", ToString(x)));
  }
  std::vector<bool> seen(perm.size(), false);
  Dims dims(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) {
    MIRIN_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(perm[i], x.rank(), "perm"));
    if (seen[axis]) return absl::InvalidArgumentError("perm repeats an axis");
    seen[axis] = true;
    dims[i] = x.dim(axis);
  }
  c.SetOutput(0, c.dtype(0), Shape(std::move(dims)));
  return absl::OkStatus();
}

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
    if (s.rank() != out.rank()) return absl::InvalidArgumentError(absl::StrCat("cannot join ", ToString(out), " and ", ToString(s)));
    for (int d = 0; d < out.rank(); ++d) {
      if (d == axis) {
        out.set_dim(d, out.dim(d) < 0 || s.dim(d) < 0 ? -1 : out.dim(d) + s.dim(d));
      } else if (out.dim(d) < 0) {
        out.set_dim(d, s.dim(d));
      } else if (s.dim(d) >= 0 && s.dim(d) != out.dim(d)) {
        return absl::InvalidArgumentError(absl::StrCat("cannot join ", ToString(out), " and ", ToString(s), " along axis ", axis));
      }
    }
  }
  if (out.rank_known()) MIRIN_RETURN_IF_ERROR(NormalizeAxis(c.attrs().Int("axis"), out.rank()).status());
  c.SetOutput(0, c.dtype(0), std::move(out));
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
    if (s.rank() != out.rank()) return absl::InvalidArgumentError(absl::StrCat("cannot stack ", ToString(out), " and ", ToString(s)));
    for (int d = 0; d < out.rank(); ++d) {
      if (out.dim(d) < 0) out.set_dim(d, s.dim(d));
      if (s.dim(d) >= 0 && s.dim(d) != out.dim(d)) {
        return absl::InvalidArgumentError(absl::StrCat("cannot stack ", ToString(out), " and ", ToString(s)));
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
    if (n >= 0 && n % parts != 0) return absl::InvalidArgumentError(absl::StrCat("axis ", axis, " of ", ToString(x), " does not split into ", parts));
    sizes.assign(parts, n < 0 ? -1 : n / parts);
  }
  int64_t sum = 0;
  int open = -1;
  for (int i = 0; i < parts; ++i) {
    if (sizes[i] >= 0) {
      sum += sizes[i];
    } else if (open < 0) {
      open = i;
    } else if (n >= 0) {
      return absl::InvalidArgumentError("more than one size is open");
    }
  }
  if (n >= 0 && open >= 0) {
    sizes[open] = n - sum;
    sum = n;
  }
  for (int64_t s : sizes) {
    if (n >= 0 && (s < 0 || sum != n)) return absl::InvalidArgumentError(absl::StrCat("the sizes do not add up to ", n));
  }
  for (int i = 0; i < parts; ++i) {
    Shape s = x;
    s.set_dim(axis, sizes[i]);
    c.SetOutput(i, c.dtype(0), std::move(s));
  }
  return absl::OkStatus();
}

absl::Status InferUnstack(InferContext& c) {
  const Shape& x = c.shape(0);
  if (!x.rank_known()) {
    for (int i = 0; i < c.num_outputs(); ++i) c.SetOutput(i, c.dtype(0), Shape::Unknown());
    return absl::OkStatus();
  }
  MIRIN_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(c.attrs().Int("axis"), x.rank()));
  if (x.dim(axis) >= 0 && x.dim(axis) != c.num_outputs()) {
    return absl::InvalidArgumentError(absl::StrCat("axis ", axis, " of ", ToString(x), " is not ", c.num_outputs()));
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
  MIRIN_ASSIGN_OR_RETURN(const bool known, c.IntsValue(1, &times));
  const Shape& x = c.shape(0);
  if (!known || !x.rank_known()) {
    c.SetOutput(0, c.dtype(0), x.rank_known() && !known ? Shape::OfRank(x.rank()) : Shape::Unknown());
    return absl::OkStatus();
  }
  if (times.size() > kMaxRank) return absl::InvalidArgumentError("too many multiples");
  Dims dims = x.dims();
  while (dims.size() < times.size()) dims.insert(dims.begin(), 1);
  while (times.size() < dims.size()) times.insert(times.begin(), 1);
  for (size_t i = 0; i < dims.size(); ++i) {
    if (times[i] < 0) return absl::InvalidArgumentError("a multiple is negative");
    if (dims[i] >= 0 && __builtin_mul_overflow(dims[i], times[i], &dims[i])) return absl::ResourceExhaustedError("the result is too large");
  }
  if (!Shape(dims).concrete()) {
    c.SetOutput(0, c.dtype(0), Shape(std::move(dims)));
    return absl::OkStatus();
  }
  return SetChecked(c, std::move(dims));
}

absl::Status InferBroadcastTo(InferContext& c) {
  std::vector<int64_t> to;
  MIRIN_ASSIGN_OR_RETURN(const bool known, c.IntsValue(1, &to));
  const Shape& x = c.shape(0);
  if (!known || !x.rank_known()) {
    c.SetOutput(0, c.dtype(0), known ? Shape::OfRank(static_cast<int>(to.size())) : Shape::Unknown());
    return absl::OkStatus();
  }
  const int added = static_cast<int>(to.size()) - x.rank();
  if (to.size() > kMaxRank || added < 0) return absl::InvalidArgumentError(absl::StrCat("cannot broadcast ", ToString(x), " to ", ToString(absl::MakeConstSpan(to))));
  Dims dims(to.begin(), to.end());
  for (int i = 0; i < static_cast<int>(dims.size()); ++i) {
    const int64_t from = i < added ? 1 : x.dim(i - added);
    if (dims[i] == -1 && i >= added) dims[i] = from;
    if (dims[i] < -1 || (dims[i] == -1 && i < added) || (from >= 0 && from != 1 && dims[i] >= 0 && from != dims[i])) {
      return absl::InvalidArgumentError(absl::StrCat("cannot broadcast ", ToString(x), " to ", ToString(absl::MakeConstSpan(to))));
    }
  }
  if (!Shape(dims).concrete()) {
    c.SetOutput(0, c.dtype(0), Shape(std::move(dims)));
    return absl::OkStatus();
  }
  return SetChecked(c, std::move(dims));
}

absl::Status Padded(InferContext& c, absl::Span<const int64_t> pads) {
  const Shape& x = c.shape(0);
  if (!x.rank_known()) {
    c.SetOutput(0, c.dtype(0), Shape::Unknown());
    return absl::OkStatus();
  }
  if (static_cast<int>(pads.size()) != 2 * x.rank()) {
    return absl::InvalidArgumentError(absl::StrCat("has ", pads.size(), " paddings for the shape ", ToString(x)));
  }
  Dims dims = x.dims();
  for (int i = 0; i < x.rank(); ++i) {
    if (dims[i] < 0) continue;
    if (std::abs(pads[2 * i]) > (int64_t{1} << 40) || std::abs(pads[2 * i + 1]) > (int64_t{1} << 40)) return absl::ResourceExhaustedError("a padding is too large");
    dims[i] += pads[2 * i] + pads[2 * i + 1];
    if (dims[i] < 0) return absl::InvalidArgumentError("the paddings remove more than there is");
  }
  if (Shape(dims).concrete()) return SetChecked(c, std::move(dims));
  c.SetOutput(0, c.dtype(0), Shape(std::move(dims)));
  return absl::OkStatus();
}

absl::Status InferPad(InferContext& c) { return Padded(c, c.attrs().Ints("paddings")); }

absl::Status InferPadInts(InferContext& c) {
  std::vector<int64_t> pads;
  MIRIN_ASSIGN_OR_RETURN(const bool known, c.IntsValue(1, &pads));
  if (known) return Padded(c, pads);
  c.SetOutput(0, c.dtype(0), c.shape(0).rank_known() ? Shape::OfRank(c.shape(0).rank()) : Shape::Unknown());
  return absl::OkStatus();
}

absl::Status InferPadV3(InferContext& c) {  // from the last axis on
  std::vector<int64_t> pads;
  MIRIN_ASSIGN_OR_RETURN(const bool known, c.IntsValue(1, &pads));
  if (!known || !c.shape(0).rank_known()) {
    c.SetOutput(0, c.dtype(0), c.shape(0).rank_known() ? Shape::OfRank(c.shape(0).rank()) : Shape::Unknown());
    return absl::OkStatus();
  }
  const size_t rank = static_cast<size_t>(c.shape(0).rank());
  if (pads.size() % 2 != 0 || pads.size() > 2 * rank) return absl::InvalidArgumentError("the paddings do not match the rank");
  std::vector<int64_t> all(2 * rank, 0);
  for (size_t i = 0; i < pads.size() / 2; ++i) {
    all[2 * (rank - 1 - i)] = pads[2 * i];
    all[2 * (rank - 1 - i) + 1] = pads[2 * i + 1];
  }
  return Padded(c, all);
}

absl::Status InferAxesSame(InferContext& c) {
  if (c.shape(0).rank_known()) {
    for (int64_t a : c.attrs().Ints("axis")) MIRIN_RETURN_IF_ERROR(NormalizeAxis(a, c.shape(0).rank()).status());
  }
  return InferSame(c);
}

absl::Status InferShape(InferContext& c) {
  c.SetOutput(0, DType::kInt64, c.shape(0).rank_known() ? Shape({c.shape(0).rank()}) : Shape::OfRank(1));
  return absl::OkStatus();
}

absl::Status InferScalarInt64(InferContext& c) {
  c.SetOutput(0, DType::kInt64, Shape(Dims{}));
  return absl::OkStatus();
}

absl::Status InferScalarAt(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireRank(0, 1));
  if (c.shape(0).concrete()) MIRIN_RETURN_IF_ERROR(NormalizeAxis(c.attrs().Int("index"), static_cast<int>(c.shape(0).dim(0)), "index").status());
  c.SetOutput(0, c.dtype(0), Shape(Dims{}));
  return absl::OkStatus();
}

absl::Status InferPackScalars(InferContext& c) {
  for (int i = 0; i < c.num_inputs(); ++i) {
    if (c.dtype(i) != DType::kBool) MIRIN_RETURN_IF_ERROR(c.RequireInt(i));
    if (c.shape(i).concrete() && NumElements(c.shape(i).dims()) != 1) return absl::InvalidArgumentError("a member is not a scalar");
  }
  c.SetOutput(0, DType::kInt64, Shape({c.num_inputs()}));
  return absl::OkStatus();
}

absl::Status InferFill(InferContext& c) {
  std::vector<int64_t> to;
  MIRIN_ASSIGN_OR_RETURN(const bool known, c.IntsValue(0, &to));
  DType dtype = c.attrs().Type("dtype");
  if (dtype == DType::kUnknown && c.num_inputs() > 1) dtype = c.dtype(1);
  if (dtype == DType::kUnknown) dtype = DType::kFloat32;
  if (!known) {
    c.SetOutput(0, dtype, Shape::Unknown());
    return absl::OkStatus();
  }
  if (to.size() > kMaxRank) return absl::InvalidArgumentError("the shape has too many axes");
  MIRIN_RETURN_IF_ERROR(CheckedBytes(dtype, to).status());
  c.SetOutput(0, dtype, Shape(absl::MakeConstSpan(to)));
  return absl::OkStatus();
}

absl::Status InferLike(InferContext& c) {
  const DType dtype = c.attrs().Type("dtype");
  c.SetOutput(0, dtype == DType::kUnknown ? c.dtype(0) : dtype, c.shape(0));
  return absl::OkStatus();
}

absl::Status InferRange(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireNumber(0));
  double v[3];
  for (int i = 0; i < 3; ++i) {
    const Tensor* t = c.value(i);
    if (t == nullptr || t->elements() != 1) {
      c.SetOutput(0, c.dtype(0), Shape::OfRank(1));
      return absl::OkStatus();
    }
    v[i] = VisitDType(t->dtype(), [&](auto tag) { return static_cast<double>(*t->data_as<typename decltype(tag)::type>()); }, 0.0);
  }
  if (v[2] == 0) return absl::InvalidArgumentError("the step is 0");
  const double count = std::max(0.0, std::ceil((v[1] - v[0]) / v[2]));
  if (!(count < 1e12)) return absl::ResourceExhaustedError("the range has too many elements");
  c.SetOutput(0, c.dtype(0), Shape({static_cast<int64_t>(count)}));
  return absl::OkStatus();
}


}  // namespace

namespace schemas {

OpSchema Reshape() { return OpSchema("Reshape", "The same elements under another shape; one -1 is worked out.").Input("x").Ints("shape").Output("y").Infer(InferReshape).View(); }
OpSchema View() { return OpSchema("View", "Reshape under its PyTorch-like name.").Input("x").Ints("shape").Output("y").Infer(InferReshape).View(); }
OpSchema ExpandDims() { return OpSchema("ExpandDims", "Inserts an axis of size 1.").Input("x").RequiredAttr("axis").Output("y").Infer(InferExpandDims).View(); }
OpSchema Unsqueeze() { return OpSchema("Unsqueeze", "Inserts axes of size 1.").Input("x").RequiredAttr("axis").Output("y").Infer(InferExpandDims).View(); }
OpSchema Squeeze() { return OpSchema("Squeeze", "Drops axes of size 1; () drops all.").Input("x").Attr("axis", std::vector<int64_t>{}).Output("y").Infer(InferSqueeze).View(); }
OpSchema Flatten() { return OpSchema("Flatten", "[product before axis, product from axis on].").Input("x").Attr("axis", int64_t{1}).Output("y").Infer(InferFlatten).View(); }
OpSchema Transpose() { return OpSchema("Transpose", "Permutes the axes.").Input("x").Ints("perm", {"input_perm"}).Output("y").Infer(InferTranspose); }
OpSchema Concat() { return OpSchema("Concat", "Joins tensors along an axis.").VariadicInput("x").Attr("axis", int64_t{0}).Output("y").Infer(InferConcat); }
OpSchema Stack() { return OpSchema("Stack", "Joins tensors along a new axis.").VariadicInput("x").Attr("axis", int64_t{0}).Output("y").Infer(InferStack); }
OpSchema Split() {
  return OpSchema("Split", "Cuts along an axis into output_num parts, equal ones unless size_splits says otherwise.")
      .Input("x").Attr("axis", int64_t{0}).Attr("output_num", int64_t{1}, {"num_split"}).Attr("size_splits", std::vector<int64_t>{})
      .OutputsFromAttr("output_num").Infer(InferSplit);
}
OpSchema SplitV() {
  return OpSchema("SplitV", "Cuts along an axis into parts of given sizes.")
      .Input("x").RequiredAttr("size_splits").RequiredAttr("axis", {"split_dim"}).OutputsFromAttr("size_splits").Infer(InferSplit);
}
OpSchema Unstack() { return OpSchema("Unstack", "The slices along an axis.").Input("x").Attr("axis", int64_t{0}).RequiredAttr("num").OutputsFromAttr("num").Infer(InferUnstack); }
OpSchema Tile() { return OpSchema("Tile", "Repeats a tensor along its axes.").Input("x").Ints("multiples").Output("y").Infer(InferTile); }
OpSchema BroadcastTo() { return OpSchema("BroadcastTo", "Repeats axes of size 1; -1 keeps an axis.").Input("x").Ints("shape").Output("y").Infer(InferBroadcastTo); }
OpSchema Pad() { return OpSchema("Pad", "Zeros around a tensor; paddings are (before, after) per axis.").Input("x").RequiredAttr("paddings").Output("y").Infer(InferPad); }
OpSchema MirrorPad() { return OpSchema("MirrorPad", "Mirrored elements around a tensor.").Input("x").Ints("paddings").Attr("mode", std::string("REFLECT")).Output("y").Infer(InferPadInts); }
OpSchema PadFusion() {
  return OpSchema("PadFusion", "Pads by [rank, 2] paddings; padding_mode 0 constant, 1 reflect, 2 symmetric, 3 edge.")
      .Input("x").Ints("paddings").OptionalInput("value").Attr("padding_mode", int64_t{0}, {"paddings_mode"}).Output("y").Infer(InferPadInts);
}
OpSchema PadV3() {
  return OpSchema("PadV3", "Pads from the last axis on, as PyTorch does.")
      .Input("x").Ints("paddings").OptionalInput("value").Attr("mode", std::string("constant")).Attr("paddings_contiguous", true).Output("y").Infer(InferPadV3);
}
OpSchema ReverseV2() { return OpSchema("ReverseV2", "Reverses along axes.").Input("x").Attr("axis", std::vector<int64_t>{}).Output("y").Infer(InferAxesSame); }
OpSchema Roll() { return OpSchema("Roll", "Shifts along axes with wrap-around.").Input("x").RequiredAttr("shift", {"shifts"}).RequiredAttr("axis", {"dims"}).Output("y").Infer(InferAxesSame); }
OpSchema Shape() { return OpSchema("Shape", "The shape as a 1-D int64 tensor.").Input("x").Output("y").Infer(InferShape); }
OpSchema TensorShape() { return OpSchema("TensorShape", "The shape as a 1-D int64 tensor.").Input("x").Output("y").Infer(InferShape); }
OpSchema DynamicShape() { return OpSchema("DynamicShape", "The shape as a 1-D int64 tensor.").Input("x").Output("y").Infer(InferShape); }
OpSchema Size() { return OpSchema("Size", "The number of elements.").Input("x").Output("y").Infer(InferScalarInt64); }
OpSchema Rank() { return OpSchema("Rank", "The number of axes.").Input("x").Output("y").Infer(InferScalarInt64); }
OpSchema ScalarAt() { return OpSchema("ScalarAt", "One element of a 1-D tensor. (internal)").Input("x").RequiredAttr("index").Output("y").Infer(InferScalarAt); }
OpSchema PackScalars() { return OpSchema("PackScalars", "Scalars side by side as int64. (internal)").VariadicInput("x").Output("y").Infer(InferPackScalars); }
OpSchema Fill() { return OpSchema("Fill", "A tensor of one value.").Ints("shape").Input("value").Attr("dtype", std::monostate()).Output("y").Infer(InferFill); }
OpSchema FillV2() { return OpSchema("FillV2", "A tensor of one value.").Ints("shape").Input("value").Attr("dtype", std::monostate()).Output("y").Infer(InferFill); }
OpSchema Zeros() { return OpSchema("Zeros", "Zeros.").Ints("size", {"shape"}).Attr("dtype", std::monostate()).Output("y").Infer(InferFill); }
OpSchema Ones() { return OpSchema("Ones", "Ones.").Ints("size", {"shape"}).Attr("dtype", std::monostate()).Output("y").Infer(InferFill); }
OpSchema ZerosLike() { return OpSchema("ZerosLike", "Zeros of x's shape.").Input("x").Attr("dtype", std::monostate()).Output("y").Infer(InferLike); }
OpSchema OnesLike() { return OpSchema("OnesLike", "Ones of x's shape.").Input("x").Attr("dtype", std::monostate()).Output("y").Infer(InferLike); }
OpSchema Range() {
  return OpSchema("Range", "start, start + delta .. below limit.").Input("start").Input("limit").Input("delta").Attr("maxlen", int64_t{1000000})
      .Output("y").Infer(InferRange).ShapeFromValue("start").ShapeFromValue("limit").ShapeFromValue("delta");
}

// -- slices -----------------------------------------------------------------------------------------------------------

}  // namespace schemas

namespace {

absl::Status InferSliceSizes(InferContext& c) {
  std::vector<int64_t> begin, size;
  MIRIN_ASSIGN_OR_RETURN(const bool b, c.IntsValue(1, &begin));
  MIRIN_ASSIGN_OR_RETURN(const bool s, c.IntsValue(2, &size));
  const Shape& x = c.shape(0);
  if (!b || !s || !x.rank_known()) {
    c.SetOutput(0, c.dtype(0), x.rank_known() ? Shape::OfRank(x.rank()) : Shape::Unknown());
    return absl::OkStatus();
  }
  if (static_cast<int>(begin.size()) != x.rank() || begin.size() != size.size()) return absl::InvalidArgumentError("begin and size do not match the rank");
  Dims dims = x.dims();
  for (int i = 0; i < x.rank(); ++i) {
    if (dims[i] < 0) {
      dims[i] = size[i] >= 0 ? size[i] : -1;
      continue;
    }
    const int64_t n = size[i] == -1 ? dims[i] - begin[i] : size[i];
    if (begin[i] < 0 || n < 0 || begin[i] > dims[i] || n > dims[i] - begin[i]) {
      return absl::InvalidArgumentError(absl::StrCat("slice ", begin[i], " + ", size[i], " is outside axis ", i, " of ", ToString(x)));
    }
    dims[i] = n;
  }
  c.SetOutput(0, c.dtype(0), Shape(std::move(dims)));
  return absl::OkStatus();
}

absl::Status InferStridedSlice(InferContext& c) {
  std::vector<int64_t> v[3];
  bool known = c.shape(0).rank_known();
  for (int i = 0; i < 3; ++i) {
    MIRIN_ASSIGN_OR_RETURN(const bool have, c.IntsValue(i + 1, &v[i]));
    known &= have;
  }
  if (!known) {
    c.SetOutput(0, c.dtype(0), Shape::Unknown());
    return absl::OkStatus();
  }
  MIRIN_ASSIGN_OR_RETURN(const SlicePlan plan, PlanStridedSlice(c.attrs(), c.shape(0).dims(), v[0], v[1], v[2]));
  c.SetOutput(0, c.dtype(0), Shape(plan.output));
  return absl::OkStatus();
}

absl::Status InferSliceAxes(InferContext& c) {
  std::vector<int64_t> v[4];
  bool known = c.shape(0).rank_known();
  for (int i = 0; i < 4; ++i) {
    if (i == 3 && !c.has_input(4)) continue;
    MIRIN_ASSIGN_OR_RETURN(const bool have, c.IntsValue(i + 1, &v[i]));
    known &= have;
  }
  if (!known) {
    c.SetOutput(0, c.dtype(0), c.shape(0).rank_known() ? Shape::OfRank(c.shape(0).rank()) : Shape::Unknown());
    return absl::OkStatus();
  }
  MIRIN_ASSIGN_OR_RETURN(const SlicePlan plan, PlanSliceAxes(c.shape(0).dims(), v[0], v[1], v[2], v[3]));
  c.SetOutput(0, c.dtype(0), Shape(plan.output));
  return absl::OkStatus();
}

}  // namespace

namespace schemas {

OpSchema Slice() { return OpSchema("Slice", "begin .. begin + size per axis; size -1 is to the end.").Input("x").Ints("begin").Ints("size").Output("y").Infer(InferSliceSizes); }
OpSchema StridedSlice() {
  return OpSchema("StridedSlice", "begin:end:stride per axis with TensorFlow's masks.")
      .Input("x").Ints("begin").Ints("end").Ints("strides").Attr("begin_mask", int64_t{0}).Attr("end_mask", int64_t{0})
      .Attr("ellipsis_mask", int64_t{0}).Attr("new_axis_mask", int64_t{0}).Attr("shrink_axis_mask", int64_t{0}).Output("y").Infer(InferStridedSlice);
}
OpSchema StridedSliceAxes() {
  return OpSchema("StridedSliceAxes", "ONNX Slice: begin:end:step along named axes. (internal)")
      .Input("x").Ints("begin").Ints("end").Ints("axes").Ints("steps", std::vector<int64_t>{}).Output("y").Infer(InferSliceAxes);
}

}  // namespace schemas
}  // namespace mirin::ops
