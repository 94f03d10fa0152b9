// Blocks of channels and blocks of pixels.
#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx {
namespace {

struct Blocks {
  int64_t size = 0;
  bool depth_first = true;  // DCR
};

absl::StatusOr<Blocks> ReadBlocks(OpContext& c, int64_t modes_since) {
  Blocks blocks;
  MIRIN_ASSIGN_OR_RETURN(blocks.size, c.RequiredInt("blocksize"));
  if (blocks.size < 1 || blocks.size > 4096)
    return absl::InvalidArgumentError(absl::StrCat("blocksize is ", blocks.size));
  const std::string mode = c.version() >= modes_since ? c.String("mode", "DCR") : "DCR";
  if (mode != "DCR" && mode != "CRD")
    return absl::InvalidArgumentError(absl::StrCat("mode is '", mode, "'"));
  blocks.depth_first = mode == "DCR";
  MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(0));
  if (rank != 4)
    return absl::InvalidArgumentError(absl::StrCat("input 0 has rank ", rank, ", expected 4"));
  return blocks;
}

// int64[1]: a dim of x times and divided by a number.
ir::Value* Dim(OpContext& c, int axis, int64_t times, int64_t by) {
  GraphBuilder& b = c.builder();
  ir::Value* dim = b.Mul(b.DimOf(c.input(0), axis), b.Int(times));
  return b.Unsqueeze(by == 1 ? dim : c.Op("FloorDiv", {dim, b.Int(by)}), {0});
}

}  // namespace

namespace translate {

absl::Status DepthToSpace(OpContext& c) {
  MIRIN_ASSIGN_OR_RETURN(const Blocks blocks, ReadBlocks(c, 11));
  const int64_t s = blocks.size;
  GraphBuilder& b = c.builder();
  ir::Value* x = c.input(0);
  if (blocks.depth_first) {
    c.SetOutput(0, c.Op("DepthToSpace", {x}, {{"block_size", s}}));
    return absl::OkStatus();
  }
  ir::Value* batch = Dim(c, 0, 1, 1);
  ir::Value* open = b.Ints({-1});
  ir::Value* split = c.Op(
      "Reshape",
      {x, b.Concat({batch, Dim(c, 1, 1, s * s), b.Ints({s, s}), Dim(c, 2, 1, 1), Dim(c, 3, 1, 1)},
                   0)});
  c.SetOutput(0, c.Op("Reshape", {b.Transpose(split, {0, 1, 4, 2, 5, 3}),
                                  b.Concat({batch, open, Dim(c, 2, s, 1), Dim(c, 3, s, 1)}, 0)}));
  return absl::OkStatus();
}

// Modes came with opset 28.
absl::Status SpaceToDepth(OpContext& c) {
  MIRIN_ASSIGN_OR_RETURN(const Blocks blocks, ReadBlocks(c, 28));
  const int64_t s = blocks.size;
  GraphBuilder& b = c.builder();
  ir::Value* x = c.input(0);
  if (blocks.depth_first) {
    c.SetOutput(0, c.Op("SpaceToDepth", {x}, {{"block_size", s}}));
    return absl::OkStatus();
  }
  ir::Value *batch = Dim(c, 0, 1, 1), *channels = Dim(c, 1, 1, 1), *height = Dim(c, 2, 1, s),
            *width = Dim(c, 3, 1, s), *block = b.Ints({s});
  ir::Value* split =
      c.Op("Reshape", {x, b.Concat({batch, channels, height, block, width, block}, 0)});
  c.SetOutput(0, c.Op("Reshape", {b.Transpose(split, {0, 1, 3, 5, 2, 4}),
                                  b.Concat({batch, Dim(c, 1, s * s, 1), height, width}, 0)}));
  return absl::OkStatus();
}

}  // namespace translate
}  // namespace mirin::onnx
