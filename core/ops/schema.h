// Operator schemas: what an op takes, gives and means, independent of any backend.
//
// Ops have MindSpore's primitive names. An op's parameter list is in the order of MindSpore 2.10's operands; older files
// carry the later ones as attributes of the primitive, so one list reads every dialect (core/mindir/lower.h binds them):
//
//   OpSchema ReduceSum() {
//     return OpSchema("ReduceSum", "Sum over axes; axis () means all.")
//         .Input("x")                                 // a tensor operand
//         .Ints("axis", std::vector<int64_t>{})       // integers: a const tuple, an attribute, or a computed int64 tensor
//         .Attr("keep_dims", false)                   // operand 2 in 2.10, attribute in 2.0; must be known at load time
//         .Attr("skip_mode", false)
//         .Output("y")
//         .Infer(InferReduce);
//   }
//
// In the IR a node's inputs are exactly the parameters declared by Input / OptionalInput / Ints / VariadicInput in that
// order (an absent optional one is null; trailing nulls may be missing), and its attributes are the ones declared by Attr, all of them present
// after Normalize(). A parameter of Ints is an int64 tensor of rank 0 or 1.
#ifndef CORE_OPS_SCHEMA_H_
#define CORE_OPS_SCHEMA_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/ir/graph.h"

namespace mirin::ops {

class InferContext;
class PartialValues;
using InferFn = absl::Status (*)(InferContext&);

enum class ParameterKind {
  kTensor,          // required tensor
  kOptionalTensor,  // tensor or null
  kVariadic,  // any number of tensors, from one tuple operand or the remaining operands; at most one per op
  kInts,       // int64 tensor of rank 0 or 1, constant or computed
  kAttribute,  // constant, kept in Node::attrs()
};

struct Parameter {
  std::string name;
  ParameterKind kind = ParameterKind::kTensor;
  bool required = true;              // kInts and kAttribute: false when there is a default
  ir::Attribute fallback;            // the default
  std::vector<std::string> aliases;  // other attribute names that say the same
};

class OpSchema {
 public:
  OpSchema(absl::string_view name, absl::string_view summary) : name_(name), summary_(summary) {}

  // -- declaration; each returns *this ------------------------------------------------------------------------------
  OpSchema& Input(absl::string_view name);
  OpSchema& OptionalInput(absl::string_view name);
  OpSchema& VariadicInput(absl::string_view name);
  OpSchema& Ints(absl::string_view name, std::vector<std::string> aliases = {});  // required
  OpSchema& Ints(absl::string_view name, std::vector<int64_t> fallback,
                 std::vector<std::string> aliases = {});
  // The fallback's alternative is the attribute's type: false, int64_t{1}, 0.5, "NCHW"s, std::vector<int64_t>{} ...
  OpSchema& Attr(absl::string_view name, ir::Attribute fallback,
                 std::vector<std::string> aliases = {});
  OpSchema& RequiredAttr(absl::string_view name, std::vector<std::string> aliases = {});
  // One result. Call it once per result for ops with several.
  OpSchema& Output(absl::string_view name);
  // The number of results is the value of this attribute, or, for a list, its length.
  OpSchema& OutputsFromAttr(absl::string_view attribute);
  OpSchema& Infer(InferFn fn);
  // The result shape depends on the *values* of this input, which must be known for Infer to give a concrete shape.
  // Ints parameters are marked so already.
  OpSchema& ShapeFromValue(absl::string_view input);
  // Output i has the dtype and shape of input 0 and is computed element by element: safe to run in place, layout agnostic.
  OpSchema& Elementwise();
  // Output 0 is input 0 under another shape: no data moves.
  OpSchema& View();
  // Depends on the shape of input 0 alone: its bytes need not be there.
  OpSchema& ReadsShape();
  // Writes input 0, which must be a variable; never removed, never reordered against readers of the variable.
  OpSchema& WritesVariable();
  // Depends on more than its inputs (random numbers): never folded or merged.
  OpSchema& Nondeterministic();

  // -- reading ------------------------------------------------------------------------------------------------------
  const std::string& name() const { return name_; }
  const std::string& summary() const { return summary_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }
  const std::vector<std::string>& outputs() const { return outputs_; }
  // Null for a fixed number of results.
  const std::string& outputs_attr() const { return outputs_attr_; }
  InferFn infer() const { return infer_; }
  bool elementwise() const { return elementwise_; }
  bool view() const { return view_; }
  bool reads_shape() const { return reads_shape_; }
  bool writes_variable() const { return writes_variable_; }
  bool nondeterministic() const { return nondeterministic_; }
  // MindSpore has no such primitive: the summary ends with "(internal)".
  bool internal() const;

