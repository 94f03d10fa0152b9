// A program against MindSpore Lite's documented C++ converter: to a file, to memory, with a key.
#include <cstdlib>
#include <fstream>
#include <functional>
#include <string>

#include "gtest/gtest.h"
#include "include/api/model.h"
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
