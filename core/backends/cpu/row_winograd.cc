// Convolutions of images, a few plain channels, with 7x7 windows and stride 2: by row_winograd_kernels.h. A result differs from direct
// convolution by up to about 5e-7 of the sum of absolute products (direct: 1e-7).
#include <algorithm>

#include "absl/strings/str_join.h"
#include "core/backends/cpu/blocked_convolution.h"
#include "core/backends/cpu/direct_kernels.h"
#include "core/backends/cpu/gemm.h"
#include "core/backends/cpu/row_winograd_kernels.h"
#include "core/base/status.h"

namespace mirin::cpu {
namespace {

constexpr int64_t kWindow = 7, kStride = 2;
// Images of more channels are in blocks.
constexpr int64_t kMostChannels = 4;
// A product of fewer rows waits for its weights.
constexpr int64_t kLeastTiles = 8;
// What the transforms cost besides: so many times fewer multiplications pay.
constexpr double kLeastGain = 1.5;
// Rows of results whose lines of the image are transformed together, and the bytes of what is made of them, which should stay in the
// second-level cache.
constexpr int64_t kBandRows = 8, kMostBytes = int64_t{1} << 20;

struct Shape {
  int64_t batch, channels, height, width, out, rows, columns, pad_top, pad_left;
  int64_t lanes = RowWinograd()->lanes, points = RowWinograd()->points;
  // Of a row: tiles, and these rounded up to whole vectors.
  int64_t tiles = (columns + RowWinograd()->tile - 1) / RowWinograd()->tile,
          step = RoundUp(tiles, lanes);
  int64_t bands() const { return (rows + kBandRows - 1) / kBandRows; }
  int64_t line_floats() const { return points * step; }
  int64_t channel_floats() const { return (kStride * (kBandRows - 1) + kWindow) * line_floats(); }
  int64_t weight_floats() const { return points * channels * kWindow * lanes; }  // of a block
};

// Memory of a thread: the points of a band's lines, products, and a line of the image with zeros beside it, in order and by phases.
struct Scratch {
  Scratch(const Shape& s, float* memory)
      : v(memory),
        m(v + s.channels * s.channel_floats()),
        line(m + s.points * s.tiles * s.lanes),
        phases(line + LineFloats(s)) {}
  static int64_t LineFloats(const Shape& s) {
    return (s.step + s.lanes) * kStride * RowWinograd()->tile;
  }
  static int64_t Floats(const Shape& s) {
    return s.channels * s.channel_floats() + s.points * s.tiles * s.lanes + 2 * LineFloats(s);
  }
  float *v, *m, *line, *phases;
};

absl::Status Pack(const Shape& s, const Tensor& weight, float* to) {
  return ForEachBlock(weight, [&](int64_t first, const float* block) {
    float* u = to + first / s.lanes * s.weight_floats();
    for (int64_t i = 0; i < s.channels * kWindow; ++i)
      RowWinograd()->weights(block + i * kWindow * s.lanes, u + i * s.lanes,
                             s.channels * kWindow * s.lanes);
  });
}

// The lines of an image that the windows of `rows` results from `row` on meet.
void TransformLines(const Shape& s, const float* x, int64_t row, int64_t rows,
                    const Scratch& scratch) {
  const int64_t first = row * kStride - s.pad_top, lines = (rows - 1) * kStride + kWindow,
                before = std::min(s.pad_left, Scratch::LineFloats(s)),
                copied = std::min(s.width, Scratch::LineFloats(s) - before);
  std::fill_n(scratch.line, Scratch::LineFloats(s), 0.0f);
  for (int64_t c = 0; c < s.channels; ++c) {
    for (int64_t i = 0; i < lines; ++i) {
      float* v = scratch.v + c * s.channel_floats() + i * s.line_floats();
      if (first + i < 0 || first + i >= s.height) {
        std::fill_n(v, s.line_floats(), 0.0f);
        continue;
      }
      std::copy_n(x + (c * s.height + first + i) * s.width, copied, scratch.line + before);
      RowWinograd()->input(scratch.line, s.tiles, scratch.phases, v, s.step);
    }
  }
}

// Results [row, row + rows) of an image. `args` has bias; y and add are the image's.
void ConvolveBand(const Shape& s, const float* weights, const Scratch& scratch, int64_t row,
                  int64_t rows, UnaryKind activation, const RowWinogradArgs& args) {
  const int64_t line = s.columns * s.lanes;
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t block = 0; block * s.lanes < s.out; ++block) {
      RowWinogradArgs a = args;
      a.v = scratch.v + i * kStride * s.line_floats();
      a.weights = weights + block * s.weight_floats();
      a.m = scratch.m;
      const int64_t at = (block * s.rows + row + i) * line;
      a.y += at;
      if (a.add != nullptr) a.add += at;
      if (a.bias != nullptr) a.bias += block * s.lanes;
      RowWinograd()->row(a);
      if (activation != UnaryKind::kIdentity && activation != UnaryKind::kRelu)
        Simd().unary(activation, a.y, a.y, line, 0);
    }
  }
}

