// onnxruntime's GroupQueryAttention: causal attention with a cache that its kernel keeps and, by request, rotary positions.
#include <cmath>
#include <limits>

#include "core/converter/onnx/ops/attend.h"
#include "core/converter/onnx/ops/rotate.h"

namespace mirin::onnx {
namespace {

// What its other forms need is refused by name.
absl::Status RefuseVariants(OpContext& c) {
  for (const char* name : {"k_quant_type", "v_quant_type"}) {
    if (c.String(name, "NONE") != "NONE")
      return Refuse(absl::StrCat(name, " '", c.String(name, ""), "'"),
                    "keep the cache in floating point");
  }
  c.Ignore("kv_cache_bit_width");
  (void)c.has_input(6);  // the total length, which nobody needs without a cache
  for (const char* name : {"q_norm_epsilon", "k_norm_epsilon", "qk_norm_epsilon"})
    c.Ignore(name);  // of inputs 14 and 15
  if (c.Bool("sliding_window_cache", false))
    return Refuse("sliding_window_cache", "keep the whole sequence in the cache");
  if (c.Int("smooth_softmax", -1) == 1)
    return Refuse("smooth_softmax", "write the attention with standard operators");
  if (c.Int("qk_output", 0) != 0) return Refuse("qk_output", "leave the scores out");
  const std::pair<int, const char*> inputs[] = {
      {9, "position_ids"},   {11, "head_sink"},     {12, "k_scale"},      {13, "v_scale"},
      {14, "q_norm_weight"}, {15, "k_norm_weight"}, {16, "query_seqlens"}};
  for (const auto& [i, name] : inputs) {
    if (c.has_input(i))
      return Refuse(absl::StrCat("the input ", name),
                    "write the attention with standard operators");
  }
  return absl::OkStatus();
}

// Query, key and value as [batch, heads, length, depth], of one packed input or of three.
absl::Status SplitInputs(OpContext& c, int64_t heads, int64_t key_heads, ir::Value* (&x)[3]) {
  GraphBuilder& b = c.builder();
  MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(0));
  if (rank != 3 || heads < 1 || key_heads < 1)
    return absl::InvalidArgumentError(
        absl::StrCat("a query of rank ", rank, " with ", heads, " and ", key_heads, " heads"));
  if (c.has_input(1) != c.has_input(2))
    return absl::InvalidArgumentError("key and value go together");
  const bool packed = !c.has_input(1);
  const int64_t width = c.shape(0).dim(2), all = heads + 2 * key_heads;
  if (packed && width < 0)
    return Refuse("the width of the query is not known at conversion",
                  "give the model's inputs a shape");
  if (packed && width % all != 0)
    return absl::InvalidArgumentError(
        absl::StrCat("a width of ", width, " does not divide into ", all, " heads"));
  const int64_t own[] = {heads, key_heads, key_heads};
  int64_t begin = 0;
  for (int i = 0; i < 3; ++i) {
    const int64_t end = packed ? begin + own[i] * (width / all) : 0;
    x[i] = packed ? b.SliceAxis(c.input(0), 2, begin, end) : c.input(i);
    begin = end;
    MIRIN_ASSIGN_OR_RETURN(x[i], SplitHeads(b, x[i], own[i]));
    x[i] = SwapHeads(b, x[i]);
  }
  return absl::OkStatus();
}

}  // namespace

