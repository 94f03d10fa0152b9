#include "core/converter/onnx/ops/attend.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mirin::onnx {
namespace {

constexpr double kNothing = -std::numeric_limits<double>::infinity();

// bool[.., queries, 1]: no key may be seen. Null when that is known not to happen.
ir::Value* EmptyRows(GraphBuilder& b, ir::Value* bias) {
  ir::Value* empty = b.Op("Equal", {b.Op("ReduceMax", {bias, b.Ints({-1})}, {{"keep_dims", true}}),
                                    b.ScalarLike(kNothing, bias)});
  const auto known = GraphBuilder::IntsOf(empty);
  return known.has_value() &&
                 std::count(known->begin(), known->end(), 0) == static_cast<int64_t>(known->size())
             ? nullptr
             : empty;
}

ir::Value* ZeroWhere(GraphBuilder& b, ir::Value* condition, ir::Value* x) {
  return b.Op("Select", {condition, b.ScalarLike(0, x), x});
}

// Nothing between is wanted: one op where heads share keys, else the primitives that passes make one of.
ir::Value* AttendAtOnce(GraphBuilder& b, const AttendSpec& s, bool shared) {
  ir::Value* y = nullptr;
  if (shared) {
    y = b.Op("ScaledDotProductAttention",
             {s.query, s.key, s.value, s.bias == nullptr ? GraphBuilder::Absent() : s.bias},
             {{"scale", s.scale}, {"layout", std::string(s.heads_inside ? "BSND" : "BNSD")}});
  } else {
    const auto heads_first = [&](ir::Value* x) { return s.heads_inside ? SwapHeads(b, x) : x; };
    ir::Value* scores = Scores(b, heads_first(s.query), heads_first(s.key), s.scale);
    if (s.bias != nullptr) scores = b.Add(scores, s.bias);
    y = heads_first(
        b.Op("BatchMatMul", {b.Op("Softmax", {scores}, {{"axis", -1}}), heads_first(s.value)}));
  }
  ir::Value* empty =
      s.empty_rows && s.bias != nullptr && b.status().ok() ? EmptyRows(b, s.bias) : nullptr;
  if (empty == nullptr) return y;
  if (s.heads_inside) {
    std::vector<int64_t> axes;
    for (int rank = empty->type().shape.rank(); rank < 4; ++rank)
      axes.push_back(static_cast<int64_t>(axes.size()));
    empty = SwapHeads(b, b.Unsqueeze(empty, axes));
  }
  return ZeroWhere(b, empty, y);
}

}  // namespace

ir::Value* ReshapeTo(GraphBuilder& b, ir::Value* x, const std::vector<ir::Value*>& dims) {
  std::vector<int64_t> known;
  for (ir::Value* d : dims) {
    if (d == nullptr) return nullptr;
    const auto number = GraphBuilder::NumberOf(d);
    known.push_back(number.has_value() ? static_cast<int64_t>(*number) : -1);
  }
  if (std::count(known.begin(), known.end(), -1) <= 1 &&
      std::count(known.begin(), known.end(), 0) == 0)
    return b.Reshape(x, known);
  return b.Op("Reshape", {x, b.Op("PackScalars", dims)});
}

absl::StatusOr<ir::Value*> SplitHeads(GraphBuilder& b, ir::Value* x, int64_t heads) {
  if (x == nullptr) return nullptr;
  const Shape& s = x->type().shape;
  if (!s.rank_known() || s.rank() != 3)
    return absl::InvalidArgumentError(
        absl::StrCat("heads of a tensor ", ToString(s), ": 3 axes are needed"));
  if (heads < 1) return absl::InvalidArgumentError(absl::StrCat("a number of ", heads, " heads"));
  const int64_t width = s.dim(2);
  if (width < 0)
    return Refuse(absl::StrCat("the last axis of ", ToString(s), " is not known at conversion"),
                  "give the model's inputs a shape");
  if (width % heads != 0)
    return absl::InvalidArgumentError(
        absl::StrCat("the last axis of ", ToString(s), " does not divide into ", heads, " heads"));
  return ReshapeTo(b, x, {b.DimOf(x, 0), b.DimOf(x, 1), b.Int(heads), b.Int(width / heads)});
}

ir::Value* JoinHeads(GraphBuilder& b, ir::Value* x) {
  if (x == nullptr) return nullptr;
  return ReshapeTo(b, x,
                   {b.DimOf(x, 0), b.DimOf(x, 1), b.Op("Mul", {b.DimOf(x, 2), b.DimOf(x, 3)})});
}

ir::Value* SwapHeads(GraphBuilder& b, ir::Value* x) {
  const int64_t perm[] = {0, 2, 1, 3};
  return b.Transpose(x, perm);
}

