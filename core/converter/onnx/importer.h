// ONNX to ir::Module: walks graphs, functions and bodies in dependency order and calls the translator of each node.
#ifndef CORE_CONVERTER_ONNX_IMPORTER_H_
#define CORE_CONVERTER_ONNX_IMPORTER_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/converter/onnx/model.h"
#include "core/converter/report.h"
#include "core/ir/graph.h"
#include "core/passes/pass.h"

namespace mirin::onnx {

struct ImportOptions {
  // Shapes that replace those of the file, by input name; -1 keeps a dim open. An unknown name is InvalidArgument.
  std::map<std::string, std::vector<int64_t>> input_shapes;
  int64_t max_nodes = 1'000'000;  // after functions and bodies were expanded
};

// The whole model, or the first error; the report holds all of them. `evaluate` folds constants.
absl::StatusOr<std::unique_ptr<ir::Module>> Import(const std::shared_ptr<const Model>& model,
                                                   const ImportOptions& options,
                                                   const passes::Evaluator& evaluate,
                                                   converter::Report* report);

}  // namespace mirin::onnx

#endif  // CORE_CONVERTER_ONNX_IMPORTER_H_
