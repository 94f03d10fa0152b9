#include "core/mindir/structure.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"

namespace mirin::mindir {

void CollectLeaves(const Bound& b, bool constants_too, std::vector<ir::Value*>* leaves,
                   std::string* signature) {
  absl::StrAppend(signature, static_cast<int>(b.kind), ":");
  switch (b.kind) {
    case BoundKind::kTensor:
    case BoundKind::kShape:
      if (b.value->kind() == ir::ValueKind::kInput || b.value->kind() == ir::ValueKind::kResult ||
          constants_too) {
        leaves->push_back(b.value);
        absl::StrAppend(signature, "*");
      } else {
        absl::StrAppend(signature, reinterpret_cast<intptr_t>(b.value));
      }
      break;
    case BoundKind::kString:
      absl::StrAppend(signature, b.s.size(), ",", b.s);
      break;
    case BoundKind::kFloat:
      absl::StrAppend(signature, b.d);
      break;
    default:
      absl::StrAppend(signature, b.i, ",", static_cast<int>(b.dtype));
      break;
  }
  absl::StrAppend(signature, "(");
  for (const Binding& m : b.members) CollectLeaves(*m, constants_too, leaves, signature);
  absl::StrAppend(signature, ")");
}

Binding ReplaceLeaves(const Bound& b, bool constants_too, absl::Span<ir::Value* const> with,
                      size_t* next) {
  auto copy = std::make_shared<Bound>(b);
  if (b.kind == BoundKind::kTensor || b.kind == BoundKind::kShape) {
    if (b.value->kind() == ir::ValueKind::kInput || b.value->kind() == ir::ValueKind::kResult ||
        constants_too) {
      copy->value = with[(*next)++];
    }
  }
  for (Binding& m : copy->members) m = ReplaceLeaves(*m, constants_too, with, next);
  return copy;
}

namespace {

absl::StatusOr<Binding> StructureOf(const RawAttribute& type) {
  if (type.type == kAttrTuple || type.type == kAttrList) {
    std::vector<Binding> members;
    for (const RawAttribute& v : type.values) {
      MIRIN_ASSIGN_OR_RETURN(Binding m, StructureOf(v));
      members.push_back(std::move(m));
    }
    return BindTuple(std::move(members));
  }
  if (type.type == kAttrUMonad || type.type == kAttrIOMonad) return MakeBinding(BoundKind::kMonad);
  if (type.type == kAttrNone) return MakeBinding(BoundKind::kNone);
  return BindTensor(nullptr);
}

}  // namespace

absl::StatusOr<Binding> DeclaredStructure(const RawGraph& graph, const Limits& limits) {
  if (graph.outputs.size() > 1) {
    std::vector<Binding> members(graph.outputs.size(), BindTensor(nullptr));
    return BindTuple(std::move(members));
  }
  if (graph.outputs[0].attr_info.empty()) return BindTensor(nullptr);
  MIRIN_ASSIGN_OR_RETURN(const RawAttribute type,
                         ParseAttribute(graph.outputs[0].attr_info, limits));
  return StructureOf(type);
}

int CountLeaves(const Bound& b) {
  if (b.kind == BoundKind::kTuple) {
    int n = 0;
    for (const Binding& m : b.members) n += CountLeaves(*m);
    return n;
  }
  return b.kind == BoundKind::kMonad || b.kind == BoundKind::kNone ? 0 : 1;
}

Binding FillStructure(const Bound& b, const std::vector<std::unique_ptr<ir::Value>>& with,
                      size_t* next) {
  if (b.kind == BoundKind::kTuple) {
    std::vector<Binding> members;
    for (const Binding& m : b.members) members.push_back(FillStructure(*m, with, next));
    return BindTuple(std::move(members));
  }
  if (b.kind == BoundKind::kMonad || b.kind == BoundKind::kNone) return MakeBinding(b.kind);
  if (b.kind == BoundKind::kShape) {
    auto shape = std::make_shared<Bound>();
    shape->kind = BoundKind::kShape;
    shape->value = with[(*next)++].get();
    return shape;
  }
  return BindTensor(with[(*next)++].get());
}
}  // namespace mirin::mindir
