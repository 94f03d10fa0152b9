#include "core/serving/http/json_document.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <string>

#include "absl/strings/charconv.h"
#include "absl/strings/str_cat.h"
#include "core/serving/tensor.h"

// Aligned loads: never beyond the 16 bytes that the text ends in.
#define RAPIDJSON_SSE2
#define RAPIDJSON_HAS_STDSTRING 0
#include "rapidjson/error/en.h"
#include "rapidjson/reader.h"

namespace mirin::serving {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

constexpr size_t kShownNumber = 64;

absl::Status NumberOverflow(absl::string_view number) {
  return absl::InvalidArgumentError(absl::StrCat("number overflow parsing '", number, "'"));
}

struct Number {
  JsonKind kind = JsonKind::kNone;  // kInt or kFloat; kNone: too large
  bool above_int64 = false;
  int64_t integer = 0;
  double number = 0;
};

// text is a number by JSON's grammar.
Number ReadNumber(const char* begin, const char* end, bool is_integer) {
  Number out;
  if (is_integer) {
    if (std::from_chars(begin, end, out.integer).ec == std::errc()) {
      out.kind = JsonKind::kInt;
      return out;
    }
    uint64_t value;
    if (*begin != '-' && std::from_chars(begin, end, value).ec == std::errc()) {
      out.integer = static_cast<int64_t>(value);
      out.above_int64 = true;
      out.kind = JsonKind::kInt;
      return out;
    }
  }
  if (std::from_chars(begin, end, out.number).ec != std::errc()) {
    absl::from_chars(begin, end, out.number);  // says whether it was too large or too small
    if (std::abs(out.number) > 1) return out;
  }
  out.kind = JsonKind::kFloat;
  return out;
}

// The end of the number at p, or null. Ends at the first character that cannot follow.
const char* ScanNumber(const char* p, bool* is_integer) {
  if (*p == '-') ++p;
  if (!IsDigit(*p)) return nullptr;
  if (*p++ != '0') {
    while (IsDigit(*p)) ++p;
  }
  *is_integer = true;
  if (*p == '.') {
    *is_integer = false;
    if (!IsDigit(*++p)) return nullptr;
    while (IsDigit(*p)) ++p;
  }
  if (*p == 'e' || *p == 'E') {
    *is_integer = false;
    ++p;
    if (*p == '+' || *p == '-') ++p;
    if (!IsDigit(*p)) return nullptr;
    while (IsDigit(*p)) ++p;
  }
  return p;
}

}  // namespace

// RapidJSON's handler.
class JsonBuilder {
 public:
  using Stream = rapidjson::InsituStringStream;

  JsonBuilder(JsonDocument* document, Stream* stream) : document_(*document), stream_(*stream) {}

  const std::string& error() const { return error_; }

  bool Null() { return Add(JsonKind::kNull) != nullptr; }
  bool Bool(bool value) {
    if (InArray()) return AddItem(JsonItems::kBools, JsonKind::kBool, value, 0);
    Node* node = Add(JsonKind::kBool);
    if (node != nullptr) node->integer = value;
    return node != nullptr;
  }
  bool RawNumber(const char* text, rapidjson::SizeType length, bool) {
    const absl::string_view all(text, length);
    return AddNumber(text, text + length, all.find_first_of(".eE") == all.npos);
  }
  bool String(const char* text, rapidjson::SizeType length, bool) { return AddText(text, length); }
  bool Key(const char* text, rapidjson::SizeType length, bool) { return AddText(text, length); }
  bool StartObject() { return Open(JsonKind::kObject); }
  bool StartArray() {
    if (!Open(JsonKind::kArray)) return false;
    document_.nodes_.back().offset = 0;
    return ScanNumbers();
  }
  bool EndObject(rapidjson::SizeType members) {
    document_.nodes_[open_.back()].size = members;
    return Close();
  }
  bool EndArray(rapidjson::SizeType) { return Close(); }
  // With kParseNumbersAsStringsFlag there are no others.
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(int64_t) { return false; }
  bool Uint64(uint64_t) { return false; }
  bool Double(double) { return false; }

 private:
  using Node = JsonDocument::Node;

  bool InArray() const {
    return !open_.empty() && document_.nodes_[open_.back()].kind == JsonKind::kArray;
  }

