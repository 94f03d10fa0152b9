#include "core/converter/onnx/ops/window.h"

namespace mirin::onnx::translate {

absl::Status DeformConv(OpContext& c) {
  MIRIN_RETURN_IF_ERROR(RequireSameDTypes(c));
  MIRIN_ASSIGN_OR_RETURN(const int axes, SpatialAxes(c));
  MIRIN_ASSIGN_OR_RETURN(const int weight_rank, c.Rank(1));
  if (weight_rank != axes + 2)
    return absl::InvalidArgumentError(
        absl::StrCat("the weight has rank ", weight_rank, ", expected ", axes + 2));
  if (c.Has("auto_pad")) return absl::InvalidArgumentError("DeformConv has no auto_pad");
  const Dims& weight = c.shape(1).dims();
  MIRIN_ASSIGN_OR_RETURN(const Window window,
                         ReadWindow(c, {weight.begin() + 2, weight.end()}, axes));
  const int64_t group = c.Int("group", 1), offset_group = c.Int("offset_group", 1);
  if (axes != 2)
    return Refuse(absl::StrCat("a deformable convolution of ", axes, " spatial axes"),
                  "two are supported");
  const Attrs attributes = {{"pad_mode", std::string("pad")},
                            {"pad_list", PadList(window.before, window.after)},
                            {"stride", window.strides},
                            {"dilation", window.dilations},
                            {"group", group},
                            {"offset_group", offset_group}};
  c.SetOutput(0, c.Op("DeformableConv",
                      {c.input(0), c.input(1), c.input(2), c.OptionalInput(3), c.OptionalInput(4)},
                      attributes));
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
