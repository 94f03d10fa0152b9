// Constants, attributes and types as messages of the format.
#ifndef CORE_MINDIR_WRITE_VALUE_H_
#define CORE_MINDIR_WRITE_VALUE_H_

#include "absl/status/statusor.h"
#include "core/base/wire_writer.h"
#include "core/ir/graph.h"

namespace mirin::mindir {

// TensorProto without data.
WireWriter TensorTypeMessage(const ir::TensorType& type);
// The same as a nameless type attribute (TENSORS), for tuples of results and for "shape".
WireWriter TypeAttribute(absl::string_view name, const ir::TensorType& type);
// An attribute, or with name "value" the value of a Constant node.
absl::StatusOr<WireWriter> AttributeMessage(absl::string_view name, const ir::Attribute& value);

}  // namespace mirin::mindir

#endif  // CORE_MINDIR_WRITE_VALUE_H_
