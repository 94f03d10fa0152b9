#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {

// As numpy.matmul: vectors get an axis that the result loses.
absl::Status MatMul(OpContext& c) {
  MIRIN_RETURN_IF_ERROR(RequireSameDTypes(c));
  MIRIN_ASSIGN_OR_RETURN(const int rank_a, c.Rank(0));
  MIRIN_ASSIGN_OR_RETURN(const int rank_b, c.Rank(1));
  if (rank_a == 0 || rank_b == 0) return absl::InvalidArgumentError("MatMul takes no scalars");
  GraphBuilder& b = c.builder();
  ir::Value* x = rank_a == 1 ? b.Unsqueeze(c.input(0), {0}) : c.input(0);
  ir::Value* y = rank_b == 1 ? b.Unsqueeze(c.input(1), {1}) : c.input(1);
  ir::Value* product = c.Op(rank_a <= 2 && rank_b <= 2 ? "MatMul" : "BatchMatMul", {x, y});
  std::vector<int64_t> axes;
  if (rank_a == 1) axes.push_back(-2);
  if (rank_b == 1) axes.push_back(-1);
  c.SetOutput(0, b.Squeeze(product, axes));
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
