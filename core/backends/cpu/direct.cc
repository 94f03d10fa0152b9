// Convolutions as products of packed weights with numbers picked out of the image by offsets, on blocked layouts.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/backends/cpu/blocked_convolution.h"
#include "core/backends/cpu/direct_plan.h"
#include "core/backends/cpu/gemm.h"
#include "core/base/status.h"

namespace mirin::cpu {
namespace {

// Images and results of fewer channels stay plain, which is oneDNN's.
constexpr int64_t kLeastChannels = 5;

// One block of merged groups, of which the file has `channels`: zeros where a channel's own group is not.
void PackMerged(const DirectPlan& plan, const char* from, int64_t width, int64_t channel,
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

void PackGroup(const DirectPlan& plan, const char* from, int64_t channels, float* to) {
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

absl::StatusOr<std::shared_ptr<const void>> PackWeights(const KernelRequest& r,
                                                        const DirectPlan& plan) {
  const int64_t floats = plan.group_floats(Direct()->lanes);
  const Dims& w = r.inputs[1].shape.dims();
  const std::string key =
      absl::StrCat(SimdName("direct"), ":", absl::StrJoin(w, "x"), ":", plan.groups, "x",
                   plan.merged, ":", plan.tap_rows.begin, "-", plan.tap_rows.end, ",",
                   plan.tap_columns.begin, "-", plan.tap_columns.end);
  return r.Pack(1, key, static_cast<size_t>(plan.groups * floats) * 4, [&](void* to) {
    const int64_t channel_bytes = w[1] * w[2] * w[3] * 4;
    for (int64_t g = 0; g < plan.groups; ++g) {
      const int64_t channel = g * plan.channels;
      PackGroup(plan, static_cast<const char*>(r.constants[1]->data()) + channel * channel_bytes,
                std::min(plan.channels, w[0] - channel), static_cast<float*>(to) + g * floats);
    }
    return absl::OkStatus();
  });
}

// Planes [begin, end) of the image's rows from `first` on, as many as a band has, with zeros beside them.
void Pad(const DirectImage& image, const float* from, int64_t first, int64_t begin, int64_t end,
         float* to) {
  const int64_t line = image.padded_width * image.lanes,
                before = std::min(line, image.left * image.lanes),
                copied = std::min(line - before, image.width * image.lanes),
                after = line - before - copied;
  const int64_t last = std::min(image.height, first + image.band_height);
  for (int64_t p = begin; p < end; ++p) {
    float* row = to + p * image.plane();
    for (int64_t i = first; i < last; ++i) {
      row = std::fill_n(row, before, 0.0f);
      row = std::copy_n(from + (p * image.height + i) * image.width * image.lanes, copied, row);
      row = std::fill_n(row, after, 0.0f);
    }
  }
}

// Arguments for one of the groups.
DirectArgs GroupOf(const DirectPlan& plan, DirectArgs a, int64_t g) {
  const int64_t lanes = Direct()->lanes;
  a.x += g * (plan.image.planes / plan.groups) * plan.image.plane();
  a.weights += g * plan.group_floats(lanes);
  a.y += g * plan.blocks * a.y_block;
  if (a.add != nullptr) a.add += g * plan.blocks * a.y_block;
  if (a.bias != nullptr) a.bias += g * plan.blocks * lanes;
  return a;
}

int64_t TilesOf(const DirectPlan& plan, int64_t rows) {
  return rows * DirectTilesInRow(plan.columns, Direct()->tile_columns);
}

// Tiles [begin, end) of the panels that `a` names, in parts.
void ConvolveParts(const DirectPlan& plan, DirectArgs a, int64_t begin, int64_t end) {
  for (a.tile_begin = begin; a.tile_begin < end; a.tile_begin = a.tile_end) {
    a.tile_end = std::min(end, a.tile_begin + plan.part_tiles);
    Direct()->convolve(a);
  }
}

// Tiles [begin, end) of all panels.
void Convolve(const DirectPlan& plan, const DirectArgs& args, int64_t begin, int64_t end) {
  for (int64_t g = 0; g < plan.groups; ++g) {
    DirectArgs a = GroupOf(plan, args, g);
    a.panel_end = DirectPanels(plan.blocks);
    ConvolveParts(plan, a, begin, end);
  }
}

// The tiles [begin, end), counted through all panels.
void ConvolvePanels(const DirectPlan& plan, const DirectArgs& args, int64_t begin, int64_t end) {
  const int64_t tiles = TilesOf(plan, plan.rows), panels = DirectPanels(plan.blocks);
  while (begin < end) {
    DirectArgs a = GroupOf(plan, args, begin / tiles / panels);
    a.panel_begin = begin / tiles % panels;
    const int64_t tile = begin % tiles, left = end - begin;
    // A panel fetches the next one.
    const bool whole = tile == 0 && left >= tiles;
    a.panel_end = whole ? std::min(panels, a.panel_begin + left / tiles) : a.panel_begin + 1;
    const int64_t last = whole ? tiles : std::min(tiles, tile + left);
    ConvolveParts(plan, a, tile, last);
    begin += (a.panel_end - a.panel_begin) * (last - tile);
  }
}

// Each thread takes a part of what is larger, the weights or the image, so that little of it comes from another core.
void ConvolveByThreads(const ThreadShare& threads, const DirectPlan& plan, const DirectArgs& args) {
  const int64_t lanes = Direct()->lanes, tiles = TilesOf(plan, plan.rows),
                panels = plan.groups * DirectPanels(plan.blocks),
                weights = plan.groups * plan.group_floats(lanes),
                tile_work = std::max<int64_t>(1, Direct()->tile_columns * weights / panels);
  const bool by_tiles = plan.image.floats() > weights && tiles >= 4 * threads.threads();
  const int64_t units = by_tiles ? tiles : panels * tiles,
                unit_work = by_tiles ? panels * tile_work : tile_work;
  if (threads.threads() == 1 || units * unit_work <= kLeastMultiplyAdds)
    return Convolve(plan, args, 0, tiles);
  const int64_t share = (units + 2 * threads.threads() - 1) / (2 * threads.threads());
  threads.ParallelFor(
      units, std::max(share, kLeastMultiplyAdds / unit_work), [&](int64_t begin, int64_t end) {
        by_tiles ? Convolve(plan, args, begin, end) : ConvolvePanels(plan, args, begin, end);
      });
}

// An image band by band, each padded into memory of the thread that takes it. `args` has everything but x.
void ConvolveByBands(const ThreadShare& threads, const DirectPlan& plan, const float* x,
                     float* padded, const DirectArgs& args) {
  const DirectImage& image = plan.image;
  // The rows of the image that a band of results needs, and the window of its first result among them.
  const auto first_row = [&](int64_t row) {
    return std::clamp<int64_t>(Meets(plan.vertical, row, plan.tap_rows.begin), 0, image.height);
  };
  const auto window = [&](const float* band, int64_t row) {
    return band +
           (Meets(plan.vertical, row, 0) - first_row(row)) * image.padded_width * image.lanes;
  };
  DirectArgs all = args;
  if (plan.bands == 1) {
    threads.ParallelFor(
        image.planes, std::max<int64_t>(1, kElementGrain / std::max<int64_t>(1, image.plane())),
        [&](int64_t begin, int64_t end) { Pad(image, x, first_row(0), begin, end, padded); });
    all.x = window(padded, 0);
    return ConvolveByThreads(threads, plan, all);
  }
  threads.ParallelForWorkers(plan.bands, 1, [&](int64_t begin, int64_t end, int worker) {
    float* own = padded + worker * image.floats();
    for (int64_t b = begin; b < end; ++b) {
      const int64_t row = b * plan.band_rows;
      Pad(image, x, first_row(row), 0, image.planes, own);
      DirectArgs a = args;
      a.x = window(own, row);
      a.y += row * a.y_row;
      if (a.add != nullptr) a.add += row * a.y_row;
      a.row_class += row;
      Convolve(plan, a, 0, TilesOf(plan, std::min(plan.band_rows, plan.rows - row)));
    }
  });
}

}  // namespace

KernelResult MakeDirectConvolution(const KernelRequest& r) {
  MIRIN_ASSIGN_OR_RETURN(BlockedConvolution conv, BeginConvolution(r, "direct"));
  const Dims &x = r.inputs[0].shape.dims(), &w = r.inputs[1].shape.dims(),
             &y = r.outputs[0].shape.dims();
  if (x[1] < kLeastChannels || w[0] < kLeastChannels)
    return absl::UnimplementedError("few channels");
  const DirectKernels* kernels = Direct();
  const int threads = r.thread_count();
  MIRIN_ASSIGN_OR_RETURN(const DirectPlan plan,
                         PlanDirect(x, w, y, conv.axes, conv.groups, threads));
  MIRIN_ASSIGN_OR_RETURN(const std::shared_ptr<const void> weights, PackWeights(r, plan));
  conv.traits.in_place = conv.has_add ? 8 : 0;
  if (plan.image.padded)
    conv.traits.scratch_bytes =
        static_cast<size_t>(plan.image.floats() * (plan.bands == 1 ? 1 : threads)) * 4;
  const int64_t y_image = plan.groups * plan.blocks * y[2] * y[3] * kernels->lanes,
                x_row = x[3] * kernels->lanes, x_image = plan.image.planes * x[2] * x_row;
  return FromFunction(conv.traits, [=](const KernelContext& c) {
    DirectArgs a = {};
    a.x_pixel = plan.horizontal.stride * kernels->lanes;
    a.x_row = plan.vertical.stride * plan.image.padded_width * kernels->lanes;
    a.depth = plan.depth;
    a.parts = plan.parts.data();
    a.part_count = static_cast<int64_t>(plan.parts.size());
    a.runs = plan.runs.data();
    a.run_begin = plan.run_begin.data();
    a.row_class = plan.row_class.data();
    a.class_count = plan.class_count;
    a.weights = static_cast<const float*>(weights.get());
    a.channels = plan.channels;
    a.blocks = plan.blocks;
    a.y_row = plan.columns * kernels->lanes;
    a.y_block = plan.rows * a.y_row;
    a.bias = conv.bias_data();
    a.activation = conv.activation;
    a.columns = plan.columns;
    for (int64_t n = 0; n < plan.batch; ++n) {
      const float* x = c.input(0).as<float>() + n * x_image;
      a.y = c.output(0).as<float>() + n * y_image;
      if (conv.has_add) a.add = c.input(3).as<float>() + n * y_image;
      if (plan.image.padded) {
        ConvolveByBands(c.threads(), plan, x, static_cast<float*>(c.scratch()), a);
      } else {
        a.x = x + Meets(plan.vertical, 0, 0) * x_row;
        ConvolveByThreads(c.threads(), plan, a);
      }
    }
  });
}

}  // namespace mirin::cpu
