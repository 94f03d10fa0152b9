#include <cmath>

#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {

absl::Status LinearAttention(OpContext& c) {
  MIRIN_ASSIGN_OR_RETURN(const int64_t heads, c.RequiredInt("q_num_heads"));
  MIRIN_ASSIGN_OR_RETURN(const int64_t key_heads, c.RequiredInt("kv_num_heads"));
  c.Ignore("chunk_size");  // how to compute, not what
  for (int i = 0; i < 6; ++i) {
    if (i == 3 || !c.has_input(i)) continue;
    MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(i));
    if (rank != 3)
      return absl::InvalidArgumentError(
          absl::StrCat("input ", i, " has rank ", rank, ", expected 3"));
  }
  const std::vector<ir::Value*> results =
      c.Ops("LinearAttention",
            {c.input(0), c.input(1), c.input(2), c.OptionalInput(3), c.OptionalInput(4),
             c.OptionalInput(5)},
            {{"update_rule", c.String("update_rule", "gated_delta")},
             {"q_num_heads", heads},
             {"kv_num_heads", key_heads},
             {"scale", c.Float("scale", 0)}});
  for (size_t i = 0; i < results.size(); ++i) c.SetOutput(static_cast<int>(i), results[i]);
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
