// Weights as integers: which ones, and how.
#ifndef CORE_CONVERTER_QUANTIZE_WEIGHTS_H_
#define CORE_CONVERTER_QUANTIZE_WEIGHTS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/base/tensor.h"
#include "core/converter/quant_config.h"
#include "core/ir/graph.h"

namespace mirin::converter {

// weight ~ q * scale, symmetric around 0.
struct StoredWeight {
  Tensor q;      // int8 for at most 8 bits, else int16
  Tensor scale;  // float32[channels], or float32[] for one
  double error =
      0;  // root mean square of the difference, over that of the weight; 0 for a weight of zeros
};

// `bits` from 1 to 16; `axis` gets a scale per slice, -1 one for all. With few bits the range is cut where that lowers the error.
// InvalidArgument for numbers that are not finite.
absl::StatusOr<StoredWeight> StoreWeight(const Tensor& weight, int axis, int bits);

// A float32 constant that a node multiplies with, or looks rows up in.
struct WeightUse {
  ir::Node* node = nullptr;
  int input = 1;
  int axis = 0;  // of the output channels, or of the rows
  ir::Value* weight() const { return node->input(input); }
};

// nullopt for a node without such a constant.
std::optional<WeightUse> WeightOf(ir::Node* node);
// Whether the configuration leaves the node as it is: skip_quant_node, min_quant_weight_size, min_quant_weight_channel.
bool IsLeftOut(const QuantConfig& config, const WeightUse& use);

// The weights of a module that may be quantised, in order of execution.
std::vector<WeightUse> FindWeights(const QuantConfig& config, const ir::Module& module);

// The stored weight as constants of a module: one pair serves every graph.
struct StoredConstants {
  ir::Value* q = nullptr;
  ir::Value* scale = nullptr;
};
StoredConstants AddStored(ir::Module* module, const std::string& name, const StoredWeight& stored);
// A DequantizeLinear of them in front of the node, and its result.
absl::StatusOr<ir::Value*> InsertDequantize(ir::Node* before, const StoredConstants& stored,
                                            int axis);

}  // namespace mirin::converter

#endif  // CORE_CONVERTER_QUANTIZE_WEIGHTS_H_
