// Convolutions as products of packed weights with numbers picked out of the image by offsets, on blocked layouts.
#include <algorithm>
#include <limits>

#include "core/backends/cpu/direct_kernels.h"
#include "core/backends/cpu/gemm.h"
#include "core/backends/cpu/kernel.h"
#include "core/backends/cpu/onednn.h"
#include "core/base/status.h"

namespace mirin::cpu {
namespace {

// Images and results of fewer channels stay plain, which is oneDNN's.
constexpr int64_t kLeastChannels = 5;
// Multiply-adds that are worth a thread.
constexpr int64_t kWorkGrain = 400'000;
// Bytes of a part of an image that is to stay in the second-level cache while all panels are used, and the results that it has at least.
constexpr int64_t kPartBytes = int64_t{192} << 10, kPartResults = 64;
// Bytes beyond which weights, or an image, are read anew from behind the second-level cache.
constexpr int64_t kCachedBytes = int64_t{512} << 10;
// Results beyond which oneDNN's order of loops is ahead where it needs no filling of blocks: it writes them in one stream.
constexpr int64_t kStreamedBytes = int64_t{384} << 10;
// Groups computed as one with zeros between them, where a group is less than a block.
constexpr int64_t kMostMerged = 8;

// Rows of an image with zeros around them, or the image itself, as the kernel reads it.
struct Image {
  int64_t lanes;   // channels side by side
  int64_t planes;  // of `lanes` channels
  int64_t height, width, top, left;
  int64_t band_height, padded_width;
  bool padded = false;
  int64_t plane() const { return band_height * padded_width * lanes; }
  int64_t floats() const { return planes * plane(); }
};

struct Plan {
  Image image;
  std::vector<DepthRun> runs;      // of one group
  std::vector<int32_t> positions;  // in the packed depth, by place in the file
  int64_t batch, groups, merged, depth, channels, blocks;       // of a group
  int64_t rows, columns, band_rows, bands, stride_x, stride_y;  // as the kernel counts results
  int64_t part_tiles;                                           // that meet all panels together
  UnaryKind activation;
  int64_t group_floats(int64_t lanes) const { return blocks * lanes * depth; }
};

// How many groups make whole blocks together, the last ones with zeros for what lacks; 0: too many, or more blocks than the tensors have.
int64_t MergedGroups(int64_t groups, int64_t in, int64_t out, int64_t lanes) {
  if (groups == 1) return 1;
  int64_t merged = 1;
  while (merged <= kMostMerged && (merged * in % lanes != 0 || merged * out % lanes != 0)) ++merged;
  const int64_t filled = (groups + merged - 1) / merged * merged;
  const bool same_blocks = (filled - groups) * in < lanes && (filled - groups) * out < lanes;
  return merged <= kMostMerged && same_blocks ? merged : 0;
}

// Whether each part of an image should meet all panels, rather than each panel the whole image: what comes from behind the cache is less.
bool ByParts(int64_t parts, int64_t image_bytes, const Plan& plan) {
  const int64_t weight_bytes = plan.group_floats(plan.image.lanes) * 4;
  const int64_t by_parts = image_bytes + (weight_bytes > kCachedBytes ? parts : 1) * weight_bytes;
  const int64_t by_panels =
      weight_bytes + (image_bytes > kCachedBytes ? DirectPanels(plan.blocks) : 1) * image_bytes;
  return by_parts <= by_panels;
}

void PlanImage(const Dims& x, const std::vector<ops::WindowAxis>& axes, int threads, Plan* plan) {
  Image& image = plan->image;
  image.height = image.band_height = x[2];
  image.width = image.padded_width = x[3];
  image.top = axes[0].pad_before;
  image.left = axes[1].pad_before;
  // Rows or columns that the windows of so many results cover.
  const auto cover = [&](size_t i, int64_t results) {
    return (results - 1) * axes[i].stride + (axes[i].kernel - 1) * axes[i].dilation + 1;
  };
  const int64_t height = cover(0, plan->rows), width = cover(1, plan->columns);
  image.padded = image.top > 0 || image.left > 0 || height > x[2] || width > x[3];
  plan->band_rows = plan->rows;
  if (image.padded) {
    image.padded_width = width;
    const int64_t row_bytes = image.planes * width * image.lanes * 4;
    int64_t rows = std::max<int64_t>(1, (kPartResults + plan->columns - 1) / plan->columns);
    while (rows < plan->rows && cover(0, rows + 1) * row_bytes <= kPartBytes) ++rows;
    const int64_t bands = (plan->rows + rows - 1) / rows;
    // Several threads share out many bands, or the results of the whole image.
    if (ByParts(bands, height * row_bytes, *plan) && (threads == 1 || bands >= 2 * threads))
      plan->band_rows = (plan->rows + bands - 1) / bands;
    image.band_height = cover(0, plan->band_rows);
  }
  plan->bands = (plan->rows + plan->band_rows - 1) / plan->band_rows;
}

// `channels` of a group and the taps of its windows.
void PlanDepth(int64_t channels, const std::vector<ops::WindowAxis>& axes, Plan* plan) {
  const Image& image = plan->image;
  const int64_t taps = axes[0].kernel * axes[1].kernel, row = image.padded_width * image.lanes;
  plan->positions.resize(static_cast<size_t>(plan->depth));
  int32_t position = 0;
  for (int64_t c = 0; c < channels; c += image.lanes) {
    const int64_t width = std::min(image.lanes, channels - c);
    for (int64_t t = 0; t < taps; ++t) {
      const int64_t i = t / axes[1].kernel * axes[0].dilation,
                    j = t % axes[1].kernel * axes[1].dilation;
      const int64_t offset = c / image.lanes * image.plane() + i * row + j * image.lanes;
      DepthRun* last = plan->runs.empty() ? nullptr : &plan->runs.back();
      if (last != nullptr && last->offset + last->length == offset) {
        last->length += static_cast<int32_t>(width);
      } else {
        plan->runs.push_back({static_cast<int32_t>(offset), static_cast<int32_t>(width)});
      }
      for (int64_t k = 0; k < width; ++k)
        plan->positions[static_cast<size_t>((c + k) * taps + t)] = position++;
    }
  }
}

// An image that is not padded is taken in parts of its results where that is better.
void PlanParts(Plan* plan) {
  const int64_t results =
                    std::max(kPartResults, kPartBytes / std::max<int64_t>(1, plan->depth * 4)),
                parts = (plan->rows * plan->columns + results - 1) / results;
  const int64_t tile_columns = Direct()->tile_columns;
  plan->part_tiles = plan->rows * DirectTilesInRow(plan->columns, tile_columns);
  if (!plan->image.padded && ByParts(parts, plan->image.floats() / plan->groups * 4, *plan))
    plan->part_tiles = (plan->part_tiles + parts - 1) / parts;
}

// One block of merged groups, of which the file has `channels`: zeros where a channel's own group is not.
void PackMerged(const Plan& plan, const char* from, int64_t width, int64_t channel,
                int64_t channels, float* to) {
  const int64_t own = plan.depth / plan.merged, out = plan.channels / plan.merged,
                lanes = Direct()->lanes;
  for (int64_t k = 0; k < plan.depth; ++k) std::fill_n(to + k * width, lanes, 0.0f);
  for (int64_t c = 0; c < std::min(lanes, channels - channel); ++c) {
    const int64_t first = (channel + c) / out * own;
    for (int64_t k = 0; k < own; ++k)
      __builtin_memcpy(to + plan.positions[static_cast<size_t>(first + k)] * width + c,
                       from + ((channel + c) * own + k) * 4, sizeof(float));
  }
}

void PackGroup(const Plan& plan, const char* from, int64_t channels, float* to) {
  const DirectKernels& kernels = *Direct();
  for (int64_t p = 0; p < DirectPanels(plan.blocks); ++p) {
    const int64_t begin = DirectPanelBegin(plan.blocks, p),
                  end = DirectPanelBegin(plan.blocks, p + 1);
    for (int64_t b = begin; b < end; ++b) {
      const int64_t channel = b * kernels.lanes, width = (end - begin) * kernels.lanes;
      float* block = to + (begin * plan.depth + b - begin) * kernels.lanes;
      if (plan.merged > 1) {
        PackMerged(plan, from, width, channel, channels, block);
      } else {
        kernels.pack(from + channel * plan.depth * 4, plan.depth,
                     std::min(kernels.lanes, channels - channel), plan.positions.data(), width,
                     block);
      }
    }
  }
}

absl::StatusOr<std::shared_ptr<const void>> PackWeights(const KernelRequest& r, const Plan& plan) {
  const int64_t floats = plan.group_floats(Direct()->lanes);
  return r.Pack(1, absl::StrCat(SimdName("direct"), ":", plan.groups, "x", plan.merged),
                static_cast<size_t>(plan.groups * floats) * 4, [&](void* to) {
                  const Dims& w = r.inputs[1].shape.dims();
                  const int64_t channel_bytes = w[1] * w[2] * w[3] * 4;
                  for (int64_t g = 0; g < plan.groups; ++g) {
                    const int64_t channel = g * plan.channels;
                    PackGroup(plan,
                              static_cast<const char*>(r.constants[1]->data()) +
                                  channel * channel_bytes,
                              std::min(plan.channels, w[0] - channel),
                              static_cast<float*>(to) + g * floats);
                  }
                  return absl::OkStatus();
                });
}

// Planes of a band whose first row is row `first` of the image, which may lie before it.
void Pad(const Image& image, const float* from, int64_t first, int64_t begin, int64_t end,
         float* to) {
  // Windows may end before the image begins.
  const int64_t line = image.padded_width * image.lanes,
                before = std::min(line, image.left * image.lanes),
                copied = std::min(line - before, image.width * image.lanes),
                after = line - before - copied;
  to += begin * image.plane();
  for (int64_t p = begin; p < end; ++p) {
    for (int64_t i = first; i < first + image.band_height; ++i) {
      if (i < 0 || i >= image.height) {
        to = std::fill_n(to, line, 0.0f);
        continue;
      }
      to = std::fill_n(to, before, 0.0f);
      to = std::copy_n(from + (p * image.height + i) * image.width * image.lanes, copied, to);
      to = std::fill_n(to, after, 0.0f);
    }
  }
}

// Arguments for one of the groups.
DirectArgs GroupOf(const Plan& plan, DirectArgs a, int64_t g) {
  const int64_t lanes = Direct()->lanes;
  a.x += g * (plan.image.planes / plan.groups) * plan.image.plane();
  a.weights += g * plan.group_floats(lanes);
  a.y += g * plan.blocks * a.y_block;
  if (a.add != nullptr) a.add += g * plan.blocks * a.y_block;
  if (a.bias != nullptr) a.bias += g * plan.blocks * lanes;
  return a;
}

void Convolve(const Plan& plan, const DirectArgs& args, int64_t rows) {
  const DirectKernels& kernels = *Direct();
  const int64_t tiles = rows * DirectTilesInRow(plan.columns, kernels.tile_columns);
  for (int64_t g = 0; g < plan.groups; ++g) {
    DirectArgs a = GroupOf(plan, args, g);
    a.panel_end = DirectPanels(plan.blocks);
    for (a.tile_begin = 0; a.tile_begin < tiles; a.tile_begin = a.tile_end) {
      a.tile_end = std::min(tiles, a.tile_begin + plan.part_tiles);
      kernels.convolve(a);
    }
  }
}

// Pieces of a panel's tiles for each thread; neighbours share the panel.
void ConvolveByPieces(const ThreadShare& threads, const Plan& plan, const DirectArgs& args) {
  const DirectKernels& kernels = *Direct();
  const int64_t tiles = plan.rows * DirectTilesInRow(plan.columns, kernels.tile_columns),
                panels = DirectPanels(plan.blocks),
                tile_work = std::max<int64_t>(
                    1, kernels.tile_columns * plan.group_floats(kernels.lanes) / panels);
  if (threads.threads() == 1 || plan.groups * panels * tiles * tile_work <= kWorkGrain)
    return Convolve(plan, args, plan.rows);
  const int64_t piece = std::max<int64_t>(4, kWorkGrain / tile_work),
                pieces = (tiles + piece - 1) / piece;
  threads.ParallelFor(plan.groups * panels * pieces, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      DirectArgs a = GroupOf(plan, args, i / (panels * pieces));
      a.panel_begin = i / pieces % panels;
      a.panel_end = a.panel_begin + 1;
      a.tile_begin = i % pieces * piece;
      a.tile_end = std::min(tiles, a.tile_begin + piece);
      kernels.convolve(a);
    }
  });
}

