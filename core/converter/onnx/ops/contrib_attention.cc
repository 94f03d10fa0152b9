// onnxruntime's Attention (with its input projection), QAttention and MultiHeadAttention.
#include <cmath>
#include <limits>

#include "core/converter/onnx/ops/attend.h"

namespace mirin::onnx {
namespace {

// What both operators share behind their projections.
struct Core {
  ir::Value* query = nullptr;  // [batch, heads, length, depth]
  ir::Value* key = nullptr;
  ir::Value* value = nullptr;
  ir::Value* mask = nullptr;         // int32 of 1 to 3 axes, or null
  ir::Value* bias = nullptr;         // added to the scores, or null
  ir::Value* past_length = nullptr;  // int64[], or null
};

// bool that broadcasts to [batch, heads, queries, keys]: what is no padding. Of one axis the mask tells where each sample's keys
// end, then where they begin; of two it has a number for each key, of three for each query too.
absl::StatusOr<ir::Value*> Unpadded(GraphBuilder& b, const Core& a) {
  const Shape& s = a.mask->type().shape;
  if (!s.rank_known())
    return Refuse("the rank of the mask is not known at conversion",
                  "give the model's inputs a shape");
  if (s.rank() == 2) return b.Unsqueeze(b.Op("Greater", {a.mask, b.ScalarLike(0, a.mask)}), {1, 2});
  if (s.rank() == 3) return b.Unsqueeze(b.Op("Greater", {a.mask, b.ScalarLike(0, a.mask)}), {1});
  if (s.rank() != 1)
    return Refuse(absl::StrCat("a mask of rank ", s.rank()), "give one number a key");
  const int64_t batch = a.query->type().shape.dim(0), count = s.dim(0);
  if (batch < 0 || count < 0)
    return Refuse("a mask of one axis with a batch that is not known at conversion",
                  "give the model's inputs a shape");
  if (count != batch && count != 2 * batch)
    return Refuse(absl::StrCat("a mask of ", count, " numbers for a batch of ", batch),
                  "give one number a key");
  ir::Value* positions = b.Op("Range", {b.Int(0), b.DimOf(a.key, 2), b.Int(1)});
  ir::Value* mask = b.Cast(a.mask, DType::kInt64);
  ir::Value* seen =
      b.Op("Less", {positions, b.Unsqueeze(b.SliceAxis(mask, 0, 0, batch), {1, 2, 3})});
  if (count == batch) return seen;
  return b.Op(
      "LogicalAnd",
      {seen, b.Op("GreaterEqual",
                  {positions, b.Unsqueeze(b.SliceAxis(mask, 0, batch, count), {1, 2, 3})})});
}

// Reads scale, mask_filter_value and unidirectional; sets output 0.
absl::Status FinishAttention(OpContext& c, const Core& a) {
  GraphBuilder& b = c.builder();
  const double given_scale = c.Float("scale", 0), filter = c.Float("mask_filter_value", -10000);
  const bool causal = c.Bool("unidirectional", false);
  if (!b.status().ok()) return absl::OkStatus();
  AttendSpec spec;
  spec.query = a.query;
  spec.key = a.key;
  spec.value = a.value;
  const int64_t depth = a.query->type().shape.dim(3);
  if (given_scale == 0 && depth < 0)
    return Refuse("the size of a head is not known at conversion", "give the attribute scale");
  spec.scale = given_scale != 0 ? given_scale : 1 / std::sqrt(static_cast<double>(depth));
  const DType dtype = a.query->type().dtype;
  if (a.mask != nullptr) {
    MIRIN_ASSIGN_OR_RETURN(ir::Value * seen, Unpadded(b, a));
    spec.bias = b.Op("Select", {seen, b.Scalar(0, dtype), b.Scalar(filter, dtype)});
  }
  if (causal) {
    ir::Value* seen = Window(b, b.DimOf(a.query, 2), b.DimOf(a.key, 2),
                             a.past_length == nullptr ? b.Int(0) : a.past_length, -1, 0);
    spec.bias = b.Op("Select", {seen, spec.bias == nullptr ? b.Scalar(0, dtype) : spec.bias,
                                b.Scalar(-std::numeric_limits<double>::infinity(), dtype)});
  }
  if (a.bias != nullptr) spec.bias = spec.bias == nullptr ? a.bias : b.Add(spec.bias, a.bias);
  MIRIN_ASSIGN_OR_RETURN(const Attended attended, Attend(b, spec));
  c.SetOutput(0, JoinHeads(b, SwapHeads(b, attended.result)));
  return absl::OkStatus();
}

struct Packed {
  ir::Value* input = nullptr;
  ir::Value* weights = nullptr;
  ir::Value* bias = nullptr;                   // or null
  int mask = 0, past = 0, attention_bias = 0;  // input numbers; attention_bias 0: there is none
};

absl::StatusOr<std::vector<int64_t>> ProjectedWidths(OpContext& c, int64_t all) {
  std::vector<int64_t> widths = c.Ints("qkv_hidden_sizes");
  if (widths.empty() && all >= 0 && all % 3 == 0) widths.assign(3, all / 3);
  if (widths.size() != 3)
    return absl::InvalidArgumentError(absl::StrCat(
        "a projection to ", all, " numbers does not tell the sizes of query, key and value"));
  for (const int64_t w : widths) {
    if (w < 1 || (all >= 0 && w > all))
      return absl::InvalidArgumentError(
          absl::StrCat("qkv_hidden_sizes of ", w, " for a projection to ", all));
  }
  return widths;
}

absl::Status PackedAttention(OpContext& c, const Packed& p) {
  GraphBuilder& b = c.builder();
  MIRIN_ASSIGN_OR_RETURN(const int64_t heads, c.RequiredInt("num_heads"));
  if (c.Bool("do_rotary", false)) return Refuse("do_rotary", "rotate by RotaryEmbedding");
  if (c.Bool("past_present_share_buffer", false))
    return Refuse("past_present_share_buffer", "export without buffer sharing");
  if (!b.status().ok()) return absl::OkStatus();
  const Shape& w = p.weights->type().shape;
  if (!w.rank_known() || w.rank() != 2)
    return absl::InvalidArgumentError(
        absl::StrCat("the weights are ", ToString(w), ", expected 2 axes"));
  MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> widths, ProjectedWidths(c, w.dim(1)));
  ir::Value* all = b.Op("BatchMatMul", {p.input, p.weights});
  if (p.bias != nullptr) all = b.Add(all, p.bias);
  ir::Value* x[3];
  int64_t begin = 0;
  for (size_t i = 0; i < 3; ++i) {
    MIRIN_ASSIGN_OR_RETURN(ir::Value * split,
                           SplitHeads(b, b.SliceAxis(all, 2, begin, begin + widths[i]), heads));
    x[i] = SwapHeads(b, split);
    begin += widths[i];
  }
  Core core;
  core.query = x[0];
  if (c.has_input(p.past)) {
    core.past_length = b.DimOf(c.input(p.past), 3);
    for (int i = 0; i < 2; ++i)
      x[i + 1] = b.Concat({b.Squeeze(b.SliceAxis(c.input(p.past), 0, i, i + 1), {0}), x[i + 1]}, 2);
  }
  core.key = x[1];
  core.value = x[2];
  if (c.wants(1)) c.SetOutput(1, b.Op("Stack", {x[1], x[2]}, {{"axis", 0}}));
  if (c.has_input(p.mask)) core.mask = c.input(p.mask);
  if (p.attention_bias > 0 && c.has_input(p.attention_bias)) core.bias = c.input(p.attention_bias);
  return FinishAttention(c, core);
}

}  // namespace

