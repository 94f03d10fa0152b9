// Every named value that a model computes on some inputs: what `mirin diff` compares.
#ifndef CORE_TOOLS_NODE_VALUES_H_
#define CORE_TOOLS_NODE_VALUES_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/tools/values.h"

namespace mirin::tools {

struct NamedValue {
  std::string name;
  mirin_dtype dtype = MIRIN_DTYPE_UNKNOWN;
  Dims dims;
  std::string bytes;  // of numbers; texts one after the other, each with its length
};

// In the order of their making; the model's own outputs come last.
using NamedValues = std::vector<NamedValue>;

struct ModelSource {
  std::string path;                            // .onnx or .mindir
  std::map<std::string, std::string> options;  // of the converter: decryptKey ..
};

// The model as files of it are loaded by users: with all passes.
absl::StatusOr<ModelPtr> LoadPlain(const ModelSource& source);

// Loads the model without any pass, with all named results as outputs, and runs it on a device ("cpu", "reference").
absl::StatusOr<NamedValues> RunMirin(const ModelSource& source, const std::string& device,
                                     const std::vector<TensorPtr>& inputs);
// Runs a model as it is: its outputs only.
absl::StatusOr<NamedValues> RunOutputs(const mirin_model* model, const std::string& device,
                                       const std::vector<TensorPtr>& inputs);
// The same from ONNX Runtime, in a Python that has it. Outputs come in the graph's order.
absl::StatusOr<NamedValues> RunOnnxRuntime(const std::string& path, const std::string& python,
                                           const std::vector<TensorSpec>& specs,
                                           const std::vector<TensorPtr>& inputs);

}  // namespace mirin::tools

#endif  // CORE_TOOLS_NODE_VALUES_H_
