#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/ops/infer.h"
#include "core/ops/registry.h"

namespace mirin::ops {

namespace {

absl::Status RequireIndex(InferContext& c, int i) {
  if (c.dtype(i) == DType::kInt32 || c.dtype(i) == DType::kInt64) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("indices are ", Name(c.dtype(i)), ", expected int32 or int64"));
}

absl::Status InferGather(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireInt(1));
  const Shape& x = c.shape(0);
  const Shape& indices = c.shape(1);
  if (!x.rank_known() || !indices.rank_known()) {
    c.SetOutput(0, c.dtype(0), Shape::Unknown());
    return absl::OkStatus();
  }
  MIRIN_RETURN_IF_ERROR(c.RequireMinRank(0, 1));
  MIRIN_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(c.attrs().Int("axis"), x.rank()));
  const int64_t batch = c.attrs().Int("batch_dims");
  const int64_t batch_dims = batch < 0 ? batch + indices.rank() : batch;
  if (batch_dims < 0 || batch_dims > axis || batch_dims > indices.rank())
    return absl::InvalidArgumentError(absl::StrCat("batch_dims ", batch, " is out of range"));
  for (int i = 0; i < batch_dims; ++i) {
    if (x.dim(i) >= 0 && indices.dim(i) >= 0 && x.dim(i) != indices.dim(i)) {
      return absl::InvalidArgumentError(absl::StrCat("x ", ToString(x), " and the indices ",
                                                     ToString(indices), " differ in their batch"));
    }
  }
  Dims dims(x.dims().begin(), x.dims().begin() + axis);
  dims.insert(dims.end(), indices.dims().begin() + batch_dims, indices.dims().end());
  dims.insert(dims.end(), x.dims().begin() + axis + 1, x.dims().end());
  if (dims.size() > kMaxRank) return absl::InvalidArgumentError("the result has too many axes");
  if (Shape(dims).concrete()) MIRIN_RETURN_IF_ERROR(CheckedBytes(c.dtype(0), dims).status());
  c.SetOutput(0, c.dtype(0), Shape(std::move(dims)));
  return absl::OkStatus();
}

absl::Status InferGatherD(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(RequireIndex(c, 2));
  if (c.shape(0).rank_known() && c.shape(2).rank_known() &&
      c.shape(0).rank() != c.shape(2).rank()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the index ", ToString(c.shape(2)), " has another rank than ", ToString(c.shape(0))));
  }
  std::vector<int64_t> dim;
  MIRIN_ASSIGN_OR_RETURN(const bool known, c.IntsValue(1, &dim));
  if (known && c.shape(0).rank_known()) {
    if (dim.size() != 1) return absl::InvalidArgumentError("dim must be one number");
    MIRIN_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(dim[0], c.shape(0).rank(), "dim"));
    for (int i = 0; c.shape(0).concrete() && c.shape(2).concrete() && i < c.shape(0).rank(); ++i) {
      if (i != axis && c.shape(2).dim(i) > c.shape(0).dim(i))
        return absl::InvalidArgumentError(absl::StrCat("the index ", ToString(c.shape(2)),
                                                       " is larger than ", ToString(c.shape(0))));
    }
  }
  c.SetOutput(0, c.dtype(0), c.shape(2));
  return absl::OkStatus();
}

absl::Status InferGatherNd(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireInt(1));
  const Shape& x = c.shape(0);
  const Shape& indices = c.shape(1);
  if (!x.rank_known() || !indices.rank_known() || indices.rank() == 0 ||
      indices.dim(indices.rank() - 1) < 0) {
    if (indices.rank_known() && indices.rank() == 0)
      return absl::InvalidArgumentError("indices need an axis");
    c.SetOutput(0, c.dtype(0), Shape::Unknown());
    return absl::OkStatus();
  }
  const int64_t depth = indices.dim(indices.rank() - 1);
  if (depth > x.rank())
    return absl::InvalidArgumentError(
        absl::StrCat("indices ", ToString(indices), " are deeper than ", ToString(x)));
  Dims dims(indices.dims().begin(), indices.dims().end() - 1);
  dims.insert(dims.end(), x.dims().begin() + depth, x.dims().end());
  if (dims.size() > kMaxRank) return absl::InvalidArgumentError("the result has too many axes");
  c.SetOutput(0, c.dtype(0), Shape(std::move(dims)));
  return absl::OkStatus();
}