// An image band by band, each padded into memory of the thread that takes it.
void ConvolveByBands(const ThreadShare& threads, const Plan& plan, const float* x, float* padded,
                     const DirectArgs& args) {
  const Image& image = plan.image;
  if (plan.bands == 1) {
    threads.ParallelFor(
        image.planes, std::max<int64_t>(1, kElementGrain / image.plane()),
        [&](int64_t begin, int64_t end) { Pad(image, x, -image.top, begin, end, padded); });
    DirectArgs a = args;
    a.x = padded;
    return ConvolveByPieces(threads, plan, a);
  }
  threads.ParallelForWorkers(plan.bands, 1, [&](int64_t begin, int64_t end, int worker) {
    float* own = padded + worker * image.floats();
    for (int64_t b = begin; b < end; ++b) {
      const int64_t row = b * plan.band_rows;
      Pad(image, x, row * plan.stride_y - image.top, 0, image.planes, own);
      DirectArgs a = args;
      a.x = own;
      a.y += row * a.y_row;
      if (a.add != nullptr) a.add += row * a.y_row;
      Convolve(plan, a, std::min(plan.band_rows, plan.rows - row));
    }
  });
}

bool IsDilated(const std::vector<ops::WindowAxis>& axes) {
  return std::any_of(axes.begin(), axes.end(),
                     [](const ops::WindowAxis& a) { return a.dilation > 1; });
}

