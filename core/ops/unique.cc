#include "core/ops/unique.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "core/ops/infer.h"
#include "core/ops/registry.h"

namespace mirin::ops {
namespace {

// -1, 0, 1; NaN equals itself and is larger than every number.
template <typename T>
int Compare(const T& a, const T& b) {
  if constexpr (std::is_same_v<T, absl::string_view> || std::is_integral_v<T>) {
    return a < b ? -1 : b < a ? 1 : 0;
  } else {
    const double x = static_cast<double>(a), y = static_cast<double>(b);
    if (x != x || y != y) return (x != x ? 1 : 0) - (y != y ? 1 : 0);
    return x < y ? -1 : y < x ? 1 : 0;
  }
}

template <typename T>
UniqueSlices Find(const T* data, int64_t outer, int64_t n, int64_t inner, bool sorted) {
  const auto compare = [&](int64_t a, int64_t b) {
    for (int64_t o = 0; o < outer; ++o) {
      for (int64_t i = 0; i < inner; ++i) {
        const int c = Compare(data[(o * n + a) * inner + i], data[(o * n + b) * inner + i]);
        if (c != 0) return c;
      }
    }
    return 0;
  };
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return compare(a, b) < 0; });
  UniqueSlices found;
  found.inverse.resize(static_cast<size_t>(n));
  for (size_t k = 0; k < order.size(); ++k) {
    if (k == 0 || compare(order[k - 1], order[k]) != 0) {
      found.first.push_back(order[k]);
      found.counts.push_back(0);
    }
    ++found.counts.back();
    found.inverse[static_cast<size_t>(order[k])] = static_cast<int64_t>(found.first.size()) - 1;
  }
  if (sorted) return found;
  // As they come.
  std::vector<int64_t> by_place(found.first.size()), place(found.first.size());
  std::iota(by_place.begin(), by_place.end(), 0);
  std::sort(by_place.begin(), by_place.end(), [&](int64_t a, int64_t b) {
    return found.first[static_cast<size_t>(a)] < found.first[static_cast<size_t>(b)];
  });
  UniqueSlices out = found;
  for (size_t k = 0; k < by_place.size(); ++k) {
    const size_t from = static_cast<size_t>(by_place[k]);
    out.first[k] = found.first[from];
    out.counts[k] = found.counts[from];
    place[from] = static_cast<int64_t>(k);
  }
  for (int64_t& i : out.inverse) i = place[static_cast<size_t>(i)];
  return out;
}

absl::Status InferUnique(InferContext& c) {
  const Shape& x = c.shape(0);
  const std::optional<int64_t> axis = UniqueAxis(c.attrs());
  Shape y = axis ? x : Shape({-1});
  int64_t n = x.concrete() ? NumElements(x.dims()) : -1;
  int at = 0;
  if (axis && x.rank_known()) {
    MIRIN_ASSIGN_OR_RETURN(at, NormalizeAxis(*axis, x.rank()));
    n = x.dim(at);
    y.set_dim(at, -1);
  }
  int64_t count = -1;
  // Slices without elements cost no memory in x, but they do here.
  if (n > (int64_t{1} << 31))
    return absl::ResourceExhaustedError(absl::StrCat(n, " slices are too many"));
  if (const Tensor* value = c.value(0)) {
    MIRIN_ASSIGN_OR_RETURN(const Tensor aligned, value->Aligned());
    count = static_cast<int64_t>(
        FindUnique(aligned.dtype(), aligned.dims(), aligned.data(), c.attrs()).first.size());
    y.set_dim(at, count);
  }
  c.SetOutput(0, c.dtype(0), std::move(y));
  c.SetOutput(1, DType::kInt64, Shape({count}));
  c.SetOutput(2, DType::kInt64, Shape({n}));
  c.SetOutput(3, DType::kInt64, Shape({count}));
  return absl::OkStatus();
}

}  // namespace

std::optional<int64_t> UniqueAxis(const ir::Attributes& attrs) {
  const ir::Attribute* axis = attrs.Find("axis");
  if (axis == nullptr || std::holds_alternative<std::monostate>(*axis)) return std::nullopt;
  return attrs.Int("axis");
}

UniqueSlices FindUnique(DType dtype, absl::Span<const int64_t> dims, const void* data,
                        const ir::Attributes& attrs) {
  int64_t outer = 1, n = 1, inner = 1;
  if (const std::optional<int64_t> axis = UniqueAxis(attrs)) {
    const int64_t at = *axis < 0 ? *axis + static_cast<int64_t>(dims.size()) : *axis;
    for (int64_t i = 0; i < static_cast<int64_t>(dims.size()); ++i)
      (i < at ? outer : i == at ? n : inner) *= dims[static_cast<size_t>(i)];
  } else {
    n = NumElements(dims);
  }
  const bool sorted = attrs.Bool("sorted", true);
  if (dtype == DType::kString)
    return Find(static_cast<const absl::string_view*>(data), outer, n, inner, sorted);
  return VisitDType(
      dtype,
      [&](auto tag) {
        return Find(static_cast<const typename decltype(tag)::type*>(data), outer, n, inner,
                    sorted);
      },
      UniqueSlices());
}

namespace schemas {

OpSchema UniqueSlices() {
  return OpSchema("UniqueSlices",
                  "Distinct elements, or slices along an axis: themselves, where each comes first, "
                  "which one each of x is, how often. (internal)")
      .Input("x")
      .Attr("axis", std::monostate())
      .Attr("sorted", true)
      .Output("y")
      .Output("indices")
      .Output("inverse")
      .Output("counts")
      .Infer(InferUnique)
      .ShapeFromValue("x");
}

}  // namespace schemas
}  // namespace mirin::ops
