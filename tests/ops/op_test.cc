// Runs the cases of one .test file (case.h) on every backend.
#include <cmath>

#include "core/base/status.h"
#include "gtest/gtest.h"
#include "tests/ops/case.h"
#include "tests/ops/run_case.h"

namespace mirin::testing {
namespace {

std::string g_file;

absl::StatusOr<std::vector<Tensor>> RunOn(const std::string& device, const OpCase& c) {
  runtime::ModelOptions options;
  options.optimization_level = 0;  // the kernel itself, also with constant operands
  runtime::SessionOptions session_options;
  session_options.devices = {device};
  session_options.threads = 2;
  MIRIN_ASSIGN_OR_RETURN(CaseResult result, RunCase(c, options, session_options));
  return std::move(result.outputs);
}

double DefaultTolerance(DType dtype) {
  switch (dtype) {
    case DType::kFloat64:
      return 1e-9;
    case DType::kFloat32:
      return 1e-5;
    case DType::kFloat16:
      return 2e-3;
    case DType::kBFloat16:
      return 1.6e-2;
    default:
      return 0;
  }
}

void Compare(const Tensor& got, const Tensor& want, double tolerance, const std::string& label) {
  ASSERT_EQ(TypeString(got), TypeString(want)) << label;
  if (got.dtype() == DType::kString) {
    for (int64_t i = 0; i < got.elements(); ++i)
      EXPECT_EQ(got.strings()[i], want.strings()[i]) << label;
    return;
  }
  if (tolerance < 0) tolerance = DefaultTolerance(want.dtype());
  VisitDType(
      got.dtype(),
      [&](auto tag) {
        using T = typename decltype(tag)::type;
        int wrong = 0;
        for (int64_t i = 0; i < got.elements(); ++i) {
          const T a = got.data_as<T>()[i], b = want.data_as<T>()[i];
          bool same;
          if constexpr (std::is_integral_v<T>) {
            same = a == b || (tolerance > 0 && std::fabs(static_cast<double>(a) -
                                                         static_cast<double>(b)) <= tolerance);
          } else {
            const double x = static_cast<double>(a), y = static_cast<double>(b);
            same = (std::isnan(x) && std::isnan(y)) || x == y ||
                   std::fabs(x - y) <= tolerance * (1 + std::fabs(y));
          }
          if (same || ++wrong > 5) continue;
          ADD_FAILURE() << label << "[" << i << "] is " << static_cast<double>(a) << ", expected "
                        << static_cast<double>(b);
        }
        return 0;
      },
      0);
}

void CheckCase(const OpCase& c) {
  SCOPED_TRACE(g_file + ":" + std::to_string(c.line) + ": " + c.op + " " + c.name);
  std::vector<Tensor> reference;
  for (const std::string device : {"reference", "cpu"}) {
    auto outputs = RunOn(device, c);
    if (!c.error.empty()) {
      EXPECT_FALSE(outputs.ok()) << device << " gave a result";
      EXPECT_NE(outputs.status().message().find(c.error), absl::string_view::npos)
          << device << ": " << outputs.status();
      continue;
    }
    ASSERT_TRUE(outputs.ok()) << device << ": " << outputs.status();
    if (c.output_reference) {
      if (device == "reference") {
        reference = *std::move(outputs);
        continue;
      }
      ASSERT_EQ(outputs->size(), reference.size());
      for (size_t i = 0; i < reference.size(); ++i)
        Compare((*outputs)[i], reference[i], c.tolerance, device + " output " + std::to_string(i));
      continue;
    }
    ASSERT_EQ(outputs->size(), c.outputs.size()) << "results";
    for (size_t i = 0; i < outputs->size(); ++i) {
      if (c.outputs[i].valid())
        Compare((*outputs)[i], c.outputs[i], c.tolerance, device + " output " + std::to_string(i));
    }
  }
}

TEST(Ops, GiveWhatTheFileSays) {
  auto cases = ReadOpCases(g_file);
  ASSERT_TRUE(cases.ok()) << cases.status();
  ASSERT_FALSE(cases->empty());
  for (const OpCase& c : *cases) {
    ASSERT_TRUE(!c.error.empty() || c.output_reference || !c.outputs.empty())
        << c.name << " checks nothing";
    CheckCase(c);
  }
}

}  // namespace
}  // namespace mirin::testing

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc != 2) return 2;
  mirin::testing::g_file = argv[1];
  return RUN_ALL_TESTS();
}
