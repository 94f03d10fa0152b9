// Runs the node of an operator test.
#ifndef TESTS_OPS_RUN_CASE_H_
#define TESTS_OPS_RUN_CASE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/runtime/model.h"
#include "core/runtime/session.h"
#include "tests/ops/case.h"

namespace mirin::testing {

struct CaseResult {
  std::vector<Tensor> outputs;  // they outlive the session
  std::string placement;        // Session::PlacementReport
};

// All backends are there; `session_options` chooses among them.
absl::StatusOr<CaseResult> RunCase(const OpCase& c, const runtime::ModelOptions& model_options,
                                   const runtime::SessionOptions& session_options);

struct FloatResult {
  Dims dims;
  std::vector<float> y;
  std::string placement;
};

// The one float32 output of a node that must run; a model is optimised as usual.
FloatResult RunFloats(const OpCase& c, const runtime::SessionOptions& session_options);

}  // namespace mirin::testing

#endif  // TESTS_OPS_RUN_CASE_H_
