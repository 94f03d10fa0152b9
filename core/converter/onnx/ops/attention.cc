// Attention of opset 23; 24 added nonpad_kv_seqlen and masks that are too short, 25 the windows.
#include <cmath>
#include <limits>

#include "core/converter/onnx/ops/attend.h"

namespace mirin::onnx {
namespace {

constexpr double kNothing = -std::numeric_limits<double>::infinity();

// Which keys a query sees.
struct Sight {
  bool causal = false;
  int64_t left = -1, right = -1;
  ir::Value* past_length = nullptr;  // int64[]; null without a cache
  ir::Value* valid = nullptr;        // int64[batch] keys of an outer cache, or null
};

absl::StatusOr<Sight> ReadSight(OpContext& c) {
  Sight s;
  s.causal = c.Bool("is_causal", false);
  if (c.version() >= 25) {
    s.left = c.Int("left_window_size", -1);
    s.right = c.Int("right_window_size", -1);
    if (s.left < -1 || s.right < -1)
      return absl::InvalidArgumentError("a window size is less than -1");
  }
  if (c.has_input(4) != c.has_input(5))
    return absl::InvalidArgumentError("past_key and past_value go together");
  if (c.has_input(6)) {
    if (c.version() < 24)
      return absl::InvalidArgumentError("opset 23 has no input nonpad_kv_seqlen");
    if (c.has_input(4))
      return absl::InvalidArgumentError("nonpad_kv_seqlen does not go with past_key");
    s.valid = c.input(6);
  }
  if (c.has_input(4)) s.past_length = c.builder().DimOf(c.input(4), 2);
  return s;
}

// The mask with as many columns as there are keys; what is added masks.
absl::StatusOr<ir::Value*> Widened(OpContext& c, ir::Value* mask, ir::Value* keys) {
  GraphBuilder& b = c.builder();
  if (mask == nullptr || keys == nullptr) return nullptr;
  const Shape& s = mask->type().shape;
  if (!s.rank_known())
    return Refuse("the rank of attn_mask is not known at conversion",
                  "give the model's inputs a shape");
  if (s.rank() > 4)
    return absl::InvalidArgumentError(
        absl::StrCat("attn_mask ", ToString(s), " has more than 4 axes"));
  if (s.rank() == 0) return b.Unsqueeze(mask, {0});
  const auto known = GraphBuilder::NumberOf(keys);
  const int64_t columns = s.dim(s.rank() - 1);
  if (c.version() < 24 || (known.has_value() && columns == static_cast<int64_t>(*known)))
    return mask;
  std::vector<ir::Value*> dims;
  for (int i = 0; i + 1 < s.rank(); ++i) dims.push_back(b.DimOf(mask, i));
  dims.push_back(b.Op("Maximum", {b.Sub(keys, b.DimOf(mask, -1)), b.Int(0)}));
  const bool boolean = mask->type().dtype == DType::kBool;
  return b.Concat({mask, b.Op("FillV2", {b.Op("PackScalars", dims),
                                         b.ScalarLike(boolean ? 0 : kNothing, mask)})},
                  -1);
}

// What is added to the scores, or null. `empty_rows` tells whether a row may be -inf throughout.
absl::StatusOr<ir::Value*> Bias(OpContext& c, const Sight& sight, ir::Value* queries,
                                ir::Value* keys, bool* empty_rows) {
  GraphBuilder& b = c.builder();
  const DType dtype = c.dtype(0);
  ir::Value* base = b.Scalar(0, dtype);
  std::vector<ir::Value*> conditions;
  if (c.has_input(3)) {
    MIRIN_ASSIGN_OR_RETURN(ir::Value * mask, Widened(c, c.input(3), keys));
    if (c.dtype(3) == DType::kBool) {
      conditions.push_back(mask);
    } else {
      base = b.Cast(mask, dtype);
    }
  }
  const bool bounded = sight.causal || sight.left >= 0 || sight.right >= 0;
  if (bounded) {
    ir::Value* offset = sight.past_length == nullptr ? b.Int(0) : sight.past_length;
    if (sight.valid != nullptr) offset = b.Unsqueeze(b.Sub(sight.valid, queries), {1, 2, 3});
    conditions.push_back(
        Window(b, queries, keys, offset, sight.left, sight.causal ? 0 : sight.right));
  }
  // The causal bound with an outer cache ends at the valid keys by itself.
  if (sight.valid != nullptr && !sight.causal) {
    conditions.push_back(b.Op(
        "Less", {b.Op("Range", {b.Int(0), keys, b.Int(1)}), b.Unsqueeze(sight.valid, {1, 2, 3})}));
  }
  *empty_rows = c.has_input(3) || sight.valid != nullptr || sight.left >= 0;
  if (conditions.empty()) return c.has_input(3) ? base : nullptr;
  ir::Value* seen = conditions[0];
  for (size_t i = 1; i < conditions.size(); ++i) seen = b.Op("LogicalAnd", {seen, conditions[i]});
  return b.Op("Select", {seen, base, b.Scalar(kNothing, dtype)});
}

}  // namespace

namespace translate {

absl::Status Attention(OpContext& c) {
  GraphBuilder& b = c.builder();
  MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(0));
  for (int i = 1; i < 3; ++i) {
    MIRIN_ASSIGN_OR_RETURN(const int other, c.Rank(i));
    if (other != rank)
      return absl::InvalidArgumentError(
          absl::StrCat("Q has rank ", rank, " but input ", i, " has rank ", other));
  }
  if (rank != 3 && rank != 4)
    return absl::InvalidArgumentError(absl::StrCat("Q has rank ", rank, ", expected 3 or 4"));
  if (c.dtype(0) != c.dtype(1))
    return absl::InvalidArgumentError(
        absl::StrCat("Q is ", Name(c.dtype(0)), " but K is ", Name(c.dtype(1))));
  const bool has_heads = c.Has("q_num_heads") && c.Has("kv_num_heads");
  const int64_t heads[] = {c.Int("q_num_heads", 0), c.Int("kv_num_heads", 0),
                           c.Int("kv_num_heads", 0)};
  if (rank == 3 && !has_heads)
    return absl::InvalidArgumentError("inputs of 3 axes need q_num_heads and kv_num_heads");
  if (rank == 4 && c.version() >= 25 && (c.Has("q_num_heads") || c.Has("kv_num_heads")))
    return absl::InvalidArgumentError("inputs of 4 axes take no q_num_heads and kv_num_heads");
  MIRIN_ASSIGN_OR_RETURN(const Sight sight, ReadSight(c));

