// How MindSpore 2.10 writes operators, where a schema says it otherwise.
//
// MindSpore has two kinds of primitives: functions, whose parameters are all operands, and older ones, which keep numbers in attributes.
// Enumerations are numbers in the former and texts in the latter, and convolutions and pools have lists for all four axes.
#ifndef CORE_MINDIR_MINDSPORE_DIALECT_H_
#define CORE_MINDIR_MINDSPORE_DIALECT_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/ir/graph.h"

namespace mirin::mindir {

// How many of the schema's first parameters MindSpore's function has, when the node can be written as one: what it does not have is at
// its default. 0: the node has attributes.
int FunctionParameters(const ir::Node& node);

// The value of an attribute as MindSpore's function takes it for an operand.
ir::Attribute FunctionOperand(const ir::Node& node, const std::string& name,
                              const ir::Attribute& value);

// The other way round: the text that a number of MindSpore's stands for, any other value as it is. `text` tells whether the schema wants
// one. InvalidArgument for a number without meaning.
absl::StatusOr<ir::Attribute> FromFunctionOperand(const std::string& name, bool text,
                                                  const ir::Attribute& value);

// The attributes of an older primitive as MindSpore has them; more than the schema's where it wants more.
std::map<std::string, ir::Attribute> PrimitiveAttributes(const ir::Node& node);

// The operator's name there: some of ours give tensors where MindSpore's of that name give tuples.
std::string MindSporeName(const ir::Node& node);

// Why MindSpore 2.10 cannot run the node on a CPU, as far as is known; "" when it can.
std::string MindSporeRefusal(const ir::Node& node);

}  // namespace mirin::mindir

#endif  // CORE_MINDIR_MINDSPORE_DIALECT_H_
