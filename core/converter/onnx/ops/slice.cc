#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {
namespace {

constexpr int64_t kFar = int64_t{1} << 62;  // no axis is as long

// As MindSpore says it: bounds of every axis up to the last that is sliced, masks where there are none. `count` bounds, along axes
// that are known.
absl::Status SliceFirstAxes(OpContext& c, int rank, int64_t count, absl::Span<const int64_t> axes,
                            ir::Value* begins, ir::Value* ends, ir::Value* steps) {
  GraphBuilder& b = c.builder();
  MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> at, AxesFromStart(axes, rank));
  if (at.empty()) {
    c.SetOutput(0, c.input(0));
    return absl::OkStatus();
  }
  const size_t n = static_cast<size_t>(*std::max_element(at.begin(), at.end())) + 1;
  std::vector<int64_t> from(n, count);  // behind the bounds: those of axes that are not sliced
  int64_t begin_mask = (int64_t{1} << n) - 1, end_mask = begin_mask;
  const auto known_ends = GraphBuilder::IntsOf(ends), known_steps = GraphBuilder::IntsOf(steps);
  for (size_t i = 0; i < at.size(); ++i) {
    from[static_cast<size_t>(at[i])] = static_cast<int64_t>(i);
    begin_mask &= ~(int64_t{1} << at[i]);
    // Ends beyond every axis stay open.
    const bool far = known_ends && known_steps &&
                     ((*known_steps)[i] > 0 ? (*known_ends)[i] >= kFar : (*known_ends)[i] <= -kFar);
    if (!far) end_mask &= ~(int64_t{1} << at[i]);
  }
  const auto place = [&](ir::Value* bounds, int64_t other) {
    return b.Op("Gather", {b.Concat({bounds, b.Ints({other})}, 0), b.Ints(from)}, {{"axis", 0}});
  };
  c.SetOutput(0,
              c.Op("StridedSlice", {c.input(0), place(begins, 0), place(ends, 0), place(steps, 1)},
                   {{"begin_mask", begin_mask}, {"end_mask", end_mask}}));
  return absl::OkStatus();
}

}  // namespace

// Bounds are attributes before opset 10 (without steps), inputs since.
absl::Status Slice(OpContext& c) {
  GraphBuilder& b = c.builder();
  ir::Value *begins = nullptr, *ends = nullptr, *axes = GraphBuilder::Absent(),
            *steps = GraphBuilder::Absent();
  if (c.version() >= 10) {
    begins = IntsOperand(c, 1);
    ends = IntsOperand(c, 2);
    if (c.has_input(3)) axes = IntsOperand(c, 3);
    if (c.has_input(4)) steps = IntsOperand(c, 4);
  } else {
    if (!c.Has("starts") || !c.Has("ends"))
      return absl::InvalidArgumentError("attribute 'starts' or 'ends' is missing");
    begins = b.Ints(c.Ints("starts"));
    ends = b.Ints(c.Ints("ends"));
    if (c.Has("axes")) axes = b.Ints(c.Ints("axes"));
  }
  MIRIN_RETURN_IF_ERROR(b.status());
  int64_t count = -1;
  bool counted = true;
  for (const ir::Value* list : {begins, ends, axes, steps}) {
    if (list == GraphBuilder::Absent()) continue;
    if (!list->type().shape.concrete()) {
      counted = false;
      continue;
    }
    const int64_t length = list->type().shape.dim(0);
    if (count >= 0 && length != count)
      return absl::InvalidArgumentError(
          absl::StrCat("lists of ", count, " and ", length, " starts, ends, axes or steps"));
    count = length;
  }
  if (axes == GraphBuilder::Absent() && count >= 0) axes = Counting(b, count);
  const auto known_axes =
      axes == GraphBuilder::Absent() ? std::nullopt : GraphBuilder::IntsOf(axes);
  if (known_axes && counted && c.shape(0).rank_known()) {
    if (steps == GraphBuilder::Absent())
      steps = b.Ints(std::vector<int64_t>(known_axes->size(), 1));
    return SliceFirstAxes(c, c.shape(0).rank(), count, *known_axes, begins, ends, steps);
  }
  if (axes == GraphBuilder::Absent()) axes = b.Ints({});
  c.SetOutput(0, c.Op("StridedSliceAxes", {c.input(0), begins, ends, axes, steps}));
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
