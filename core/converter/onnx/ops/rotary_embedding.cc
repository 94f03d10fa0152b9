// Rotary positions: of the standard and, with other operands, of onnxruntime.
#include <limits>

#include "core/converter/onnx/ops/attend.h"
#include "core/converter/onnx/ops/rotate.h"

namespace mirin::onnx {

absl::StatusOr<ir::Value*> Rotate(GraphBuilder& b, ir::Value* x, ir::Value* cosine, ir::Value* sine,
                                  const Rotation& r) {
  if (x == nullptr || cosine == nullptr || sine == nullptr) return nullptr;
  const Shape& s = x->type().shape;
  const int last = s.rank() - 1;
  const int64_t depth = s.dim(last), width = r.width > 0 ? r.width : depth;
  if (width < 0)
    return Refuse("the size of a head is not known at conversion", "give rotary_embedding_dim");
  if (width % 2 != 0 || (depth >= 0 && width > depth))
    return absl::InvalidArgumentError(
        absl::StrCat("cannot rotate ", width, " of ", depth, " numbers of a head"));
  for (const ir::Value* cache : {cosine, sine}) {
    const Shape& given = cache->type().shape;
    if (!given.rank_known() || given.rank() == 0 || given.dim(given.rank() - 1) < 0) continue;
    if (given.dim(given.rank() - 1) != width / 2)
      return absl::InvalidArgumentError(absl::StrCat("a cache ", ToString(given), " does not hold ",
                                                     width / 2, " angles a position"));
  }
  const auto slice = [&](int64_t begin, int64_t end, int64_t step) {
    return b.Op("StridedSliceAxes",
                {x, b.Ints({begin}), b.Ints({end}), b.Ints({last}), b.Ints({step})});
  };
  ir::Value* even = r.interleaved ? slice(0, width, 2) : slice(0, width / 2, 1);
  ir::Value* odd = r.interleaved ? slice(1, width, 2) : slice(width / 2, width, 1);
  ir::Value* real = b.Sub(b.Mul(cosine, even), b.Mul(sine, odd));
  ir::Value* imaginary = b.Add(b.Mul(sine, even), b.Mul(cosine, odd));
  ir::Value* rotated = nullptr;
  if (r.interleaved) {
    std::vector<ir::Value*> dims;
    for (int i = 0; i < last; ++i) dims.push_back(b.DimOf(x, i));
    dims.push_back(b.Int(width));
    rotated = ReshapeTo(b, b.Op("Stack", {real, imaginary}, {{"axis", -1}}), dims);
  } else {
    rotated = b.Concat({real, imaginary}, -1);
  }
  if (width == depth) return rotated;
  return b.Concat({rotated, b.SliceAxis(x, last, width, std::numeric_limits<int64_t>::max())}, -1);
}

namespace {

// x [batch, length, width] or [batch, heads, length, depth]; the angles are [batch, length, width / 2] or broadcast to it.
absl::Status RotateHeads(OpContext& c, int64_t heads, ir::Value* cosine, ir::Value* sine,
                         const Rotation& r) {
  GraphBuilder& b = c.builder();
  MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(0));
  if (rank != 3 && rank != 4)
    return absl::InvalidArgumentError(
        absl::StrCat("the input has rank ", rank, ", expected 3 or 4"));
  ir::Value* x = c.input(0);
  if (rank == 3) {
    if (heads < 1) return absl::InvalidArgumentError("an input of 3 axes needs num_heads");
    MIRIN_ASSIGN_OR_RETURN(x, SplitHeads(b, x, heads));
  }
  const int64_t at = rank == 3 ? 2 : 1;
  MIRIN_ASSIGN_OR_RETURN(ir::Value * y,
                         Rotate(b, x, b.Unsqueeze(cosine, {at}), b.Unsqueeze(sine, {at}), r));
  c.SetOutput(0, rank == 3 ? JoinHeads(b, y) : y);
  return absl::OkStatus();
}

absl::StatusOr<Rotation> ReadRotation(OpContext& c) {
  Rotation r{c.Int("rotary_embedding_dim", 0), c.Bool("interleaved", false)};
  if (r.width < 0)
    return absl::InvalidArgumentError(absl::StrCat("rotary_embedding_dim is ", r.width));
  return r;
}

absl::Status RequireRank(OpContext& c, int i, int rank) {
  MIRIN_ASSIGN_OR_RETURN(const int given, c.Rank(i));
  if (given == rank) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("input ", i, " has rank ", given, ", expected ", rank));
}

}  // namespace

namespace translate {

absl::Status RotaryEmbedding(OpContext& c) {
  GraphBuilder& b = c.builder();
  for (int i = 1; i < 3; ++i) MIRIN_RETURN_IF_ERROR(RequireRank(c, i, c.has_input(3) ? 2 : 3));
  ir::Value *cosine = c.input(1), *sine = c.input(2);
  if (c.has_input(3)) {
    MIRIN_RETURN_IF_ERROR(RequireRank(c, 3, 2));
    cosine = b.Op("Gather", {cosine, c.input(3)});
    sine = b.Op("Gather", {sine, c.input(3)});
  }
  MIRIN_ASSIGN_OR_RETURN(const Rotation r, ReadRotation(c));
  return RotateHeads(c, c.Int("num_heads", 0), cosine, sine, r);
}

// Positions are [batch, length], or one number from which all samples count on.
absl::Status MicrosoftRotaryEmbedding(OpContext& c) {
  GraphBuilder& b = c.builder();
  if (c.Bool("is_packed_batching", false))
    return Refuse("is_packed_batching", "give one row a sample");
  if (c.Float("scale", 1) != 1) return Refuse("a scale other than 1", "multiply the caches");
  for (int i = 2; i < 4; ++i) MIRIN_RETURN_IF_ERROR(RequireRank(c, i, 2));
  MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(0));
  MIRIN_ASSIGN_OR_RETURN(const int position_rank, c.Rank(1));
  ir::Value* positions = c.input(1);
  if (position_rank == 1) {
    ir::Value* length = b.DimOf(c.input(0), rank == 3 ? 1 : 2);
    positions = b.Unsqueeze(b.Add(b.Op("Range", {b.Int(0), length, b.Int(1)}), positions), {0});
  } else if (position_rank != 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("position_ids has rank ", position_rank, ", expected 1 or 2"));
  }
  MIRIN_ASSIGN_OR_RETURN(const Rotation r, ReadRotation(c));
  int64_t heads = c.Int("num_heads", 0);
  if (rank == 3 && heads == 0) {
    const int64_t width = c.shape(0).dim(2), half = c.shape(2).dim(1);
    if (width < 0 || half < 1)
      return Refuse("the number of heads is not known at conversion",
                    "give num_heads and rotary_embedding_dim");
    if (width % (2 * half) != 0)
      return absl::InvalidArgumentError(
          absl::StrCat("a width of ", width, " is no multiple of a head of ", 2 * half));
    heads = width / (2 * half);
  }
  return RotateHeads(c, heads, b.Op("Gather", {c.input(2), positions}),
                     b.Op("Gather", {c.input(3), positions}), r);
}

}  // namespace translate
}  // namespace mirin::onnx
