#include "core/tools/benchmark.h"

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/base/status.h"
#include "core/tools/commands.h"
#include "core/tools/conversion.h"
#include "core/tools/progress_line.h"

namespace mirin::tools {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kPrintedInputs = 20;

double MillisecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

std::string Usage() {
  return absl::StrCat(
      "usage: benchmark --modelFile=net.mindir [flags]\nTimes a model and, with benchmarkDataFile, "
      "checks its results.\n\n",
      HelpText(BenchmarkFlags()));
}

void PrintSettings(const BenchmarkSettings& s, const Flags& flags) {
  std::printf(
      "ModelPath = %s\nModelType = %s\nInDataPath = %s\nConfigFilePath = \nInDataType = "
      "bin\nLoopCount = %lld\nDeviceType = %s\nAccuracyThreshold = %g\n",
      s.model_file.c_str(), flags.Get("modelType").c_str(), flags.Get("inDataFile").c_str(),
      static_cast<long long>(s.loops), flags.Get("device").c_str(), s.accuracy_threshold);
  std::printf(
      "CosineDistanceThreshold = %g\nWarmUpLoopCount = %lld\nNumThreads = %lld\nFp16Priority = "
      "%d\ncalibDataPath = %s\n",
      s.cosine_threshold, static_cast<long long>(s.warm_up), static_cast<long long>(s.threads),
      s.fp16 ? 1 : 0, s.expected_file.c_str());
}

absl::Status BindTo(const std::vector<int>& cores) {
  if (cores.empty()) return absl::OkStatus();
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int core : cores) CPU_SET(static_cast<size_t>(core), &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0)
    return absl::InvalidArgumentError(
        absl::StrCat("--cpuCoreList=", absl::StrJoin(cores, ","), ": these CPUs may not be used"));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<TensorPtr>> MakeInputs(const BenchmarkSettings& s,
                                                  const std::vector<TensorSpec>& specs) {
  if (!s.shapes.empty() && s.shapes.size() != specs.size())
    return absl::InvalidArgumentError(absl::StrCat("--inputShapes gives ", s.shapes.size(),
                                                   " shapes, the model has ", specs.size(),
                                                   " inputs"));
  if (!s.input_files.empty() && s.input_files.size() != specs.size()) {
    return absl::InvalidArgumentError(absl::StrCat("--inDataFile names ", s.input_files.size(),
                                                   " files, the model has ", specs.size(),
                                                   " inputs"));
  }
  Shapes shapes = s.named_shapes;
  for (const auto& [name, dims] : shapes) {
    if (std::none_of(specs.begin(), specs.end(),
                     [&, n = &name](const TensorSpec& spec) { return spec.name == *n; })) {
      return absl::InvalidArgumentError(
          absl::StrCat("--inputShape: the model has no input '", name, "'"));
    }
  }
  std::vector<TensorPtr> inputs;
  for (size_t i = 0; i < specs.size(); ++i) {
    if (!s.shapes.empty()) shapes[specs[i].name] = s.shapes[i];
    MIRIN_ASSIGN_OR_RETURN(const Dims dims, Concrete(specs[i], shapes));
    MIRIN_ASSIGN_OR_RETURN(
        TensorPtr tensor, s.input_files.empty() ? RandomTensor(specs[i].dtype, dims, i + 1)
                                                : FromFile(s.input_files[i], specs[i].dtype, dims));
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

void PrintInputs(const std::vector<TensorPtr>& inputs) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    const mirin_tensor* t = inputs[i].get();
    if (mirin_tensor_data(t) == nullptr) continue;
    std::printf("InData %zu: ", i);
    const auto n = std::min<int64_t>(kPrintedInputs, mirin_tensor_elements(t));
    for (int64_t k = 0; k < n; ++k)
      std::printf("%g ", NumberAt(mirin_tensor_dtype(t), mirin_tensor_data(t), k));
    std::printf("\n");
  }
}

class Run {
 public:
  Run(const BenchmarkSettings& settings, ModelPtr model)
      : settings_(settings), model_(std::move(model)) {
    devices_[0] = settings_.device.c_str();
    options_.threads = static_cast<int32_t>(settings_.threads);
    options_.precision = settings_.fp16 ? MIRIN_PRECISION_PREFER_FP16 : MIRIN_PRECISION_FP32;
    options_.devices = devices_;
    options_.num_devices = 1;
    options_.profile = settings_.profile;
    options_.deterministic = settings_.deterministic;
  }

