#include <cmath>

#include "core/base/status.h"
#include "core/passes/pass.h"

namespace mirin::passes {
namespace {

bool Near(const std::optional<double>& value, double expected) {
  return value.has_value() && std::fabs(*value - expected) <= 1e-3 * std::fabs(expected);
}

bool IsMul(const ir::Node* n) { return n != nullptr && (n->op() == "Mul" || n->op() == "Muls"); }
bool IsDiv(const ir::Node* n) {
  return n != nullptr && (n->op() == "RealDiv" || n->op() == "Div" || n->op() == "Divs");
}
bool IsAdd(const ir::Node* n) {
  return n != nullptr && (n->op() == "Add" || n->op() == "AddScalar");
}

// value = other * constant, also written as a division: the other operand, or null.
ir::Value* TimesConstant(const ir::Value* value, double constant) {
  const ir::Node* n = value == nullptr ? nullptr : value->producer();
  if (IsMul(n))
    return EitherOrder(*n, [&](ir::Value* v) { return Near(ScalarOf(v), constant); }).second;
  if (IsDiv(n) && Near(ScalarOf(n->input(1)), 1 / constant)) return n->input(0);
  return nullptr;
}

ir::Value* PlusConstant(const ir::Value* value, double constant) {
  const ir::Node* n = value == nullptr ? nullptr : value->producer();
  return IsAdd(n)
             ? EitherOrder(*n, [&](ir::Value* v) { return Near(ScalarOf(v), constant); }).second
             : nullptr;
}

// x * x * x, or Pow(x, 3).
bool IsCube(const ir::Value* value, const ir::Value* x) {
  const ir::Node* n = value->producer();
  if (n == nullptr) return false;
  if (n->op() == "Pow") return n->input(0) == x && Near(ScalarOf(n->input(1)), 3);
  if (!IsMul(n)) return false;
  const auto is_square = [&](const ir::Value* v) {
    const ir::Node* s = v->producer();
    return s != nullptr && ((s->op() == "Square" && s->input(0) == x) ||
                            (IsMul(s) && s->input(0) == x && s->input(1) == x));
  };
  return (n->input(0) == x && is_square(n->input(1))) ||
         (n->input(1) == x && is_square(n->input(0)));
}

// `value` is the op's factor besides x: "GeLUErf", "GeLU", "SiLU", "HSwish" or empty. The factor of GELU lacks the half.
std::string FactorName(const ir::Value* value, const ir::Value* x, bool* needs_half) {
  *needs_half = false;
  if (const ir::Node* sigmoid = ProducedBy(value, "Sigmoid");
      sigmoid != nullptr && sigmoid->input(0) == x)
    return "SiLU";
  if (const ir::Node* gate = ProducedBy(value, "HSigmoid"); gate != nullptr && gate->input(0) == x)
    return "HSwish";
  if (ir::Value* clamped = TimesConstant(value, 1.0 / 6); clamped != nullptr) {
    const ir::Node* relu6 = ProducedBy(clamped, "ReLU6");
    if (relu6 != nullptr && PlusConstant(relu6->input(0), 3) == x) return "HSwish";
  }
  *needs_half = true;
  ir::Value* one_plus = PlusConstant(value, 1);
  if (const ir::Node* erf = ProducedBy(one_plus, "Erf");
      erf != nullptr && TimesConstant(erf->input(0), std::sqrt(0.5)) == x)
    return "GeLUErf";
  const ir::Node* tanh = ProducedBy(one_plus, "Tanh");
  if (tanh == nullptr) return "";
  const ir::Value* inner = TimesConstant(tanh->input(0), std::sqrt(2 / M_PI));
  const ir::Node* sum = inner == nullptr ? nullptr : inner->producer();
  if (!IsAdd(sum)) return "";
  for (int i = 0; i < 2; ++i) {
    if (sum->input(i) != x) continue;
    const ir::Value* cubic = TimesConstant(sum->input(1 - i), 0.044715);
    if (cubic != nullptr && IsCube(cubic, x)) return "GeLU";
  }
  return "";
}

// The op that node computes from *x, or "".
std::string Match(const ir::Node& node, ir::Value** x) {
  if (!IsMul(&node) || node.num_inputs() < 2) return "";
  bool needs_half = false;
  for (int i = 0; i < 2; ++i) {
    ir::Value* a = node.input(i);
    ir::Value* b = node.input(1 - i);
    if (a == nullptr || b == nullptr) return "";
    // (x * f(x)) * 0.5 and x * (f(x) * 0.5) and (x * 0.5) * f(x)
    if (Near(ScalarOf(b), 0.5) && a->producer() != nullptr && IsMul(a->producer())) {
      const ir::Node& product = *a->producer();
      for (int k = 0; k < 2; ++k) {
        *x = product.input(k);
        const std::string name = FactorName(product.input(1 - k), *x, &needs_half);
        if (!name.empty() && needs_half) return name;
      }
      continue;
    }
    *x = a;
    if (ir::Value* f = TimesConstant(b, 0.5); f != nullptr) {
      const std::string name = FactorName(f, *x, &needs_half);
      if (!name.empty() && needs_half) return name;
    }
    if (ir::Value* half = TimesConstant(a, 0.5); half != nullptr) {
      *x = half;
      const std::string name = FactorName(b, *x, &needs_half);
      if (!name.empty() && needs_half) return name;
    }
    *x = a;
    const std::string name = FactorName(b, *x, &needs_half);
    if (!name.empty() && !needs_half) return name;
  }
  // x * relu6(x + 3) / 6 with the division outside
  if (ir::Value* product = TimesConstant(node.output(), 1.0 / 6);
      product != nullptr && IsMul(product->producer())) {
    const ir::Node& inner = *product->producer();
    for (int k = 0; k < 2; ++k) {
      const ir::Node* relu6 = ProducedBy(inner.input(1 - k), "ReLU6");
      *x = inner.input(k);
      if (relu6 != nullptr && PlusConstant(relu6->input(0), 3) == *x) return "HSwish";
    }
  }
  return "";
}

}  // namespace

absl::StatusOr<int> FuseGelu(PassContext& context) {
  return ForEachNode(context.module, [](ir::Node* node) -> absl::StatusOr<int> {
    ir::Value* x = nullptr;
    const std::string op = Match(*node, &x);
    if (op.empty() || x->type() != node->output()->type()) return 0;
    MIRIN_ASSIGN_OR_RETURN(ir::Node * fused, Insert(node, op, node->name(), {x}));
    Replace(node->output(), fused->output());
    return 1;
  });
}

}  // namespace mirin::passes
