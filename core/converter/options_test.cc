#include "core/converter/options.h"

#include "absl/strings/str_split.h"
#include "core/base/file.h"
#include "gtest/gtest.h"

namespace mirin::converter {
namespace {

constexpr char kKey[] = "30313233343536373839414243444546";

// fmk and modelFile are set; then these.
absl::StatusOr<ConvertOptions> Resolved(
    const std::vector<std::pair<std::string, std::string>>& settings) {
  Options options;
  absl::Status status = options.Set("fmk", "ONNX");
  if (status.ok()) status = options.Set("modelFile", "m.onnx");
  for (const auto& [name, value] : settings) {
    if (status.ok()) status = options.Set(name, value);
  }
  if (!status.ok()) return status;
  return options.Resolve();
}

std::string MessageOf(const absl::StatusOr<ConvertOptions>& options) {
  return std::string(options.status().message());
}

TEST(Options, DefaultsConvertWithoutSurprises) {
  const auto o = Resolved({});
  ASSERT_TRUE(o.ok()) << o.status();
  EXPECT_EQ(o->framework, Framework::kOnnx);
  EXPECT_EQ(o->model_file, "m.onnx");
  EXPECT_EQ(o->output_file, "");
  EXPECT_EQ(o->optimization, Optimization::kGeneral);
  EXPECT_EQ(o->signature.input_layout, Layout::kAsIs);
  EXPECT_EQ(o->signature.input_dtype, DType::kUnknown);
  EXPECT_FALSE(o->half_weights);
  EXPECT_TRUE(o->encrypt_key.empty());
  EXPECT_FALSE(o->infer);
  EXPECT_FALSE(o->intermediate_outputs);
}

TEST(Options, EveryDefaultIsAValueThatTheOptionTakes) {
  for (const OptionInfo& info : AllOptions()) {
    Options options;
    EXPECT_EQ(options.Get(info.name), info.fallback);
    EXPECT_TRUE(options.Set(info.name, info.fallback).ok()) << info.name;
    EXPECT_NE(OptionsHelp().find(std::string("--") + std::string(info.name) + "="),
              std::string::npos);
  }
}

TEST(Options, EveryValueIsTakenOrRefusedWithAReason) {
  for (const OptionInfo& info : AllOptions()) {
    if (info.values.find('|') == absl::string_view::npos) continue;
    for (absl::string_view value : absl::StrSplit(info.values, '|')) {
      Options options;
      const absl::Status status = options.Set(info.name, value);
      if (status.ok()) continue;
      EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented) << status;
      EXPECT_FALSE(HintOf(status).empty()) << status;
      EXPECT_EQ(status.message().find('\n'), absl::string_view::npos);
    }
    EXPECT_FALSE(Options().Set(info.name, "no such value").ok() && info.name != "device")
        << info.name;
  }
}

TEST(Options, NamesTheNearestOption) {
  Options options;
  EXPECT_EQ(options.Set("modelfile", "x").message(),
            "there is no option 'modelfile'; did you mean 'modelFile'?");
  EXPECT_NE(options.Set("quite different", "x").message().find("options: fmk, modelFile"),
            absl::string_view::npos);
}

TEST(Options, AscendIsRefusedClearly) {
  for (const char* value : {"ascend_oriented", "ascend_oriented:Ascend310P3"}) {
    Options options;
    const absl::Status status = options.Set("optimize", value);
    EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
    EXPECT_EQ(status.message(),
              "optimize=ascend_oriented: models made for one Ascend chip are not written");
  }
  EXPECT_EQ(Options().Set("device", "Ascend").code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(Options().Set("optimize", "general:x").code(), absl::StatusCode::kInvalidArgument);
}

TEST(Options, RequiredOnesAreNamed) {
  Options options;
  EXPECT_EQ(options.Resolve().status().message(),
            "fmk is not set: it must be ONNX|MINDIR|TF|TFLITE|CAFFE|PYTORCH");
  ASSERT_TRUE(options.Set("fmk", "ONNX").ok());
  EXPECT_EQ(options.Resolve().status().message(), "modelFile is not set");
}

TEST(Options, EncryptionIsOnExactlyWhenAKeyIsGiven) {
  auto o = Resolved({{"encryptKey", kKey}});
  ASSERT_TRUE(o.ok());
  EXPECT_EQ(o->encrypt_key, "0123456789ABCDEF");
  EXPECT_EQ(o->encrypt_mode, mindir::CipherMode::kAesGcm);
  o = Resolved({{"encryptKey", kKey}, {"encryption", "true"}, {"encryptMode", "SM4-CBC"}});
  ASSERT_TRUE(o.ok());
  EXPECT_EQ(o->encrypt_mode, mindir::CipherMode::kSm4Cbc);
  EXPECT_EQ(MessageOf(Resolved({{"encryption", "true"}})),
            "encryption is true, but encryptKey is not set");
  EXPECT_EQ(MessageOf(Resolved({{"encryption", "false"}, {"encryptKey", kKey}})),
            "encryptKey is set, but encryption is false");
  EXPECT_EQ(MessageOf(Resolved({{"encryptMode", "AES-CBC"}})),
            "encryptMode is set, encryptKey is not");
  EXPECT_TRUE(Resolved({{"encryption", "false"}}).ok());
  EXPECT_FALSE(
      Resolved({{"encryptKey", std::string(kKey) + kKey}, {"encryptMode", "SM4-CBC"}}).ok());
}

TEST(Options, KeysAreHexAndNeverRepeatedInMessages) {
  for (const char* bad :
       {"3031", "zz313233343536373839414243444546", "303132333435363738394142434445"}) {
    const absl::Status status = Options().Set("encryptKey", bad);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << bad;
    EXPECT_EQ(status.message().find(bad), absl::string_view::npos) << status;
  }
  EXPECT_EQ(MessageOf(Resolved({{"decryptKey", kKey}})), "decryptKey is for MINDIR models");
  EXPECT_EQ(MessageOf(Resolved({{"fmk", "MINDIR"}, {"decryptMode", "AES-CBC"}})),
            "decryptMode is set, decryptKey is not");
  const auto o = Resolved({{"fmk", "MINDIR"}, {"decryptKey", kKey}, {"decryptMode", "AES-CBC"}});
  ASSERT_TRUE(o.ok());
  EXPECT_EQ(o->decrypt_mode, mindir::CipherMode::kAesCbc);
}

TEST(Options, AnEmptyValueRestoresTheDefault) {
  Options options;
  ASSERT_TRUE(options.Set("encryptKey", kKey).ok());
  ASSERT_TRUE(options.Set("encryptKey", "").ok());
  EXPECT_EQ(options.Get("encryptKey"), "");
  ASSERT_TRUE(options.Set("optimize", "none").ok());
  ASSERT_TRUE(options.Set("optimize", "").ok());
  EXPECT_EQ(options.Get("optimize"), "general");
}

TEST(Options, SignatureAndStorage) {
  const auto o = Resolved({{"inputDataFormat", "NHWC"},
                           {"outputDataFormat", "NCHW"},
                           {"inputDataType", "UINT8"},
                           {"outputDataType", "FLOAT"},
                           {"fp16", "on"},
                           {"infer", "true"},
                           {"intermediateOutputs", "true"},
                           {"optimize", "none"}});
  ASSERT_TRUE(o.ok());
  EXPECT_EQ(o->signature.input_layout, Layout::kNhwc);
  EXPECT_EQ(o->signature.output_layout, Layout::kNchw);
  EXPECT_EQ(o->signature.input_dtype, DType::kUInt8);
  EXPECT_EQ(o->signature.output_dtype, DType::kFloat32);
  EXPECT_TRUE(o->half_weights && o->infer && o->intermediate_outputs);
  EXPECT_EQ(o->optimization, Optimization::kNone);
}

TEST(Options, ReportFormFollowsTheSuffixUnlessGiven) {
  EXPECT_EQ(Resolved({{"reportFile", "r.html"}})->report_form, ReportForm::kHtml);
  EXPECT_EQ(Resolved({{"reportFile", "r.json"}})->report_form, ReportForm::kJson);
  EXPECT_EQ(Resolved({{"reportFile", "r"}})->report_form, ReportForm::kText);
  EXPECT_EQ(Resolved({{"reportFile", "r.json"}, {"report", "text"}})->report_form,
            ReportForm::kText);
}

TEST(Options, Shapes) {
  const auto shapes = ParseShapes("a:0:1,32,-1;b:;c:4");
  ASSERT_TRUE(shapes.ok()) << shapes.status();
  EXPECT_EQ(shapes->at("a:0"), (std::vector<int64_t>{1, 32, -1}));
  EXPECT_EQ(shapes->at("b"), std::vector<int64_t>());
  EXPECT_EQ(shapes->at("c"), std::vector<int64_t>{4});
  for (const char* bad : {"a", ":1", "a:1,x", "a:-2", "a:1;a:2", "a:99999999999999999999"})
    EXPECT_FALSE(ParseShapes(bad).ok()) << bad;
}

TEST(Options, ConfigurationFileTakesEffect) {
  const std::string path = ::testing::TempDir() + "/options_test.cfg";
  ASSERT_TRUE(
      WriteFileAtomically(path, "[registry]\ndisable_fusion=on\n[ascend_context]\nanything=1\n")
          .ok());
  const auto o = Resolved({{"configFile", path}});
  ASSERT_TRUE(o.ok()) << o.status();
  EXPECT_EQ(o->optimization, Optimization::kNone);
  EXPECT_EQ(o->config.notes.size(), 1u);
  EXPECT_EQ(Resolved({{"configFile", path + ".none"}}).status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace mirin::converter