  // Parameters that are inputs (everything but attributes), in order.
  int num_input_parameters() const;
  // The parameter that node input i belongs to (the variadic one for all its members); null when i is out of range.
  const Parameter* InputParameter(const ir::Node& node, int i) const;
  // Index of the node input for a named, non-variadic parameter that precedes the variadic one; -1 when unknown.
  int InputIndex(absl::string_view parameter) const;
  // True when the output shape of `node` depends on the value of input i (not only on its shape).
  bool ShapeNeedsValue(const ir::Node& node, int i) const;
  // How many results the node must have; InvalidArgument when its attributes do not say.
  absl::StatusOr<int> NumOutputs(const ir::Attributes& attrs) const;

 private:
  std::string name_;
  std::string summary_;
  std::vector<Parameter> parameters_;
  std::vector<std::string> outputs_;
  std::string outputs_attr_;
  std::vector<std::string> value_inputs_;
  InferFn infer_ = nullptr;
  bool elementwise_ = false;
  bool view_ = false;
  bool reads_shape_ = false;
  bool writes_variable_ = false;
  bool nondeterministic_ = false;
};

// Null when there is no such op.
const OpSchema* FindSchema(absl::string_view op);
// Whether the node depends on the shape of input 0 alone.
bool ReadsShapeOnly(const ir::Node& node);
// Whether the node may be evaluated early, merged with an equal one or dropped: no branches, no effects, no randomness.
bool IsPure(const ir::Node& node);
// Every op, sorted by name.
std::vector<const OpSchema*> AllSchemas();

// What an inference function sees: types of the inputs (shapes may be partly unknown), values where they are known, and
// attributes. It must set every output's type; it reports impossible inputs as InvalidArgument without naming the node
// (the caller does). It runs at load with unknown dims, at plan time with concrete ones, and for ops whose result shape
// depends on data (ShapeFromValue) once more at run time with values.
class InferContext {
 public:
  // `values[i]` may be null: not known. Spans must outlive the context, and so must `partial`, which may be null.
  InferContext(const ir::Node& node, absl::Span<const ir::TensorType> inputs,
               absl::Span<const Tensor* const> values, const PartialValues* partial = nullptr)
      : node_(node),
        inputs_(inputs),
        values_(values),
        partial_(partial),
        outputs_(node.num_outputs()) {}

  const ir::Node& node() const { return node_; }
  const ir::Attributes& attrs() const { return node_.attrs(); }
  int num_inputs() const { return static_cast<int>(inputs_.size()); }
  bool has_input(int i) const { return i < num_inputs() && node_.input(i) != nullptr; }
  const ir::TensorType& input(int i) const { return inputs_[i]; }
  DType dtype(int i) const { return inputs_[i].dtype; }
  const Shape& shape(int i) const { return inputs_[i].shape; }
  // The bytes of input i when they are known now, else null.
  const Tensor* value(int i) const {
    return i < static_cast<int>(values_.size()) ? values_[i] : nullptr;
  }
  // Value of an Ints parameter by input index: false when it is not known now. InvalidArgument for non-integers.
  absl::StatusOr<bool> IntsValue(int i, std::vector<int64_t>* out) const;
  // The same when single elements may be missing: those are PartialValues::kUnknown. Only for types, never to decide what runs.
  absl::StatusOr<bool> IntsPartly(int i, std::vector<int64_t>* out) const;

  int num_outputs() const { return static_cast<int>(outputs_.size()); }
  void SetOutput(int i, DType dtype, Shape shape) { outputs_[i] = {dtype, std::move(shape)}; }
  const std::vector<ir::TensorType>& outputs() const { return outputs_; }

  // Checks with complete messages: "input 'x' has rank 3, expected 4".
  absl::Status RequireRank(int i, int rank) const;
  absl::Status RequireMinRank(int i, int rank) const;
  absl::Status RequireFloat(int i) const;
  absl::Status RequireInt(int i) const;
  absl::Status RequireNumber(int i) const;  // not string
  absl::Status RequireSameDType(int a, int b) const;
  absl::Status RequireOneElement(int i) const;

 private:
  const ir::Node& node_;
  absl::Span<const ir::TensorType> inputs_;
  absl::Span<const Tensor* const> values_;
  const PartialValues* partial_;
  std::vector<ir::TensorType> outputs_;
};

// Completes a node by its schema: fills in default attributes, checks presence and number of inputs and outputs, resolves
// aliases. NotFound for an unknown op, InvalidArgument otherwise; messages do not name the node.
absl::Status Normalize(ir::Node* node);

// Runs shape inference of one node over the types stored in its inputs and stores the results in its outputs; known values
// are the constants among the inputs. `partial`, when given, is asked about the others and follows the node. Errors are
// annotated with the node.
absl::Status InferNode(ir::Node* node, PartialValues* partial = nullptr);

}  // namespace mirin::ops

#endif  // CORE_OPS_SCHEMA_H_
