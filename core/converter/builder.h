// Writes nodes into one ir::Graph: completes attributes, infers types and folds constants as it goes.
//
// Errors are sticky, so that arithmetic reads as such: a call that fails returns null, a call that is given null does nothing and
// returns null, and status() tells the first failure.
//
//   ir::Value* centred = b.Op("Sub", {x, b.Op("ReduceMean", {x, b.Ints({-1})}, {{"keep_dims", true}})});
//
// A builder may have a parent: the graph in which its graph is a body. Capture() makes a value of an outer graph usable here.
#ifndef CORE_CONVERTER_BUILDER_H_
#define CORE_CONVERTER_BUILDER_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "core/ir/graph.h"
#include "core/ops/partial_values.h"
#include "core/passes/pass.h"

namespace mirin::converter {

using Attrs = std::vector<std::pair<std::string, ir::Attribute>>;

class GraphBuilder {
 public:
  // Everything must outlive the builder. `evaluate` folds constants.
  GraphBuilder(ir::Graph* graph, GraphBuilder* parent, const passes::Evaluator* evaluate)
      : graph_(graph),
        parent_(parent),
        evaluate_(evaluate),
        partial_(parent == nullptr ? std::make_shared<ops::PartialValues>() : parent->partial_) {}
  GraphBuilder(const GraphBuilder&) = delete;
  GraphBuilder& operator=(const GraphBuilder&) = delete;

  ir::Graph* graph() const { return graph_; }
  ir::Module* module() const { return graph_->module(); }
  GraphBuilder* parent() const { return parent_; }
  const passes::Evaluator* evaluate() const { return evaluate_; }

  // -- nodes ------------------------------------------------------------------------------------------------------
  // A node of an op of core/ops; its result, or the first of them. `inputs` follow the schema; a null in them fails, kAbsent
  // stands for an optional input that is not given.
  ir::Value* Op(absl::string_view op, const std::vector<ir::Value*>& inputs,
                const Attrs& attributes = {});
  // All results.
  std::vector<ir::Value*> Ops(absl::string_view op, const std::vector<ir::Value*>& inputs,
                              const Attrs& attributes = {});
  static ir::Value* Absent();

  // A call of one of the branches (core/ir/graph.h); results get the given types.
  std::vector<ir::Value*> Invoke(const std::vector<ir::Value*>& inputs,
                                 std::vector<ir::Branch> branches,
                                 const std::vector<ir::TensorType>& results);

  // -- constants --------------------------------------------------------------------------------------------------
  ir::Value* Constant(Tensor tensor, absl::string_view name = "");
  ir::Value* Ints(absl::Span<const int64_t> values);  // int64[n]
  ir::Value* Ints(std::initializer_list<int64_t> values) {
    return Ints(absl::MakeConstSpan(values.begin(), values.size()));
  }
  ir::Value* Int(int64_t value);                 // int64[]
  ir::Value* Scalar(double value, DType dtype);  // dtype[]; saturates for integers
  ir::Value* ScalarLike(double value, const ir::Value* like) {
    return like == nullptr ? nullptr : Scalar(value, like->type().dtype);
  }

