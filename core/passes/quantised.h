// What passes and the quantiser know about QuantizeLinear and DequantizeLinear with constant parameters.
#ifndef CORE_PASSES_QUANTISED_H_
#define CORE_PASSES_QUANTISED_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "core/ir/graph.h"

namespace mirin::passes {

// How integers stand for numbers: (q - zero) * scale, one pair for all or one for each slice of an axis.
struct Quantisation {
  DType dtype = DType::kUnknown;  // of q
  std::vector<float> scale;
  std::vector<int64_t> zero;  // as many
  int axis = 0;               // where there is more than one

  bool per_tensor() const { return scale.size() == 1; }
  bool symmetric() const;
  friend bool operator==(const Quantisation& a, const Quantisation& b);
};

// The parameters of a QuantizeLinear or DequantizeLinear between float32 and integers of at most 16 bits; nullopt for another
// node, for computed parameters and for blocks within an axis.
std::optional<Quantisation> QuantisationOf(const ir::Node& node);

// The DequantizeLinear that makes a value, with its parameters.
struct Dequantised {
  const ir::Node* node = nullptr;
  ir::Value* q = nullptr;
  Quantisation quantisation;
};
std::optional<Dequantised> DequantisedFrom(const ir::Value* value);

// A convolution or matrix product: input 1 is its weight.
bool IsLinearOp(const ir::Node& node);

// A weight stored as integers: DequantizeLinear of a constant of 8 or 16 bits.
bool IsStoredWeight(const ir::Node& node);
// ... whose readers multiply it with activations that are integers, too: fuse_quantized wants it as it is.
bool IsWeightOfIntegers(const ir::Node& node);

}  // namespace mirin::passes

#endif  // CORE_PASSES_QUANTISED_H_
