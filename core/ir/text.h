// Modules as text: dumps for people, and the language of the pass tests.
//
//   const %w : float32[2,2] = {1, 0, 0, 1}
//   graph @main(%x : float32[?,2]) {
//     %y : float32[?,2] = MatMul(%x, %w) {activation = "relu"} "Default/fc1"
//     %a : float32[?,1], %b : float32[?,1] = Split(%y) {axis = 1, output_num = 2}
//     %r : float32[?,1] = Invoke(%p, %a, %b) [@then(1), @else(2)]
//     return %r as "logits"
//   }
//
// The first graph is the entry; `var` declares a variable; `_` is an absent input; the texts at a line's end are node names.
// A constant is {values}, `splat VALUE`, `random(SEED)` (uniform in [-1, 1], parser only) or `...` when it is too long to
// print, which the parser refuses. `#` starts a comment.
#ifndef CORE_IR_TEXT_H_
#define CORE_IR_TEXT_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/ir/graph.h"

namespace mirin::ir {

struct PrintOptions {
  // Constants with more elements are printed as `...` (or as a splat).
  int64_t max_elements = 16;
  // Values are renamed by position and node names left out: equal text means equal structure.
  bool canonical = false;
};

std::string Print(const Module& module, const PrintOptions& options = {});

// Reads the form above. Result types may be left out (they stay unknown) and so may attributes: run ops::Normalize and
// ops::InferModule afterwards. InvalidArgument with the line number otherwise.
absl::StatusOr<std::unique_ptr<Module>> Parse(absl::string_view text);

}  // namespace mirin::ir

#endif  // CORE_IR_TEXT_H_
