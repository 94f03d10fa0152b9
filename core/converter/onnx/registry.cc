#include "core/converter/onnx/registry.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"

namespace mirin::onnx {
namespace {

using Table = std::map<std::pair<std::string, std::string>, converter::Translator>;

const Table& Translators() {
  static const auto* const kTable = new Table{
#define ONNX_OP(Op) {{"", #Op}, translate::Op},
#define ONNX_OP_IN(domain, Op) {{domain, #Op}, translate::Op},
#define ONNX_OP_AS(domain, Op, Function) {{domain, #Op}, translate::Function},
#include "core/converter/onnx/op_list.inc"
#undef ONNX_OP
#undef ONNX_OP_IN
#undef ONNX_OP_AS
  };
  return *kTable;
}

}  // namespace

converter::Translator FindTranslator(absl::string_view domain, absl::string_view op) {
  if (domain == "ai.onnx") domain = "";
  const auto it = Translators().find({std::string(domain), std::string(op)});
  return it == Translators().end() ? nullptr : it->second;
}

std::vector<std::string> AllOps() {
  std::vector<std::string> names;
  for (const auto& [key, translator] : Translators())
    names.push_back(key.first.empty() ? key.second : absl::StrCat(key.first, "::", key.second));
  return names;
}

}  // namespace mirin::onnx
