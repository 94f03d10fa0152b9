// Elements around a tensor: a value, or what is at its borders.
#include <algorithm>
#include <cstring>

#include "core/backends/cpu/kernel.h"
#include "core/base/status.h"
#include "core/ops/padding.h"

namespace mirin::cpu {
namespace {

// A row of the result is `before` times the value, a part of a row of x, and `after` times the value. Other modes than constants take
// border elements by `row_source`.
struct PadPlan {
  std::vector<std::vector<int64_t>>
      sources;                      // per axis but the last: offset of the row in x, -1: none
  std::vector<int64_t> row_source;  // empty for constants
  size_t element = 0;               // bytes that are moved as one, of one number
  size_t number = 0;
  int64_t x_row = 1, y_row = 1, rows = 1;  // elements
  int64_t before = 0, first = 0, copied = 0;
};

void Fill(char* to, size_t bytes, const char* number, size_t size) {
  if (std::all_of(number, number + size, [](char b) { return b == 0; })) {
    std::memset(to, 0, bytes);
    return;
  }
  for (size_t i = 0; i < bytes; i += size) std::memcpy(to + i, number, size);
}

// Offset of the row of x behind a row of y, in rows; -1: none.
int64_t SourceRow(const PadPlan& plan, int64_t row) {
  int64_t at = 0;
  for (size_t i = plan.sources.size(); i-- > 0;) {
    const auto n = static_cast<int64_t>(plan.sources[i].size());
    const int64_t source = plan.sources[i][static_cast<size_t>(row % n)];
    if (source < 0) return -1;
    at += source;
    row /= n;
  }
  return at;
}

void PadRow(const PadPlan& plan, const char* x, const char* number, int64_t row, char* y) {
  const auto bytes = [&](int64_t n) { return static_cast<size_t>(n) * plan.element; };
  const int64_t source = SourceRow(plan, row);
  char* to = y + bytes(row * plan.y_row);
  if (source < 0) return Fill(to, bytes(plan.y_row), number, plan.number);
  const char* from = x + bytes(source * plan.x_row);
  std::memcpy(to + bytes(plan.before), from + bytes(plan.first), bytes(plan.copied));
  const int64_t end = plan.before + plan.copied;
  if (plan.row_source.empty()) {
    Fill(to, bytes(plan.before), number, plan.number);
    Fill(to + bytes(end), bytes(plan.y_row - end), number, plan.number);
    return;
  }
  for (int64_t i = 0; i < plan.y_row; ++i) {
    if (i == plan.before && plan.copied > 0) i = end;
    if (i < plan.y_row)
      std::memcpy(to + bytes(i), from + bytes(plan.row_source[static_cast<size_t>(i)]), bytes(1));
  }
}

// `pads` are (before, after) pairs by axis, of which negative ones cut.
PadPlan PlanPad(Dims x, Dims y, absl::Span<const int64_t> pads, ops::PadMode mode, size_t number) {
  PadPlan plan;
  plan.element = plan.number = number;
  size_t axes = x.size();
  for (; axes > 0 && pads[2 * axes - 2] == 0 && pads[2 * axes - 1] == 0; --axes)
    plan.element *= static_cast<size_t>(x[axes - 1]);
  if (axes == 0) {
    plan.copied = 1;
    return plan;
  }
  const auto source = [&](size_t axis, int64_t i) {
    return ops::PadSource(i - pads[2 * axis], x[axis], mode);
  };
  int64_t stride = 1;
  plan.sources.resize(axes - 1);
  for (size_t axis = axes - 1; axis-- > 0;) {
    for (int64_t i = 0; i < y[axis]; ++i) {
      const int64_t from = source(axis, i);
      plan.sources[axis].push_back(from < 0 ? -1 : from * stride);
    }
    stride *= x[axis];
    plan.rows *= y[axis];
  }
  plan.x_row = x[axes - 1];
  plan.y_row = y[axes - 1];
  const int64_t shift = pads[2 * axes - 2];
  plan.first = std::clamp<int64_t>(-shift, 0, plan.x_row);
  plan.before = std::clamp<int64_t>(shift, 0, plan.y_row);
  plan.copied = std::max<int64_t>(0, std::min(plan.x_row - plan.first, plan.y_row - plan.before));
  for (int64_t i = 0; mode != ops::PadMode::kConstant && i < plan.y_row; ++i)
    plan.row_source.push_back(source(axes - 1, i));
  return plan;
}

}  // namespace

// Pad and PadV3.
KernelResult MakePad(const KernelRequest& r) {
  const ir::TensorType& type = r.inputs[0];
  if (type.dtype == DType::kString) return Refuse(type);
  const Dims &x = type.shape.dims(), &y = r.outputs[0].shape.dims();
  if (NumElements(x) == 0) return absl::UnimplementedError("an empty tensor");
  std::vector<int64_t> pads = r.node->attrs().Ints("paddings");
  ops::PadMode mode = ops::PadMode::kConstant;
  bool has_value = false;
  if (r.node->op() == "PadV3") {
    if (r.constants[1] == nullptr) return absl::UnimplementedError("computed paddings");
    MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> given, r.constants[1]->ToInt64s());
    MIRIN_ASSIGN_OR_RETURN(
        pads, ops::PaddingsFromLastAxis(r.node->attrs(), given, static_cast<int>(x.size())));
    mode = ops::PadModeOf(r.node->attrs().String("mode"));
    has_value = r.has_input(2);
    if (has_value && r.inputs[2].dtype != type.dtype) return Refuse(r.inputs[2]);
  }
  if (pads.size() != 2 * x.size()) return absl::UnimplementedError("paddings of other axes");
  KernelTraits traits;
  traits.implementation = absl::StrCat("cpu:", r.node->op());
  return FromFunction(traits, [plan = PlanPad(x, y, pads, mode, SizeOf(type.dtype)),
                               has_value](const KernelContext& c) {
    static constexpr char kZero[16] = {};
    const char* number = has_value ? c.input(2).as<char>() : kZero;
    const auto row_elements =
        plan.y_row * static_cast<int64_t>(plan.element / std::max<size_t>(1, plan.number));
    c.threads().ParallelFor(
        plan.rows, std::max<int64_t>(1, kElementGrain / std::max<int64_t>(1, row_elements)),
        [&](int64_t begin, int64_t end) {
          for (int64_t row = begin; row < end; ++row)
            PadRow(plan, c.input(0).as<char>(), number, row, c.output(0).as<char>());
        });
  });
}

}  // namespace mirin::cpu
