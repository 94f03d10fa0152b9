#include "core/ops/registry.h"

#include <vector>

namespace mirin::ops {

absl::Span<const OpSchema> SchemaTable() {
  static const auto* const kTable = new std::vector<OpSchema>{
#define MIRIN_OP(Name) schemas::Name(),
#include "core/ops/op_list.inc"
#undef MIRIN_OP
  };
  return *kTable;
}

}  // namespace mirin::ops
