// The sizes and strides of one ScaledDotProductAttention, for kernels.
#ifndef CORE_OPS_ATTENTION_H_
#define CORE_OPS_ATTENTION_H_

#include "absl/types/span.h"
#include "core/base/shape.h"
#include "core/ir/attribute.h"

namespace mirin::ops {

// Where it begins, and strides, in elements; 0 along an axis that broadcasts. The last axis of query, key, value and result has stride 1.
struct AttentionOperand {
  int64_t begin = 0;
  int64_t batch = 0, head = 0, row = 0;
  int64_t sharers = 1;  // heads of the result that read one of these

  int64_t Offset(int64_t b, int64_t h) const { return begin + b * batch + h / sharers * head; }
};

struct AttentionShape {
  int64_t batches = 1, heads = 1, queries = 0, keys = 0, depth = 0, value_depth = 0;
  AttentionOperand query, key, value, result;
  bool has_mask = false;
  AttentionOperand mask;    // row: per query
  int64_t mask_column = 0;  // per key
};

// From concrete dims that passed inference; an empty `mask` span with has_mask false means none.
AttentionShape PlanAttention(const ir::Attributes& attrs, absl::Span<const int64_t> query,
                             absl::Span<const int64_t> key, absl::Span<const int64_t> value,
                             absl::Span<const int64_t> result, bool has_mask,
                             absl::Span<const int64_t> mask);

}  // namespace mirin::ops

#endif  // CORE_OPS_ATTENTION_H_
