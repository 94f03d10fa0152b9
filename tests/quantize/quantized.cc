#include "tests/quantize/quantized.h"

#include <cmath>
#include <cstring>
#include <random>

#include "core/backend/registry.h"
#include "core/backends/all.h"
#include "core/converter/quantize/quantize.h"
#include "core/mindir/reader.h"
#include "core/mindir/writer.h"
#include "core/passes/pipeline.h"
#include "core/plan/evaluate.h"
#include "core/runtime/model.h"
#include "core/runtime/session.h"
#include "gtest/gtest.h"

namespace mirin::testing {

std::unique_ptr<ir::Module> ReadModel(const std::string& name) {
  InstallAllBackends();
  auto module = mindir::ReadFile("tests/models/mindir/" + name + ".mindir", {});
  EXPECT_TRUE(module.ok()) << module.status();
  if (!module.ok()) return nullptr;
  auto backends = MakeBackends({"reference"});
  const passes::Evaluator evaluate = [&](const ir::Node& node, absl::Span<const Tensor> inputs,
                                         size_t max_bytes) {
    return plan::Evaluate(*backends->back(), node, inputs, max_bytes);
  };
  passes::PassContext context{module->get(), &evaluate, passes::StoredWeights::kKeep};
  passes::PipelineOptions options;
  options.only = {"fold_constants", "remove_identities", "merge_duplicates", "cancel_transposes",
                  "fold_batch_norm"};
  const absl::Status status = passes::RunPipeline(options, context, nullptr);
  EXPECT_TRUE(status.ok()) << status;
  return *std::move(module);
}

std::vector<Tensor> RandomInputs(const ir::Module& module, int seed, int64_t dim) {
  std::mt19937 random(static_cast<uint32_t>(seed));
  std::normal_distribution<float> normal;
  std::vector<Tensor> inputs;
  for (const auto& v : module.entry()->inputs()) {
    Dims dims = v->type().shape.dims();
    for (int64_t& d : dims) d = d < 0 ? dim : d;
    Tensor t = *Tensor::Allocate(v->type().dtype, dims);
    VisitDType(
        t.dtype(),
        [&](auto tag) {
          using T = typename decltype(tag)::type;
          for (int64_t i = 0; i < t.elements(); ++i)
            t.mutable_data_as<T>()[i] = static_cast<T>(
                IsFloat(t.dtype()) ? normal(random) : static_cast<float>(random() % 2));
          return 0;
        },
        0);
    inputs.push_back(std::move(t));
  }
  return inputs;
}

std::vector<std::vector<float>> WriteAndRun(const ir::Module& module,
                                            const std::vector<Tensor>& inputs, size_t* bytes) {
  InstallAllBackends();
  const auto written = mindir::Write(module, {});
  EXPECT_TRUE(written.ok()) << written.status();
  if (!written.ok()) return {};
  *bytes = written->size();
  const auto model = runtime::Model::LoadBuffer(*written, nullptr, {});
  EXPECT_TRUE(model.ok()) << model.status();
  if (!model.ok()) return {};
  const auto session = runtime::Session::Create(*model, {});
  EXPECT_TRUE(session.ok()) << session.status();
  if (!session.ok()) return {};
  const auto outputs = (*session)->Run(inputs);
  EXPECT_TRUE(outputs.ok()) << outputs.status();
  if (!outputs.ok()) return {};
  std::vector<std::vector<float>> values;
  for (const Tensor& t : *outputs) {
    EXPECT_EQ(t.dtype(), DType::kFloat32);
    values.emplace_back(static_cast<size_t>(t.elements()));
    std::memcpy(values.back().data(), t.data(), t.bytes());
  }
  return values;
}

double Cosine(const std::vector<std::vector<float>>& a, const std::vector<std::vector<float>>& b) {
  double ab = 0, aa = 0, bb = 0;
  EXPECT_EQ(a.size(), b.size());
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    EXPECT_EQ(a[i].size(), b[i].size());
    for (size_t k = 0; k < std::min(a[i].size(), b[i].size()); ++k) {
      ab += static_cast<double>(a[i][k]) * b[i][k];
      aa += static_cast<double>(a[i][k]) * a[i][k];
      bb += static_cast<double>(b[i][k]) * b[i][k];
    }
  }
  return ab / std::sqrt(aa * bb);
}

std::unique_ptr<ir::Module> Quantised(const ir::Module& module,
                                      const converter::QuantConfig& config,
                                      converter::Report* report) {
  auto copy = module.Clone();
  const absl::Status status = converter::Quantize(config, {}, copy.get(), report);
  EXPECT_TRUE(status.ok()) << status;
  return copy;
}

}  // namespace mirin::testing
