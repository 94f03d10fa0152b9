// Convolutions with 3x3 windows and strides 1 and 2 by Winograd's forms (winograd_kernels.h), on blocked layouts. A result differs from
// direct convolution by up to about 1e-6 of the largest sum of absolute products with stride 1, half of it with stride 2 (direct: 1e-7).
#include <algorithm>

#include "core/backends/cpu/direct_plan.h"
#include "core/backends/cpu/gemm.h"
#include "core/backends/cpu/kernel.h"
#include "core/backends/cpu/onednn.h"
#include "core/backends/cpu/winograd_kernels.h"
#include "core/base/status.h"

namespace mirin::cpu {
namespace {

constexpr int64_t kMostWindow = 9;
// Floats between the points of a chunk, beyond its data: points must not share the sets of a cache.
constexpr int64_t kPad = 16;
// Bytes of a chunk of tiles, transformed input and products, which leave room for weights in a second-level cache; and its least tiles,
// which hide that weights come from further away. Those up to so many bytes come fast enough for fewer tiles of points that share weights.
constexpr int64_t kChunkBytes = int64_t{512} << 10, kChunkTiles = 28,
                  kNearWeightBytes = int64_t{4} << 20;
// A product of fewer rows takes as long: it waits for its weights.
constexpr int64_t kLeastRows = 8;
// Images and results of fewer channels stay plain.
constexpr int64_t kLeastChannels = 5;
// Multiply-adds that take as long as the transforms of a channel of a tile, for each point.
constexpr double kTransformCost = 5;
// Direct convolution is preferred when it takes no longer than so many times Winograd's.
constexpr double kLeastGain = 1.05;
// Bytes that the weights of one convolution may grow to.
constexpr int64_t kMostWeightBytes = int64_t{64} << 20;

struct Shape {
  // Channels are rounded up to whole blocks.
  int64_t batch, in, out, height, width, out_height, out_width, pad_top = 0, pad_left = 0;
  const WinogradForm* form = nullptr;
  int64_t tile_rows = 0, tile_columns = 0, tiles = 0, chunk = 0;
  int64_t input_step() const { return chunk * in + kPad; }
  int64_t output_step() const { return chunk * out + kPad; }
};

// A packed [in, out] matrix for each of the form's weights.
absl::Status Pack(const Shape& s, const Tensor& weight, float* to) {
  const int64_t panel = Winograd()->panel, lanes = Winograd()->lanes;
  return ForEachBlock(weight, [&](int64_t o, const float* block) {
    const int64_t first = o / panel * panel, width = std::min(panel, s.out - first);
    float* u = to + first * s.in + o % panel;
    for (int64_t i = 0; i < weight.dims()[1]; ++i)
      s.form->weights(block + i * 9 * lanes, u + i * width, s.in * s.out);
    for (int64_t n = 0; n < s.form->weights_count(); ++n, u += s.in * s.out) {
      for (int64_t i = weight.dims()[1]; i < s.in; ++i) std::fill_n(u + i * width, lanes, 0.0f);
    }
  });
}

// A tile of the batch: its image and the first of its results.
struct Tile {
  int64_t image, row, column;
};

Tile TileAt(const Shape& s, int64_t t) {
  const int64_t in_image = t % (s.tile_rows * s.tile_columns);
  return {t / (s.tile_rows * s.tile_columns), in_image / s.tile_columns * s.form->tile,
          in_image % s.tile_columns * s.form->tile};
}

// One block of channels of a tile, of which v is the first point.
void TransformInput(const Shape& s, int64_t lanes, const float* x, const Tile& tile, float* v) {
  const int64_t side = s.form->window, top = tile.row * s.form->stride - s.pad_top,
                left = tile.column * s.form->stride - s.pad_left;
  if (top >= 0 && left >= 0 && top + side <= s.height && left + side <= s.width)
    return s.form->input(x + (top * s.width + left) * lanes, s.width * lanes, v, s.input_step());
  float window[kMostWindow * kMostWindow * 16] = {};
  const int64_t begin = std::max<int64_t>(0, -left), end = std::min(side, s.width - left);
  for (int64_t i = std::max<int64_t>(0, -top); i < std::min(side, s.height - top); ++i) {
    if (begin >= end) break;
    const float* line = x + ((top + i) * s.width + left + begin) * lanes;
    std::copy(line, line + (end - begin) * lanes, window + (i * side + begin) * lanes);
  }
  s.form->input(window, side * lanes, v, s.input_step());
}

// Tiles [begin, end) of the `count` of the chunk that begins at `first`: neighbours are written one after the other.
void TransformInputs(const Shape& s, int64_t lanes, const float* x, int64_t first, int64_t count,
                     int64_t begin, int64_t end, float* v) {
  const int64_t plane = s.height * s.width * lanes, blocks = s.in / lanes;
  for (int64_t block = 0; block < blocks; ++block) {
    for (int64_t t = begin; t < end; ++t) {
      const Tile tile = TileAt(s, first + t);
      TransformInput(s, lanes, x + (tile.image * blocks + block) * plane, tile,
                     v + (block * count + t) * lanes);
    }
  }
}

// What is added to sums of products, or done to them.
struct Epilogue {
  const float *bias, *add;  // null: none
  UnaryKind activation;
};

void TransformOutputs(const Shape& s, int64_t lanes, const float* m, const Epilogue& epilogue,
                      int64_t first, int64_t count, int64_t begin, int64_t end, float* y) {
  const int64_t line = s.out_width * lanes, plane = s.out_height * line, blocks = s.out / lanes;
  const UnaryKind activation = epilogue.activation;
  const bool clamped = activation == UnaryKind::kIdentity || activation == UnaryKind::kRelu;
  for (int64_t block = 0; block < blocks; ++block) {
    const float* bias = epilogue.bias == nullptr ? nullptr : epilogue.bias + block * lanes;
    for (int64_t t = begin; t < end; ++t) {
      const Tile tile = TileAt(s, first + t);
      const int64_t rows = std::min(s.form->tile, s.out_height - tile.row),
                    columns = std::min(s.form->tile, s.out_width - tile.column);
      const int64_t at =
          (tile.image * blocks + block) * plane + tile.row * line + tile.column * lanes;
      s.form->output(m + (block * count + t) * lanes, s.output_step(), bias,
                     epilogue.add == nullptr ? nullptr : epilogue.add + at, y + at, line, rows,
                     columns, activation == UnaryKind::kRelu);
      for (int64_t i = 0; !clamped && i < rows; ++i)
        Simd().unary(activation, y + at + i * line, y + at + i * line, columns * lanes, 0);
    }
  }
}

// The stride of a 3x3 window that the forms may be for, else 0.
int64_t StrideOf3x3(const std::vector<ops::WindowAxis>& axes, const Dims& w) {
  const bool plain = axes.size() == 2 && w[2] == 3 && w[3] == 3 &&
                     std::all_of(axes.begin(), axes.end(), [&](const ops::WindowAxis& a) {
                       return a.stride == axes[0].stride && a.dilation == 1 && a.pad_before >= 0 &&
                              a.pad_after >= 0;
                     });
  return plain ? axes[0].stride : 0;
}

// Multiply-adds of all products, as if those of few rows had more, and what the transforms take.
double CostOf(const WinogradForm& form, const Shape& s, int64_t tiles) {
  const auto rows = [&](int64_t points) {
    return static_cast<double>(std::max(points * tiles, kLeastRows));
  };
  const auto own = static_cast<double>(form.weights_side() - 1);
  const double products = own * own * rows(1) + 2 * own * rows(form.shared_weights) +
                          rows(form.shared_weights * form.shared_weights);
  return products * static_cast<double>(s.in * s.out) +
         kTransformCost * static_cast<double>(form.points() * tiles * (s.in + s.out));
}

// The form that takes least, with its tiles; false where direct convolution, which needs no whole blocks, is as good.
bool ChooseForm(const WinogradKernels& kernels, const Dims& w, int64_t stride, Shape* s) {
  const int64_t results = s->batch * s->out_height * s->out_width;
  double least =
      9.0 * static_cast<double>(std::max(results, kLeastRows) * w[0] * w[1]) / kLeastGain;
  for (const WinogradForm& form : kernels.forms) {
    const int64_t rows = (s->out_height + form.tile - 1) / form.tile,
                  columns = (s->out_width + form.tile - 1) / form.tile,
                  tiles = s->batch * rows * columns;
    const double cost = CostOf(form, *s, tiles);
    if (form.stride != stride || cost > least ||
        s->in * s->out > kMostWeightBytes / (form.weights_count() * 4))
      continue;
    least = cost;
    s->form = &form;
    s->tile_rows = rows;
    s->tile_columns = columns;
    s->tiles = tiles;
  }
  return s->form != nullptr;
}

}  // namespace

KernelResult MakeWinograd(const KernelRequest& r) {
  const WinogradKernels* kernels = Winograd();
  if (kernels == nullptr) return absl::UnimplementedError("no blocked layout");
  if (r.deterministic) return absl::UnimplementedError("not in deterministic sessions");
  MIRIN_RETURN_IF_ERROR(CheckConvolution(r));
  const Dims &x = r.inputs[0].shape.dims(), &w = r.inputs[1].shape.dims(),
             &y = r.outputs[0].shape.dims();
  if (x.size() != 4 || r.node->attrs().Int("group", 1) != 1)
    return absl::UnimplementedError("groups or another rank");
  MIRIN_ASSIGN_OR_RETURN(const std::vector<ops::WindowAxis> axes,
                         ops::PlanWindow(r.node->attrs(), onednn::Tail(x), onednn::Tail(w)));
  const int64_t stride = StrideOf3x3(axes, w);
  MIRIN_ASSIGN_OR_RETURN(const UnaryKind activation, FusedActivation(*r.node));
  const int64_t lanes = kernels->lanes;
  if (activation == UnaryKind::kSigmoid && w[0] % lanes != 0)
    return absl::UnimplementedError("an activation that changes the padding of a block");
  Shape s = {x[0], RoundUp(x[1], lanes), RoundUp(w[0], lanes), x[2], x[3], y[2], y[3]};
  s.pad_top = axes[0].pad_before;
  s.pad_left = axes[1].pad_before;
  if (std::min(x[1], w[0]) < kLeastChannels || !ChooseForm(*kernels, w, stride, &s))
    return absl::UnimplementedError("another window, too small, or too many weights for Winograd");
  const int64_t points = s.form->points();
  const int64_t weight_bytes = s.form->weights_count() * s.in * s.out * 4,
                least = weight_bytes > kNearWeightBytes ? kChunkTiles
                                                        : kChunkTiles / s.form->shared_weights,
                most = std::max(least, kChunkBytes / (points * 4 * (s.in + s.out))),
                chunks = (s.tiles + most - 1) / most;
  s.chunk = (s.tiles + chunks - 1) / chunks;
  MIRIN_ASSIGN_OR_RETURN(const std::shared_ptr<const void> weights,
                         r.Pack(1,
                                absl::StrCat("winograd:", Simd().name, ":", s.form->tile, "/",
                                             stride, ":", x[1], "x", w[0]),
                                static_cast<size_t>(weight_bytes), [&](void* to) {
                                  return Pack(s, *r.constants[1], static_cast<float*>(to));
                                }));
  std::vector<float> biases(r.has_input(2) ? static_cast<size_t>(s.out) : 0);
  if (r.has_input(2))
    __builtin_memcpy(biases.data(), r.constants[2]->data(), r.constants[2]->bytes());
  KernelTraits traits;
  traits.implementation = SimdName("winograd");
  traits.layout = onednn::BlockedLayout();
  traits.plain = 2 | 4;
  traits.consumed = r.has_input(2) ? 2 | 4 : 2;
  traits.scratch_bytes =
      static_cast<size_t>(points * (s.input_step() + s.output_step())) * sizeof(float);
  const bool has_add = r.has_input(3);
  return FromFunction(traits, [=](const KernelContext& c) {
    const float* from = c.input(0).as<float>();
    const Epilogue epilogue = {biases.empty() ? nullptr : biases.data(),
                               has_add ? c.input(3).as<float>() : nullptr, activation};
    float* to = c.output(0).as<float>();
    WinogradProducts products = {};
    products.form = s.form;
    products.in = s.in;
    products.out = s.out;
    products.weights = static_cast<const float*>(weights.get());
    float* v = static_cast<float*>(c.scratch());
    float* m = v + points * s.input_step();
    products.v = v;
    products.v_step = s.input_step();
    products.m = m;
    products.m_step = s.output_step();
    const int64_t grain = std::max<int64_t>(1, kElementGrain / (points * s.in)),
                  panels = (s.out + kernels->panel - 1) / kernels->panel;
    for (int64_t first = 0; first < s.tiles; first += s.chunk) {
      const int64_t count = std::min(s.chunk, s.tiles - first);
      c.threads().ParallelFor(count, grain, [&](int64_t begin, int64_t end) {
        TransformInputs(s, lanes, from, first, count, begin, end, v);
      });
      products.rows = count;
      const int64_t work = count * s.in * kernels->panel;
      c.threads().ParallelFor(
          s.form->weights_count() * panels, std::max<int64_t>(1, kLeastMultiplyAdds / work),
          [&](int64_t begin, int64_t end) { kernels->multiply(products, begin, end); });
      c.threads().ParallelFor(count, grain, [&](int64_t begin, int64_t end) {
        TransformOutputs(s, lanes, m, epilogue, first, count, begin, end, to);
      });
    }
  });
}

}  // namespace mirin::cpu
