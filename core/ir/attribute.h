// Attributes of nodes: named constants that are not tensors flowing through the graph.
#ifndef CORE_IR_ATTRIBUTE_H_
#define CORE_IR_ATTRIBUTE_H_

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "core/base/dtype.h"
#include "core/base/tensor.h"

namespace mirin::ir {

// monostate is Python's None: present, without a value. Nested integer tuples (paddings) are flattened in row-major order.
using Attribute =
    std::variant<std::monostate, bool, int64_t, double, std::string, std::vector<int64_t>,
                 std::vector<double>, std::vector<std::string>, DType, Tensor>;

// Attributes by name. Typed getters return the fallback when the name is absent or holds another type; numbers, bools
// and one-element lists convert where that loses nothing. Verified nodes have every attribute of their schema.
class Attributes {
 public:
  bool Has(absl::string_view name) const { return Find(name) != nullptr; }
  // Null when absent.
  const Attribute* Find(absl::string_view name) const;
  void Set(absl::string_view name, Attribute value) {
    map_.insert_or_assign(std::string(name), std::move(value));
  }
  void Erase(absl::string_view name);

  int64_t Int(absl::string_view name, int64_t fallback = 0) const;
  double Float(absl::string_view name, double fallback = 0) const;
  bool Bool(absl::string_view name, bool fallback = false) const;
  std::string String(absl::string_view name, absl::string_view fallback = "") const;
  std::vector<int64_t> Ints(
      absl::string_view name) const;  // a single integer counts as a list of one
  std::vector<double> Floats(absl::string_view name) const;
  std::vector<std::string> Strings(
      absl::string_view name) const;         // a single text counts as a list of one
  DType Type(absl::string_view name) const;  // accepts a DType or a TypeId number

  const std::map<std::string, Attribute, std::less<>>& map() const { return map_; }
  bool empty() const { return map_.empty(); }

 private:
  std::map<std::string, Attribute, std::less<>> map_;
};

// Text form, as the printer writes it: 3, 0.5, true, "text", [1, 2], float32, none.
std::string ToString(const Attribute& attribute);
// The same value: lists element by element, tensors byte by byte.
bool Equal(const Attribute& a, const Attribute& b);

}  // namespace mirin::ir

#endif  // CORE_IR_ATTRIBUTE_H_
