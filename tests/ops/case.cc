#include "tests/ops/case.h"

#include <cmath>
#include <fstream>
#include <random>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "core/base/status.h"
#include "core/ir/text.h"
#include "core/ops/infer_module.h"
#include "core/ops/schema.h"

namespace mirin::testing {
namespace {

// "float32[2,3]" and what follows it.
absl::StatusOr<ir::TensorType> ReadType(absl::string_view text) {
  const size_t bracket = text.find('[');
  if (bracket == absl::string_view::npos || text.back() != ']')
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' is no type"));
  const DType dtype = DTypeFromName(text.substr(0, bracket));
  if (dtype == DType::kUnknown)
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' has no dtype"));
  Dims dims;
  for (absl::string_view d : absl::StrSplit(text.substr(bracket + 1, text.size() - bracket - 2),
                                            ',', absl::SkipEmpty())) {
    int64_t size;
    if (!absl::SimpleAtoi(d, &size))
      return absl::InvalidArgumentError(absl::StrCat("'", text, "' has a bad size"));
    dims.push_back(size);
  }
  return ir::TensorType{dtype, Shape(std::move(dims))};
}

template <typename T>
absl::StatusOr<T> Number(absl::string_view text) {
  if constexpr (std::is_same_v<T, bool>) {
    if (text != "true" && text != "false" && text != "0" && text != "1")
      return absl::InvalidArgumentError(absl::StrCat("'", text, "' is no bool"));
    return text == "true" || text == "1";
  } else if constexpr (std::is_integral_v<T>) {
    std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t> wide;
    if (!absl::SimpleAtoi(text, &wide))
      return absl::InvalidArgumentError(absl::StrCat("'", text, "' is no integer"));
    return static_cast<T>(wide);
  } else {
    double wide;
    if (!absl::SimpleAtod(text, &wide))
      return absl::InvalidArgumentError(absl::StrCat("'", text, "' is no number"));
    if constexpr (std::is_same_v<T, double>) return wide;
    return static_cast<T>(static_cast<float>(wide));
  }
}

template <typename T>
absl::Status Fill(const std::vector<std::string>& words, Tensor* tensor) {
  T* data = tensor->mutable_data_as<T>();
  const int64_t n = tensor->elements();
  if (!words.empty() && words[0] == "iota") {
    for (int64_t i = 0; i < n; ++i) data[i] = static_cast<T>(static_cast<float>(i));
    return absl::OkStatus();
  }
  if (words.size() == 2 && words[0] == "splat") {
    MIRIN_ASSIGN_OR_RETURN(const T value, Number<T>(words[1]));
    std::fill_n(data, n, value);
    return absl::OkStatus();
  }
  if (words.size() == 4 && words[0] == "random") {
    MIRIN_ASSIGN_OR_RETURN(const uint32_t seed, Number<uint32_t>(words[1]));
    MIRIN_ASSIGN_OR_RETURN(const double low, Number<double>(words[2]));
    MIRIN_ASSIGN_OR_RETURN(const double high, Number<double>(words[3]));
    std::mt19937 random(seed);
    for (int64_t i = 0; i < n; ++i) {
      const double v = low + (high - low) * (random() / 4294967296.0);
      data[i] = static_cast<T>(static_cast<float>(std::is_integral_v<T> ? std::floor(v) : v));
    }
    return absl::OkStatus();
  }
  if (static_cast<int64_t>(words.size()) != n)
    return absl::InvalidArgumentError(
        absl::StrCat("has ", words.size(), " values, the shape needs ", n));
  for (int64_t i = 0; i < n; ++i) {
    MIRIN_ASSIGN_OR_RETURN(data[i], Number<T>(words[static_cast<size_t>(i)]));
  }
  return absl::OkStatus();
}

// What blanks separate; texts in quotes may have blanks.
std::vector<std::string> Words(absl::string_view text) {
  std::vector<std::string> words;
  while (!(text = absl::StripLeadingAsciiWhitespace(text)).empty()) {
    const size_t end =
        text[0] == '"' ? text.find('"', 1) + 1 : std::min(text.find(' '), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::max<size_t>(end, 1));
  }
  return words;
}

absl::StatusOr<Tensor> ReadTensor(absl::string_view text) {
  std::vector<std::string> words = Words(text);
  if (words.empty()) return absl::InvalidArgumentError("a type is missing");
  MIRIN_ASSIGN_OR_RETURN(const ir::TensorType type, ReadType(words[0]));
  words.erase(words.begin());
  if (type.dtype == DType::kString) {
    std::vector<std::string> texts;
    for (const std::string& w : words) {
      if (w.size() < 2 || w[0] != '"')
        return absl::InvalidArgumentError(absl::StrCat(w, " is no text in quotes"));
      texts.push_back(w.substr(1, w.size() - 2));
    }
    if (static_cast<int64_t>(texts.size()) != NumElements(type.shape.dims()))
      return absl::InvalidArgumentError(
          absl::StrCat(texts.size(), " texts for ", ir::ToString(type)));
    return Tensor::FromStrings(type.shape.dims(), std::move(texts));
  }
  MIRIN_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(type.dtype, type.shape.dims()));
  const absl::Status filled = VisitDType(
      type.dtype, [&](auto tag) { return Fill<typename decltype(tag)::type>(words, &tensor); },
      absl::InvalidArgumentError("no numbers"));
  MIRIN_RETURN_IF_ERROR(filled);
  return tensor;
}

absl::Status ReadLine(absl::string_view line, OpCase* c) {
  if (absl::ConsumePrefix(&line, "op ")) {
    c->op = std::string(line);
  } else if (absl::ConsumePrefix(&line, "attr ")) {
    const std::pair<std::string, std::string> pair = absl::StrSplit(line, absl::MaxSplits(' ', 1));
    c->attributes.push_back(pair);
  } else if (line == "input none") {
    c->inputs.push_back({false, false, Tensor()});
  } else if (absl::ConsumePrefix(&line, "input ")) {
    OpCase::Input input;
    input.constant = absl::ConsumePrefix(&line, "const ");
    MIRIN_ASSIGN_OR_RETURN(input.tensor, ReadTensor(line));
    c->inputs.push_back(std::move(input));
  } else if (line == "output reference") {
    c->output_reference = true;
  } else if (line == "output -") {
    c->outputs.emplace_back();
  } else if (absl::ConsumePrefix(&line, "output ")) {
    MIRIN_ASSIGN_OR_RETURN(Tensor tensor, ReadTensor(line));
    c->outputs.push_back(std::move(tensor));
  } else if (absl::ConsumePrefix(&line, "tolerance ")) {
    if (!absl::SimpleAtod(line, &c->tolerance)) return absl::InvalidArgumentError("bad tolerance");
  } else if (absl::ConsumePrefix(&line, "error ")) {
    c->error = std::string(line);
  } else {
    return absl::InvalidArgumentError(absl::StrCat("what is '", line, "'?"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<OpCase>> ReadOpCases(const std::string& path) {
  std::ifstream in(path);
  if (!in.good()) return absl::NotFoundError(path);
  std::vector<OpCase> cases;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    absl::string_view text = absl::StripAsciiWhitespace(line);
    if (text.empty() || text[0] == '#') continue;
    if (absl::ConsumePrefix(&text, "== ")) {
      cases.emplace_back();
      cases.back().name = std::string(text);
      cases.back().line = number;
      continue;
    }
    if (cases.empty())
      return absl::InvalidArgumentError(absl::StrCat(path, ":", number, ": no case has begun"));
    MIRIN_RETURN_IF_ERROR(Annotate(ReadLine(text, &cases.back()), absl::StrCat(path, ":", number)));
  }
  return cases;
}

absl::StatusOr<std::unique_ptr<ir::Module>> ModuleOf(const OpCase& c) {
  const ops::OpSchema* schema = ops::FindSchema(c.op);
  if (schema == nullptr) return absl::NotFoundError(absl::StrCat("there is no op ", c.op));
  // Attributes through the text form's parser: one place knows how they are written.
  std::string attributes;
  for (const auto& [name, value] : c.attributes)
    absl::StrAppend(&attributes, attributes.empty() ? "" : ", ", name, " = ", value);
  MIRIN_ASSIGN_OR_RETURN(const std::unique_ptr<ir::Module> parsed,
                         ir::Parse(absl::StrCat("graph @g(%x : float32[]) {\n %y = Holder(%x) {",
                                                attributes, "}\n return %y\n}")));
  auto module = std::make_unique<ir::Module>();
  ir::Graph* graph = module->AddGraph("main");
  module->set_entry(graph);
  std::vector<ir::Value*> operands;
  for (const OpCase::Input& input : c.inputs) {
    if (!input.present) {
      operands.push_back(nullptr);
    } else if (input.constant) {
      operands.push_back(module->AddConstant(absl::StrCat("c", operands.size()), input.tensor));
    } else {
      operands.push_back(graph->AddInput(absl::StrCat("in", operands.size()),
                                         {input.tensor.dtype(), input.tensor.shape()}));
    }
  }
  ir::Attributes attrs = parsed->entry()->nodes()[0]->attrs();
  for (const ops::Parameter& p : schema->parameters()) {
    if (p.kind == ops::ParameterKind::kAttribute && !attrs.Has(p.name) && !p.required)
      attrs.Set(p.name, p.fallback);
  }
  MIRIN_ASSIGN_OR_RETURN(const int outputs, schema->NumOutputs(attrs));
  ir::Node* node = graph->AddNode(c.op, "node", operands, outputs);
  node->attrs() = std::move(attrs);
  MIRIN_RETURN_IF_ERROR(ops::Normalize(node));
  std::vector<ir::Value*> results;
  std::vector<std::string> names;
  for (int i = 0; i < outputs; ++i) {
    results.push_back(node->output(i));
    names.push_back(absl::StrCat("out", i));
  }
  graph->SetOutputs(results);
  module->set_output_names(names);
  MIRIN_RETURN_IF_ERROR(ops::InferModule(module.get()));
  return module;
}

}  // namespace mirin::testing
