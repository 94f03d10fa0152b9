#include "core/converter/signature.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/base/status.h"
#include "core/converter/builder.h"
#include "core/ops/infer_module.h"
#include "core/ops/schema.h"

namespace mirin::converter {
namespace {

constexpr int64_t kToNchw[] = {0, 3, 1, 2};
constexpr int64_t kToNhwc[] = {0, 2, 3, 1};

bool IsImage(const ir::TensorType& type) {
  return type.shape.rank_known() && type.shape.rank() == 4;
}

absl::Status NoCast(absl::string_view what, absl::string_view name) {
  return absl::InvalidArgumentError(
      absl::StrCat(what, " '", name, "' holds texts, which have no other data type"));
}

// A node in front of all others, whose result the readers of `input` get instead. In front: writes to variables keep their order.
absl::Status PutBehind(ir::Value* input, ir::Graph* graph, const ir::Node* first,
                       absl::string_view op, std::vector<ir::Value*> operands,
                       const Attrs& attributes) {
  operands.insert(operands.begin(), input);
  const std::vector<ir::Value::Use> uses = input->uses();
  ir::Node* node = graph->InsertNode(first, op, absl::StrCat(input->name(), "/input"), operands);
  for (const auto& [name, value] : attributes) node->attrs().Set(name, value);
  MIRIN_RETURN_IF_ERROR(ops::Normalize(node));
  MIRIN_RETURN_IF_ERROR(ops::InferNode(node));
  for (const ir::Value::Use& use : uses) use.node->SetInput(use.index, node->output());
  std::vector<ir::Value*> outputs = graph->outputs();
  for (ir::Value*& v : outputs) v = v == input ? node->output() : v;
  graph->SetOutputs(std::move(outputs));
  return absl::OkStatus();
}

absl::Status ChangeInputs(ir::Module* module, const Signature& signature) {
  ir::Graph* graph = module->entry();
  const ir::Node* first = graph->nodes().empty() ? nullptr : graph->nodes()[0].get();
  int images = 0;
  for (const auto& input : graph->inputs()) {
    const ir::TensorType type = input->type();
    if (signature.input_layout == Layout::kNhwc && IsImage(type)) {
      ++images;
      ir::TensorType nhwc = type;
      for (int i = 0; i < 4; ++i)
        nhwc.shape.set_dim(i, type.shape.dim(static_cast<int>(kToNhwc[i])));
      input->set_type(std::move(nhwc));
      MIRIN_RETURN_IF_ERROR(PutBehind(input.get(), graph, first, "Transpose",
                                      {module->AddConstant("", Tensor::Int64s(kToNchw))}, {}));
      first = graph->nodes()[0].get();
    }
    if (signature.input_dtype == DType::kUnknown || signature.input_dtype == type.dtype) continue;
    if (type.dtype == DType::kString) return NoCast("input", input->name());
    ir::TensorType changed = input->type();
    changed.dtype = signature.input_dtype;
    input->set_type(std::move(changed));
    MIRIN_RETURN_IF_ERROR(
        PutBehind(input.get(), graph, first, "Cast", {}, {{"dst_type", type.dtype}}));
    first = graph->nodes()[0].get();
  }
  if (signature.input_layout == Layout::kNhwc && images == 0)
    return absl::InvalidArgumentError("inputDataFormat is NHWC, but no input has 4 axes");
  return ops::InferModule(module);
}

absl::Status ChangeOutputs(ir::Module* module, const Signature& signature) {
  ir::Graph* graph = module->entry();
  GraphBuilder builder(graph, nullptr, nullptr);
  int images = 0;
  std::vector<ir::Value*> outputs = graph->outputs();
  for (size_t i = 0; i < outputs.size(); ++i) {
    builder.set_scope(absl::StrCat(module->output_names()[i], "/output"));
    if (signature.output_layout == Layout::kNhwc && IsImage(outputs[i]->type())) {
      ++images;
      outputs[i] = builder.Transpose(outputs[i], kToNhwc);
    }
    const DType dtype = signature.output_dtype;
    if (dtype == DType::kUnknown || outputs[i] == nullptr || outputs[i]->type().dtype == dtype)
      continue;
    if (outputs[i]->type().dtype == DType::kString)
      return NoCast("output", module->output_names()[i]);
    outputs[i] = builder.Cast(outputs[i], dtype);
  }
  MIRIN_RETURN_IF_ERROR(builder.TakeStatus());
  if (signature.output_layout == Layout::kNhwc && images == 0)
    return absl::InvalidArgumentError("outputDataFormat is NHWC, but no output has 4 axes");
  graph->SetOutputs(std::move(outputs));
  return absl::OkStatus();
}

absl::StatusOr<ir::TensorType> WithShape(ir::TensorType type, const std::vector<int64_t>& dims) {
  const Shape shape{absl::MakeConstSpan(dims)};
  bool fits =
      dims.size() <= kMaxRank && (!type.shape.rank_known() || type.shape.rank() == shape.rank());
  for (int i = 0; fits && type.shape.rank_known() && i < shape.rank(); ++i) {
    fits = type.shape.dim(i) < 0 || shape.dim(i) < 0 || type.shape.dim(i) == shape.dim(i);
  }
  if (!fits)
    return absl::InvalidArgumentError(
        absl::StrCat("the shape ", ToString(shape), " does not fit ", ToString(type.shape)));
  if (!type.shape.rank_known()) type.shape = shape;
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape.dim(i) >= 0) type.shape.set_dim(i, shape.dim(i));
  }
  return type;
}

}  // namespace

absl::Status SetInputShapes(ir::Module* module,
                            const std::map<std::string, std::vector<int64_t>>& shapes) {
  std::vector<std::string> known;
  for (const auto& input : module->entry()->inputs()) known.push_back(input->name());
  for (const auto& [name, dims] : shapes) {
    const auto it = std::find(known.begin(), known.end(), name);
    if (it == known.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("there is no input '", name,
                       "' to give a shape to; inputs: ", absl::StrJoin(known, ", ")));
    }
    ir::Value* input = module->entry()->inputs()[static_cast<size_t>(it - known.begin())].get();
    absl::StatusOr<ir::TensorType> type = WithShape(input->type(), dims);
    if (!type.ok()) return Annotate(type.status(), absl::StrCat("input '", name, "'"));
    input->set_type(*std::move(type));
  }
  return shapes.empty() ? absl::OkStatus()
                        : Annotate(ops::InferModule(module), "with the shapes given");
}

absl::Status ChangeSignature(ir::Module* module, const Signature& signature) {
  MIRIN_RETURN_IF_ERROR(ChangeInputs(module, signature));
  MIRIN_RETURN_IF_ERROR(ChangeOutputs(module, signature));
  return ops::InferModule(module);
}

}  // namespace mirin::converter
