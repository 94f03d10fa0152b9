// Deterministic sessions: the same bits for every number of threads, and for an element of a batch whatever else is in it. On each
// instruction set.
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "mirin/converter.h"
#include "tests/support/c_api.h"
#include "tests/support/onnx_builder.h"
#include "tests/support/random.h"

namespace mirin::testing {
namespace {

using Shape = std::vector<int64_t>;

struct Input {
  mirin_dtype dtype;
  Shape dims;  // of a batch of one
  size_t batch_axis = 0;
};

struct Network {
  std::string name;
  std::vector<Input> inputs;
  void (*build)(onnx::GraphProto*) = nullptr;  // null: a file of tests/models
};

int64_t Elements(const Shape& dims) {
  int64_t n = 1;
  for (const int64_t d : dims) n *= d;
  return n;
}

void AddWeight(onnx::GraphProto* g, const std::string& name, const Shape& dims) {
  AddOnnxWeight(g, name, dims,
                RandomFloats(Elements(dims), static_cast<uint32_t>(name.size()) * 77 + 5));
}

onnx::NodeProto* AddConv(onnx::GraphProto* g, const std::string& x, const std::string& y,
                         int64_t in, int64_t out, int64_t kernel, int64_t group = 1) {
  AddWeight(g, y + "_w", {out, in / group, kernel, kernel});
  AddWeight(g, y + "_b", {out});
  onnx::NodeProto* conv = AddOnnxNode(g, "Conv", {x, y + "_w", y + "_b"}, {y}, y);
  SetOnnxInts(conv, "kernel_shape", {kernel, kernel});
  SetOnnxInts(conv, "pads", Shape(4, kernel / 2));
  SetOnnxInt(conv, "group", group);
  return conv;
}

// Large enough for several threads, and for Winograd where it is not excluded.
void BuildConvolutions(onnx::GraphProto* g) {
  AddOnnxInput(g, "x", {-1, 32, 24, 24});
  AddConv(g, "x", "square", 32, 64, 3);
  AddOnnxNode(g, "Relu", {"square"}, {"square_relu"});
  AddConv(g, "square_relu", "wide", 64, 96, 1);
  AddOnnxNode(g, "Relu", {"wide"}, {"wide_relu"});
  AddConv(g, "wide_relu", "depthwise", 96, 96, 3, 96);
  AddConv(g, "depthwise", "narrow", 96, 64, 1);
  AddOnnxNode(g, "Add", {"narrow", "square_relu"}, {"sum"});
  SetOnnxInts(AddConv(g, "sum", "strided", 64, 128, 3), "strides", {2, 2});
  onnx::NodeProto* pool = AddOnnxNode(g, "MaxPool", {"strided"}, {"pool"});
  SetOnnxInts(pool, "kernel_shape", {3, 3});
  AddOnnxNode(g, "GlobalAveragePool", {"pool"}, {"mean"});
  AddOnnxNode(g, "Flatten", {"mean"}, {"flat"});
  AddWeight(g, "head", {128, 300});
  AddOnnxNode(g, "MatMul", {"flat", "head"}, {"y"});
  AddOnnxOutput(g, "y", {-1, 300});
}

// One row a sample: the product of one row and that of many.
void BuildRows(onnx::GraphProto* g) {
  AddOnnxInput(g, "x", {-1, 1600});
  AddWeight(g, "first", {1600, 700});
  AddOnnxNode(g, "MatMul", {"x", "first"}, {"a"});
  AddOnnxNode(g, "Softmax", {"a"}, {"b"});
  AddWeight(g, "second", {700, 333});
  AddOnnxNode(g, "MatMul", {"b", "second"}, {"c"});
  AddOnnxNode(g, "Tanh", {"c"}, {"y"});
  AddOnnxOutput(g, "y", {-1, 333});
}

void BuildTransformer(onnx::GraphProto* g) {
  AddOnnxInput(g, "x", {-1, 77, 128});
  AddWeight(g, "scale", {128});
  AddWeight(g, "shift", {128});
  AddOnnxNode(g, "LayerNormalization", {"x", "scale", "shift"}, {"norm"});
  onnx::TensorProto* heads = g->add_initializer();
  heads->set_name("heads");
  heads->set_data_type(kOnnxInt64);
  heads->add_dims(4);
  for (const int64_t d : {0, 0, 4, 32}) heads->add_int64_data(d);
  onnx::TensorProto* joined = g->add_initializer();
  joined->set_name("joined");
  joined->set_data_type(kOnnxInt64);
  joined->add_dims(3);
  for (const int64_t d : {0, 0, 128}) joined->add_int64_data(d);
  for (const std::string name : {"q", "ke", "val"}) {
    AddWeight(g, name + "_w", {128, 128});
    AddOnnxNode(g, "MatMul", {"norm", name + "_w"}, {name + "_p"});
    AddOnnxNode(g, "Reshape", {name + "_p", "heads"}, {name + "_h"});
    onnx::NodeProto* turn = AddOnnxNode(g, "Transpose", {name + "_h"}, {name});
    SetOnnxInts(turn, "perm", name == "ke" ? Shape{0, 2, 3, 1} : Shape{0, 2, 1, 3});
  }
  AddOnnxNode(g, "MatMul", {"q", "ke"}, {"raw"});
  AddOnnxWeight(g, "temperature", {}, {0.02f});
  AddOnnxNode(g, "Mul", {"raw", "temperature"}, {"scores"});
  SetOnnxInt(AddOnnxNode(g, "Softmax", {"scores"}, {"weights"}), "axis", -1);
  AddOnnxNode(g, "MatMul", {"weights", "val"}, {"mixed"});
  SetOnnxInts(AddOnnxNode(g, "Transpose", {"mixed"}, {"back"}), "perm", {0, 2, 1, 3});
  AddOnnxNode(g, "Reshape", {"back", "joined"}, {"rows"});
  AddWeight(g, "up", {128, 512});
  AddOnnxNode(g, "MatMul", {"rows", "up"}, {"high"});
  AddOnnxNode(g, "Erf", {"high"}, {"bent"});
  AddWeight(g, "down", {512, 128});
  AddOnnxNode(g, "MatMul", {"bent", "down"}, {"low"});
  AddOnnxNode(g, "Add", {"low", "x"}, {"y"});
  AddOnnxOutput(g, "y", {-1, 77, 128});
}

// Both directions of 20 steps.
void BuildRecurrent(onnx::GraphProto* g) {
  AddOnnxInput(g, "x", {20, -1, 48});
  AddWeight(g, "w", {2, 4 * 72, 48});
  AddWeight(g, "state_w", {2, 4 * 72, 72});
  AddWeight(g, "biases", {2, 8 * 72});
  onnx::NodeProto* lstm = AddOnnxNode(g, "LSTM", {"x", "w", "state_w", "biases"}, {"y"});
  SetOnnxInt(lstm, "hidden_size", 72);
  AddOnnxAttribute(lstm, "direction", 3)->set_s("bidirectional");
  AddOnnxOutput(g, "y", {20, 2, -1, 72});
}

const Network kNetworks[] = {
    {"convolutions", {{MIRIN_DTYPE_F32, {1, 32, 24, 24}}}, BuildConvolutions},
    {"rows", {{MIRIN_DTYPE_F32, {1, 1600}}}, BuildRows},
    {"transformer", {{MIRIN_DTYPE_F32, {1, 77, 128}}}, BuildTransformer},
    {"lenet5", {{MIRIN_DTYPE_F32, {1, 1, 32, 32}}}},
    {"resnet18_tiny", {{MIRIN_DTYPE_F32, {1, 3, 64, 64}}}},
    {"mobilenetv2_tiny", {{MIRIN_DTYPE_F32, {1, 3, 48, 48}}}},
    {"conv_variants", {{MIRIN_DTYPE_F32, {1, 4, 11, 14}}}},
    {"pool_variants", {{MIRIN_DTYPE_F32, {1, 3, 9, 12}}}},
    {"dyn_batch_mlp", {{MIRIN_DTYPE_F32, {1, 4}}}},
    {"recurrent", {{MIRIN_DTYPE_F32, {20, 1, 48}, 1}}, BuildRecurrent},
};

struct Result {
  Shape dims;
  std::string bytes;
};

// Elements `rows` of an axis.
Result Rows(const Result& whole, size_t axis, const std::vector<int64_t>& rows) {
  size_t outer = 1;
  for (size_t i = 0; i < axis; ++i) outer *= static_cast<size_t>(whole.dims[i]);
  const size_t size = static_cast<size_t>(whole.dims[axis]),
               row = whole.bytes.size() / (outer * size);
  Result part;
  part.dims = whole.dims;
  part.dims[axis] = static_cast<int64_t>(rows.size());
  for (size_t o = 0; o < outer; ++o) {
    for (const int64_t r : rows)
      part.bytes += whole.bytes.substr((o * size + static_cast<size_t>(r)) * row, row);
  }
  return part;
}

class Deterministic : public ::testing::TestWithParam<Network> {
 protected:
  static constexpr int64_t kBatch = 8;