  Node* Add(JsonKind kind) {
    if (document_.nodes_.size() >= JsonDocument::kMaxValues) {
      error_ = absl::StrCat("more than ", JsonDocument::kMaxValues, " values");
      return nullptr;
    }
    if (InArray()) {
      Node& array = document_.nodes_[open_.back()];
      if (array.size++ == 0) {
        array.first = kind;
        array.items = JsonItems::kValues;
      } else if (array.items != JsonItems::kValues) {
        array.items = JsonItems::kMixed;
      }
    }
    document_.nodes_.emplace_back();
    Node& node = document_.nodes_.back();
    node.kind = kind;
    node.next = static_cast<uint32_t>(document_.nodes_.size());
    return &node;
  }

  bool AddText(const char* text, size_t length) {
    Node* node = Add(JsonKind::kString);
    if (node == nullptr) return false;
    node->text = text;
    node->size = static_cast<uint32_t>(length);
    return true;
  }

  bool Open(JsonKind kind) {
    if (open_.size() >= JsonDocument::kMaxDepth) {
      error_ = absl::StrCat("nested deeper than ", JsonDocument::kMaxDepth, " levels");
      return false;
    }
    if (Add(kind) == nullptr) return false;
    open_.push_back(static_cast<uint32_t>(document_.nodes_.size() - 1));
    return true;
  }

  bool Close() {
    document_.nodes_[open_.back()].next = static_cast<uint32_t>(document_.nodes_.size());
    open_.pop_back();
    return true;
  }

  bool AddNumber(const char* begin, const char* end, bool is_integer) {
    const Number value = ReadNumber(begin, end, is_integer);
    if (value.kind == JsonKind::kNone) {
      error_ = std::string(
          NumberOverflow(absl::string_view(begin, std::min<size_t>(end - begin, kShownNumber)))
              .message());
      return false;
    }
    if (InArray()) {
      if (value.kind == JsonKind::kFloat)
        return AddItem(JsonItems::kFloats, value.kind, 0, value.number);
      Node& array = document_.nodes_[open_.back()];
      array.above_int64 |= value.above_int64;
      array.negative |= value.integer < 0 && !value.above_int64;
      return AddItem(JsonItems::kInts, value.kind, value.integer,
                     AsDouble(value.integer, value.above_int64));
    }
    Node* node = Add(value.kind);
    if (node == nullptr) return false;
    node->above_int64 = value.above_int64;
    if (value.kind == JsonKind::kFloat) {
      node->number = value.number;
    } else {
      node->integer = value.integer;
    }
    return true;
  }

  static double AsDouble(int64_t bits, bool above_int64) {
    return above_int64 ? static_cast<double>(static_cast<uint64_t>(bits))
                       : static_cast<double>(bits);
  }

  // A bool or number of an array.
  bool AddItem(JsonItems items, JsonKind kind, int64_t integer, double number) {
    Node& array = document_.nodes_[open_.back()];
    std::vector<int64_t>& integers = document_.integers_;
    std::vector<double>& floats = document_.floats_;
    if (array.size == 0) {
      array.first = kind;
      array.items = items;
      array.offset = items == JsonItems::kFloats ? floats.size() : integers.size();
    }
    if (array.items == JsonItems::kInts && items == JsonItems::kFloats) {
      // Numbers of an open array are the pool's last.
      const size_t from = array.offset;
      array.offset = floats.size();
      for (size_t i = from; i < integers.size(); ++i) {
        floats.push_back(
            AsDouble(integers[i], array.above_int64 && integers[i] < 0 && !array.negative));
      }
      integers.resize(from);
      array.items = JsonItems::kNumbers;
    } else if (array.items == JsonItems::kFloats && items == JsonItems::kInts) {
      array.items = JsonItems::kNumbers;
    }
    ++array.size;
    if (array.items == JsonItems::kNumbers && items != JsonItems::kBools) {
      floats.push_back(number);
    } else if (array.items == items) {
      if (items == JsonItems::kFloats) {
        floats.push_back(number);
      } else {
        integers.push_back(integer);
      }
    } else {
      array.items = JsonItems::kMixed;
    }
    return true;
  }

