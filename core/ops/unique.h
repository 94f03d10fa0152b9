// Finding equal elements, or equal slices along an axis: what the op UniqueSlices does.
#ifndef CORE_OPS_UNIQUE_H_
#define CORE_OPS_UNIQUE_H_

#include <optional>
#include <vector>

#include "core/base/shape.h"
#include "core/ir/attribute.h"

namespace mirin::ops {

struct UniqueSlices {
  std::vector<int64_t> first;    // per distinct slice, where it occurs first
  std::vector<int64_t> inverse;  // per slice, which distinct one it is
  std::vector<int64_t> counts;
};

// The attribute "axis"; nothing when single elements are compared.
std::optional<int64_t> UniqueAxis(const ir::Attributes& attrs);
// Distinct slices in rising order when the attribute "sorted" says so, else as they come. NaN equals itself and comes last; slices
// compare element by element, the first difference decides. `data` is aligned, the axis valid.
UniqueSlices FindUnique(DType dtype, absl::Span<const int64_t> dims, const void* data,
                        const ir::Attributes& attrs);

}  // namespace mirin::ops

#endif  // CORE_OPS_UNIQUE_H_
