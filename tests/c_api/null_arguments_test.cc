// Every function with NULL, out-of-range numbers and unknown enums: a status or the documented neutral value, never a crash,
// and untouched out-parameters. A list of names keeps the test complete against
// api.lock and converter.lock.
#include <cmath>
#include <fstream>
#include <regex>
#include <set>

#include "gtest/gtest.h"
#include "mirin/converter.h"
#include "tests/support/c_api.h"

namespace mirin::testing {
namespace {

std::set<std::string>& Tested() {
  static auto* const names = new std::set<std::string>();
  return *names;
}

// Notes the function's name and gives the call's value on.
#define CALL(function, ...) (Tested().insert(#function), function(__VA_ARGS__))
#define EXPECT_INVALID(...) \
  EXPECT_EQ(mirin_status_code(StatusPtr(__VA_ARGS__).get()), MIRIN_INVALID_ARGUMENT)

template <typename T>
T* Poison() {
  return reinterpret_cast<T*>(0x5a5a5a50);
}

class NullArguments : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(
        Text(mirin_model_load_file("tests/models/mindir/tensor_add.mindir", nullptr, &model_)),
        "OK");
    ASSERT_EQ(Text(mirin_session_create(model_, nullptr, &session_)), "OK");
    const int64_t dims[] = {2, 3};
    ASSERT_EQ(Text(mirin_tensor_create(MIRIN_DTYPE_F32, dims, 2, &tensor_)), "OK");
  }
  void TearDown() override {
    mirin_tensor_destroy(tensor_);
    mirin_session_destroy(session_);
    mirin_model_destroy(model_);
  }
  mirin_model* model_ = nullptr;
  mirin_session* session_ = nullptr;
  mirin_tensor* tensor_ = nullptr;
};

TEST_F(NullArguments, Base) {
  EXPECT_EQ(CALL(mirin_api_version), MIRIN_API_MAJOR * 65536u + MIRIN_API_MINOR);
  EXPECT_NE(std::string(CALL(mirin_version_string)), "");
  for (const int number : {-1, 0, 1, 31, 12, 1000000}) {
    EXPECT_EQ(CALL(mirin_dtype_size, static_cast<mirin_dtype>(number)), 0u) << number;
    EXPECT_EQ(std::string(CALL(mirin_dtype_name, static_cast<mirin_dtype>(number))),
              number == 12 ? "string" : "unknown");
  }
  EXPECT_EQ(mirin_dtype_size(MIRIN_DTYPE_BF16), 2u);
  EXPECT_EQ(CALL(mirin_device_name, mirin_device_count()), nullptr);
  EXPECT_EQ(CALL(mirin_device_description, SIZE_MAX), nullptr);
  ASSERT_GE(CALL(mirin_device_count), 2u);
  EXPECT_EQ(std::string(mirin_device_name(0)), "cpu");
}

TEST_F(NullArguments, Log) {
  EXPECT_INVALID(CALL(mirin_log_set_level, static_cast<mirin_log_level>(-1)));
  EXPECT_INVALID(mirin_log_set_level(static_cast<mirin_log_level>(5)));
  CALL(mirin_log_set_sink, nullptr, nullptr);
}

TEST_F(NullArguments, Status) {
  EXPECT_EQ(CALL(mirin_status_code, nullptr), MIRIN_OK);
  EXPECT_EQ(std::string(CALL(mirin_status_message, nullptr)), "");
  CALL(mirin_status_destroy, nullptr);
  EXPECT_EQ(CALL(mirin_status_create, MIRIN_OK, "fine"), nullptr);
  EXPECT_EQ(Text(mirin_status_create(MIRIN_NOT_FOUND, nullptr)), "NOT_FOUND: ");
  EXPECT_EQ(Text(mirin_status_create(static_cast<mirin_code>(77), "x")), "UNKNOWN: x");
  EXPECT_EQ(std::string(CALL(mirin_code_name, static_cast<mirin_code>(-5))), "UNKNOWN");
  EXPECT_EQ(std::string(mirin_code_name(MIRIN_DATA_LOSS)), "DATA_LOSS");
}

