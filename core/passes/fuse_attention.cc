#include "core/base/status.h"
#include "core/ops/slice_plan.h"
#include "core/passes/pass.h"

namespace mirin::passes {
namespace {

struct Attention {
  ir::Value* query = nullptr;
  ir::Value* key = nullptr;
  ir::Value* value = nullptr;
  ir::Value* mask = nullptr;
  ir::Value* constant_mask = nullptr;  // added besides
  double scale = 1;
};

bool IsProduct(const ir::Node* n, bool transpose_b) {
  return n != nullptr && (n->op() == "BatchMatMul" || n->op() == "MatMul") &&
         !n->attrs().Bool("transpose_a") && n->attrs().Bool("transpose_b") == transpose_b &&
         n->input(2) == nullptr && n->attrs().String("activation").empty();
}

// Peels a factor that is one number off the scores, or off an operand of theirs.
ir::Value* Unscaled(ir::Value* scores, double* scale) {
  const ir::Node* n = scores->producer();
  if (n == nullptr || !HasOneUse(scores)) return scores;
  if (n->op() == "Mul" || n->op() == "Muls") {
    const auto [constant, other] =
        EitherOrder(*n, [](ir::Value* v) { return ScalarOf(v).has_value(); });
    if (constant == nullptr) return scores;
    *scale *= *ScalarOf(constant);
    return other;
  }
  if ((n->op() == "RealDiv" || n->op() == "Div" || n->op() == "Divs") &&
      ScalarOf(n->input(1)).value_or(0) != 0) {
    *scale /= *ScalarOf(n->input(1));
    return n->input(0);
  }
  return scores;
}

bool IsF32Rank4(const ir::Value* v) {
  return v->type().dtype == DType::kFloat32 && v->type().shape.rank_known() &&
         v->type().shape.rank() == 4;
}

// softmax(query key^T * scale + mask) value
std::optional<Attention> Match(const ir::Node& node) {
  if (!IsProduct(&node, false)) return std::nullopt;
  const ir::Node* softmax = ProducedBy(node.input(0), "Softmax");
  if (softmax == nullptr || !HasOneUse(node.input(0)) || !IsF32Rank4(node.input(0)) ||
      !IsF32Rank4(node.input(1)))
    return std::nullopt;
  const std::vector<int64_t> axis = softmax->attrs().Ints("axis");
  if (axis.size() != 1 || (axis[0] != -1 && axis[0] != 3)) return std::nullopt;
  Attention found;
  found.value = node.input(1);
  ir::Value* scores = softmax->input(0);
  if (!HasOneUse(scores)) return std::nullopt;
  const auto is_scores = [&](ir::Value* v) {
    double scale = 1;
    const ir::Value* product = Unscaled(v, &scale);
    return IsProduct(product->producer(), true) && HasOneUse(product);
  };
  const auto is_mask = [](const ir::Value* v) {
    return v->type().shape.rank_known() && v->type().shape.rank() <= 4 &&
           v->type().dtype == DType::kFloat32;
  };
  if (const ir::Node* add = ProducedBy(scores, "Add"); add != nullptr) {
    const auto [constant, sum] = EitherOrder(*add, [](ir::Value* v) { return v->is_constant(); });
    if (constant != nullptr && ProducedBy(sum, "Add") != nullptr && HasOneUse(sum)) {
      if (!is_mask(constant)) return std::nullopt;
      found.constant_mask = constant;
      add = sum->producer();
    }
    const auto [product, mask] = EitherOrder(*add, is_scores);
    if (product == nullptr || !is_mask(mask)) return std::nullopt;
    found.mask = mask;
    scores = product;
  }
  if (!is_scores(scores)) return std::nullopt;
  const ir::Node* product = Unscaled(scores, &found.scale)->producer();
  found.query = Unscaled(product->input(0), &found.scale);
  found.key = Unscaled(product->input(1), &found.scale);
  if (!IsF32Rank4(found.query) || !IsF32Rank4(found.key)) return std::nullopt;
  // The mask must not widen the scores.
  if (found.mask != nullptr && softmax->output()->type() != product->output()->type())
    return std::nullopt;
  return found;
}

// The tensor behind a swap of the two middle axes, or null.
ir::Value* BehindHeads(const ir::Value* v) {
  const ir::Node* transpose = ProducedBy(v, "Transpose");
  if (transpose == nullptr) return nullptr;
  return IntsOf(transpose->input(1)) == std::vector<int64_t>{0, 2, 1, 3} ? transpose->input(0)
                                                                         : nullptr;
}

// One of the tensors that lie side by side along axis 2 of another.
struct Part {
  ir::Value* whole = nullptr;
  int64_t index = 0;
};

std::optional<Part> Chosen(const ir::Node& gather) {
  ir::Value* whole = gather.input(0);
  const std::optional<std::vector<int64_t>> index = IntsOf(gather.input(1));
  if (!whole->type().shape.rank_known() || whole->type().shape.rank() != 5 ||
      gather.attrs().Int("batch_dims") != 0 || !index.has_value() || index->size() != 1 ||
      gather.input(1)->type().shape.rank() != 0)
    return std::nullopt;
  const int64_t axis = gather.attrs().Int("axis"), n = whole->type().shape.dim(2);
  const int64_t at = (*index)[0] < 0 ? (*index)[0] + n : (*index)[0];
  if ((axis != 2 && axis != -3) || ((*index)[0] < 0 && n < 0) || at < 0 || (n >= 0 && at >= n))
    return std::nullopt;
  return Part{whole, at};
}

std::optional<Part> Cut(const ir::Node& slice) {
  ir::Value* whole = slice.input(0);
  const std::optional<std::vector<int64_t>> bounds[] = {
      IntsOf(slice.input(1)), IntsOf(slice.input(2)), IntsOf(slice.input(3))};
  if (!whole->type().shape.concrete() || whole->type().shape.rank() != 5 ||
      !bounds[0].has_value() || !bounds[1].has_value() || !bounds[2].has_value())
    return std::nullopt;
  const Dims& dims = whole->type().shape.dims();
  const auto plan = ops::PlanStridedSlice(slice.attrs(), dims, *bounds[0], *bounds[1], *bounds[2]);
  if (!plan.ok()) return std::nullopt;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (i == 2 ? plan->count[i] != 1 : plan->count[i] != dims[i] || plan->step[i] != 1)
      return std::nullopt;
  }
  return Part{whole, plan->start[2]};
}

std::optional<Part> PartBehind(const ir::Value* v) {
  const ir::Node* n = v->producer();
  if (n == nullptr) return std::nullopt;
  if (n->op() == "Gather") return Chosen(*n);
  if (n->op() != "Squeeze" && n->op() != "Reshape") return std::nullopt;
  const ir::Node* slice = ProducedBy(n->input(0), "StridedSlice");
  if (slice == nullptr) return std::nullopt;
  std::optional<Part> part = Cut(*slice);
  if (!part.has_value()) return std::nullopt;
  Dims dims = part->whole->type().shape.dims();
  dims.erase(dims.begin() + 2);
  return v->type().shape == Shape(dims) ? part : std::nullopt;
}

}  // namespace

