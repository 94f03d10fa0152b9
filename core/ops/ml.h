// Attributes of the ops of classical machine learning, for kernels.
#ifndef CORE_OPS_ML_H_
#define CORE_OPS_ML_H_

#include <string>
#include <vector>

#include "core/ir/attribute.h"

namespace mirin::ops {

// A list of texts; empty when there is none. It lives as long as the attributes.
const std::vector<std::string>& Texts(const ir::Attributes& attrs, absl::string_view name);

}  // namespace mirin::ops

#endif  // CORE_OPS_ML_H_
