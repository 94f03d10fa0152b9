#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "core/ops/infer.h"
#include "core/ops/registry.h"

namespace mirin::ops {
namespace {

// Text of the attribute, or of MindSpore's number for it.
absl::Status CheckChoice(const InferContext& c, absl::string_view name, int64_t count, std::initializer_list<absl::string_view> texts) {
  const std::string text = c.attrs().String(name);
  const int64_t number = c.attrs().Int(name, -1);
  if (number >= 0 && number < count) return absl::OkStatus();
  for (absl::string_view t : texts) {
    if (t == text) return absl::OkStatus();
  }
  return absl::UnimplementedError(absl::StrCat(name, " '", text.empty() ? absl::StrCat(number) : text, "'"));
}

absl::Status InferGridSampler(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  MIRIN_RETURN_IF_ERROR(c.RequireSameDType(0, 1));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(0, 4));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(1, 4));
  MIRIN_RETURN_IF_ERROR(CheckChoice(c, "interpolation_mode", 2, {"bilinear", "nearest"}));
  MIRIN_RETURN_IF_ERROR(CheckChoice(c, "padding_mode", 2, {"zeros", "border"}));
  const Shape x = c.shape(0).rank_known() ? c.shape(0) : Shape::OfRank(4), grid = c.shape(1).rank_known() ? c.shape(1) : Shape::OfRank(4);
  if (grid.dim(3) >= 0 && grid.dim(3) != 2) return absl::InvalidArgumentError(absl::StrCat("grid ", ToString(grid), " has no pairs of coordinates"));
  if (x.dim(0) >= 0 && grid.dim(0) >= 0 && x.dim(0) != grid.dim(0)) return absl::InvalidArgumentError("x and grid differ in their batch");
  if (x.dim(2) == 0 || x.dim(3) == 0) return absl::InvalidArgumentError("an empty image cannot be sampled");
  c.SetOutput(0, c.dtype(0), Shape({x.dim(0), x.dim(1), grid.dim(1), grid.dim(2)}));
  return absl::OkStatus();
}

}  // namespace

namespace schemas {

OpSchema GridSampler2D() {
  return OpSchema("GridSampler2D", "Samples images at grid positions in [-1, 1] as (x, y).").Input("x").Input("grid")
      .Attr("interpolation_mode", std::string("bilinear")).Attr("padding_mode", std::string("zeros")).Attr("align_corners", false).Output("y").Infer(InferGridSampler);
}

}  // namespace schemas
}  // namespace mirin::ops
