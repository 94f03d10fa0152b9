#include "core/mindir/signature.h"

#include <functional>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/status.h"

namespace mirin::mindir {

absl::Status AddInputs(const RawModel& model, const Limits& limits, ir::Graph* graph,
                       std::vector<Binding>* arguments) {
  absl::flat_hash_set<std::string> used;
  const auto unique = [&](std::string name) {
    std::string candidate = name;
    for (int i = 0; !used.insert(candidate).second; ++i) candidate = absl::StrCat(name, "_", i);
    return candidate;
  };
  const auto add = [&](const std::string& name, const RawTensor& raw) {
    ir::TensorType type;
    type.dtype = DTypeFromProto(raw.data_type);
    const bool unknown_rank = raw.dims.size() == 1 && raw.dims[0] == -2;
    type.shape = unknown_rank ? Shape::Unknown() : Shape(raw.dims);
    return graph->AddInput(unique(name), std::move(type));
  };
  std::function<absl::StatusOr<Binding>(const RawAttribute&, const std::string&)> from_type =
      [&](const RawAttribute& type, const std::string& name) -> absl::StatusOr<Binding> {
    if (type.type == kAttrTuple || type.type == kAttrList) {
      std::vector<Binding> members;
      for (const RawAttribute& v : type.values) {
        MIRIN_ASSIGN_OR_RETURN(Binding m, from_type(v, absl::StrCat(name, "_", members.size())));
        members.push_back(std::move(m));
      }
      return BindTuple(std::move(members));
    }
    if (type.type == kAttrUMonad || type.type == kAttrIOMonad)
      return MakeBinding(BoundKind::kMonad);
    if (type.tensors.empty())
      return absl::UnimplementedError(absl::StrCat("input '", name, "' is not a tensor"));
    RawTensor tensor = type.tensors[0];
    if (type.type == kAttrScalar) tensor.dims.clear();
    return BindTensor(add(name, tensor));
  };
  for (const RawValueInfo& input : model.graphs[0].inputs) {
    std::string name = PublicName(input.name);
    if (model.is_lite && input.has_tensor && !input.tensor.name.empty())
      name = std::string(input.tensor.name);
    if (input.has_tensor) {
      if (DTypeFromProto(input.tensor.data_type) == DType::kUnknown) {
        return absl::UnimplementedError(
            absl::StrCat("input '", name, "' has the unsupported dtype ", input.tensor.data_type));
      }
      for (int64_t d : input.tensor.dims) {
        if (d < -2 || (d == -2 && input.tensor.dims.size() != 1)) {
          return absl::DataLossError(absl::StrCat("input '", name, "' has the impossible dim ", d));
        }
      }
      arguments->push_back(BindTensor(add(name, input.tensor)));
    } else if (!input.attr_info.empty()) {
      MIRIN_ASSIGN_OR_RETURN(const RawAttribute type, ParseAttribute(input.attr_info, limits));
      MIRIN_ASSIGN_OR_RETURN(Binding b, from_type(type, name));
      arguments->push_back(std::move(b));
    } else if (absl::EndsWith(input.denotation, "MonadType")) {
      arguments->push_back(MakeBinding(BoundKind::kMonad));
    } else {
      return absl::UnimplementedError(absl::StrCat("input '", name, "' is not a tensor"));
    }
  }
  return absl::OkStatus();
}

std::vector<std::string> OutputNames(const RawModel& model, const SymbolTable& symbols,
                                     const Limits& limits, size_t count) {
  std::vector<std::string> names;
  std::function<void(absl::string_view, const std::string&, int)> walk =
      [&](absl::string_view name, const std::string& suffix, int depth) {
        const Symbol* symbol = symbols.Find(name);
        if (symbol == nullptr || depth > limits.max_nesting || names.size() >= count) return;
        if (symbol->kind != Symbol::kNode) {
          names.push_back(PublicName(name) + suffix);
          return;
        }
        const RawNode& node = model.graphs[symbol->graph].nodes[symbol->index];
        const std::string op = symbols.OpOf(node);
        if (op == "Depend" && !node.inputs.empty()) return walk(node.inputs[0], suffix, depth + 1);
        if (op == "MakeTuple" || op == "make_list") {
          for (absl::string_view input : node.inputs) walk(input, suffix, depth + 1);
          return;
        }
        if (model.is_lite) {
          for (absl::string_view bytes : node.attributes) {
            auto attribute = ParseAttribute(bytes, limits);
            if (!attribute.ok() || attribute->tensors.empty() || attribute->tensors[0].name.empty())
              continue;
            names.push_back(std::string(attribute->tensors[0].name));
            return;
          }
        }
        if (op == "TupleGetItem" && node.inputs.size() == 2) {
          const Symbol* index = symbols.Find(node.inputs[1]);
          if (index != nullptr && index->kind == Symbol::kConstant) {
            const RawNode& constant = model.graphs[index->graph].nodes[index->index];
            auto value = constant.attributes.empty()
                             ? absl::StatusOr<RawAttribute>(absl::NotFoundError(""))
                             : ParseAttribute(constant.attributes[0], limits);
            if (value.ok())
              return walk(node.inputs[0], absl::StrCat("_", value->i, suffix), depth + 1);
          }
        }
        names.push_back(std::string(node.domain.empty() ? node.name : node.domain) + suffix);
      };
  for (const RawValueInfo& output : model.graphs[0].outputs) walk(output.name, "", 0);
  if (names.size() == 1 && count > 1) {  // one call or multi-result node behind all of them
    const std::string base = names[0];
    names.clear();
    for (size_t i = 0; i < count; ++i) names.push_back(absl::StrCat(base, "_", i));
  }
  for (size_t i = names.size(); i < count; ++i) names.push_back(absl::StrCat("output_", i));
  names.resize(count);
  absl::flat_hash_set<std::string> used;
  for (std::string& name : names) {
    const std::string base = name;
    for (int i = 0; !used.insert(name).second; ++i) name = absl::StrCat(base, "_", i);
  }
  return names;
}
}  // namespace mirin::mindir
