// 10,000 runs with lengths drawn at random: memory ends where the last new length has been seen, and no length costs a copy of weights.
#include <unistd.h>

#include <fstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "mirin/converter.h"
#include "tests/support/c_api.h"
#include "tests/support/onnx_builder.h"

namespace mirin::testing {
namespace {

constexpr int64_t kLongest = 128, kWidth = 192, kInner = 1024;
constexpr size_t kMiB = size_t{1} << 20;
// Of the table of positions alone; a copy for each length would be 16 times all the rest.
constexpr size_t kTableBytes = kLongest * 4 * kWidth * 4;

size_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  size_t all = 0, resident = 0;
  file >> all >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

void AddWeight(onnx::GraphProto* g, const std::string& name, const std::vector<int64_t>& dims) {
  size_t n = 1;
  for (const int64_t d : dims) n *= static_cast<size_t>(d);
  std::vector<float> values(n);
  for (size_t i = 0; i < n; ++i) values[i] = static_cast<float>(i % 61) * 0.002f - 0.06f;
  AddOnnxWeight(g, name, dims, values);
}

void AddIndices(onnx::GraphProto* g, const std::string& name, const std::vector<int64_t>& values) {
  onnx::TensorProto* t = g->add_initializer();
  t->set_name(name);
  t->set_data_type(kOnnxInt64);
  t->add_dims(static_cast<int64_t>(values.size()));
  for (const int64_t v : values) t->add_int64_data(v);
}

// Adds positions to rows of tokens and passes them through two products, as transformers do.
std::string Network() {
  onnx::ModelProto model = OnnxModel();
  onnx::GraphProto* g = model.mutable_graph();
  AddOnnxInput(g, "x", {1, -1, kWidth});
  std::vector<int64_t> all;
  for (int64_t i = 0; i < kLongest; ++i) all.push_back(i);
  AddIndices(g, "all", all);
  AddIndices(g, "zero", {0});
  AddIndices(g, "one", {1});
  AddWeight(g, "table", {kLongest * 4, kWidth});
  AddOnnxNode(g, "Shape", {"x"}, {"shape"});
  AddOnnxNode(g, "Gather", {"shape", "one"}, {"length"});
  AddOnnxNode(g, "Slice", {"all", "zero", "length"}, {"positions"});
  AddOnnxNode(g, "Gather", {"table", "positions"}, {"places"});
  AddOnnxNode(g, "Add", {"x", "places"}, {"rows"});
  AddWeight(g, "up", {kWidth, kInner});
  AddOnnxNode(g, "MatMul", {"rows", "up"}, {"high"});
  AddOnnxNode(g, "Relu", {"high"}, {"bent"});
  AddWeight(g, "down", {kInner, kWidth});
  AddOnnxNode(g, "MatMul", {"bent", "down"}, {"y"});
  AddOnnxOutput(g, "y", {1, -1, kWidth});
  return model.SerializeAsString();
}

ModelPtr Convert(const std::string& source) {
  const std::string path =
      ::testing::TempDir() + "/dynamic_shapes_" + std::to_string(getpid()) + ".onnx";
  std::ofstream(path, std::ios::binary) << source;
  mirin_converter* converter = nullptr;
  EXPECT_EQ(Text(mirin_converter_create(&converter)), "OK");
  EXPECT_EQ(Text(mirin_converter_set(converter, "fmk", "ONNX")), "OK");
  EXPECT_EQ(Text(mirin_converter_set(converter, "modelFile", path.c_str())), "OK");
  EXPECT_EQ(Text(mirin_converter_run(converter)), "OK");
  size_t size = 0;
  const void* bytes = mirin_converter_model(converter, &size);
  mirin_model* model = nullptr;
  EXPECT_EQ(Text(mirin_model_load_memory(bytes, size, nullptr, &model)), "OK");
  mirin_converter_destroy(converter);
  unlink(path.c_str());
  return ModelPtr(model);
}

TEST(DynamicShapes, ReachAPlateau) {
  const ModelPtr model = Convert(Network());
  ASSERT_NE(model, nullptr);
  mirin_session_options options = MIRIN_SESSION_OPTIONS_INIT;
  options.threads = 1;
  mirin_session* session = nullptr;
  ASSERT_EQ(Text(mirin_session_create(model.get(), &options, &session)), "OK");
  const SessionPtr owner(session);
  std::vector<float> x(kLongest * kWidth, 0.25f);
  const auto run = [&](int64_t length) {
    const std::vector<int64_t> dims = {1, length, kWidth};
    mirin_tensor* input = nullptr;
    EXPECT_EQ(Text(mirin_tensor_create_borrowed(MIRIN_DTYPE_F32, dims.data(), dims.size(), x.data(),
                                                static_cast<size_t>(length * kWidth) * 4, &input)),
              "OK");
    const TensorPtr input_owner(input);
    const mirin_tensor* output = nullptr;
    EXPECT_EQ(Text(mirin_session_run(session, &input, 1, &output, 1)), "OK");
    EXPECT_EQ(mirin_tensor_dims(output)[1], length);
  };
  run(kLongest);
  const size_t one_length = ResidentBytes();
  for (int64_t length = 1; length < kLongest; ++length) run(length);
  const size_t all_lengths = ResidentBytes();
  EXPECT_LT(all_lengths, one_length + kLongest * kTableBytes / 16);
  uint32_t seed = 7;
  for (int i = 0; i < 10'000; ++i) {
    seed = seed * 1664525u + 1013904223u;
    run(1 + (seed >> 16) % kLongest);
  }
  EXPECT_LT(ResidentBytes(), all_lengths + kMiB);
}

}  // namespace
}  // namespace mirin::testing
