// A user's C++ program against MindSpore Lite's documented C++ API.
#include <atomic>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

#include "gtest/gtest.h"
#include "include/api/context.h"
#include "include/api/model.h"
#include "include/api/model_parallel_runner.h"
#include "include/api/serialization.h"

namespace {

using namespace mindspore;  // NOLINT: as users write it

constexpr char kAdd[] = "tests/models/mindir/tensor_add.mindir";
constexpr char kLenet[] = "tests/models/mindir/lenet5.mindir";

std::shared_ptr<Context> CpuContext(int threads) {
  auto context = std::make_shared<Context>();
  context->SetThreadNum(threads);
  auto cpu = std::make_shared<CPUDeviceInfo>();
  cpu->SetEnableFP16(false);
  context->MutableDeviceInfo().push_back(cpu);
  return context;
}

void Count(std::vector<MSTensor>* inputs) {
  for (MSTensor& input : *inputs) {
    auto* data = static_cast<float*>(input.MutableData());
    for (int64_t i = 0; i < input.ElementNum(); ++i) data[i] = static_cast<float>(i);
  }
}

bool IsDoubled(const MSTensor& output) {
  const auto* data = static_cast<const float*>(output.Data().get());
  for (int64_t i = 0; i < output.ElementNum(); ++i) {
    if (data[i] != 2 * static_cast<float>(i)) return false;
  }
  return output.ElementNum() > 0;
}

TEST(MindSporeCpp, Predicts) {
  Model model;
  ASSERT_EQ(model.Build(kAdd, kMindIR, CpuContext(2)), kSuccess);
  std::vector<MSTensor> inputs = model.GetInputs(), outputs;
  ASSERT_EQ(inputs.size(), 2u);
  EXPECT_EQ(inputs[0].DataType(), DataType::kNumberTypeFloat32);
  Count(&inputs);
  ASSERT_EQ(model.Predict(inputs, &outputs), kSuccess);
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_TRUE(IsDoubled(outputs[0]));
  EXPECT_EQ(outputs[0].Name(), model.GetOutputTensorNames()[0]);
  EXPECT_TRUE(model.GetInputByTensorName(inputs[1].Name()) == inputs[1]);
  EXPECT_TRUE(model.GetInputByTensorName("nothing") == nullptr);
  EXPECT_EQ(model.Build(kAdd, kMindIR), kLiteModelRebuild);
  // The first result stays what it was when the model runs again.
  inputs[0].SetData(std::calloc(1, inputs[0].DataSize()));
  std::vector<MSTensor> second;
  ASSERT_TRUE(model.Predict(inputs, &second).IsOk());
  EXPECT_TRUE(IsDoubled(outputs[0]));
  EXPECT_FALSE(IsDoubled(second[0]));
}

TEST(MindSporeCpp, WritesIntoTheUsersTensors) {
  Model model;
  ASSERT_EQ(model.Build(kAdd, kMindIR), kSuccess);
  std::vector<MSTensor> inputs = model.GetInputs();
  Count(&inputs);
  std::vector<float> memory(static_cast<size_t>(inputs[0].ElementNum()), -1);
  MSTensor* mine =
      MSTensor::CreateRefTensor("mine", DataType::kNumberTypeFloat32, inputs[0].Shape(),
                                memory.data(), memory.size() * 4, false);
  ASSERT_NE(mine, nullptr);
  std::vector<MSTensor> outputs = {*mine};
  ASSERT_EQ(model.Predict(inputs, &outputs), kSuccess);
  for (size_t i = 0; i < memory.size(); ++i) EXPECT_EQ(memory[i], 2 * static_cast<float>(i));
  MSTensor::DestroyTensorPtr(mine);
}

TEST(MindSporeCpp, ResizesADynamicModel) {
  Model model;
  ASSERT_EQ(model.Build("tests/models/mindir/dyn_batch_mlp.mindir", kMindIR, CpuContext(1)),
            kSuccess);
  std::vector<MSTensor> inputs = model.GetInputs(), outputs;
  EXPECT_EQ(inputs[0].Shape()[0], -1);
  ASSERT_EQ(model.Resize(inputs, {{5, 4}}), kSuccess);
  EXPECT_EQ(inputs[0].Shape(), (std::vector<int64_t>{5, 4}));
  Count(&inputs);
  ASSERT_EQ(model.Predict(inputs, &outputs), kSuccess);
  EXPECT_EQ(outputs[0].Shape(), (std::vector<int64_t>{5, 3}));
  const Status wrong = model.Resize(inputs, {{5, 9}});
  EXPECT_TRUE(wrong.IsError());
  EXPECT_NE(wrong.ToString().find("9"), std::string::npos) << wrong;
}

// kLenet's input shape, for another batch than the file's 2.
std::vector<std::vector<int64_t>> LenetBatch(int64_t batch) { return {{batch, 1, 32, 32}}; }

// The parts of a batch are those of 2 images, each part with a scale of its own.
void FillParts(MSTensor input) {
  auto* data = static_cast<float*>(input.MutableData());
  for (int64_t i = 0; i < input.ElementNum(); ++i) {
    data[i] = static_cast<float>(i / 2048 + 1) * static_cast<float>(i % 2048 % 7 - 3);
  }
}

std::vector<float> Floats(const MSTensor& tensor) {
  const auto* data = static_cast<const float*>(tensor.Data().get());
  return std::vector<float>(data, data + tensor.ElementNum());
}

void ExpectNear(const std::vector<float>& got, const std::vector<float>& expected) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 1e-4) << i;
}

