// What the translator of one source operator sees: its attributes, its operands, and a builder for what replaces it.
//
// A translator is a function
//   absl::Status Gelu(OpContext& c) {
//     const std::string approximate = c.String("approximate", "none");
//     c.SetOutput(0, c.Op(approximate == "tanh" ? "GeLU" : "GeLUErf", {c.input(0)}));
//     return absl::OkStatus();
//   }
// It refuses what it cannot express with Refuse(reason, hint), and reports an impossible model as InvalidArgument; neither
// names the node. What it builds is sticky-error (builder.h), so it may return Ok after a failed call: the importer looks at
// the builder's status. Every attribute must be read and every operand asked for by the translator: one that nobody looks at
// is an error, not ignored.
#ifndef CORE_CONVERTER_OP_CONTEXT_H_
#define CORE_CONVERTER_OP_CONTEXT_H_

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/converter/builder.h"
#include "core/converter/report.h"
#include "core/ir/graph.h"

namespace mirin::converter {

// What a name of the source model stands for: a tensor, a sequence of known length, or an optional without value.
struct Operand {
  ir::Value* tensor = nullptr;
  std::shared_ptr<const std::vector<Operand>> sequence;
  bool none = false;                // an optional that is empty
  DType element = DType::kUnknown;  // of a sequence's tensors, where the source says it

  bool missing() const { return tensor == nullptr && sequence == nullptr && !none; }
  static Operand Tensor(ir::Value* value) { return {value, nullptr, false, DType::kUnknown}; }
  static Operand Sequence(std::vector<Operand> members) {
    return {nullptr, std::make_shared<const std::vector<Operand>>(std::move(members)), false,
            DType::kUnknown};
  }
  static Operand None() { return {nullptr, nullptr, true, DType::kUnknown}; }
};

// Bodies of control flow: graphs among a source node's attributes. Implemented by the importer of the format.
class Bodies {
 public:
  virtual ~Bodies() = default;
  virtual bool Has(absl::string_view attribute) const = 0;
  virtual int num_inputs(absl::string_view attribute) const = 0;
  virtual int num_outputs(absl::string_view attribute) const = 0;
  // Nodes of the body itself, those of bodies inside it not counted.
  virtual int num_nodes(absl::string_view attribute) const = 0;
  // Writes the body's nodes with `into`, which is the builder of the node itself or of a graph inside it; values of outer
  // graphs are captured. Returns its results. Findings go to the report.
  virtual absl::StatusOr<std::vector<Operand>> Inline(absl::string_view attribute,
                                                      const std::vector<Operand>& inputs,
                                                      GraphBuilder* into) = 0;
};

// A source node in terms that every framework shares.
struct SourceNode {
  std::string name;
  std::string op;
  std::string domain;
  int64_t version = 0;               // of the domain's operator set
  ir::Attributes attributes;         // graphs are in Bodies
  std::vector<std::string> outputs;  // "" where nobody wants it
};

class OpContext {
 public:
  OpContext(const SourceNode* node, std::vector<Operand> inputs, GraphBuilder* builder,
            Bodies* bodies, Report* report)
      : node_(node),
        inputs_(std::move(inputs)),
        outputs_(node->outputs.size()),
        builder_(builder),
        bodies_(bodies),
        report_(report),
        asked_(inputs_.size()) {}

  const SourceNode& node() const { return *node_; }
  int64_t version() const { return node_->version; }
  GraphBuilder& builder() { return *builder_; }
  Bodies& bodies() { return *bodies_; }

