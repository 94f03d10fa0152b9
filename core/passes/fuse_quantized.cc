// Makes integer arithmetic of operators that stand between DequantizeLinear and QuantizeLinear.
//
// First quantisation moves up through what only moves or compares elements, and meets what it undoes; then convolutions, matrix
// products and sums whose operands are integers take them as they are, and give integers where only a QuantizeLinear reads them.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/ops/schema.h"
#include "core/passes/pass.h"
#include "core/passes/quantised.h"

namespace mirin::passes {
namespace {

bool IsByte(DType dtype) { return dtype == DType::kInt8 || dtype == DType::kUInt8; }

// Bytes with one scale and zero point for all.
std::optional<Quantisation> BytesOf(const ir::Node& node) {
  std::optional<Quantisation> q = QuantisationOf(node);
  return q.has_value() && q->per_tensor() && IsByte(q->dtype) ? q : std::nullopt;
}
std::optional<Dequantised> BytesBehind(const ir::Value* value) {
  std::optional<Dequantised> d = DequantisedFrom(value);
  return d.has_value() && d->quantisation.per_tensor() && IsByte(d->quantisation.dtype)
             ? d
             : std::nullopt;
}

// The QuantizeLinear to bytes that alone reads the value.
ir::Node* OnlyQuantize(const ir::Value* value) {
  if (!HasOneUse(value)) return nullptr;
  ir::Node* reader = value->uses()[0].node;
  return reader->op() == "QuantizeLinear" && value->uses()[0].index == 0 &&
                 BytesOf(*reader).has_value()
             ? reader
             : nullptr;
}

// The inputs whose elements, each kept whole, make up the result: f(g(x)) = g(f(x)) for any non-decreasing f. Empty for other ops.
std::vector<int> MovedInputs(const ir::Node& node) {
  const ops::OpSchema* schema = ops::FindSchema(node.op());
  if (schema == nullptr || node.num_outputs() != 1) return {};
  if (node.op() == "Concat") {
    std::vector<int> all;
    for (int i = 0; i < node.num_inputs(); ++i) all.push_back(i);
    return all;
  }
  if (schema->view() || node.op() == "MaxPool" || node.op() == "Transpose" ||
      node.op() == "Slice" || node.op() == "StridedSlice")
    return {0};
  return {};
}

// A copy of the node with these inputs.
absl::StatusOr<ir::Node*> CopyWith(const ir::Node& node, ir::Node* before,
                                   const std::vector<ir::Value*>& inputs) {
  std::vector<std::pair<std::string, ir::Attribute>> attributes(node.attrs().map().begin(),
                                                                node.attrs().map().end());
  return Insert(before, node.op(), node.name(), inputs, std::move(attributes));
}

// A QuantizeLinear behind a node that moves elements goes in front of it; returns 1 if it did.
absl::StatusOr<int> MoveUp(ir::Node* quantize) {
  if (!HasOneUse(quantize->input(0))) return 0;
  const ir::Node& mover = *quantize->input(0)->producer();
  const std::vector<int> moved = MovedInputs(mover);
  if (moved.empty()) return 0;
  std::vector<ir::Value*> inputs = mover.inputs(), parameters = quantize->inputs();
  for (const int i : moved) {
    if (inputs[static_cast<size_t>(i)] == nullptr ||
        inputs[static_cast<size_t>(i)]->kind() == ir::ValueKind::kVariable)
      return 0;
    parameters[0] = inputs[static_cast<size_t>(i)];
    MIRIN_ASSIGN_OR_RETURN(ir::Node * q, CopyWith(*quantize, quantize, parameters));
    inputs[static_cast<size_t>(i)] = q->output();
  }
  MIRIN_ASSIGN_OR_RETURN(ir::Node * copy, CopyWith(mover, quantize, inputs));
  Replace(quantize->output(), copy->output());
  return 1;
}

// Moves every QuantizeLinear up as far as it goes, and takes away those that undo a DequantizeLinear.
absl::StatusOr<int> MoveAllUp(ir::Module* module) {
  int changes = 0;
  while (true) {
    MIRIN_ASSIGN_OR_RETURN(
        const int moved, ForEachNode(module, [](ir::Node* node) -> absl::StatusOr<int> {
          const std::optional<Quantisation> to = BytesOf(*node);
          if (node->op() != "QuantizeLinear" || !to.has_value()) return 0;
          const std::optional<Dequantised> from = BytesBehind(node->input(0));
          if (!from.has_value() || !(from->quantisation == *to)) return MoveUp(node);
          if (node->output()->uses().empty() && !node->graph()->IsOutput(node->output())) return 0;
          Replace(node->output(), from->q);
          return 1;
        }));
    if (moved == 0) return changes;
    changes += moved;
    EliminateDeadCode(module);  // what was left behind would count as readers
  }
}

// A DequantizeLinear in front of a view goes behind it, so that a product finds it. Other readers keep theirs.
absl::StatusOr<int> MoveDownThroughViews(ir::Module* module) {
  return ForEachNode(module, [](ir::Node* node) -> absl::StatusOr<int> {
    const ops::OpSchema* schema = ops::FindSchema(node->op());
    if (schema == nullptr || !schema->view() || node->num_outputs() != 1) return 0;
    const std::optional<Dequantised> from = BytesBehind(node->input(0));
    if (!from.has_value()) return 0;
    std::vector<ir::Value*> inputs = node->inputs(), parameters = from->node->inputs();
    inputs[0] = from->q;
    MIRIN_ASSIGN_OR_RETURN(ir::Node * view, CopyWith(*node, node, inputs));
    parameters[0] = view->output();
    MIRIN_ASSIGN_OR_RETURN(ir::Node * dequantize, CopyWith(*from->node, node, parameters));
    Replace(node->output(), dequantize->output());
    return 1;
  });
}

// -- products -----------------------------------------------------------------------------------------------------------

// A weight as symmetric int8 with a scale for each output channel.
struct ByteWeight {
  ir::Value* q = nullptr;
  std::vector<float> scale;
};

// uint8 around 128 is int8 around 0.
std::optional<Tensor> AsSigned(const Tensor& q) {
  auto made = Tensor::Allocate(DType::kInt8, q.dims());
  if (!made.ok()) return std::nullopt;
  const auto* from = q.data_as<uint8_t>();
  for (int64_t i = 0; i < q.elements(); ++i)
    made->mutable_data_as<int8_t>()[i] = static_cast<int8_t>(from[i] ^ 0x80);
  return *std::move(made);
}

std::optional<ByteWeight> WeightBehind(const ir::Value* value, int axis, ir::Module* module) {
  const std::optional<Dequantised> d = DequantisedFrom(value);
  if (!d.has_value() || !d->q->is_constant() || !IsByte(d->quantisation.dtype)) return std::nullopt;
  const Quantisation& q = d->quantisation;
  if (!q.per_tensor() && q.axis != axis) return std::nullopt;
  const auto channels = static_cast<size_t>(d->q->tensor().dims()[static_cast<size_t>(axis)]);
  ByteWeight weight{d->q, q.per_tensor() ? std::vector<float>(channels, q.scale[0]) : q.scale};
  if (q.dtype == DType::kInt8)
    return q.symmetric() ? std::make_optional(std::move(weight)) : std::nullopt;
  if (!std::all_of(q.zero.begin(), q.zero.end(), [](int64_t z) { return z == 128; }))
    return std::nullopt;
  std::optional<Tensor> made = AsSigned(d->q->tensor());
  if (!made.has_value()) return std::nullopt;
  weight.q = module->AddConstant(d->q->name(), *std::move(made));
  return weight;
}

using NamedAttributes = std::vector<std::pair<std::string, ir::Attribute>>;

// Bytes for the QuantizeLinear that alone reads the result, if there is one.
void AddResultForm(const ir::Node* quantize, NamedAttributes* attributes) {
  if (quantize == nullptr) return;
  const Quantisation q = *BytesOf(*quantize);
  attributes->insert(
      attributes->end(),
      {{"dtype", q.dtype}, {"y_scale", static_cast<double>(q.scale[0])}, {"y_zero", q.zero[0]}});
}

bool IsProduct(const std::string& op) {
  return op == "MatMul" || op == "BatchMatMul" || op == "MatMulExt" || op == "Dense";
}

// The attributes of a convolution or product that its integer form has, too.
NamedAttributes KeptAttributes(const ir::Node& node) {
  NamedAttributes kept = {{"activation", node.attrs().String("activation")}};
  if (node.op() != "Conv2D") {
    kept.emplace_back("transpose_b", node.attrs().Bool("transpose_b"));
    return kept;
  }
  for (const char* name :
       {"pad_mode", "pad_list", "pad", "stride", "dilation", "group", "format"}) {
    if (const ir::Attribute* value = node.attrs().Find(name)) kept.emplace_back(name, *value);
  }
  return kept;
}

// float32, one number per output channel, or none at all.
bool IsBias(const ir::Value* bias, size_t channels) {
  if (bias == nullptr) return true;
  const std::optional<std::vector<float>> values = FloatsOf(bias);
  return values.has_value() && values->size() == channels && bias->type().shape.rank() == 1;
}

absl::StatusOr<int> FuseProduct(ir::Node* node) {
  const bool convolution = node->op() == "Conv2D";
  if (!convolution && !IsProduct(node->op())) return 0;
  const std::optional<Dequantised> x = BytesBehind(node->input(0));
  const ir::Value* w = node->input(1);
  if (!x.has_value() || w == nullptr || w->type().shape.rank() != (convolution ? 4 : 2)) return 0;
  if (!convolution && (!x->q->type().shape.rank_known() ||
                       (node->attrs().Bool("transpose_a") && x->q->type().shape.rank() > 1)))
    return 0;
  ir::Module* module = node->graph()->module();
  const std::optional<ByteWeight> weight =
      WeightBehind(w, convolution || node->attrs().Bool("transpose_b") ? 0 : 1, module);
  if (!weight.has_value() || !IsBias(node->input(2), weight->scale.size())) return 0;

  std::vector<float> scale = weight->scale;
  for (float& s : scale) s *= x->quantisation.scale[0];
  ir::Node* quantize = OnlyQuantize(node->output());
  NamedAttributes attributes = KeptAttributes(*node);
  attributes.emplace_back("x_zero", x->quantisation.zero[0]);
  AddResultForm(quantize, &attributes);
  std::vector<ir::Value*> inputs = {
      x->q, weight->q,
      module->AddConstant(absl::StrCat(node->name(), "/scale"),
                          Tensor::FromValues<float>({static_cast<int64_t>(scale.size())}, scale))};
  ir::Value* residual = convolution ? node->input(3) : nullptr;
  if (node->input(2) != nullptr || residual != nullptr) inputs.push_back(node->input(2));
  if (residual != nullptr) {
    // Bytes add to bytes; a result in floating point takes a residual in floating point.
    const std::optional<Dequantised> r = quantize == nullptr ? std::nullopt : BytesBehind(residual);
    inputs.push_back(r.has_value() ? r->q : residual);
    if (r.has_value())
      attributes.insert(attributes.end(),
                        {{"residual_scale", static_cast<double>(r->quantisation.scale[0])},
                         {"residual_zero", r->quantisation.zero[0]}});
  }
  MIRIN_ASSIGN_OR_RETURN(ir::Node * fused,
                         Insert(node, convolution ? "QuantizedConv2D" : "QuantizedMatMul",
                                node->name(), inputs, std::move(attributes)));
  Replace(quantize == nullptr ? node->output() : quantize->output(), fused->output());
  return 1;
}

// -- sums ---------------------------------------------------------------------------------------------------------------

absl::StatusOr<int> FuseSum(ir::Node* node) {
  if (node->op() != "Add") return 0;
  const std::optional<Dequantised> a = BytesBehind(node->input(0)), b = BytesBehind(node->input(1));
  if (!a.has_value() || !b.has_value()) return 0;
  ir::Node* quantize = OnlyQuantize(node->output());
  std::string activation;
  if (quantize == nullptr && HasOneUse(node->output()) &&
      node->output()->uses()[0].node->op() == "ReLU") {
    quantize = OnlyQuantize(node->output()->uses()[0].node->output());
    activation = "relu";
  }
  if (quantize == nullptr) return 0;
  NamedAttributes attributes = {{"activation", activation},
                                {"a_scale", static_cast<double>(a->quantisation.scale[0])},
                                {"a_zero", a->quantisation.zero[0]},
                                {"b_scale", static_cast<double>(b->quantisation.scale[0])},
                                {"b_zero", b->quantisation.zero[0]}};
  AddResultForm(quantize, &attributes);
  MIRIN_ASSIGN_OR_RETURN(ir::Node * fused, Insert(node, "QuantizedAdd", node->name(), {a->q, b->q},
                                                  std::move(attributes)));
  Replace(quantize->output(), fused->output());
  return 1;
}

}  // namespace

absl::StatusOr<int> FuseQuantized(PassContext& context) {
  MIRIN_ASSIGN_OR_RETURN(int changes, MoveAllUp(context.module));
  MIRIN_ASSIGN_OR_RETURN(const int down, MoveDownThroughViews(context.module));
  MIRIN_ASSIGN_OR_RETURN(const int fused,
                         ForEachNode(context.module, [](ir::Node* node) -> absl::StatusOr<int> {
                           MIRIN_ASSIGN_OR_RETURN(const int products, FuseProduct(node));
                           return products > 0 ? products : FuseSum(node);
                         }));
  changes += down + fused;
  // Weights that found no integers to meet are computed by the folding that follows.
  if (context.stored_weights == StoredWeights::kKeepForFusion)
    context.stored_weights = StoredWeights::kFold;
  return changes;
}

}  // namespace mirin::passes
