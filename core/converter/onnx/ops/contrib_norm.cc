// onnxruntime's normalisations of sums.
#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx {
namespace {

constexpr double kEpsilon = 1e-12f;  // the domain's default

// Over the last axis. An absent beta is zero.
absl::StatusOr<ir::Value*> LayerNormOf(OpContext& c, ir::Value* x, ir::Value* gamma,
                                       ir::Value* beta) {
  if (beta == GraphBuilder::Absent()) beta = c.Op("ZerosLike", {gamma});
  return c.Op("LayerNorm", {x, gamma, beta},
              {{"begin_norm_axis", -1},
               {"begin_params_axis", -1},
               {"epsilon", c.Float("epsilon", kEpsilon)}});
}

// input + skip + bias; what has fewer rows repeats.
ir::Value* SkipSum(OpContext& c, int bias) {
  ir::Value* sum = c.builder().Add(c.input(0), c.input(1));
  return c.has_input(bias) ? c.builder().Add(sum, c.input(bias)) : sum;
}

absl::Status RequireVectorDType(OpContext& c, int i) {
  if (!c.has_input(i) || c.dtype(i) == c.dtype(0)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("input ", i, " is ", Name(c.dtype(i)), ", expected ", Name(c.dtype(0))));
}

}  // namespace

namespace translate {

absl::Status SkipLayerNormalization(OpContext& c) {
  MIRIN_RETURN_IF_ERROR(RequireSameDTypes(c));
  ir::Value* sum = SkipSum(c, 4);
  MIRIN_ASSIGN_OR_RETURN(ir::Value * y, LayerNormOf(c, sum, c.input(2), c.OptionalInput(3)));
  c.SetOutput(0, y);
  c.SetOutput(3, sum);
  return absl::OkStatus();
}

absl::Status SkipSimplifiedLayerNormalization(OpContext& c) {
  MIRIN_RETURN_IF_ERROR(RequireSameDTypes(c));
  ir::Value* sum = SkipSum(c, 3);
  c.SetOutput(0, c.Op("RmsNorm", {sum, c.input(2)}, {{"epsilon", c.Float("epsilon", kEpsilon)}}));
  c.SetOutput(3, sum);
  return absl::OkStatus();
}

// In the standard's domain too, where onnxruntime puts it. The scale covers the axes from `axis` on.
absl::Status SimplifiedLayerNormalization(OpContext& c) {
  MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(0));
  MIRIN_RETURN_IF_ERROR(RequireVectorDType(c, 1));
  int64_t axis = c.Int("axis", -1);
  if (axis < 0) axis += rank;
  MIRIN_ASSIGN_OR_RETURN(const int scale_rank, c.Rank(1));
  if (axis < 0 || axis >= rank || scale_rank != rank - axis)
    return absl::InvalidArgumentError(
        absl::StrCat("a scale of rank ", scale_rank, " for axis ", axis, " of ", rank));
  if (c.Int("stash_type", 1) != 1)
    return Refuse(absl::StrCat("stash_type ", c.Int("stash_type", 1)), "use float32 (1)");
  const std::vector<ir::Value*> results =
      c.Ops("RmsNorm", {c.input(0), c.input(1)}, {{"epsilon", c.Float("epsilon", 1e-5f)}});
  for (size_t i = 0; i < results.size(); ++i) c.SetOutput(static_cast<int>(i), results[i]);
  return absl::OkStatus();
}

// Words, positions and segments looked up and added, then normalised; the mask's words are counted.
absl::Status EmbedLayerNormalization(OpContext& c) {
  GraphBuilder& b = c.builder();
  c.Ignore("mask_index_type");  // tells shape inference of the second result
  const auto rows = [&](int table, ir::Value* indices) {
    return c.Op("Gather", {c.input(table), indices});
  };
  ir::Value* length = b.DimOf(c.input(0), 1);
  ir::Value* position = nullptr;
  if (c.has_input(8)) {
    position = rows(3, c.input(8));
  } else {
    position = b.Unsqueeze(rows(3, b.Op("Range", {b.Int(0), length, b.Int(1)})), {0});
  }
  ir::Value* sum = b.Add(rows(2, c.input(0)), position);
  if (c.has_input(1) != c.has_input(4))
    return absl::InvalidArgumentError("segment_ids and segment_embedding go together");
  if (c.has_input(1)) sum = b.Add(sum, rows(4, c.input(1)));
  MIRIN_ASSIGN_OR_RETURN(ir::Value * y, LayerNormOf(c, sum, c.input(5), c.input(6)));
  c.SetOutput(0, y);
  c.SetOutput(2, sum);
  if (!c.wants(1)) return absl::OkStatus();
  if (c.has_input(7)) {
    ir::Value* words =
        b.Cast(c.Op("Equal", {c.input(7), b.ScalarLike(1, c.input(7))}), DType::kInt32);
    c.SetOutput(1, c.Op("ReduceSum", {words, b.Ints({1})}));
  } else {
    c.SetOutput(1, c.Op("FillV2", {b.Op("PackScalars", {b.DimOf(c.input(0), 0)}),
                                   b.Scalar(0, DType::kInt32)}));
  }
  return absl::OkStatus();
}

}  // namespace translate
}  // namespace mirin::onnx
