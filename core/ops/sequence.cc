// Ops on rows, segments and blocks; and tensors made of numbers.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/ops/infer.h"
#include "core/ops/registry.h"

namespace mirin::ops {
namespace {

constexpr int64_t kMostMade = int64_t{1} << 31;

absl::Status InferIndexSelect(InferContext& c) {
  std::vector<int64_t> axis;
  MIRIN_RETURN_IF_ERROR(c.RequireInt(2));
  MIRIN_ASSIGN_OR_RETURN(const bool known, c.IntsValue(1, &axis));
  if (!known || !c.shape(0).rank_known()) {
    c.SetOutput(0, c.dtype(0), Shape::Unknown());
    return absl::OkStatus();
  }
  MIRIN_RETURN_IF_ERROR(c.RequireMinRank(0, 1));
  if (axis.size() != 1) return absl::InvalidArgumentError("dim must be one number");
  MIRIN_ASSIGN_OR_RETURN(const int at, NormalizeAxis(axis[0], c.shape(0).rank(), "dim"));
  Shape out = c.shape(0);
  out.set_dim(at, c.shape(2).concrete() ? NumElements(c.shape(2).dims()) : -1);
  c.SetOutput(0, c.dtype(0), std::move(out));
  return absl::OkStatus();
}

absl::Status InferReverseSequence(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireInt(1));
  if (c.shape(0).rank_known()) {
    MIRIN_RETURN_IF_ERROR(
        NormalizeAxis(c.attrs().Int("seq_dim"), c.shape(0).rank(), "seq_dim").status());
    MIRIN_ASSIGN_OR_RETURN(
        const int batch, NormalizeAxis(c.attrs().Int("batch_dim"), c.shape(0).rank(), "batch_dim"));
    if (c.shape(1).concrete() && c.shape(0).dim(batch) >= 0 &&
        NumElements(c.shape(1).dims()) != c.shape(0).dim(batch)) {
      return absl::InvalidArgumentError(absl::StrCat("seq_lengths ", ToString(c.shape(1)),
                                                     " does not match a batch of ",
                                                     c.shape(0).dim(batch)));
    }
  }
  return InferSame(c);
}

absl::Status InferSegments(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireNumber(0));
  MIRIN_RETURN_IF_ERROR(c.RequireInt(1));
  std::vector<int64_t> count;
  MIRIN_ASSIGN_OR_RETURN(const bool known, c.IntsValue(2, &count));
  const Shape &x = c.shape(0), &ids = c.shape(1);
  if (!x.rank_known() || !ids.rank_known()) {
    c.SetOutput(0, c.dtype(0), Shape::Unknown());
    return absl::OkStatus();
  }
  if (ids.rank() > x.rank()) return absl::InvalidArgumentError("segment_ids has more axes than x");
  for (int i = 0; i < ids.rank(); ++i) {
    if (ids.dim(i) >= 0 && x.dim(i) >= 0 && ids.dim(i) != x.dim(i))
      return absl::InvalidArgumentError(
          absl::StrCat("segment_ids ", ToString(ids), " does not begin as x ", ToString(x)));
  }
  if (known && (count.size() != 1 || count[0] < 1 || count[0] > kMostMade))
    return absl::InvalidArgumentError("num_segments is out of range");
  Dims dims = {known ? count[0] : -1};
  dims.insert(dims.end(), x.dims().begin() + ids.rank(), x.dims().end());
  if (Shape(dims).concrete()) MIRIN_RETURN_IF_ERROR(CheckedBytes(c.dtype(0), dims).status());
  c.SetOutput(0, c.dtype(0), Shape(std::move(dims)));
  return absl::OkStatus();
}

absl::Status InferLinSpace(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  MIRIN_RETURN_IF_ERROR(c.RequireSameDType(0, 1));
  MIRIN_RETURN_IF_ERROR(c.RequireOneElement(0));
  MIRIN_RETURN_IF_ERROR(c.RequireOneElement(1));
  std::vector<int64_t> num;
  MIRIN_ASSIGN_OR_RETURN(const bool known, c.IntsValue(2, &num));
  if (known && (num.size() != 1 || num[0] < 1 || num[0] > kMostMade))
    return absl::InvalidArgumentError("num is out of range");
  c.SetOutput(0, c.dtype(0), Shape({known ? num[0] : -1}));
  return absl::OkStatus();
}