  ir::Value* x[3];
  for (int i = 0; i < 3; ++i) {
    x[i] = c.input(i);
    if (rank != 3) continue;
    MIRIN_ASSIGN_OR_RETURN(x[i], SplitHeads(b, x[i], heads[i]));
  }
  AttendSpec spec;
  spec.heads_inside = rank == 3;
  const bool cached = c.has_input(4) || c.wants(1) || c.wants(2);
  if (cached) {
    for (int i = 1; i < 3; ++i) {
      if (rank == 3) x[i] = SwapHeads(b, x[i]);
      if (c.has_input(4)) x[i] = b.Concat({c.input(i + 3), x[i]}, 2);
      c.SetOutput(i, x[i]);
    }
    if (rank == 3) x[0] = SwapHeads(b, x[0]);
    spec.heads_inside = false;
  }
  spec.query = x[0];
  spec.key = x[1];
  spec.value = x[2];
  const int length = spec.heads_inside ? 1 : 2;
  MIRIN_ASSIGN_OR_RETURN(
      spec.bias, Bias(c, sight, b.DimOf(x[0], length), b.DimOf(x[1], length), &spec.empty_rows));
  if (c.Has("scale")) {
    spec.scale = c.Float("scale", 1);
  } else {
    const int64_t depth = x[0] == nullptr ? 1 : x[0]->type().shape.dim(3);
    if (depth < 0)
      return Refuse("the size of a head is not known at conversion", "give the attribute scale");
    spec.scale = 1 / std::sqrt(static_cast<double>(depth));
  }
  spec.softcap = std::max(0.0, c.Float("softcap", 0));
  MIRIN_ASSIGN_OR_RETURN(spec.softmax_dtype,
                         DTypeAttribute(c, "softmax_precision", DType::kUnknown));
  if (spec.softmax_dtype != DType::kUnknown && !IsFloat(spec.softmax_dtype))
    return absl::InvalidArgumentError(
        absl::StrCat("softmax_precision is ", Name(spec.softmax_dtype)));
  const int64_t mode = c.Int("qk_matmul_output_mode", 0);
  if (mode < 0 || mode > 3)
    return absl::InvalidArgumentError(absl::StrCat("qk_matmul_output_mode is ", mode));
  spec.steps = c.wants(3);
  MIRIN_ASSIGN_OR_RETURN(const Attended a, Attend(b, spec));
  ir::Value* const steps[] = {a.scores, a.capped, a.biased, a.weights};
  if (spec.steps) c.SetOutput(3, steps[mode]);
  c.SetOutput(0, rank == 4 ? a.result
                           : JoinHeads(b, spec.heads_inside ? a.result : SwapHeads(b, a.result)));
  return absl::OkStatus();
}

}  // namespace translate
}  // namespace mirin::onnx
