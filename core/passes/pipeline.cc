#include "core/passes/pipeline.h"

#include <algorithm>
#include <chrono>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/base/file.h"
#include "core/base/status.h"
#include "core/ir/text.h"
#include "core/ops/infer_module.h"

namespace mirin::passes {

// The passes in the order in which they run: name, function, what it does. One file each, named as the pass.
#define MIRIN_PASSES(PASS)                                                                         \
  PASS(fold_constants, FoldConstants, "computes what follows from constants and known shapes")     \
  PASS(inline_calls, InlineCalls,                                                                  \
       "puts graphs that are called once, or by a constant choice, in place of the call")          \
  PASS(fold_constants, FoldConstants, "again, for what came from called graphs")                   \
  PASS(remove_identities, RemoveIdentities, "drops nodes that give their input back")              \
  PASS(merge_duplicates, MergeDuplicates, "computes equal things once")                            \
  PASS(cancel_transposes, CancelTransposes,                                                        \
       "moves transposes and reshapes together until they cancel")                                 \
  PASS(fuse_gelu, FuseGelu, "recognises GELU, SiLU and HSwish written out in arithmetic")          \
  PASS(fuse_layer_norm, FuseLayerNorm, "recognises layer normalisation written out in arithmetic") \
  PASS(fuse_dynamic_quantised, FuseDynamicQuantised,                                               \
       "recognises matrix products of numbers that become bytes while the model runs")             \
  PASS(fold_batch_norm, FoldBatchNorm,                                                             \
       "multiplies scales after a convolution or matrix product into its weights")                 \
  PASS(fuse_bias, FuseBias, "makes added constants the bias of a convolution or matrix product")   \
  PASS(fuse_attention, FuseAttention, "recognises scaled dot-product attention")                   \
  PASS(fuse_residual, FuseResidual, "lets a convolution add its result to another tensor")         \
  PASS(fuse_activation, FuseActivation,                                                            \
       "lets a convolution or matrix product apply the activation after it")                       \
  PASS(fuse_quantized, FuseQuantized,                                                              \
       "computes between DequantizeLinear and QuantizeLinear in integers")                         \
  PASS(fold_constants, FoldConstants, "again, for weights that stay floating point")               \
  PASS(remove_identities, RemoveIdentities, "again, after the fusions")

#define MIRIN_DECLARE_PASS(name, Function, summary) \
  absl::StatusOr<int> Function(PassContext& context);
MIRIN_PASSES(MIRIN_DECLARE_PASS)
#undef MIRIN_DECLARE_PASS

namespace {

#define MIRIN_LIST_PASS(name, Function, summary) {#name, summary, Function},
constexpr Pass kPipeline[] = {MIRIN_PASSES(MIRIN_LIST_PASS)};
#undef MIRIN_LIST_PASS

int CountNodes(const ir::Module& module) {
  size_t n = 0;
  for (const auto& graph : module.graphs()) n += graph->nodes().size();
  return static_cast<int>(n);
}

bool Contains(const std::vector<std::string>& names, absl::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

absl::Status CheckNames(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (std::any_of(std::begin(kPipeline), std::end(kPipeline),
                    [&](const Pass& p) { return p.name == name; }))
      continue;
    std::string known;
    for (const Pass& p : kPipeline) {
      if (!absl::StrContains(known, p.name))
        absl::StrAppend(&known, known.empty() ? "" : ", ", p.name);
    }
    return absl::InvalidArgumentError(
        absl::StrCat("there is no pass '", name, "'; passes: ", known));
  }
  return absl::OkStatus();
}

absl::Status Dump(const std::string& directory, int number, absl::string_view name,
                  const ir::Module& module) {
  if (directory.empty()) return absl::OkStatus();
  return WriteFileAtomically(absl::StrFormat("%s/%02d_%s.txt", directory, number, name),
                             ir::Print(module));
}

absl::Status RunPass(const Pass& pass, PassContext& context, PassReport* report) {
  report->name = pass.name;
  report->nodes_before = CountNodes(*context.module);
  const auto start = std::chrono::steady_clock::now();
  MIRIN_ASSIGN_OR_RETURN(report->changes, pass.run(context));
  if (report->changes > 0) {
    EliminateDeadCode(context.module);
    MIRIN_RETURN_IF_ERROR(ops::InferModule(context.module));
    MIRIN_RETURN_IF_ERROR(ir::Verify(*context.module));
  }
  report->milliseconds =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  report->nodes_after = CountNodes(*context.module);
  return absl::OkStatus();
}

}  // namespace

absl::Span<const Pass> Pipeline() { return kPipeline; }

absl::Status RunPipeline(const PipelineOptions& options, PassContext& context,
                         std::vector<PassReport>* report) {
  MIRIN_RETURN_IF_ERROR(CheckNames(options.disabled));
  MIRIN_RETURN_IF_ERROR(CheckNames(options.only));
  MIRIN_RETURN_IF_ERROR(Dump(options.dump_directory, 0, "read", *context.module));
  const auto runs = [&](const Pass& pass) {
    return !Contains(options.disabled, pass.name) &&
           (options.only.empty() || Contains(options.only, pass.name));
  };
  // Kept only for a pass that comes.
  const bool fuses = std::any_of(std::begin(kPipeline), std::end(kPipeline), [&](const Pass& p) {
    return p.name == "fuse_quantized" && runs(p);
  });
  if (!fuses && context.stored_weights == StoredWeights::kKeepForFusion)
    context.stored_weights = StoredWeights::kFold;
  int number = 0;
  for (const Pass& pass : kPipeline) {
    ++number;
    if (!runs(pass)) continue;
    PassReport one;
    MIRIN_RETURN_IF_ERROR(Annotate(RunPass(pass, context, &one), absl::StrCat("pass ", pass.name)));
    if (report != nullptr) report->push_back(one);
    MIRIN_RETURN_IF_ERROR(Dump(options.dump_directory, number, pass.name, *context.module));
  }
  return absl::OkStatus();
}

std::string ToString(absl::Span<const PassReport> report) {
  std::string out =
      absl::StrFormat("%-20s %8s %8s %8s %10s\n", "pass", "changes", "before", "after", "ms");
  for (const PassReport& r : report) {
    absl::StrAppendFormat(&out, "%-20s %8d %8d %8d %10.3f\n", r.name, r.changes, r.nodes_before,
                          r.nodes_after, r.milliseconds);
  }
  return out;
}

}  // namespace mirin::passes
