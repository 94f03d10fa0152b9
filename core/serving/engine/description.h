// What a servable is made of: docs/decisions/0005-serving-workers.md.
#ifndef CORE_SERVING_ENGINE_DESCRIPTION_H_
#define CORE_SERVING_ENGINE_DESCRIPTION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mirin::serving {

struct ModelSpec {
  std::string key;
  std::vector<std::string> files;  // one a subgraph
  bool with_batch_dim = true;
  // Not declared: there is a batch axis where every first axis is open, and no state.
  bool find_batch_dim = false;
  std::vector<uint32_t> without_batch_dim_inputs;
  std::string config_file;
  int32_t thread_num = -1;
  std::vector<int32_t> cpus;
  bool prefer_fp16 = false;  // on the CPU
};

// Output `output` of stage `stage`; stage 0 is the method's inputs.
struct ValueRef {
  uint32_t stage = 0;
  uint32_t output = 0;
};

struct StageSpec {
  enum class Kind { kModel, kPython, kArgmax };
  Kind kind = Kind::kPython;
  uint32_t model = 0;  // index in ServableSpec::models
  uint32_t subgraph = 0;
  int64_t batch_size = -1;  // Python: -1 an instance at a time, 0 as the models do, N at most N
  std::vector<ValueRef> inputs;
  uint32_t outputs_count = 0;
  std::string tag;
};

struct MethodSpec {
  std::string name;
  std::vector<std::string> inputs, outputs;
  std::vector<StageSpec> stages;
  std::vector<ValueRef> results;
  int64_t max_queue_delay_us = 0;
  uint64_t max_queue_size = 0;  // 0: only the server's limit
  int64_t timeout_us = 0;       // of a request that has no deadline; 0: none
};

struct ServableSpec {
  std::vector<ModelSpec> models;
  std::vector<MethodSpec> methods;
  bool uses_python = false;  // some stage is Python
};

// Reads and checks a description. InvalidArgument names what is wrong.
absl::StatusOr<ServableSpec> ParseDescription(absl::string_view json);

}  // namespace mirin::serving

#endif  // CORE_SERVING_ENGINE_DESCRIPTION_H_
