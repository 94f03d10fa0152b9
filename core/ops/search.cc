// Looking things up: rows of tables, positions in sorted sequences, sorting order.
#include "absl/strings/str_cat.h"
#include "core/ops/infer.h"
#include "core/ops/registry.h"

namespace mirin::ops {
namespace {

absl::Status InferArgSort(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireNumber(0));
  if (c.shape(0).rank_known()) {
    MIRIN_RETURN_IF_ERROR(c.RequireMinRank(0, 1));
    MIRIN_RETURN_IF_ERROR(
        NormalizeAxis(c.attrs().Int("dim", -1), c.shape(0).rank(), "dim").status());
  }
  c.SetOutput(0, DType::kInt64, c.shape(0));
  return absl::OkStatus();
}

absl::Status InferEmbedding(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireInt(0));
  MIRIN_RETURN_IF_ERROR(c.RequireRank(1, 2));
  const ir::Attribute* max_norm = c.attrs().Find("max_norm");
  if (max_norm != nullptr && !std::holds_alternative<std::monostate>(*max_norm))
    return absl::UnimplementedError("Embedding with max_norm");
  if (!c.shape(0).rank_known()) {
    c.SetOutput(0, c.dtype(1), Shape::Unknown());
    return absl::OkStatus();
  }
  if (c.shape(0).rank() + 1 > kMaxRank)
    return absl::InvalidArgumentError("the result has too many axes");
  Dims dims = c.shape(0).dims();
  dims.push_back(c.shape(1).rank_known() ? c.shape(1).dim(1) : -1);
  if (Shape(dims).concrete()) MIRIN_RETURN_IF_ERROR(CheckedBytes(c.dtype(1), dims).status());
  c.SetOutput(0, c.dtype(1), Shape(std::move(dims)));
  return absl::OkStatus();
}

absl::Status InferSearchSorted(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireNumber(0));
  MIRIN_RETURN_IF_ERROR(c.RequireSameDType(0, 1));
  MIRIN_RETURN_IF_ERROR(c.RequireMinRank(0, 1));
  const Shape &sequence = c.shape(0), &values = c.shape(1);
  if (sequence.rank_known() && values.rank_known() && sequence.rank() > 1) {
    bool fits = sequence.rank() == values.rank();
    for (int i = 0; fits && i + 1 < sequence.rank(); ++i)
      fits = sequence.dim(i) < 0 || values.dim(i) < 0 || sequence.dim(i) == values.dim(i);
    if (!fits)
      return absl::InvalidArgumentError(absl::StrCat(
          "values ", ToString(values), " do not fit the sequences ", ToString(sequence)));
  }
  if (c.has_input(2)) {
    MIRIN_RETURN_IF_ERROR(c.RequireInt(2));
    if (c.shape(2).concrete() && sequence.concrete() && c.shape(2) != sequence) {
      return absl::InvalidArgumentError(
          absl::StrCat("sorter ", ToString(c.shape(2)), " does not match ", ToString(sequence)));
    }
  }
  const DType dtype = c.attrs().Type("dtype");
  if (dtype != DType::kInt32 && dtype != DType::kInt64)
    return absl::InvalidArgumentError("dtype must be int32 or int64");
  c.SetOutput(0, dtype, values);
  return absl::OkStatus();
}

}  // namespace

namespace schemas {

OpSchema ArgSort() {
  return OpSchema("ArgSort", "The indices that sort x along dim; equals keep their order.")
      .Input("x")
      .Attr("dim", int64_t{-1})
      .Attr("descending", false)
      .Attr("stable", false)
      .Output("indices")
      .Infer(InferArgSort);
}
OpSchema Embedding() {
  return OpSchema("Embedding", "Rows of the weight by index.")
      .Input("input")
      .Input("weight")
      .Attr("padding_idx", std::monostate())
      .Attr("max_norm", std::monostate())
      .Attr("norm_type", 2.0)
      .Attr("scale_grad_by_freq", false)
      .Output("y")
      .Infer(InferEmbedding);
}
OpSchema SearchSorted() {
  return OpSchema("SearchSorted",
                  "Where values go in sorted sequences (last axis): before equal elements, or "
                  "behind them when right.")
      .Input("sorted_sequence")
      .Input("values")
      .OptionalInput("sorter")
      .Attr("dtype", DType::kInt64)
      .Attr("right", false)
      .Output("y")
      .Infer(InferSearchSorted);
}

}  // namespace schemas
}  // namespace mirin::ops