TEST_F(NullArguments, Config) {
  EXPECT_INVALID(CALL(mirin_config_create, nullptr));
  EXPECT_INVALID(CALL(mirin_config_load_file, nullptr, "x"));
  EXPECT_INVALID(CALL(mirin_config_set, nullptr, "weight", "weight_path", "x"));
  CALL(mirin_config_destroy, nullptr);
  mirin_config* config = nullptr;
  ASSERT_EQ(Text(mirin_config_create(&config)), "OK");
  const ConfigPtr owner(config);
  EXPECT_INVALID(mirin_config_load_file(config, nullptr));
  EXPECT_INVALID(mirin_config_set(config, nullptr, "weight_path", "x"));
  EXPECT_INVALID(mirin_config_set(config, "weight", nullptr, "x"));
  EXPECT_INVALID(mirin_config_set(config, "weight", "weight_path", nullptr));
  EXPECT_EQ(mirin_status_code(StatusPtr(mirin_config_load_file(config, "/nowhere/x")).get()),
            MIRIN_NOT_FOUND);
}

TEST_F(NullArguments, Pool) {
  mirin_pool* pool = Poison<mirin_pool>();
  EXPECT_INVALID(CALL(mirin_pool_create, nullptr, nullptr, &pool));
  EXPECT_INVALID(mirin_pool_create(model_, nullptr, nullptr));
  mirin_pool_options options = MIRIN_POOL_OPTIONS_INIT;
  options.struct_size = 1;
  EXPECT_INVALID(mirin_pool_create(model_, &options, &pool));
  options = MIRIN_POOL_OPTIONS_INIT;
  for (const int32_t number : {-1, 1000000000}) {
    options.workers = number;
    EXPECT_INVALID(mirin_pool_create(model_, &options, &pool));
    options.workers = 1;
    options.max_queue = number;
    EXPECT_INVALID(mirin_pool_create(model_, &options, &pool));
    options.max_queue = 1;
  }
  EXPECT_EQ(pool, Poison<mirin_pool>());
  EXPECT_EQ(CALL(mirin_pool_workers, nullptr), 0);
  CALL(mirin_pool_destroy, nullptr);
  ASSERT_EQ(Text(mirin_pool_create(model_, &options, &pool)), "OK");
  const PoolPtr owner(pool);
  mirin_tensor* out = Poison<mirin_tensor>();
  const mirin_tensor* inputs[] = {tensor_, nullptr};
  EXPECT_INVALID(CALL(mirin_pool_run, nullptr, inputs, 2, nullptr, &out, 1));
  EXPECT_INVALID(mirin_pool_run(pool, nullptr, 2, nullptr, &out, 1));
  EXPECT_INVALID(mirin_pool_run(pool, inputs, 2, nullptr, &out, 1));
  EXPECT_INVALID(mirin_pool_run(pool, inputs, 1, nullptr, &out, 1));
  EXPECT_INVALID(mirin_pool_run(pool, inputs, 2, nullptr, &out, 3));
  EXPECT_INVALID(mirin_pool_run(pool, inputs, 2, nullptr, nullptr, 1));
  EXPECT_INVALID(CALL(mirin_pool_run_into, nullptr, inputs, 2, nullptr, &out, 1));
  EXPECT_INVALID(mirin_pool_run_into(pool, inputs, 2, nullptr, nullptr, 1));
  mirin_run_options run = MIRIN_RUN_OPTIONS_INIT;
  run.timeout_us = -1;
  EXPECT_INVALID(mirin_pool_run(pool, inputs, 2, &run, &out, 1));
  EXPECT_EQ(out, Poison<mirin_tensor>());
  EXPECT_INVALID(CALL(mirin_cancellation_create, nullptr));
  CALL(mirin_cancellation_cancel, nullptr);
  CALL(mirin_cancellation_destroy, nullptr);
}

