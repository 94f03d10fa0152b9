// Convolutions of bytes whose groups are single channels, on channels-last images.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/backends/cpu/gemm.h"
#include "core/backends/cpu/int8_depthwise_kernels.h"
#include "core/backends/cpu/int8_gemm.h"
#include "core/base/status.h"
#include "core/ops/window.h"

namespace mirin::cpu {
namespace {

// Windows of more taps are not worth a row of interleaved bytes for each row of results.
constexpr int64_t kMostTaps = 128;
// Columns of interleaved bytes that stay in the first-level cache, and those that are too many even for a few results.
constexpr int64_t kMostStrip = 64, kLargestStrip = 1024, kLeastColumns = 8;

// How channels lie in the blocks of the kernels.
struct Lanes {
  explicit Lanes(int64_t n) : channels(n) {
    wide = (n + kInt8DepthwiseWide / 2 - 1) / kInt8DepthwiseWide * kInt8DepthwiseWide;
    all = wide + RoundUp(std::max<int64_t>(0, n - wide), kInt8DepthwiseNarrow);
  }
  int64_t Of(int64_t c) const {
    return c < wide ? c / 64 * 64 + c % 16 / 4 * 16 + c % 64 / 16 * 4 + c % 4 : c;
  }
  // Where the weights of a lane for one of the packed taps begin, in bytes.
  int64_t Weights(int64_t lane, int64_t tap, int64_t taps) const {
    const int64_t width = lane < wide ? kInt8DepthwiseWide : kInt8DepthwiseNarrow;
    return (lane / width * width * taps + tap * width + lane % width) * kInt8DepthwiseRows;
  }
  int64_t channels, wide, all;
};

struct Plan {
  explicit Plan(int64_t channels) : lanes(channels) {}
  Lanes lanes;
  ops::WindowAxis vertical, horizontal;
  int64_t batch = 0, groups = 0;
  int64_t columns = 0;  // of results at a time
  int64_t pair = 1;     // rows of results that meet the same rows of bytes
  std::shared_ptr<const void> weights;
  std::vector<int32_t> begin;
  std::vector<float> scale, bias;
  UnaryKind activation = UnaryKind::kIdentity;
  Int8Form form;
  uint8_t flip = 0, padding = 0;

