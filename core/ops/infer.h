// Inference functions and pieces that op families share.
#ifndef CORE_OPS_INFER_H_
#define CORE_OPS_INFER_H_

#include <vector>

#include "core/base/status.h"
#include "core/ops/partial_values.h"
#include "core/ops/schema.h"

namespace mirin::ops {

// Output 0 is like input 0: any dtype / numbers / floating point / integers and bool.
absl::Status InferSame(InferContext& c);
absl::Status InferSameNumber(InferContext& c);
absl::Status InferSameFloat(InferContext& c);
absl::Status InferSameInteger(InferContext& c);
// A bool tensor of input 0's shape.
absl::Status InferPredicate(InferContext& c);
// Broadcast of inputs 0 and 1 with the promoted dtype; bool for comparisons.
absl::Status InferArithmetic(InferContext& c);
absl::Status InferTrueDivision(InferContext& c);  // integers give float32
absl::Status InferComparison(InferContext& c);
absl::Status InferEquality(InferContext& c);  // takes strings, too
absl::Status InferLogical(InferContext& c);

// dtype of a binary arithmetic result: equal ones stay; a number wins over bool; a float over integers; else the wider one.
absl::StatusOr<DType> Promote(DType a, DType b);

// Axes of an attribute or Ints value as sorted unique numbers in [0, rank); empty means all axes. InvalidArgument for
// repeated or out-of-range ones.
absl::StatusOr<std::vector<int>> NormalizeAxes(absl::Span<const int64_t> axes, int rank);

// The numbers of a tensor that need not be aligned.
std::vector<double> NumbersOf(const Tensor& tensor);

// What a tensor of integers that is a shape says by its own shape: a rank, if anything.
Shape ShapeOfLength(const Shape& ints);

// The shape left when `axes` are reduced.
Shape ReducedShape(const Shape& x, absl::Span<const int> axes, bool keep_dims);

}  // namespace mirin::ops

#endif  // CORE_OPS_INFER_H_
