// Tensor shapes: concrete dims, and shapes that may be partly unknown.
#ifndef CORE_BASE_SHAPE_H_
#define CORE_BASE_SHAPE_H_

#include <cstdint>
#include <initializer_list>
#include <string>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/base/dtype.h"

namespace mirin {

// Sizes of axes, in elements. -1 stands for unknown only inside Shape.
using Dims = absl::InlinedVector<int64_t, 6>;

// No tensor has more axes than this.
constexpr int kMaxRank = 8;

// A shape whose axes (-1) or even rank may be unknown. A default-constructed Shape has unknown rank; Shape(Dims{}) is a scalar.
class Shape {
 public:
  Shape() = default;
  explicit Shape(Dims dims) : rank_known_(true), dims_(std::move(dims)) {}
  Shape(std::initializer_list<int64_t> dims) : rank_known_(true), dims_(dims) {}
  explicit Shape(absl::Span<const int64_t> dims)
      : rank_known_(true), dims_(dims.begin(), dims.end()) {}

  static Shape Unknown() { return Shape(); }
  // `rank` unknown axes.
  static Shape OfRank(int rank) { return Shape(Dims(rank, -1)); }

  bool rank_known() const { return rank_known_; }
  // 0 when the rank is unknown: ask rank_known() first.
  int rank() const { return static_cast<int>(dims_.size()); }
  const Dims& dims() const { return dims_; }
  int64_t dim(int axis) const { return dims_[axis]; }
  void set_dim(int axis, int64_t size) { dims_[axis] = size; }
  // Every axis known: the shape of a real tensor.
  bool concrete() const;

  friend bool operator==(const Shape& a, const Shape& b) {
    return a.rank_known_ == b.rank_known_ && a.dims_ == b.dims_;
  }
  friend bool operator!=(const Shape& a, const Shape& b) { return !(a == b); }

 private:
  bool rank_known_ = false;
  Dims dims_;
};

// "[2,3]", "[2,?]", "[...]" for an unknown rank, "[]" for a scalar.
std::string ToString(const Shape& shape);
std::string ToString(absl::Span<const int64_t> dims);

// Product of the sizes; ResourceExhausted when it does not fit, InvalidArgument for a negative size.
absl::StatusOr<int64_t> CheckedElements(absl::Span<const int64_t> dims);
// Bytes of a dense tensor, checked in the same way.
absl::StatusOr<size_t> CheckedBytes(DType dtype, absl::Span<const int64_t> dims);
// Product without checks, for dims that were checked before.
int64_t NumElements(absl::Span<const int64_t> dims);

// axis in [-rank, rank) as a number in [0, rank); InvalidArgument otherwise. `what` names the attribute in the message.
absl::StatusOr<int> NormalizeAxis(int64_t axis, int rank, absl::string_view what = "axis");

// The InvalidArgument of an index that names none of n elements: every backend says it alike.
absl::Status IndexError(int64_t index, int64_t n);

// NumPy broadcasting of two shapes; unknown axes give unknown results unless the other side decides.
absl::StatusOr<Shape> BroadcastShapes(const Shape& a, const Shape& b);

// Row-major strides in elements.
Dims Strides(absl::Span<const int64_t> dims);

}  // namespace mirin

#endif  // CORE_BASE_SHAPE_H_
