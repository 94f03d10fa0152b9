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
    MIRIN_ASSIGN_OR_RETURN(const bool some, c.IntsPartly(0, &to));
    Shape shape = some && to.size() <= kMaxRank ? Shape::OfRank(static_cast<int>(to.size()))
                                                : ShapeOfLength(c.shape(0));
    for (int i = 0; some && i < shape.rank(); ++i)
      shape.set_dim(i, std::max<int64_t>(to[static_cast<size_t>(i)], -1));
    c.SetOutput(0, dtype, std::move(shape));
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
    v[i] = VisitDType(
        t->dtype(),
        [&](auto tag) { return static_cast<double>(*t->data_as<typename decltype(tag)::type>()); },
        0.0);
  }
  if (v[2] == 0) return absl::InvalidArgumentError("the step is 0");
  double count = std::max(0.0, std::ceil((v[1] - v[0]) / v[2]));
  if (!(count < 1e12)) return absl::ResourceExhaustedError("the range has too many elements");
  if (IsInt(c.dtype(0)) && c.dtype(0) != DType::kUInt64) {
    // Doubles may miss by one beyond 2^53.
    int64_t exact[3];
    for (int i = 0; i < 3; ++i) {
      MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> one, c.value(i)->ToInt64s());
      exact[i] = one[0];
    }
    const __int128 span = static_cast<__int128>(exact[1]) - exact[0], step = exact[2];
    if (step == 0) return absl::InvalidArgumentError("the step is 0");
    const __int128 n = (span + step - (step > 0 ? 1 : -1)) / step;
    count = static_cast<double>((span > 0) == (step > 0) && span != 0 ? n : 0);
  }
  c.SetOutput(0, c.dtype(0), Shape({static_cast<int64_t>(count)}));
  return absl::OkStatus();
}

}  // namespace

namespace schemas {

OpSchema Fill() {
  return OpSchema("Fill", "A tensor of one value.")
      .Ints("shape")
      .Input("value")
      .Attr("dtype", std::monostate())
      .Output("y")
      .Infer(InferFill);
}
OpSchema FillV2() {
  return OpSchema("FillV2", "A tensor of one value.")
      .Ints("shape")
      .Input("value")
      .Attr("dtype", std::monostate())
      .Output("y")
      .Infer(InferFill);
}
OpSchema Zeros() {
  return OpSchema("Zeros", "Zeros.")
      .Ints("size", {"shape"})
      .Attr("dtype", std::monostate())
      .Output("y")
      .Infer(InferFill);
}
OpSchema Ones() {
  return OpSchema("Ones", "Ones.")
      .Ints("size", {"shape"})
      .Attr("dtype", std::monostate())
      .Output("y")
      .Infer(InferFill);
}
OpSchema ZerosLike() {
  return OpSchema("ZerosLike", "Zeros of x's shape.")
      .Input("x")
      .Attr("dtype", std::monostate())
      .Output("y")
      .Infer(InferLike);
}
OpSchema OnesLike() {
  return OpSchema("OnesLike", "Ones of x's shape.")
      .Input("x")
      .Attr("dtype", std::monostate())
      .Output("y")
      .Infer(InferLike);
}
OpSchema Range() {
  return OpSchema("Range", "start, start + delta .. below limit.")
      .Input("start")
      .Input("limit")
      .Input("delta")
      .Attr("maxlen", int64_t{1000000})
      .Output("y")
      .Infer(InferRange)
      .ShapeFromValue("start")
      .ShapeFromValue("limit")
      .ShapeFromValue("delta");
}

// -- slices -----------------------------------------------------------------------------------------------------------

}  // namespace schemas
}  // namespace mirin::ops
