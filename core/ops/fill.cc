// Tensors made of one value or of a range.
#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "core/ops/infer.h"
#include "core/ops/registry.h"

namespace mirin::ops {
namespace {

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
    MIRIN_RETURN_IF_ERROR(c.RequireOneElement(i));
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
}  // namespace mirin::ops