// What a model gives for each of three parts alone, after one another.
std::vector<float> LenetAlone(int64_t batch) {
  Model model;
  EXPECT_EQ(model.Build(kLenet, kMindIR, CpuContext(1)), kSuccess);
  MSTensor all("all", DataType::kNumberTypeFloat32, LenetBatch(batch)[0], nullptr, 0);
  FillParts(all);
  std::vector<MSTensor> inputs = model.GetInputs(), outputs;
  std::vector<float> results;
  for (int64_t part = 0; part < batch / 2; ++part) {
    std::memcpy(inputs[0].MutableData(), static_cast<const float*>(all.Data().get()) + part * 2048,
                2048 * sizeof(float));
    EXPECT_EQ(model.Predict(inputs, &outputs), kSuccess);
    const std::vector<float> part_results = Floats(outputs[0]);
    results.insert(results.end(), part_results.begin(), part_results.end());
  }
  return results;
}

TEST(MindSporeCpp, ResizesAModelOfFixedShapes) {
  const std::vector<float> alone = LenetAlone(6), first(alone.begin(), alone.begin() + 20);
  std::vector<MSTensor> kept;
  {
    Graph graph;
    ASSERT_EQ(Serialization::Load(kLenet, kMindIR, &graph), kSuccess);
    Model model, other;
    ASSERT_EQ(model.Build(GraphCell(graph), CpuContext(2)), kSuccess);
    ASSERT_EQ(other.Build(GraphCell(graph), CpuContext(1)), kSuccess);
    std::vector<MSTensor> inputs = model.GetInputs();
    for (int64_t batch : {6, 2, 6, 4, 6}) {
      std::vector<MSTensor> outputs;
      ASSERT_EQ(model.Resize(inputs, LenetBatch(batch)), kSuccess);
      EXPECT_EQ(inputs[0].Shape(), LenetBatch(batch)[0]);
      EXPECT_EQ(model.GetInputs()[0].Shape(), LenetBatch(batch)[0]);
      EXPECT_EQ(model.GetOutputs()[0].Shape(), (std::vector<int64_t>{batch, 10}));
      FillParts(inputs[0]);
      const std::vector<float> expected(alone.begin(), alone.begin() + batch * 10);
      ASSERT_EQ(model.Predict(inputs, &outputs), kSuccess);
      ExpectNear(Floats(outputs[0]), expected);
      if (kept.empty()) kept = outputs;

      for (const std::vector<int64_t>& bad :
           std::vector<std::vector<int64_t>>{{batch, 2, 32, 32},
                                             {batch, 1, 32},
                                             {-1, 1, 32, 32},
                                             {-2, 1, 32, 32},
                                             {1ll << 40, 1, 32, 32}}) {
        const Status wrong = model.Resize(inputs, {bad});
        EXPECT_EQ(wrong, bad[0] > batch ? kLiteMemoryFailed : kLiteInputParamInvalid) << wrong;
        EXPECT_EQ(wrong.ToString().find("Conv2D") != std::string::npos, bad[0] == batch) << wrong;
        EXPECT_EQ(inputs[0].Shape(), LenetBatch(batch)[0]);
        EXPECT_EQ(model.GetOutputs()[0].Shape(), (std::vector<int64_t>{batch, 10}));
      }
      ASSERT_EQ(model.Resize(inputs, LenetBatch(batch)), kSuccess);
      ASSERT_EQ(model.Predict(), kSuccess);
      ExpectNear(Floats(model.GetOutputs()[0]), expected);
      std::vector<float> memory(expected.size(), -1);
      outputs = model.GetOutputs();
      outputs[0] = MSTensor("mine", DataType::kNumberTypeFloat32, {batch, 10}, memory.data(),
                            memory.size() * 4);
      ASSERT_EQ(model.Predict(inputs, &outputs), kSuccess);
      ExpectNear(Floats(outputs[0]), expected);
      // Who shares the graph keeps the file's shapes.
      std::vector<MSTensor> files = other.GetInputs(), results;
      EXPECT_EQ(files[0].Shape(), LenetBatch(2)[0]);
      FillParts(files[0]);
      ASSERT_EQ(other.Predict(files, &results), kSuccess);
      ExpectNear(Floats(results[0]), first);
    }
  }
  ExpectNear(Floats(kept[0]), alone);
}