absl::Status Refusal(const KernelRequest& r, const std::vector<ops::WindowAxis>& axes) {
  const auto has = [&](size_t i) {
    return r.inputs.size() > i && r.inputs[i].dtype != DType::kUnknown;
  };
  const auto constant = [&](size_t i) {
    return r.constants[i] != nullptr && r.constant_values[i] != nullptr;
  };
  const Dims &x = r.inputs[0].shape.dims(), &w = r.inputs[1].shape.dims(),
             &y = r.outputs[0].shape.dims();
  if (!IsF32(r, 0)) return Refuse(r.inputs[0]);
  for (const ops::WindowAxis& a : axes) {
    if (a.pad_before < 0 || a.pad_after < 0) return absl::UnimplementedError("negative padding");
  }
  if (!constant(1) || (has(2) && !constant(2)) || r.weights == nullptr)
    return absl::UnimplementedError("computed weights");
  if (has(3) && (!IsF32(r, 3) || r.inputs[3].shape.dims() != y)) return Refuse(r.inputs[3]);
  if (NumElements(x) == 0 || NumElements(y) == 0 || NumElements(w) == 0)
    return absl::UnimplementedError("an empty tensor");
  const int64_t groups = r.node->attrs().Int("group", 1);
  if (MergedGroups(groups, w[1], w[0] / groups, Direct()->lanes) == 0)
    return absl::UnimplementedError("groups of few channels");
  if (x[1] < kLeastChannels || w[0] < kLeastChannels)
    return absl::UnimplementedError("few channels");
  const bool whole_blocks =
      groups == 1 && x[1] % Direct()->lanes == 0 && w[0] % Direct()->lanes == 0;
  if (whole_blocks && NumElements(y) * 4 > kStreamedBytes && !IsDilated(axes))
    return absl::UnimplementedError("results that stream through the cache");
  return absl::OkStatus();
}

}  // namespace