absl::Status InferTensorScatter(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(RequireIndex(c, 1));
  MIRIN_RETURN_IF_ERROR(c.RequireSameDType(0, 2));
  if (c.node().op() != "TensorScatterUpdate") MIRIN_RETURN_IF_ERROR(c.RequireNumber(0));
  const Shape& x = c.shape(0);
  const Shape& indices = c.shape(1);
  if (x.concrete() && indices.concrete() && c.shape(2).concrete()) {
    if (indices.rank() == 0 || indices.dim(indices.rank() - 1) > x.rank())
      return absl::InvalidArgumentError("the indices do not fit the tensor");
    const int64_t depth = indices.dim(indices.rank() - 1);
    Dims dims(indices.dims().begin(), indices.dims().end() - 1);
    dims.insert(dims.end(), x.dims().begin() + depth, x.dims().end());
    if (dims != c.shape(2).dims())
      return absl::InvalidArgumentError(
          absl::StrCat("updates have shape ", ToString(c.shape(2)), ", expected ", ToString(dims)));
  }
  c.SetOutput(0, c.dtype(0), x);
  return absl::OkStatus();
}

absl::Status InferScatterNd(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(RequireIndex(c, 0));
  MIRIN_RETURN_IF_ERROR(c.RequireNumber(1));
  std::vector<int64_t> to;
  MIRIN_ASSIGN_OR_RETURN(const bool known, c.IntsValue(2, &to));
  if (!known) {
    c.SetOutput(0, c.dtype(1), Shape::Unknown());
    return absl::OkStatus();
  }
  if (to.size() > kMaxRank) return absl::InvalidArgumentError("the shape has too many axes");
  MIRIN_RETURN_IF_ERROR(CheckedBytes(c.dtype(1), to).status());
  const Shape& indices = c.shape(0);
  if (indices.concrete() && c.shape(1).concrete()) {
    if (indices.rank() == 0 || indices.dim(indices.rank() - 1) > static_cast<int64_t>(to.size()))
      return absl::InvalidArgumentError("the indices do not fit the shape");
    Dims dims(indices.dims().begin(), indices.dims().end() - 1);
    dims.insert(dims.end(), to.begin() + indices.dim(indices.rank() - 1), to.end());
    if (dims != c.shape(1).dims())
      return absl::InvalidArgumentError(
          absl::StrCat("updates have shape ", ToString(c.shape(1)), ", expected ", ToString(dims)));
  }
  c.SetOutput(0, c.dtype(1), Shape(absl::MakeConstSpan(to)));
  return absl::OkStatus();
}

absl::Status InferScatterElements(InferContext& c) {
  const std::string reduction = c.attrs().String("reduction", "none");
  if (reduction != "none") {
    if (reduction != "add" && reduction != "mul" && reduction != "max" && reduction != "min")
      return absl::UnimplementedError(absl::StrCat("reduction '", reduction, "'"));
    MIRIN_RETURN_IF_ERROR(c.RequireNumber(0));
  }
  MIRIN_RETURN_IF_ERROR(RequireIndex(c, 1));
  MIRIN_RETURN_IF_ERROR(c.RequireSameDType(0, 2));
  if (c.shape(0).rank_known())
    MIRIN_RETURN_IF_ERROR(NormalizeAxis(c.attrs().Int("axis"), c.shape(0).rank()).status());
  if (c.shape(1).concrete() && c.shape(2).concrete() && c.shape(1) != c.shape(2))
    return absl::InvalidArgumentError("indices and updates have different shapes");
  if (c.shape(0).concrete() && c.shape(1).concrete() && c.shape(0).rank() != c.shape(1).rank())
    return absl::InvalidArgumentError("indices have another rank than the tensor");
  return InferSame(c);
}

absl::Status InferOneHot(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireInt(0));
  MIRIN_RETURN_IF_ERROR(c.RequireSameDType(2, 3));
  std::vector<int64_t> depth;
  MIRIN_ASSIGN_OR_RETURN(const bool known, c.IntsValue(1, &depth));
  if (known && (depth.size() != 1 || depth[0] < 0))
    return absl::InvalidArgumentError("depth must be one number of 0 or more");
  if (!c.shape(0).rank_known()) {
    c.SetOutput(0, c.dtype(2), Shape::Unknown());
    return absl::OkStatus();
  }
  if (c.shape(0).rank() + 1 > kMaxRank)
    return absl::InvalidArgumentError("the result has too many axes");
  MIRIN_ASSIGN_OR_RETURN(const int axis,
                         NormalizeAxis(c.attrs().Int("axis"), c.shape(0).rank() + 1));
  Dims dims = c.shape(0).dims();
  dims.insert(dims.begin() + axis, known ? depth[0] : -1);
  if (Shape(dims).concrete()) MIRIN_RETURN_IF_ERROR(CheckedBytes(c.dtype(2), dims).status());
  c.SetOutput(0, c.dtype(2), Shape(std::move(dims)));
  return absl::OkStatus();
}

