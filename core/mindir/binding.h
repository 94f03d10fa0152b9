// What a MindIR name stands for while a file is lowered: a tensor, or one of the values that disappear in the IR.
#ifndef CORE_MINDIR_BINDING_H_
#define CORE_MINDIR_BINDING_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/ir/graph.h"
#include "core/mindir/raw_model.h"

namespace mirin::mindir {

struct Bound;
using Binding = std::shared_ptr<const Bound>;

enum class BoundKind {
  kTensor,  // value
  kShape,   // value is a 1-D int64 tensor that MindIR sees as a tuple of scalars
  kInt,     // i, with dtype int8..uint64
  kFloat,   // d, with dtype float16..float64
  kBool,    // i
  kString,  // s
  kNone,
  kDType,        // dtype
  kTuple,        // members
  kMonad,        // a token; carries nothing once the order of nodes is fixed
  kParameter,    // i: index of the entry graph's parameter
  kGraph,        // i: index of a function graph
  kPartial,      // members[0] is the function, the rest are its first arguments
  kSwitch,       // members: condition, function if true, function if false
  kSwitchLayer,  // members: index, functions ..
  kFailed,       // the result of a node that cannot run, while a file is inspected
};

struct Bound {
  BoundKind kind = BoundKind::kNone;
  ir::Value* value = nullptr;
  int64_t i = 0;
  double d = 0;
  std::string s;
  DType dtype = DType::kUnknown;
  std::vector<Binding> members;
  mutable int64_t weight = 0;  // see WeightOf; 0: not known yet
};

// How many bindings this one consists of when members that are shared are counted each time, as walking over it does.
int64_t WeightOf(const Bound& binding);

Binding MakeBinding(BoundKind kind);
Binding BindTensor(ir::Value* value);
Binding BindInt(int64_t i);
Binding BindTuple(std::vector<Binding> members);

inline bool IsNumber(const Bound& b) {
  return b.kind == BoundKind::kInt || b.kind == BoundKind::kFloat || b.kind == BoundKind::kBool;
}
inline bool IsFunction(const Bound& b) {
  return b.kind == BoundKind::kGraph || b.kind == BoundKind::kPartial ||
         b.kind == BoundKind::kSwitch || b.kind == BoundKind::kSwitchLayer;
}

// TensorProto.DataType -> DType; kUnknown for what we do not have.
DType DTypeFromProto(int data_type);
int ProtoFromDType(DType dtype);

// Turns tensors that carry bytes into tensors of the module's constants.
using TensorLoader = std::function<absl::StatusOr<Tensor>(const RawTensor&)>;

// A literal (the value of a Constant node, or an attribute of a primitive) as a binding. Tensors become constants of
// `module`, made by `load`.
absl::StatusOr<Binding> BindLiteral(const RawAttribute& attribute, ir::Module* module,
                                    const TensorLoader& load);

// A constant binding as an attribute; InvalidArgument for tensors that are not constant and for functions.
absl::StatusOr<ir::Attribute> ToAttribute(const Bound& binding);

// The value of a constant binding (number, tuple of numbers, or constant integer tensor); false when it is none.
bool ToInts(const Bound& binding, std::vector<int64_t>* out);

}  // namespace mirin::mindir

#endif  // CORE_MINDIR_BINDING_H_