KernelResult MakeDirectConvolution(const KernelRequest& r) {
  const DirectKernels* kernels = Direct();
  if (kernels == nullptr) return absl::UnimplementedError("no blocked layout");
  const Dims &x = r.inputs[0].shape.dims(), &w = r.inputs[1].shape.dims(),
             &y = r.outputs[0].shape.dims();
  if (x.size() != 4) return absl::UnimplementedError("another rank");
  MIRIN_ASSIGN_OR_RETURN(const std::vector<ops::WindowAxis> axes,
                         ops::PlanWindow(r.node->attrs(), onednn::Tail(x), onednn::Tail(w)));
  MIRIN_RETURN_IF_ERROR(Refusal(r, axes));
  MIRIN_ASSIGN_OR_RETURN(const UnaryKind activation, FusedActivation(*r.node));
  if (activation == UnaryKind::kSigmoid && w[0] % kernels->lanes != 0)
    return absl::UnimplementedError("an activation that changes the padding of a block");
  Plan plan = {};
  const int64_t groups = r.node->attrs().Int("group", 1);
  plan.batch = x[0];
  plan.merged = MergedGroups(groups, w[1], w[0] / groups, kernels->lanes);
  plan.groups = (groups + plan.merged - 1) / plan.merged;  // the last may have fewer in it
  plan.channels = plan.merged * (w[0] / groups);
  plan.blocks = (plan.channels + kernels->lanes - 1) / kernels->lanes;
  plan.activation = activation;
  plan.rows = y[2];
  plan.columns = y[3];
  plan.stride_y = axes[0].stride;
  plan.stride_x = axes[1].stride;
  const int threads = r.threads == nullptr ? 1 : r.threads->threads();
  plan.image.lanes = kernels->lanes;
  plan.image.planes = (x[1] + kernels->lanes - 1) / kernels->lanes;
  plan.depth = plan.merged * w[1] * w[2] * w[3];
  PlanImage(x, axes, threads, &plan);
  if (plan.image.floats() > std::numeric_limits<int32_t>::max())
    return absl::UnimplementedError("an image of more than 2^31 numbers");
  PlanDepth(plan.merged * w[1], axes, &plan);
  if (w[2] == 1 && w[3] == 1 && plan.stride_x == 1 && plan.stride_y == 1 && !plan.image.padded) {
    plan.rows = 1;  // a row's end and the next one's beginning are neighbours
    plan.columns = y[2] * y[3];
  }
  PlanParts(&plan);
  MIRIN_ASSIGN_OR_RETURN(const std::shared_ptr<const void> weights, PackWeights(r, plan));
  const bool has_bias = r.inputs.size() > 2 && r.inputs[2].dtype != DType::kUnknown;
  std::vector<float> bias;
  if (has_bias) {
    bias.resize(static_cast<size_t>(plan.groups * plan.blocks * kernels->lanes));
    __builtin_memcpy(bias.data(), r.constants[2]->data(), r.constants[2]->bytes());
  }
  const bool has_add = r.inputs.size() > 3 && r.inputs[3].dtype != DType::kUnknown;
  KernelTraits traits;
  traits.implementation = SimdName("direct");
  traits.layout = onednn::BlockedLayout();
  traits.plain = 2 | 4;
  traits.consumed = has_bias ? 2 | 4 : 2;
  traits.in_place = has_add ? 8 : 0;
  if (plan.image.padded)
    traits.scratch_bytes =
        static_cast<size_t>(plan.image.floats() * (plan.bands == 1 ? 1 : threads)) * 4;
  const int64_t y_image = plan.groups * plan.blocks * y[2] * y[3] * kernels->lanes,
                x_image = plan.image.planes * x[2] * x[3] * plan.image.lanes;
  return FromFunction(traits, [=](const KernelContext& c) {
    DirectArgs a = {};
    a.x_pixel = plan.stride_x * plan.image.lanes;
    a.x_row = plan.stride_y * plan.image.padded_width * plan.image.lanes;
    a.runs = plan.runs.data();
    a.depth = plan.depth;
    a.weights = static_cast<const float*>(weights.get());
    a.channels = plan.channels;
    a.blocks = plan.blocks;
    a.y_row = plan.columns * kernels->lanes;
    a.y_block = plan.rows * a.y_row;
    a.bias = bias.empty() ? nullptr : bias.data();
    a.activation = plan.activation;
    a.columns = plan.columns;
    for (int64_t n = 0; n < plan.batch; ++n) {
      a.x = c.input(0).as<float>() + n * x_image;
      a.y = c.output(0).as<float>() + n * y_image;
      if (has_add) a.add = c.input(3).as<float>() + n * y_image;
      if (plan.image.padded) {
        ConvolveByBands(c.threads(), plan, a.x, static_cast<float*>(c.scratch()), a);
      } else {
        ConvolveByPieces(c.threads(), plan, a);
      }
    }
  });
}

}  // namespace mirin::cpu
