#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {

absl::Status Col2Im(OpContext& c) {
  const std::vector<int64_t> strides = c.Ints("strides"), dilations = c.Ints("dilations"),
                             pads = c.Ints("pads");
  if (pads.size() % 2 != 0)
    return absl::InvalidArgumentError(absl::StrCat("pads has ", pads.size(), " numbers"));
  std::vector<int64_t> list;  // (before, after) per axis
  for (size_t i = 0; i < pads.size() / 2; ++i) {
    for (const int64_t p : {pads[i], pads[pads.size() / 2 + i]}) {
      if (p < 0) return absl::InvalidArgumentError(absl::StrCat("pads holds ", p));
      list.push_back(p);
    }
  }
  c.SetOutput(0, c.Op("Fold", {c.input(0), c.input(1), c.input(2)},
                      {{"strides", strides}, {"dilations", dilations}, {"pad_list", list}}));
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
