// Runs the cases of one .test file: each gives a module before and after one or more passes (core/ir/text.h) and
//   == NAME
//   passes: fuse_bias fuse_activation
//   -- before
//   graph ...
//   -- after        (or "-- unchanged")
//   graph ...
// The result must have the structure given, and compute on the reference backend what the module before computed.
#include <cmath>
#include <fstream>
#include <random>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "core/backend/registry.h"
#include "core/backends/all.h"
#include "core/base/status.h"
#include "core/ir/text.h"
#include "core/ops/infer_module.h"
#include "core/ops/schema.h"
#include "core/passes/pipeline.h"
#include "core/plan/evaluate.h"
#include "core/runtime/model.h"
#include "core/runtime/session.h"
#include "gtest/gtest.h"

namespace mirin {
namespace {

const char* g_file = nullptr;

struct Case {
  std::string name;
  std::vector<std::string> passes;
  std::string before;
  std::string after;
  bool unchanged = false;
};

std::vector<Case> ReadCases(const std::string& path) {
  std::ifstream in(path);
  EXPECT_TRUE(in.good()) << path;
  std::vector<Case> cases;
  std::string line;
  std::string* body = nullptr;
  while (std::getline(in, line)) {
    absl::string_view text = line;
    if (absl::ConsumePrefix(&text, "== ")) {
      cases.push_back({std::string(text), {}, "", "", false});
      body = nullptr;
    } else if (absl::ConsumePrefix(&text, "passes: ")) {
      cases.back().passes = absl::StrSplit(text, ' ', absl::SkipEmpty());
    } else if (text == "-- before") {
      body = &cases.back().before;
    } else if (text == "-- after") {
      body = &cases.back().after;
    } else if (text == "-- unchanged") {
      cases.back().unchanged = true;
      body = nullptr;
    } else if (body != nullptr) {
      absl::StrAppend(body, line, "\n");
    }
  }
  return cases;
}

absl::StatusOr<std::unique_ptr<ir::Module>> Load(const std::string& text) {
  MIRIN_ASSIGN_OR_RETURN(std::unique_ptr<ir::Module> module, ir::Parse(text));
  for (const auto& graph : module->graphs()) {
    for (const auto& node : graph->nodes()) {
      if (node->branches().empty())
        MIRIN_RETURN_IF_ERROR(Annotate(ops::Normalize(node.get()), ir::Describe(*node)));
    }
  }
  MIRIN_RETURN_IF_ERROR(ops::InferModule(module.get()));
  return module;
}

std::vector<Tensor> RandomInputs(const ir::Module& module) {
  std::mt19937 random(7);
  std::vector<Tensor> inputs;
  for (const auto& v : module.entry()->inputs()) {
    Dims dims = v->type().shape.dims();
    for (int64_t& d : dims) d = d < 0 ? 2 : d;
    Tensor t = *Tensor::Allocate(v->type().dtype, dims);
    VisitDType(
        t.dtype(),
        [&](auto tag) {
          using T = typename decltype(tag)::type;
          for (int64_t i = 0; i < t.elements(); ++i) {
            const double u = random() / 4294967296.0;
            t.mutable_data_as<T>()[i] = static_cast<T>(
                static_cast<float>(IsFloat(t.dtype()) ? 2 * u - 1 : std::floor(2 * u)));
          }
          return 0;
        },
        0);
    inputs.push_back(std::move(t));
  }
  return inputs;
}

absl::StatusOr<std::vector<std::vector<float>>> Run(const ir::Module& module) {
  runtime::ModelOptions options;
  options.optimization_level = 0;
  MIRIN_ASSIGN_OR_RETURN(auto model, runtime::Model::FromModule(module.Clone(), options));
  runtime::SessionOptions session_options;
  session_options.devices = {"reference"};
  MIRIN_ASSIGN_OR_RETURN(auto session, runtime::Session::Create(model, session_options));
  const std::vector<Tensor> inputs = RandomInputs(module);
  MIRIN_ASSIGN_OR_RETURN(const absl::Span<const Tensor> outputs, session->Run(inputs));
  std::vector<std::vector<float>> values;
  for (const Tensor& t : outputs) {
    values.emplace_back();
    VisitDType(
        t.dtype(),
        [&](auto tag) {
          using T = typename decltype(tag)::type;
          for (int64_t i = 0; i < t.elements(); ++i)
            values.back().push_back(static_cast<float>(t.data_as<T>()[i]));
          return 0;
        },
        0);
  }
  return values;
}

void Check(const Case& c) {
  SCOPED_TRACE(c.name);
  auto before = Load(c.before);
  ASSERT_TRUE(before.ok()) << before.status();
  auto expected = Load(c.unchanged ? c.before : c.after);
  ASSERT_TRUE(expected.ok()) << expected.status();
  auto result = (*before)->Clone();
  auto backends = MakeBackends({"reference"});
  ASSERT_TRUE(backends.ok()) << backends.status();
  const passes::Evaluator evaluate = [&](const ir::Node& node, absl::Span<const Tensor> inputs,
                                         size_t max_bytes) {
    return plan::Evaluate(*backends->back(), node, inputs, max_bytes);
  };
  passes::PassContext context{result.get(), &evaluate};
  passes::PipelineOptions options;
  options.only = c.passes;
  std::vector<passes::PassReport> report;
  const absl::Status status = passes::RunPipeline(options, context, &report);
  ASSERT_TRUE(status.ok()) << status;
  ir::PrintOptions canonical;
  canonical.canonical = true;
  EXPECT_EQ(ir::Print(*result, canonical), ir::Print(**expected, canonical)) << ir::Print(*result);

  auto want = Run(**before);
  auto got = Run(*result);
  ASSERT_TRUE(want.ok()) << want.status();
  ASSERT_TRUE(got.ok()) << got.status();
  ASSERT_EQ(want->size(), got->size());
  for (size_t i = 0; i < want->size(); ++i) {
    ASSERT_EQ((*want)[i].size(), (*got)[i].size()) << "output " << i;
    for (size_t k = 0; k < (*want)[i].size(); ++k) {
      const float w = (*want)[i][k];
      EXPECT_NEAR((*got)[i][k], w, 1e-5 + 1e-5 * std::fabs(w))
          << "output " << i << " element " << k;
    }
  }
}

TEST(Passes, GiveTheGraphsOfTheFile) {
  const std::vector<Case> cases = ReadCases(g_file);
  ASSERT_FALSE(cases.empty());
  for (const Case& c : cases) {
    ASSERT_FALSE(c.passes.empty()) << c.name;
    Check(c);
  }
}

}  // namespace
}  // namespace mirin

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc != 2) return 2;
  mirin::g_file = argv[1];
  mirin::InstallAllBackends();
  return RUN_ALL_TESTS();
}
