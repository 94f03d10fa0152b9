#include "core/ops/window.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "core/base/status.h"

namespace mirin::ops {
namespace {

constexpr int64_t kMaxWindow = int64_t{1} << 31;

absl::Status ReadAxes(const ir::Attributes& attrs, absl::Span<const int64_t> input,
                      absl::Span<const int64_t> kernel, std::vector<WindowAxis>* axes) {
  const int n = static_cast<int>(input.size());
  const char* stride_name =
      attrs.Has("stride") && !attrs.Ints("stride").empty() ? "stride" : "strides";
  const char* dilation_name =
      attrs.Has("dilation") && !attrs.Ints("dilation").empty() ? "dilation" : "dilations";
  MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> stride,
                         SpatialAttribute(attrs, stride_name, n, 1, 1));
  MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> dilation,
                         SpatialAttribute(attrs, dilation_name, n, 1, 1));
  for (int i = 0; i < n; ++i) {
    WindowAxis axis;
    axis.kernel = kernel[i];
    axis.stride = stride[i];
    axis.dilation = dilation[i];
    axis.input = input[i];
    if (axis.kernel < 1 || axis.kernel > kMaxWindow || axis.stride > kMaxWindow ||
        axis.dilation > kMaxWindow || axis.input > kMaxWindow) {
      return absl::InvalidArgumentError(absl::StrCat("kernel ", axis.kernel, ", stride ",
                                                     axis.stride, ", dilation ", axis.dilation,
                                                     " are out of range"));
    }
    axes->push_back(axis);
  }
  return absl::OkStatus();
}

bool IsSame(PadMode mode) { return mode == PadMode::kSame || mode == PadMode::kSameLower; }

int64_t Before(PadMode mode, int64_t total) {
  return mode == PadMode::kSameLower ? total - total / 2 : total / 2;
}

}  // namespace

absl::StatusOr<std::vector<int64_t>> ReadPads(const ir::Attributes& attrs, int axes) {
  for (const char* name : {"pad_list", "pad"}) {
    std::vector<int64_t> pads = attrs.Ints(name);
    if (pads.size() == 1) pads.assign(2 * axes, pads[0]);
    if (static_cast<int>(pads.size()) != 2 * axes) continue;
    for (const int64_t p : pads) {
      if (p < -1 || p > kMaxWindow)
        return absl::InvalidArgumentError(
            absl::StrCat("'", name, "' holds ", p, ", which is no padding"));
    }
    if (std::all_of(pads.begin(), pads.end(), [](int64_t p) { return p >= 0; })) return pads;
  }
  return std::vector<int64_t>();
}

absl::StatusOr<PadMode> ReadPadMode(const ir::Attributes& attrs) {
  const std::string text = absl::AsciiStrToLower(attrs.String("pad_mode"));
  const int64_t number = attrs.Int("pad_mode", -1);
  if (text == "pad" || number == 0) return PadMode::kPad;
  if (text == "same" || number == 1) return PadMode::kSame;
  if (text == "valid" || number == 2) return PadMode::kValid;
  if (text == "same_lower") return PadMode::kSameLower;
  return absl::InvalidArgumentError(
      absl::StrCat("unknown pad_mode ", text.empty() ? absl::StrCat(number) : text));
}

bool IsChannelsLast(const ir::Attributes& attrs) {
  for (const char* name : {"data_format", "format"}) {
    if (attrs.String(name) == "NHWC" || attrs.Int(name, 0) == 1) return true;
  }
  return false;
}

absl::StatusOr<std::vector<int64_t>> SpatialAttribute(const ir::Attributes& attrs,
                                                      absl::string_view name, int n,
                                                      int64_t fallback, int64_t at_least) {
  std::vector<int64_t> v = attrs.Ints(name);
  if (v.empty()) v.assign(n, fallback);
  if (v.size() == 1) v.assign(n, v[0]);
  if (static_cast<int>(v.size()) < n)
    return absl::InvalidArgumentError(
        absl::StrCat("'", name, "' has ", v.size(), " numbers, expected ", n));
  v.erase(v.begin(), v.end() - n);
  for (int64_t x : v) {
    if (x < at_least)
      return absl::InvalidArgumentError(
          absl::StrCat("'", name, "' is ", x, ", expected ", at_least, " or more"));
  }
  return v;
}