absl::Status InferTopK(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireNumber(0));
  std::vector<int64_t> k;
  MIRIN_ASSIGN_OR_RETURN(const bool known, c.IntsValue(1, &k));
  Shape shape = c.shape(0);
  if (shape.rank_known()) {
    MIRIN_RETURN_IF_ERROR(c.RequireMinRank(0, 1));
    MIRIN_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(c.attrs().Int("axis", -1), shape.rank()));
    if (known && (k.size() != 1 || k[0] < 0 || (shape.dim(axis) >= 0 && k[0] > shape.dim(axis)))) {
      return absl::InvalidArgumentError(
          absl::StrCat("k does not fit axis ", axis, " of ", ToString(shape)));
    }
    shape.set_dim(axis, known ? k[0] : -1);
  }
  c.SetOutput(0, c.dtype(0), shape);
  c.SetOutput(1, DType::kInt32, shape);
  return absl::OkStatus();
}

absl::Status InferSort(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireNumber(0));
  if (c.shape(0).rank_known()) {
    MIRIN_RETURN_IF_ERROR(c.RequireMinRank(0, 1));
    MIRIN_RETURN_IF_ERROR(NormalizeAxis(c.attrs().Int("axis"), c.shape(0).rank()).status());
  }
  c.SetOutput(0, c.dtype(0), c.shape(0));
  c.SetOutput(1, DType::kInt32, c.shape(0));
  return absl::OkStatus();
}

absl::Status InferNmsWithMask(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(0, 2));
  const int64_t n = c.shape(0).rank_known() ? c.shape(0).dim(0) : -1;
  if (c.shape(0).rank_known() && c.shape(0).dim(1) >= 0 && c.shape(0).dim(1) != 5) {
    return absl::InvalidArgumentError(
        absl::StrCat("boxes have shape ", ToString(c.shape(0)), ", expected [n,5]"));
  }
  c.SetOutput(0, c.dtype(0), Shape({n, 5}));
  c.SetOutput(1, DType::kInt32, Shape({n}));
  c.SetOutput(2, DType::kBool, Shape({n}));
  return absl::OkStatus();
}

absl::Status InferMaskedSelect(InferContext& c) {
  if (c.dtype(1) != DType::kBool) return absl::InvalidArgumentError("the mask must be bool");
  MIRIN_ASSIGN_OR_RETURN(const Shape shape, BroadcastShapes(c.shape(0), c.shape(1)));
  int64_t count = -1;
  if (const Tensor* mask = c.value(1); mask != nullptr && shape.concrete()) {
    MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> m, mask->ToInt64s());
    count = 0;
    for (int64_t v : m) count += v != 0;
    if (!m.empty()) count *= NumElements(shape.dims()) / static_cast<int64_t>(m.size());
  }
  c.SetOutput(0, c.dtype(0), Shape({count}));
  return absl::OkStatus();
}

absl::Status InferNonZero(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireNumber(0));
  int64_t count = -1;
  if (const Tensor* x = c.value(0)) {
    count = VisitDType(
        x->dtype(),
        [&](auto tag) {
          const auto* data = x->data_as<typename decltype(tag)::type>();
          int64_t n = 0;
          for (int64_t i = 0; i < x->elements(); ++i) n += static_cast<double>(data[i]) != 0;
          return n;
        },
        int64_t{0});
  }
  c.SetOutput(0, DType::kInt64, Shape({count, c.shape(0).rank_known() ? c.shape(0).rank() : -1}));
  return absl::OkStatus();
}

absl::Status InferTriangle(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireMinRank(0, 2));
  return InferSame(c);
}

absl::Status InferScatterVariable(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(RequireIndex(c, 1));
  MIRIN_RETURN_IF_ERROR(c.RequireSameDType(0, 2));
  if (c.shape(0).concrete() && c.shape(1).concrete() && c.shape(2).concrete()) {
    MIRIN_RETURN_IF_ERROR(c.RequireMinRank(0, 1));
    Dims dims = c.shape(1).dims();
    dims.insert(dims.end(), c.shape(0).dims().begin() + 1, c.shape(0).dims().end());
    if (dims != c.shape(2).dims())
      return absl::InvalidArgumentError(
          absl::StrCat("updates have shape ", ToString(c.shape(2)), ", expected ", ToString(dims)));
  }
  return InferSame(c);
}

OpSchema TensorScatter(const char* name) {
  return OpSchema(name,
                  "x with updates combined in at indices (one row of the last axis each); later "
                  "ones win.")
      .Input("x")
      .Input("indices")
      .Input("updates")
      .Output("y")
      .Infer(InferTensorScatter);
}

}  // namespace

