#include "absl/strings/str_cat.h"
#include "core/ops/infer.h"
#include "core/ops/registry.h"

namespace mirin::ops {
namespace {

absl::Status InferReduceTo(InferContext& c, DType dtype) {
  MIRIN_RETURN_IF_ERROR(c.RequireNumber(0));
  const bool keep = c.attrs().Bool("keep_dims");
  if (!c.shape(0).rank_known()) {
    c.SetOutput(0, dtype, Shape::Unknown());
    return absl::OkStatus();
  }
  std::vector<int64_t> axes;
  if (c.has_input(1)) {
    MIRIN_ASSIGN_OR_RETURN(const bool known, c.IntsValue(1, &axes));
    if (!known) {
      const int rank = c.shape(0).rank();
      // Axes do not repeat: without them, as many as there are numbers go.
      const int64_t count = c.shape(1).concrete() ? NumElements(c.shape(1).dims()) : 0;
      const bool rank_left = count > 0 && count <= rank;
      c.SetOutput(0, dtype,
                  keep        ? Shape::OfRank(rank)
                  : rank_left ? Shape::OfRank(rank - static_cast<int>(count))
                              : Shape::Unknown());
      return absl::OkStatus();
    }
  }
  MIRIN_ASSIGN_OR_RETURN(std::vector<int> normal, NormalizeAxes(axes, c.shape(0).rank()));
  if (axes.empty() && c.attrs().Bool("skip_mode")) normal.clear();
  c.SetOutput(0, dtype, ReducedShape(c.shape(0), normal, keep));
  return absl::OkStatus();
}

absl::Status InferReduce(InferContext& c) {
  DType dtype = c.dtype(0);
  if (c.attrs().Type("dtype") != DType::kUnknown) dtype = c.attrs().Type("dtype");
  return InferReduceTo(c, dtype);
}

absl::Status InferReduceBool(InferContext& c) { return InferReduceTo(c, DType::kBool); }
absl::Status InferReduceFloat(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  return InferReduce(c);
}
absl::Status InferCount(InferContext& c) { return InferReduceTo(c, DType::kInt32); }

absl::Status InferWhole(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireNumber(0));
  c.SetOutput(0, c.dtype(0), Shape(Dims{}));
  return absl::OkStatus();
}

absl::Status InferReduceStd(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(InferReduceFloat(c));
  const ir::TensorType first = c.outputs()[0];
  c.SetOutput(1, first.dtype, first.shape);
  return absl::OkStatus();
}

OpSchema Reduction(const char* name, InferFn infer) {
  return OpSchema(name, "Reduces over axes; axis () means all of them.")
      .Input("x")
      .Ints("axis", std::vector<int64_t>{}, {"axes"})
      .Attr("keep_dims", false)
      .Attr("skip_mode", false)
      .Output("y")
      .Infer(infer);
}

OpSchema ReductionExt(const char* name) {
  return OpSchema(name, "Reduces over dim (None: all axes), optionally in another dtype.")
      .Input("x")
      .Ints("dim", std::vector<int64_t>{}, {"axis"})
      .Attr("keep_dims", false, {"keepdim"})
      .Attr("dtype", std::monostate())
      .Output("y")
      .Infer(InferReduce);
}

absl::Status ArgShape(InferContext& c, bool keep, Shape* out) {
  MIRIN_RETURN_IF_ERROR(c.RequireNumber(0));
  if (!c.shape(0).rank_known()) {
    *out = Shape::Unknown();
    return absl::OkStatus();
  }
  const int64_t axis[] = {c.attrs().Int("axis", -1)};
  MIRIN_ASSIGN_OR_RETURN(const std::vector<int> axes, NormalizeAxes(axis, c.shape(0).rank()));
  if (!axes.empty() && c.shape(0).dim(axes[0]) == 0)
    return absl::InvalidArgumentError("the axis has no elements");
  *out = ReducedShape(c.shape(0), axes, keep);
  return absl::OkStatus();
}

absl::Status InferArg(InferContext& c) {
  Shape shape;
  MIRIN_RETURN_IF_ERROR(ArgShape(c, c.attrs().Bool("keep_dims"), &shape));
  const DType type = c.attrs().Type("output_type");
  c.SetOutput(0, type == DType::kUnknown ? DType::kInt32 : type, std::move(shape));
  return absl::OkStatus();
}

absl::Status InferArgWithValue(InferContext& c) {
  Shape shape;
  MIRIN_RETURN_IF_ERROR(ArgShape(c, c.attrs().Bool("keep_dims"), &shape));
  const DType type = c.attrs().Type("index_type");
  c.SetOutput(0, type == DType::kUnknown ? DType::kInt32 : type, shape);
  c.SetOutput(1, c.dtype(0), shape);
  return absl::OkStatus();
}

OpSchema Arg(const char* name) {
  return OpSchema(
             name,
             "Index of the largest or smallest element along an axis; the first one of equals.")
      .Input("x")
      .Attr("axis", int64_t{-1})
      .Attr("output_type", DType::kInt32)
      .Attr("keep_dims", false)
      .Output("y")
      .Infer(InferArg);
}

OpSchema ArgWithValue(const char* name) {
  return OpSchema(name, "Index and value of the largest or smallest element along an axis.")
      .Input("x")
      .Attr("axis", int64_t{0})
      .Attr("keep_dims", false)
      .Attr("index_type", DType::kInt32)
      .Output("index")
      .Output("value")
      .Infer(InferArgWithValue);
}

absl::Status InferAxisSame(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireNumber(0));
  if (c.shape(0).rank_known()) {
    for (int64_t a : c.attrs().Ints("axis")) {
      if (c.shape(0).rank() > 0)
        MIRIN_RETURN_IF_ERROR(NormalizeAxis(a, c.shape(0).rank()).status());
    }
  }
  return InferSame(c);
}