  void SetUp() override {
    mirin_model* model = nullptr;
    if (GetParam().build == nullptr) {
      const std::string path = "tests/models/mindir/" + GetParam().name + ".mindir";
      ASSERT_EQ(Text(mirin_model_load_file(path.c_str(), nullptr, &model)), "OK");
    } else {
      onnx::ModelProto source = OnnxModel();
      GetParam().build(source.mutable_graph());
      const std::string path = ::testing::TempDir() + "/deterministic_" + GetParam().name + "_" +
                               std::to_string(getpid()) + ".onnx";
      std::ofstream(path, std::ios::binary) << source.SerializeAsString();
      mirin_converter* converter = nullptr;
      ASSERT_EQ(Text(mirin_converter_create(&converter)), "OK");
      ASSERT_EQ(Text(mirin_converter_set(converter, "fmk", "ONNX")), "OK");
      ASSERT_EQ(Text(mirin_converter_set(converter, "modelFile", path.c_str())), "OK");
      const std::string status = Text(mirin_converter_run(converter));
      size_t size = 0;
      const void* bytes = mirin_converter_model(converter, &size);
      if (bytes != nullptr) converted_.assign(static_cast<const char*>(bytes), size);
      mirin_converter_destroy(converter);
      unlink(path.c_str());
      ASSERT_EQ(status, "OK");
      model = Load(nullptr);
      ASSERT_NE(model, nullptr);
    }
    model_.reset(model);
    for (const Input& input : GetParam().inputs) {
      Result whole;
      whole.dims = input.dims;
      whole.dims[input.batch_axis] = kBatch;
      const std::vector<float> values =
          RandomFloats(Elements(whole.dims), static_cast<uint32_t>(batch_.size()) + 9);
      whole.bytes.assign(reinterpret_cast<const char*>(values.data()),
                         values.size() * sizeof(float));
      batch_.push_back(std::move(whole));
    }
  }

