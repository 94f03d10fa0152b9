#include "core/converter/quantize/calibrate.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/runtime/model.h"
#include "core/runtime/session.h"

namespace mirin::converter {
namespace {

absl::StatusOr<std::unique_ptr<runtime::Session>> SessionOf(std::unique_ptr<ir::Module> module) {
  MIRIN_ASSIGN_OR_RETURN(const auto model, runtime::Model::FromModule(std::move(module), {}));
  return runtime::Session::Create(model, {});
}

// The same value in a copy of its module.
ir::Value* InCopy(const ir::Value* value, const ir::Graph& graph, const ir::Graph& copy) {
  for (size_t i = 0; i < graph.inputs().size(); ++i) {
    if (graph.inputs()[i].get() == value) return copy.inputs()[i].get();
  }
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    if (graph.nodes()[i].get() == value->producer())
      return copy.nodes()[i]->output(value->output_index());
  }
  return nullptr;
}

// Runs a module that gives the probes' values behind its own outputs.
class ProbedModel {
 public:
  static absl::StatusOr<ProbedModel> Create(const ir::Module& module,
                                            const std::vector<Probe>& probes) {
    std::unique_ptr<ir::Module> copy = module.Clone();
    std::vector<ir::Value*> outputs = copy->entry()->outputs();
    std::vector<std::string> names = copy->output_names();
    ProbedModel model;
    model.first_ = outputs.size();
    for (const Probe& probe : probes) {
      ir::Value* value = InCopy(probe.value, *module.entry(), *copy->entry());
      if (value == nullptr)
        return absl::InternalError(
            absl::StrCat("'", probe.value->name(), "' is no value of the entry graph"));
      outputs.push_back(value);
      names.push_back(absl::StrCat("probe ", names.size()));
    }
    copy->entry()->SetOutputs(outputs);
    copy->set_output_names(names);
    MIRIN_ASSIGN_OR_RETURN(model.session_, SessionOf(std::move(copy)));
    return model;
  }

  // Calls fn(probe, values, dims) for every probe of every sample.
  template <typename Fn>
  absl::Status Run(const CalibrationReader& data, const QuantProgress& progress, Fn fn) {
    for (int64_t s = 0; s < data.samples(); ++s) {
      MIRIN_ASSIGN_OR_RETURN(const std::vector<Tensor> inputs, data.Read(s));
      const auto outputs = session_->Run(inputs);
      if (!outputs.ok()) return Annotate(outputs.status(), absl::StrCat("calibration sample ", s));
      for (size_t i = first_; i < outputs->size(); ++i) {
        const Tensor& t = (*outputs)[i];
        fn(i - first_, absl::MakeConstSpan(t.data_as<float>(), static_cast<size_t>(t.elements())),
           t.dims());
      }
      if (progress.step) progress.step();
    }
    return absl::OkStatus();
  }

 private:
  std::unique_ptr<runtime::Session> session_;
  size_t first_ = 0;
};

void Begin(const QuantProgress& progress, const char* stage, int64_t steps) {
  if (progress.begin) progress.begin(stage, steps);
}

// Sums along an axis.
struct ChannelSums {
  std::vector<double> sums;
  double count = 0;

  void Add(absl::Span<const float> values, const Dims& dims, int axis) {
    const auto channels = static_cast<size_t>(dims[static_cast<size_t>(axis)]);
    const auto inner = static_cast<size_t>(Strides(dims)[static_cast<size_t>(axis)]);
    sums.resize(channels, 0);
    for (size_t i = 0; i < values.size(); ++i)
      sums[i / inner % channels] += std::isfinite(values[i]) ? values[i] : 0;
    count += channels == 0 ? 0 : static_cast<double>(values.size() / channels);
  }
};

}  // namespace

