#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/ops/infer.h"
#include "core/ops/registry.h"
#include "core/ops/window.h"

namespace mirin::ops {
namespace {

using std::string;

absl::Status InferLayerNorm(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  const Shape& x = c.shape(0);
  if (!x.rank_known()) {
    for (int i = 0; i < c.num_outputs(); ++i) c.SetOutput(i, c.dtype(0), Shape::Unknown());
    return absl::OkStatus();
  }
  MIRIN_RETURN_IF_ERROR(c.RequireMinRank(0, 1));
  MIRIN_ASSIGN_OR_RETURN(
      const int norm, NormalizeAxis(c.attrs().Int("begin_norm_axis"), x.rank(), "begin_norm_axis"));
  MIRIN_ASSIGN_OR_RETURN(const int params, NormalizeAxis(c.attrs().Int("begin_params_axis"),
                                                         x.rank(), "begin_params_axis"));
  for (int i = 1; i < 3; ++i) {
    const Dims expected(x.dims().begin() + params, x.dims().end());
    if (c.shape(i).concrete() && Shape(expected).concrete() &&
        NumElements(c.shape(i).dims()) != NumElements(expected)) {
      return absl::InvalidArgumentError(absl::StrCat("scale or shift ", ToString(c.shape(i)),
                                                     " does not match ", ToString(expected)));
    }
  }
  c.SetOutput(0, c.dtype(0), x);
  Shape stats = x;
  for (int i = norm; i < x.rank(); ++i) stats.set_dim(i, 1);
  for (int i = 1; i < c.num_outputs(); ++i) c.SetOutput(i, c.dtype(0), stats);
  return absl::OkStatus();
}

absl::Status InferBatchNorm(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  MIRIN_RETURN_IF_ERROR(c.RequireMinRank(0, 2));
  if (c.attrs().Bool("is_training")) return absl::UnimplementedError("BatchNorm in training mode");
  if (IsChannelsLast(c.attrs()) && c.shape(0).rank_known() && c.shape(0).rank() > 2)
    return absl::UnimplementedError("BatchNorm of NHWC data");
  for (int i = 1; i < 5; ++i) {
    MIRIN_RETURN_IF_ERROR(c.RequireRank(i, 1));
    if (c.shape(0).rank_known() && c.shape(i).concrete() && c.shape(0).dim(1) >= 0 &&
        c.shape(i).dim(0) != c.shape(0).dim(1)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "a vector ", ToString(c.shape(i)), " does not match ", c.shape(0).dim(1), " channels"));
    }
  }
  c.SetOutput(0, c.dtype(0), c.shape(0));
  for (int i = 1; i < 5; ++i) c.SetOutput(i, c.dtype(i), c.shape(i));
  return absl::OkStatus();
}

absl::Status InferGroupNorm(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  MIRIN_RETURN_IF_ERROR(c.RequireMinRank(0, 2));
  const int64_t groups = c.attrs().Int("num_groups");
  const Shape& x = c.shape(0);
  if (groups < 1 || (x.rank_known() && x.dim(1) >= 0 && x.dim(1) % groups != 0))
    return absl::InvalidArgumentError(absl::StrCat(groups, " groups do not divide the channels"));
  for (int i = 1; i < 3; ++i) {
    if (c.has_input(i) && c.shape(i).concrete() && x.rank_known() && x.dim(1) >= 0 &&
        NumElements(c.shape(i).dims()) != x.dim(1)) {
      return absl::InvalidArgumentError("weight or bias does not match the channels");
    }
  }
  c.SetOutput(0, c.dtype(0), x);
  const Shape stats = x.rank_known() ? Shape({x.dim(0), groups}) : Shape::OfRank(2);
  c.SetOutput(1, c.dtype(0), stats);
  c.SetOutput(2, c.dtype(0), stats);
  return absl::OkStatus();
}

absl::Status InferRmsNorm(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  MIRIN_RETURN_IF_ERROR(c.RequireMinRank(0, 1));
  c.SetOutput(0, c.dtype(0), c.shape(0));
  Shape stats = c.shape(0);
  if (stats.rank_known() && c.shape(1).rank_known()) {
    if (c.shape(1).rank() > stats.rank())
      return absl::InvalidArgumentError("gamma has more axes than x");
    const int first = stats.rank() - c.shape(1).rank();
    for (int i = first; i < stats.rank(); ++i) {
      const int64_t size = c.shape(1).dim(i - first);
      if (size >= 0 && stats.dim(i) >= 0 && size != stats.dim(i)) {
        return absl::InvalidArgumentError(absl::StrCat("gamma ", ToString(c.shape(1)),
                                                       " does not match the last axes of ",
                                                       ToString(c.shape(0))));
      }
      stats.set_dim(i, 1);
    }
  }
  c.SetOutput(1, DType::kFloat32, stats);
  return absl::OkStatus();
}

