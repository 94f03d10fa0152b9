// Convolutions with 3x3 windows and strides 1 and 2 by Winograd's forms (winograd_kernels.h), on blocked layouts. A result differs from
// direct convolution by up to about 1.3e-6 of the largest sum of absolute products with stride 1, 0.7e-6 with stride 2 (direct: 1e-7).
#include <algorithm>

#include "core/backends/cpu/blocked_convolution.h"
#include "core/backends/cpu/gemm.h"
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
// Weights that each of several threads reads whole, so that no other's tiles come from another core's cache (measured: 4 MB pay, 17 MB do not),
// and tiles for each that are worth it.
constexpr int64_t kMostSharedBytes = int64_t{8} << 20, kLeastChunkTiles = 8;
// Images and results of fewer channels stay plain.
constexpr int64_t kLeastChannels = 5;
// Multiply-adds that take as long as the transforms of a channel of a tile, and as writing a product, for each point.
constexpr int64_t kTransformCost = 5, kWriteCost = 2;
// Direct convolution is preferred when it takes no longer than so many times Winograd's.
constexpr double kLeastGain = 1.04;
// Bytes that the weights of one convolution may grow to.
constexpr int64_t kMostWeightBytes = int64_t{64} << 20;

struct Shape {
  // Channels of a group, rounded up to whole blocks.
  int64_t batch, groups, in, out, height, width, out_height, out_width, pad_top = 0, pad_left = 0;
  const WinogradForm* form = nullptr;
  int64_t tile_rows = 0, tile_columns = 0, tiles = 0, chunk = 0;
  bool chunk_by_chunk = false;  // threads take a chunk each, rather than a part of each chunk
  int64_t input_step() const { return chunk * in + kPad; }
  int64_t output_step() const { return chunk * out + kPad; }
  int64_t weight_floats() const { return form->weights_count() * in * out; }  // of a group
  int64_t scratch_floats() const { return form->points() * (input_step() + output_step()); }
};