absl::Status InferScan(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireNumber(0));
  std::vector<int64_t> axis;
  MIRIN_ASSIGN_OR_RETURN(const bool known, c.IntsValue(1, &axis));
  if (known && axis.size() != 1) return absl::InvalidArgumentError("axis must be one number");
  if (known && c.shape(0).rank_known() && c.shape(0).rank() > 0)
    MIRIN_RETURN_IF_ERROR(NormalizeAxis(axis[0], c.shape(0).rank()).status());
  return InferSame(c);
}

absl::Status InferSoftmax(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  if (c.attrs().Ints("axis").size() > 1)
    return absl::UnimplementedError("softmax over several axes");
  return InferAxisSame(c);
}

absl::Status InferCum2(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(InferAxisSame(c));
  c.SetOutput(1, DType::kInt32, c.shape(0));
  return absl::OkStatus();
}

}  // namespace

namespace schemas {

#define MIRIN_REDUCE(Name, infer) \
  OpSchema Name() { return Reduction(#Name, infer); }
MIRIN_REDUCE(CountNonZero, InferCount)
MIRIN_REDUCE(ReduceAll, InferReduceBool)
MIRIN_REDUCE(ReduceAny, InferReduceBool)
MIRIN_REDUCE(ReduceL1, InferReduce)
MIRIN_REDUCE(ReduceL2, InferReduceFloat)
MIRIN_REDUCE(ReduceLogSum, InferReduceFloat)
MIRIN_REDUCE(ReduceLogSumExp, InferReduceFloat)
MIRIN_REDUCE(ReduceMean, InferReduce)
MIRIN_REDUCE(ReduceProd, InferReduce)
MIRIN_REDUCE(ReduceSum, InferReduce)
MIRIN_REDUCE(ReduceSumSquare, InferReduce)
#undef MIRIN_REDUCE
// Of nothing they are an error, or, if that is ok, the least or greatest number of the dtype.
OpSchema ReduceMax() { return Reduction("ReduceMax", InferReduce).Attr("empty_ok", false); }
OpSchema ReduceMin() { return Reduction("ReduceMin", InferReduce).Attr("empty_ok", false); }
OpSchema LogSumExp() {
  return OpSchema("LogSumExp", "log(sum(exp(x))) over axes.")
      .Input("x")
      .Ints("dim", std::vector<int64_t>{}, {"axis"})
      .Attr("keep_dims", false, {"keepdim"})
      .Output("y")
      .Infer(InferReduceFloat);
}
OpSchema SumExt() { return ReductionExt("SumExt"); }
OpSchema MeanExt() { return ReductionExt("MeanExt"); }
OpSchema ProdExt() { return ReductionExt("ProdExt"); }
OpSchema Max() {
  return OpSchema("Max", "The largest element.").Input("x").Output("y").Infer(InferWhole);
}
OpSchema Min() {
  return OpSchema("Min", "The smallest element.").Input("x").Output("y").Infer(InferWhole);
}

OpSchema Argmax() { return Arg("Argmax"); }
OpSchema Argmin() { return Arg("Argmin"); }
OpSchema ArgMaxWithValue() { return ArgWithValue("ArgMaxWithValue"); }
OpSchema ArgMinWithValue() { return ArgWithValue("ArgMinWithValue"); }

OpSchema CumSum() {
  return OpSchema("CumSum", "Running sum along an axis.")
      .Input("x")
      .Ints("axis")
      .Attr("exclusive", false)
      .Attr("reverse", false)
      .Output("y")
      .Infer(InferScan);
}
OpSchema CumProd() {
  return OpSchema("CumProd", "Running product along an axis.")
      .Input("x")
      .Ints("axis")
      .Attr("exclusive", false)
      .Attr("reverse", false)
      .Output("y")
      .Infer(InferScan);
}
OpSchema Cummax() {
  return OpSchema("Cummax", "Running maximum and where it is.")
      .Input("x")
      .Attr("axis", int64_t{0})
      .Output("y")
      .Output("index")
      .Infer(InferCum2);
}
OpSchema Cummin() {
  return OpSchema("Cummin", "Running minimum and where it is.")
      .Input("x")
      .Attr("axis", int64_t{0})
      .Output("y")
      .Output("index")
      .Infer(InferCum2);
}
OpSchema Softmax() {
  return OpSchema("Softmax", "exp(x) / sum(exp(x)) along an axis.")
      .Input("x")
      .Attr("axis", int64_t{-1})
      .Output("y")
      .Infer(InferSoftmax);
}
OpSchema LogSoftmax() {
  return OpSchema("LogSoftmax", "log(softmax(x)) along an axis.")
      .Input("x")
      .Attr("axis", int64_t{-1})
      .Output("y")
      .Infer(InferSoftmax);
}
OpSchema L2Normalize() {
  return OpSchema("L2Normalize", "x / sqrt(max(sum(x^2), epsilon)) along axes.")
      .Input("x")
      .Attr("axis", int64_t{0})
      .Attr("epsilon", 1e-4)
      .Output("y")
      .Infer(InferAxisSame);
}

}  // namespace schemas

namespace {

absl::Status InferAssign(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireSameDType(0, 1));
  return InferSame(c);
}

absl::Status InferAssignSameShape(InferContext& c) {
  if (c.shape(0).concrete() && c.shape(1).concrete() && c.shape(0) != c.shape(1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot assign ", ToString(c.shape(1)), " to ", ToString(c.shape(0))));
  }
  return InferAssign(c);
}

absl::Status InferAssignBroadcast(InferContext& c) {
  MIRIN_ASSIGN_OR_RETURN(const Shape shape, BroadcastShapes(c.shape(0), c.shape(1)));
  if (shape.concrete() && shape != c.shape(0)) {
    return absl::InvalidArgumentError(absl::StrCat("cannot add ", ToString(c.shape(1)), " to ",
                                                   ToString(c.shape(0)), " in place"));
  }
  return InferAssign(c);
}

}  // namespace

namespace schemas {

OpSchema ReduceStd() {
  return OpSchema("ReduceStd", "Standard deviation and mean over axes; axis () means all of them.")
      .Input("x")
      .Ints("axis", std::vector<int64_t>{}, {"axes"})
      .Attr("unbiased", true)
      .Attr("keep_dims", false)
      .Output("std")
      .Output("mean")
      .Infer(InferReduceStd);
}
OpSchema Load() {
  return OpSchema("Load", "The value of a variable now.")
      .Input("variable")
      .Output("y")
      .Infer(InferSame)
      .Nondeterministic();
}
OpSchema Assign() {
  return OpSchema("Assign", "variable = value.")
      .Input("variable")
      .Input("value")
      .Output("y")
      .Infer(InferAssignSameShape)
      .WritesVariable();
}
OpSchema AssignAdd() {
  return OpSchema("AssignAdd", "variable += value.")
      .Input("variable")
      .Input("value")
      .Output("y")
      .Infer(InferAssignBroadcast)
      .WritesVariable();
}
OpSchema AssignSub() {
  return OpSchema("AssignSub", "variable -= value.")
      .Input("variable")
      .Input("value")
      .Output("y")
      .Infer(InferAssignBroadcast)
      .WritesVariable();
}

}  // namespace schemas
}  // namespace mirin::ops
