#include "core/backend/kernel.h"

namespace mirin {

size_t LayoutBytes(DType dtype, absl::Span<const int64_t> dims, Layout layout) {
  int64_t elements = NumElements(dims);
  const int64_t block = layout == Layout::kBlocked8 ? 8 : layout == Layout::kBlocked16 ? 16 : 1;
  if (block > 1 && dims.size() >= 3 && dims[1] > 0) elements = elements / dims[1] * ((dims[1] + block - 1) / block * block);
  return static_cast<size_t>(elements) * SizeOf(dtype);
}

}  // namespace mirin
