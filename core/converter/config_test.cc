#include "core/converter/config.h"

#include "core/converter/report.h"
#include "gtest/gtest.h"

namespace mirin::converter {
namespace {

void ExpectError(const std::string& text, const std::string& message) {
  const auto config = ParseConfig(text);
  ASSERT_FALSE(config.ok()) << text;
  EXPECT_EQ(config.status().message(), message);
}

TEST(Config, ReadsTheQuantiserSections) {
  const auto config = ParseConfig(R"(# weights only
[common_quant_param]
quant_type = WEIGHT_QUANT
bit_num=4
min_quant_weight_size=10
min_quant_weight_channel=8
skip_quant_node=conv1, fc ,
debug_info_save_path=/tmp/debug

; mixed
[mixed_bit_weight_quant_param]
init_scale=0.05
auto_tune=true
max_iterations=50
[weight_quant_param]
per_channel=false
quant_strategy=GPTQ
dequant_strategy=ON_THE_FLY
[data_preprocess_param]
calibrate_path="image:0:/data/images,mask:/data/masks"
calibrate_size=100
input_type=IMAGE
image_to_format=RGB
normalize_mean=[127.5, 127.5,127.5]
normalize_std=[1,2,3]
resize_width=256
resize_height=224
resize_method=CUBIC
center_crop_width=224
center_crop_height=200
)");
  ASSERT_TRUE(config.ok()) << config.status();
  const QuantConfig& q = config->quant;
  EXPECT_EQ(q.type, QuantType::kWeight);
  EXPECT_EQ(q.bit_num, 4);
  EXPECT_EQ(q.min_quant_weight_size, 10);
  EXPECT_EQ(q.min_quant_weight_channel, 8);
  EXPECT_EQ(q.skip_nodes, (std::vector<std::string>{"conv1", "fc"}));
  EXPECT_EQ(q.debug_info_path, "/tmp/debug");
  EXPECT_EQ(q.init_scale, 0.05);
  EXPECT_TRUE(q.auto_tune);
  EXPECT_EQ(q.max_iterations, 50);
  EXPECT_FALSE(q.per_channel);
  EXPECT_TRUE(q.dequantise_on_the_fly);
  EXPECT_EQ(q.weight_strategy, QuantConfig::WeightStrategy::kGptq);
  const CalibrationData& d = q.calibration;
  EXPECT_EQ(d.folders, (std::vector<std::pair<std::string, std::string>>{
                           {"image:0", "/data/images"}, {"mask", "/data/masks"}}));
  EXPECT_EQ(d.size, 100);
  EXPECT_EQ(d.type, CalibrationData::Type::kImage);
  EXPECT_EQ(d.image_to_format, "RGB");
  EXPECT_EQ(d.normalize_mean, (std::vector<double>{127.5, 127.5, 127.5}));
  EXPECT_EQ(d.normalize_std, (std::vector<double>{1, 2, 3}));
  EXPECT_EQ(d.resize_width, 256);
  EXPECT_EQ(d.resize_height, 224);
  EXPECT_EQ(d.resize_method, CalibrationData::Resize::kCubic);
  EXPECT_EQ(d.center_crop_width, 224);
  EXPECT_EQ(d.center_crop_height, 200);
  EXPECT_TRUE(config->notes.empty());
}

TEST(Config, ReadsFullAndDynamicQuantisation) {
  auto config = ParseConfig(
      "[common_quant_param]\nquant_type=FULL_QUANT\n[full_quant_param]\nactivation_quant_method="
      "KL\nbias_correction=false\nsmooth_alpha=0.7\nenable_smooth_shift=true\n"
      "target_device=NVGPU\n[data_preprocess_param]\ncalibrate_path=samples.npz\ninput_type=NPZ\n["
      "transform_quant_param]\nexport_precision_mode=FLOAT32\n");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->quant.type, QuantType::kFull);
  EXPECT_EQ(config->quant.activation_method, QuantConfig::Activation::kKl);
  EXPECT_FALSE(config->quant.bias_correction);
  EXPECT_EQ(config->quant.smooth_alpha, 0.7);
  EXPECT_TRUE(config->quant.enable_smooth_shift);
  EXPECT_EQ(config->quant.export_mode, QuantConfig::Export::kFloat32);
  ASSERT_EQ(config->notes.size(), 1u);
  EXPECT_EQ(config->notes[0],
            "[full_quant_param] target_device of the configuration file has no effect: one "
            "quantised model runs on every device");
  config = ParseConfig(
      "[common_quant_param]\r\nquant_type=DYNAMIC_QUANT\r\n[dynamic_quant_param]\r\nquant_strategy="
      "ACWL\r\n");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->quant.type, QuantType::kDynamic);
  EXPECT_EQ(config->quant.dynamic_axes, QuantConfig::Axes::kChannelWise);
}

TEST(Config, EmptyAndCommentsOnly) {
  EXPECT_TRUE(ParseConfig("").ok());
  EXPECT_TRUE(ParseConfig("\xef\xbb\xbf# only this\n\n").ok());
  EXPECT_EQ(ParseConfig("")->quant.type, QuantType::kNone);
}