TEST_F(NullArguments, ModelLoading) {
  mirin_model* out = Poison<mirin_model>();
  EXPECT_INVALID(CALL(mirin_model_load_file, nullptr, nullptr, &out));
  EXPECT_INVALID(mirin_model_load_file("x", nullptr, nullptr));
  EXPECT_EQ(
      mirin_status_code(StatusPtr(mirin_model_load_file("no/such/file", nullptr, &out)).get()),
      MIRIN_NOT_FOUND);
  EXPECT_INVALID(mirin_model_load_file("tests/models", nullptr, &out));
  EXPECT_INVALID(CALL(mirin_model_load_memory, nullptr, 5, nullptr, &out));
  EXPECT_INVALID(mirin_model_load_memory("abc", 3, nullptr, nullptr));
  EXPECT_NE(StatusPtr(mirin_model_load_memory("abc", 3, nullptr, &out)), nullptr);
  EXPECT_NE(StatusPtr(mirin_model_load_memory("abc", 0, nullptr, &out)), nullptr);
  EXPECT_INVALID(CALL(mirin_model_load_memory_adopt, nullptr, 5, nullptr, nullptr, nullptr, &out));
  EXPECT_INVALID(mirin_model_load_memory_adopt("abc", 3, nullptr, nullptr, nullptr, nullptr));
  mirin_model_options options = MIRIN_MODEL_OPTIONS_INIT;
  options.cipher = static_cast<mirin_cipher>(77);
  EXPECT_INVALID(mirin_model_load_file("tests/models/mindir/tensor_add.mindir", &options, &out));
  options = MIRIN_MODEL_OPTIONS_INIT;
  options.struct_size = 3;
  EXPECT_INVALID(mirin_model_load_file("tests/models/mindir/tensor_add.mindir", &options, &out));
  options = MIRIN_MODEL_OPTIONS_INIT;
  options.optimization_level = 9;
  EXPECT_INVALID(mirin_model_load_file("tests/models/mindir/tensor_add.mindir", &options, &out));
  options = MIRIN_MODEL_OPTIONS_INIT;
  options.num_disabled_passes = 2;
  EXPECT_INVALID(mirin_model_load_file("tests/models/mindir/tensor_add.mindir", &options, &out));
  options = MIRIN_MODEL_OPTIONS_INIT;
  options.key_size = 16;
  EXPECT_INVALID(mirin_model_load_file("tests/models/mindir/tensor_add.mindir", &options, &out));
  EXPECT_EQ(out, Poison<mirin_model>());
  CALL(mirin_model_destroy, nullptr);
}

TEST_F(NullArguments, ModelSignature) {
  for (const mirin_model* m :
       {static_cast<const mirin_model*>(nullptr), static_cast<const mirin_model*>(model_)}) {
    for (const size_t i : {size_t{2}, size_t{1} << 40, SIZE_MAX}) {
      EXPECT_EQ(CALL(mirin_model_input_name, m, i), nullptr);
      EXPECT_EQ(CALL(mirin_model_input_dtype, m, i), MIRIN_DTYPE_UNKNOWN);
      EXPECT_EQ(CALL(mirin_model_input_rank, m, i), -1);
      EXPECT_EQ(CALL(mirin_model_input_dims, m, i), nullptr);
      EXPECT_EQ(CALL(mirin_model_output_name, m, i), nullptr);
      EXPECT_EQ(CALL(mirin_model_output_dtype, m, i), MIRIN_DTYPE_UNKNOWN);
      EXPECT_EQ(CALL(mirin_model_output_rank, m, i), -1);
      EXPECT_EQ(CALL(mirin_model_output_dims, m, i), nullptr);
      EXPECT_EQ(CALL(mirin_model_state_name, m, i), nullptr);
    }
    EXPECT_EQ(CALL(mirin_model_metadata, m, nullptr), nullptr);
  }
  EXPECT_EQ(CALL(mirin_model_input_count, nullptr), 0u);
  EXPECT_EQ(CALL(mirin_model_output_count, nullptr), 0u);
  EXPECT_EQ(CALL(mirin_model_state_count, nullptr), 0u);
  EXPECT_EQ(mirin_model_metadata(nullptr, "x"), nullptr);
  EXPECT_EQ(std::string(mirin_model_metadata(model_, "no such key")), "");
  EXPECT_EQ(CALL(mirin_model_pass_report, nullptr), nullptr);
}

