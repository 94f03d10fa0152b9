#include "core/converter/quantize/weights.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/passes/pass.h"
#include "core/passes/quantised.h"

namespace mirin::converter {
namespace {

// The largest integer of a symmetric range: 127 for 8 bits. One bit keeps the sign.
int LargestOf(int bits) { return bits == 1 ? 1 : (1 << (bits - 1)) - 1; }

int64_t Round(float value, float scale, int largest) {
  if (scale == 0) return 0;
  const float q = std::nearbyint(value / scale);
  return static_cast<int64_t>(
      std::min(std::max(q, -static_cast<float>(largest)), static_cast<float>(largest)));
}

int64_t RoundToSign(float value) { return value < 0 ? -1 : 1; }

double SquaredError(const std::vector<float>& values, float scale, int bits) {
  double sum = 0;
  for (const float v : values) {
    const int64_t q = bits == 1 ? RoundToSign(v) : Round(v, scale, LargestOf(bits));
    const double difference = v - static_cast<double>(q) * scale;
    sum += difference * difference;
  }
  return sum;
}

// The scale for the values that share one.
float ScaleOf(const std::vector<float>& values, int bits) {
  float most = 0;
  double sum = 0;
  for (const float v : values) {
    most = std::max(most, std::fabs(v));
    sum += std::fabs(v);
  }
  if (bits == 1)
    return static_cast<float>(sum / static_cast<double>(std::max<size_t>(1, values.size())));
  const float full = most / static_cast<float>(LargestOf(bits));
  if (bits > 7 || most == 0) return full;
  // Few steps: a shorter range with finer ones may be nearer on the whole.
  float best = full;
  double least = SquaredError(values, full, bits);
  for (int percent = 40; percent < 100; percent += 5) {
    const float scale = full * static_cast<float>(percent) / 100;
    const double error = SquaredError(values, scale, bits);
    if (error < least) {
      least = error;
      best = scale;
    }
  }
  return best;
}

bool IsFloatMatrix(const ir::Value* value, size_t least_rank, size_t most_rank) {
  if (value == nullptr || !value->is_constant() || value->type().dtype != DType::kFloat32)
    return false;
  const size_t rank = value->tensor().dims().size();
  return rank >= least_rank && rank <= most_rank && value->tensor().elements() > 0;
}

}  // namespace

absl::StatusOr<StoredWeight> StoreWeight(const Tensor& weight, int axis, int bits) {
  if (weight.dtype() != DType::kFloat32 || bits < 1 || bits > 16)
    return absl::InternalError("only float32 becomes integers of 1 to 16 bits");
  MIRIN_ASSIGN_OR_RETURN(const Tensor from, weight.Aligned());
  const float* data = from.data_as<float>();
  const int64_t count = from.elements();
  if (!std::all_of(data, data + count, [](float v) { return std::isfinite(v); }))
    return absl::InvalidArgumentError("the weight has numbers that are not finite");
  const int64_t channels = axis < 0 ? 1 : from.dims()[static_cast<size_t>(axis)];
  const int64_t inner = axis < 0 ? count : Strides(from.dims())[static_cast<size_t>(axis)];
  StoredWeight stored;
  MIRIN_ASSIGN_OR_RETURN(stored.q,
                         Tensor::Allocate(bits <= 8 ? DType::kInt8 : DType::kInt16, from.dims()));
  MIRIN_ASSIGN_OR_RETURN(stored.scale,
                         Tensor::Allocate(DType::kFloat32, axis < 0 ? Dims() : Dims{channels}));
  double error = 0, total = 0;
  std::vector<float> values;
  for (int64_t c = 0; c < channels; ++c) {
    values.clear();
    for (int64_t begin = c * inner; begin < count; begin += channels * inner)
      values.insert(values.end(), data + begin, data + begin + inner);
    // A channel of zeros gets any scale: DequantizeLinear wants one above 0.
    const float found = ScaleOf(values, bits), scale = found > 0 ? found : 1.0f;
    stored.scale.mutable_data_as<float>()[c] = scale;
    int64_t i = 0;
    for (int64_t begin = c * inner; begin < count; begin += channels * inner) {
      for (int64_t at = begin; at < begin + inner; ++at) {
        const float v = values[static_cast<size_t>(i++)];
        const int64_t q =
            bits == 1 ? (v == 0 ? 0 : RoundToSign(v)) : Round(v, scale, LargestOf(bits));
        bits <= 8
            ? static_cast<void>(stored.q.mutable_data_as<int8_t>()[at] = static_cast<int8_t>(q))
            : static_cast<void>(stored.q.mutable_data_as<int16_t>()[at] = static_cast<int16_t>(q));
        const double difference = v - static_cast<double>(q) * scale;
        error += difference * difference;
        total += static_cast<double>(v) * v;
      }
    }
  }
  stored.error = total > 0 ? std::sqrt(error / total) : 0;
  return stored;
}

std::optional<WeightUse> WeightOf(ir::Node* node) {
  const std::string& op = node->op();
  if (op == "Conv2D" || op == "Conv3D" || op == "Conv2DTranspose" || op == "Conv3DTranspose") {
    if (!IsFloatMatrix(node->input(1), 4, 5)) return std::nullopt;
    return WeightUse{node, 1, op == "Conv2D" || op == "Conv3D" ? 0 : 1};
  }
  if (passes::IsLinearOp(*node)) {
    if (!IsFloatMatrix(node->input(1), 2, 2)) return std::nullopt;
    return WeightUse{node, 1, node->attrs().Bool("transpose_b") ? 0 : 1};
  }
  if (op == "Gather" && IsFloatMatrix(node->input(0), 2, 2) && node->attrs().Int("axis") == 0)
    return WeightUse{node, 0, 0};
  if (op == "Embedding" && IsFloatMatrix(node->input(1), 2, 2)) return WeightUse{node, 1, 0};
  return std::nullopt;
}

bool IsLeftOut(const QuantConfig& config, const WeightUse& use) {
  const Tensor& weight = use.weight()->tensor();
  if (std::find(config.skip_nodes.begin(), config.skip_nodes.end(), use.node->name()) !=
      config.skip_nodes.end())
    return true;
  if (weight.elements() < config.min_quant_weight_size) return true;
  return weight.rank() >= 4 &&
         weight.dims()[static_cast<size_t>(use.axis)] <= config.min_quant_weight_channel;
}

std::vector<WeightUse> FindWeights(const QuantConfig& config, const ir::Module& module) {
  std::vector<WeightUse> uses;
  for (const auto& graph : module.graphs()) {
    for (const auto& node : graph->nodes()) {
      const std::optional<WeightUse> use = WeightOf(node.get());
      if (use.has_value() && !IsLeftOut(config, *use)) uses.push_back(*use);
    }
  }
  return uses;
}

StoredConstants AddStored(ir::Module* module, const std::string& name, const StoredWeight& stored) {
  return {module->AddConstant(name, stored.q),
          module->AddConstant(absl::StrCat(name, "/scale"), stored.scale)};
}

absl::StatusOr<ir::Value*> InsertDequantize(ir::Node* before, const StoredConstants& stored,
                                            int axis) {
  MIRIN_ASSIGN_OR_RETURN(
      ir::Node * node,
      passes::Insert(before, "DequantizeLinear", absl::StrCat(stored.q->name(), "/float32"),
                     {stored.q, stored.scale}, {{"axis", int64_t{axis}}}));
  return node->output();
}

}  // namespace mirin::converter
