// Adding and cutting edges.
#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx {
namespace {

// What ONNX pads by: int64[2 * rank], the begins of all axes, then their ends. PadV3 wants (begin, end) from the last axis on.
ir::Value* FromLastAxis(GraphBuilder& b, ir::Value* pads, int64_t rank) {
  std::vector<int64_t> order;
  for (int64_t axis = rank - 1; axis >= 0; --axis) order.insert(order.end(), {axis, rank + axis});
  return b.Op("Gather", {pads, b.Ints(order)}, {{"axis", 0}});
}

// Pads of some axes as pads of all.
absl::StatusOr<ir::Value*> OfAllAxes(OpContext& c, ir::Value* pads, int axes_input, int rank) {
  GraphBuilder& b = c.builder();
  MIRIN_ASSIGN_OR_RETURN(const int64_t count, LengthOf(c, axes_input, "axes"));
  if (const auto known = GraphBuilder::IntsOf(c.input(axes_input))) {
    MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> axes, AxesFromStart(*known, rank));
    std::vector<int64_t> from(static_cast<size_t>(2 * rank), 2 * count);  // a zero behind the pads
    for (int64_t i = 0; i < count; ++i) {
      from[static_cast<size_t>(axes[static_cast<size_t>(i)])] = i;
      from[static_cast<size_t>(rank + axes[static_cast<size_t>(i)])] = count + i;
    }
    return b.Op("Gather", {b.Concat({pads, b.Ints({0})}, 0), b.Ints(from)}, {{"axis", 0}});
  }
  ir::Value* axes = AxesFromStart(b, IntsOperand(c, axes_input), rank);
  ir::Value* zeros = b.Ints(std::vector<int64_t>(static_cast<size_t>(2 * rank), 0));
  return b.Op("TensorScatterElements", {zeros, b.Concat({axes, b.Add(axes, b.Int(rank))}, 0), pads},
              {{"axis", 0}});
}

bool MayBeNegative(const ir::Value* pads) {
  const auto known = GraphBuilder::IntsOf(pads);
  return !known || std::any_of(known->begin(), known->end(), [](int64_t p) { return p < 0; });
}

}  // namespace

namespace translate {

// Pads and the value are attributes before opset 11, inputs since; opset 18 added axes, opset 19 the mode wrap.
absl::Status Pad(OpContext& c) {
  GraphBuilder& b = c.builder();
  ir::Value* x = c.input(0);
  MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(0));
  const std::string mode = c.String("mode", "constant");
  const bool constant = mode == "constant";
  if (!constant && mode != "reflect" && mode != "edge" && (mode != "wrap" || c.version() < 19)) {
    return absl::InvalidArgumentError(absl::StrCat("mode '", mode, "' in opset ", c.version()));
  }
  ir::Value *pads = nullptr, *value = GraphBuilder::Absent();
  if (c.version() < 11) {
    if (!c.Has("pads")) return absl::InvalidArgumentError("attribute 'pads' is missing");
    pads = b.Ints(c.Ints("pads"));
    value = b.ScalarLike(c.Float("value", 0), x);
  } else {
    pads = IntsOperand(c, 1);
    if (c.has_input(2) && constant) {
      if (c.dtype(2) != c.dtype(0))
        return absl::InvalidArgumentError(
            absl::StrCat("the value is ", Name(c.dtype(2)), ", the input ", Name(c.dtype(0))));
      value = c.input(2);
    } else if (constant) {
      value = b.ScalarLike(0, x);
    }
    if (c.version() >= 18 && c.has_input(3)) {
      MIRIN_ASSIGN_OR_RETURN(pads, OfAllAxes(c, pads, 3, rank));
    }
  }
  if (!constant) {
    value = b.ScalarLike(0, x);  // not used; MindSpore wants it
    if (MayBeNegative(pads)) {   // they cut before the edges are looked at
      x = c.Op("PadV3",
               {x, FromLastAxis(b, b.Op("Minimum", {pads, b.Int(0)}), rank), b.ScalarLike(0, x)},
               {{"mode", std::string("constant")}});
      pads = b.Op("Maximum", {pads, b.Int(0)});
    }
  }
  c.SetOutput(0, c.Op("PadV3", {x, FromLastAxis(b, pads, rank), value},
                      {{"mode", mode == "wrap" ? "circular" : mode}}));
  return absl::OkStatus();
}

// Cuts or pads axes to given sizes around their middle; an odd element more is at the end.
absl::Status CenterCropPad(OpContext& c) {
  GraphBuilder& b = c.builder();
  ir::Value* x = c.input(0);
  MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(0));
  MIRIN_ASSIGN_OR_RETURN(const int64_t count, LengthOf(c, 1, "sizes"));
  std::vector<int64_t> axes = c.Ints("axes");
  for (int64_t i = 0; !c.Has("axes") && i < rank; ++i) axes.push_back(i);
  MIRIN_ASSIGN_OR_RETURN(axes, AxesFromStart(axes, rank));
  if (count != static_cast<int64_t>(axes.size()))
    return absl::InvalidArgumentError(absl::StrCat(count, " sizes for ", axes.size(), " axes"));
  ir::Value* sizes = IntsOperand(c, 1);
  std::vector<ir::Value*> pads(static_cast<size_t>(2 * rank), b.Ints({0}));
  for (size_t i = 0; i < axes.size(); ++i) {
    ir::Value* more =
        b.Sub(b.SliceAxis(sizes, 0, static_cast<int64_t>(i), static_cast<int64_t>(i) + 1),
              b.DimOf(x, axes[i]));
    ir::Value* before = b.Op("TruncateDiv", {more, b.Int(2)});
    pads[static_cast<size_t>(axes[i])] = before;
    pads[static_cast<size_t>(rank + axes[i])] = b.Sub(more, before);
  }
  c.SetOutput(0, rank == 0 ? x
                           : c.Op("PadV3",
                                  {x, FromLastAxis(b, b.Concat(pads, 0), rank), b.ScalarLike(0, x)},
                                  {{"mode", std::string("constant")}}));
  return absl::OkStatus();
}

}  // namespace translate
}  // namespace mirin::onnx
