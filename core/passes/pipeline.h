// Runs the passes over a module, in the order of the list in pipeline.cc.
#ifndef CORE_PASSES_PIPELINE_H_
#define CORE_PASSES_PIPELINE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/passes/pass.h"

namespace mirin::passes {

struct Pass {
  absl::string_view name;
  absl::string_view summary;
  PassFn run;
};

// Every pass, in order. The same pass may stand in the list twice.
absl::Span<const Pass> Pipeline();

struct PipelineOptions {
  // Passes not to run, by name; an unknown name is InvalidArgument.
  std::vector<std::string> disabled;
  // If not empty, only these run (tests).
  std::vector<std::string> only;
  // When not empty: "00_read.txt", "01_<pass>.txt" .. are written there, the module as text (core/ir/text.h).
  std::string dump_directory;
};

// What one pass did.
struct PassReport {
  absl::string_view name;
  int changes = 0;
  int nodes_before = 0;
  int nodes_after = 0;
  double milliseconds = 0;
};

// Each pass is followed by the removal of dead code, shape inference and ir::Verify when it changed something. A failure
// names the pass.
absl::Status RunPipeline(const PipelineOptions& options, PassContext& context,
                         std::vector<PassReport>* report);

// A table of the reports, one line a pass.
std::string ToString(absl::Span<const PassReport> report);

}  // namespace mirin::passes

#endif  // CORE_PASSES_PIPELINE_H_
