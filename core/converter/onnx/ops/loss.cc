// Losses, written with gathers and sums.
#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx {
namespace {

enum class Reduction { kNone, kSum, kMean };

absl::StatusOr<Reduction> ReadReduction(OpContext& c) {
  const std::string name = c.String("reduction", "mean");
  if (name == "none") return Reduction::kNone;
  if (name == "sum") return Reduction::kSum;
  if (name == "mean") return Reduction::kMean;
  return absl::InvalidArgumentError(absl::StrCat("reduction is '", name, "'"));
}

// -log_prob[n, target[n, d..], d..] * weight[target], and 0 where the target is ignore_index; the mean is over the weights.
absl::StatusOr<ir::Value*> NegativeLogLikelihood(OpContext& c, ir::Value* log_prob,
                                                 ir::Value* target, ir::Value* weight) {
  GraphBuilder& b = c.builder();
  MIRIN_ASSIGN_OR_RETURN(const Reduction reduction, ReadReduction(c));
  ir::Value* ignored = nullptr;  // bool: where nothing counts
  if (c.Has("ignore_index")) {
    ignored = b.Op("Equal",
                   {target, b.ScalarLike(static_cast<double>(c.Int("ignore_index", 0)), target)});
    target = b.Op("Select", {ignored, b.ScalarLike(0, target), target});  // a class that is there
  }
  ir::Value* picked =
      b.Squeeze(b.Op("GatherD", {log_prob, b.Int(1), b.Unsqueeze(target, {1})}), {1});
  ir::Value* loss = b.Op("Neg", {picked});
  ir::Value* weights = nullptr;  // of every sample; null: all 1
  if (weight != nullptr) weights = b.Op("Gather", {weight, target}, {{"axis", 0}});
  if (ignored != nullptr) {
    ir::Value* zero = b.ScalarLike(0, log_prob);
    loss = b.Op("Select", {ignored, zero, loss});
    weights =
        b.Op("Select", {ignored, zero, weights != nullptr ? weights : b.ScalarLike(1, log_prob)});
  }
  if (weight != nullptr) loss = b.Mul(loss, weights);
  switch (reduction) {
    case Reduction::kNone:
      return loss;
    case Reduction::kSum:
      return b.Op("ReduceSum", {loss});
    case Reduction::kMean:
      break;
  }
  if (weights == nullptr) return b.Op("ReduceMean", {loss});
  return b.Op("RealDiv", {b.Op("ReduceSum", {loss}), b.Op("ReduceSum", {weights})});
}

ir::Value* WeightOf(OpContext& c) { return c.has_input(2) ? c.input(2) : nullptr; }

}  // namespace

namespace translate {

absl::Status NegativeLogLikelihoodLoss(OpContext& c) {
  MIRIN_ASSIGN_OR_RETURN(ir::Value * loss,
                         NegativeLogLikelihood(c, c.input(0), c.input(1), WeightOf(c)));
  c.SetOutput(0, loss);
  return absl::OkStatus();
}

absl::Status SoftmaxCrossEntropyLoss(OpContext& c) {
  ir::Value* log_prob = c.Op("LogSoftmax", {c.input(0)}, {{"axis", 1}});
  MIRIN_ASSIGN_OR_RETURN(ir::Value * loss,
                         NegativeLogLikelihood(c, log_prob, c.input(1), WeightOf(c)));
  c.SetOutput(0, loss);
  c.SetOutput(1, log_prob);
  return absl::OkStatus();
}

}  // namespace translate
}  // namespace mirin::onnx
