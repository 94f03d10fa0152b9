// Operators on texts.
#include "absl/strings/match.h"
#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {

absl::Status RegexFullMatch(OpContext& c) {
  return Unary(c, "RegexFullMatch", {{"pattern", c.String("pattern", "")}});
}

absl::Status StringConcat(OpContext& c) { return Binary(c, "StringConcat"); }

absl::Status StringNormalizer(OpContext& c) {
  const std::string change = c.String("case_change_action", "NONE"),
                    locale = c.String("locale", "en_US");
  // In these i and I are no pair.
  for (const absl::string_view language : {"tr", "az", "lt"}) {
    if (change != "NONE" && absl::StartsWith(locale, language))
      return Refuse(absl::StrCat("the locale ", locale), "en_US is supported");
  }
  return Unary(c, "StringNormalizer",
               {{"case_change_action", change},
                {"is_case_sensitive", c.Bool("is_case_sensitive", false)},
                {"stopwords", c.Strings("stopwords")}});
}

absl::Status StringSplit(OpContext& c) {
  const std::vector<ir::Value*> values =
      c.Ops("StringSplit", {c.input(0)},
            {{"delimiter", c.String("delimiter", "")}, {"maxsplit", c.Int("maxsplit", -1)}});
  for (size_t i = 0; i < values.size(); ++i) c.SetOutput(static_cast<int>(i), values[i]);
  return absl::OkStatus();
}

absl::Status TfIdfVectorizer(OpContext& c) {
  Attrs attributes;
  for (const char* name : {"max_gram_length", "max_skip_count", "min_gram_length"}) {
    MIRIN_ASSIGN_OR_RETURN(const int64_t number, c.RequiredInt(name));
    attributes.push_back({name, number});
  }
  for (const char* name : {"ngram_counts", "ngram_indexes", "pool_int64s"})
    attributes.push_back({name, c.Ints(name)});
  attributes.push_back({"mode", c.String("mode", "")});
  attributes.push_back({"pool_strings", c.Strings("pool_strings")});
  attributes.push_back({"weights", c.Floats("weights")});
  return Unary(c, "TfIdfVectorizer", attributes);
}

}  // namespace mirin::onnx::translate
