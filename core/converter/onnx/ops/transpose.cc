#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {

absl::Status Transpose(OpContext& c) {
  std::vector<int64_t> perm = c.Ints("perm");
  if (!c.Has("perm")) {
    MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(0));
    for (int i = rank - 1; i >= 0; --i) perm.push_back(i);
  }
  c.SetOutput(0, c.builder().Transpose(c.input(0), perm));
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