  // -- the everyday ones ------------------------------------------------------------------------------------------
  ir::Value* Add(ir::Value* a, ir::Value* b) { return Op("Add", {a, b}); }
  ir::Value* Sub(ir::Value* a, ir::Value* b) { return Op("Sub", {a, b}); }
  ir::Value* Mul(ir::Value* a, ir::Value* b) { return Op("Mul", {a, b}); }
  ir::Value* Cast(ir::Value* x, DType dtype);  // x itself when it is of that dtype
  ir::Value* Reshape(ir::Value* x, absl::Span<const int64_t> dims) {
    return Op("Reshape", {x, Ints(dims)});
  }
  ir::Value* Reshape(ir::Value* x, std::initializer_list<int64_t> dims) {
    return Op("Reshape", {x, Ints(dims)});
  }
  ir::Value* Transpose(ir::Value* x, absl::Span<const int64_t> perm) {
    return Op("Transpose", {x, Ints(perm)});
  }
  ir::Value* Unsqueeze(
      ir::Value* x,
      absl::Span<const int64_t> axes);  // axes of the result, negative ones from its end
  ir::Value* Unsqueeze(ir::Value* x, std::initializer_list<int64_t> axes) {
    return Unsqueeze(x, absl::MakeConstSpan(axes.begin(), axes.size()));
  }
  ir::Value* Squeeze(ir::Value* x, absl::Span<const int64_t> axes);
  ir::Value* Squeeze(ir::Value* x, std::initializer_list<int64_t> axes) {
    return Squeeze(x, absl::MakeConstSpan(axes.begin(), axes.size()));
  }
  ir::Value* ShapeOf(ir::Value* x) { return Op("Shape", {x}); }  // int64[rank]
  ir::Value* DimOf(ir::Value* x, int64_t axis);                  // int64[]
  // x[begin:end] along one axis, in steps of one; end may be INT64_MAX.
  ir::Value* SliceAxis(ir::Value* x, int64_t axis, int64_t begin, int64_t end);
  ir::Value* Concat(const std::vector<ir::Value*>& parts, int64_t axis) {
    return Op("Concat", parts, {{"axis", axis}});
  }

  // -- knowledge --------------------------------------------------------------------------------------------------
  // The bytes of a constant; null when the value is computed.
  static const Tensor* ValueOf(const ir::Value* value) {
    return value != nullptr && value->is_constant() ? &value->tensor() : nullptr;
  }
  static std::optional<std::vector<int64_t>> IntsOf(const ir::Value* value);
  static std::optional<double> NumberOf(const ir::Value* value);  // of one element
  // Elements of computed shape arithmetic (core/ops/partial_values.h); nothing when none is known.
  std::optional<std::vector<int64_t>> PartlyOf(const ir::Value* value) const {
    return partial_->Of(value);
  }

  // -- bodies -----------------------------------------------------------------------------------------------------
  // The value as this graph sees it: constants and own values as they are; a value of an outer graph becomes an input behind
  // the formal ones, once.
  ir::Value* Capture(ir::Value* outer);
  // Values of the parent's graph that inputs num_inputs - captured().size() .. of this graph stand for.
  const std::vector<ir::Value*>& captured() const { return captured_; }
  // A formal argument; before anything was captured.
  ir::Value* AddFormal(const std::string& name, const ir::TensorType& type);

  // -- state ------------------------------------------------------------------------------------------------------
  const absl::Status& status() const { return status_; }
  // Keeps the first failure.
  void Fail(absl::Status status) {
    if (status_.ok()) status_ = std::move(status);
  }
  absl::Status TakeStatus() { return std::exchange(status_, absl::OkStatus()); }
  // Names of the nodes made from now on begin with this.
  void set_scope(std::string scope) { scope_ = std::move(scope); }
  const std::string& scope() const { return scope_; }

 private:
  bool TryFold(ir::Node* node, std::vector<ir::Value*>* results);
  // A result whose elements are all known though its operands are not constants.
  ir::Value* KnownResult(const ir::Node& node);
  void Erase(ir::Node* node);
  bool Owns(const ir::Value* value) const;

  ir::Graph* graph_;
  GraphBuilder* parent_;
  const passes::Evaluator* evaluate_;
  std::shared_ptr<ops::PartialValues> partial_;  // one for all graphs of the module
  absl::Status status_;
  std::string scope_;
  std::vector<ir::Value*> captured_;
  absl::flat_hash_map<const ir::Value*, ir::Value*>
      inputs_of_;  // outer value -> this graph's input
};

}  // namespace mirin::converter

#endif  // CORE_CONVERTER_BUILDER_H_
