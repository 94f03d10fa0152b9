#include "core/ops/padding.h"

#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/ops/infer.h"
#include "core/ops/registry.h"

namespace mirin::ops {
namespace {

absl::Status Padded(InferContext& c, absl::Span<const int64_t> pads) {
  const Shape& x = c.shape(0);
  if (!x.rank_known()) {
    c.SetOutput(0, c.dtype(0), Shape::Unknown());
    return absl::OkStatus();
  }
  if (static_cast<int>(pads.size()) != 2 * x.rank()) {
    return absl::InvalidArgumentError(
        absl::StrCat("has ", pads.size(), " paddings for the shape ", ToString(x)));
  }
  Dims dims = x.dims();
  for (int i = 0; i < x.rank(); ++i) {
    if (pads[2 * i] == PartialValues::kUnknown || pads[2 * i + 1] == PartialValues::kUnknown)
      dims[i] = -1;
    if (dims[i] < 0) continue;
    if (std::abs(pads[2 * i]) > (int64_t{1} << 40) ||
        std::abs(pads[2 * i + 1]) > (int64_t{1} << 40))
      return absl::ResourceExhaustedError("a padding is too large");
    dims[i] += pads[2 * i] + pads[2 * i + 1];
    if (dims[i] < 0) return absl::InvalidArgumentError("the paddings remove more than there is");
  }
  if (Shape(dims).concrete()) MIRIN_RETURN_IF_ERROR(CheckedBytes(c.dtype(0), dims).status());
  c.SetOutput(0, c.dtype(0), Shape(std::move(dims)));
  return absl::OkStatus();
}

absl::Status InferPad(InferContext& c) { return Padded(c, c.attrs().Ints("paddings")); }

// The padding value, which kernels convert to the dtype of x.
absl::Status CheckValue(const InferContext& c) {
  if (!c.has_input(2)) return absl::OkStatus();
  MIRIN_RETURN_IF_ERROR(c.RequireOneElement(2));
  if ((c.dtype(2) == DType::kString) == (c.dtype(0) == DType::kString)) return absl::OkStatus();
  return c.RequireSameDType(0, 2);
}

absl::Status InferPadInts(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(CheckValue(c));
  std::vector<int64_t> pads;
  MIRIN_ASSIGN_OR_RETURN(const bool known, c.IntsPartly(1, &pads));
  if (known) return Padded(c, pads);
  c.SetOutput(0, c.dtype(0),
              c.shape(0).rank_known() ? Shape::OfRank(c.shape(0).rank()) : Shape::Unknown());
  return absl::OkStatus();
}

absl::Status CheckMode(const InferContext& c, std::initializer_list<absl::string_view> modes) {
  const std::string mode = c.attrs().String("mode");
  for (absl::string_view m : modes) {
    if (absl::EqualsIgnoreCase(mode, m)) return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("unknown padding mode '", mode, "'"));
}

absl::Status InferMirrorPad(InferContext& c) {
  if (!c.attrs().String("mode").empty())
    MIRIN_RETURN_IF_ERROR(CheckMode(c, {"reflect", "symmetric"}));
  return InferPadInts(c);
}

absl::Status InferPadV3(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(CheckMode(c, {"constant", "reflect", "edge", "circular"}));
  MIRIN_RETURN_IF_ERROR(CheckValue(c));
  std::vector<int64_t> pads;
  MIRIN_ASSIGN_OR_RETURN(const bool known, c.IntsPartly(1, &pads));
  if (!known || !c.shape(0).rank_known()) {
    c.SetOutput(0, c.dtype(0),
                c.shape(0).rank_known() ? Shape::OfRank(c.shape(0).rank()) : Shape::Unknown());
    return absl::OkStatus();
  }
  MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> all,
                         PaddingsFromLastAxis(c.attrs(), pads, c.shape(0).rank()));
  return Padded(c, all);
}

}  // namespace

PadMode PadModeOf(absl::string_view pad_v3_mode) {
  const std::string mode = absl::AsciiStrToLower(pad_v3_mode);
  return mode == "reflect"    ? PadMode::kReflect
         : mode == "edge"     ? PadMode::kEdge
         : mode == "circular" ? PadMode::kCircular
                              : PadMode::kConstant;
}

int64_t PadSource(int64_t i, int64_t n, PadMode mode) {
  if (i >= 0 && i < n) return i;
  if (mode == PadMode::kConstant || n == 0) return -1;
  if (mode == PadMode::kEdge) return i < 0 ? 0 : n - 1;
  if (mode == PadMode::kCircular) return ((i % n) + n) % n;
  const int64_t period = mode == PadMode::kReflect ? 2 * (n - 1) : 2 * n;
  if (period == 0) return 0;
  i = ((i % period) + period) % period;
  if (i < n) return i;
  return mode == PadMode::kReflect ? period - i : period - 1 - i;
}

absl::StatusOr<std::vector<int64_t>> PaddingsFromLastAxis(const ir::Attributes& attrs,
                                                          absl::Span<const int64_t> given,
                                                          int rank) {
  const size_t axes = static_cast<size_t>(rank), pairs = given.size() / 2;
  if (given.size() % 2 != 0 || pairs > axes)
    return absl::InvalidArgumentError(
        absl::StrCat(given.size(), " paddings do not match rank ", rank));
  const bool contiguous = attrs.Bool("paddings_contiguous", true);
  std::vector<int64_t> all(2 * axes, 0);
  for (size_t i = 0; i < pairs; ++i) {
    const size_t axis = axes - 1 - i;
    all[2 * axis] = given[contiguous ? 2 * i : i];
    all[2 * axis + 1] = given[contiguous ? 2 * i + 1 : pairs + i];
  }
  return all;
}

namespace schemas {

OpSchema Pad() {
  return OpSchema("Pad", "Zeros around a tensor; paddings are (before, after) per axis.")
      .Input("x")
      .RequiredAttr("paddings")
      .Output("y")
      .Infer(InferPad);
}
OpSchema MirrorPad() {
  return OpSchema("MirrorPad", "Mirrored elements around a tensor.")
      .Input("x")
      .Ints("paddings")
      .Attr("mode", std::string("REFLECT"))
      .Output("y")
      .Infer(InferMirrorPad);
}
OpSchema PadFusion() {
  return OpSchema(
             "PadFusion",
             "Pads by [rank, 2] paddings; padding_mode 0 constant, 1 reflect, 2 symmetric, 3 edge.")
      .Input("x")
      .Ints("paddings")
      .OptionalInput("value")
      .Attr("padding_mode", int64_t{0}, {"paddings_mode"})
      .Output("y")
      .Infer(InferPadInts);
}
OpSchema PadV3() {
  return OpSchema("PadV3", "Pads from the last axis on, as PyTorch does.")
      .Input("x")
      .Ints("paddings")
      .OptionalInput("value")
      .Attr("mode", std::string("constant"))
      .Attr("paddings_contiguous", true)
      .Output("y")
      .Infer(InferPadV3);
}

}  // namespace schemas
}  // namespace mirin::ops
