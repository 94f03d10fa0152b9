// stress ROUNDS: objects of MindSpore Lite's C++ API dropped in every order, a model built, run and
// dropped ROUNDS times in flat memory, and 16 threads.
#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "include/api/model.h"
#include "include/api/model_parallel_runner.h"
#include "tests/stress/memory.h"

namespace {

using mindspore::Model;
using mindspore::MSTensor;

constexpr int kThreads = 16;
const char kAdd[] = "tests/models/mindir/tensor_add.mindir";

std::shared_ptr<mindspore::Context> NewContext() {
  auto context = std::make_shared<mindspore::Context>();
  context->SetThreadNum(1);
  context->MutableDeviceInfo().push_back(std::make_shared<mindspore::CPUDeviceInfo>());
  return context;
}

MSTensor Filled(float value) {
  const float values[] = {value, value, value, value};
  return MSTensor("x", mindspore::DataType::kNumberTypeFloat32, {2, 2}, values, sizeof values);
}

bool Is(const MSTensor& tensor, float value) {
  const auto* data = static_cast<const float*>(tensor.Data().get());
  for (int64_t i = 0; i < tensor.ElementNum(); ++i) {
    if (data[i] != value) return false;
  }
  return tensor.ElementNum() == 4;
}

// A step that drops one of the objects, in the order that `order` says; the results stay.
void DropInOrder(const std::vector<int>& order) {
  auto context = NewContext();
  auto graph = std::make_unique<mindspore::Graph>();
  auto model = std::make_unique<Model>();
  auto runner = std::make_unique<mindspore::ModelParallelRunner>();
  auto config = std::make_shared<mindspore::RunnerConfig>();
  config->SetContext(context);
  config->SetWorkersNum(1);
  EXPECT(mindspore::Serialization::Load(kAdd, mindspore::kMindIR, graph.get()).IsOk());
  EXPECT(model->Build(mindspore::GraphCell(*graph), context).IsOk());
  EXPECT(runner->Init(kAdd, config).IsOk());
  std::vector<MSTensor> inputs = model->GetInputs(), of_model, of_runner;
  for (MSTensor& input : inputs) input = Filled(4);
  EXPECT(model->Predict(inputs, &of_model).IsOk());
  EXPECT(runner->Predict(inputs, &of_runner).IsOk());
  for (const int step : order) {
    switch (step) {
      case 0:
        context.reset();
        break;
      case 1:
        graph.reset();
        break;
      case 2:
        model.reset();
        break;
      case 3:
        runner.reset();
        break;
      case 4:
        config.reset();
        break;
      default:
        inputs.clear();
    }
    EXPECT(Is(of_model[0], 8) && Is(of_runner[0], 8));
  }
}

void WrongOrder() {
  std::vector<int> order = {0, 1, 2, 3, 4, 5};
  do {
    DropInOrder(order);
  } while (std::next_permutation(order.begin(), order.end()));
}

void OneRound(int turn) {
  Model model;
  EXPECT(model.Build(kAdd, mindspore::kMindIR, NewContext()).IsOk());
  std::vector<MSTensor> inputs = model.GetInputs(), outputs, none;
  for (MSTensor& input : inputs) input = Filled(static_cast<float>(turn));
  EXPECT(model.Predict(inputs, &outputs).IsOk());
  EXPECT(Is(outputs[0], 2 * static_cast<float>(turn)));
  std::vector<MSTensor> mine = {Filled(0)};
  EXPECT(model.Predict(inputs, &mine).IsOk());
  EXPECT(Is(mine[0], 2 * static_cast<float>(turn)));
  EXPECT(model.Predict({inputs[0]}, &none).IsError());
  MSTensor* clone = outputs[0].Clone();
  MSTensor::DestroyTensorPtr(clone);
}

void Rounds(long count) {
  Memory before = memory_now();
  for (long i = 0; i < count; ++i) {
    if (i == count / 10) before = memory_now();
    OneRound(static_cast<int>(i % 1000));
  }
  expect_flat("C++", count, before, memory_now());
}

void Threads(long count) {
  Model model;
  mindspore::ModelParallelRunner runner;
  EXPECT(model.Build(kAdd, mindspore::kMindIR, NewContext()).IsOk());
  EXPECT(runner.Init(kAdd).IsOk());
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (long i = 0; i < count; ++i) {
        const MSTensor x = Filled(static_cast<float>(i));
        std::vector<MSTensor> y, z, mine = {Filled(0)};
        EXPECT(model.Predict({x, x}, &y).IsOk());
        EXPECT(model.Predict({x, x}, &mine).IsOk());
        EXPECT(runner.Predict({x, x}, &z).IsOk());
        const float want = 2 * static_cast<float>(i);
        EXPECT(Is(y[0], want) && Is(mine[0], want) && Is(z[0], want));
        if (i % 10 == 0) OneRound(static_cast<int>(i));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::printf("C++: %d threads of %ld rounds\n", kThreads, count);
}

}  // namespace

int main(int argc, char** argv) {
  const long count = argc == 2 ? std::atol(argv[1]) : 0;
  EXPECT(count >= 10);
  WrongOrder();
  Rounds(count);
  Threads(count / 10);
  return 0;
}