  absl::Status Prepare() {
    mirin_session* raw = nullptr;
    MIRIN_RETURN_IF_ERROR(Take(mirin_session_create(model_.get(), &options_, &raw)));
    session_.reset(raw);
    MIRIN_ASSIGN_OR_RETURN(inputs_, MakeInputs(settings_, InputsOf(model_.get())));
    std::vector<const int64_t*> dims;
    std::vector<size_t> ranks;
    for (const TensorPtr& t : inputs_) {
      dims.push_back(mirin_tensor_dims(t.get()));
      ranks.push_back(mirin_tensor_rank(t.get()));
    }
    outputs_.resize(mirin_model_output_count(model_.get()));
    return Take(mirin_session_resize(raw, dims.data(), ranks.data(), dims.size()));
  }

  absl::Status Measure() {
    if (!settings_.input_files.empty()) PrintInputs(inputs_);
    std::printf("Running warm up loops...\n");
    for (int64_t i = 0; i < settings_.warm_up; ++i) MIRIN_RETURN_IF_ERROR(Once());
    if (settings_.parallel) return RunParallel(settings_, model_.get(), options_, inputs_);
    mirin_session_profile_reset(session_.get());
    std::printf("Running benchmark loops...\n");
    double least = 1e300, most = 0, total = 0;
    for (int64_t i = 0; i < settings_.loops; ++i) {
      const auto start = Clock::now();
      MIRIN_RETURN_IF_ERROR(Once());
      const double ms = MillisecondsSince(start);
      least = std::min(least, ms);
      most = std::max(most, ms);
      total += ms;
    }
    const std::string file = settings_.model_file.substr(settings_.model_file.rfind('/') + 1);
    std::printf(
        "Model = %s, NumThreads = %lld, MinRunTime = %f ms, MaxRuntime = %f ms, AvgRunTime = %f "
        "ms\n",
        file.c_str(), static_cast<long long>(settings_.threads), least, most,
        total / static_cast<double>(settings_.loops));
    if (settings_.profile) std::fputs(mirin_session_profile_table(session_.get()), stdout);
    return absl::OkStatus();
  }

  absl::Status Check() {
    if (settings_.expected_file.empty()) return absl::OkStatus();
    MIRIN_RETURN_IF_ERROR(Once());
    return CompareWithFile(settings_, OutputsOf(model_.get()), outputs_);
  }

 private:
  absl::Status Once() {
    const auto pointers = Pointers(inputs_);
    return Take(mirin_session_run(session_.get(), pointers.data(), pointers.size(), outputs_.data(),
                                  outputs_.size()));
  }

  const BenchmarkSettings& settings_;
  ModelPtr model_;
  mirin_session_options options_ = MIRIN_SESSION_OPTIONS_INIT;
  const char* devices_[1];
  SessionPtr session_;
  std::vector<TensorPtr> inputs_;
  std::vector<const mirin_tensor*> outputs_;
};

absl::Status RunBenchmark(const Flags& flags) {
  std::vector<std::string> notes;
  MIRIN_ASSIGN_OR_RETURN(const BenchmarkSettings settings, BenchmarkSettingsOf(flags, &notes));
  for (const std::string& note : notes) std::fprintf(stderr, "benchmark: %s\n", note.c_str());
  PrintSettings(settings, flags);
  MIRIN_RETURN_IF_ERROR(BindTo(settings.cores));
  std::printf("start unified benchmark run\n");
  const auto start = Clock::now();
  MIRIN_ASSIGN_OR_RETURN(ModelPtr model,
                         LoadFile(settings.model_file, settings.decrypt_key, settings.config_file));
  Run run(settings, std::move(model));
  MIRIN_RETURN_IF_ERROR(run.Prepare());
  std::printf("PrepareTime = %g ms\n", MillisecondsSince(start));
  const ProgressLine line([&] { return absl::StrCat("running ", settings.model_file); });
  MIRIN_RETURN_IF_ERROR(run.Measure());
  return run.Check();
}

}  // namespace

int Benchmark(const std::vector<std::string>& args) {
  absl::StatusOr<Flags> flags = Flags::Parse(BenchmarkFlags(), args);
  if (flags.ok() && flags->Bool("help")) {
    std::fputs(Usage().c_str(), stdout);
    return 0;
  }
  if (args.empty()) {
    std::fputs(Usage().c_str(), stderr);
    return 1;
  }
  absl::Status status = flags.status();
  if (flags.ok() && !flags->operands().empty())
    status = absl::InvalidArgumentError(
        absl::StrCat("'", flags->operands()[0], "' is no flag: --name=value"));
  if (status.ok()) status = RunBenchmark(*flags);
  const std::string name = flags.ok() ? flags->Get("modelFile") : "";
  const std::string file = name.substr(name.rfind('/') + 1);
  if (!status.ok()) {
    std::fflush(stdout);
    std::fprintf(stderr, "benchmark: %s\nRun Benchmark %s Failed : %d\n",
                 std::string(status.message()).c_str(), file.c_str(),
                 static_cast<int>(status.code()));
    return 1;
  }
  std::printf("Run Benchmark %s Success.\n", file.c_str());
  return 0;
}

}  // namespace mirin::tools