  // Takes the numbers at the begin of an array out of the stream, all but the last, which the reader itself then reads with what
  // follows. Leaves what is not a number, a comma and a number to the reader too.
  bool ScanNumbers() {
    const char* const start = stream_.src_;  // at '['
    const char* resume = start + 1;
    const char* p = resume;
    while (IsSpace(*p)) ++p;
    while (*p == '-' || IsDigit(*p)) {
      const char* const begin = p;
      bool is_integer;
      const char* const end = ScanNumber(p, &is_integer);
      if (end == nullptr) break;
      p = end;
      while (IsSpace(*p)) ++p;
      if (*p != ',') break;
      ++p;
      while (IsSpace(*p)) ++p;
      if (*p != '-' && !IsDigit(*p)) break;
      if (!AddNumber(begin, end, is_integer)) return false;
      resume = p;
    }
    stream_.src_ = const_cast<char*>(resume) - 1;  // the reader steps over '[' now
    return true;
  }

  JsonDocument& document_;
  Stream& stream_;
  absl::InlinedVector<uint32_t, JsonDocument::kMaxDepth> open_;
  std::string error_;
};

absl::Status JsonDocument::Parse(char* text, size_t size) {
  if (!IsValidUtf8(absl::string_view(text, size))) return absl::InvalidArgumentError("");
  const char saved = text[size];
  text[size] = '\0';
  rapidjson::InsituStringStream stream(text);
  JsonBuilder builder(this, &stream);
  rapidjson::Reader reader;
  constexpr unsigned kFlags = rapidjson::kParseInsituFlag | rapidjson::kParseIterativeFlag |
                              rapidjson::kParseNumbersAsStringsFlag;
  const rapidjson::ParseResult result = reader.Parse<kFlags>(stream, builder);
  const size_t read = stream.Tell();
  text[size] = saved;
  if (!builder.error().empty()) return absl::InvalidArgumentError(builder.error());
  if (result.IsError()) {
    const size_t at = std::min(size, result.Offset());
    if (result.Code() == rapidjson::kParseErrorNumberTooBig) {
      const absl::string_view rest(text + at, std::min<size_t>(size - at, kShownNumber));
      return NumberOverflow(rest.substr(0, rest.find_first_not_of("+-0123456789.eE")));
    }
    return absl::InvalidArgumentError(absl::StrCat("parse error at byte ", at + 1, ": ",
                                                   rapidjson::GetParseError_En(result.Code())));
  }
  if (read != size) {
    return absl::InvalidArgumentError(
        absl::StrCat("parse error at byte ", read + 1, ": The byte 0 is not allowed."));
  }
  return absl::OkStatus();
}

JsonKind JsonValue::kind() const {
  return document_ == nullptr ? JsonKind::kNone : document_->nodes_[index_].kind;
}
bool JsonValue::boolean() const { return document_->nodes_[index_].integer != 0; }
int64_t JsonValue::integer() const { return document_->nodes_[index_].integer; }
bool JsonValue::above_int64() const { return document_->nodes_[index_].above_int64; }
double JsonValue::number() const {
  const JsonDocument::Node& node = document_->nodes_[index_];
  if (node.kind == JsonKind::kFloat) return node.number;
  return node.above_int64 ? static_cast<double>(static_cast<uint64_t>(node.integer))
                          : static_cast<double>(node.integer);
}
absl::string_view JsonValue::text() const {
  const JsonDocument::Node& node = document_->nodes_[index_];
  return absl::string_view(node.text, node.size);
}
uint32_t JsonValue::size() const { return document_->nodes_[index_].size; }
JsonItems JsonValue::items() const { return document_->nodes_[index_].items; }
JsonKind JsonValue::first_item() const { return document_->nodes_[index_].first; }
bool JsonValue::has_negative() const { return document_->nodes_[index_].negative; }
absl::Span<const int64_t> JsonValue::integers() const {
  const JsonDocument::Node& node = document_->nodes_[index_];
  return absl::MakeConstSpan(document_->integers_).subspan(node.offset, node.size);
}
absl::Span<const double> JsonValue::floats() const {
  const JsonDocument::Node& node = document_->nodes_[index_];
  return absl::MakeConstSpan(document_->floats_).subspan(node.offset, node.size);
}

JsonValue JsonValue::Find(absl::string_view key) const {
  JsonValue found;
  if (kind() != JsonKind::kObject) return found;
  ForEachMember([&](absl::string_view name, JsonValue value) {
    if (name == key) found = value;
    return true;
  });
  return found;
}

}  // namespace mirin::serving
