// Whole programs in the style of the original's examples: build with a context, resize, set host
// memory, predict into given memory, share a runner.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "include/api/allocator.h"
#include "include/api/cell.h"
#include "include/api/cfg.h"
#include "include/api/context.h"
#include "include/api/data_type.h"
#include "include/api/dual_abi_helper.h"
#include "include/api/format.h"
#include "include/api/graph.h"
#include "include/api/model.h"
#include "include/api/model_group.h"
#include "include/api/model_parallel_runner.h"
#include "include/api/serialization.h"
#include "include/api/status.h"
#include "include/api/types.h"

namespace {

constexpr char kAdd[] = "tests/models/mindir/tensor_add.mindir";
constexpr char kDynamic[] = "tests/models/mindir/dyn_batch_mlp.mindir";
constexpr char kStateful[] = "tests/models/mindir/kvparam_inc.mindir";

using Buffers = std::vector<std::vector<uint8_t>>;

std::shared_ptr<mindspore::Context> CpuContext(int32_t threads = 1) {
  auto context = std::make_shared<mindspore::Context>();
  auto& device_list = context->MutableDeviceInfo();
  auto device_info = std::make_shared<mindspore::CPUDeviceInfo>();
  device_list.push_back(device_info);
  context->SetThreadNum(threads);
  return context;
}

std::shared_ptr<mindspore::Model> BuildModel(const std::string& path) {
  auto model = std::make_shared<mindspore::Model>();
  auto build_ret = model->Build(path, mindspore::kMindIR, CpuContext());
  if (build_ret != mindspore::kSuccess) {
    std::cerr << "Build model failed: " << build_ret << std::endl;
    return nullptr;
  }
  return model;
}

int ResizeModel(const std::shared_ptr<mindspore::Model>& model, int64_t batch_size) {
  std::vector<std::vector<int64_t>> new_shapes;
  auto inputs = model->GetInputs();
  for (auto& input : inputs) {
    auto shape = input.Shape();
    shape[0] = batch_size;
    new_shapes.push_back(shape);
  }
  return model->Resize(inputs, new_shapes) == mindspore::kSuccess ? 0 : -1;
}

Buffers Allocate(const std::vector<mindspore::MSTensor>& tensors) {
  Buffers buffers;
  for (auto& tensor : tensors) buffers.emplace_back(tensor.DataSize());
  return buffers;
}

void SetHostData(std::vector<mindspore::MSTensor>* tensors, Buffers* buffers) {
  for (size_t i = 0; i < tensors->size(); i++) {
    (*tensors)[i].SetData((*buffers)[i].data(), false);
    (*tensors)[i].SetDeviceData(nullptr);
  }
}

void FillOnes(Buffers* buffers) {
  for (auto& buffer : *buffers) {
    for (size_t i = 0; i < buffer.size() / sizeof(float); i++) {
      const float one = 1;
      std::memcpy(buffer.data() + i * sizeof(float), &one, sizeof(float));
    }
  }
}

TEST(Programs, SpecifyInputAndOutputMemory) {
  auto model = BuildModel(kAdd);
  ASSERT_NE(model, nullptr);
  ASSERT_EQ(ResizeModel(model, 2), 0);
  auto inputs = model->GetInputs();
  Buffers input_buffers = Allocate(inputs);
  FillOnes(&input_buffers);
  SetHostData(&inputs, &input_buffers);
  auto outputs = model->GetOutputs();
  Buffers output_buffers = Allocate(outputs);
  SetHostData(&outputs, &output_buffers);
  ASSERT_EQ(model->Predict(inputs, &outputs), mindspore::kSuccess);
  const auto* values = reinterpret_cast<const float*>(output_buffers[0].data());
  for (int64_t i = 0; i < outputs[0].ElementNum(); i++) EXPECT_EQ(values[i], 2);
  EXPECT_EQ(outputs[0].Data().get(), output_buffers[0].data());
}

TEST(Programs, OneVectorOfOutputsServesRunsOfAnySize) {
  auto model = BuildModel(kDynamic);
  ASSERT_NE(model, nullptr);
  std::vector<mindspore::MSTensor> outputs, kept;
  for (int64_t batch : {1, 6, 2}) {
    ASSERT_EQ(ResizeModel(model, batch), 0);
    auto inputs = model->GetInputs();
    std::memset(inputs[0].MutableData(), 0, inputs[0].DataSize());
    ASSERT_EQ(model->Predict(inputs, &outputs), mindspore::kSuccess);
    EXPECT_EQ(outputs[0].Shape(), (std::vector<int64_t>{batch, 3}));
    EXPECT_EQ(model->GetOutputs()[0].Shape(), outputs[0].Shape());
    kept.push_back(outputs[0]);
  }
  // Results of earlier runs stay what they were, also without the model.
  model.reset();
  EXPECT_EQ(kept[1].Shape()[0], 6);
  EXPECT_EQ(std::memcmp(kept[0].Data().get(), kept[1].Data().get(), kept[0].DataSize()), 0);
}

TEST(Programs, PredictOnTheModelsOwnTensors) {
  auto model = BuildModel(kAdd);
  ASSERT_NE(model, nullptr);
  for (auto& input : model->GetInputs()) {
    auto* data = static_cast<float*>(input.MutableData());
    for (int64_t i = 0; i < input.ElementNum(); i++) data[i] = 3;
  }
  ASSERT_EQ(model->Predict(nullptr, nullptr), mindspore::kSuccess);
  auto output = model->GetOutputByTensorName(model->GetOutputTensorNames()[0]);
  EXPECT_EQ(static_cast<const float*>(output.Data().get())[0], 6);
}

TEST(Programs, ThreadsShareAModel) {
  auto model = BuildModel(kAdd);
  ASSERT_NE(model, nullptr);
  std::vector<std::thread> threads;
  std::vector<int> right(16, 0);
  for (int t = 0; t < 16; t++) {
    threads.emplace_back([&, t] {
      const std::vector<float> values(4, static_cast<float>(t));
      const mindspore::MSTensor x("x", mindspore::DataType::kNumberTypeFloat32, {2, 2},
                                  values.data(), 16);
      for (int i = 0; i < 100; i++) {
        std::vector<mindspore::MSTensor> outputs;
        if (model->Predict({x, x}, &outputs) != mindspore::kSuccess) continue;
        right[t] += static_cast<const float*>(outputs[0].Data().get())[3] == 2 * t ? 1 : 0;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (int t = 0; t < 16; t++) EXPECT_EQ(right[t], 100) << t;
}

TEST(Programs, ParallelRunnerIntoMallocedMemory) {
  auto config = std::make_shared<mindspore::RunnerConfig>();
  config->SetContext(CpuContext());
  config->SetWorkersNum(2);
  config->SetConfigInfo("shared_thread_pool", {{"enable_shared_thread_pool", "true"}});
  auto runner = std::make_unique<mindspore::ModelParallelRunner>();
  auto init_ret = runner->Init(kDynamic, config);
  ASSERT_EQ(init_ret, mindspore::kSuccess) << init_ret;
  ASSERT_EQ(runner->Init(kAdd), mindspore::kSuccess) << "a second Init changes nothing";
  auto inputs = runner->GetInputs();
  ASSERT_EQ(inputs.size(), 1u);
  inputs.at(0).SetShape({5, 4});
  inputs.at(0).SetData(calloc(1, inputs.at(0).DataSize()));
  auto outputs = runner->GetOutputs();
  for (auto& output : outputs) {
    output.SetShape({5, 3});
    output.SetData(malloc(output.DataSize()));
  }
  const void* mine = outputs[0].Data().get();
  ASSERT_EQ(runner->Predict(inputs, &outputs), mindspore::kSuccess);
  EXPECT_EQ(outputs[0].Data().get(), mine);
  std::vector<mindspore::MSTensor> fresh;
  ASSERT_EQ(runner->Predict(inputs, &fresh), mindspore::kSuccess);
  runner.reset();  // results outlive their runner
  EXPECT_EQ(std::memcmp(fresh[0].Data().get(), mine, fresh[0].DataSize()), 0);
}

TEST(Programs, RunnerSaysWhy) {
  mindspore::ModelParallelRunner runner;
  std::vector<mindspore::MSTensor> outputs;
  EXPECT_EQ(runner.Predict({}, &outputs), mindspore::kLiteUninitializedObj);
  EXPECT_EQ(runner.Init("no/such.mindir"), mindspore::kLiteFileError);
  EXPECT_EQ(runner.Init(kStateful), mindspore::kLiteUninitializedObj);
  auto config = std::make_shared<mindspore::RunnerConfig>();
  config->SetWorkersNum(-1);
  EXPECT_EQ(runner.Init(kAdd, config), mindspore::kLiteInputParamInvalid);
  config->SetWorkersNum(1);
  config->SetConfigInfo("shared_thread_pol", {{"a", "b"}});
  const auto unknown = runner.Init(kAdd, config);
  EXPECT_EQ(unknown, mindspore::kLiteInputParamInvalid);
  EXPECT_NE(unknown.ToString().find("shared_thread_pool"), std::string::npos) << unknown;
  config->SetConfigInfo("shared_thread_pol", {});
  config->SetConfigPath("no/such.cfg");
  EXPECT_EQ(runner.Init(kAdd, config), mindspore::kLiteFileError);
  config->SetConfigPath("");
  auto gpu = std::make_shared<mindspore::Context>();
  gpu->MutableDeviceInfo().push_back(std::make_shared<mindspore::GPUDeviceInfo>());
  config->SetContext(gpu);
  EXPECT_EQ(runner.Init(kAdd, config), mindspore::kLiteNotSupport);
  config->SetContext(CpuContext());
  ASSERT_EQ(runner.Init(kAdd, config), mindspore::kSuccess);
  auto inputs = runner.GetInputs();
  EXPECT_EQ(runner.Predict({inputs[0]}, &outputs), mindspore::kLiteInputParamInvalid);
  inputs[1].SetDataType(mindspore::DataType::kNumberTypeFloat16);
  const auto wrong = runner.Predict(inputs, &outputs);
  EXPECT_EQ(wrong, mindspore::kLiteInputParamInvalid);
  EXPECT_NE(wrong.ToString().find("float16"), std::string::npos) << wrong;
}

// NaN, no elements and scalars are numbers like any other; what cannot be is refused with its name.
TEST(Programs, UnusualTensors) {
  using mindspore::MSTensor;
  constexpr auto kFloat = mindspore::DataType::kNumberTypeFloat32;
  auto add = BuildModel(kAdd), dynamic = BuildModel(kDynamic);
  auto scalar = BuildModel("tests/models/mindir/scalar_tensor.mindir");
  ASSERT_TRUE(add != nullptr && dynamic != nullptr && scalar != nullptr);
  std::vector<MSTensor> outputs;
  const std::vector<float> values = {NAN, INFINITY, -0.0f, 1e-45f, 5, 6};
  const MSTensor x("x", kFloat, {2, 2}, values.data(), 16);
  ASSERT_EQ(add->Predict({x, x}, &outputs), mindspore::kSuccess);
  const auto* sums = static_cast<const float*>(outputs[0].Data().get());
  EXPECT_TRUE(std::isnan(sums[0]) && std::isinf(sums[1]));

  const MSTensor none("none", kFloat, {0, 4}, nullptr, 0);
  EXPECT_EQ(none.ElementNum(), 0);
  EXPECT_EQ(none.DataSize(), 0u);
  ASSERT_EQ(dynamic->Predict({none}, &outputs), mindspore::kSuccess);
  EXPECT_EQ(outputs[0].Shape(), (std::vector<int64_t>{0, 3}));

  const MSTensor one("one", kFloat, {}, values.data() + 4, 4);
  EXPECT_EQ(one.ElementNum(), 1);
  const MSTensor six("six", kFloat, {2, 3}, values.data(), 24);
  EXPECT_EQ(scalar->Predict({six, one}, &outputs), mindspore::kSuccess);

  const int64_t huge = int64_t{1} << 40;
  for (const std::vector<int64_t>& shape :
       {std::vector<int64_t>{huge, huge}, {huge, 5}, {-1, 4}, {-5, 4}, {2, 4, 1}, {4}}) {
    const auto status = dynamic->Predict({MSTensor("odd", kFloat, shape, nullptr, 0)}, &outputs);
    EXPECT_TRUE(status.IsError());
    EXPECT_FALSE(status.ToString().empty());
  }
  EXPECT_TRUE(MSTensor("short", kFloat, {2, 2}, values.data(), 15) == nullptr);
  EXPECT_EQ(add->Predict({MSTensor(nullptr), x}, &outputs), mindspore::kLiteNullptr);
  EXPECT_EQ(
      add->Predict({MSTensor::CreateDeviceTensor("d", kFloat, {2, 2}, &outputs, 16), x}, &outputs),
      mindspore::kLiteNotSupport);
  MSTensor* texts = MSTensor::StringsToTensor("texts", {"a", "b"});
  texts->SetShape({5});
  EXPECT_EQ(add->Predict({*texts, x}, &outputs), mindspore::kLiteInputParamInvalid);
  MSTensor::DestroyTensorPtr(texts);
}

class NoMemory : public mindspore::Allocator {
 public:
  void* Malloc(size_t) override { return nullptr; }
  void* Malloc(size_t, size_t, mindspore::DataType) override { return nullptr; }
  void Free(void*) override {}
  int RefCount(void*) override { return 0; }
  int SetRefCount(void*, int) override { return 0; }
  int DecRefCount(void*, int) override { return 0; }
  int IncRefCount(void*, int) override { return 0; }
};

TEST(Programs, Allocators) {
  const auto allocator = mindspore::Allocator::Create();
  void* memory = allocator->Malloc(16);
  ASSERT_NE(memory, nullptr);
  EXPECT_EQ(allocator->IncRefCount(memory, 2), 2);
  EXPECT_EQ(allocator->DecRefCount(memory, 1), 1);
  EXPECT_EQ(allocator->SetRefCount(memory, 5), 5);
  EXPECT_EQ(allocator->RefCount(memory), 5);
  EXPECT_EQ(allocator->Prepare(memory), memory);
  allocator->Free(memory);
}

TEST(Programs, ContextsTakeEffectOrAreRefused) {
  auto build = [](const std::shared_ptr<mindspore::Context>& context) {
    mindspore::Model model;
    return model.Build(kAdd, mindspore::kMindIR, context);
  };
  auto context = CpuContext(2);
  context->SetInterOpParallelNum(3);
  EXPECT_EQ(build(context), mindspore::kLiteParamInvalid);
  context->SetInterOpParallelNum(2);
  for (int mode : {0, 1, 2}) {
    context->SetThreadAffinity(mode);
    EXPECT_EQ(build(context), mindspore::kSuccess);
  }
  context->SetThreadAffinity(3);
  EXPECT_EQ(build(context), mindspore::kLiteParamInvalid);
  context->SetThreadAffinity(0);
  context->SetThreadAffinity(std::vector<int>{100000});
  const auto no_cpu = build(context);
  EXPECT_EQ(no_cpu, mindspore::kLiteInputParamInvalid);
  EXPECT_NE(no_cpu.ToString().find("100000"), std::string::npos) << no_cpu;
  context->SetThreadAffinity(std::vector<int>{});
  context->set_delegate(std::make_shared<mindspore::AbstractDelegate>());
  EXPECT_EQ(build(context), mindspore::kLiteNotSupport);
  context->set_delegate(nullptr);
  context->SetBuiltInDelegate(mindspore::kNNAPI);
  EXPECT_EQ(build(context), mindspore::kLiteNotSupport);
  context->SetBuiltInDelegate(mindspore::kNoDelegate);
  context->MutableDeviceInfo()[0]->SetAllocator(mindspore::Allocator::Create());
  EXPECT_EQ(build(context), mindspore::kSuccess);
  context->MutableDeviceInfo()[0]->SetAllocator(std::make_shared<NoMemory>());
  EXPECT_EQ(build(context), mindspore::kLiteNotSupport);
  context->MutableDeviceInfo()[0]->SetAllocator(nullptr);
  context->MutableDeviceInfo().push_back(nullptr);
  EXPECT_EQ(build(context), mindspore::kLiteNullptr);
}

TEST(Programs, ModelsTakeConfigurations) {
  mindspore::Model model;
  EXPECT_EQ(model.LoadConfig("no/such.cfg"), mindspore::kLiteFileError);
  EXPECT_EQ(model.LoadConfig(kAdd), mindspore::kLiteInputParamInvalid) << "no settings in a model";
  EXPECT_EQ(model.UpdateConfig("no_section", {"a", "b"}), mindspore::kLiteInputParamInvalid);
  EXPECT_EQ(model.UpdateConfig("ascend_context", {"precision_mode", "enforce_fp32"}),
            mindspore::kSuccess);
  // A model whose weights lie in a file of their own, from memory: the configuration says where.
  EXPECT_EQ(model.UpdateConfig("model_file",
                               {"mindir_path", "tests/models/mindir/lenet_split_graph.mindir"}),
            mindspore::kSuccess);
  std::ifstream in("tests/models/mindir/lenet_split_graph.mindir", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const auto built = model.Build(bytes.data(), bytes.size(), mindspore::kMindIR);
  EXPECT_EQ(built, mindspore::kSuccess) << built;
  EXPECT_EQ(model.LoadConfig("no/such.cfg"), mindspore::kLiteModelRebuild);
}

TEST(Programs, StatesStayBetweenRunsOfOneModel) {
  auto run = [&](mindspore::Model* model, int32_t token, int32_t position) {
    auto inputs = model->GetInputs();
    *static_cast<int32_t*>(inputs[0].MutableData()) = token;
    *static_cast<int32_t*>(inputs[1].MutableData()) = position;
    std::vector<mindspore::MSTensor> outputs;
    EXPECT_EQ(model->Predict(inputs, &outputs), mindspore::kSuccess);
    const auto* logits = static_cast<const float*>(outputs[0].Data().get());
    return std::vector<float>(logits, logits + outputs[0].ElementNum());
  };
  auto first = BuildModel(kStateful), second = BuildModel(kStateful);
  ASSERT_NE(first, nullptr);
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(run(first.get(), 5, 0), run(second.get(), 5, 0));
  EXPECT_EQ(run(first.get(), 7, 1), run(second.get(), 7, 1));
  EXPECT_NE(run(first.get(), 7, 2), run(BuildModel(kStateful).get(), 7, 2)) << "one has a past";
}

TEST(Programs, GroupsOfModels) {
  mindspore::ModelGroup group;
  EXPECT_EQ(group.CalMaxSizeOfWorkspace(mindspore::kMindIR, CpuContext()),
            mindspore::kLiteUninitializedObj);
  EXPECT_EQ(group.AddModel(std::vector<std::string>{kAdd, kDynamic}), mindspore::kSuccess);
  EXPECT_EQ(group.CalMaxSizeOfWorkspace(mindspore::kMindIR, CpuContext()), mindspore::kSuccess);
  EXPECT_EQ(group.AddModel(std::vector<std::string>{"no/such.mindir"}), mindspore::kSuccess);
  EXPECT_EQ(group.CalMaxSizeOfWorkspace(mindspore::kMindIR, CpuContext()),
            mindspore::kLiteFileError);
}

}  // namespace