TEST(Config, ErrorsNameTheLineAndTheNearestName) {
  ExpectError(
      "\n[comon_quant_param]\n",
      "line 2: there is no section [comon_quant_param]; did you mean 'common_quant_param'?");
  ExpectError("[common_quant_param]\nquant_typ=FULL_QUANT\n",
              "line 2: [common_quant_param] has no key 'quant_typ'; did you mean 'quant_type'?");
  ExpectError("[cpu_option_cfg_param]\nxyz=1\n",
              "line 2: [cpu_option_cfg_param] has no key 'xyz'; keys: architecture, instruction");
  ExpectError("[common_quant_param]\nquant_type\n",
              "line 2: 'quant_type' is neither [section] nor key=value");
  ExpectError("quant_type=FULL_QUANT\n", "line 1: 'quant_type' stands before any [section]");
  ExpectError("[common_quant_param\n", "line 1: '[common_quant_param' has no closing bracket");
  ExpectError("[common_quant_param]\nbit_num=8\nbit_num=8\n", "line 3: 'bit_num' is set twice");
  ExpectError("[common_quant_param]\nbit_num=8\n", "[common_quant_param] needs quant_type");
  ExpectError("[cpu_option_cfg_param]\narchitecture=x86\n",
              "[cpu_option_cfg_param] takes architecture and instruction together");
  ExpectError(std::string("\0x", 2), "it is no text file");
}

TEST(Config, ValuesHaveRanges) {
  const std::string common = "[common_quant_param]\n";
  ExpectError(common + "quant_type=INT8\n",
              "line 2: quant_type: must be WEIGHT_QUANT|FULL_QUANT|DYNAMIC_QUANT, got 'INT8'");
  ExpectError(common + "bit_num=17\n", "line 2: bit_num: must be a number from 0 to 16, got '17'");
  ExpectError(common + "min_quant_weight_size=65536\n",
              "line 2: min_quant_weight_size: must be a number from 0 to 65535, got '65536'");
  ExpectError(common + "enable_encode=yes\n",
              "line 2: enable_encode: must be true or false, got 'yes'");
  ExpectError("[mixed_bit_weight_quant_param]\ninit_scale=1\n",
              "line 2: init_scale: must be a number between 0 and 1, got '1'");
  ExpectError("[mixed_bit_weight_quant_param]\nmax_iterations=39\n",
              "line 2: max_iterations: must be a number from 40 to 65535, got '39'");
  ExpectError("[data_preprocess_param]\nnormalize_mean=1,2\n",
              "line 2: normalize_mean: must be [a,b,c], got '1,2'");
  ExpectError("[data_preprocess_param]\ncalibrate_size=0\n",
              "line 2: calibrate_size: must be a number from 1 to 65535, got '0'");
  ExpectError("[registry]\ndisable_fusion=true\n",
              "line 2: disable_fusion must be on or off, got 'true'");
}

TEST(Config, SettingsMustFitTogether) {
  const std::string full = "[common_quant_param]\nquant_type=FULL_QUANT\n";
  const std::string weight = "[common_quant_param]\nquant_type=WEIGHT_QUANT\n";
  const std::string data = "[data_preprocess_param]\n";
  ExpectError(full, "FULL_QUANT needs calibrate_path in [data_preprocess_param]");
  ExpectError(full + "bit_num=4\n", "bit_num is 4, FULL_QUANT and DYNAMIC_QUANT work with 8 bits");
  ExpectError(weight + "bit_num=4\nenable_encode=false\n",
              "enable_encode is false: weights of 4 bits must be encoded");
  ExpectError(full + data + "calibrate_path=folder\n",
              "calibrate_path 'folder' is not INPUT:FOLDER");
  ExpectError(full + data + "calibrate_path=x:f\nresize_width=3\n",
              "resize_width and resize_height go together");
  ExpectError(full + data + "calibrate_path=x:f\nnormalize_mean=[1]\n",
              "normalize_mean and normalize_std differ in length");
  ExpectError(full + data + "calibrate_path=x:f\nnormalize_mean=[1]\nnormalize_std=[0]\n",
              "normalize_std has a zero");
  EXPECT_TRUE(ParseConfig(weight + "bit_num=16\nenable_encode=false\n").ok());
}

TEST(Config, WhatHasNoMeaningHereIsNoted) {
  const auto config = ParseConfig(
      "[acl_option_cfg_param]\ndevice_id=0\nprecision_mode=x\n[ascend_context]\nwhatever=1\n["
      "execution_plan]\nconv=data_type:float16\n"
      "[registry]\nplugin_path=a.so\nfusion_blacklists=A,B\n[cpu_option_cfg_param]\narchitecture="
      "a\ninstruction=b\n[micro_param]\nenable_micro=false\n");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->notes.size(), 7u);
  EXPECT_EQ(config->notes[0],
            "[acl_option_cfg_param] of the configuration file has no effect: it configures Ascend "
            "compilers at conversion; Mirin chooses devices when a model is loaded");
  EXPECT_FALSE(config->disable_fusion);
}

TEST(Config, CodeIsRefused) {
  const auto config = ParseConfig("[micro_param]\nenable_micro=true\n");
  EXPECT_EQ(config.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(config.status().message(), "line 2: enable_micro asks for C code");
  EXPECT_EQ(HintOf(config.status()),
            "this converter writes models, no C code; leave enable_micro out");
}

}  // namespace
}  // namespace mirin::converter
