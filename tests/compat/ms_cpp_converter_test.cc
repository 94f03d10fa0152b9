// A program against MindSpore Lite's documented C++ converter: to a file, to memory, with a key.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "include/api/model.h"
#include "include/c_api/model_c.h"
#include "include/converter.h"
#include "tests/support/onnx_builder.h"

namespace {

class ConverterProgram : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir();
    std::ofstream(folder_ + "/mlp.onnx", std::ios::binary)
        << mirin::testing::OnnxMlp().SerializeAsString();
  }
  std::string folder_;
};

TEST_F(ConverterProgram, ConvertsToAFileAndToMemory) {
  mindspore::Converter converter(mindspore::converter::kFmkTypeOnnx, folder_ + "/mlp.onnx",
                                 folder_ + "/mlp");
  converter.SetInfer(true);
  const auto converted = converter.Convert();
  ASSERT_EQ(converted, mindspore::kSuccess) << converted;
  mindspore::Model from_file, from_memory;
  EXPECT_EQ(from_file.Build(folder_ + "/mlp.mindir", mindspore::kMindIR), mindspore::kSuccess);
  size_t size = 0;
  void* bytes = converter.Convert(&size);
  ASSERT_NE(bytes, nullptr);
  EXPECT_EQ(from_memory.Build(bytes, size, mindspore::kMindIR), mindspore::kSuccess);
  free(bytes);
}

// A resize of what the file fixes leaves the axis open that the file does, in C++ and C.
TEST_F(ConverterProgram, ResizeKeepsOpenAxesOpen) {
  auto net = mirin::testing::OnnxModel();
  mirin::testing::AddOnnxInput(net.mutable_graph(), "x", {-1, 3, 4});
  mirin::testing::AddOnnxNode(net.mutable_graph(), "Relu", {"x"}, {"y"}, "act");
  mirin::testing::AddOnnxOutput(net.mutable_graph(), "y", {-1, 3, 4});
  std::ofstream(folder_ + "/act.onnx", std::ios::binary) << net.SerializeAsString();
  mindspore::Converter converter(mindspore::converter::kFmkTypeOnnx, folder_ + "/act.onnx",
                                 folder_ + "/act");
  ASSERT_EQ(converter.Convert(), mindspore::kSuccess);
  mindspore::Model model;
  ASSERT_EQ(model.Build(folder_ + "/act.mindir", mindspore::kMindIR), mindspore::kSuccess);
  MSModelHandle c_model = MSModelCreate();
  ASSERT_EQ(MSModelBuildFromFile(c_model, (folder_ + "/act.mindir").c_str(), kMSModelTypeMindIR,
                                 MSContextCreate()),
            kMSStatusSuccess);
  const MSTensorHandleArray c_inputs = MSModelGetInputs(c_model);
  MSTensorHandle c_output = MSModelGetOutputs(c_model).handle_list[0];
  const auto c_shape = [](MSTensorHandle tensor) {
    size_t rank = 0;
    const int64_t* dims = MSTensorGetShape(tensor, &rank);
    return std::vector<int64_t>(dims, dims + rank);
  };
  using Shape = std::vector<int64_t>;
  for (const Shape& shape : {Shape{2, 5, 4}, Shape{2, 6}, Shape{7, 5, 4}, Shape{3, 3, 4}}) {
    Shape declared = shape;
    if (shape.size() == 3) declared[0] = -1;
    ASSERT_EQ(model.Resize(model.GetInputs(), {shape}), mindspore::kSuccess);
    EXPECT_EQ(model.GetOutputs()[0].Shape(), declared);
    MSShapeInfo info = {shape.size(), {}};
    std::copy(shape.begin(), shape.end(), info.shape);
    ASSERT_EQ(MSModelResize(c_model, c_inputs, &info, 1), kMSStatusSuccess);
    EXPECT_EQ(c_shape(c_inputs.handle_list[0]), shape);
    EXPECT_EQ(c_shape(c_output), declared);
    MSTensorHandleArray c_outputs;
    ASSERT_EQ(MSModelPredict(c_model, c_inputs, &c_outputs, nullptr, nullptr), kMSStatusSuccess);
    EXPECT_EQ(c_shape(c_output), shape);
    // Another size of the open axis needs no resize.
    Shape twice = shape;
    twice[0] *= 2;
    mindspore::MSTensor input("x", mindspore::DataType::kNumberTypeFloat32, twice, nullptr, 0);
    std::vector<mindspore::MSTensor> outputs;
    const mindspore::Status run = model.Predict({input}, &outputs);
    MSTensorSetShape(c_inputs.handle_list[0], twice.data(), twice.size());
    const MSStatus c_run = MSModelPredict(c_model, c_inputs, &c_outputs, nullptr, nullptr);
    if (shape.size() == 3) {
      ASSERT_EQ(run, mindspore::kSuccess);
      EXPECT_EQ(outputs[0].Shape(), twice);
      EXPECT_EQ(c_run, kMSStatusSuccess);
      EXPECT_EQ(c_shape(c_output), twice);
    } else {
      EXPECT_EQ(run, mindspore::kLiteInputParamInvalid);
      EXPECT_EQ(c_run, kMSStatusLiteInputParamInvalid);
    }
  }
  MSModelDestroy(&c_model);
}