TEST_F(NullArguments, ModelRun) {
  const mirin_tensor* inputs[] = {tensor_, nullptr};
  mirin_tensor* out = Poison<mirin_tensor>();
  EXPECT_INVALID(CALL(mirin_model_run, nullptr, nullptr, inputs, 2, &out, 1));
  EXPECT_INVALID(mirin_model_run(model_, nullptr, nullptr, 2, &out, 1));
  EXPECT_INVALID(mirin_model_run(model_, nullptr, inputs, 2, &out, 1));
  EXPECT_INVALID(mirin_model_run(model_, nullptr, inputs, 1, &out, 1));
  EXPECT_INVALID(mirin_model_run(model_, nullptr, inputs, 2, nullptr, 1));
  EXPECT_INVALID(mirin_model_run(model_, nullptr, inputs, 2, &out, 7));
  EXPECT_EQ(out, Poison<mirin_tensor>());
}

TEST_F(NullArguments, SessionCreate) {
  mirin_session* out = Poison<mirin_session>();
  EXPECT_INVALID(CALL(mirin_session_create, nullptr, nullptr, &out));
  EXPECT_INVALID(mirin_session_create(model_, nullptr, nullptr));
  mirin_session_options options = MIRIN_SESSION_OPTIONS_INIT;
  options.threads = -3;
  EXPECT_INVALID(mirin_session_create(model_, &options, &out));
  options = MIRIN_SESSION_OPTIONS_INIT;
  options.precision = static_cast<mirin_precision>(9);
  EXPECT_INVALID(mirin_session_create(model_, &options, &out));
  options = MIRIN_SESSION_OPTIONS_INIT;
  options.num_devices = 1;
  EXPECT_INVALID(mirin_session_create(model_, &options, &out));
  const char* devices[] = {nullptr, "quantum"};
  options.devices = devices;
  EXPECT_INVALID(mirin_session_create(model_, &options, &out));
  options.devices = devices + 1;
  EXPECT_EQ(mirin_status_code(StatusPtr(mirin_session_create(model_, &options, &out)).get()),
            MIRIN_NOT_FOUND);
  options = MIRIN_SESSION_OPTIONS_INIT;
  options.num_cpus = 1;
  EXPECT_INVALID(mirin_session_create(model_, &options, &out));
  for (const int32_t cpu : {-1, 8000, INT32_MAX, INT32_MIN}) {
    options.cpus = &cpu;
    EXPECT_INVALID(mirin_session_create(model_, &options, &out));
  }
  EXPECT_EQ(out, Poison<mirin_session>());
  CALL(mirin_session_destroy, nullptr);
  CALL(mirin_session_cancel, nullptr);
  CALL(mirin_session_profile_reset, nullptr);
  EXPECT_EQ(CALL(mirin_session_profile_table, nullptr), nullptr);
  EXPECT_EQ(CALL(mirin_session_profile_trace, nullptr), nullptr);
  EXPECT_EQ(CALL(mirin_session_placement, nullptr), nullptr);
}

