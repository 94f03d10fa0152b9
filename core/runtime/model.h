// A loaded, verified model: immutable, shared by any number of sessions and threads.
//
// Load reads the file (core/mindir), checks and infers every node (core/ops), then runs the passes (core/passes) once.
// Packed weights, kernels and plans made by sessions are kept here, so a second session costs its arena only.
#ifndef CORE_RUNTIME_MODEL_H_
#define CORE_RUNTIME_MODEL_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/ir/graph.h"
#include "core/mindir/reader.h"

namespace mirin::runtime {

// Name and type of a model input, output or state; -1 marks dims known only at run time, an unknown rank is possible.
struct TensorSpec {
  std::string name;
  ir::TensorType type;
};

struct ModelOptions {
  mindir::ReadOptions read;
  // 0: the graph as read; 1: all passes.
  int optimization_level = 1;
  // Passes not to run, by name ("fold_constants" ..); an unknown name is InvalidArgument.
  std::vector<std::string> disabled_passes;
  // Sessions are deterministic, whatever their own options say.
  bool deterministic = false;
  // When not empty: the directory that gets the graph as text after each pass ("00_read.txt", "01_<pass>.txt" ..).
  std::string dump_directory;
  // When not empty: the folder where packed weights of unencrypted models are kept for the next process, see core/runtime/model_cache.h.
  // PermissionDenied when others may write to it.
  std::string cache_directory;
};

class CompiledModel;  // plans and packed weights; core/runtime/compiled_model.h

class Model {
 public:
  static absl::StatusOr<std::shared_ptr<const Model>> LoadFile(const std::string& path,
                                                               const ModelOptions& options);
  // `owner` keeps the bytes alive; null: they are copied.
  static absl::StatusOr<std::shared_ptr<const Model>> LoadBuffer(absl::string_view bytes,
                                                                 std::shared_ptr<const void> owner,
                                                                 const ModelOptions& options);
  // From a module already in memory (converter, tests).
  static absl::StatusOr<std::shared_ptr<const Model>> FromModule(std::unique_ptr<ir::Module> module,
                                                                 const ModelOptions& options);
  // The same contents for other input shapes than the file has, one for each input; -1 is open. Weights are shared. InvalidArgument
  // names the node that cannot work with them.
  absl::StatusOr<std::shared_ptr<const Model>> Reshaped(absl::Span<const Dims> shapes) const;
  ~Model();
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  const std::vector<TensorSpec>& inputs() const { return inputs_; }
  const std::vector<TensorSpec>& outputs() const { return outputs_; }
  // Parameters that the model writes; each session has its own copies.
  const std::vector<TensorSpec>& states() const { return states_; }
  // After the passes.
  const ir::Module& module() const { return *module_; }
  // Text of a metadata entry of the file ("model_version" ..), empty when absent.
  std::string Metadata(absl::string_view key) const;
  // What each pass did, one line each: name, time, nodes before and after.
  const std::string& pass_report() const { return pass_report_; }
  bool deterministic() const { return options_.deterministic; }
  CompiledModel& compiled() const { return *compiled_; }

 private:
  Model();
  // `sources`: what the module was read from; null for one made in memory.
  static absl::StatusOr<std::shared_ptr<const Model>> Make(
      std::unique_ptr<ir::Module> module, const ModelOptions& options,
      std::shared_ptr<const mindir::Sources> sources);

  std::shared_ptr<const mindir::Sources> sources_;
  std::unique_ptr<const ir::Module> source_;  // before the passes; its weights are the file's
  ModelOptions options_;                      // without its key
  std::unique_ptr<ir::Module> module_;
  std::vector<TensorSpec> inputs_;
  std::vector<TensorSpec> outputs_;
  std::vector<TensorSpec> states_;
  std::string pass_report_;
  std::unique_ptr<CompiledModel> compiled_;  // internally synchronised
};

}  // namespace mirin::runtime

#endif  // CORE_RUNTIME_MODEL_H_