ir::Value* RepeatHeads(GraphBuilder& b, ir::Value* x, int64_t times) {
  if (x == nullptr || times == 1) return x;
  ir::Value* tiled = b.Op("Tile", {b.Unsqueeze(x, {2}), b.Ints({1, 1, times, 1, 1})});
  return ReshapeTo(
      b, tiled,
      {b.DimOf(x, 0), b.Op("Mul", {b.DimOf(x, 1), b.Int(times)}), b.DimOf(x, 2), b.DimOf(x, 3)});
}

absl::StatusOr<int64_t> HeadSharers(ir::Value* query, ir::Value* key, int axis) {
  if (query == nullptr || key == nullptr) return int64_t{1};
  const Shape &q = query->type().shape, &k = key->type().shape;
  const int64_t all = q.rank_known() && q.rank() == 4 ? q.dim(axis) : -1,
                own = k.rank_known() && k.rank() == 4 ? k.dim(axis) : -1;
  if (all < 0 || own < 0)
    return Refuse("the number of heads is not known at conversion",
                  "give the model's inputs a shape");
  if (own == 0 || all % own != 0)
    return absl::InvalidArgumentError(
        absl::StrCat(all, " heads of queries do not share ", own, " heads of keys"));
  return all / own;
}

ir::Value* Scores(GraphBuilder& b, ir::Value* query, ir::Value* key, double scale) {
  ir::Value* product = b.Op("BatchMatMul", {query, key}, {{"transpose_b", true}});
  return scale == 1 ? product : b.Mul(product, b.ScalarLike(scale, query));
}

ir::Value* Window(GraphBuilder& b, ir::Value* queries, ir::Value* keys, ir::Value* offset,
                  int64_t left, int64_t right) {
  constexpr int64_t kFar = int64_t{1} << 40;  // further than any position
  const auto range = [&](ir::Value* count) { return b.Op("Range", {b.Int(0), count, b.Int(1)}); };
  ir::Value* position = b.Add(b.Unsqueeze(range(queries), {1}), offset);
  ir::Value* key = range(keys);
  ir::Value* seen = nullptr;
  if (right >= 0) seen = b.Op("LessEqual", {key, b.Add(position, b.Int(std::min(right, kFar)))});
  if (left < 0) return seen;
  ir::Value* near = b.Op("GreaterEqual", {key, b.Sub(position, b.Int(std::min(left, kFar)))});
  return seen == nullptr ? near : b.Op("LogicalAnd", {seen, near});
}

absl::StatusOr<Attended> Attend(GraphBuilder& b, AttendSpec s) {
  Attended a;
  if (s.query == nullptr || s.key == nullptr || s.value == nullptr) return a;
  const DType given = s.query->type().dtype, value_dtype = s.value->type().dtype;
  const DType dtype = given == DType::kFloat64 || value_dtype == DType::kFloat64 ? DType::kFloat64
                                                                                 : DType::kFloat32;
  for (ir::Value** x : {&s.query, &s.key, &s.value, &s.bias}) *x = b.Cast(*x, dtype);
  const DType softmax = s.softmax_dtype == DType::kUnknown ? dtype : s.softmax_dtype;
  if (!b.status().ok()) return a;
  const int heads = s.heads_inside ? 2 : 1;
  MIRIN_ASSIGN_OR_RETURN(const int64_t key_sharers, HeadSharers(s.query, s.key, heads));
  MIRIN_ASSIGN_OR_RETURN(const int64_t value_sharers, HeadSharers(s.query, s.value, heads));
  if (dtype == DType::kFloat32 && softmax == dtype && s.softcap == 0 && !s.steps) {
    a.result = b.Cast(AttendAtOnce(b, s, key_sharers > 1 || value_sharers > 1), given);
    return a;
  }
  if (s.heads_inside) {
    for (ir::Value** x : {&s.query, &s.key, &s.value}) *x = SwapHeads(b, *x);
  }
  a.scores = a.capped = Scores(b, s.query, RepeatHeads(b, s.key, key_sharers), s.scale);
  if (s.softcap != 0) {
    ir::Value* cap = b.Scalar(s.softcap, dtype);
    a.capped = b.Mul(b.Op("Tanh", {b.Op("RealDiv", {a.scores, cap})}), cap);
  }
  a.biased = s.bias == nullptr ? a.capped : b.Add(a.capped, s.bias);
  a.weights = b.Op("Softmax", {b.Cast(a.biased, softmax)}, {{"axis", -1}});
  ir::Value* empty =
      s.empty_rows && s.bias != nullptr && b.status().ok() ? EmptyRows(b, s.bias) : nullptr;
  if (empty != nullptr) a.weights = ZeroWhere(b, empty, a.weights);
  a.result =
      b.Op("BatchMatMul", {b.Cast(a.weights, dtype), RepeatHeads(b, s.value, value_sharers)});
  if (s.heads_inside) a.result = SwapHeads(b, a.result);
  for (ir::Value** x : {&a.scores, &a.capped, &a.biased, &a.weights, &a.result})
    *x = b.Cast(*x, given);
  return a;
}

}  // namespace mirin::onnx
