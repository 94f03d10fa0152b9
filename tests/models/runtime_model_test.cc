// Every model of the manifest through the runtime's C++ interface: what the C API wraps.
#include <cmath>

#include "core/backends/all.h"
#include "core/runtime/model.h"
#include "core/runtime/session.h"
#include "gtest/gtest.h"
#include "tests/support/manifest.h"
#include "tests/support/npz.h"

namespace mirin {
namespace {

using testing::Array;
using testing::ModelCase;

class ModelTest : public ::testing::TestWithParam<ModelCase> {};

// As the dtype that the model declares: the Lite converter narrowed int64 inputs to int32, the data did not follow.
Tensor FromArray(const Array& array, DType declared) {
  if (declared == DType::kInt32 && array.dtype() == static_cast<int>(DType::kInt64)) {
    std::vector<int32_t> narrow;
    for (int64_t i = 0; i < array.elements(); ++i) narrow.push_back(static_cast<int32_t>(array.Number(i)));
    return Tensor::FromValues<int32_t>(array.dims, narrow);
  }
  return Tensor::Borrow(static_cast<DType>(array.dtype()), array.dims, array.bytes.data(), nullptr);
}

void ExpectClose(const Tensor& got, const Array& want, const ModelCase& model, const std::string& label) {
  if (want.dtype() == 0) {
    ASSERT_EQ(got.dtype(), DType::kString) << label;
    EXPECT_EQ(got.strings()[0], want.Text()) << label;
    return;
  }
  ASSERT_EQ(std::vector<int64_t>(got.dims().begin(), got.dims().end()), want.dims) << label;
  const int64_t n = want.elements();
  for (int64_t i = 0; i < n; ++i) {
    const double a = testing::NumberAt(static_cast<int>(got.dtype()), got.data(), i), b = want.Number(i);
    if (std::isnan(a) && std::isnan(b)) continue;
    if (std::isinf(b) && a == b) continue;
    ASSERT_LE(std::fabs(a - b), model.tolerance + model.relative * std::fabs(b)) << label << "[" << i << "]: " << a << " and " << b;
  }
}

TEST_P(ModelTest, GivesMindSporesOutputs) {
  InstallAllBackends();
  const ModelCase& model = GetParam();
  runtime::ModelOptions options;
  options.read.key = model.key;
  auto loaded = runtime::Model::LoadFile(model.file, options);
  if (model.name == "lite/onnx_qdq") {  // damaged by the converter: no scales, see README.md
    ASSERT_FALSE(loaded.ok());
    EXPECT_NE(loaded.status().message().find("Conv_10_pre_0_dtype_cast"), absl::string_view::npos) << loaded.status();
    return;
  }
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  auto session = runtime::Session::Create(*loaded, {});
  ASSERT_TRUE(session.ok()) << session.status();
  const auto arrays = testing::ReadNpz(model.npz);
  for (const std::string set : {"", "s1_", "s2_", "s3_"}) {
    if (arrays.count(set + "in_0") == 0) continue;
    std::vector<Tensor> inputs;
    for (int i = 0; arrays.count(set + "in_" + std::to_string(i)) != 0; ++i) {
      const DType declared = i < static_cast<int>((*loaded)->inputs().size()) ? (*loaded)->inputs()[i].type.dtype : DType::kUnknown;
      inputs.push_back(FromArray(arrays.at(set + "in_" + std::to_string(i)), declared));
    }
    auto outputs = (*session)->Run(inputs);
    ASSERT_TRUE(outputs.ok()) << outputs.status();
    size_t count = 0;
    for (; arrays.count(set + "out_" + std::to_string(count)) != 0; ++count) {
      ASSERT_LT(count, outputs->size());
      ExpectClose((*outputs)[count], arrays.at(set + "out_" + std::to_string(count)), model, set + "out_" + std::to_string(count));
    }
    EXPECT_EQ(count, outputs->size());
  }
  for (size_t i = 0; i < (*loaded)->states().size(); ++i) {
    auto after = arrays.find("state_after/" + (*loaded)->states()[i].name);
    ASSERT_NE(after, arrays.end()) << (*loaded)->states()[i].name;
    ExpectClose(*(*session)->GetState(static_cast<int>(i)), after->second, model, after->first);
  }
}

std::string TestName(const ::testing::TestParamInfo<ModelCase>& info) {
  std::string name = info.param.name;
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Manifest, ModelTest, ::testing::ValuesIn(testing::ReadManifest()), TestName);

}  // namespace
}  // namespace mirin
