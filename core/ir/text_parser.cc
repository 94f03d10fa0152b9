#include <cmath>
#include <limits>
#include <random>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/ir/text.h"

namespace mirin::ir {
namespace {

// Tokens: punctuation, "strings", and words, which are names (%x, @g, float32) or numbers.
struct Token {
  enum Kind { kEnd, kPunctuation, kWord, kString } kind = kEnd;
  std::string text;
  int line = 0;
};

absl::StatusOr<std::vector<Token>> Tokenize(absl::string_view text) {
  std::vector<Token> tokens;
  int line = 1;
  const auto in_word = [](char c) {
    return absl::ascii_isalnum(c) ||
           absl::string_view("%@_./+-?").find(c) != absl::string_view::npos;
  };
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '\n') ++line;
    if (absl::ascii_isspace(c)) {
      ++i;
    } else if (c == '#') {
      while (i < text.size() && text[i] != '\n') ++i;
    } else if (c == '"') {
      size_t end = i + 1;
      while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
      std::string value;
      if (end >= text.size() || !absl::CUnescape(text.substr(i + 1, end - i - 1), &value)) {
        return absl::InvalidArgumentError(
            absl::StrCat("line ", line, ": unfinished or bad string"));
      }
      tokens.push_back({Token::kString, std::move(value), line});
      i = end + 1;
    } else if (in_word(c)) {
      size_t end = i;
      while (end < text.size() && in_word(text[end])) ++end;
      tokens.push_back({Token::kWord, std::string(text.substr(i, end - i)), line});
      i = end;
    } else {
      tokens.push_back({Token::kPunctuation, std::string(1, c), line});
      ++i;
    }
  }
  tokens.push_back({Token::kEnd, "the end", line});
  return tokens;
}

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens)
      : tokens_(std::move(tokens)), module_(std::make_unique<Module>()) {}

  absl::StatusOr<std::unique_ptr<Module>> Parse() {
    DeclareGraphs();
    while (Peek().kind != Token::kEnd) {
      if (Accept("const")) {
        MIRIN_RETURN_IF_ERROR(ParseDeclaration(false));
      } else if (Accept("var")) {
        MIRIN_RETURN_IF_ERROR(ParseDeclaration(true));
      } else if (Accept("graph")) {
        MIRIN_RETURN_IF_ERROR(ParseGraph());
      } else {
        return Error("expected const, var or graph");
      }
    }
    if (module_->entry() == nullptr) return Error("there is no graph");
    MIRIN_RETURN_IF_ERROR(Verify(*module_));
    return std::move(module_);
  }

 private:
  const Token& Peek() const { return tokens_[at_]; }
  Token Next() { return tokens_[at_].kind == Token::kEnd ? tokens_[at_] : tokens_[at_++]; }
  bool Accept(absl::string_view text) {
    if (Peek().kind == Token::kString || Peek().kind == Token::kEnd || Peek().text != text)
      return false;
    ++at_;
    return true;
  }
  absl::Status Error(absl::string_view what) const {
    return absl::InvalidArgumentError(
        absl::StrCat("line ", Peek().line, ": ", what, ", found '", Peek().text, "'"));
  }
  absl::Status Expect(absl::string_view text) {
    return Accept(text) ? absl::OkStatus() : Error(absl::StrCat("expected '", text, "'"));
  }

  // Branches may call graphs that come later.
  void DeclareGraphs() {
    for (size_t i = 0; i + 1 < tokens_.size(); ++i) {
      if (tokens_[i].kind == Token::kWord && tokens_[i].text == "graph" &&
          tokens_[i + 1].text[0] == '@') {
        Graph*& graph = graphs_[tokens_[i + 1].text];
        if (graph == nullptr) graph = module_->AddGraph(tokens_[i + 1].text.substr(1));
        if (module_->entry() == nullptr) module_->set_entry(graph);
      }
    }
  }

  absl::StatusOr<std::string> Name(char sigil) {
    if (Peek().kind != Token::kWord || Peek().text[0] != sigil)
      return Error(absl::StrCat("expected a ", std::string(1, sigil), "name"));
    return Next().text.substr(1);
  }

  absl::StatusOr<TensorType> ParseType() {
    const DType dtype = DTypeFromName(Peek().text);
    if (dtype == DType::kUnknown) return Error("expected a dtype");
    Next();
    MIRIN_RETURN_IF_ERROR(Expect("["));
    if (Accept("...")) {
      MIRIN_RETURN_IF_ERROR(Expect("]"));
      return TensorType{dtype, Shape::Unknown()};
    }
    Dims dims;
    while (!Accept("]")) {
      int64_t size = -1;
      if (!Accept("?") && (!absl::SimpleAtoi(Peek().text, &size) || size < 0))
        return Error("expected a size");
      if (size >= 0) Next();
      dims.push_back(size);
      if (Peek().text != "]") MIRIN_RETURN_IF_ERROR(Expect(","));
    }
    return TensorType{dtype, Shape(std::move(dims))};
  }

  template <typename T>
  absl::StatusOr<T> ParseElement() {
    const std::string text = Next().text;
    if constexpr (std::is_same_v<T, bool>) {
      if (text != "true" && text != "false") return Error("expected true or false");
      return text == "true";
    } else if constexpr (std::is_integral_v<T>) {
      std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t> wide;
      if (!absl::SimpleAtoi(text, &wide)) return Error("expected an integer");
      return static_cast<T>(wide);
    } else {
      double wide;
      if (!absl::SimpleAtod(text, &wide)) return Error("expected a number");
      return static_cast<T>(
          static_cast<std::conditional_t<std::is_same_v<T, double>, double, float>>(wide));
    }
  }

  absl::StatusOr<Tensor> ParseContents(const TensorType& type) {
    MIRIN_ASSIGN_OR_RETURN(const int64_t elements, CheckedElements(type.shape.dims()));
    if (type.dtype == DType::kString) {
      std::vector<std::string> texts;
      MIRIN_RETURN_IF_ERROR(Expect("{"));
      while (!Accept("}")) {
        texts.push_back(Next().text);
        if (Peek().text != "}") MIRIN_RETURN_IF_ERROR(Expect(","));
      }
      if (static_cast<int64_t>(texts.size()) != elements)
        return Error("the number of texts does not match the shape");
      return Tensor::FromStrings(type.shape.dims(), std::move(texts));
    }
    MIRIN_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(type.dtype, type.shape.dims()));
    const absl::Status status = VisitDType(
        type.dtype, [&](auto tag) { return Fill<typename decltype(tag)::type>(elements, &tensor); },
        Error("not a tensor dtype"));
    MIRIN_RETURN_IF_ERROR(status);
    return tensor;
  }

  template <typename T>
  absl::Status Fill(int64_t elements, Tensor* tensor) {
    T* data = tensor->mutable_data_as<T>();
    if (Accept("splat")) {
      MIRIN_ASSIGN_OR_RETURN(const T value, ParseElement<T>());
      std::fill_n(data, elements, value);
      return absl::OkStatus();
    }
    if (Accept("random")) {
      MIRIN_RETURN_IF_ERROR(Expect("("));
      MIRIN_ASSIGN_OR_RETURN(const uint32_t seed, ParseElement<uint32_t>());
      MIRIN_RETURN_IF_ERROR(Expect(")"));
      std::mt19937 random(seed);
      for (int64_t i = 0; i < elements; ++i) {
        data[i] = static_cast<T>(static_cast<float>(random() * (2.0 / 4294967296.0) - 1.0));
      }
      return absl::OkStatus();
    }
    MIRIN_RETURN_IF_ERROR(Expect("{"));
    for (int64_t i = 0; i < elements; ++i) {
      if (i > 0) MIRIN_RETURN_IF_ERROR(Expect(","));
      MIRIN_ASSIGN_OR_RETURN(data[i], ParseElement<T>());
    }
    return Expect("}");
  }

  absl::Status ParseDeclaration(bool variable) {
    MIRIN_ASSIGN_OR_RETURN(const std::string name, Name('%'));
    MIRIN_RETURN_IF_ERROR(Expect(":"));
    MIRIN_ASSIGN_OR_RETURN(const TensorType type, ParseType());
    MIRIN_RETURN_IF_ERROR(Expect("="));
    MIRIN_ASSIGN_OR_RETURN(Tensor tensor, ParseContents(type));
    Value* value = variable ? module_->AddVariable(name, std::move(tensor))
                            : module_->AddConstant(name, std::move(tensor));
    if (!globals_.emplace(name, value).second)
      return Error(absl::StrCat("%", name, " is defined twice"));
    return absl::OkStatus();
  }

  absl::Status ParseGraph() {
    MIRIN_ASSIGN_OR_RETURN(const std::string name, Name('@'));
    graph_ = graphs_.at(absl::StrCat("@", name));
    locals_.clear();
    MIRIN_RETURN_IF_ERROR(Expect("("));
    while (!Accept(")")) {
      MIRIN_ASSIGN_OR_RETURN(const std::string input, Name('%'));
      TensorType type;
      if (Accept(":")) {
        MIRIN_ASSIGN_OR_RETURN(type, ParseType());
      }
      locals_[input] = graph_->AddInput(input, std::move(type));
      if (Peek().text != ")") MIRIN_RETURN_IF_ERROR(Expect(","));
    }
    MIRIN_RETURN_IF_ERROR(Expect("{"));
    while (!Accept("return")) MIRIN_RETURN_IF_ERROR(ParseNode());
    std::vector<Value*> outputs;
    std::vector<std::string> names;
    while (!Accept("}")) {
      MIRIN_ASSIGN_OR_RETURN(Value * value, Operand());
      outputs.push_back(value);
      names.push_back(value->name());
      if (Accept("as")) names.back() = Next().text;
      if (Peek().text != "}") MIRIN_RETURN_IF_ERROR(Expect(","));
    }
    graph_->SetOutputs(std::move(outputs));
    if (graph_ == module_->entry()) module_->set_output_names(std::move(names));
    return absl::OkStatus();
  }

  absl::StatusOr<Value*> Operand() {
    MIRIN_ASSIGN_OR_RETURN(const std::string name, Name('%'));
    if (auto it = locals_.find(name); it != locals_.end()) return it->second;
    if (auto it = globals_.find(name); it != globals_.end()) return it->second;
    return Error(absl::StrCat("%", name, " is not defined"));
  }

  absl::Status ParseNode() {
    std::vector<std::pair<std::string, TensorType>> results;
    while (Peek().text[0] == '%') {
      MIRIN_ASSIGN_OR_RETURN(const std::string name, Name('%'));
      results.push_back({name, {}});
      if (Accept(":")) {
        MIRIN_ASSIGN_OR_RETURN(results.back().second, ParseType());
      }
      if (!Accept(",")) MIRIN_RETURN_IF_ERROR(Expect("="));
    }
    const std::string op = Next().text;
    MIRIN_RETURN_IF_ERROR(Expect("("));
    std::vector<Value*> inputs;
    while (!Accept(")")) {
      Value* value = nullptr;
      if (!Accept("_")) {
        MIRIN_ASSIGN_OR_RETURN(value, Operand());
      }
      inputs.push_back(value);
      if (Peek().text != ")") MIRIN_RETURN_IF_ERROR(Expect(","));
    }
    Node* node = graph_->AddNode(op, results.empty() ? op : results[0].first, inputs,
                                 static_cast<int>(results.size()));
    for (size_t i = 0; i < results.size(); ++i) {
      node->output(static_cast<int>(i))->set_name(results[i].first);
      node->output(static_cast<int>(i))->set_type(results[i].second);
      locals_[results[i].first] = node->output(static_cast<int>(i));
    }
    if (Accept("{")) {
      while (!Accept("}")) {
        const std::string name = Next().text;
        MIRIN_RETURN_IF_ERROR(Expect("="));
        MIRIN_ASSIGN_OR_RETURN(Attribute value, ParseAttribute());
        node->attrs().Set(name, std::move(value));
        if (Peek().text != "}") MIRIN_RETURN_IF_ERROR(Expect(","));
      }
    }
    if (Accept("[")) {
      while (!Accept("]")) {
        MIRIN_RETURN_IF_ERROR(ParseBranch(node));
        if (Peek().text != "]") MIRIN_RETURN_IF_ERROR(Expect(","));
      }
    }
    if (Peek().kind == Token::kString) node->set_name(Next().text);
    return absl::OkStatus();
  }

  absl::Status ParseBranch(Node* node) {
    auto it = graphs_.find(Peek().text);
    if (it == graphs_.end()) return Error("expected a graph");
    Next();
    Branch branch{it->second, {}};
    MIRIN_RETURN_IF_ERROR(Expect("("));
    while (!Accept(")")) {
      MIRIN_ASSIGN_OR_RETURN(const int index, ParseElement<int>());
      branch.args.push_back(index);
      if (Peek().text != ")") MIRIN_RETURN_IF_ERROR(Expect(","));
    }
    node->branches().push_back(std::move(branch));
    return absl::OkStatus();
  }

  absl::StatusOr<Attribute> ParseAttribute() {
    if (Peek().kind == Token::kString) return Attribute(Next().text);
    if (Accept("[")) {
      std::vector<int64_t> ints;
      std::vector<double> numbers;
      std::vector<std::string> texts;
      bool all_ints = true;
      while (!Accept("]")) {
        if (Peek().kind == Token::kString) {
          texts.push_back(Next().text);
        } else {
          int64_t i = 0;
          double d = 0;
          all_ints &= absl::SimpleAtoi(Peek().text, &i);
          if (!absl::SimpleAtod(Peek().text, &d)) return Error("expected a number or a string");
          Next();
          ints.push_back(i);
          numbers.push_back(d);
        }
        if (Peek().text != "]") MIRIN_RETURN_IF_ERROR(Expect(","));
      }
      if (!texts.empty()) return Attribute(std::move(texts));
      return all_ints ? Attribute(std::move(ints)) : Attribute(std::move(numbers));
    }
    const std::string word = Next().text;
    int64_t i;
    double d;
    if (word == "none") return Attribute(std::monostate());
    if (word == "true" || word == "false") return Attribute(word == "true");
    if (absl::SimpleAtoi(word, &i)) return Attribute(i);
    if (absl::SimpleAtod(word, &d)) return Attribute(d);
    if (DTypeFromName(word) != DType::kUnknown) return Attribute(DTypeFromName(word));
    return Error("expected an attribute value");
  }

  std::vector<Token> tokens_;
  size_t at_ = 0;
  std::unique_ptr<Module> module_;
  absl::flat_hash_map<std::string, Graph*> graphs_;
  absl::flat_hash_map<std::string, Value*> globals_;
  absl::flat_hash_map<std::string, Value*> locals_;
  Graph* graph_ = nullptr;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> Parse(absl::string_view text) {
  MIRIN_ASSIGN_OR_RETURN(std::vector<Token> tokens, Tokenize(text));
  return Parser(std::move(tokens)).Parse();
}

}  // namespace mirin::ir
