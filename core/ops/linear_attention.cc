// Attention as a recurrence over a state: schema and shape inference.
#include "absl/strings/str_cat.h"
#include "core/ops/infer.h"
#include "core/ops/registry.h"

namespace mirin::ops {
namespace {

bool Differ(int64_t a, int64_t b) { return a >= 0 && b >= 0 && a != b; }

int64_t Last(const Shape& s) { return s.rank_known() ? s.dim(2) : -1; }

absl::Status CheckGates(const InferContext& c, int64_t key_heads, int64_t depth) {
  const std::string rule = c.attrs().String("update_rule");
  if (rule != "linear" && rule != "gated" && rule != "delta" && rule != "gated_delta")
    return absl::InvalidArgumentError(absl::StrCat("unknown update_rule '", rule, "'"));
  const bool gated = rule == "gated" || rule == "gated_delta",
             delta = rule == "delta" || rule == "gated_delta";
  if (gated != c.has_input(4))
    return absl::InvalidArgumentError(
        absl::StrCat("update_rule '", rule, "' ", gated ? "needs" : "takes no", " decay"));
  if (delta != c.has_input(5))
    return absl::InvalidArgumentError(
        absl::StrCat("update_rule '", rule, "' ", delta ? "needs" : "takes no", " beta"));
  if (gated && Differ(Last(c.shape(4)), key_heads) &&
      (depth < 0 || Last(c.shape(4)) != key_heads * depth)) {
    if (depth >= 0)
      return absl::InvalidArgumentError(absl::StrCat("decay ", ToString(c.shape(4)),
                                                     " holds neither ", key_heads, " nor ",
                                                     key_heads * depth, " numbers a step"));
  }
  if (delta && Differ(Last(c.shape(5)), key_heads) && Last(c.shape(5)) != 1)
    return absl::InvalidArgumentError(absl::StrCat("beta ", ToString(c.shape(5)), " holds neither ",
                                                   key_heads, " numbers nor 1 a step"));
  return absl::OkStatus();
}

absl::Status InferLinearAttention(InferContext& c) {
  constexpr int64_t kMostHeads = int64_t{1} << 20;
  const int64_t heads = c.attrs().Int("q_num_heads"), key_heads = c.attrs().Int("kv_num_heads");
  if (key_heads < 1 || heads < 1 || heads > kMostHeads || heads % key_heads != 0)
    return absl::InvalidArgumentError(
        absl::StrCat(heads, " heads of queries do not share ", key_heads, " heads of keys"));
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  int64_t batch = -1, steps = -1;
  for (const int i : {0, 1, 2, 4, 5}) {
    if (!c.has_input(i)) continue;
    MIRIN_RETURN_IF_ERROR(c.RequireSameDType(0, i));
    MIRIN_RETURN_IF_ERROR(c.RequireRank(i, 3));
    if (!c.shape(i).rank_known()) continue;
    if (Differ(batch, c.shape(i).dim(0)) || Differ(steps, c.shape(i).dim(1)))
      return absl::InvalidArgumentError(
          absl::StrCat("an operand ", ToString(c.shape(i)), " differs in batch or length"));
    if (batch < 0) batch = c.shape(i).dim(0);
    if (steps < 0) steps = c.shape(i).dim(1);
  }
  const auto per_head = [](int64_t width, int64_t n) {
    return width < 0 ? -1 : width % n == 0 ? width / n : -2;
  };
  int64_t depth = per_head(Last(c.shape(0)), heads);
  const int64_t key_depth = per_head(Last(c.shape(1)), key_heads),
                value_depth = per_head(Last(c.shape(2)), key_heads);
  if (depth == -2 || key_depth == -2 || value_depth == -2)
    return absl::InvalidArgumentError("a width does not divide into the heads");
  if (Differ(depth, key_depth))
    return absl::InvalidArgumentError(
        absl::StrCat("heads of queries have ", depth, " numbers, those of keys ", key_depth));
  if (depth < 0) depth = key_depth;
  MIRIN_RETURN_IF_ERROR(CheckGates(c, key_heads, depth));
  Dims state = {batch, key_heads, depth, value_depth};
  if (c.has_input(3)) {
    MIRIN_RETURN_IF_ERROR(c.RequireFloat(3));
    MIRIN_RETURN_IF_ERROR(c.RequireRank(3, 4));
    for (int i = 0; c.shape(3).rank_known() && i < 4; ++i) {
      if (Differ(state[static_cast<size_t>(i)], c.shape(3).dim(i)))
        return absl::InvalidArgumentError(absl::StrCat("past_state is ", ToString(c.shape(3)),
                                                       ", expected ", ToString(Shape(state))));
    }
  }
  int64_t width = -1;
  if (value_depth >= 0 && __builtin_mul_overflow(value_depth, heads, &width))
    return absl::ResourceExhaustedError("the result is too wide");
  const Dims result = {batch, steps, width};
  const DType state_dtype = c.has_input(3) ? c.dtype(3) : c.dtype(0);
  if (Shape(result).concrete())
    MIRIN_RETURN_IF_ERROR(CheckedBytes(DType::kFloat64, result).status());
  if (Shape(state).concrete()) MIRIN_RETURN_IF_ERROR(CheckedBytes(DType::kFloat64, state).status());
  c.SetOutput(0, c.dtype(0), Shape(result));
  c.SetOutput(1, state_dtype, Shape(state));
  return absl::OkStatus();
}

}  // namespace

namespace schemas {

OpSchema LinearAttention() {
  return OpSchema("LinearAttention",
                  "ONNX LinearAttention: per head and step S = exp(decay) S + key (x) v, output = "
                  "scale S^T query, where v is the value or, by the "
                  "delta rules, beta (value - S^T key); scale 0 is 1 / sqrt(depth). Heads are "
                  "packed in the last axis. (internal)")
      .Input("query")
      .Input("key")
      .Input("value")
      .OptionalInput("past_state")
      .OptionalInput("decay")
      .OptionalInput("beta")
      .Attr("update_rule", std::string("gated_delta"))
      .RequiredAttr("q_num_heads")
      .RequiredAttr("kv_num_heads")
      .Attr("scale", 0.0)
      .Output("output")
      .Output("present_state")
      .Infer(InferLinearAttention);
}

}  // namespace schemas
}  // namespace mirin::ops