  // -- operands ---------------------------------------------------------------------------------------------------
  int num_inputs() const { return static_cast<int>(inputs_.size()); }
  bool has_input(int i) const { return i < num_inputs() && !operand(i).missing(); }
  // A tensor operand. Null, with a failure, when it is missing or a sequence.
  ir::Value* input(int i);
  // The same, GraphBuilder::Absent() when it is missing.
  ir::Value* OptionalInput(int i);
  // All tensor operands, which must be present.
  std::vector<ir::Value*> inputs();
  const Operand& operand(int i) const {
    asked_[static_cast<size_t>(i)] = true;
    return inputs_[static_cast<size_t>(i)];
  }
  // Puts another tensor in place of an operand, for a translator that leaves the rest to one of another operator.
  void SetInput(int i, ir::Value* value) {
    if (i < num_inputs())
      inputs_[static_cast<size_t>(i)] =
          Operand::Tensor(value);  // whoever does has seen the one before
  }
  DType dtype(int i) { return TypeOf(input(i)).dtype; }
  const Shape& shape(int i) { return TypeOf(input(i)).shape; }
  // The dtype without asking for the operand; UNKNOWN for what is no tensor.
  DType peek_dtype(int i) const {
    const ir::Value* v = i < num_inputs() ? inputs_[static_cast<size_t>(i)].tensor : nullptr;
    return v == nullptr ? DType::kUnknown : v->type().dtype;
  }
  // Rank of a tensor operand. Fails, with a reason, when it is not known at conversion.
  absl::StatusOr<int> Rank(int i);
  // Values that must be known at conversion: a constant operand. Refuses with the operand's name otherwise.
  absl::StatusOr<std::vector<int64_t>> ConstantInts(int i, absl::string_view what);
  absl::StatusOr<double> ConstantNumber(int i, absl::string_view what);

  int num_outputs() const { return static_cast<int>(outputs_.size()); }
  bool wants(int i) const {
    return i < num_outputs() && !node_->outputs[static_cast<size_t>(i)].empty();
  }
  void SetOutput(int i, ir::Value* value) { SetOutput(i, Operand::Tensor(value)); }
  void SetOutput(int i, Operand operand);
  const std::vector<Operand>& outputs() const { return outputs_; }

  // -- attributes -------------------------------------------------------------------------------------------------
  bool Has(absl::string_view name) const { return node_->attributes.Has(name); }
  int64_t Int(absl::string_view name, int64_t fallback) { return Read(name).Int(name, fallback); }
  bool Bool(absl::string_view name, bool fallback) { return Int(name, fallback ? 1 : 0) != 0; }
  double Float(absl::string_view name, double fallback) { return Read(name).Float(name, fallback); }
  std::string String(absl::string_view name, absl::string_view fallback) {
    return Read(name).String(name, fallback);
  }
  std::vector<int64_t> Ints(absl::string_view name) { return Read(name).Ints(name); }
  std::vector<double> Floats(absl::string_view name) { return Read(name).Floats(name); }
  std::vector<std::string> Strings(absl::string_view name) { return Read(name).Strings(name); }
  // Null when absent.
  const Tensor* TensorAttribute(absl::string_view name);
  absl::StatusOr<int64_t> RequiredInt(absl::string_view name);
  // Attributes that have no meaning at inference.
  void Ignore(absl::string_view name) { (void)Read(name); }
  // Names of attributes that nobody has read.
  std::vector<std::string> Unread() const;
  // How many operands in front of the first one that is there and that nobody has asked for; -1 when there is none.
  int SurplusOperand() const;

  // -- building (builder.h) ---------------------------------------------------------------------------------------
  ir::Value* Op(absl::string_view op, const std::vector<ir::Value*>& in,
                const Attrs& attributes = {}) {
    return builder_->Op(op, in, attributes);
  }
  std::vector<ir::Value*> Ops(absl::string_view op, const std::vector<ir::Value*>& in,
                              const Attrs& attributes = {}) {
    return builder_->Ops(op, in, attributes);
  }
  void Note(absl::string_view text) { report_->AddNote(text); }

 private:
  const ir::Attributes& Read(absl::string_view name) {
    read_.insert(std::string(name));
    return node_->attributes;
  }
  static const ir::TensorType& TypeOf(const ir::Value* value);

  const SourceNode* node_;
  std::vector<Operand> inputs_;
  std::vector<Operand> outputs_;
  GraphBuilder* builder_;
  Bodies* bodies_;
  Report* report_;
  std::set<std::string> read_;
  mutable std::vector<bool> asked_;  // an entry for each operand
};

using Translator = absl::Status (*)(OpContext&);

}  // namespace mirin::converter

#endif  // CORE_CONVERTER_OP_CONTEXT_H_
