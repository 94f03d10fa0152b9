// Threads share one ModelParallelRunner of MindSpore Lite's C++ API: each classifies its part of
// the digits and counts the right answers.
//   parallel_runner_cc [DIRECTORY [MODEL]]   DIRECTORY holds digits.bin; the default is the data of
//   this sample and quick_start's model
#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <thread>
#include <vector>

#include "include/api/model_parallel_runner.h"

namespace {

constexpr int kDigits = 10, kThreads = 4, kWorkers = 2;

// One record of digits.bin: a label and 8 x 8 pixels.
using Image = std::array<unsigned char, 65>;

struct Count {
  int seen = 0, right = 0;
  mindspore::Status status;
};

// Every kThreads-th image from `first` on. A runner may be used by any number of threads at once.
void Classify(mindspore::ModelParallelRunner* runner, const std::vector<Image>& images,
              size_t first, Count* count) {
  for (size_t i = first; i < images.size(); i += kThreads) {
    std::vector<mindspore::MSTensor> inputs = runner->GetInputs(), outputs;
    auto* values = static_cast<float*>(inputs[0].MutableData());
    for (size_t k = 1; k < images[i].size(); ++k)
      *values++ = static_cast<float>(images[i][k]) / 255.0f;
    count->status = runner->Predict(inputs, &outputs);
    if (count->status.IsError()) return;
    const auto* logits = static_cast<const float*>(outputs[0].Data().get());
    count->seen += 1;
    count->right += std::max_element(logits, logits + kDigits) - logits == images[i][0] ? 1 : 0;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string directory = argc > 1 ? argv[1] : "samples/parallel_runner/data";
  const std::string model = argc > 2 ? argv[2] : "samples/quick_start/data/digits.mindir";
  std::vector<Image> images;
  std::ifstream file(directory + "/digits.bin", std::ios::binary);
  for (Image image; file.read(reinterpret_cast<char*>(image.data()),
                              static_cast<std::streamsize>(image.size()));)
    images.push_back(image);

  // [START runner]
  auto context = std::make_shared<mindspore::Context>();
  context->SetThreadNum(1);
  context->MutableDeviceInfo().push_back(std::make_shared<mindspore::CPUDeviceInfo>());
  auto config = std::make_shared<mindspore::RunnerConfig>();
  config->SetContext(context);
  config->SetWorkersNum(kWorkers);  // callers that find both busy wait in the queue
  mindspore::ModelParallelRunner runner;
  mindspore::Status status = runner.Init(model, config);
  // [END runner]
  if (images.empty())
    status =
        mindspore::Status(mindspore::kLiteFileError, "cannot read " + directory + "/digits.bin");

  Count total;
  std::array<Count, kThreads> counts;
  std::vector<std::thread> threads;
  for (size_t t = 0; status.IsOk() && t < kThreads; ++t)
    threads.emplace_back(Classify, &runner, std::cref(images), t, &counts[t]);
  for (size_t t = 0; t < threads.size(); ++t) {
    threads[t].join();
    std::printf("thread %d: %d of %d right\n", static_cast<int>(t), counts[t].right,
                counts[t].seen);
    total.seen += counts[t].seen;
    total.right += counts[t].right;
    if (counts[t].status.IsError()) status = counts[t].status;
  }
  if (status.IsError()) {
    std::cerr << "parallel_runner: " << status << "\n";
    return 1;
  }
  std::printf("%d threads, %d workers: %d of %d right\n", kThreads, config->GetWorkersNum(),
              total.right, total.seen);
  return 0;
}
