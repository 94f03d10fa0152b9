// Sampling at computed places.
#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {

// Opset 16 knew two spatial axes and called the modes bilinear and bicubic.
absl::Status GridSample(OpContext& c) {
  std::string mode = c.String("mode", c.version() < 20 ? "bilinear" : "linear");
  if (mode == "bilinear") mode = "linear";
  if (mode == "bicubic") mode = "cubic";
  const std::string padding = c.String("padding_mode", "zeros");
  const bool corners = c.Bool("align_corners", false);
  MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(0));
  ir::Value* x = c.input(0);
  ir::Value* grid = c.input(1);
  if (rank == 4 && mode == "linear" && padding != "reflection" && IsFloat(c.dtype(0)) &&
      c.dtype(0) == c.dtype(1)) {
    c.SetOutput(0, c.Op("GridSampler2D", {x, grid},
                        {{"interpolation_mode", std::string("bilinear")},
                         {"padding_mode", padding},
                         {"align_corners", corners}}));
    return absl::OkStatus();
  }
  c.SetOutput(0, c.Op("GridSample", {x, grid},
                      {{"mode", mode}, {"padding_mode", padding}, {"align_corners", corners}}));
  return absl::OkStatus();
}

absl::Status AffineGrid(OpContext& c) {
  c.SetOutput(0, c.Op("AffineGrid", {c.input(0), c.input(1)},
                      {{"align_corners", c.Bool("align_corners", false)}}));
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