TEST(MindSporeCpp, ResizeStartsStatesAnew) {
  const auto build = [](Model* model) {
    ASSERT_EQ(model->Build("tests/models/mindir/kvparam_inc.mindir", kMindIR, CpuContext(1)),
              kSuccess);
  };
  const auto run = [](Model* model) {
    std::vector<MSTensor> inputs = model->GetInputs(), outputs;
    *static_cast<int32_t*>(inputs[0].MutableData()) = 3;
    *static_cast<int32_t*>(inputs[1].MutableData()) = 0;
    EXPECT_EQ(model->Predict(inputs, &outputs), kSuccess);
    return Floats(outputs[0]);
  };
  Model model, other;
  build(&model);
  build(&other);
  const std::vector<float> first = run(&other), second = run(&other), third = run(&other);
  EXPECT_NE(first, second);
  EXPECT_EQ(run(&model), first);
  EXPECT_TRUE(model.Resize(model.GetInputs(), {{2, 1}, {1}}).IsError());
  EXPECT_EQ(run(&model), second);
  ASSERT_EQ(model.Resize(model.GetInputs(), {{1, 1}, {1}}), kSuccess);
  EXPECT_EQ(run(&model), third);
  ASSERT_EQ(model.Resize(model.GetInputs(), {{1}, {1}}), kSuccess);
  ExpectNear(run(&model), first);
  ExpectNear(run(&model), second);
  ASSERT_EQ(model.Resize(model.GetInputs(), {{1, 1}, {1}}), kSuccess);
  EXPECT_EQ(run(&model), first);
}

// Runs end with the shapes that they began with; one of other shapes is an error.
TEST(MindSporeCpp, ResizesWhileOthersPredict) {
  const std::vector<float> alone = LenetAlone(6);
  Model model;
  ASSERT_EQ(model.Build(kLenet, kMindIR, CpuContext(1)), kSuccess);
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (int64_t batch : {2, 4, 6}) {
    threads.emplace_back([&, batch] {
      MSTensor input("mine", DataType::kNumberTypeFloat32, LenetBatch(batch)[0], nullptr, 0);
      FillParts(input);
      const std::vector<float> expected(alone.begin(), alone.begin() + batch * 10);
      std::vector<float> memory(expected.size());
      while (!done) {
        std::vector<MSTensor> taken;
        std::vector<MSTensor> given = {MSTensor("out", DataType::kNumberTypeFloat32, {batch, 10},
                                                memory.data(), memory.size() * 4)};
        for (std::vector<MSTensor>* outputs : {&taken, &given}) {
          const Status status = model.Predict({input}, outputs);
          if (status.IsOk()) {
            ExpectNear(Floats((*outputs)[0]), expected);
          } else {
            EXPECT_EQ(status, kLiteInputParamInvalid) << status;
          }
        }
      }
    });
  }
  for (int round = 0; round < 10; ++round) {
    for (int64_t batch : {2, 4, 6}) {
      EXPECT_EQ(model.Resize(model.GetInputs(), LenetBatch(batch)), kSuccess);
      MSTensor input("mine", DataType::kNumberTypeFloat32, LenetBatch(batch)[0], nullptr, 0);
      FillParts(input);
      std::vector<MSTensor> outputs;
      EXPECT_EQ(model.Predict({input}, &outputs), kSuccess);
      ExpectNear(Floats(outputs[0]), std::vector<float>(alone.begin(), alone.begin() + batch * 10));
    }
  }
  done = true;
  for (std::thread& thread : threads) thread.join();
}

TEST(MindSporeCpp, DecryptsModels) {
  Model model;
  EXPECT_TRUE(model.Build("tests/models/mindir/tensor_add_gcm.mindir", kMindIR).IsError());
  EXPECT_EQ(model.Build("tests/models/mindir/tensor_add_gcm.mindir", kMindIR, nullptr,
                        Key("0000000000000000", 16), "AES-GCM"),
            kLiteFileError);
  EXPECT_EQ(model.Build("tests/models/mindir/tensor_add_gcm.mindir", kMindIR, nullptr,
                        Key("0000000000000000", 16), "ROT13"),
            kLiteParamInvalid);
}