// A packed [in, out] matrix for each of the form's weights, group after group.
absl::Status Pack(const Shape& s, const Tensor& weight, float* to) {
  const int64_t panel = Winograd()->panel, lanes = Winograd()->lanes;
  return ForEachBlock(weight, [&](int64_t o, const float* block) {
    const int64_t in_group = o % s.out, first = in_group / panel * panel,
                  width = std::min(panel, s.out - first);
    float* u = to + o / s.out * s.weight_floats() + first * s.in + in_group % panel;
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
  float window[kMostWindow * kMostWindow * 16];
  std::fill_n(window, side * side * lanes, 0.0f);
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
      TransformInput(s, lanes, x + (tile.image * s.groups * blocks + block) * plane, tile,
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
          (tile.image * s.groups * blocks + block) * plane + tile.row * line + tile.column * lanes;
      s.form->output(m + (block * count + t) * lanes, s.output_step(), bias,
                     epilogue.add == nullptr ? nullptr : epilogue.add + at, y + at, line, rows,
                     columns, activation == UnaryKind::kRelu);
      for (int64_t i = 0; !clamped && i < rows; ++i)
        Simd().unary(activation, y + at + i * line, y + at + i * line, columns * lanes, 0);
    }
  }
}

struct Operands {
  const float *x, *weights;
  Epilogue epilogue;
  float* y;
};

// The tiles [from, to). `parallel` is ThreadShare's ParallelFor, or calls at once.
template <typename Parallel>
void ConvolveTiles(const Shape& s, const Operands& o, int64_t from, int64_t to, float* scratch,
                   const Parallel& parallel) {
  const WinogradKernels& kernels = *Winograd();
  const int64_t points = s.form->points(), panels = (s.out + kernels.panel - 1) / kernels.panel,
                grain = std::max<int64_t>(1, kElementGrain / (points * s.in));
  float *v = scratch, *m = scratch + points * s.input_step();
  for (int64_t first = from; first < to; first += s.chunk) {
    const int64_t count = std::min(s.chunk, to - first);
    const WinogradProducts products = {s.form,         count,     s.in, s.out,          v,
                                       s.input_step(), o.weights, m,    s.output_step()};
    parallel(count, grain, [&](int64_t begin, int64_t end) {
      TransformInputs(s, kernels.lanes, o.x, first, count, begin, end, v);
    });
    parallel(s.form->weights_count() * panels,
             std::max<int64_t>(1, kLeastMultiplyAdds / (count * s.in * kernels.panel)),
             [&](int64_t begin, int64_t end) { kernels.multiply(products, begin, end); });
    parallel(count, grain, [&](int64_t begin, int64_t end) {
      TransformOutputs(s, kernels.lanes, m, o.epilogue, first, count, begin, end, o.y);
    });
  }
}

// `all` are the first group's. Threads take a group each where there are several.
void Convolve(const Shape& s, const ThreadShare& threads, const Operands& all, float* scratch) {
  const auto at_once = [](int64_t n, int64_t /*grain*/, auto fn) { fn(0, n); };
  if (s.chunk_by_chunk) {
    threads.ParallelForWorkers(
        (s.tiles + s.chunk - 1) / s.chunk, 1, [&](int64_t begin, int64_t end, int worker) {
          ConvolveTiles(s, all, begin * s.chunk, std::min(s.tiles, end * s.chunk),
                        scratch + worker * s.scratch_floats(), at_once);
        });
    return;
  }
  if (s.groups == 1) {
    return ConvolveTiles(s, all, 0, s.tiles, scratch, [&](int64_t n, int64_t grain, auto fn) {
      threads.ParallelFor(n, grain, fn);
    });
  }
  const int64_t work = s.tiles * s.weight_floats();
  threads.ParallelForWorkers(s.groups, std::max<int64_t>(1, kLeastMultiplyAdds / work),
                             [&](int64_t begin, int64_t end, int worker) {
                               for (int64_t g = begin; g < end; ++g) {
                                 const int64_t at = g * s.out * s.out_height * s.out_width;
                                 Operands o = all;
                                 o.x += g * s.in * s.height * s.width;
                                 o.weights += g * s.weight_floats();
                                 o.y += at;
                                 if (o.epilogue.bias != nullptr) o.epilogue.bias += g * s.out;
                                 if (o.epilogue.add != nullptr) o.epilogue.add += at;
                                 ConvolveTiles(s, o, 0, s.tiles,
                                               scratch + worker * s.scratch_floats(), at_once);
                               }
                             });
}

// The stride of a 3x3 window that the forms may be for, else 0.
int64_t StrideOf3x3(const std::vector<ops::WindowAxis>& axes, const Dims& w) {
  const bool plain = axes.size() == 2 && w[2] == 3 && w[3] == 3 &&
                     std::all_of(axes.begin(), axes.end(), [&](const ops::WindowAxis& a) {
                       return a.stride == axes[0].stride && a.dilation == 1;
                     });
  return plain ? axes[0].stride : 0;
}

// Multiply-adds of all products, as if those of few rows had more, and what the transforms take.
double CostOf(const WinogradForm& form, const Shape& s, int64_t tiles) {
  const auto rows = [&](int64_t points) {
    return static_cast<double>(std::max(points * tiles, Core().least_rows));
  };
  const auto own = static_cast<double>(form.weights_side() - 1);
  const double products = own * own * rows(1) + 2 * own * rows(form.shared_weights) +
                          rows(form.shared_weights * form.shared_weights);
  return products * static_cast<double>((s.in + kWriteCost) * s.out) +
         static_cast<double>(kTransformCost * form.points() * tiles * (s.in + s.out));
}

// The form that takes least, with its tiles; false where direct convolution, which needs no whole blocks, is as good.
bool ChooseForm(const WinogradKernels& kernels, const Dims& w, int64_t stride, Shape* s) {
  const int64_t results = s->batch * s->out_height * s->out_width;
  double least =
      9.0 * static_cast<double>(std::max(results, Core().least_rows) * w[0] / s->groups * w[1]) /
      kLeastGain;
  for (const WinogradForm& form : kernels.forms) {
    const int64_t rows = (s->out_height + form.tile - 1) / form.tile,
                  columns = (s->out_width + form.tile - 1) / form.tile,
                  tiles = s->batch * rows * columns;
    const double cost = CostOf(form, *s, tiles);
    if (form.stride != stride || cost > least ||
        s->groups * s->in * s->out > kMostWeightBytes / (form.weights_count() * 4))
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
  if (r.deterministic) return absl::UnimplementedError("not in deterministic sessions");
  MIRIN_ASSIGN_OR_RETURN(BlockedConvolution conv, BeginConvolution(r, "winograd"));
  const Dims &x = r.inputs[0].shape.dims(), &w = r.inputs[1].shape.dims(),
             &y = r.outputs[0].shape.dims();
  const WinogradKernels* kernels = Winograd();
  const int64_t lanes = kernels->lanes, groups = conv.groups, stride = StrideOf3x3(conv.axes, w);
  if (groups > 1 && (w[1] % lanes != 0 || w[0] / groups % lanes != 0))
    return absl::UnimplementedError("groups that are not whole blocks");
  Shape s = {x[0], groups, RoundUp(w[1], lanes), RoundUp(w[0] / groups, lanes), x[2], x[3],
             y[2], y[3]};
  s.pad_top = conv.axes[0].pad_before;
  s.pad_left = conv.axes[1].pad_before;
  if (std::min(x[1], w[0]) < kLeastChannels || !ChooseForm(*kernels, w, stride, &s))
    return absl::UnimplementedError("another window, too small, or too many weights for Winograd");
  const int64_t least = s.weight_floats() * 4 > kNearWeightBytes
                            ? kChunkTiles
                            : kChunkTiles / s.form->shared_weights,
                most = std::max(least, kChunkBytes / (s.form->points() * 4 * (s.in + s.out))),
                threads = r.thread_count();
  s.chunk_by_chunk = groups == 1 && threads > 1 && s.tiles >= threads * kLeastChunkTiles &&
                     s.weight_floats() * 4 <= kMostSharedBytes;
  const int64_t chunks = RoundUp((s.tiles + most - 1) / most, s.chunk_by_chunk ? threads : 1);
  s.chunk = (s.tiles + chunks - 1) / chunks;
  MIRIN_ASSIGN_OR_RETURN(const std::shared_ptr<const void> weights,
                         r.Pack(1,
                                absl::StrCat("winograd:", Simd().name, ":", s.form->tile, "/",
                                             stride, ":", w[1], "x", w[0], "/", groups),
                                static_cast<size_t>(groups * s.weight_floats()) * 4, [&](void* to) {
                                  return Pack(s, *r.constants[1], static_cast<float*>(to));
                                }));
  const int64_t workers = groups == 1 && !s.chunk_by_chunk ? 1 : threads;
  conv.traits.scratch_bytes = static_cast<size_t>(workers * s.scratch_floats()) * sizeof(float);
  return FromFunction(conv.traits, [=](const KernelContext& c) {
    const Operands all = {
        c.input(0).as<float>(),
        static_cast<const float*>(weights.get()),
        {conv.bias_data(), conv.has_add ? c.input(3).as<float>() : nullptr, conv.activation},
        c.output(0).as<float>()};
    Convolve(s, c.threads(), all, static_cast<float*>(c.scratch()));
  });
}

}  // namespace mirin::cpu
