// The table of all op schemas, made from op_list.inc: one line per op, in files by family.
#ifndef CORE_OPS_REGISTRY_H_
#define CORE_OPS_REGISTRY_H_

#include "absl/types/span.h"
#include "core/ops/schema.h"

namespace mirin::ops {

// Declares `OpSchema Add();` ... for every line of op_list.inc; the families' .cc files define them.
namespace schemas {
#define MIRIN_OP(Name) OpSchema Name();
#include "core/ops/op_list.inc"
#undef MIRIN_OP
}  // namespace schemas

absl::Span<const OpSchema> SchemaTable();

}  // namespace mirin::ops

#endif  // CORE_OPS_REGISTRY_H_
