// Configuration of running: the sections and keys that MindSpore Lite's run-time files have. What has a meaning here takes effect, what
// belongs to another device becomes a note, what is unknown is an error with the nearest known name.
#ifndef CORE_RUNTIME_RUN_CONFIG_H_
#define CORE_RUNTIME_RUN_CONFIG_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace mirin::runtime {

struct RunConfig {
  // [model_file] mindir_path (the model's file) or [weight] weight_path (its folder): where a model from memory finds its weight files.
  std::string weights_directory;
  // [model_cache] cache_dir: ModelOptions::cache_directory.
  std::string cache_directory;
  // [shared_thread_pool] thread_num_limit_per_worker; 0: not said.
  int threads_per_worker = 0;
  // [execution] deterministic: see SessionOptions.
  bool deterministic = false;
  // One for each setting that has no effect here, with the reason.
  std::vector<std::string> notes;

  // InvalidArgument for an unknown section or key or a bad value, Unimplemented for what would change results.
  absl::Status Set(absl::string_view section, absl::string_view key, absl::string_view value);
  // All of a file. Messages begin with its path and line.
  absl::Status Load(const std::string& path);
};

}  // namespace mirin::runtime

#endif  // CORE_RUNTIME_RUN_CONFIG_H_
