#include "core/ir/attribute.h"

#include <cmath>
#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace mirin::ir {

const Attribute* Attributes::Find(absl::string_view name) const {
  auto it = map_.find(std::string(name));
  return it == map_.end() ? nullptr : &it->second;
}

void Attributes::Erase(absl::string_view name) { map_.erase(std::string(name)); }

int64_t Attributes::Int(absl::string_view name, int64_t fallback) const {
  const Attribute* a = Find(name);
  if (a == nullptr) return fallback;
  if (const auto* i = std::get_if<int64_t>(a)) return *i;
  if (const auto* b = std::get_if<bool>(a)) return *b ? 1 : 0;
  if (const auto* v = std::get_if<std::vector<int64_t>>(a); v != nullptr && v->size() == 1)
    return v->front();
  if (const auto* t = std::get_if<DType>(a)) return static_cast<int64_t>(*t);
  if (const auto* d = std::get_if<double>(a);
      d != nullptr && std::fabs(*d) < 9e15 && *d == std::trunc(*d)) {
    return static_cast<int64_t>(*d);
  }
  return fallback;
}

double Attributes::Float(absl::string_view name, double fallback) const {
  const Attribute* a = Find(name);
  if (a == nullptr) return fallback;
  if (const auto* d = std::get_if<double>(a)) return *d;
  if (const auto* i = std::get_if<int64_t>(a)) return static_cast<double>(*i);
  if (const auto* b = std::get_if<bool>(a)) return *b ? 1 : 0;
  if (const auto* v = std::get_if<std::vector<double>>(a); v != nullptr && v->size() == 1)
    return v->front();
  return fallback;
}

bool Attributes::Bool(absl::string_view name, bool fallback) const {
  const Attribute* a = Find(name);
  if (a == nullptr) return fallback;
  if (const auto* b = std::get_if<bool>(a)) return *b;
  if (const auto* i = std::get_if<int64_t>(a)) return *i != 0;
  return fallback;
}

std::string Attributes::String(absl::string_view name, absl::string_view fallback) const {
  const Attribute* a = Find(name);
  if (a != nullptr) {
    if (const auto* s = std::get_if<std::string>(a)) return *s;
  }
  return std::string(fallback);
}

std::vector<int64_t> Attributes::Ints(absl::string_view name) const {
  const Attribute* a = Find(name);
  if (a == nullptr) return {};
  if (const auto* v = std::get_if<std::vector<int64_t>>(a)) return *v;
  if (const auto* i = std::get_if<int64_t>(a)) return {*i};
  if (const auto* b = std::get_if<bool>(a)) return {*b ? 1 : 0};
  return {};
}

std::vector<double> Attributes::Floats(absl::string_view name) const {
  const Attribute* a = Find(name);
  if (a == nullptr) return {};
  if (const auto* v = std::get_if<std::vector<double>>(a)) return *v;
  if (const auto* d = std::get_if<double>(a)) return {*d};
  if (const auto* v = std::get_if<std::vector<int64_t>>(a))
    return std::vector<double>(v->begin(), v->end());
  if (const auto* i = std::get_if<int64_t>(a)) return {static_cast<double>(*i)};
  return {};
}

std::vector<std::string> Attributes::Strings(absl::string_view name) const {
  const Attribute* a = Find(name);
  if (a == nullptr) return {};
  if (const auto* v = std::get_if<std::vector<std::string>>(a)) return *v;
  if (const auto* s = std::get_if<std::string>(a)) return {*s};
  return {};
}

DType Attributes::Type(absl::string_view name) const {
  const Attribute* a = Find(name);
  if (a == nullptr) return DType::kUnknown;
  if (const auto* t = std::get_if<DType>(a)) return *t;
  if (const auto* i = std::get_if<int64_t>(a)) {
    const DType d = static_cast<DType>(*i);
    return *i == static_cast<int32_t>(*i) && IsValid(d) ? d : DType::kUnknown;
  }
  return DType::kUnknown;
}

std::string ToString(const Attribute& attribute) {
  struct Visitor {
    std::string operator()(std::monostate) const { return "none"; }
    std::string operator()(bool b) const { return b ? "true" : "false"; }
    std::string operator()(int64_t i) const { return absl::StrCat(i); }
    std::string operator()(double d) const {
      std::string s = absl::StrFormat("%.17g", d);
      if (s.find_first_not_of("-0123456789") == std::string::npos) s += ".0";
      return s;
    }
    std::string operator()(const std::string& s) const {
      return absl::StrCat("\"", absl::CEscape(s), "\"");
    }
    std::string operator()(const std::vector<int64_t>& v) const {
      return absl::StrCat("[", absl::StrJoin(v, ", "), "]");
    }
    std::string operator()(const std::vector<double>& v) const {
      return absl::StrCat(
          "[", absl::StrJoin(v, ", ", [this](std::string* out, double d) { *out += (*this)(d); }),
          "]");
    }
    std::string operator()(const std::vector<std::string>& v) const {
      return absl::StrCat(
          "[",
          absl::StrJoin(v, ", ",
                        [this](std::string* out, const std::string& s) { *out += (*this)(s); }),
          "]");
    }
    std::string operator()(DType d) const { return std::string(Name(d)); }
    std::string operator()(const Tensor& t) const { return absl::StrCat("tensor:", TypeString(t)); }
  };
  return std::visit(Visitor(), attribute);
}

bool Equal(const Attribute& a, const Attribute& b) {
  if (a.index() != b.index()) return false;
  if (const auto* ta = std::get_if<Tensor>(&a)) {
    const auto* tb = std::get_if<Tensor>(&b);
    if (ta->dtype() != tb->dtype() || ta->dims() != tb->dims()) return false;
    if (ta->dtype() == DType::kString) return ta->strings() == tb->strings();
    return ta->bytes() == 0 || std::memcmp(ta->data(), tb->data(), ta->bytes()) == 0;
  }
  return std::visit(
      [&](const auto& x) {
        using T = std::decay_t<decltype(x)>;
        if constexpr (std::is_same_v<T, Tensor>) {
          return false;
        } else {
          return x == std::get<T>(b);
        }
      },
      a);
}

}  // namespace mirin::ir
