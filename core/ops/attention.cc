// Attention: schema and shape inference.
#include "core/ops/attention.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/ops/schema.h"

namespace mirin::ops {
namespace {

constexpr size_t kPartAxis = 2;

// The dims of one part.
Dims WithoutParts(absl::Span<const int64_t> dims) {
  Dims part(dims.begin(), dims.end());
  part.erase(part.begin() + kPartAxis);
  return part;
}

absl::Status CheckParts(const InferContext& c, absl::Span<const int64_t> parts) {
  if (parts.empty()) return absl::OkStatus();
  if (parts.size() != 3 || c.attrs().String("layout") != "BSND")
    return absl::InvalidArgumentError("parts are of query, key and value of layout BSND");
  for (int i = 0; i < 3; ++i) {
    const int64_t part = parts[static_cast<size_t>(i)];
    const int64_t n = c.shape(i).rank_known() ? c.shape(i).dim(kPartAxis) : -1;
    if (part < 0 || (n >= 0 && part >= n))
      return absl::InvalidArgumentError(
          absl::StrCat("no part ", part, " of ", ToString(c.shape(i))));
  }
  return absl::OkStatus();
}

absl::Status InferAttention(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  for (int i = 1; i < 4; ++i) {
    if (c.has_input(i)) MIRIN_RETURN_IF_ERROR(c.RequireSameDType(0, i));
  }
  const std::string layout = c.attrs().String("layout");
  if (layout != "BNSD" && layout != "BSND")
    return absl::InvalidArgumentError(absl::StrCat("unknown layout '", layout, "'"));
  const std::vector<int64_t> parts = c.attrs().Ints("parts");
  for (int i = 0; i < 3; ++i) MIRIN_RETURN_IF_ERROR(c.RequireRank(i, parts.empty() ? 4 : 5));
  MIRIN_RETURN_IF_ERROR(CheckParts(c, parts));
  for (int i = 0; i < 3; ++i) {
    if (c.shape(i).rank_known()) continue;
    c.SetOutput(0, c.dtype(0), Shape::OfRank(4));
    return absl::OkStatus();
  }
  const int heads = layout == "BNSD" ? 1 : 2, length = 3 - heads;
  const auto operand = [&](int i) {
    return parts.empty() ? c.shape(i) : Shape(WithoutParts(c.shape(i).dims()));
  };
  const Shape q = operand(0), k = operand(1), v = operand(2);
  // Heads of keys and values may be fewer: each serves as many queries' heads, side by side.
  const auto batch = [&](const Shape& s) {
    const int64_t all = q.dim(heads), own = s.dim(heads);
    if (own <= 1 || all == 1) return Shape({s.dim(0), own});
    return Shape({s.dim(0), all < 0 || all % own == 0 ? all : own});
  };
  const auto differ = [](int64_t a, int64_t b) { return a >= 0 && b >= 0 && a != b; };
  if (differ(q.dim(3), k.dim(3)))
    return absl::InvalidArgumentError(
        absl::StrCat("query ", ToString(q), " and key ", ToString(k), " differ in depth"));
  if (differ(k.dim(length), v.dim(length)))
    return absl::InvalidArgumentError(
        absl::StrCat("key ", ToString(k), " and value ", ToString(v), " differ in length"));
  MIRIN_ASSIGN_OR_RETURN(Shape outer, BroadcastShapes(batch(q), batch(k)));
  MIRIN_ASSIGN_OR_RETURN(outer, BroadcastShapes(outer, batch(v)));
  if (c.has_input(3) && c.shape(3).rank_known()) {
    Dims mask = c.shape(3).dims();
    if (mask.size() > 4)
      return absl::InvalidArgumentError(
          absl::StrCat("mask ", ToString(c.shape(3)), " has more than 4 axes"));
    while (mask.size() < 4) mask.insert(mask.begin(), 1);
    if ((mask[2] != 1 && differ(mask[2], q.dim(length))) ||
        (mask[3] != 1 && differ(mask[3], k.dim(length)))) {
      return absl::InvalidArgumentError(absl::StrCat("mask ", ToString(c.shape(3)),
                                                     " does not cover ", q.dim(length),
                                                     " queries and ", k.dim(length), " keys"));
    }
    MIRIN_ASSIGN_OR_RETURN(outer, BroadcastShapes(outer, Shape({mask[0], mask[1]})));
  }
  Dims dims(4);
  dims[0] = outer.dim(0);
  dims[static_cast<size_t>(heads)] = outer.dim(1);
  dims[static_cast<size_t>(length)] = q.dim(length);
  dims[3] = v.dim(3);
  if (Shape(dims).concrete()) MIRIN_RETURN_IF_ERROR(CheckedBytes(c.dtype(0), dims).status());
  c.SetOutput(0, c.dtype(0), Shape(std::move(dims)));
  return absl::OkStatus();
}

AttentionOperand StridesOf(absl::Span<const int64_t> whole, absl::Span<const int64_t> parts,
                           size_t operand, bool heads_first, int64_t all_heads) {
  Dims dims(whole.begin(), whole.end()), strides = Strides(whole);
  const size_t heads = heads_first ? 1 : 2;
  AttentionOperand s;
  if (!parts.empty()) {
    s.begin = parts[operand] * strides[kPartAxis];
    dims = WithoutParts(dims);
    strides = WithoutParts(strides);
  }
  s.batch = dims[0] == 1 ? 0 : strides[0];
  s.head = dims[heads] == 1 ? 0 : strides[heads];
  if (dims[heads] > 1) s.sharers = std::max<int64_t>(1, all_heads / dims[heads]);
  s.row = strides[3 - heads];
  return s;
}

}  // namespace

AttentionShape PlanAttention(const ir::Attributes& attrs, absl::Span<const int64_t> query,
                             absl::Span<const int64_t> key, absl::Span<const int64_t> value,
                             absl::Span<const int64_t> result, bool has_mask,
                             absl::Span<const int64_t> mask) {
  const bool heads_first = attrs.String("layout") == "BNSD";
  const size_t heads = heads_first ? 1 : 2, length = 3 - heads;
  AttentionShape a;
  a.batches = result[0];
  a.heads = result[heads];
  const std::vector<int64_t> parts = attrs.Ints("parts");
  a.queries = query[length];
  a.keys = key[length];
  a.depth = query.back();
  a.value_depth = value.back();
  a.query = StridesOf(query, parts, 0, heads_first, a.heads);
  a.key = StridesOf(key, parts, 1, heads_first, a.heads);
  a.value = StridesOf(value, parts, 2, heads_first, a.heads);
  a.result = StridesOf(result, {}, 0, heads_first, a.heads);
  a.has_mask = has_mask;
  if (has_mask) {
    Dims full(mask.begin(), mask.end());
    while (full.size() < 4) full.insert(full.begin(), 1);
    const Dims strides = Strides(full);
    a.mask.batch = full[0] == 1 ? 0 : strides[0];
    a.mask.head = full[1] == 1 ? 0 : strides[1];
    a.mask.row = full[2] == 1 ? 0 : strides[2];
    a.mask_column = full[3] == 1 ? 0 : 1;
  }
  return a;
}

namespace schemas {

OpSchema ScaledDotProductAttention() {
  return OpSchema(
             "ScaledDotProductAttention",
             "softmax(query key^T * scale + mask) value. BNSD: [batch, heads, length, depth]; "
             "BSND: [batch, length, heads, depth]. Key and "
             "value may have fewer heads, each for as many neighbours among the query's. The "
             "mask broadcasts to [batch, heads, queries, "
             "keys]. With parts, query, key and value are [batch, length, parts, heads, depth] of "
             "layout BSND, and that part of each is read. (internal)")
      .Input("query")
      .Input("key")
      .Input("value")
      .OptionalInput("mask")
      .Attr("scale", 1.0)
      .Attr("layout", std::string("BNSD"))
      .Attr("parts", std::vector<int64_t>())
      .Output("y")
      .Infer(InferAttention);
}

}  // namespace schemas
}  // namespace mirin::ops