TEST_F(NullArguments, SessionRun) {
  const mirin_tensor* inputs[] = {tensor_, nullptr};
  const mirin_tensor* outputs[] = {Poison<mirin_tensor>()};
  EXPECT_INVALID(CALL(mirin_session_run, nullptr, inputs, 2, outputs, 1));
  EXPECT_INVALID(mirin_session_run(session_, nullptr, 2, outputs, 1));
  EXPECT_INVALID(mirin_session_run(session_, inputs, 2, outputs, 1));
  EXPECT_INVALID(mirin_session_run(session_, inputs, 0, outputs, 1));
  EXPECT_INVALID(mirin_session_run(session_, inputs, 2, nullptr, 1));
  EXPECT_INVALID(mirin_session_run(session_, inputs, 2, outputs, 0));
  EXPECT_EQ(outputs[0], Poison<mirin_tensor>());
  mirin_tensor* into[] = {nullptr};
  EXPECT_INVALID(CALL(mirin_session_run_into, nullptr, inputs, 2, into, 1));
  EXPECT_INVALID(mirin_session_run_into(session_, nullptr, 2, into, 1));
  EXPECT_INVALID(mirin_session_run_into(session_, inputs, 2, into, 1));
  EXPECT_INVALID(mirin_session_run_into(session_, inputs, 2, nullptr, 1));
  EXPECT_INVALID(mirin_session_run_into(session_, inputs, 2, into, 3));
  mirin_run_options run = MIRIN_RUN_OPTIONS_INIT;
  run.timeout_us = -1;
  EXPECT_INVALID(CALL(mirin_session_run_with, nullptr, inputs, 2, nullptr, outputs, 1));
  EXPECT_INVALID(mirin_session_run_with(session_, inputs, 2, &run, outputs, 1));
  EXPECT_INVALID(CALL(mirin_session_run_into_with, nullptr, inputs, 2, nullptr, into, 1));
  EXPECT_INVALID(mirin_session_run_into_with(session_, inputs, 2, &run, into, 1));
  run = MIRIN_RUN_OPTIONS_INIT;
  run.struct_size = 0;
  EXPECT_INVALID(mirin_session_run_with(session_, inputs, 2, &run, outputs, 1));
  EXPECT_EQ(outputs[0], Poison<mirin_tensor>());
  const int64_t sizes[] = {1, -1};
  const int64_t* dims[] = {sizes, nullptr};
  const size_t ranks[] = {2, 1}, long_ranks[] = {1, 9};
  mirin_model* reshaped = Poison<mirin_model>();
  EXPECT_INVALID(CALL(mirin_model_reshape, nullptr, dims, ranks, 2, &reshaped));
  EXPECT_INVALID(mirin_model_reshape(model_, nullptr, ranks, 2, &reshaped));
  EXPECT_INVALID(mirin_model_reshape(model_, dims, nullptr, 2, &reshaped));
  EXPECT_INVALID(mirin_model_reshape(model_, dims, ranks, 2, &reshaped));
  EXPECT_INVALID(mirin_model_reshape(model_, dims, ranks, 1, &reshaped));
  EXPECT_INVALID(mirin_model_reshape(model_, dims, long_ranks, 2, &reshaped));
  EXPECT_INVALID(mirin_model_reshape(model_, dims, ranks, 2, nullptr));
  EXPECT_EQ(reshaped, Poison<mirin_model>());
  EXPECT_INVALID(CALL(mirin_session_resize, nullptr, dims, ranks, 2));
  EXPECT_INVALID(mirin_session_resize(session_, nullptr, ranks, 2));
  EXPECT_INVALID(mirin_session_resize(session_, dims, nullptr, 2));
  EXPECT_INVALID(mirin_session_resize(session_, dims, ranks, 2));
  EXPECT_INVALID(mirin_session_resize(session_, dims, ranks, 1));
  EXPECT_INVALID(mirin_session_resize(session_, dims, long_ranks, 2));
  mirin_tensor* state = Poison<mirin_tensor>();
  EXPECT_INVALID(CALL(mirin_session_get_state, nullptr, 0, &state));
  EXPECT_INVALID(mirin_session_get_state(session_, 0, nullptr));
  EXPECT_INVALID(mirin_session_get_state(session_, 0, &state));
  EXPECT_INVALID(mirin_session_get_state(session_, SIZE_MAX, &state));
  EXPECT_EQ(state, Poison<mirin_tensor>());
  EXPECT_INVALID(CALL(mirin_session_set_state, nullptr, 0, tensor_));
  EXPECT_INVALID(mirin_session_set_state(session_, 0, nullptr));
  EXPECT_INVALID(mirin_session_set_state(session_, SIZE_MAX, tensor_));
}

