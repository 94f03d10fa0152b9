#include "core/converter/quantize/weight_only.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_format.h"
#include "core/base/status.h"
#include "core/converter/quantize/weights.h"

namespace mirin::converter {
namespace {

// Every reader of the constant takes it along the same axis, so that one form serves them all.
bool OneFormServes(const QuantConfig& config, const WeightUse& use) {
  const auto& readers = use.weight()->uses();
  return std::all_of(readers.begin(), readers.end(), [&](const ir::Value::Use& reader) {
    const std::optional<WeightUse> other = WeightOf(reader.node);
    return other.has_value() && other->input == reader.index && other->axis == use.axis &&
           !IsLeftOut(config, *other);
  });
}

// Fewer numbers than this save less than the node that makes them again takes in a file.
constexpr int64_t kLeastElements = 512;

// The constants that stand for a weight; none when it stays as it is.
absl::StatusOr<StoredConstants> Store(const QuantConfig& config, const WeightUse& use,
                                      ir::Module* module, Layers* layers) {
  const ir::Value& weight = *use.weight();
  const int64_t elements = weight.tensor().elements();
  const auto leave = [&](std::string reason) {
    layers->Left(*use.node, elements, std::move(reason));
    return StoredConstants();
  };
  if (elements < kLeastElements)
    return leave(absl::StrFormat("fewer than %d numbers are smaller as they are", kLeastElements));
  if (!OneFormServes(config, use))
    return leave("another node reads the same constant in another way");
  const int bits = config.bit_num == 0 ? 8 : config.bit_num;
  const absl::StatusOr<StoredWeight> stored =
      StoreWeight(weight.tensor(), config.per_channel ? use.axis : -1, bits);
  if (absl::IsInvalidArgument(stored.status()))
    return leave(std::string(stored.status().message()));
  MIRIN_RETURN_IF_ERROR(stored.status());
  if (config.bit_num == 0 && stored->error > config.init_scale)
    return leave(absl::StrFormat("8 bits make an error above init_scale %g", config.init_scale));
  layers->Quantised(*use.node, elements, bits, stored->error);
  return AddStored(module, weight.name(), *stored);
}

}  // namespace

absl::Status QuantizeWeights(const QuantConfig& config, ir::Module* module, Layers* layers) {
  absl::flat_hash_map<const ir::Value*, StoredConstants> stored;
  absl::flat_hash_map<std::pair<const ir::Graph*, const ir::Value*>, ir::Value*>
      made;  // before its first reader in the graph
  for (const WeightUse& use : FindWeights(config, *module)) {
    const ir::Value* weight = use.weight();
    auto [it, is_new] = stored.try_emplace(weight);
    if (is_new) {
      MIRIN_ASSIGN_OR_RETURN(it->second, Store(config, use, module, layers));
    }
    if (it->second.q == nullptr) continue;
    ir::Value*& again = made[{use.node->graph(), weight}];
    if (again == nullptr) {
      MIRIN_ASSIGN_OR_RETURN(again, InsertDequantize(use.node, it->second, use.axis));
    }
    use.node->SetInput(use.input, again);
  }
  module->EraseUnusedConstants();
  return absl::OkStatus();
}

}  // namespace mirin::converter