absl::StatusOr<int> FuseAttention(PassContext& context) {
  return ForEachNode(context.module, [](ir::Node* node) -> absl::StatusOr<int> {
    auto a = Match(*node);
    if (!a.has_value()) return 0;
    if (a->constant_mask != nullptr) {
      MIRIN_ASSIGN_OR_RETURN(const ir::Node* sum, Insert(node, "Add", node->name() + "/mask",
                                                         {a->mask, a->constant_mask}));
      a->mask = sum->output();
    }
    std::vector<std::pair<std::string, ir::Attribute>> attributes = {{"scale", a->scale}};
    // Heads that were split off by transposes, and are merged by one, are walked in place.
    ir::Value *query = BehindHeads(a->query), *key = BehindHeads(a->key),
              *value = BehindHeads(a->value);
    ir::Node* merge = HasOneUse(node->output()) ? node->output()->uses()[0].node : nullptr;
    if (query != nullptr && key != nullptr && value != nullptr && merge != nullptr &&
        BehindHeads(merge->output(0)) == node->output()) {
      double scale = a->scale;
      ir::Value *bare_query = Unscaled(query, &scale), *bare_key = Unscaled(key, &scale);
      if (IsF32Rank4(bare_query) && IsF32Rank4(bare_key)) {
        query = bare_query;
        key = bare_key;
        attributes = {{"scale", scale}};
      }
      attributes.push_back({"layout", std::string("BSND")});
      const std::optional<Part> parts[] = {PartBehind(query), PartBehind(key), PartBehind(value)};
      if (parts[0].has_value() && parts[1].has_value() && parts[2].has_value()) {
        query = parts[0]->whole;
        key = parts[1]->whole;
        value = parts[2]->whole;
        attributes.push_back(
            {"parts", std::vector<int64_t>{parts[0]->index, parts[1]->index, parts[2]->index}});
      }
      MIRIN_ASSIGN_OR_RETURN(ir::Node * fused,
                             Insert(merge, "ScaledDotProductAttention", node->name(),
                                    {query, key, value, a->mask}, std::move(attributes)));
      Replace(merge->output(), fused->output());
      return 1;
    }
    MIRIN_ASSIGN_OR_RETURN(ir::Node * fused,
                           Insert(node, "ScaledDotProductAttention", node->name(),
                                  {a->query, a->key, a->value, a->mask}, std::move(attributes)));
    Replace(node->output(), fused->output());
    return 1;
  });
}

}  // namespace mirin::passes