TEST_F(NullArguments, TensorCreate) {
  mirin_tensor* out = Poison<mirin_tensor>();
  const int64_t dims[] = {2, 3, 1, 1, 1, 1, 1, 1, 1}, negative[] = {-1},
                huge[] = {INT64_MAX, INT64_MAX}, large[] = {INT64_MAX / 8};
  float data[6] = {};
  const char* texts[] = {"a", nullptr};
  const size_t sizes[] = {1, 1};
  const int64_t two[] = {2};
  EXPECT_INVALID(CALL(mirin_tensor_create, MIRIN_DTYPE_F32, nullptr, 2, &out));
  EXPECT_INVALID(mirin_tensor_create(MIRIN_DTYPE_F32, dims, 2, nullptr));
  EXPECT_INVALID(mirin_tensor_create(MIRIN_DTYPE_F32, dims, 9, &out));
  EXPECT_INVALID(mirin_tensor_create(MIRIN_DTYPE_F32, negative, 1, &out));
  EXPECT_INVALID(mirin_tensor_create(MIRIN_DTYPE_STRING, dims, 2, &out));
  EXPECT_INVALID(mirin_tensor_create(static_cast<mirin_dtype>(36), dims, 2, &out));
  EXPECT_NE(StatusPtr(mirin_tensor_create(MIRIN_DTYPE_F32, huge, 2, &out)), nullptr);
  EXPECT_NE(StatusPtr(mirin_tensor_create(MIRIN_DTYPE_F32, large, 1, &out)), nullptr);
  EXPECT_INVALID(CALL(mirin_tensor_create_borrowed, MIRIN_DTYPE_F32, dims, 2, nullptr, 24, &out));
  EXPECT_INVALID(mirin_tensor_create_borrowed(MIRIN_DTYPE_F32, dims, 2, data, 23, &out));
  EXPECT_INVALID(mirin_tensor_create_borrowed(MIRIN_DTYPE_F32, nullptr, 2, data, 24, &out));
  EXPECT_INVALID(mirin_tensor_create_borrowed(MIRIN_DTYPE_F32, dims, 2, data, 24, nullptr));
  EXPECT_INVALID(mirin_tensor_create_borrowed(MIRIN_DTYPE_STRING, dims, 2, data, 24, &out));
  EXPECT_INVALID(CALL(mirin_tensor_create_adopted, MIRIN_DTYPE_F32, dims, 2, nullptr, 24, nullptr,
                      nullptr, &out));
  EXPECT_INVALID(
      mirin_tensor_create_adopted(MIRIN_DTYPE_F32, dims, 2, data, 23, nullptr, nullptr, &out));
  EXPECT_INVALID(CALL(mirin_tensor_create_strings, two, 1, nullptr, sizes, &out));
  EXPECT_INVALID(mirin_tensor_create_strings(two, 1, texts, nullptr, &out));
  EXPECT_INVALID(mirin_tensor_create_strings(two, 1, texts, sizes, &out));
  EXPECT_INVALID(mirin_tensor_create_strings(two, 1, texts, sizes, nullptr));
  EXPECT_INVALID(CALL(mirin_tensor_copy, nullptr, &out));
  EXPECT_INVALID(mirin_tensor_copy(tensor_, nullptr));
  EXPECT_EQ(out, Poison<mirin_tensor>());
  CALL(mirin_tensor_destroy, nullptr);
}

TEST_F(NullArguments, TensorReading) {
  EXPECT_EQ(CALL(mirin_tensor_dtype, nullptr), MIRIN_DTYPE_UNKNOWN);
  EXPECT_EQ(CALL(mirin_tensor_rank, nullptr), 0u);
  EXPECT_EQ(CALL(mirin_tensor_dims, nullptr), nullptr);
  EXPECT_EQ(CALL(mirin_tensor_elements, nullptr), 0);
  EXPECT_EQ(CALL(mirin_tensor_size, nullptr), 0u);
  EXPECT_EQ(CALL(mirin_tensor_data, nullptr), nullptr);
  EXPECT_EQ(CALL(mirin_tensor_mutable_data, nullptr), nullptr);
  size_t size = 99;
  EXPECT_EQ(CALL(mirin_tensor_string, nullptr, 0, &size), nullptr);
  EXPECT_EQ(mirin_tensor_string(tensor_, 0, &size), nullptr);
  EXPECT_EQ(size, 99u);
  const char* text = "word";
  const size_t length = 4;
  mirin_tensor* strings = nullptr;
  ASSERT_EQ(Text(mirin_tensor_create_strings(nullptr, 0, &text, &length, &strings)), "OK");
  const TensorPtr owner(strings);
  EXPECT_EQ(mirin_tensor_string(strings, 1, &size), nullptr);
  EXPECT_EQ(mirin_tensor_string(strings, -1, &size), nullptr);
  EXPECT_EQ(mirin_tensor_data(strings), nullptr);
  ASSERT_NE(mirin_tensor_string(strings, 0, nullptr), nullptr);
}