namespace translate {

absl::Status MicrosoftAttention(OpContext& c) {
  c.Ignore("rotary_embedding_dim");  // of do_rotary, which is refused
  if (c.has_input(6)) return Refuse("past_sequence_length", "export without buffer sharing");
  return PackedAttention(c,
                         {c.input(0), c.input(1), c.has_input(2) ? c.input(2) : nullptr, 3, 4, 5});
}

absl::Status QAttention(OpContext& c) {
  GraphBuilder& b = c.builder();
  const auto dequantized = [&](int x, int scale, int zero_point) {
    return c.Op("DequantizeLinear", {c.input(x), c.input(scale), c.OptionalInput(zero_point)},
                {{"axis", 1}});
  };
  for (const int i : {3, 6}) {
    if (c.has_input(i) && (!c.shape(i).concrete() || NumElements(c.shape(i).dims()) != 1))
      return absl::InvalidArgumentError(absl::StrCat("input ", i, " is not one number"));
  }
  if (!b.status().ok()) return absl::OkStatus();
  return PackedAttention(c, {dequantized(0, 3, 6), dequantized(1, 4, 7),
                             c.has_input(2) ? c.input(2) : nullptr, 5, 8, 0});
}

// Query [batch, length, width] with key and value alike, as [batch, heads, length, depth], or packed behind the heads.
absl::Status MultiHeadAttention(OpContext& c) {
  GraphBuilder& b = c.builder();
  MIRIN_ASSIGN_OR_RETURN(const int64_t heads, c.RequiredInt("num_heads"));
  for (const auto& [i, name] :
       {std::pair<int, const char*>{8, "past_sequence_length"}, {9, "cache_indirection"}}) {
    if (c.has_input(i)) return Refuse(name, "export without buffer sharing");
  }
  MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(0));
  if (rank == 5) return Refuse("query, key and value packed in one input", "give them one by one");
  if (!c.has_input(1)) return absl::InvalidArgumentError("the key is missing");
  MIRIN_ASSIGN_OR_RETURN(const int key_rank, c.Rank(1));
  if (key_rank == 5) return Refuse("key and value packed in one input", "give them one by one");
  if (rank != 3 || (key_rank != 3 && key_rank != 4))
    return absl::InvalidArgumentError(
        absl::StrCat("query of rank ", rank, " and key of rank ", key_rank));
  MIRIN_ASSIGN_OR_RETURN(const int value_rank, c.Rank(2));
  if (value_rank != key_rank)
    return absl::InvalidArgumentError(
        absl::StrCat("key of rank ", key_rank, " and value of rank ", value_rank));
  ir::Value* x[3];
  int64_t begin = 0;
  for (int i = 0; i < 3; ++i) {
    x[i] = c.input(i);
    if (i > 0 && key_rank == 4) continue;  // made and biased before
    const int64_t width = c.shape(i).dim(2);
    if (c.has_input(3)) {
      if (width < 0)
        return Refuse("the width of an input is not known at conversion",
                      "give the model's inputs a shape");
      x[i] = b.Add(x[i], b.SliceAxis(c.input(3), 0, begin, begin + width));
      begin += width;
    }
    MIRIN_ASSIGN_OR_RETURN(x[i], SplitHeads(b, x[i], heads));
    x[i] = SwapHeads(b, x[i]);
  }
  Core core;
  if (c.has_input(6) != c.has_input(7))
    return absl::InvalidArgumentError("past_key and past_value go together");
  if (c.has_input(6)) {
    core.past_length = b.DimOf(c.input(6), 2);
    for (int i = 1; i < 3; ++i) x[i] = b.Concat({c.input(i + 5), x[i]}, 2);
  }
  core.query = x[0];
  core.key = x[1];
  core.value = x[2];
  c.SetOutput(1, x[1]);
  c.SetOutput(2, x[2]);
  if (c.has_input(4)) core.mask = c.input(4);
  if (c.has_input(5)) core.bias = c.input(5);
  return FinishAttention(c, core);
}

}  // namespace translate
}  // namespace mirin::onnx
