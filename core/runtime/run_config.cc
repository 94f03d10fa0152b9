#include "core/runtime/run_config.h"

#include <sys/stat.h>

#include <algorithm>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "core/base/file.h"
#include "core/base/ini.h"
#include "core/base/nearest.h"
#include "core/base/status.h"

namespace mirin::runtime {
namespace {

constexpr size_t kMaxFileBytes = size_t{1} << 20;
constexpr int kMaxThreads = 4096;

struct Section {
  absl::string_view name;
  absl::string_view keys;    // separated by blanks; "*": any
  absl::string_view reason;  // why it has no effect; empty: it has
};

constexpr absl::string_view kOtherDevice = "it configures another device than those of this build";

constexpr Section kSections[] = {
    {"model_file", "mindir_path", ""},
    {"weight", "weight_path", ""},
    {"shared_thread_pool",
     "enable_shared_thread_pool thread_num_limit_per_worker thread_num_remaining_per_worker", ""},
    {"execution", "deterministic", ""},
    {"execution_plan", "*", ""},
    {"model_cache", "cache_dir", ""},
    {"ms_cache", "serialize_path",
     "it configures TensorRT's cache; [model_cache] cache_dir keeps weights for the CPU"},
    {"gpu_context", "*", kOtherDevice},
    {"ascend_context", "*", kOtherDevice},
    {"acl_init_options", "*", kOtherDevice},
    {"acl_build_options", "*", kOtherDevice},
    {"ge_global_options", "*", kOtherDevice},
    {"ge_session_options", "*", kOtherDevice},
    {"ge_graph_options", "*", kOtherDevice},
};

absl::StatusOr<const Section*> Find(absl::string_view name) {
  const auto* it = std::find_if(std::begin(kSections), std::end(kSections),
                                [&](const Section& s) { return s.name == name; });
  if (it != std::end(kSections)) return it;
  std::vector<std::string> known;
  for (const Section& s : kSections) known.emplace_back(s.name);
  return absl::InvalidArgumentError(
      absl::StrCat("there is no section [", name, "] for running", DidYouMean(name, known)));
}

absl::Status CheckKey(const Section& section, absl::string_view key) {
  const std::vector<std::string> known = absl::StrSplit(section.keys, ' ');
  if (section.keys == "*" || std::find(known.begin(), known.end(), key) != known.end())
    return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("[", section.name, "] has no key '", key,
                                                 "'; keys: ", absl::StrJoin(known, ", ")));
}

absl::StatusOr<int> Number(absl::string_view key, absl::string_view value, int least) {
  int number = 0;
  if (absl::SimpleAtoi(value, &number) && number >= least && number <= kMaxThreads) return number;
  return absl::InvalidArgumentError(
      absl::StrCat(key, " is '", value, "', expected ", least, " to ", kMaxThreads));
}

absl::StatusOr<bool> Truth(absl::string_view key, absl::string_view value) {
  if (value == "true" || value == "false") return value == "true";
  return absl::InvalidArgumentError(absl::StrCat(key, " is '", value, "', expected true or false"));
}

std::string FolderOf(absl::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == absl::string_view::npos ? "." : std::string(path.substr(0, slash + 1));
}

bool IsFolder(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

}  // namespace

absl::Status RunConfig::Set(absl::string_view name, absl::string_view key,
                            absl::string_view value) {
  MIRIN_ASSIGN_OR_RETURN(const Section* section, Find(name));
  MIRIN_RETURN_IF_ERROR(CheckKey(*section, key));
  const auto note = [&](absl::string_view reason) {
    notes.push_back(absl::StrCat("[", name, "] ", key, " has no effect: ", reason));
    return absl::OkStatus();
  };
  if (!section->reason.empty()) return note(section->reason);
  if (key == "mindir_path") {
    weights_directory = FolderOf(value);
  } else if (key == "weight_path") {
    weights_directory = IsFolder(std::string(value)) ? std::string(value) : FolderOf(value);
  } else if (key == "cache_dir") {
    cache_directory = std::string(value);
  } else if (key == "deterministic") {
    MIRIN_ASSIGN_OR_RETURN(deterministic, Truth(key, value));
  } else if (key == "enable_shared_thread_pool") {
    MIRIN_RETURN_IF_ERROR(Truth(key, value).status());
    return note("all workers of a process share one thread pool anyway");
  } else if (key == "thread_num_limit_per_worker") {
    MIRIN_ASSIGN_OR_RETURN(threads_per_worker, Number(key, value, 1));
  } else if (key == "thread_num_remaining_per_worker") {
    MIRIN_RETURN_IF_ERROR(Number(key, value, 0).status());
    return note("no threads are kept for a worker; idle ones help whichever has work");
  } else if (!absl::EndsWith(value, "data_type:float32")) {  // [execution_plan] op = data_type:..
    return absl::UnimplementedError(absl::StrCat("[execution_plan] asks for '", value, "' at '",
                                                 key,
                                                 "': operators compute in the model's types here"));
  }
  return absl::OkStatus();
}

absl::Status RunConfig::Load(const std::string& path) {
  MIRIN_ASSIGN_OR_RETURN(const FileBytes file, MapFile(path, kMaxFileBytes));
  return Annotate(ParseIni(
                      file.bytes, [](absl::string_view section) { return Find(section).status(); },
                      [this](absl::string_view section, absl::string_view key,
                             absl::string_view value) { return Set(section, key, value); }),
                  path);
}

}  // namespace mirin::runtime
