#include "core/passes/quantised.h"

#include <algorithm>
#include <cmath>

#include "core/passes/pass.h"

namespace mirin::passes {
namespace {

bool IsShort(DType dtype) {
  return dtype == DType::kInt8 || dtype == DType::kUInt8 || dtype == DType::kInt16 ||
         dtype == DType::kUInt16;
}

// The node whose result has the elements of the value under another shape, or the value's own.
const ir::Node* ProducerBehindReshapes(const ir::Value* value) {
  const ir::Node* node = value == nullptr ? nullptr : value->producer();
  while (node != nullptr && node->op() == "Reshape" && node->input(0) != nullptr)
    node = node->input(0)->producer();
  return node;
}

}  // namespace

bool Quantisation::symmetric() const {
  return std::all_of(zero.begin(), zero.end(), [](int64_t z) { return z == 0; });
}

bool operator==(const Quantisation& a, const Quantisation& b) {
  return a.dtype == b.dtype && a.scale == b.scale && a.zero == b.zero &&
         (a.per_tensor() || a.axis == b.axis);
}

std::optional<Quantisation> QuantisationOf(const ir::Node& node) {
  const bool quantises = node.op() == "QuantizeLinear";
  if ((!quantises && node.op() != "DequantizeLinear") || node.input(0) == nullptr)
    return std::nullopt;
  const DType wide = quantises ? node.input(0)->type().dtype : node.output()->type().dtype;
  Quantisation q;
  q.dtype = quantises ? node.output()->type().dtype : node.input(0)->type().dtype;
  if (wide != DType::kFloat32 || !IsShort(q.dtype) || node.attrs().Int("block_size") != 0)
    return std::nullopt;
  const std::optional<std::vector<float>> scale = FloatsOf(node.input(1));
  if (!scale.has_value() || scale->empty()) return std::nullopt;
  if (std::any_of(scale->begin(), scale->end(),
                  [](float s) { return !(std::isfinite(s) && s > 0); }))
    return std::nullopt;
  q.scale = *scale;
  q.zero.assign(q.scale.size(), 0);
  if (node.input(2) != nullptr) {
    const std::optional<std::vector<int64_t>> zero = IntsOf(node.input(2));
    if (!zero.has_value() || zero->size() != q.scale.size()) return std::nullopt;
    q.zero = *zero;
  }
  const Shape& shape = node.input(0)->type().shape;
  if (q.per_tensor()) return q;
  if (!shape.rank_known()) return std::nullopt;
  const int64_t axis = node.attrs().Int("axis", 1);
  q.axis = static_cast<int>(axis < 0 ? axis + shape.rank() : axis);
  return q;
}

std::optional<Dequantised> DequantisedFrom(const ir::Value* value) {
  const ir::Node* node = ProducedBy(value, "DequantizeLinear");
  if (node == nullptr) return std::nullopt;
  std::optional<Quantisation> q = QuantisationOf(*node);
  if (!q.has_value()) return std::nullopt;
  return Dequantised{node, node->input(0), *std::move(q)};
}

bool IsLinearOp(const ir::Node& node) {
  static constexpr absl::string_view kOps[] = {"BatchMatMul", "Conv2D",          "Conv2DTranspose",
                                               "Conv3D",      "Conv3DTranspose", "Dense",
                                               "MatMul",      "MatMulExt"};
  return std::find(std::begin(kOps), std::end(kOps), node.op()) != std::end(kOps);
}

bool IsStoredWeight(const ir::Node& node) {
  return node.op() == "DequantizeLinear" && node.input(0) != nullptr &&
         node.input(0)->is_constant() && IsShort(node.input(0)->type().dtype);
}

bool IsWeightOfIntegers(const ir::Node& node) {
  if (!IsStoredWeight(node) || node.output()->uses().empty()) return false;
  return std::all_of(node.output()->uses().begin(), node.output()->uses().end(),
                     [](const ir::Value::Use& use) {
                       if (use.index != 1 || !IsLinearOp(*use.node)) return false;
                       const ir::Node* left = ProducerBehindReshapes(use.node->input(0));
                       return left != nullptr && left->op() == "DequantizeLinear";
                     });
}

}  // namespace mirin::passes
