#include "core/plan/evaluate.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/ops/schema.h"

namespace mirin::plan {

absl::StatusOr<std::vector<Tensor>> Evaluate(const Backend& backend, const ir::Node& node,
                                             absl::Span<const Tensor> given, size_t max_bytes) {
  static const auto* const kOneThread = new ThreadShare(1);
  const ops::OpSchema* schema = ops::FindSchema(node.op());
  if (schema == nullptr)
    return absl::NotFoundError(absl::StrCat(ir::Describe(node), ": unknown operator"));
  std::vector<Tensor> inputs(given.size());
  for (size_t i = 0; i < given.size(); ++i) {
    if (!given[i].valid()) continue;
    MIRIN_ASSIGN_OR_RETURN(inputs[i], given[i].Aligned());
  }
  std::vector<ir::TensorType> types(inputs.size());
  std::vector<const Tensor*> values(inputs.size(), nullptr);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].valid()) continue;
    types[i] = {inputs[i].dtype(), inputs[i].shape()};
    if (inputs[i].data() != nullptr || inputs[i].elements() == 0)
      values[i] = &inputs[i];  // an empty value is known
  }
  ops::InferContext infer(node, types, values);
  MIRIN_RETURN_IF_ERROR(Annotate(schema->infer()(infer), ir::Describe(node)));
  size_t total = 0;
  for (const ir::TensorType& type : infer.outputs()) {
    if (!type.shape.concrete()) {
      return absl::InvalidArgumentError(absl::StrCat(ir::Describe(node), ": the result shape ",
                                                     ToString(type.shape),
                                                     " does not follow from the inputs"));
    }
    MIRIN_ASSIGN_OR_RETURN(const size_t bytes, CheckedBytes(type.dtype, type.shape.dims()));
    total += bytes;
    if (bytes > max_bytes || total > max_bytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat(ir::Describe(node), ": the result is larger than ", max_bytes, " bytes"));
    }
  }
  const std::vector<Layout> layouts(inputs.size(), Layout::kPlain);
  const std::vector<const ir::Value*> constant_values(inputs.size(), nullptr);
  KernelRequest request;
  request.node = &node;
  request.inputs = types;
  request.outputs = infer.outputs();
  request.input_layouts = layouts;
  request.constants = values;
  request.constant_values = constant_values;
  request.threads = kOneThread;
  MIRIN_ASSIGN_OR_RETURN(const std::unique_ptr<Kernel> kernel, backend.CreateKernel(request));

  std::vector<Tensor> outputs;
  std::vector<TensorView> views(inputs.size() + infer.outputs().size());
  std::vector<const TensorView*> pointers(views.size());
  for (size_t i = 0; i < views.size(); ++i) pointers[i] = &views[i];
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].valid()) continue;
    views[i] = {const_cast<void*>(inputs[i].data()), inputs[i].dtype(), Layout::kPlain,
                inputs[i].dims()};
  }
  outputs.reserve(infer.outputs().size());
  for (size_t i = 0; i < infer.outputs().size(); ++i) {
    const ir::TensorType& type = infer.outputs()[i];
    MIRIN_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(type.dtype, type.shape.dims()));
    outputs.push_back(std::move(tensor));
    views[inputs.size() + i] = {outputs.back().mutable_data(), type.dtype, Layout::kPlain,
                                type.shape.dims()};
  }
  const std::shared_ptr<void> scratch = AllocateAligned(kernel->scratch_bytes());
  if (scratch == nullptr) return absl::ResourceExhaustedError("no memory for scratch");
  const auto all = absl::MakeConstSpan(pointers);
  TextMemory texts;
  KernelContext context(all.subspan(0, inputs.size()), all.subspan(inputs.size()), scratch.get(),
                        kOneThread, nullptr, &texts);
  MIRIN_RETURN_IF_ERROR(Annotate(kernel->Run(context), ir::Describe(node)));
  for (Tensor& output : outputs) {  // the kernel copied views: take the texts along
    if (output.dtype() != DType::kString) continue;
    const auto texts = output.strings();
    output =
        Tensor::FromStrings(output.dims(), std::vector<std::string>(texts.begin(), texts.end()));
  }
  return outputs;
}

}  // namespace mirin::plan