namespace schemas {

OpSchema Gather() {
  return OpSchema("Gather",
                  "Slices of x along an axis by indices; negative ones count from the end.")
      .Input("x")
      .Input("indices")
      .Attr("axis", int64_t{0})
      .Attr("batch_dims", int64_t{0})
      .Output("y")
      .Infer(InferGather);
}
OpSchema GatherD() {
  return OpSchema("GatherD", "y[i][j] = x[index[i][j]][j] along dim.")
      .Input("x")
      .Ints("dim")
      .Input("index")
      .Output("y")
      .Infer(InferGatherD);
}
OpSchema GatherNd() {
  return OpSchema("GatherNd", "Slices of x at index rows.")
      .Input("x")
      .Input("indices")
      .Output("y")
      .Infer(InferGatherNd);
}
OpSchema TensorScatterUpdate() { return TensorScatter("TensorScatterUpdate"); }
OpSchema TensorScatterAdd() { return TensorScatter("TensorScatterAdd"); }
OpSchema TensorScatterSub() { return TensorScatter("TensorScatterSub"); }
OpSchema TensorScatterMul() { return TensorScatter("TensorScatterMul"); }
OpSchema TensorScatterDiv() { return TensorScatter("TensorScatterDiv"); }
OpSchema TensorScatterMax() { return TensorScatter("TensorScatterMax"); }
OpSchema TensorScatterMin() { return TensorScatter("TensorScatterMin"); }
OpSchema TensorScatterElements() {
  return OpSchema("TensorScatterElements",
                  "x with updates at index positions along an axis; reduction none, add, mul, max "
                  "or min.")
      .Input("x")
      .Input("indices")
      .Input("updates")
      .Attr("axis", int64_t{0})
      .Attr("reduction", std::string("none"))
      .Output("y")
      .Infer(InferScatterElements);
}
OpSchema ScatterNd() {
  return OpSchema("ScatterNd", "Zeros with updates added at index rows.")
      .Input("indices")
      .Input("updates")
      .Ints("shape")
      .Output("y")
      .Infer(InferScatterNd);
}
OpSchema ScatterUpdate() {
  return OpSchema("ScatterUpdate", "variable[indices] = updates.")
      .Input("variable")
      .Input("indices")
      .Input("updates")
      .Output("y")
      .Infer(InferScatterVariable)
      .WritesVariable();
}
OpSchema ScatterAdd() {
  return OpSchema("ScatterAdd", "variable[indices] += updates.")
      .Input("variable")
      .Input("indices")
      .Input("updates")
      .Output("y")
      .Infer(InferScatterVariable)
      .WritesVariable();
}
OpSchema OneHot() {
  return OpSchema("OneHot", "on at the index, off elsewhere, along a new axis of size depth.")
      .Input("indices")
      .Ints("depth")
      .Input("on_value")
      .Input("off_value")
      .Attr("axis", int64_t{-1})
      .Output("y")
      .Infer(InferOneHot);
}
OpSchema TopK() {
  return OpSchema("TopK", "The k largest of the last axis, in falling order.")
      .Input("x")
      .Ints("k")
      .Attr("sorted", true)
      .Output("values")
      .Output("indices")
      .Infer(InferTopK);
}
OpSchema TopKAxis() {
  return OpSchema("TopKAxis", "The k largest or smallest along an axis. (internal)")
      .Input("x")
      .Ints("k")
      .Attr("axis", int64_t{-1})
      .Attr("largest", true)
      .Attr("sorted", true)
      .Output("values")
      .Output("indices")
      .Infer(InferTopK);
}
OpSchema Sort() {
  return OpSchema("Sort", "Sorted values and where they were; equals keep their order.")
      .Input("x")
      .Attr("axis", int64_t{-1})
      .Attr("descending", false)
      .Output("values")
      .Output("indices")
      .Infer(InferSort);
}
OpSchema NMSWithMask() {
  return OpSchema("NMSWithMask", "Greedy suppression of overlapping boxes in the order given.")
      .Input("bboxes")
      .Attr("iou_threshold", 0.5)
      .Output("boxes")
      .Output("indices")
      .Output("mask")
      .Infer(InferNmsWithMask);
}
OpSchema MaskedSelect() {
  return OpSchema("MaskedSelect", "Elements where the mask is true.")
      .Input("x")
      .Input("mask")
      .Output("y")
      .Infer(InferMaskedSelect)
      .ShapeFromValue("mask");
}
OpSchema NonZero() {
  return OpSchema("NonZero", "Indices of non-zero elements, one per row.")
      .Input("x")
      .Output("y")
      .Infer(InferNonZero)
      .ShapeFromValue("x");
}
OpSchema Tril() {
  return OpSchema("Tril", "The lower triangle of matrices.")
      .Input("x")
      .Attr("diagonal", int64_t{0})
      .Output("y")
      .Infer(InferTriangle);
}
OpSchema Triu() {
  return OpSchema("Triu", "The upper triangle of matrices.")
      .Input("x")
      .Attr("diagonal", int64_t{0})
      .Output("y")
      .Infer(InferTriangle);
}

}  // namespace schemas
}  // namespace mirin::ops
