// calls: what a call costs on tests/models/mindir/tensor_add.mindir, through the C API and through
// MindSpore Lite's C++ API, in one process and in turns. A line each:
//   NAME  median_us=..  min_us=..
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "include/api/model.h"
#include "include/api/model_parallel_runner.h"

namespace {

using mindspore::MSTensor;

constexpr int kRounds = 20, kCallsPerRound = 2000;
const char kModel[] = "tests/models/mindir/tensor_add.mindir";
const int64_t kDims[] = {2, 2};

void Check(mirin_status* status) {
  if (status == nullptr) return;
  std::fprintf(stderr, "calls: %s\n", mirin_status_message(status));
  std::exit(1);
}

void Check(const mindspore::Status& status) {
  if (status.IsOk()) return;
  std::fprintf(stderr, "calls: %s\n", status.ToString().c_str());
  std::exit(1);
}

struct Way {
  std::string name;
  std::function<void()> call;
  std::vector<double> times;  // microseconds
};

void Measure(std::vector<Way>* ways) {
  using Clock = std::chrono::steady_clock;
  for (int round = 0; round < kRounds; ++round) {
    for (Way& way : *ways) {
      for (int i = 0; i < kCallsPerRound; ++i) {
        const auto start = Clock::now();
        way.call();
        way.times.push_back(
            std::chrono::duration<double, std::micro>(Clock::now() - start).count());
      }
    }
  }
  for (Way& way : *ways) {
    std::sort(way.times.begin(), way.times.end());
    std::printf("%-24s median_us=%.2f  min_us=%.2f\n", way.name.c_str(),
                way.times[way.times.size() / 2], way.times[0]);
  }
}

}  // namespace

int main() {
  mirin_session_options options = MIRIN_SESSION_OPTIONS_INIT;
  options.threads = 1;
  mirin_model* c_model = nullptr;
  mirin_session* session = nullptr;
  mirin_tensor *x = nullptr, *z = nullptr;
  Check(mirin_model_load_file(kModel, nullptr, &c_model));
  Check(mirin_session_create(c_model, &options, &session));
  Check(mirin_tensor_create(MIRIN_DTYPE_F32, kDims, 2, &x));
  Check(mirin_tensor_create(MIRIN_DTYPE_F32, kDims, 2, &z));
  const mirin_tensor* c_inputs[] = {x, x};

  auto context = std::make_shared<mindspore::Context>();
  context->SetThreadNum(1);
  auto config = std::make_shared<mindspore::RunnerConfig>();
  config->SetContext(context);
  mindspore::Model model;
  mindspore::ModelParallelRunner runner;
  Check(model.Build(kModel, mindspore::kMindIR, context));
  Check(runner.Init(kModel, config));
  std::vector<MSTensor> inputs = model.GetInputs(), outputs;
  std::vector<MSTensor> given = {MSTensor("y", inputs[0].DataType(), {2, 2}, nullptr, 0)};
  for (MSTensor& input : inputs) input.MutableData();
  for (MSTensor& output : given) output.MutableData();

  std::vector<Way> ways;
  ways.push_back({"c session_run",
                  [&] {
                    const mirin_tensor* lent = nullptr;
                    Check(mirin_session_run(session, c_inputs, 2, &lent, 1));
                  },
                  {}});
  ways.push_back({"c session_run_into",
                  [&] { Check(mirin_session_run_into(session, c_inputs, 2, &z, 1)); },
                  {}});
  ways.push_back({"c model_run",
                  [&] {
                    mirin_tensor* y = nullptr;
                    Check(mirin_model_run(c_model, &options, c_inputs, 2, &y, 1));
                    mirin_tensor_destroy(y);
                  },
                  {}});
  ways.push_back({"cpp predict", [&] { Check(model.Predict(inputs, &outputs)); }, {}});
  ways.push_back({"cpp predict into", [&] { Check(model.Predict(inputs, &given)); }, {}});
  ways.push_back({"cpp runner predict", [&] { Check(runner.Predict(inputs, &outputs)); }, {}});
  Measure(&ways);
  mirin_tensor_destroy(x);
  mirin_tensor_destroy(z);
  mirin_session_destroy(session);
  mirin_model_destroy(c_model);
  return 0;
}
