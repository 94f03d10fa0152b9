#include "tests/ops/run_case.h"

#include "core/backends/all.h"
#include "core/base/status.h"
#include "gtest/gtest.h"

namespace mirin::testing {

absl::StatusOr<CaseResult> RunCase(const OpCase& c, const runtime::ModelOptions& model_options,
                                   const runtime::SessionOptions& session_options) {
  InstallAllBackends();
  MIRIN_ASSIGN_OR_RETURN(std::unique_ptr<ir::Module> module, ModuleOf(c));
  MIRIN_ASSIGN_OR_RETURN(const auto model,
                         runtime::Model::FromModule(std::move(module), model_options));
  MIRIN_ASSIGN_OR_RETURN(const auto session, runtime::Session::Create(model, session_options));
  std::vector<Tensor> inputs;
  for (const OpCase::Input& input : c.inputs) {
    if (input.present && !input.constant) inputs.push_back(input.tensor);
  }
  MIRIN_ASSIGN_OR_RETURN(const absl::Span<const Tensor> outputs, session->Run(inputs));
  CaseResult result;
  result.placement = session->PlacementReport();
  for (const Tensor& t : outputs) {
    if (t.dtype() == DType::kString) {
      result.outputs.push_back(Tensor::FromStrings(
          t.dims(), std::vector<std::string>(t.strings().begin(), t.strings().end())));
      continue;
    }
    MIRIN_ASSIGN_OR_RETURN(Tensor copy, Tensor::Allocate(t.dtype(), t.dims()));
    if (t.bytes() > 0) __builtin_memcpy(copy.mutable_data(), t.data(), t.bytes());
    result.outputs.push_back(std::move(copy));
  }
  return result;
}

FloatResult RunFloats(const OpCase& c, const runtime::SessionOptions& session_options) {
  const absl::StatusOr<CaseResult> result = RunCase(c, {}, session_options);
  EXPECT_TRUE(result.ok()) << result.status();
  if (!result.ok()) return {};
  EXPECT_EQ(result->outputs.size(), 1u);
  const Tensor& y = result->outputs[0];
  EXPECT_EQ(y.dtype(), DType::kFloat32);
  return {
      y.shape().dims(), {y.data_as<float>(), y.data_as<float>() + y.elements()}, result->placement};
}

}  // namespace mirin::testing
