// Attention as the operators of several domains spell it, in ops of core/ops.
#ifndef CORE_CONVERTER_ONNX_OPS_ATTEND_H_
#define CORE_CONVERTER_ONNX_OPS_ATTEND_H_

#include <vector>

#include "absl/status/statusor.h"
#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx {

// x under a shape of int64[] scalars, of which the computed ones need not be known at conversion.
ir::Value* ReshapeTo(GraphBuilder& b, ir::Value* x, const std::vector<ir::Value*>& dims);

// [batch, length, heads * depth] <-> [batch, length, heads, depth] <-> [batch, heads, length, depth].
absl::StatusOr<ir::Value*> SplitHeads(GraphBuilder& b, ir::Value* x, int64_t heads);
ir::Value* JoinHeads(GraphBuilder& b, ir::Value* x);
ir::Value* SwapHeads(GraphBuilder& b, ir::Value* x);

// [batch, heads, length, depth] with every head `times` times side by side.
ir::Value* RepeatHeads(GraphBuilder& b, ir::Value* x, int64_t times);
// How many of the query's heads share one of the key's, of tensors with 4 axes. Refuses what is not known at conversion.
absl::StatusOr<int64_t> HeadSharers(ir::Value* query, ir::Value* key, int axis = 1);

// query key^T * scale of [batch, heads, length, depth].
ir::Value* Scores(GraphBuilder& b, ir::Value* query, ir::Value* key, double scale);

// bool[.., queries, keys]: key j may be seen from position p = offset + query: p - left <= j <= p + right; a negative bound is
// none, and one of both is needed. `queries` and `keys` are int64[]; `offset` is that or [batch, 1, 1, 1].
ir::Value* Window(GraphBuilder& b, ir::Value* queries, ir::Value* keys, ir::Value* offset,
                  int64_t left, int64_t right);

// The cache with `update` written over it along `axis`, from an index of each sample (int64[batch]; null: 0) on; `circular` ones
// go on at the beginning.
ir::Value* WriteRows(GraphBuilder& b, ir::Value* cache, ir::Value* update, ir::Value* starts,
                     int64_t axis, bool circular);

// softmax(cap(query key^T * scale) + bias) value. Made in float32 from narrower floats, so that nothing between overflows or is rounded.
struct AttendSpec {
  ir::Value* query = nullptr;  // [batch, heads, queries, depth]
  ir::Value* key = nullptr;    // [batch, heads or fewer, keys, depth]
  ir::Value* value = nullptr;
  bool heads_inside =
      false;  // query, key, value and result are [batch, length, heads, depth] instead
  double scale = 1;
  ir::Value* bias = nullptr;  // broadcasts to [batch, heads, queries, keys]
  bool empty_rows = false;    // rows of the bias may be -inf throughout: they give zeros
  double softcap = 0;
  DType softmax_dtype = DType::kUnknown;  // of the softmax alone
  bool steps = false;                     // what lies between is wanted
};
struct Attended {
  ir::Value* scores = nullptr;
  ir::Value* capped = nullptr;
  ir::Value* biased = nullptr;
  ir::Value* weights = nullptr;
  ir::Value* result = nullptr;
};
absl::StatusOr<Attended> Attend(GraphBuilder& b, AttendSpec spec);

}  // namespace mirin::onnx

#endif  // CORE_CONVERTER_ONNX_OPS_ATTEND_H_
