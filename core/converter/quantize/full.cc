#include "core/converter/quantize/full.h"

#include <algorithm>
#include <cmath>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/base/status.h"
#include "core/converter/quantize/weights.h"
#include "core/passes/pass.h"
#include "core/passes/pipeline.h"
#include "core/passes/quantised.h"

namespace mirin::converter {
namespace {

// Where a cosine below this is found the report says what to do about it.
constexpr double kGoodCosine = 0.99;

// An operand that becomes bytes.
struct Operand {
  ir::Node* node = nullptr;
  int input = 0;
  ir::Value* value() const { return node->input(input); }
};

struct Plan {
  std::vector<WeightUse> layers;
  std::vector<Operand>
      operands;  // of the layers, and what is added to their results, in order of execution
  std::vector<Probe> probes;  // of the operands' values, each once
  absl::flat_hash_map<const ir::Value*, size_t> probe_of;
};

// Why the node stays floating point, or "".
std::string ReasonToStay(const ir::Node& node, const ir::Graph* entry) {
  const ir::Value* x = node.input(0);
  const bool product = node.op() == "MatMul" || node.op() == "BatchMatMul" ||
                       node.op() == "MatMulExt" || node.op() == "Dense";
  if (!product && node.op() != "Conv2D") return absl::StrCat(node.op(), " has no form of integers");
  if (node.graph() != entry) return "it is in a graph that is called";
  if (x->is_constant() || x->kind() == ir::ValueKind::kVariable ||
      x->type().dtype != DType::kFloat32)
    return "its left side is no activation";
  if (!x->type().shape.rank_known() || x->type().shape.rank() < 1)
    return "a left side of unknown rank";
  if (product && node.attrs().Bool("transpose_a") && x->type().shape.rank() > 1)
    return "a transposed left side";
  if (node.input(2) != nullptr && !node.input(2)->is_constant()) return "a computed bias";
  return "";
}

// The axis of the depth in the layer's input.
int DepthAxis(const ir::Node& node) {
  return node.op() == "Conv2D" ? 1 : node.input(0)->type().shape.rank() - 1;
}

// The convolution of the plan that makes one side of a sum, for it alone: the other side is its residual.
const ir::Node* SummedLayer(const ir::Node& node, int side,
                            const absl::flat_hash_set<const ir::Node*>& layers) {
  const ir::Value* value = node.input(side);
  if (value == nullptr || !passes::HasOneUse(value) || layers.count(value->producer()) == 0)
    return nullptr;
  return value->producer()->op() == "Conv2D" ? value->producer() : nullptr;
}

Plan MakePlan(const QuantConfig& config, const ir::Module& module, Layers* layers) {
  Plan plan;
  absl::flat_hash_set<const ir::Node*> chosen;
  for (const WeightUse& use : FindWeights(config, module)) {
    std::string reason = ReasonToStay(*use.node, module.entry());
    if (reason.empty()) {
      plan.layers.push_back(use);
      chosen.insert(use.node);
    } else {
      layers->Left(*use.node, use.weight()->tensor().elements(), std::move(reason));
    }
  }
  const auto add = [&](ir::Node* node, int input, int mean_axis) {
    plan.operands.push_back({node, input});
    const auto [it, is_new] = plan.probe_of.try_emplace(node->input(input), plan.probes.size());
    if (is_new) plan.probes.push_back({node->input(input), mean_axis});
    if (plan.probes[it->second].mean_axis < 0) plan.probes[it->second].mean_axis = mean_axis;
  };
  for (const auto& node : module.entry()->nodes()) {
    if (chosen.count(node.get()) != 0) add(node.get(), 0, DepthAxis(*node));
    if (node->op() != "Add") continue;
    for (const int side : {0, 1}) {
      const ir::Value* other = node->input(1 - side);
      if (SummedLayer(*node, side, chosen) == nullptr || other == nullptr || other->is_constant() ||
          other->type() != node->input(side)->type())
        continue;
      add(node.get(), 1 - side, -1);
      break;
    }
  }
  return plan;
}

// What rounding the weight takes from each output channel on average: sum over the depth of (weight - stored) * mean of the input.
std::vector<float> LostOnAverage(const WeightUse& use, const StoredWeight& stored,
                                 const std::vector<double>& means) {
  const Tensor& weight = use.weight()->tensor();
  const Dims& dims = weight.dims();
  const bool convolution = use.node->op() == "Conv2D";
  const int64_t channels = dims[static_cast<size_t>(use.axis)],
                group = convolution ? use.node->attrs().Int("group", 1) : 1;
  const Dims strides = Strides(dims);
  const int64_t taps = convolution ? dims[2] * dims[3] : 1,
                depth = convolution ? dims[1] : dims[static_cast<size_t>(1 - use.axis)];
  std::vector<float> lost(static_cast<size_t>(channels), 0);
  const auto* from = static_cast<const char*>(weight.data());
  for (int64_t o = 0; o < channels; ++o) {
    const float scale = stored.scale.data_as<float>()[stored.scale.rank() == 0 ? 0 : o];
    double sum = 0;
    for (int64_t i = 0; i < depth; ++i) {
      const int64_t channel = o / (channels / group) * depth + i;
      const double mean =
          channel < static_cast<int64_t>(means.size()) ? means[static_cast<size_t>(channel)] : 0;
      for (int64_t t = 0; t < taps; ++t) {
        const int64_t at = convolution ? o * strides[0] + i * strides[1] + t
                                       : o * strides[static_cast<size_t>(use.axis)] +
                                             i * strides[static_cast<size_t>(1 - use.axis)];
        float w;
        __builtin_memcpy(&w, from + at * 4, 4);
        sum += (w - static_cast<double>(stored.q.data_as<int8_t>()[at]) * scale) * mean;
      }
    }
    lost[static_cast<size_t>(o)] = static_cast<float>(sum);
  }
  return lost;
}

void AddToBias(ir::Node* node, std::vector<float> lost) {
  if (node->input(2) != nullptr) {
    const auto bias = passes::FloatsOf(node->input(2));
    if (!bias.has_value() || bias->size() != lost.size()) return;
    for (size_t i = 0; i < lost.size(); ++i) lost[i] += (*bias)[i];
  }
  ir::Value* corrected = node->graph()->module()->AddConstant(
      absl::StrCat(node->name(), "/bias"),
      Tensor::FromValues<float>({static_cast<int64_t>(lost.size())}, lost));
  while (node->num_inputs() < 3) node->AddInput(nullptr);
  node->SetInput(2, corrected);
}

absl::Status StoreWeights(const QuantConfig& config, const Plan& plan,
                          const std::vector<Statistics>& statistics, ir::Module* module,
                          Layers* layers, absl::flat_hash_set<const ir::Node*>* left) {
  absl::flat_hash_map<std::pair<const ir::Value*, int>, std::pair<StoredWeight, StoredConstants>>
      stored;
  for (const WeightUse& use : plan.layers) {
    ir::Value* weight = use.weight();
    auto [it, is_new] = stored.try_emplace({weight, use.axis});
    if (is_new) {
      absl::StatusOr<StoredWeight> made =
          StoreWeight(weight->tensor(), config.per_channel ? use.axis : -1, 8);
      if (absl::IsInvalidArgument(made.status())) {
        layers->Left(*use.node, weight->tensor().elements(), std::string(made.status().message()));
        left->insert(use.node);
        stored.erase(it);
        continue;
      }
      MIRIN_RETURN_IF_ERROR(made.status());
      const StoredConstants constants = AddStored(module, weight->name(), *made);
      it->second = {*std::move(made), constants};
    }
    layers->Quantised(*use.node, weight->tensor().elements(), 8, it->second.first.error);
    if (config.bias_correction)
      AddToBias(use.node, LostOnAverage(use, it->second.first,
                                        statistics[plan.probe_of.at(use.node->input(0))].means));
    MIRIN_ASSIGN_OR_RETURN(ir::Value * again,
                           InsertDequantize(use.node, it->second.second, use.axis));
    use.node->SetInput(use.input, again);
  }
  return absl::OkStatus();
}

// A pair of nodes for each value, in front of its first reader.
absl::Status StoreActivations(const Plan& plan, const std::vector<Statistics>& statistics,
                              const absl::flat_hash_set<const ir::Node*>& left,
                              ir::Module* module) {
  absl::flat_hash_map<const ir::Value*, ir::Value*> rounded;
  for (const Operand& operand : plan.operands) {
    if (left.count(operand.node) != 0) continue;
    const ir::Value* value = operand.value();
    ir::Value*& again = rounded[value];
    if (again == nullptr) {
      const ByteScale form = ScaleFor(statistics[plan.probe_of.at(value)].range);
      ir::Value* scale = module->AddConstant(absl::StrCat(value->name(), "/scale"),
                                             Tensor::Scalar<float>(form.scale));
      ir::Value* zero = module->AddConstant(absl::StrCat(value->name(), "/zero_point"),
                                            Tensor::Scalar<uint8_t>(form.zero));
      MIRIN_ASSIGN_OR_RETURN(ir::Node * q, passes::Insert(operand.node, "QuantizeLinear",
                                                          absl::StrCat(value->name(), "/uint8"),
                                                          {operand.value(), scale, zero}));
      MIRIN_ASSIGN_OR_RETURN(ir::Node * d, passes::Insert(operand.node, "DequantizeLinear",
                                                          absl::StrCat(value->name(), "/float32"),
                                                          {q->output(), scale, zero}));
      again = d->output();
    }
    operand.node->SetInput(operand.input, again);
  }
  return absl::OkStatus();
}

void AddAgreement(const std::vector<Agreement>& agreement, int64_t samples, Report* report) {
  bool good = true;
  for (const Agreement& a : agreement) {
    report->AddNote(
        absl::StrFormat("output '%s' on %d calibration samples: cosine %.6f to the original, "
                        "largest difference %.6g",
                        a.output, samples, a.cosine, a.largest_difference));
    good &= a.cosine >= kGoodCosine;
  }
  if (!good)
    report->AddNote(
        "the results differ more than quantisation should make them: try "
        "activation_quant_method=KL, more samples, or skip_quant_node for the layers that suffer");
}

}  // namespace

absl::Status QuantizeFully(const QuantConfig& config, const CalibrationReader& data,
                           const QuantProgress& progress, ir::Module* module, Layers* layers,
                           Report* report) {
  const std::unique_ptr<ir::Module> original = module->Clone();
  passes::PassContext context{module, nullptr, passes::StoredWeights::kKeep};
  passes::PipelineOptions pipeline;
  pipeline.only = {"fold_batch_norm", "fuse_bias"};
  MIRIN_RETURN_IF_ERROR(passes::RunPipeline(pipeline, context, nullptr));
  const Plan plan = MakePlan(config, *module, layers);
  if (plan.layers.empty()) return absl::OkStatus();
  MIRIN_ASSIGN_OR_RETURN(const std::vector<Statistics> statistics,
                         Calibrate(config, *module, plan.probes, data, progress));
  absl::flat_hash_set<const ir::Node*> left;
  MIRIN_RETURN_IF_ERROR(StoreWeights(config, plan, statistics, module, layers, &left));
  MIRIN_RETURN_IF_ERROR(StoreActivations(plan, statistics, left, module));
  module->EraseUnusedConstants();
  MIRIN_ASSIGN_OR_RETURN(const std::vector<Agreement> agreement,
                         Compare(*original, *module, data, progress));
  AddAgreement(agreement, data.samples(), report);
  return absl::OkStatus();
}

}  // namespace mirin::converter