TEST_F(ConverterProgram, EncryptsWithAKey) {
  mindspore::Converter converter;
  converter.SetEnableEncryption(true);
  converter.SetEncryptKey("30313233343536373839414243444546");
  const auto converted = converter.Convert(mindspore::converter::kFmkTypeOnnx,
                                           folder_ + "/mlp.onnx", folder_ + "/secret");
  ASSERT_EQ(converted, mindspore::kSuccess) << converted;
  mindspore::Model model;
  EXPECT_EQ(model.Build(folder_ + "/secret.mindir", mindspore::kMindIR),
            mindspore::kLiteUninitializedObj);
  EXPECT_EQ(model.Build(folder_ + "/secret.mindir", mindspore::kMindIR, nullptr,
                        mindspore::Key("0123456789ABCDEF", 16)),
            mindspore::kSuccess);
}

TEST_F(ConverterProgram, SettingsTakeEffectOrSayWhyNot) {
  const std::string input = folder_ + "/mlp.onnx", output = folder_ + "/out";
  auto convert = [&](const std::function<void(mindspore::Converter*)>& set) {
    mindspore::Converter converter(mindspore::converter::kFmkTypeOnnx, input, output);
    set(&converter);
    return converter.Convert();
  };
  EXPECT_EQ(convert([](auto* c) {
              c->SetConfigInfo("common_quant_param", {{"quant_type", "WEIGHT_QUANT"}});
            }),
            mindspore::kSuccess);
  const auto unknown = convert([](auto* c) { c->SetConfigInfo("common_quant", {{"a", "b"}}); });
  EXPECT_EQ(unknown, mindspore::kLiteInputParamInvalid);
  EXPECT_NE(unknown.ToString().find("common_quant"), std::string::npos) << unknown;
  EXPECT_EQ(convert([](auto* c) { c->SetInputShape({{"nothing", {1, 2}}}); }),
            mindspore::kLiteInputParamInvalid);
  EXPECT_TRUE(convert([](auto* c) { c->SetDevice("Ascend"); }).IsError());
  EXPECT_TRUE(convert([](auto* c) { c->SetTrainModel(true); }).IsError());
  EXPECT_TRUE(convert([](auto* c) { c->SetExportMindIR(false); }).IsError());
  EXPECT_TRUE(convert([](auto* c) { c->SetEnableEncryption(true); }).IsError());
  EXPECT_TRUE(convert([](auto* c) {
                c->SetInputDataType(mindspore::DataType::kNumberTypeBool);
              }).IsError());
  EXPECT_EQ(convert([](auto* c) { c->SetInputDataType(mindspore::DataType::kNumberTypeFloat16); }),
            mindspore::kSuccess);
  mindspore::Converter missing(mindspore::converter::kFmkTypeOnnx, "no/such.onnx", output);
  EXPECT_EQ(missing.Convert(), mindspore::kLiteFileError);
  mindspore::Converter nowhere(mindspore::converter::kFmkTypeOnnx, input);
  EXPECT_EQ(nowhere.Convert(), mindspore::kLiteInputParamInvalid);
}

}  // namespace