absl::StatusOr<std::vector<WindowAxis>> PlanWindow(const ir::Attributes& attrs,
                                                   absl::Span<const int64_t> input,
                                                   absl::Span<const int64_t> kernel,
                                                   const WindowOptions& options) {
  std::vector<WindowAxis> axes;
  MIRIN_RETURN_IF_ERROR(ReadAxes(attrs, input, kernel, &axes));
  MIRIN_ASSIGN_OR_RETURN(const PadMode mode, ReadPadMode(attrs));
  MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> pads,
                         ReadPads(attrs, static_cast<int>(input.size())));
  for (size_t i = 0; i < axes.size(); ++i) {
    WindowAxis& a = axes[i];
    const int64_t window = (a.kernel - 1) * a.dilation + 1;
    if (mode == PadMode::kPad && !pads.empty()) {
      a.pad_before = pads[2 * i];
      a.pad_after = pads[2 * i + 1];
    }
    if (a.input < 0) continue;
    if (IsSame(mode)) {
      a.output = (a.input + a.stride - 1) / a.stride;
      const int64_t total = std::max<int64_t>(0, (a.output - 1) * a.stride + window - a.input);
      a.pad_before = Before(mode, total);
      a.pad_after = total - a.pad_before;
      continue;
    }
    const int64_t room = a.input + a.pad_before + a.pad_after - window;
    if (room < 0) {
      return absl::InvalidArgumentError(absl::StrCat("the window ", window,
                                                     " is larger than the padded input ",
                                                     a.input + a.pad_before + a.pad_after));
    }
    a.output = room / a.stride + 1;
    if (options.ceil_mode && room % a.stride != 0) {
      // the last window must begin inside the input or the leading padding
      if (a.output * a.stride < a.input + a.pad_before) {
        a.overhang = a.stride - room % a.stride;
        a.pad_after += a.overhang;
        ++a.output;
      }
    }
  }
  return axes;
}

absl::StatusOr<std::vector<WindowAxis>> PlanTransposedWindow(const ir::Attributes& attrs,
                                                             absl::Span<const int64_t> input,
                                                             absl::Span<const int64_t> kernel,
                                                             absl::Span<const int64_t> wanted) {
  std::vector<WindowAxis> axes;
  MIRIN_RETURN_IF_ERROR(ReadAxes(attrs, input, kernel, &axes));
  MIRIN_ASSIGN_OR_RETURN(const PadMode mode, ReadPadMode(attrs));
  MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> pads,
                         ReadPads(attrs, static_cast<int>(input.size())));
  const std::vector<int64_t> extra = attrs.Ints("output_paddings");
  for (size_t i = 0; i < axes.size(); ++i) {
    WindowAxis& a = axes[i];
    if (a.input < 0) continue;
    const int64_t window = (a.kernel - 1) * a.dilation + 1;
    const int64_t full = a.input == 0 ? 0 : (a.input - 1) * a.stride + window;
    if (IsSame(mode)) {
      a.output = i < wanted.size() && wanted[i] >= 0 ? wanted[i] : a.input * a.stride;
      const int64_t total = std::max<int64_t>(0, full - a.output);
      a.pad_before = Before(mode, total);
      a.pad_after = full - a.output - a.pad_before;
      continue;
    }
    if (mode == PadMode::kPad && !pads.empty()) {
      a.pad_before = pads[2 * i];
      a.pad_after = pads[2 * i + 1];
    }
    const int64_t more = i < extra.size() ? extra[extra.size() - axes.size() + i] : 0;
    a.output = full - a.pad_before - a.pad_after + more;
    if (i < wanted.size() && wanted[i] >= 0) a.output = wanted[i];
    a.pad_after = full - a.output - a.pad_before;
    if (a.output < 0 || a.output > kMaxWindow)
      return absl::InvalidArgumentError(
          absl::StrCat("the output size ", a.output, " is out of range"));
  }
  return axes;
}

}  // namespace mirin::ops