  // Columns of the image that so many results meet.
  int64_t Strip(int64_t results) const {
    return (results - 1) * horizontal.stride + (horizontal.kernel - 1) * horizontal.dilation + 1;
  }
  int64_t taps() const { return pair * groups * horizontal.kernel; }
  int64_t pairs() const { return (vertical.output + pair - 1) / pair; }
  // Of each thread: interleaved rows, and a pixel of padding.
  int64_t strip_bytes() const { return groups * Strip(columns) * kInt8DepthwiseWide * 4; }
  int64_t thread_bytes() const { return strip_bytes() + kInt8DepthwiseWide; }
};

absl::Status Refusal(const KernelRequest& r) {
  const Dims &x = r.inputs[0].shape.dims(), &w = r.inputs[1].shape.dims(),
             &y = r.outputs[0].shape.dims();
  if (Int8Depthwise() == nullptr) return absl::UnimplementedError("no products of bytes");
  if (r.node->attrs().Int("group", 1) != x[1] || w[0] != x[1] || w[1] != 1)
    return absl::UnimplementedError("groups of other than one channel");
  if (!IsByte(r.outputs[0].dtype)) return absl::UnimplementedError("a result of floats");
  if (r.has_input(4)) return absl::UnimplementedError("a residual");
  if (NumElements(x) == 0 || NumElements(y) == 0)
    return absl::UnimplementedError("an empty tensor");
  if (!r.can_pack(1) || r.constants[2] == nullptr || (r.has_input(3) && r.constants[3] == nullptr))
    return absl::UnimplementedError("computed weights, scales or bias");
  if (RoundUp(w[2], kInt8DepthwiseRows) * w[3] > kMostTaps)
    return absl::UnimplementedError("a large window");
  return absl::OkStatus();
}

void PackWeights(const Plan& p, const int8_t* from, uint8_t* to) {
  const int64_t rows = p.vertical.kernel, columns = p.horizontal.kernel;
  std::fill_n(to, p.lanes.all * p.taps() * kInt8DepthwiseRows, uint8_t{0});
  for (int64_t i = 0; i < p.lanes.channels * p.pair * rows * columns; ++i) {
    const int64_t column = i % columns, row = i / columns % rows,
                  second = i / (columns * rows) % p.pair, channel = i / (columns * rows * p.pair);
    // The windows of the second row of results begin so many rows further down.
    const int64_t place = row + second * p.vertical.stride,
                  tap = (second * p.groups + place / kInt8DepthwiseRows) * columns + column;
    to[p.lanes.Weights(p.lanes.Of(channel), tap, p.taps()) + place % kInt8DepthwiseRows] =
        static_cast<uint8_t>(from[(channel * rows + row) * columns + column]);
  }
}

absl::StatusOr<Plan> MakePlan(const KernelRequest& r) {
  const Dims &x = r.inputs[0].shape.dims(), &w = r.inputs[1].shape.dims();
  Plan p(x[1]);
  MIRIN_ASSIGN_OR_RETURN(const std::vector<ops::WindowAxis> axes,
                         ops::PlanWindow(r.node->attrs(), {x[2], x[3]}, {w[2], w[3]}));
  p.vertical = axes[0];
  p.horizontal = axes[1];
  if (p.horizontal.pad_before < 0) return absl::UnimplementedError("negative padding");
  MIRIN_ASSIGN_OR_RETURN(p.activation, FusedActivation(*r.node));
  if (p.activation != UnaryKind::kIdentity && p.activation != UnaryKind::kRelu &&
      p.activation != UnaryKind::kRelu6)
    return absl::UnimplementedError("an activation other than a rectifier");
  p.batch = x[0];
  p.groups = RoundUp(w[2], kInt8DepthwiseRows) / kInt8DepthwiseRows;
  if (p.groups * p.Strip(kLeastColumns) > kLargestStrip)
    return absl::UnimplementedError("windows that reach far");
  const int64_t fit = std::max(kLeastColumns,
                               (kMostStrip / p.groups - p.Strip(1)) / p.horizontal.stride + 1),
                parts = (p.horizontal.output + fit - 1) / fit;
  p.columns = RoundUp((p.horizontal.output + parts - 1) / parts, 4);
  p.form = FormOf(*r.node, "y", r.outputs[0].dtype);
  const int64_t x_zero = r.node->attrs().Int("x_zero");
  p.flip = r.inputs[0].dtype == DType::kInt8 ? 0x80 : 0;
  p.padding = static_cast<uint8_t>(x_zero);
  MIRIN_ASSIGN_OR_RETURN(
      p.weights,
      r.Pack(1, absl::StrCat("int8depthwise:", w[2], "x", w[3], ":", p.pair * p.vertical.stride),
             static_cast<size_t>(p.lanes.all * p.taps() * kInt8DepthwiseRows), [&](void* to) {
               PackWeights(p, static_cast<const int8_t*>(r.constants[1]->data()),
                           static_cast<uint8_t*>(to));
               return absl::OkStatus();
             }));
  MIRIN_ASSIGN_OR_RETURN(const Tensor scale, r.constants[2]->Aligned());
  const auto lanes = static_cast<size_t>(p.lanes.all);
  p.begin.resize(lanes);
  p.scale.resize(lanes);
  p.bias.resize(lanes);
  const auto* weights = static_cast<const int8_t*>(r.constants[1]->data());
  const int64_t zero = x_zero + (p.flip != 0 ? 128 : 0), window = w[2] * w[3];
  for (int64_t c = 0; c < x[1]; ++c) {
    const auto lane = static_cast<size_t>(p.lanes.Of(c));
    int64_t sum = 0;
    for (int64_t i = 0; i < window; ++i) sum += weights[c * window + i];
    p.begin[lane] = static_cast<int32_t>(-zero * sum);
    p.scale[lane] = scale.data_as<float>()[c];
  }
  if (r.has_input(3)) {
    MIRIN_ASSIGN_OR_RETURN(const Tensor bias, r.constants[3]->Aligned());
    for (int64_t c = 0; c < x[1]; ++c)
      p.bias[static_cast<size_t>(p.lanes.Of(c))] = bias.data_as<float>()[c];
  }
  return p;
}

// Pairs [begin, end) of rows of the results of all images, or rows where there are no pairs.
void Convolve(const Plan& p, const uint8_t* x, uint8_t* y, int64_t begin, int64_t end,
              char* memory) {
  const int64_t pixel = p.lanes.channels, row_bytes = p.horizontal.input * pixel;
  uint8_t* padding = reinterpret_cast<uint8_t*>(memory) + p.strip_bytes();
  std::fill_n(padding, kInt8DepthwiseWide, p.padding);
  const uint8_t* rows[kMostTaps];
  int64_t steps[kMostTaps];
  Int8DepthwiseArgs a = {};
  a.rows = rows;
  a.steps = steps;
  a.groups = p.groups;
  a.flip = p.flip;
  a.padding = p.padding;
  a.width = p.horizontal.input;
  a.window = p.horizontal.kernel;
  a.stride = p.horizontal.stride;
  a.dilation = p.horizontal.dilation;
  a.channels = p.lanes.channels;
  a.wide_channels = p.lanes.wide;
  a.packed_rows = p.pair;
  a.y_row = p.horizontal.output * pixel;
  a.weights = static_cast<const uint8_t*>(p.weights.get());
  a.begin = p.begin.data();
  a.scale = p.scale.data();
  a.bias = p.bias.data();
  a.activation = p.activation;
  a.form = p.form;
  a.memory = memory;
  for (int64_t i = begin; i < end; ++i) {
    const int64_t image = i / p.pairs(), first = i % p.pairs() * p.pair,
                  top = first * p.vertical.stride - p.vertical.pad_before;
    for (int64_t k = 0; k < p.groups * kInt8DepthwiseRows; ++k) {
      const int64_t row = top + k * p.vertical.dilation;
      const bool there = row >= 0 && row < p.vertical.input;
      rows[k] = there ? x + (image * p.vertical.input + row) * row_bytes : padding;
      steps[k] = there ? pixel : 0;
    }
    a.y_rows = std::min(p.pair, p.vertical.output - first);
    for (int64_t column = 0; column < p.horizontal.output; column += p.columns) {
      a.left = p.horizontal.pad_before - column * p.horizontal.stride;
      a.columns = std::min(p.columns, p.horizontal.output - column);
      a.strip = p.Strip(a.columns);
      a.y = y + (image * p.vertical.output + first) * a.y_row + column * pixel;
      Int8Depthwise()->convolve(a);
    }
  }
}

}  // namespace

KernelResult MakeQuantizedDepthwise(const KernelRequest& r) {
  MIRIN_RETURN_IF_ERROR(Refusal(r));
  MIRIN_ASSIGN_OR_RETURN(const Plan plan, MakePlan(r));
  KernelTraits traits;
  traits.implementation = absl::StrCat("cpu:depthwise:", Int8().name);
  traits.layout = Layout::kChannelsLast;
  traits.plain = ~uint32_t{1};
  traits.consumed = r.has_input(3) ? 2 | 4 | 8 : 2 | 4;
  const int threads = r.thread_count();
  traits.scratch_bytes = static_cast<size_t>(threads * plan.thread_bytes());
  return FromFunction(traits, [plan](const KernelContext& c) {
    const int64_t work = plan.horizontal.output * plan.lanes.all * plan.taps();
    c.threads().ParallelForWorkers(
        plan.batch * plan.pairs(), std::max<int64_t>(1, kElementGrain * 4 / work),
        [&](int64_t begin, int64_t end, int worker) {
          Convolve(plan, c.input(0).as<uint8_t>(), c.output(0).as<uint8_t>(), begin, end,
                   static_cast<char*>(c.scratch()) + worker * plan.thread_bytes());
        });
  });
}

}  // namespace mirin::cpu