absl::Status InferEye(InferContext& c) {
  std::vector<int64_t> n, m;
  MIRIN_ASSIGN_OR_RETURN(const bool rows, c.IntsValue(0, &n));
  MIRIN_ASSIGN_OR_RETURN(const bool columns, c.IntsValue(1, &m));
  const auto bad = [](const std::vector<int64_t>& v) {
    return v.size() != 1 || v[0] < 0 || v[0] > (int64_t{1} << 20);
  };
  if ((rows && bad(n)) || (columns && bad(m)))
    return absl::InvalidArgumentError("a size is out of range");
  const DType dtype = c.attrs().Type("dtype");
  if (dtype == DType::kUnknown || dtype == DType::kString)
    return absl::InvalidArgumentError("dtype must be a numeric type");
  c.SetOutput(0, dtype, Shape({rows ? n[0] : -1, columns ? m[0] : -1}));
  return absl::OkStatus();
}

// Moves blocks of pixels to the batch, or back.
absl::Status InferBlocks(InferContext& c) {
  const bool to_space = c.node().op() == "BatchToSpaceND";
  MIRIN_RETURN_IF_ERROR(c.RequireRank(0, 4));
  const std::vector<int64_t> block = c.attrs().Ints("block_shape"),
                             edges = c.attrs().Ints(to_space ? "crops" : "paddings");
  if (block.size() != 2 || edges.size() != 4)
    return absl::InvalidArgumentError("two block sizes and four edges are needed");
  for (const int64_t b : block) {
    if (b < 1 || b > 4096) return absl::InvalidArgumentError("block_shape is out of range");
  }
  for (const int64_t e : edges) {
    if (e < 0 || e > (1 << 20)) return absl::InvalidArgumentError("an edge is out of range");
  }
  Shape s = c.shape(0).rank_known() ? c.shape(0) : Shape::OfRank(4);
  const int64_t product = block[0] * block[1];
  if (s.dim(0) >= 0) {
    if (to_space && s.dim(0) % product != 0)
      return absl::InvalidArgumentError(
          absl::StrCat("a batch of ", s.dim(0), " is no multiple of ", product));
    s.set_dim(0, to_space ? s.dim(0) / product : s.dim(0) * product);
  }
  for (int i = 0; i < 2; ++i) {
    const int64_t size = s.dim(2 + i),
                  both = edges[static_cast<size_t>(2 * i)] + edges[static_cast<size_t>(2 * i + 1)];
    if (size < 0) continue;
    const int64_t b = block[static_cast<size_t>(i)];
    if (!to_space && (size + both) % b != 0)
      return absl::InvalidArgumentError(
          absl::StrCat("a padded axis of ", size + both, " is no multiple of ", b));
    const int64_t result = to_space ? size * b - both : (size + both) / b;
    if (result < 0) return absl::InvalidArgumentError("crops are larger than the image");
    s.set_dim(2 + i, result);
  }
  if (s.concrete()) MIRIN_RETURN_IF_ERROR(CheckedBytes(c.dtype(0), s.dims()).status());
  c.SetOutput(0, c.dtype(0), std::move(s));
  return absl::OkStatus();
}

}  // namespace

namespace schemas {

OpSchema IndexSelect() {
  return OpSchema("IndexSelect", "Rows of one axis by index.")
      .Input("x")
      .Ints("dim")
      .Input("index")
      .Output("y")
      .Infer(InferIndexSelect);
}
OpSchema ReverseSequence() {
  return OpSchema("ReverseSequence", "Reverses the first seq_lengths[b] steps of each sample.")
      .Input("x")
      .Input("seq_lengths")
      .RequiredAttr("seq_dim")
      .Attr("batch_dim", int64_t{0})
      .Output("y")
      .Infer(InferReverseSequence);
}
OpSchema UnsortedSegmentSum() {
  return OpSchema("UnsortedSegmentSum",
                  "Sums of the rows with the same segment id; negative ids are dropped.")
      .Input("x")
      .Input("segment_ids")
      .Ints("num_segments")
      .Output("y")
      .Infer(InferSegments);
}
OpSchema LinSpace() {
  return OpSchema("LinSpace", "num values from start to stop, both included.")
      .Input("start")
      .Input("stop")
      .Ints("num")
      .Output("y")
      .Infer(InferLinSpace);
}
OpSchema Eye() {
  return OpSchema("Eye", "Ones on the diagonal.")
      .Ints("n")
      .Ints("m")
      .RequiredAttr("dtype")
      .Output("y")
      .Infer(InferEye);
}
OpSchema BatchToSpaceND() {
  return OpSchema("BatchToSpaceND", "Batches become blocks of pixels, then edges are cut.")
      .Input("x")
      .RequiredAttr("block_shape")
      .RequiredAttr("crops")
      .Output("y")
      .Infer(InferBlocks);
}
OpSchema SpaceToBatchND() {
  return OpSchema("SpaceToBatchND", "Pads with zeros, then blocks of pixels become batches.")
      .Input("x")
      .RequiredAttr("block_shape")
      .RequiredAttr("paddings")
      .Output("y")
      .Infer(InferBlocks);
}

}  // namespace schemas
}  // namespace mirin::ops
