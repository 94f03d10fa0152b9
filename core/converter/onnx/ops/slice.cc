#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx::translate {
namespace {

constexpr int64_t kFar = int64_t{1} << 62;  // no axis is as long

// Constant bounds of a tensor of known rank, as MindSpore says it: per axis up to the last that is sliced, masks for "all".
absl::Status SliceByConstants(OpContext& c, int rank, absl::Span<const int64_t> begins, absl::Span<const int64_t> ends, absl::Span<const int64_t> axes,
                              absl::Span<const int64_t> steps) {
  MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> at, AxesFromStart(axes, rank));
  if (begins.size() != axes.size() || ends.size() != axes.size() || steps.size() != axes.size()) {
    return absl::InvalidArgumentError(absl::StrCat(begins.size(), " starts, ", ends.size(), " ends, ", axes.size(), " axes and ", steps.size(), " steps"));
  }
  const size_t n = at.empty() ? 0 : static_cast<size_t>(*std::max_element(at.begin(), at.end())) + 1;
  std::vector<int64_t> begin(n, 0), end(n, 0), step(n, 1);
  int64_t begin_mask = (int64_t{1} << n) - 1, end_mask = begin_mask;
  for (size_t i = 0; i < at.size(); ++i) {
    const size_t axis = static_cast<size_t>(at[i]);
    if (steps[i] == 0) return absl::InvalidArgumentError("a step is 0");
    begin[axis] = begins[i];
    step[axis] = steps[i];
    begin_mask &= ~(int64_t{1} << axis);
    // Ends beyond every axis stay open.
    if (steps[i] > 0 ? ends[i] >= kFar : ends[i] <= -kFar) continue;
    end[axis] = ends[i];
    end_mask &= ~(int64_t{1} << axis);
  }
  GraphBuilder& b = c.builder();
  c.SetOutput(0, n == 0 ? c.input(0) : c.Op("StridedSlice", {c.input(0), b.Ints(begin), b.Ints(end), b.Ints(step)}, {{"begin_mask", begin_mask}, {"end_mask", end_mask}}));
  return absl::OkStatus();
}

}  // namespace

// Bounds are attributes before opset 10 (without steps), inputs since.
absl::Status Slice(OpContext& c) {
  GraphBuilder& b = c.builder();
  std::optional<std::vector<int64_t>> begins, ends, axes, steps;
  const bool as_inputs = c.version() >= 10;
  if (as_inputs) {
    begins = GraphBuilder::IntsOf(c.input(1));
    ends = GraphBuilder::IntsOf(c.input(2));
    axes = c.has_input(3) ? GraphBuilder::IntsOf(c.input(3)) : std::vector<int64_t>();
    steps = c.has_input(4) ? GraphBuilder::IntsOf(c.input(4)) : std::vector<int64_t>();
  } else {
    if (!c.Has("starts") || !c.Has("ends")) return absl::InvalidArgumentError("attribute 'starts' or 'ends' is missing");
    begins = c.Ints("starts");
    ends = c.Ints("ends");
    axes = c.Ints("axes");
    steps = std::vector<int64_t>();
  }
  const bool all_axes = as_inputs ? !c.has_input(3) : !c.Has("axes");
  if (begins && ends && axes && steps && c.shape(0).rank_known()) {
    for (size_t i = 0; all_axes && i < begins->size(); ++i) axes->push_back(static_cast<int64_t>(i));
    if (!as_inputs || !c.has_input(4)) steps->assign(axes->size(), 1);
    return SliceByConstants(c, c.shape(0).rank(), *begins, *ends, *axes, *steps);
  }
  ir::Value* begin = as_inputs ? IntsOperand(c, 1) : b.Ints(*begins);
  ir::Value* end = as_inputs ? IntsOperand(c, 2) : b.Ints(*ends);
  ir::Value* along = !all_axes && as_inputs ? IntsOperand(c, 3) : b.Ints(axes.value_or(std::vector<int64_t>()));
  c.SetOutput(0, c.Op("StridedSliceAxes", {c.input(0), begin, end, along, as_inputs && c.has_input(4) ? IntsOperand(c, 4) : GraphBuilder::Absent()}));
  return absl::OkStatus();
}

}  // namespace mirin::onnx::translate