absl::StatusOr<std::vector<Statistics>> Calibrate(const QuantConfig& config,
                                                  const ir::Module& module,
                                                  const std::vector<Probe>& probes,
                                                  const CalibrationReader& data,
                                                  const QuantProgress& progress) {
  MIRIN_ASSIGN_OR_RETURN(ProbedModel model, ProbedModel::Create(module, probes));
  std::vector<Range> ranges(probes.size());  // 0 is always in
  std::vector<ChannelSums> sums(probes.size());
  Begin(progress, "calibrating: ranges", data.samples());
  MIRIN_RETURN_IF_ERROR(
      model.Run(data, progress, [&](size_t i, absl::Span<const float> values, const Dims& dims) {
        ranges[i].Include(RangeOf(values));
        if (probes[i].mean_axis >= 0) sums[i].Add(values, dims, probes[i].mean_axis);
      }));
  std::vector<Statistics> out(probes.size());
  for (size_t i = 0; i < probes.size(); ++i) {
    out[i].range = ranges[i];
    for (const double sum : sums[i].sums)
      out[i].means.push_back(sums[i].count > 0 ? sum / sums[i].count : 0);
  }
  if (config.activation_method == QuantConfig::Activation::kMaxMin) return out;
  std::vector<Histogram> histograms;
  for (const Range& range : ranges) histograms.emplace_back(range);
  Begin(progress, "calibrating: distributions", data.samples());
  MIRIN_RETURN_IF_ERROR(model.Run(
      data, progress,
      [&](size_t i, absl::Span<const float> values, const Dims&) { histograms[i].Add(values); }));
  for (size_t i = 0; i < probes.size(); ++i) {
    out[i].range = config.activation_method == QuantConfig::Activation::kKl
                       ? LeastDivergence(histograms[i])
                       : WithoutOutliers(histograms[i]);
  }
  return out;
}

absl::StatusOr<std::vector<Agreement>> Compare(const ir::Module& want, const ir::Module& got,
                                               const CalibrationReader& data,
                                               const QuantProgress& progress) {
  MIRIN_ASSIGN_OR_RETURN(const auto want_session, SessionOf(want.Clone()));
  MIRIN_ASSIGN_OR_RETURN(const auto got_session, SessionOf(got.Clone()));
  struct Sums {
    double wg = 0, ww = 0, gg = 0;
  };
  std::vector<Agreement> out;
  for (const std::string& name : want.output_names()) out.push_back({name, 1, 0});
  std::vector<Sums> sums(out.size());
  Begin(progress, "comparing with the original", data.samples());
  for (int64_t s = 0; s < data.samples(); ++s) {
    MIRIN_ASSIGN_OR_RETURN(const std::vector<Tensor> inputs, data.Read(s));
    MIRIN_ASSIGN_OR_RETURN(const absl::Span<const Tensor> a, want_session->Run(inputs));
    MIRIN_ASSIGN_OR_RETURN(const absl::Span<const Tensor> b, got_session->Run(inputs));
    for (size_t i = 0; i < out.size(); ++i) {
      if (a[i].dtype() != DType::kFloat32 || a[i].dims() != b[i].dims()) continue;
      for (int64_t k = 0; k < a[i].elements(); ++k) {
        const double w = a[i].data_as<float>()[k], g = b[i].data_as<float>()[k];
        if (!std::isfinite(w) || !std::isfinite(g)) continue;
        sums[i].wg += w * g;
        sums[i].ww += w * w;
        sums[i].gg += g * g;
        out[i].largest_difference = std::max(out[i].largest_difference, std::fabs(w - g));
      }
    }
    if (progress.step) progress.step();
  }
  for (size_t i = 0; i < out.size(); ++i) {
    if (sums[i].ww > 0 || sums[i].gg > 0)
      out[i].cosine = sums[i].wg / std::max(1e-300, std::sqrt(sums[i].ww * sums[i].gg));
  }
  return out;
}

std::vector<CalibrationInput> InputsOf(const ir::Module& module) {
  std::vector<CalibrationInput> inputs;
  for (const auto& v : module.entry()->inputs()) inputs.push_back({v->name(), v->type()});
  return inputs;
}

}  // namespace mirin::converter
