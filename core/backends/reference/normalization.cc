#include <algorithm>
#include <cmath>

#include "core/backends/reference/kernels.h"
#include "core/backends/reference/loops.h"

#define MIRIN_KERNEL(Name) \
  absl::Status Name([[maybe_unused]] const ir::Node& node, const KernelContext& c)

namespace mirin::reference::kernels {

MIRIN_KERNEL(LayerNorm) {
  const TensorView& x = c.input(0);
  const int axis = Axis(node.attrs().Int("begin_norm_axis"), x.rank());
  const double epsilon = node.attrs().Float("epsilon");
  const int64_t inner = NumElements(x.dims.subspan(axis));
  std::vector<double> v = ReadAll<double>(x);
  const std::vector<double> gamma = ReadAll<double>(c.input(1)), beta = ReadAll<double>(c.input(2));
  std::vector<double> means, variances;
  for (int64_t o = 0; inner > 0 && o < x.elements() / inner; ++o) {
    double* line = v.data() + o * inner;
    double mean = 0, variance = 0;
    for (int64_t i = 0; i < inner; ++i) mean += line[i];
    mean /= static_cast<double>(inner);
    for (int64_t i = 0; i < inner; ++i) variance += (line[i] - mean) * (line[i] - mean);
    variance /= static_cast<double>(inner);
    const double scale = 1 / std::sqrt(variance + epsilon);
    for (int64_t i = 0; i < inner; ++i) {
      const size_t p = static_cast<size_t>(o * inner + i);
      line[i] = (line[i] - mean) * scale * gamma[p % gamma.size()] + beta[p % beta.size()];
    }
    means.push_back(mean);
    variances.push_back(variance);
  }
  WriteAll(c.output(0), v);
  WriteAll(c.output(1), means);
  WriteAll(c.output(2), variances);
  return absl::OkStatus();
}

MIRIN_KERNEL(BatchNorm) {
  const TensorView& x = c.input(0);
  const double epsilon = node.attrs().Float("epsilon");
  std::vector<double> p[4];
  for (int i = 0; i < 4; ++i) p[i] = ReadAll<double>(c.input(i + 1));
  const AxisView axis(x.dims, 1);
  std::vector<double> v = ReadAll<double>(x);
  for (size_t k = 0; k < v.size(); ++k) {
    const int64_t ch = (static_cast<int64_t>(k) / axis.inner) % axis.n;
    v[k] = (v[k] - p[2][ch]) / std::sqrt(p[3][ch] + epsilon) * p[0][ch] + p[1][ch];
  }
  WriteAll(c.output(0), v);
  static constexpr int kOrder[] = {2, 3, 2, 3};
  for (int i = 0; i < 4; ++i) WriteAll(c.output(i + 1), p[kOrder[i]]);
  return absl::OkStatus();
}

MIRIN_KERNEL(GroupNorm) {
  const TensorView& x = c.input(0);
  const int64_t groups = node.attrs().Int("num_groups"), channels = x.dims[1];
  const double eps = node.attrs().Float("eps");
  const int64_t spatial = NumElements(x.dims.subspan(2)), inner = channels / groups * spatial;
  std::vector<double> v = ReadAll<double>(x), means, rstds;
  const std::vector<double> weight = c.has_input(1)
                                         ? ReadAll<double>(c.input(1))
                                         : std::vector<double>(static_cast<size_t>(channels), 1);
  const std::vector<double> bias = c.has_input(2)
                                       ? ReadAll<double>(c.input(2))
                                       : std::vector<double>(static_cast<size_t>(channels), 0);
  for (int64_t o = 0; o < x.dims[0] * groups; ++o) {
    double* line = v.data() + o * inner;
    double mean = 0, variance = 0;
    for (int64_t i = 0; i < inner; ++i) mean += line[i];
    mean /= static_cast<double>(inner);
    for (int64_t i = 0; i < inner; ++i) variance += (line[i] - mean) * (line[i] - mean);
    const double rstd = 1 / std::sqrt(variance / static_cast<double>(inner) + eps);
    for (int64_t i = 0; i < inner; ++i) {
      const int64_t ch = o % groups * (channels / groups) + i / spatial;
      line[i] = (line[i] - mean) * rstd * weight[ch] + bias[ch];
    }
    means.push_back(mean);
    rstds.push_back(rstd);
  }
  WriteAll(c.output(0), v);
  WriteAll(c.output(1), means);
  WriteAll(c.output(2), rstds);
  return absl::OkStatus();
}

MIRIN_KERNEL(RmsNorm) {
  const double epsilon = node.attrs().Float("epsilon");
  std::vector<double> v = ReadAll<double>(c.input(0)), rstds;
  const std::vector<double> gamma = ReadAll<double>(c.input(1));
  const int64_t inner = static_cast<int64_t>(gamma.size());
  for (int64_t o = 0; inner > 0 && o < static_cast<int64_t>(v.size()) / inner; ++o) {
    double* line = v.data() + o * inner;
    double sum = 0;
    for (int64_t i = 0; i < inner; ++i) sum += line[i] * line[i];
    const double rstd = 1 / std::sqrt(sum / static_cast<double>(inner) + epsilon);
    for (int64_t i = 0; i < inner; ++i) line[i] *= rstd * gamma[i];
    rstds.push_back(rstd);
  }
  WriteAll(c.output(0), v);
  WriteAll(c.output(1), rstds);
  return absl::OkStatus();
}

MIRIN_KERNEL(LRN) {
  const TensorView& x = c.input(0);
  const int64_t radius = node.attrs().Int("depth_radius");
  const double bias = node.attrs().Float("bias"), alpha = node.attrs().Float("alpha"),
               beta = node.attrs().Float("beta");
  const AxisView axis(x.dims, 1);
  const std::vector<double> v = ReadAll<double>(x);
  std::vector<double> out(v.size());
  for (size_t k = 0; k < v.size(); ++k) {
    const int64_t ch = (static_cast<int64_t>(k) / axis.inner) % axis.n;
    double sum = 0;
    for (int64_t j = std::max<int64_t>(0, ch - radius); j <= std::min(axis.n - 1, ch + radius);
         ++j) {
      const double e = v[static_cast<int64_t>(k) + (j - ch) * axis.inner];
      sum += e * e;
    }
    out[k] = v[k] / std::pow(bias + alpha * sum, beta);
  }
  WriteAll(c.output(0), out);
  return absl::OkStatus();
}

MIRIN_KERNEL(InstanceNorm) {
  const TensorView& x = c.input(0);
  const int64_t channels = x.dims[1], inner = NumElements(x.dims.subspan(2));
  const double epsilon = node.attrs().Float("epsilon");
  std::vector<double> v = ReadAll<double>(x), means, variances;
  const std::vector<double> gamma = ReadAll<double>(c.input(1)), beta = ReadAll<double>(c.input(2));
  for (int64_t o = 0; inner > 0 && o < x.dims[0] * channels; ++o) {
    double* line = v.data() + o * inner;
    double mean = 0, variance = 0;
    for (int64_t i = 0; i < inner; ++i) mean += line[i];
    mean /= static_cast<double>(inner);
    for (int64_t i = 0; i < inner; ++i) variance += (line[i] - mean) * (line[i] - mean);
    variance /= static_cast<double>(inner);
    const size_t ch = static_cast<size_t>(o % channels);
    for (int64_t i = 0; i < inner; ++i)
      line[i] = (line[i] - mean) / std::sqrt(variance + epsilon) * gamma[ch] + beta[ch];
    means.push_back(mean);
    variances.push_back(variance);
  }
  WriteAll(c.output(0), v);
  means.resize(static_cast<size_t>(c.output(1).elements()));
  variances.resize(means.size());
  WriteAll(c.output(1), means);
  WriteAll(c.output(2), variances);
  return absl::OkStatus();
}

}  // namespace mirin::reference::kernels
