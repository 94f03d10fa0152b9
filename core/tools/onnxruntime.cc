// ONNX Runtime as a reference: a Python beside this program runs it.
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/base/npz.h"
#include "core/base/status.h"
#include "core/tools/node_values.h"
#include "core/tools/onnxruntime_values.h"
#include "core/tools/progress_line.h"

extern char** environ;

namespace mirin::tools {
namespace {

// Removed with everything in it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "mirin_diff_XXXXXX").string();
    if (mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }  // "" when there is none

 private:
  std::string path_;
};

absl::Status WriteInputs(const std::string& folder, const std::vector<TensorSpec>& specs,
                         const std::vector<TensorPtr>& inputs) {
  std::ofstream list(folder + "/inputs.txt");
  for (size_t i = 0; i < inputs.size(); ++i) {
    const mirin_tensor* t = inputs[i].get();
    if (specs[i].dtype == MIRIN_DTYPE_STRING || specs[i].dtype == MIRIN_DTYPE_BF16) {
      return absl::UnimplementedError(absl::StrCat("input '", specs[i].name, "' is ",
                                                   mirin_dtype_name(specs[i].dtype),
                                                   ", which is not given on to ONNX Runtime"));
    }
    const int64_t* dims = mirin_tensor_dims(t);
    list << mirin_dtype_name(specs[i].dtype) << '\t'
         << absl::StrJoin(dims, dims + mirin_tensor_rank(t), ",") << '\t' << specs[i].name << '\n';
    std::ofstream(absl::StrCat(folder, "/", i, ".bin"), std::ios::binary)
        .write(static_cast<const char*>(mirin_tensor_data(t)),
               static_cast<std::streamsize>(mirin_tensor_size(t)));
  }
  return list.good() ? absl::OkStatus()
                     : absl::UnknownError(absl::StrCat("cannot write to ", folder));
}

absl::Status RunPython(const std::string& python, const std::vector<std::string>& arguments) {
  std::vector<std::string> words = {python, "-c", kOnnxRuntimeValues};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& w : words) argv.push_back(w.data());
  argv.push_back(nullptr);
  pid_t child = 0;
  const int error = posix_spawnp(&child, python.c_str(), nullptr, nullptr, argv.data(), environ);
  if (error != 0)
    return absl::NotFoundError(absl::StrCat("cannot start '", python, "': ", std::strerror(error)));
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(
      "ONNX Runtime in '", python,
      "' failed (above); --python names another Python, which needs numpy and onnxruntime"));
}

}  // namespace

absl::StatusOr<NamedValues> RunOnnxRuntime(const std::string& path, const std::string& python,
                                           const std::vector<TensorSpec>& specs,
                                           const std::vector<TensorPtr>& inputs) {
  const TemporaryFolder folder;
  if (folder.path().empty()) return absl::UnknownError("cannot make a temporary folder");
  MIRIN_RETURN_IF_ERROR(WriteInputs(folder.path(), specs, inputs));
  {
    const ProgressLine line([] { return std::string("running ONNX Runtime"); });
    MIRIN_RETURN_IF_ERROR(RunPython(python, {path, folder.path()}));
  }
  MIRIN_ASSIGN_OR_RETURN(const auto arrays, ReadNpz(folder.path() + "/values.npz"));
  NamedValues values;
  for (const auto& [name, array] : arrays) {
    if (array.dtype() != 0)
      values.push_back({name, static_cast<mirin_dtype>(array.dtype()), array.dims, array.bytes});
  }
  return values;
}

}  // namespace mirin::tools