  mirin_model* Load(const mirin_config* config) const {
    mirin_model_options options = MIRIN_MODEL_OPTIONS_INIT;
    options.config = config;
    mirin_model* model = nullptr;
    EXPECT_EQ(Text(mirin_model_load_memory(converted_.data(), converted_.size(), &options, &model)),
              "OK");
    return model;
  }

  std::vector<Result> Of(const std::vector<int64_t>& rows) const {
    std::vector<Result> inputs;
    for (size_t i = 0; i < batch_.size(); ++i)
      inputs.push_back(Rows(batch_[i], GetParam().inputs[i].batch_axis, rows));
    return inputs;
  }

  std::vector<Result> Run(const mirin_model* given, const std::vector<Result>& inputs, int threads,
                          bool deterministic = true) const {
    std::vector<const int64_t*> dims;
    std::vector<size_t> ranks;
    std::vector<TensorPtr> tensors;
    for (size_t i = 0; i < inputs.size(); ++i) {
      dims.push_back(inputs[i].dims.data());
      ranks.push_back(inputs[i].dims.size());
      tensors.push_back(
          MakeTensor(GetParam().inputs[i].dtype, inputs[i].dims, inputs[i].bytes.data()));
    }
    mirin_model* model = nullptr;
    EXPECT_EQ(Text(mirin_model_reshape(given, dims.data(), ranks.data(), dims.size(), &model)),
              "OK");
    const ModelPtr owner(model);
    mirin_session_options options = MIRIN_SESSION_OPTIONS_INIT;
    options.threads = threads;
    options.deterministic = deterministic;
    mirin_session* session = nullptr;
    EXPECT_EQ(Text(mirin_session_create(model, &options, &session)), "OK");
    const SessionPtr session_owner(session);
    std::vector<const mirin_tensor*> outputs(mirin_model_output_count(model));
    const std::vector<const mirin_tensor*> pointers = Pointers(tensors);
    EXPECT_EQ(Text(mirin_session_run(session, pointers.data(), pointers.size(), outputs.data(),
                                     outputs.size())),
              "OK");
    std::vector<Result> results;
    for (const mirin_tensor* t : outputs) {
      Result result;
      result.dims.assign(mirin_tensor_dims(t), mirin_tensor_dims(t) + mirin_tensor_rank(t));
      result.bytes.assign(static_cast<const char*>(mirin_tensor_data(t)), mirin_tensor_size(t));
      results.push_back(std::move(result));
    }
    return results;
  }

