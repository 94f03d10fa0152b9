// Every model of the manifest through the C API: on each device, with and without the passes.
#include <cmath>
#include <fstream>
#include <sstream>
#include <string>

#include "gtest/gtest.h"
#include "tests/support/c_api.h"
#include "tests/support/manifest.h"
#include "tests/support/npz.h"

namespace mirin::testing {
namespace {

struct Run {
  ModelCase model;
  const char* device;
  int level;
};

class ModelTest : public ::testing::TestWithParam<Run> {};

// As the dtype that the model declares: the Lite converter narrowed int64 inputs to int32, the data did not follow.
TensorPtr FromArray(const Array& array, mirin_dtype declared) {
  if (array.dtype() == 0) {
    const std::string text = array.Text();
    const char* data = text.data();
    const size_t size = text.size();
    mirin_tensor* t = nullptr;
    EXPECT_EQ(
        Text(mirin_tensor_create_strings(array.dims.data(), array.dims.size(), &data, &size, &t)),
        "OK");
    return TensorPtr(t);
  }
  if (declared == MIRIN_DTYPE_I32 && array.dtype() == MIRIN_DTYPE_I64) {
    std::vector<int32_t> narrow;
    for (int64_t i = 0; i < array.elements(); ++i)
      narrow.push_back(static_cast<int32_t>(array.Number(i)));
    return MakeTensor(MIRIN_DTYPE_I32, array.dims, narrow.data());
  }
  return MakeTensor(static_cast<mirin_dtype>(array.dtype()), array.dims, array.bytes.data());
}

void ExpectClose(const mirin_tensor* got, const Array& want, const ModelCase& model,
                 const std::string& label) {
  if (want.dtype() == 0) {
    size_t size = 0;
    const char* text = mirin_tensor_string(got, 0, &size);
    ASSERT_NE(text, nullptr) << label;
    EXPECT_EQ(std::string(text, size), want.Text()) << label;
    return;
  }
  ASSERT_EQ(
      std::vector<int64_t>(mirin_tensor_dims(got), mirin_tensor_dims(got) + mirin_tensor_rank(got)),
      want.dims)
      << label;
  for (int64_t i = 0; i < want.elements(); ++i) {
    const double a = NumberAt(mirin_tensor_dtype(got), mirin_tensor_data(got), i),
                 b = want.Number(i);
    if (std::isnan(a) && std::isnan(b)) continue;
    if (std::isinf(b) && a == b) continue;
    ASSERT_LE(std::fabs(a - b), model.tolerance + model.relative * std::fabs(b))
        << label << "[" << i << "]: " << a << " and " << b;
  }
}

void CheckSets(const ModelCase& model, const mirin_model* loaded, mirin_session* session) {
  const auto arrays = ReadNpz(model.npz);
  int sets = 0;
  for (const std::string set : {"", "s1_", "s2_", "s3_"}) {
    const bool no_inputs =
        set.empty() && arrays.count("in_0") == 0 && mirin_model_input_count(loaded) == 0;
    if (arrays.count(set + "in_0") == 0 && !no_inputs) continue;
    ++sets;
    std::vector<TensorPtr> inputs;
    for (size_t i = 0; arrays.count(set + "in_" + std::to_string(i)) != 0; ++i) {
      inputs.push_back(FromArray(arrays.at(set + "in_" + std::to_string(i)),
                                 mirin_model_input_dtype(loaded, i)));
    }
    const std::vector<const mirin_tensor*> pointers = Pointers(inputs);
    std::vector<const mirin_tensor*> outputs(mirin_model_output_count(loaded));
    ASSERT_EQ(Text(mirin_session_run(session, pointers.data(), pointers.size(), outputs.data(),
                                     outputs.size())),
              "OK");
    size_t count = 0;
    for (; arrays.count(set + "out_" + std::to_string(count)) != 0; ++count) {
      ASSERT_LT(count, outputs.size());
      ExpectClose(outputs[count], arrays.at(set + "out_" + std::to_string(count)), model,
                  set + "out_" + std::to_string(count));
    }
    EXPECT_EQ(count, outputs.size());
  }
  EXPECT_GT(sets, 0);
  for (size_t i = 0; i < mirin_model_state_count(loaded); ++i) {
    auto after = arrays.find(std::string("state_after/") + mirin_model_state_name(loaded, i));
    ASSERT_NE(after, arrays.end()) << mirin_model_state_name(loaded, i);
    mirin_tensor* state = nullptr;
    ASSERT_EQ(Text(mirin_session_get_state(session, i, &state)), "OK");
    ExpectClose(TensorPtr(state).get(), after->second, model, after->first);
  }
}

TEST_P(ModelTest, GivesMindSporesOutputs) {
  const ModelCase& model = GetParam().model;
  mirin_model_options options = MIRIN_MODEL_OPTIONS_INIT;
  options.key = model.key.empty() ? nullptr : model.key.data();
  options.key_size = model.key.size();
  options.optimization_level = GetParam().level;
  mirin_model* raw = nullptr;
  const std::string loaded = Text(mirin_model_load_file(model.file.c_str(), &options, &raw));
  const ModelPtr owner(raw);
  if (model.name == "lite/onnx_qdq") {  // damaged by the converter: no scales, see README.md
    EXPECT_EQ(raw, nullptr);
    EXPECT_NE(loaded.find("Conv_10_pre_0_dtype_cast"), std::string::npos) << loaded;
    return;
  }
  ASSERT_EQ(loaded, "OK");
  mirin_session_options session_options = MIRIN_SESSION_OPTIONS_INIT;
  const char* devices[] = {GetParam().device};
  session_options.devices = devices;
  session_options.num_devices = 1;
  mirin_session* session = nullptr;
  ASSERT_EQ(Text(mirin_session_create(raw, &session_options, &session)), "OK");
  const SessionPtr session_owner(session);
  CheckSets(model, raw, session);
}

// The same bytes from memory, where the model has no files beside it.
TEST_P(ModelTest, LoadsFromMemory) {
  const ModelCase& model = GetParam().model;
  if (GetParam().level == 0 || std::string(GetParam().device) != "cpu")
    GTEST_SKIP() << "one way of loading is enough";
  std::ifstream in(model.file, std::ios::binary);
  std::stringstream bytes;
  bytes << in.rdbuf();
  const std::string data = bytes.str();
  mirin_model_options options = MIRIN_MODEL_OPTIONS_INIT;
  options.key = model.key.empty() ? nullptr : model.key.data();
  options.key_size = model.key.size();
  mirin_model* raw = nullptr;
  const std::string loaded =
      Text(mirin_model_load_memory(data.data(), data.size(), &options, &raw));
  const ModelPtr owner(raw);
  if (raw == nullptr) {
    EXPECT_TRUE(model.name == "lite/onnx_qdq" || loaded.find("memory") != std::string::npos)
        << loaded;
    return;
  }
  mirin_session* session = nullptr;
  ASSERT_EQ(Text(mirin_session_create(raw, nullptr, &session)), "OK");
  const SessionPtr session_owner(session);
  CheckSets(model, raw, session);
}

std::vector<Run> Runs() {
  std::vector<Run> runs;
  for (const ModelCase& model : ReadManifest()) {
    for (const char* device : {"cpu", "reference"}) {
      for (const int level : {0, 1}) runs.push_back({model, device, level});
    }
  }
  return runs;
}

std::string TestName(const ::testing::TestParamInfo<Run>& info) {
  std::string name = info.param.model.name + "_" + info.param.device +
                     (info.param.level == 0 ? "_as_read" : "_optimized");
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Manifest, ModelTest, ::testing::ValuesIn(Runs()), TestName);

}  // namespace
}  // namespace mirin::testing
