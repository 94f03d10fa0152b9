#include "core/base/shape.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace mirin {

bool Shape::concrete() const {
  return rank_known_ && std::all_of(dims_.begin(), dims_.end(), [](int64_t d) { return d >= 0; });
}

std::string ToString(absl::Span<const int64_t> dims) {
  return absl::StrCat("[",
                      absl::StrJoin(dims, ",",
                                    [](std::string* out, int64_t d) {
                                      d < 0 ? absl::StrAppend(out, "?") : absl::StrAppend(out, d);
                                    }),
                      "]");
}

std::string ToString(const Shape& shape) {
  return shape.rank_known() ? ToString(absl::MakeConstSpan(shape.dims())) : "[...]";
}

absl::StatusOr<int64_t> CheckedElements(absl::Span<const int64_t> dims) {
  int64_t product = 1;
  bool overflow = false;
  bool zero = false;
  for (int64_t d : dims) {
    if (d < 0)
      return absl::InvalidArgumentError(absl::StrCat("negative size in shape ", ToString(dims)));
    zero |= d == 0;
    if (!overflow && __builtin_mul_overflow(product, d, &product)) overflow = true;
  }
  if (zero) return 0;
  if (overflow) {
    return absl::ResourceExhaustedError(
        absl::StrCat("shape ", ToString(dims), " has more elements than 2^63"));
  }
  return product;
}

absl::StatusOr<size_t> CheckedBytes(DType dtype, absl::Span<const int64_t> dims) {
  absl::StatusOr<int64_t> elements = CheckedElements(dims);
  if (!elements.ok()) return elements.status();
  int64_t bytes;
  if (__builtin_mul_overflow(*elements, static_cast<int64_t>(SizeOf(dtype)), &bytes)) {
    return absl::ResourceExhaustedError(
        absl::StrCat("tensor ", Name(dtype), ToString(dims), " is larger than 2^63 bytes"));
  }
  return static_cast<size_t>(bytes);
}

int64_t NumElements(absl::Span<const int64_t> dims) {
  int64_t product = 1;
  for (int64_t d : dims) product *= d;
  return product;
}

absl::StatusOr<int> NormalizeAxis(int64_t axis, int rank, absl::string_view what) {
  if (axis < -rank || axis >= rank) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, " ", axis, " is out of range for a tensor of rank ", rank));
  }
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

absl::Status IndexError(int64_t index, int64_t n) {
  return absl::InvalidArgumentError(
      absl::StrCat("index ", index, " is out of range for ", n, " elements"));
}

absl::StatusOr<Shape> BroadcastShapes(const Shape& a, const Shape& b) {
  if (!a.rank_known() || !b.rank_known()) return Shape::Unknown();
  const int rank = std::max(a.rank(), b.rank());
  Dims out(rank, 1);
  for (int i = 0; i < rank; ++i) {
    const int ia = i - (rank - a.rank());
    const int ib = i - (rank - b.rank());
    const int64_t da = ia < 0 ? 1 : a.dim(ia);
    const int64_t db = ib < 0 ? 1 : b.dim(ib);
    if (da == db) {
      out[i] = da;
    } else if (da == 1) {
      out[i] = db;
    } else if (db == 1) {
      out[i] = da;
    } else if (da < 0) {
      out[i] = db;
    } else if (db < 0) {
      out[i] = da;
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("shapes ", ToString(a), " and ", ToString(b), " do not broadcast"));
    }
  }
  return Shape(std::move(out));
}

Dims Strides(absl::Span<const int64_t> dims) {
  Dims strides(dims.size(), 1);
  for (int i = static_cast<int>(dims.size()) - 2; i >= 0; --i)
    strides[i] = strides[i + 1] * dims[i + 1];
  return strides;
}

}  // namespace mirin
