// The first of a line in sorted order.
#include <algorithm>
#include <cstring>

#include "core/backends/cpu/kernel.h"
#include "core/base/status.h"

namespace mirin::cpu {
namespace {

// Numbers whose order is the order of places: NaN comes first when descending, last when ascending, as the reference has it; both zeros are
// one number.
uint32_t Place(float x, bool descending) {
  if (x != x) return descending ? 0 : ~uint32_t{0};
  uint32_t bits;
  x += 0.0f;  // -0 becomes 0
  std::memcpy(&bits, &x, sizeof bits);
  const uint32_t rising = (bits >> 31) != 0 ? ~bits : bits | uint32_t{1} << 31;
  return descending ? ~rising : rising;
}

// The k least keys in front, in order.
void SortFirst(uint64_t* keys, int64_t n, int64_t k) {
  if (k < n / 8) {
    std::partial_sort(keys, keys + k, keys + n);
  } else {
    if (k < n) std::nth_element(keys, keys + k, keys + n);
    std::sort(keys, keys + k);
  }
}

}  // namespace

// TopK, TopKAxis and Sort.
KernelResult MakeTopK(const KernelRequest& r) {
  if (!IsF32(r, 0)) return Refuse(r.inputs[0]);
  const DType index_type = r.outputs[1].dtype;
  if (index_type != DType::kInt32 && index_type != DType::kInt64) return Refuse(r.outputs[1]);
  const std::string& op = r.node->op();
  const Dims &x = r.inputs[0].shape.dims(), &y = r.outputs[0].shape.dims();
  MIRIN_ASSIGN_OR_RETURN(
      const int axis,
      NormalizeAxis(op == "TopK" ? -1 : r.node->attrs().Int("axis"), static_cast<int>(x.size())));
  const bool descending =
      op == "TopK" || r.node->attrs().Bool(op == "Sort" ? "descending" : "largest");
  int64_t outer = 1, inner = 1;
  for (int i = 0; i < static_cast<int>(x.size()); ++i)
    (i > axis ? inner : outer) *= i == axis ? 1 : x[i];
  const int64_t n = x[axis], k = y[axis];
  if (n > UINT32_MAX) return absl::UnimplementedError("an axis of more than 2^32 elements");
  KernelTraits traits;
  traits.implementation = absl::StrCat("cpu:", op);
  traits.scratch_bytes = static_cast<size_t>(n) * sizeof(uint64_t);
  return FromFunction(traits, [=](const KernelContext& c) {
    auto* keys = static_cast<uint64_t*>(c.scratch());
    for (int64_t line = 0; line < outer * inner; ++line) {
      const int64_t o = line / inner, i = line % inner;
      const float* from = c.input(0).as<float>() + o * n * inner + i;
      for (int64_t j = 0; j < n; ++j)
        keys[j] = uint64_t{Place(from[j * inner], descending)} << 32 | static_cast<uint64_t>(j);
      SortFirst(keys, n, k);
      for (int64_t j = 0; j < k; ++j) {
        const auto place = static_cast<int64_t>(keys[j] & UINT32_MAX);
        const int64_t to = (o * k + j) * inner + i;
        c.output(0).as<float>()[to] = from[place * inner];
        if (index_type == DType::kInt64) {
          c.output(1).as<int64_t>()[to] = place;
        } else {
          c.output(1).as<int32_t>()[to] = static_cast<int32_t>(place);
        }
      }
    }
  });
}

}  // namespace mirin::cpu
