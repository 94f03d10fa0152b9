// Fourier transforms and what audio models do around them. Complex numbers are pairs along the last axis.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/ops/infer.h"
#include "core/ops/registry.h"

namespace mirin::ops {
namespace {

// One transform, frame or spectrum is not longer than this.
constexpr int64_t kMaxLength = int64_t{1} << 31;

// One number of an Ints input. Absent ones may come as an empty list.
struct Number {
  bool given = false;
  bool known = false;
  int64_t value = -1;
};

absl::StatusOr<Number> ReadNumber(const InferContext& c, int i, absl::string_view what,
                                  int64_t low) {
  Number number;
  if (!c.has_input(i)) return number;
  std::vector<int64_t> values;
  MIRIN_ASSIGN_OR_RETURN(number.known, c.IntsValue(i, &values));
  number.given = !number.known || !values.empty();
  if (!number.known || !number.given) return Number{number.given, false, -1};
  if (values.size() != 1)
    return absl::InvalidArgumentError(absl::StrCat(what, " must be one number"));
  number.value = values[0];
  if (number.value < low || number.value > kMaxLength)
    return absl::InvalidArgumentError(absl::StrCat(what, " is ", number.value));
  return number;
}

// Real or complex numbers: 1 or 2 along the last axis.
absl::Status CheckComplex(const InferContext& c, int64_t* parts) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  *parts = -1;
  const Shape& x = c.shape(0);
  if (!x.rank_known()) return absl::OkStatus();
  MIRIN_RETURN_IF_ERROR(c.RequireMinRank(0, 2));
  *parts = x.dim(x.rank() - 1);
  if (*parts == 1 || *parts == 2 || *parts < 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the last axis of ", ToString(x), " must have 1 or 2 elements"));
}

absl::Status SetChecked(InferContext& c, DType dtype, Shape shape) {
  if (shape.concrete()) MIRIN_RETURN_IF_ERROR(CheckedBytes(dtype, shape.dims()).status());
  c.SetOutput(0, dtype, std::move(shape));
  return absl::OkStatus();
}

absl::Status InferDft(InferContext& c) {
  int64_t parts = 0;
  MIRIN_RETURN_IF_ERROR(CheckComplex(c, &parts));
  const bool inverse = c.attrs().Bool("inverse"), onesided = c.attrs().Bool("onesided");
  if (onesided && !inverse && parts == 2)
    return absl::InvalidArgumentError("one side of the spectrum is not enough for complex numbers");
  MIRIN_ASSIGN_OR_RETURN(const Number given_length,
                         ReadNumber(c, 1, "the length of the transform", 1));
  MIRIN_ASSIGN_OR_RETURN(const Number given_axis, ReadNumber(c, 2, "axis", -kMaxRank));
  const Shape& x = c.shape(0);
  if (!x.rank_known()) {
    c.SetOutput(0, c.dtype(0), Shape::Unknown());
    return absl::OkStatus();
  }
  Shape y = x;
  y.set_dim(x.rank() - 1, inverse && onesided ? 1 : 2);
  if (given_axis.given && !given_axis.known) {
    for (int i = 0; i + 1 < x.rank(); ++i) y.set_dim(i, -1);
    c.SetOutput(0, c.dtype(0), std::move(y));
    return absl::OkStatus();
  }
  MIRIN_ASSIGN_OR_RETURN(const int axis,
                         NormalizeAxis(given_axis.given ? given_axis.value : -2, x.rank()));
  if (axis == x.rank() - 1)
    return absl::InvalidArgumentError("the last axis holds the parts of complex numbers");
  int64_t length = given_length.value;
  if (!given_length.given && x.dim(axis) >= 0) {
    length = inverse && onesided ? 2 * (x.dim(axis) - 1) : x.dim(axis);
    if (length < 1 || length > kMaxLength)
      return absl::InvalidArgumentError(absl::StrCat("a transform of ", length, " elements"));
  }
  y.set_dim(axis, length < 0 ? -1 : onesided && !inverse ? length / 2 + 1 : length);
  return SetChecked(c, c.dtype(0), std::move(y));
}

absl::Status InferStft(InferContext& c) {
  int64_t parts = 0;
  MIRIN_RETURN_IF_ERROR(CheckComplex(c, &parts));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(0, 3));
  const bool onesided = c.attrs().Bool("onesided");
  if (onesided && parts == 2)
    return absl::InvalidArgumentError("one side of the spectrum is not enough for complex numbers");
  MIRIN_ASSIGN_OR_RETURN(const Number step, ReadNumber(c, 1, "frame_step", 1));
  MIRIN_ASSIGN_OR_RETURN(const Number given_length, ReadNumber(c, 3, "frame_length", 1));
  if (!step.given) return absl::InvalidArgumentError("frame_step must be one number");
  const Shape x = c.shape(0).rank_known() ? c.shape(0) : Shape::OfRank(3);
  int64_t length = given_length.value;
  if (c.has_input(2)) {
    MIRIN_RETURN_IF_ERROR(c.RequireSameDType(0, 2));
    MIRIN_RETURN_IF_ERROR(c.RequireRank(2, 1));
    const int64_t window = c.shape(2).rank_known() ? c.shape(2).dim(0) : -1;
    if (length >= 0 && window >= 0 && window != length)
      return absl::InvalidArgumentError(
          absl::StrCat("a window of ", window, " elements for frames of ", length));
    if (!given_length.given) length = window;
  } else if (!given_length.given) {
    length = x.dim(1);
  }
  int64_t frames = -1;
  if (length == 0) return absl::InvalidArgumentError("frames of 0 elements");
  if (step.known && length > 0 && x.dim(1) >= 0) {
    if (length > x.dim(1))
      return absl::InvalidArgumentError(
          absl::StrCat("frames of ", length, " elements in a signal of ", x.dim(1)));
    frames = (x.dim(1) - length) / step.value + 1;
  }
  return SetChecked(c, c.dtype(0),
                    Shape({x.dim(0), frames,
                           length < 0 ? -1
                           : onesided ? length / 2 + 1
                                      : length,
                           2}));
}

absl::Status InferMelWeights(InferContext& c) {
  MIRIN_ASSIGN_OR_RETURN(const Number bins, ReadNumber(c, 0, "num_mel_bins", 0));
  MIRIN_ASSIGN_OR_RETURN(const Number length, ReadNumber(c, 1, "dft_length", 0));
  MIRIN_ASSIGN_OR_RETURN(const Number rate, ReadNumber(c, 2, "sample_rate", 1));
  if (!bins.given || !length.given || !rate.given)
    return absl::InvalidArgumentError(
        "num_mel_bins, dft_length and sample_rate must be one number");
  for (int i = 3; i < 5; ++i) {
    MIRIN_RETURN_IF_ERROR(c.RequireFloat(i));
    MIRIN_RETURN_IF_ERROR(c.RequireOneElement(i));
  }
  const DType dtype = c.attrs().Type("dtype");
  if (!IsFloat(dtype) && !IsInt(dtype)) return absl::InvalidArgumentError("dtype must be a number");
  return SetChecked(
      c, dtype, Shape({length.known ? length.value / 2 + 1 : -1, bins.known ? bins.value : -1}));
}

absl::Status InferDeterminant(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  MIRIN_RETURN_IF_ERROR(c.RequireMinRank(0, 2));
  const Shape& x = c.shape(0);
  if (!x.rank_known()) {
    c.SetOutput(0, c.dtype(0), Shape::Unknown());
    return absl::OkStatus();
  }
  const int64_t rows = x.dim(x.rank() - 2), columns = x.dim(x.rank() - 1);
  if (rows >= 0 && columns >= 0 && rows != columns)
    return absl::InvalidArgumentError(absl::StrCat("matrices of ", ToString(x), " are not square"));
  c.SetOutput(0, c.dtype(0), Shape(Dims(x.dims().begin(), x.dims().end() - 2)));
  return absl::OkStatus();
}

}  // namespace