namespace translate {

absl::Status GroupQueryAttention(OpContext& c) {
  GraphBuilder& b = c.builder();
  MIRIN_RETURN_IF_ERROR(RefuseVariants(c));
  MIRIN_ASSIGN_OR_RETURN(const int64_t heads, c.RequiredInt("num_heads"));
  MIRIN_ASSIGN_OR_RETURN(const int64_t key_heads, c.RequiredInt("kv_num_heads"));
  if (c.has_input(3) != c.has_input(4))
    return absl::InvalidArgumentError("past_key and past_value go together");
  ir::Value* x[3];
  MIRIN_RETURN_IF_ERROR(SplitInputs(c, heads, key_heads, x));
  if (!b.status().ok()) return absl::OkStatus();
  const DType dtype = c.dtype(0);
  // Where the new tokens begin in each sample: a first prompt may be shorter than its row, which begins at 0 nevertheless.
  ir::Value* length = b.DimOf(x[0], 2);
  ir::Value* valid = b.Add(b.Cast(b.Reshape(c.input(5), {-1}), DType::kInt64), b.Int(1));
  ir::Value* starts = b.Op("Maximum", {b.Sub(valid, length), b.Int(0)});

  const bool rotary = c.Bool("do_rotary", false), interleaved = c.Bool("rotary_interleaved", false);
  if (rotary) {
    MIRIN_ASSIGN_OR_RETURN(const int cache_rank, c.Rank(7));
    if (cache_rank != 2 || c.shape(7).dim(1) < 1)
      return Refuse(absl::StrCat("a cos_cache of ", ToString(c.shape(7))),
                    "give it a known size of 2 axes");
    ir::Value* positions =
        b.Add(b.Unsqueeze(starts, {1}), b.Op("Range", {b.Int(0), length, b.Int(1)}));
    // Rows behind a sample's tokens have no meaning; they stay inside the caches.
    positions = b.Op("Minimum", {positions, b.Sub(b.DimOf(c.input(7), 0), b.Int(1))});
    ir::Value *cosine = b.Unsqueeze(b.Op("Gather", {c.input(7), positions}), {1}),
              *sine = b.Unsqueeze(b.Op("Gather", {c.input(8), positions}), {1});
    for (int i = 0; i < 2; ++i) {
      MIRIN_ASSIGN_OR_RETURN(x[i],
                             Rotate(b, x[i], cosine, sine, {2 * c.shape(7).dim(1), interleaved}));
    }
  }
  if (c.has_input(3)) {
    // The cache grows to the total length, unless it has room.
    ir::Value* total = b.Cast(AsScalar(b, c.input(6)), DType::kInt64);
    for (int i = 1; i < 3; ++i) {
      ir::Value* past = c.input(i + 2);
      ir::Value* room = b.Op("Maximum", {b.Sub(total, b.DimOf(past, 2)), b.Int(0)});
      ir::Value* empty =
          b.Op("FillV2",
               {b.Op("PackScalars", {b.DimOf(past, 0), b.DimOf(past, 1), room, b.DimOf(past, 3)}),
                b.Scalar(0, dtype)});
      x[i] = WriteRows(b, b.Concat({past, empty}, 2), x[i], starts, 2, false);
    }
  }
  c.SetOutput(1, x[1]);
  c.SetOutput(2, x[2]);

  AttendSpec spec;
  spec.query = x[0];
  spec.key = x[1];
  spec.value = x[2];
  // The window holds the query's own position.
  const int64_t window = c.Int("local_window_size", -1);
  const bool causal = c.Bool("causal", true);
  if (window != -1 && (window < 1 || !causal))
    return absl::InvalidArgumentError(
        absl::StrCat("local_window_size ", window, causal ? "" : " without causal"));
  ir::Value* keys = b.DimOf(x[1], 2);
  ir::Value* seen = causal ? Window(b, length, keys, b.Unsqueeze(starts, {1, 2, 3}),
                                    window == -1 ? -1 : window - 1, 0)
                           : b.Op("Less", {b.Op("Range", {b.Int(0), keys, b.Int(1)}),
                                           b.Unsqueeze(valid, {1, 2, 3})});
  spec.bias = b.Op("Select", {seen, c.has_input(10) ? c.input(10) : b.Scalar(0, dtype),
                              b.Scalar(-std::numeric_limits<double>::infinity(), dtype)});
  spec.softcap = std::max(0.0, c.Float("softcap", 0));
  const double scale = c.Float("scale", 0);
  if (!b.status().ok()) return absl::OkStatus();
  spec.scale = scale != 0 ? scale : 1 / std::sqrt(static_cast<double>(x[0]->type().shape.dim(3)));
  MIRIN_ASSIGN_OR_RETURN(const Attended a, Attend(b, spec));
  c.SetOutput(0, JoinHeads(b, SwapHeads(b, a.result)));
  return absl::OkStatus();
}

}  // namespace translate
}  // namespace mirin::onnx
