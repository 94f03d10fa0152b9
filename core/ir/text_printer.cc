#include <cmath>
#include <cstring>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "core/ir/text.h"

namespace mirin::ir {
namespace {

template <typename T>
std::string Element(T value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_integral_v<T>) {
    return absl::StrCat(value);
  } else {
    return absl::StrFormat(std::is_same_v<T, double> ? "%.17g" : "%.9g",
                           static_cast<double>(value));
  }
}

// "{1, 2}", "splat 0" or "...".
std::string Contents(const Tensor& tensor, int64_t max_elements) {
  const int64_t n = tensor.elements();
  if (tensor.dtype() == DType::kString) {
    if (n > max_elements) return "...";
    std::vector<std::string> texts;
    for (absl::string_view s : tensor.strings())
      texts.push_back(absl::StrCat("\"", absl::CEscape(s), "\""));
    return absl::StrCat("{", absl::StrJoin(texts, ", "), "}");
  }
  return VisitDType(
      tensor.dtype(),
      [&](auto tag) -> std::string {
        using T = typename decltype(tag)::type;
        const auto* bytes = static_cast<const char*>(tensor.data());
        const auto at = [&](int64_t i) {
          T value;
          std::memcpy(&value, bytes + i * sizeof(T), sizeof(T));
          return value;
        };
        if (n > max_elements) {
          for (int64_t i = 1; i < n; ++i) {
            if (std::memcmp(bytes, bytes + i * sizeof(T), sizeof(T)) != 0) return "...";
          }
          return absl::StrCat("splat ", Element<T>(at(0)));
        }
        std::vector<std::string> texts;
        for (int64_t i = 0; i < n; ++i) texts.push_back(Element<T>(at(i)));
        return absl::StrCat("{", absl::StrJoin(texts, ", "), "}");
      },
      std::string("..."));
}

class Printer {
 public:
  Printer(const Module& module, const PrintOptions& options) : module_(module), options_(options) {}

  std::string Print() {
    for (const auto& v : module_.constants()) Declare("const", *v);
    for (const auto& v : module_.variables()) Declare("var", *v);
    if (module_.entry() != nullptr) PrintGraph(*module_.entry());
    for (const auto& graph : module_.graphs()) {
      if (graph.get() != module_.entry()) PrintGraph(*graph);
    }
    return std::move(out_);
  }

 private:
  const std::string& NameOf(const Value* value) {
    auto it = names_.find(value);
    if (it != names_.end()) return it->second;
    std::string base = options_.canonical
                           ? absl::StrCat(value->is_constant() ? "c" : "", names_.size())
                           : value->name();
    for (char& c : base) {
      if (!absl::ascii_isalnum(c) && c != '_' && c != '.' && c != '/' && c != '-') c = '_';
    }
    if (base.empty()) base = "v";
    std::string name = absl::StrCat("%", base);
    for (int i = 1; !taken_.insert(name).second; ++i) name = absl::StrCat("%", base, ".", i);
    return names_.emplace(value, std::move(name)).first->second;
  }

  const std::string& NameOf(const Graph* graph) {
    auto it = graph_names_.find(graph);
    if (it != graph_names_.end()) return it->second;
    std::string base = options_.canonical ? absl::StrCat("g", graph_names_.size()) : graph->name();
    for (char& c : base) {
      if (!absl::ascii_isalnum(c) && c != '_' && c != '.' && c != '/' && c != '-') c = '_';
    }
    std::string name = absl::StrCat("@", base);
    for (int i = 1; !taken_.insert(name).second; ++i) name = absl::StrCat("@", base, ".", i);
    return graph_names_.emplace(graph, std::move(name)).first->second;
  }

  std::string Typed(const Value* value) {
    if (value->type().dtype == DType::kUnknown) return NameOf(value);
    return absl::StrCat(NameOf(value), " : ", ToString(value->type()));
  }

  void Declare(absl::string_view keyword, const Value& value) {
    if (options_.canonical && value.is_constant()) return;  // printed where they are read
    absl::StrAppend(&out_, keyword, " ", Typed(&value), " = ",
                    Contents(value.tensor(), options_.max_elements), "\n");
  }

  std::string Operand(const Value* value) {
    if (value == nullptr) return "_";
    if (options_.canonical && value->is_constant()) {
      return absl::StrCat(ToString(value->type()),
                          Contents(value->tensor(), options_.max_elements));
    }
    return NameOf(value);
  }

  void PrintGraph(const Graph& graph) {
    std::vector<std::string> inputs;
    for (const auto& v : graph.inputs()) inputs.push_back(Typed(v.get()));
    absl::StrAppend(&out_, "graph ", NameOf(&graph), "(", absl::StrJoin(inputs, ", "), ") {\n");
    for (const auto& node : graph.nodes()) PrintNode(*node);
    std::vector<std::string> outputs;
    for (size_t i = 0; i < graph.outputs().size(); ++i) {
      outputs.push_back(Operand(graph.outputs()[i]));
      if (&graph == module_.entry() && i < module_.output_names().size()) {
        absl::StrAppend(&outputs.back(), " as \"", absl::CEscape(module_.output_names()[i]), "\"");
      }
    }
    absl::StrAppend(&out_, "  return ", absl::StrJoin(outputs, ", "), "\n}\n");
  }

  void PrintNode(const Node& node) {
    std::vector<std::string> results, operands, attributes, branches;
    for (const auto& v : node.outputs()) results.push_back(Typed(v.get()));
    for (const Value* v : node.inputs()) operands.push_back(Operand(v));
    for (const auto& [name, value] : node.attrs().map()) {
      attributes.push_back(absl::StrCat(name, " = ", ToString(value)));
    }
    for (const Branch& b : node.branches()) {
      branches.push_back(absl::StrCat(NameOf(b.graph), "(", absl::StrJoin(b.args, ", "), ")"));
    }
    absl::StrAppend(&out_, "  ", absl::StrJoin(results, ", "), results.empty() ? "" : " = ",
                    node.op(), "(", absl::StrJoin(operands, ", "), ")");
    if (!attributes.empty()) absl::StrAppend(&out_, " {", absl::StrJoin(attributes, ", "), "}");
    if (!branches.empty()) absl::StrAppend(&out_, " [", absl::StrJoin(branches, ", "), "]");
    if (!options_.canonical && !node.name().empty())
      absl::StrAppend(&out_, " \"", absl::CEscape(node.name()), "\"");
    out_ += "\n";
  }

  const Module& module_;
  const PrintOptions& options_;
  std::string out_;
  absl::flat_hash_map<const Value*, std::string> names_;
  absl::flat_hash_map<const Graph*, std::string> graph_names_;
  absl::flat_hash_set<std::string> taken_;
};

}  // namespace

std::string Print(const Module& module, const PrintOptions& options) {
  return Printer(module, options).Print();
}

}  // namespace mirin::ir