namespace schemas {

OpSchema DFT() {
  return OpSchema("DFT",
                  "Discrete Fourier transform along an axis that is cut or padded with zeros to "
                  "dft_length; onesided: of real numbers. (internal)")
      .Input("x")
      .Ints("dft_length", std::vector<int64_t>{})
      .Ints("axis", std::vector<int64_t>{-2})
      .Attr("inverse", false)
      .Attr("onesided", false)
      .Output("y")
      .Infer(InferDft);
}
OpSchema STFT() {
  return OpSchema("STFT",
                  "Fourier transforms of frames of a signal [N, L, 1 or 2], times a window: [N, "
                  "frames, bins, 2]. (internal)")
      .Input("signal")
      .Ints("frame_step")
      .OptionalInput("window")
      .Ints("frame_length", std::vector<int64_t>{})
      .Attr("onesided", true)
      .Output("y")
      .Infer(InferStft);
}
OpSchema MelWeightMatrix() {
  return OpSchema("MelWeightMatrix",
                  "Triangles over the bins of a spectrum, evenly spaced in mel: [dft_length / 2 + "
                  "1, num_mel_bins]. (internal)")
      .Ints("num_mel_bins")
      .Ints("dft_length")
      .Ints("sample_rate")
      .Input("lower_edge_hertz")
      .Input("upper_edge_hertz")
      .Attr("dtype", DType::kFloat32)
      .Output("y")
      .Infer(InferMelWeights);
}
OpSchema MatrixDeterminant() {
  return OpSchema("MatrixDeterminant", "Determinants of the matrices of the last two axes.")
      .Input("x")
      .Output("y")
      .Infer(InferDeterminant);
}

}  // namespace schemas
}  // namespace mirin::ops
