#include "core/ops/activation_kind.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace mirin::ops {
namespace {

struct Row {
  ActivationKind kind;
  absl::string_view name;
  absl::string_view op;
};

constexpr Row kRows[] = {
    {ActivationKind::kNone, "", ""},
    {ActivationKind::kRelu, "relu", "ReLU"},
    {ActivationKind::kRelu6, "relu6", "ReLU6"},
    {ActivationKind::kSigmoid, "sigmoid", "Sigmoid"},
    {ActivationKind::kTanh, "tanh", "Tanh"},
    {ActivationKind::kHSwish, "hswish", "HSwish"},
    {ActivationKind::kSilu, "silu", "SiLU"},
    {ActivationKind::kGelu, "gelu", "GeLU"},
    {ActivationKind::kGeluErf, "gelu_erf", "GeLUErf"},
};

}  // namespace

absl::StatusOr<ActivationKind> ParseActivation(absl::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) return row.kind;
  }
  return absl::InvalidArgumentError(absl::StrCat("unknown activation '", name, "'"));
}

absl::string_view FusedName(absl::string_view op) {
  for (const Row& row : kRows) {
    if (!row.op.empty() && row.op == op) return row.name;
  }
  return "";
}

double Apply(ActivationKind kind, double x) {
  switch (kind) {
    case ActivationKind::kNone:
      return x;
    case ActivationKind::kRelu:
      return x > 0 || std::isnan(x) ? x : 0;
    case ActivationKind::kRelu6:
      return std::isnan(x) ? x : std::clamp(x, 0.0, 6.0);
    case ActivationKind::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case ActivationKind::kTanh:
      return std::tanh(x);
    case ActivationKind::kHSwish:
      return x * std::clamp(x + 3, 0.0, 6.0) / 6;
    case ActivationKind::kSilu:
      return x / (1 + std::exp(-x));
    case ActivationKind::kGelu:
      return 0.5 * x * (1 + std::tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
    case ActivationKind::kGeluErf:
      return 0.5 * x * (1 + std::erf(x * 0.7071067811865476));
  }
  return x;
}

}  // namespace mirin::ops
