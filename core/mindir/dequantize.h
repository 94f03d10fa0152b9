// Weights that the Lite converter stored as integers.
#ifndef CORE_MINDIR_DEQUANTIZE_H_
#define CORE_MINDIR_DEQUANTIZE_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/base/tensor.h"
#include "core/mindir/raw_model.h"

namespace mirin::mindir {

// The float32 weights behind an int8 parameter with "linear_quant" parameters:
//   weight = ((q - zero_point) * scale) * var_corr + mean_corr, per channel or per tensor.
// The channel axis is the one whose size is the number of scales (axis 0 first). A parameter that says int8 but still holds
// four bytes per element (the converter leaves such behind) is taken as the float32 weights that it holds.
// An invalid tensor when there is nothing to restore (other dtypes or algorithms, no scales).
absl::StatusOr<Tensor> Dequantize(const RawTensor& raw, DType dtype, absl::string_view data);

}  // namespace mirin::mindir

#endif  // CORE_MINDIR_DEQUANTIZE_H_
