#include "core/ops/recurrent_cell.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "core/base/status.h"

namespace mirin::ops {
namespace {

absl::Status Take(const std::string& name, const char* what, bool has_default,
                  absl::Span<const double>* list, double* value) {
  if (!list->empty()) {
    *value = list->front();
    list->remove_prefix(1);
  } else if (!has_default) {
    return absl::InvalidArgumentError(absl::StrCat("the activation ", name, " needs ", what));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CellActivation> CellActivation::Create(const std::string& name,
                                                      absl::Span<const double>* alpha,
                                                      absl::Span<const double>* beta) {
  struct Row {
    Kind kind;
    bool takes_alpha, takes_beta, has_default;
    double alpha, beta;
  };
  static const auto* const kRows = new std::map<std::string, Row>{
      {"relu", {Kind::kRelu, false, false, true, 0, 0}},
      {"tanh", {Kind::kTanh, false, false, true, 0, 0}},
      {"sigmoid", {Kind::kSigmoid, false, false, true, 0, 0}},
      {"affine", {Kind::kAffine, true, true, false, 0, 0}},
      {"leakyrelu", {Kind::kLeakyRelu, true, false, true, 0.01, 0}},
      {"thresholdedrelu", {Kind::kThresholdedRelu, true, false, true, 1, 0}},
      {"scaledtanh", {Kind::kScaledTanh, true, true, false, 0, 0}},
      {"hardsigmoid", {Kind::kHardSigmoid, true, true, true, 0.2, 0.5}},
      {"elu", {Kind::kElu, true, false, true, 1, 0}},
      {"softsign", {Kind::kSoftsign, false, false, true, 0, 0}},
      {"softplus", {Kind::kSoftplus, false, false, true, 0, 0}},
  };
  const auto it = kRows->find(absl::AsciiStrToLower(name));
  if (it == kRows->end())
    return absl::InvalidArgumentError(absl::StrCat("unknown activation '", name, "'"));
  const Row& row = it->second;
  CellActivation a;
  a.kind_ = row.kind;
  a.alpha_ = row.alpha;
  a.beta_ = row.beta;
  if (row.takes_alpha)
    MIRIN_RETURN_IF_ERROR(Take(name, "activation_alpha", row.has_default, alpha, &a.alpha_));
  if (row.takes_beta)
    MIRIN_RETURN_IF_ERROR(Take(name, "activation_beta", row.has_default, beta, &a.beta_));
  return a;
}

double CellActivation::operator()(double x) const {
  switch (kind_) {
    case Kind::kRelu:
      return std::max(0.0, x);
    case Kind::kTanh:
      return std::tanh(x);
    case Kind::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case Kind::kAffine:
      return alpha_ * x + beta_;
    case Kind::kLeakyRelu:
      return x >= 0 ? x : alpha_ * x;
    case Kind::kThresholdedRelu:
      return x > alpha_ ? x : 0;
    case Kind::kScaledTanh:
      return alpha_ * std::tanh(beta_ * x);
    case Kind::kHardSigmoid:
      return std::min(1.0, std::max(0.0, alpha_ * x + beta_));
    case Kind::kElu:
      return x >= 0 ? x : alpha_ * std::expm1(x);
    case Kind::kSoftsign:
      return x / (1 + std::abs(x));
    case Kind::kSoftplus:
      return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
  }
  return x;
}

absl::StatusOr<std::vector<CellActivation>> ReadCellActivations(
    const ir::Attributes& attrs, const std::vector<std::string>& defaults, int directions) {
  std::vector<std::string> names = attrs.Strings("activations");
  const size_t expected = defaults.size() * static_cast<size_t>(directions);
  for (size_t i = 0; names.size() < expected && attrs.Strings("activations").empty(); ++i)
    names.push_back(defaults[i % defaults.size()]);
  if (names.size() != expected)
    return absl::InvalidArgumentError(
        absl::StrCat("activations has ", names.size(), " names, expected ", expected));
  const std::vector<double> alphas = attrs.Floats("activation_alpha"),
                            betas = attrs.Floats("activation_beta");
  absl::Span<const double> alpha = alphas, beta = betas;
  std::vector<CellActivation> all;
  for (const std::string& name : names) {
    MIRIN_ASSIGN_OR_RETURN(CellActivation a, CellActivation::Create(name, &alpha, &beta));
    all.push_back(a);
  }
  return all;
}

const std::vector<std::string>& DefaultActivations(absl::string_view op) {
  static const auto* const kLstm = new std::vector<std::string>{"Sigmoid", "Tanh", "Tanh"};
  static const auto* const kGru = new std::vector<std::string>{"Sigmoid", "Tanh"};
  static const auto* const kRnn = new std::vector<std::string>{"Tanh"};
  return op == "LSTMOnnx" ? *kLstm : op == "GRUOnnx" ? *kGru : *kRnn;
}

}  // namespace mirin::ops