TEST_F(NullArguments, HalfConversion) {
  uint16_t half = 7;
  float value = 5;
  CALL(mirin_f32_to_f16, nullptr, &half, 1);
  mirin_f32_to_f16(&value, nullptr, 1);
  CALL(mirin_f16_to_f32, nullptr, &value, 1);
  CALL(mirin_f32_to_bf16, nullptr, &half, 1);
  CALL(mirin_bf16_to_f32, nullptr, &value, 1);
  EXPECT_EQ(half, 7);
  EXPECT_EQ(value, 5);
  mirin_f32_to_f16(&value, &half, 1);
  EXPECT_EQ(half, 0x4500);
  mirin_f16_to_f32(&half, &value, 1);
  EXPECT_EQ(value, 5);
}

TEST_F(NullArguments, StatusCreate) {
  EXPECT_EQ(Text(CALL(mirin_status_create, MIRIN_DATA_LOSS, nullptr)), "DATA_LOSS: ");
  EXPECT_EQ(Text(mirin_status_create(MIRIN_DATA_LOSS, "x")), "DATA_LOSS: x");
}

TEST_F(NullArguments, Converter) {
  EXPECT_INVALID(CALL(mirin_converter_create, nullptr));
  CALL(mirin_converter_destroy, nullptr);
  EXPECT_INVALID(CALL(mirin_converter_set, nullptr, "fmk", "ONNX"));
  EXPECT_INVALID(CALL(mirin_converter_run, nullptr));
  EXPECT_INVALID(CALL(mirin_converter_check, nullptr));
  EXPECT_EQ(CALL(mirin_converter_report, nullptr, MIRIN_REPORT_TEXT), nullptr);
  EXPECT_EQ(CALL(mirin_converter_output_file, nullptr), nullptr);
  size_t size = 99;
  EXPECT_EQ(CALL(mirin_converter_model, nullptr, &size), nullptr);
  EXPECT_EQ(size, 0u);
  int64_t done = 7, total = 8;
  EXPECT_EQ(CALL(mirin_converter_progress, nullptr, &done, &total), nullptr);
  EXPECT_EQ(done, 7);
  EXPECT_NE(std::string(CALL(mirin_converter_options)).find("--modelFile=PATH"), std::string::npos);

  mirin_converter* converter = nullptr;
  ASSERT_EQ(Text(mirin_converter_create(&converter)), "OK");
  EXPECT_INVALID(mirin_converter_set(converter, nullptr, "ONNX"));
  EXPECT_INVALID(mirin_converter_set(converter, "fmk", nullptr));
  EXPECT_INVALID(mirin_converter_set(converter, "", "x"));
  EXPECT_INVALID(mirin_converter_set(converter, "fmk", "COBOL"));
  EXPECT_EQ(std::string(mirin_converter_report(converter, MIRIN_REPORT_JSON)), "");
  EXPECT_EQ(std::string(mirin_converter_output_file(converter)), "");
  EXPECT_EQ(mirin_converter_model(converter, nullptr), nullptr);
  EXPECT_EQ(std::string(mirin_converter_progress(converter, nullptr, nullptr)), "");
  EXPECT_INVALID(mirin_converter_run(converter));
  EXPECT_INVALID(mirin_converter_check(converter));
  EXPECT_NE(
      std::string(mirin_converter_report(converter, MIRIN_REPORT_TEXT)).find("fmk is not set"),
      std::string::npos);
  EXPECT_EQ(std::string(mirin_converter_report(converter, static_cast<mirin_report_format>(9))),
            "");
  mirin_converter_destroy(converter);
}

// The last test of the file: names of the locks that no test above called.
TEST(NullArgumentsList, CoversEveryFunction) {
  const std::regex name("(mirin_[a-z0-9_]+)\\(");
  int functions = 0;
  for (const char* path : {"c_api/api.lock", "c_api/converter.lock"}) {
    std::ifstream lock(path);
    ASSERT_TRUE(lock.good()) << path;
    std::string line;
    while (std::getline(lock, line)) {
      std::smatch match;
      ASSERT_TRUE(std::regex_search(line, match, name)) << line;
      EXPECT_EQ(Tested().count(match[1]), 1u) << match[1] << " is not called by this file";
      ++functions;
    }
  }
  EXPECT_EQ(functions, static_cast<int>(Tested().size()));
}

}  // namespace
}  // namespace mirin::testing
