#include "core/converter/quantize/quantize.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/base/file.h"
#include "core/base/status.h"
#include "core/converter/quantize/dynamic.h"
#include "core/converter/quantize/full.h"
#include "core/converter/quantize/layers.h"
#include "core/converter/quantize/weight_only.h"
#include "core/ir/graph.h"
#include "core/ops/infer_module.h"
#include "core/passes/pipeline.h"
#include "core/passes/quantised.h"

namespace mirin::converter {
namespace {

absl::Status CheckSupported(const QuantConfig& config) {
  MIRIN_RETURN_IF_ERROR(config.Check());
  if (config.auto_tune) return Refuse("auto_tune", "choose bit_num yourself, or 0 with init_scale");
  if (config.use_calibration_data)
    return Refuse("use_cv_data", "leave it out: layers are chosen by the error of their weights");
  if (config.weight_strategy == QuantConfig::WeightStrategy::kGptq)
    return Refuse("quant_strategy=GPTQ", "use MAX_MIN");
  if (config.dequantise_on_the_fly)
    return Refuse("dequant_strategy=ON_THE_FLY",
                  "leave it out: weights are computed once, when the model is loaded");
  if (config.enable_smooth_shift) return Refuse("enable_smooth_shift", "leave it out");
  if (config.max_segments != 1)
    return Refuse("weights in several segments", "leave max_segments out");
  return absl::OkStatus();
}

absl::Status CheckSkippedNodes(const QuantConfig& config, const ir::Module& module) {
  for (const std::string& name : config.skip_nodes) {
    bool found = false;
    for (const auto& graph : module.graphs()) {
      for (const auto& node : graph->nodes()) found |= node->name() == name;
    }
    if (!found)
      return absl::NotFoundError(
          absl::StrCat("skip_quant_node: the model has no node '", name, "'"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Quantize(const QuantConfig& config, const QuantProgress& progress, ir::Module* module,
                      Report* report) {
  if (config.type == QuantType::kNone) return absl::OkStatus();
  MIRIN_RETURN_IF_ERROR(CheckSupported(config));
  MIRIN_RETURN_IF_ERROR(CheckSkippedNodes(config, *module));
  Layers layers;
  switch (config.type) {
    case QuantType::kNone:
      break;
    case QuantType::kWeight:
      if (progress.begin) progress.begin("quantising weights", 0);
      MIRIN_RETURN_IF_ERROR(QuantizeWeights(config, module, &layers));
      break;
    case QuantType::kDynamic:
      if (progress.begin) progress.begin("quantising weights", 0);
      MIRIN_RETURN_IF_ERROR(QuantizeDynamically(config, module, &layers));
      break;
    case QuantType::kFull: {
      MIRIN_ASSIGN_OR_RETURN(const std::unique_ptr<CalibrationReader> data,
                             OpenCalibration(config.calibration, InputsOf(*module)));
      MIRIN_RETURN_IF_ERROR(QuantizeFully(config, *data, progress, module, &layers, report));
      break;
    }
  }
  if (layers.quantised() == 0) report->AddNote("quantisation changes nothing: no layer qualifies");
  layers.AddNotes(report);
  MIRIN_RETURN_IF_ERROR(ops::InferModule(module));
  if (config.debug_info_path.empty()) return absl::OkStatus();
  return Annotate(WriteFileAtomically(absl::StrCat(config.debug_info_path, "/quantisation.csv"),
                                      layers.ToCsv()),
                  "debug_info_save_path");
}

absl::Status RemoveQuantisation(const passes::Evaluator& evaluate, ir::Module* module) {
  MIRIN_RETURN_IF_ERROR(
      passes::ForEachNode(module, [](ir::Node* node) -> absl::StatusOr<int> {
        const std::optional<passes::Dequantised> to =
            passes::DequantisedFrom(node->op() == "DequantizeLinear" ? node->output() : nullptr);
        const ir::Node* from =
            to.has_value() ? passes::ProducedBy(to->q, "QuantizeLinear") : nullptr;
        if (from == nullptr || !(passes::QuantisationOf(*from) == to->quantisation)) return 0;
        passes::Replace(node->output(), from->input(0));
        return 1;
      }).status());
  passes::EliminateDeadCode(module);
  passes::PassContext context{module, &evaluate, passes::StoredWeights::kFold};
  passes::PipelineOptions pipeline;
  pipeline.only = {"fold_constants"};
  return passes::RunPipeline(pipeline, context, nullptr);
}

}  // namespace mirin::converter
