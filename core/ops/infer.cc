#include "core/ops/infer.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace mirin::ops {

absl::Status InferSame(InferContext& c) {
  c.SetOutput(0, c.dtype(0), c.shape(0));
  return absl::OkStatus();
}

absl::Status InferSameNumber(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireNumber(0));
  return InferSame(c);
}

absl::Status InferSameFloat(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  return InferSame(c);
}

absl::Status InferSameInteger(InferContext& c) {
  if (c.dtype(0) != DType::kBool) MIRIN_RETURN_IF_ERROR(c.RequireInt(0));
  return InferSame(c);
}

absl::Status InferPredicate(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireNumber(0));
  c.SetOutput(0, DType::kBool, c.shape(0));
  return absl::OkStatus();
}

absl::StatusOr<DType> Promote(DType a, DType b) {
  if (a == b) return a;
  if (a == DType::kString || b == DType::kString || a == DType::kUnknown || b == DType::kUnknown) {
    return absl::InvalidArgumentError(absl::StrCat("operands are ", Name(a), " and ", Name(b)));
  }
  if (a == DType::kBool) return b;
  if (b == DType::kBool) return a;
  if (IsFloat(a) != IsFloat(b)) return IsFloat(a) ? a : b;
  if (IsFloat(a)) {
    if (SizeOf(a) == SizeOf(b)) return DType::kFloat32;  // float16 with bfloat16
    return SizeOf(a) > SizeOf(b) ? a : b;
  }
  if (IsSignedInt(a) == IsSignedInt(b)) return SizeOf(a) > SizeOf(b) ? a : b;
  const DType with_sign = IsSignedInt(a) ? a : b;
  const DType without = IsSignedInt(a) ? b : a;
  if (SizeOf(with_sign) > SizeOf(without)) return with_sign;
  switch (SizeOf(without)) {
    case 1:
      return DType::kInt16;
    case 2:
      return DType::kInt32;
    default:
      return DType::kInt64;
  }
}

namespace {

absl::Status Broadcast(InferContext& c, DType dtype) {
  MIRIN_ASSIGN_OR_RETURN(Shape shape, BroadcastShapes(c.shape(0), c.shape(1)));
  c.SetOutput(0, dtype, std::move(shape));
  return absl::OkStatus();
}

}  // namespace

absl::Status InferArithmetic(InferContext& c) {
  MIRIN_ASSIGN_OR_RETURN(const DType dtype, Promote(c.dtype(0), c.dtype(1)));
  if (dtype == DType::kString)
    return absl::InvalidArgumentError("operands are strings, expected numbers");
  return Broadcast(c, dtype);
}

absl::Status InferTrueDivision(InferContext& c) {
  MIRIN_ASSIGN_OR_RETURN(const DType dtype, Promote(c.dtype(0), c.dtype(1)));
  if (dtype == DType::kString)
    return absl::InvalidArgumentError("operands are strings, expected numbers");
  return Broadcast(c, IsFloat(dtype) ? dtype : DType::kFloat32);
}

absl::Status InferComparison(InferContext& c) {
  MIRIN_ASSIGN_OR_RETURN(const DType dtype, Promote(c.dtype(0), c.dtype(1)));
  if (dtype == DType::kString)
    return absl::InvalidArgumentError("operands are strings, expected numbers");
  return Broadcast(c, DType::kBool);
}

absl::Status InferEquality(InferContext& c) {
  if (c.dtype(0) != DType::kString || c.dtype(1) != DType::kString) return InferComparison(c);
  return Broadcast(c, DType::kBool);
}

absl::Status InferLogical(InferContext& c) { return InferComparison(c); }

absl::StatusOr<std::vector<int>> NormalizeAxes(absl::Span<const int64_t> axes, int rank) {
  std::vector<int> out;
  if (axes.empty()) {
    for (int i = 0; i < rank; ++i) out.push_back(i);
    return out;
  }
  for (int64_t a : axes) {
    if (rank == 0 && (a == 0 || a == -1)) continue;  // numpy lets a scalar be reduced over axis 0
    MIRIN_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(a, rank));
    out.push_back(axis);
  }
  std::sort(out.begin(), out.end());
  if (std::adjacent_find(out.begin(), out.end()) != out.end())
    return absl::InvalidArgumentError("an axis is repeated");
  return out;
}

std::vector<double> NumbersOf(const Tensor& tensor) {
  std::vector<double> out(static_cast<size_t>(tensor.elements()));
  VisitDType(
      tensor.dtype(),
      [&](auto tag) {
        using T = typename decltype(tag)::type;
        for (size_t i = 0; i < out.size(); ++i) {
          T v;
          __builtin_memcpy(&v, tensor.data_as<char>() + i * sizeof(T), sizeof(T));
          out[i] = static_cast<double>(v);
        }
        return 0;
      },
      0);
  return out;
}

Shape ShapeOfLength(const Shape& ints) {
  const bool rank_known =
      ints.rank_known() && ints.rank() == 1 && ints.dim(0) >= 0 && ints.dim(0) <= kMaxRank;
  return rank_known ? Shape::OfRank(static_cast<int>(ints.dim(0))) : Shape::Unknown();
}

Shape ReducedShape(const Shape& x, absl::Span<const int> axes, bool keep_dims) {
  Dims out;
  for (int i = 0; i < x.rank(); ++i) {
    if (std::find(axes.begin(), axes.end(), i) == axes.end()) {
      out.push_back(x.dim(i));
    } else if (keep_dims) {
      out.push_back(1);
    }
  }
  return Shape(std::move(out));
}

}  // namespace mirin::ops