TEST(MindSporeCpp, BuildsFromALoadedGraphAndFromMemory) {
  Graph graph;
  ASSERT_EQ(Serialization::Load(kAdd, kMindIR, &graph), kSuccess);
  Model first, second, third;
  EXPECT_EQ(first.Build(GraphCell(graph), CpuContext(1)), kSuccess);
  EXPECT_EQ(second.Build(GraphCell(graph)), kSuccess);
  std::ifstream in(kAdd, std::ios::binary);
  std::stringstream bytes;
  bytes << in.rdbuf();
  EXPECT_EQ(third.Build(bytes.str().data(), bytes.str().size(), kMindIR), kSuccess);
  std::vector<MSTensor> inputs = third.GetInputs(), outputs;
  Count(&inputs);
  ASSERT_EQ(third.Predict(inputs, &outputs), kSuccess);
  EXPECT_TRUE(IsDoubled(outputs[0]));
}

TEST(MindSporeCpp, RunsFromManyThreads) {
  auto config = std::make_shared<RunnerConfig>();
  config->SetWorkersNum(3);
  config->SetContext(CpuContext(1));
  ModelParallelRunner runner;
  ASSERT_EQ(runner.Init(kAdd, config), kSuccess);
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        std::vector<MSTensor> inputs = runner.GetInputs(), outputs;
        Count(&inputs);
        if (runner.Predict(inputs, &outputs).IsOk() && IsDoubled(outputs[0])) right.fetch_add(1);
      }
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(right.load(), 400);
}

TEST(MindSporeCpp, SaysWhy) {
  Model model;
  const Status missing = model.Build("no/such.mindir", kMindIR);
  EXPECT_EQ(missing, kLiteFileError);
  EXPECT_NE(missing.ToString().find("no/such.mindir"), std::string::npos);
  EXPECT_EQ(model.Build(kAdd, kOM), kLiteParamInvalid);
  auto ascend = std::make_shared<Context>();
  ascend->MutableDeviceInfo().push_back(std::make_shared<AscendDeviceInfo>());
  const Status device = model.Build(kAdd, kMindIR, ascend);
  EXPECT_EQ(device, kLiteNotSupport);
  EXPECT_NE(device.ToString().find("ascend"), std::string::npos) << device;
  std::vector<MSTensor> outputs;
  EXPECT_EQ(model.Predict({}, &outputs), kLiteUninitializedObj);
  ASSERT_EQ(model.Build(kAdd, kMindIR), kSuccess);
  EXPECT_EQ(model.Predict({}, &outputs), kLiteError);
  std::vector<MSTensor> inputs = model.GetInputs();
  inputs[1] = MSTensor(nullptr);
  EXPECT_EQ(model.Predict(inputs, &outputs), kLiteNullptr);
  EXPECT_EQ(model.RunStep(), kLiteNotSupport);
  EXPECT_TRUE(Model::CheckModelSupport(kCPU, kMindIR));
  EXPECT_FALSE(Model::CheckModelSupport(kAscend, kMindIR));
  EXPECT_EQ(static_cast<uint32_t>(kLiteInputParamInvalid), static_cast<uint32_t>(-600));
  EXPECT_EQ(Status(kLiteNullptr).ToString(), "NULL pointer returned.");
}

TEST(MindSporeCpp, TensorsShareCopyAndClone) {
  const std::vector<float> values = {1, 2, 3, 4};
  MSTensor* tensor =
      MSTensor::CreateTensor("t", DataType::kNumberTypeFloat32, {2, 2}, values.data(), 16);
  ASSERT_NE(tensor, nullptr);
  MSTensor alias = *tensor;
  MSTensor* clone = tensor->Clone();
  static_cast<float*>(alias.MutableData())[0] = 9;
  EXPECT_EQ(static_cast<const float*>(tensor->Data().get())[0], 9);
  EXPECT_EQ(static_cast<const float*>(clone->Data().get())[0], 1);
  EXPECT_EQ(clone->Name(), "t_duplicate");
  EXPECT_EQ(MSTensor::CreateTensor("t", DataType::kNumberTypeFloat32, {2, 2}, values.data(), 15),
            nullptr);
  MSTensor* texts = MSTensor::StringsToTensor("s", {"a", "bc"});
  EXPECT_EQ(MSTensor::TensorToStrings(*texts)[1], "bc");
  MSTensor::DestroyTensorPtr(texts);
  MSTensor::DestroyTensorPtr(clone);
  MSTensor::DestroyTensorPtr(tensor);
}

}  // namespace
