#include "core/mindir/dequantize.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/base/wire.h"

namespace mirin::mindir {
namespace {

struct LinearQuant {
  std::vector<double> scale, zero_point, var_corr, mean_corr;
};

std::vector<double> Numbers(const RawAttribute& list) {
  std::vector<double> out;
  for (const RawAttribute& v : list.values) {
    if (!v.doubles.empty()) {
      out.push_back(v.doubles[0]);
    } else if (!v.floats.empty()) {
      out.push_back(v.floats[0]);
    } else {
      out.push_back(v.ints.empty() ? static_cast<double>(v.i) : static_cast<double>(v.ints[0]));
    }
  }
  return out;
}

absl::StatusOr<bool> Parse(absl::string_view bytes, LinearQuant* out) {
  std::string algorithm;
  WireReader r(bytes);
  while (r.Next()) {
    if (r.field() == 1) algorithm = std::string(r.bytes());
    if (r.field() != 2) continue;
    MIRIN_ASSIGN_OR_RETURN(const RawAttribute a, ParseAttribute(r.bytes(), Limits()));
    if (a.name == "scale_list") out->scale = Numbers(a);
    if (a.name == "zero_point_list") out->zero_point = Numbers(a);
    if (a.name == "var_corr_list") out->var_corr = Numbers(a);
    if (a.name == "mean_corr_list") out->mean_corr = Numbers(a);
  }
  if (!r.ok()) return absl::DataLossError("damaged quantisation parameters");
  return algorithm == "linear_quant" && !out->scale.empty();
}

}  // namespace

absl::StatusOr<Tensor> Dequantize(const RawTensor& raw, DType dtype, absl::string_view data) {
  if (dtype != DType::kInt8) return Tensor();
  LinearQuant q;
  MIRIN_ASSIGN_OR_RETURN(const bool linear, Parse(raw.quant_params[0], &q));
  if (!linear) return Tensor();
  MIRIN_ASSIGN_OR_RETURN(const int64_t count, CheckedElements(raw.dims));
  if (data.size() == static_cast<size_t>(count) * 4) {
    MIRIN_ASSIGN_OR_RETURN(Tensor kept, Tensor::Allocate(DType::kFloat32, raw.dims));
    __builtin_memcpy(kept.mutable_data(), data.data(), data.size());
    return kept;
  }
  if (data.size() != static_cast<size_t>(count)) {
    return absl::DataLossError(
        absl::StrCat("has ", data.size(), " bytes, int8", ToString(raw.dims), " takes ", count));
  }
  const int64_t channels = static_cast<int64_t>(q.scale.size());
  int axis = -1;
  for (int i = static_cast<int>(raw.dims.size()) - 1; i >= 0; --i) {
    if (raw.dims[i] == channels) axis = i;
  }
  if (channels > 1 && axis < 0) {
    return absl::DataLossError(absl::StrCat(
        "has ", channels, " scales, but no axis of that size in ", ToString(raw.dims)));
  }
  const int64_t inner = channels == 1 ? 1 : Strides(raw.dims)[axis];
  MIRIN_ASSIGN_OR_RETURN(Tensor out, Tensor::Allocate(DType::kFloat32, raw.dims));
  float* to = out.mutable_data_as<float>();
  const auto at = [](const std::vector<double>& v, int64_t i, double fallback) {
    return i < static_cast<int64_t>(v.size()) ? v[i] : fallback;
  };
  for (int64_t i = 0; i < count; ++i) {
    const int64_t c = channels == 1 ? 0 : (i / inner) % channels;
    const double value = (static_cast<int8_t>(data[i]) - at(q.zero_point, c, 0)) * q.scale[c];
    to[i] = static_cast<float>(value * at(q.var_corr, c, 1) + at(q.mean_corr, c, 0));
  }
  return out;
}

}  // namespace mirin::mindir
