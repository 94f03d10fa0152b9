#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx {
namespace {

absl::Status CastTo(OpContext& c, DType to) {
  // Opsets 19 and 24 added these for 8-bit floats, which are refused where their dtype is read.
  c.Ignore("saturate");
  c.Ignore("round_mode");
  c.SetOutput(0, c.builder().Cast(c.input(0), to));
  return absl::OkStatus();
}

}  // namespace

namespace translate {

absl::Status Cast(OpContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequiredInt("to").status());
  MIRIN_ASSIGN_OR_RETURN(const DType to, DTypeAttribute(c, "to", DType::kUnknown));
  return CastTo(c, to);
}

absl::Status CastLike(OpContext& c) { return CastTo(c, c.dtype(1)); }

absl::Status BitCast(OpContext& c) {
  MIRIN_RETURN_IF_ERROR(c.RequiredInt("to").status());
  MIRIN_ASSIGN_OR_RETURN(const DType to, DTypeAttribute(c, "to", DType::kUnknown));
  if (to == c.dtype(0)) {
    c.SetOutput(0, c.input(0));
  } else {
    c.SetOutput(0, c.Op("BitCast", {c.input(0)}, {{"dtype", to}}));
  }
  return absl::OkStatus();
}

}  // namespace translate
}  // namespace mirin::onnx