absl::Status InferLrn(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireRank(0, 4));
  return InferSameFloat(c);
}

absl::Status InferInstanceNorm(InferContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequireFloat(0));
  MIRIN_RETURN_IF_ERROR(c.RequireMinRank(0, 3));
  const Shape& x = c.shape(0);
  for (int i = 1; i < 3; ++i) {
    if (x.rank_known() && c.shape(i).concrete() && x.dim(1) >= 0 &&
        NumElements(c.shape(i).dims()) != x.dim(1)) {
      return absl::InvalidArgumentError(absl::StrCat("scale or shift ", ToString(c.shape(i)),
                                                     " does not match ", x.dim(1), " channels"));
    }
  }
  c.SetOutput(0, c.dtype(0), x);
  const Shape stats = x.rank_known() ? Shape({x.dim(0), x.dim(1)}) : Shape::OfRank(2);
  c.SetOutput(1, c.dtype(0), stats);
  c.SetOutput(2, c.dtype(0), stats);
  return absl::OkStatus();
}

}  // namespace

namespace schemas {

OpSchema LayerNorm() {
  return OpSchema("LayerNorm", "Normalises over the axes from begin_norm_axis on.")
      .Input("x")
      .Input("gamma")
      .Input("beta")
      .Attr("begin_norm_axis", int64_t{1})
      .Attr("begin_params_axis", int64_t{1})
      .Attr("epsilon", 1e-7)
      .Output("y")
      .Output("mean")
      .Output("variance")
      .Infer(InferLayerNorm);
}
OpSchema BatchNorm() {
  return OpSchema("BatchNorm",
                  "Inference: (x - mean) / sqrt(variance + epsilon) * scale + bias per channel.")
      .Input("x")
      .Input("scale")
      .Input("bias")
      .Input("mean")
      .Input("variance")
      .Attr("is_training", false)
      .Attr("epsilon", 1e-5)
      .Attr("momentum", 0.1)
      .Attr("data_format", string("NCHW"), {"format"})
      .Output("y")
      .Output("batch_mean")
      .Output("batch_variance")
      .Output("reserve_1")
      .Output("reserve_2")
      .Infer(InferBatchNorm);
}
OpSchema GroupNorm() {
  return OpSchema("GroupNorm", "Normalises groups of channels.")
      .Input("x")
      .RequiredAttr("num_groups")
      .OptionalInput("weight")
      .OptionalInput("bias")
      .Attr("eps", 1e-5)
      .Output("y")
      .Output("mean")
      .Output("rstd")
      .Infer(InferGroupNorm);
}
OpSchema RmsNorm() {
  return OpSchema("RmsNorm", "x / sqrt(mean(x^2) + epsilon) * gamma.")
      .Input("x")
      .Input("gamma")
      .Attr("epsilon", 1e-6)
      .Output("y")
      .Output("rstd")
      .Infer(InferRmsNorm);
}
OpSchema LRN() {
  return OpSchema("LRN", "x / (bias + alpha * sum of squares over 2r+1 channels) ^ beta.")
      .Input("x")
      .Attr("depth_radius", int64_t{5})
      .Attr("bias", 1.0)
      .Attr("alpha", 1.0)
      .Attr("beta", 0.5)
      .Attr("norm_region", string("ACROSS_CHANNELS"))
      .Output("y")
      .Infer(InferLrn);
}
OpSchema InstanceNorm() {
  return OpSchema("InstanceNorm",
                  "Normalises every channel of every sample; running statistics are not read.")
      .Input("x")
      .Input("gamma")
      .Input("beta")
      .OptionalInput("mean")
      .OptionalInput("variance")
      .Attr("epsilon", 1e-5)
      .Attr("momentum", 0.1)
      .Output("y")
      .Output("batch_mean")
      .Output("batch_variance")
      .Infer(InferInstanceNorm);
}

}  // namespace schemas
}  // namespace mirin::ops
