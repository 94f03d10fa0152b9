// Convolutions with 1x1 windows by Strassen's products, on blocked layouts: an image's results are the rows of one.
#include <algorithm>
#include <numeric>

#include "core/backends/cpu/blocked_convolution.h"
#include "core/backends/cpu/direct_kernels.h"
#include "core/backends/cpu/gemm.h"
#include "core/backends/cpu/strassen.h"
#include "core/base/status.h"

namespace mirin::cpu {
namespace {

// Fewer do not pay for the sums of the image.
constexpr int64_t kLeastChannels = 160;
constexpr float kLeastScale = 0x1p-100f, kMostScale = 0x1p100f;

// Channels of a panel of weights: as many as leave none behind the last pair. 0: some always are.
int64_t PanelColumns(int64_t channels) {
  for (int64_t columns : {Simd().tile_columns, Simd().tile_columns - Simd().lanes}) {
    if (channels % (2 * columns) == 0) return columns;
  }
  return 0;
}

// The scales of the results' channels, then panels [in, columns] of weights that were brought to [1, 2) by them. OutOfRange for
// weights that have no such scale.
absl::Status Pack(const StrassenPlan& plan, const Tensor& weight, int64_t in, int64_t out,
                  WeightCache* cache, float* to) {
  const DirectKernels& direct = *Direct();
  const std::shared_ptr<void> memory = cache->Scratch(static_cast<size_t>(out) * 4);
  if (memory == nullptr) return absl::ResourceExhaustedError("no memory for packing weights");
  auto* down = static_cast<float*>(memory.get());
  const auto* w = static_cast<const float*>(weight.data());
  for (int64_t o = 0; o < out; ++o) {
    if (!Simd().strassen_scale(w + o * in, in, down + o, to + o))
      return absl::OutOfRangeError("weights that are not finite");
  }
  const bool usable = std::all_of(
      to, to + out, [](float s) { return s == 0 || (s >= kLeastScale && s <= kMostScale); });
  if (!usable) return absl::OutOfRangeError("tiny or huge weights");
  std::vector<int32_t> lines(static_cast<size_t>(in));
  std::iota(lines.begin(), lines.end(), 0);
  for (int64_t o = 0; o < out; o += direct.lanes) {
    float* block = to + out + o / plan.columns * plan.columns * in + o % plan.columns;
    direct.pack(w + o * in, in, direct.lanes, lines.data(), plan.columns, block);
    for (int64_t i = 0; i < in; ++i) {
      for (int64_t c = 0; c < direct.lanes; ++c) block[i * plan.columns + c] *= down[o + c];
    }
  }
  return absl::OkStatus();
}

// Where the numbers of an image lie that each result meets; none where they follow each other.
std::vector<int64_t> RowOffsets(const Dims& x, const Dims& y,
                                const std::vector<ops::WindowAxis>& axes, int64_t lanes) {
  std::vector<int64_t> offsets;
  if (axes[0].stride == 1 && axes[1].stride == 1) return offsets;
  for (int64_t i = 0; i < y[2]; ++i) {
    for (int64_t j = 0; j < y[3]; ++j)
      offsets.push_back((i * axes[0].stride * x[3] + j * axes[1].stride) * lanes);
  }
  return offsets;
}

bool IsUnpadded1x1(const std::vector<ops::WindowAxis>& axes) {
  return std::all_of(axes.begin(), axes.end(), [](const ops::WindowAxis& a) {
    return a.kernel == 1 && a.pad_before == 0 && a.pad_after == 0;
  });
}

}  // namespace

KernelResult MakeStrassenConvolution(const KernelRequest& r) {
  if (r.deterministic) return absl::UnimplementedError("not in deterministic sessions");
  MIRIN_ASSIGN_OR_RETURN(BlockedConvolution conv, BeginConvolution(r, "strassen"));
  const Dims &x = r.inputs[0].shape.dims(), &w = r.inputs[1].shape.dims(),
             &y = r.outputs[0].shape.dims();
  if (conv.groups != 1 || !IsUnpadded1x1(conv.axes))
    return absl::UnimplementedError("groups, or not a 1x1 window");
  const int64_t in = x[1], out = w[0], pixels = y[2] * y[3], lanes = Direct()->lanes;
  const int64_t columns = PanelColumns(out);
  if (columns == 0 || out < kLeastChannels)
    return absl::UnimplementedError("few channels, or channels that fill no pairs of panels");
  const std::optional<StrassenPlan> plan = PlanStrassen(pixels, out, in, columns);
  if (!plan.has_value()) return absl::UnimplementedError("too small for Strassen");
  const absl::StatusOr<std::shared_ptr<const void>> packed =
      r.Pack(1, absl::StrCat("strassen:", Simd().name, ":", columns, ":", in, "x", out),
             static_cast<size_t>(out + in * out) * 4, [&](void* to) {
               return Pack(*plan, *r.constants[1], in, out, r.weights, static_cast<float*>(to));
             });
  if (absl::IsOutOfRange(packed.status()))
    return absl::UnimplementedError(packed.status().message());
  if (!packed.ok()) return packed.status();
  conv.traits.in_place = conv.has_add ? 8 : 0;
  conv.traits.scratch_bytes = plan->scratch_bytes(r.thread_count());
  return FromFunction(conv.traits, [=, images = x[0], x_plane = x[2] * x[3] * lanes,
                                    offsets = RowOffsets(x, y, conv.axes, lanes),
                                    weights = *packed](const KernelContext& c) {
    GemmArgs g = {};
    g.m = pixels;
    g.n = out;
    g.k = in;
    g.a_row = g.c_row = lanes;
    g.packed_b = static_cast<const float*>(weights.get()) + out;
    g.bias = conv.bias_data();
    g.activation = conv.activation;
    StrassenArgs args = {};
    args.product = &g;
    args.a_rows = offsets.empty() ? nullptr : offsets.data();
    args.a_block = x_plane;
    args.c_block = pixels * lanes;
    args.column_scale = static_cast<const float*>(weights.get());
    for (int64_t n = 0; n < images; ++n) {
      g.a = c.input(0).as<float>() + n * in / lanes * x_plane;
      g.c = c.output(0).as<float>() + n * out * pixels;
      if (conv.has_add) args.add = c.input(3).as<float>() + n * out * pixels;
      RunStrassen(*plan, c.threads(), args, c.scratch());
    }
  });
}

}  // namespace mirin::cpu
