// The settings of one benchmark and its parts, in the order in which they run.
#ifndef CORE_TOOLS_BENCHMARK_H_
#define CORE_TOOLS_BENCHMARK_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/tools/flags.h"
#include "core/tools/values.h"

namespace mirin::tools {

absl::Span<const Flag> BenchmarkFlags();

struct BenchmarkSettings {
  std::string model_file, device, decrypt_key, config_file;
  std::vector<std::string> input_files;
  std::vector<Dims> shapes;  // by position; empty: the model's
  Shapes named_shapes;
  int64_t loops = 10, warm_up = 3, threads = 2;
  bool fp16 = false, profile = false, deterministic = false;
  std::vector<int> cores;  // empty: all
  std::string expected_file, expected_type;
  double accuracy_threshold = 0.5, cosine_threshold = -1.1;
  bool parallel = false;
  int64_t requesters = 2, requests = 2, workers = 2;  // requests -1: without end
};

// InvalidArgument; Unimplemented for flags that ask for what is not in this build. Notes are for stderr.
absl::StatusOr<BenchmarkSettings> BenchmarkSettingsOf(const Flags& flags,
                                                      std::vector<std::string>* notes);

// Compares outputs with a text file ("name rank d0 d1 .." and a line of values, for each) and prints the original's lines.
// InvalidArgument when the mean bias or the cosine is beyond its threshold.
absl::Status CompareWithFile(const BenchmarkSettings& settings,
                             const std::vector<TensorSpec>& outputs,
                             const std::vector<const mirin_tensor*>& tensors);

// Many requests at once: settings.requesters threads, at most settings.workers runs at a time.
absl::Status RunParallel(const BenchmarkSettings& settings, const mirin_model* model,
                         const mirin_session_options& options,
                         const std::vector<TensorPtr>& inputs);

}  // namespace mirin::tools

#endif  // CORE_TOOLS_BENCHMARK_H_