  static void ExpectSame(const std::vector<Result>& a, const std::vector<Result>& b,
                         const std::string& what) {
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a[i].dims, b[i].dims) << what << ", output " << i;
      EXPECT_TRUE(a[i].bytes == b[i].bytes) << what << ", output " << i;
    }
  }

  std::string converted_;
  ModelPtr model_;
  std::vector<Result> batch_;  // inputs of kBatch elements
};

TEST_P(Deterministic, GivesTheSameBitsForEveryNumberOfThreads) {
  const std::vector<Result> one = Run(model_.get(), batch_, 1);
  for (const int threads : {2, 4})
    ExpectSame(Run(model_.get(), batch_, threads), one, std::to_string(threads) + " threads");
}

TEST_P(Deterministic, GivesAnElementTheSameBitsInEveryBatch) {
  const std::vector<Result> all = Run(model_.get(), batch_, 2);
  for (const std::vector<int64_t>& rows : {std::vector<int64_t>{0}, {5}, {7, 2}, {6, 1, 1, 4, 0}}) {
    const std::vector<Result> some = Run(model_.get(), Of(rows), 1);
    std::vector<Result> same;
    for (size_t i = 0; i < all.size(); ++i) {
      size_t axis = 0;  // the one that the batch changes
      while (all[i].dims[axis] == some[i].dims[axis]) ++axis;
      same.push_back(Rows(all[i], axis, rows));
    }
    ExpectSame(some, same, std::to_string(rows.size()) + " of the batch");
  }
}

TEST_P(Deterministic, IsASettingOfTheModelToo) {
  if (GetParam().build == nullptr) GTEST_SKIP() << "one way to load is enough";
  mirin_config* config = nullptr;
  ASSERT_EQ(Text(mirin_config_create(&config)), "OK");
  const ConfigPtr owner(config);
  ASSERT_EQ(Text(mirin_config_set(config, "execution", "deterministic", "true")), "OK");
  const ModelPtr model(Load(config));
  ExpectSame(Run(model.get(), batch_, 4, /*deterministic=*/false),
             Run(model_.get(), batch_, 1, /*deterministic=*/true), "by the model's setting");
}

INSTANTIATE_TEST_SUITE_P(Networks, Deterministic, ::testing::ValuesIn(kNetworks),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace mirin::testing
