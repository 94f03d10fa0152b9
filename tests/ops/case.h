// The data files of the operator tests.
//
//   == adds with broadcasting            a case; its lines follow
//   op Add
//   attr NAME VALUE                      as core/ir/text.h writes attributes: 1, 0.5, true, "text", [1, 2], float32, none
//   input float32[2,1] 1 2               values in C order; or `random SEED LOW HIGH`, `iota`, `splat VALUE`
//   input const int64[1] 0               a constant of the graph
//   input none                           an optional operand left out
//   output float32[2] 1 2                one line per result; `-` instead of a type: not compared
//   output reference                     what the reference backend gives: compares the others with it
//   tolerance 1e-5                       absolute plus relative; without it integers must be equal and floats agree to 1e-5
//   error TEXT                           loading or running must fail with this text in the message
//
// Numbers may be nan, inf, -inf; texts stand in quotes. `#` begins a comment line.
#ifndef TESTS_OPS_CASE_H_
#define TESTS_OPS_CASE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/base/tensor.h"
#include "core/ir/graph.h"

namespace mirin::testing {

struct OpCase {
  std::string name;
  int line = 0;
  std::string op;
  std::vector<std::pair<std::string, std::string>> attributes;  // value as text
  struct Input {
    bool present = true;
    bool constant = false;
    Tensor tensor;
  };
  std::vector<Input> inputs;
  std::vector<Tensor> outputs;  // an invalid tensor is not compared
  bool output_reference = false;
  double tolerance = -1;  // < 0: the default of the dtype
  std::string error;
};

// A text as the value of an attribute.
inline std::string Quoted(const std::string& text) { return '"' + text + '"'; }

// InvalidArgument with file and line.
absl::StatusOr<std::vector<OpCase>> ReadOpCases(const std::string& path);

// A module with this one node; its inputs are the case's non-constant operands in order.
absl::StatusOr<std::unique_ptr<ir::Module>> ModuleOf(const OpCase& c);

}  // namespace mirin::testing

#endif  // TESTS_OPS_CASE_H_