bool IsStrided7x7(const std::vector<ops::WindowAxis>& axes) {
  return std::all_of(axes.begin(), axes.end(), [](const ops::WindowAxis& a) {
    return a.kernel == kWindow && a.stride == kStride && a.dilation == 1;
  });
}

bool Pays(const Shape& s) {
  const auto direct = static_cast<double>(s.columns * kWindow),
             own = static_cast<double>(s.tiles * s.points);
  return s.channels <= kMostChannels && s.out % s.lanes == 0 && s.tiles >= kLeastTiles &&
         Scratch::Floats(s) * 4 <= kMostBytes && direct >= own * kLeastGain;
}

}  // namespace

KernelResult MakeRowWinograd(const KernelRequest& r) {
  if (r.deterministic) return absl::UnimplementedError("not in deterministic sessions");
  MIRIN_ASSIGN_OR_RETURN(BlockedConvolution conv, BeginConvolution(r, "row_winograd"));
  const Dims &x = r.inputs[0].shape.dims(), &w = r.inputs[1].shape.dims(),
             &y = r.outputs[0].shape.dims();
  if (conv.groups != 1) return absl::UnimplementedError("groups");
  const Shape s = {
      x[0], x[1], x[2], x[3], w[0], y[2], y[3], conv.axes[0].pad_before, conv.axes[1].pad_before};
  if (!IsStrided7x7(conv.axes) || !Pays(s))
    return absl::UnimplementedError("another window, not an image, or one too narrow or too wide");
  MIRIN_ASSIGN_OR_RETURN(
      const std::shared_ptr<const void> weights,
      r.Pack(1, absl::StrCat(SimdName("row_winograd"), ":", absl::StrJoin(w, "x")),
             static_cast<size_t>(s.out / s.lanes * s.weight_floats()) * 4,
             [&](void* to) { return Pack(s, *r.constants[1], static_cast<float*>(to)); }));
  conv.traits.plain |= 1;
  const int threads = r.thread_count();
  conv.traits.scratch_bytes = static_cast<size_t>(threads * Scratch::Floats(s)) * 4;
  return FromFunction(conv.traits, [=](const KernelContext& c) {
    RowWinogradArgs args = {};
    args.tiles = s.tiles;
    args.columns = s.columns;
    args.v_step = s.step;
    args.v_line = s.line_floats();
    args.v_channel = s.channel_floats();
    args.channels = s.channels;
    args.bias = conv.bias_data();
    args.relu = conv.activation == UnaryKind::kRelu;
    c.threads().ParallelForWorkers(
        s.batch * s.bands(), 1, [&](int64_t begin, int64_t end, int worker) {
          const Scratch scratch(s, static_cast<float*>(c.scratch()) + worker * Scratch::Floats(s));
          for (int64_t b = begin; b < end; ++b) {
            const int64_t image = b / s.bands(), row = b % s.bands() * kBandRows,
                          rows = std::min(kBandRows, s.rows - row),
                          at = image * s.out * s.rows * s.columns;
            TransformLines(s, c.input(0).as<float>() + image * s.channels * s.height * s.width, row,
                           rows, scratch);
            RowWinogradArgs a = args;
            a.y = c.output(0).as<float>() + at;
            a.add = conv.has_add ? c.input(3).as<float>() + at : nullptr;
            ConvolveBand(s, static_cast<const float*>(weights.get()), scratch, row, rows,
                         conv.activation, a);
          }
        });
  });
}

}  // namespace mirin::cpu
