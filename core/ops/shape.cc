// Views, permutations and the shapes themselves.
#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "core/ops/infer.h"
#include "core/ops/registry.h"

namespace mirin::ops {
namespace {

// The new shape is computed; dims of it may be known all the same.
absl::Status ReshapeToComputed(InferContext& c) {
  std::vector<int64_t> to;
  MIRIN_ASSIGN_OR_RETURN(const bool some, c.IntsPartly(1, &to));
  if (!some) {
    c.SetOutput(0, c.dtype(0), ShapeOfLength(c.shape(1)));
    return absl::OkStatus();
  }
  if (to.size() > kMaxRank)
    return absl::InvalidArgumentError(
        absl::StrCat("the new shape has more than ", kMaxRank, " axes"));
  Dims dims;
  int open = 0;
  int64_t rest = 1;
  for (const int64_t d : to) {
    dims.push_back(std::max<int64_t>(d, -1));
    if (dims.back() < 0) {
      ++open;
    } else if (__builtin_mul_overflow(rest, d, &rest)) {
      return absl::ResourceExhaustedError(absl::StrCat("cannot reshape to ", ToString(dims)));
    }
  }
  // A single open dim takes what the others leave.
  if (open == 1 && rest > 0 && c.shape(0).concrete()) {
    MIRIN_ASSIGN_OR_RETURN(const int64_t elements, CheckedElements(c.shape(0).dims()));
    if (elements % rest == 0) *std::find(dims.begin(), dims.end(), -1) = elements / rest;
  }
  c.SetOutput(0, c.dtype(0), Shape(std::move(dims)));
  return absl::OkStatus();
}

absl::Status InferReshape(InferContext& c) {
  std::vector<int64_t> to;
  MIRIN_ASSIGN_OR_RETURN(const bool known, c.IntsValue(1, &to));
  if (!known) return ReshapeToComputed(c);
  if (to.size() > kMaxRank)
    return absl::InvalidArgumentError(
        absl::StrCat("the new shape has more than ", kMaxRank, " axes"));
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
      return absl::InvalidArgumentError(absl::StrCat("cannot reshape ", ToString(c.shape(0)),
                                                     " to ", ToString(absl::MakeConstSpan(to))));
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
  if (std::adjacent_find(axes.begin(), axes.end()) != axes.end())
    return absl::InvalidArgumentError("an axis is repeated");
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
    c.SetOutput(0, c.dtype(0),
                x.rank_known() ? Shape::OfRank(x.rank())
                : known        ? Shape::OfRank(static_cast<int>(perm.size()))
                               : Shape::Unknown());
    return absl::OkStatus();
  }
  if (static_cast<int>(perm.size()) != x.rank()) {
    return absl::InvalidArgumentError(
        absl::StrCat("perm has ", perm.size(), " axes, the input has shape ", ToString(x)));
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

absl::Status InferShape(InferContext& c) {
  c.SetOutput(0, DType::kInt64,
              c.shape(0).rank_known() ? Shape({c.shape(0).rank()}) : Shape::OfRank(1));
  return absl::OkStatus();
}

absl::Status InferScalarInt64(InferContext& c) {
  c.SetOutput(0, DType::kInt64, Shape(Dims{}));
  return absl::OkStatus();
}

absl::Status InferScalarAt(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireRank(0, 1));
  if (c.shape(0).concrete())
    MIRIN_RETURN_IF_ERROR(
        NormalizeAxis(c.attrs().Int("index"), static_cast<int>(c.shape(0).dim(0)), "index")
            .status());
  c.SetOutput(0, c.dtype(0), Shape(Dims{}));
  return absl::OkStatus();
}

absl::Status InferPackScalars(InferContext& c) {
  for (int i = 0; i < c.num_inputs(); ++i) {
    if (c.dtype(i) != DType::kBool) MIRIN_RETURN_IF_ERROR(c.RequireInt(i));
    if (c.shape(i).concrete() && NumElements(c.shape(i).dims()) != 1)
      return absl::InvalidArgumentError("a member is not a scalar");
  }
  c.SetOutput(0, DType::kInt64, Shape({c.num_inputs()}));
  return absl::OkStatus();
}

}  // namespace

namespace schemas {

OpSchema Reshape() {
  return OpSchema("Reshape", "The same elements under another shape; one -1 is worked out.")
      .Input("x")
      .Ints("shape")
      .Output("y")
      .Infer(InferReshape)
      .View();
}
OpSchema View() {
  return OpSchema("View", "Reshape under its PyTorch-like name.")
      .Input("x")
      .Ints("shape")
      .Output("y")
      .Infer(InferReshape)
      .View();
}
OpSchema ExpandDims() {
  return OpSchema("ExpandDims", "Inserts an axis of size 1.")
      .Input("x")
      .RequiredAttr("axis")
      .Output("y")
      .Infer(InferExpandDims)
      .View();
}
OpSchema Unsqueeze() {
  return OpSchema("Unsqueeze", "Inserts axes of size 1.")
      .Input("x")
      .RequiredAttr("axis")
      .Output("y")
      .Infer(InferExpandDims)
      .View();
}
OpSchema Squeeze() {
  return OpSchema("Squeeze", "Drops axes of size 1; () drops all.")
      .Input("x")
      .Attr("axis", std::vector<int64_t>{})
      .Output("y")
      .Infer(InferSqueeze)
      .View();
}
OpSchema Flatten() {
  return OpSchema("Flatten", "[product before axis, product from axis on].")
      .Input("x")
      .Attr("axis", int64_t{1})
      .Output("y")
      .Infer(InferFlatten)
      .View();
}
OpSchema Transpose() {
  return OpSchema("Transpose", "Permutes the axes.")
      .Input("x")
      .Ints("perm", {"input_perm"})
      .Output("y")
      .Infer(InferTranspose);
}
OpSchema Shape() {
  return OpSchema("Shape", "The shape as a 1-D int64 tensor.")
      .Input("x")
      .Output("y")
      .Infer(InferShape)
      .ReadsShape();
}
OpSchema TensorShape() {
  return OpSchema("TensorShape", "The shape as a 1-D int64 tensor.")
      .Input("x")
      .Output("y")
      .Infer(InferShape)
      .ReadsShape();
}
OpSchema DynamicShape() {
  return OpSchema("DynamicShape", "The shape as a 1-D int64 tensor.")
      .Input("x")
      .Output("y")
      .Infer(InferShape)
      .ReadsShape();
}
OpSchema Size() {
  return OpSchema("Size", "The number of elements.")
      .Input("x")
      .Output("y")
      .Infer(InferScalarInt64)
      .ReadsShape();
}
OpSchema Rank() {
  return OpSchema("Rank", "The number of axes.")
      .Input("x")
      .Output("y")
      .Infer(InferScalarInt64)
      .ReadsShape();
}
OpSchema ScalarAt() {
  return OpSchema("ScalarAt", "One element of a 1-D tensor. (internal)")
      .Input("x")
      .RequiredAttr("index")
      .Output("y")
      .Infer(InferScalarAt);
}
OpSchema PackScalars() {
  return OpSchema("PackScalars", "Scalars side by side as int64. (internal)")
      .VariadicInput("x")
      .Output("y")
      .Infer(InferPackScalars);
}

}  // namespace schemas
}  // namespace mirin::ops
