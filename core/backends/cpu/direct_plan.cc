#include "core/backends/cpu/direct_plan.h"

#include <algorithm>
#include <limits>
#include <map>

#include "core/backends/cpu/kernel.h"

namespace mirin::cpu {
namespace {

// Bytes of a part of an image that is to stay in the second-level cache while all panels are used, and the results that it has at least.
constexpr int64_t kPartBytes = int64_t{192} << 10, kPartResults = 64;
// Bytes beyond which weights, or an image, are read anew from behind the second-level cache.
constexpr int64_t kCachedBytes = int64_t{512} << 10;
// Lines of weights of a part of the depth.
constexpr int64_t kPartDepth = 768;
// Groups computed as one with zeros between them, where a group is less than a block.
constexpr int64_t kMostMerged = 8;

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
bool ByParts(int64_t parts, int64_t image_bytes, const DirectPlan& plan) {
  const int64_t weight_bytes = plan.group_floats(plan.image.lanes) * 4;
  const int64_t by_parts = image_bytes + (weight_bytes > kCachedBytes ? parts : 1) * weight_bytes;
  const int64_t by_panels =
      weight_bytes + (image_bytes > kCachedBytes ? DirectPanels(plan.blocks) : 1) * image_bytes;
  return by_parts <= by_panels;
}

DirectTaps PlanTaps(const ops::WindowAxis& a, int64_t size, int64_t results) {
  const auto meets = [&](int64_t t) {
    return Meets(a, results - 1, t) >= 0 && Meets(a, 0, t) < size;
  };
  DirectTaps taps = {0, a.kernel};
  while (taps.begin < taps.end && !meets(taps.begin)) ++taps.begin;
  while (taps.begin < taps.end && !meets(taps.end - 1)) --taps.end;
  return taps;
}

void PlanImage(int threads, DirectPlan* plan) {
  DirectImage& image = plan->image;
  const ops::WindowAxis &v = plan->vertical, &h = plan->horizontal;
  const int64_t first = Meets(h, 0, plan->tap_columns.begin),
                last = Meets(h, plan->columns - 1, plan->tap_columns.end - 1);
  image.padded = first < 0 || last >= image.width;
  image.band_height = image.height;
  image.padded_width = image.width;
  plan->band_rows = plan->rows;
  if (image.padded) {
    image.left = std::max<int64_t>(0, -first);
    image.padded_width = image.left + std::max<int64_t>(1, last + 1);
    // Rows that the windows of so many rows of results cover.
    const auto cover = [&](int64_t rows) {
      const int64_t window = (plan->tap_rows.count() - 1) * v.dilation + 1;
      return std::min(image.height, (rows - 1) * v.stride + window);
    };
    const int64_t row_bytes = image.planes * image.padded_width * image.lanes * 4;
    int64_t rows = std::max<int64_t>(1, (kPartResults + plan->columns - 1) / plan->columns);
    while (rows < plan->rows && cover(rows + 1) * row_bytes <= kPartBytes) ++rows;
    const int64_t bands = (plan->rows + rows - 1) / rows;
    // Several threads share out many bands, or the results of the whole image.
    if (ByParts(bands, cover(plan->rows) * row_bytes, *plan) &&
        (threads == 1 || bands >= 2 * threads))
      plan->band_rows = (plan->rows + bands - 1) / bands;
    image.band_height = cover(plan->band_rows);
  }
  plan->bands = (plan->rows + plan->band_rows - 1) / plan->band_rows;
}

// Rows of results whose windows meet the image with the same taps are of one class.
std::vector<DirectTaps> PlanClasses(DirectPlan* plan) {
  std::vector<DirectTaps> classes;
  std::map<std::pair<int64_t, int64_t>, int32_t> known;
  for (int64_t r = 0; r < plan->rows; ++r) {
    DirectTaps taps = plan->tap_rows;
    while (taps.begin < taps.end && Meets(plan->vertical, r, taps.begin) < 0) ++taps.begin;
    while (taps.begin < taps.end && Meets(plan->vertical, r, taps.end - 1) >= plan->image.height)
      --taps.end;
    const auto [it, added] =
        known.try_emplace({taps.begin, taps.end}, static_cast<int32_t>(classes.size()));
    if (added) classes.push_back(taps);
    plan->row_class.push_back(it->second);
  }
  plan->class_count = static_cast<int64_t>(classes.size());
  return classes;
}

// Where in the packed depth the numbers of the file go: block by block of channels, tap by tap; taps that never meet the image last.
void PlanPositions(int64_t channels, DirectPlan* plan) {
  const int64_t kernel_columns = plan->horizontal.kernel,
                taps = plan->vertical.kernel * kernel_columns, lanes = plan->image.lanes;
  plan->positions.resize(static_cast<size_t>(channels * taps));
  int32_t used = 0, unused = static_cast<int32_t>(plan->tap_rows.count() *
                                                  plan->tap_columns.count() * channels);
  for (int64_t c = 0; c < channels; c += lanes) {
    for (int64_t t = 0; t < taps; ++t) {
      const int64_t i = t / kernel_columns, j = t % kernel_columns;
      const bool meets = i >= plan->tap_rows.begin && i < plan->tap_rows.end &&
                         j >= plan->tap_columns.begin && j < plan->tap_columns.end;
      for (int64_t k = c; k < std::min(channels, c + lanes); ++k)
        plan->positions[static_cast<size_t>(k * taps + t)] = meets ? used++ : unused++;
    }
  }
}

// The runs of one block of channels from `line` of the weights on, for the taps of a class of rows.
void AddRuns(int64_t block, int64_t width, int64_t line, const DirectTaps& rows, DirectPlan* plan) {
  const DirectImage& image = plan->image;
  const DirectTaps& columns = plan->tap_columns;
  const size_t first = static_cast<size_t>(plan->run_begin.back());
  for (int64_t i = rows.begin; i < rows.end; ++i) {
    for (int64_t j = columns.begin; j < columns.end; ++j) {
      const int64_t row = i * plan->vertical.dilation,
                    column =
                        j * plan->horizontal.dilation - plan->horizontal.pad_before + image.left;
      const int64_t offset =
          block * image.plane() + (row * image.padded_width + column) * image.lanes;
      const int64_t at =
          line + ((i - plan->tap_rows.begin) * columns.count() + j - columns.begin) * width;
      DepthRun* last = plan->runs.size() == first ? nullptr : &plan->runs.back();
      if (last != nullptr && last->offset + last->length == offset &&
          last->line + last->length == at) {
        last->length += static_cast<int32_t>(width);
      } else {
        plan->runs.push_back(
            {static_cast<int32_t>(offset), static_cast<int32_t>(width), static_cast<int32_t>(at)});
      }
    }
  }
}

// Parts of the depth with the runs of each class of rows; `channels` of a group.
void PlanDepth(int64_t channels, DirectPlan* plan) {
  const std::vector<DirectTaps> classes = PlanClasses(plan);
  const int64_t taps = plan->tap_rows.count() * plan->tap_columns.count(),
                lanes = plan->image.lanes;
  const int64_t part_channels =
      std::max<int64_t>(1, kPartDepth / std::max<int64_t>(1, taps * lanes)) * lanes;
  plan->run_begin.push_back(0);
  for (int64_t begin = 0; begin < channels; begin += part_channels) {
    const int64_t end = std::min(channels, begin + part_channels);
    plan->parts.push_back({begin * taps, end * taps});
    for (const DirectTaps& rows : classes) {
      for (int64_t c = begin; c < end; c += lanes)
        AddRuns(c / lanes, std::min(lanes, end - c), c * taps, rows, plan);
      plan->run_begin.push_back(static_cast<int32_t>(plan->runs.size()));
    }
  }
}

// An image that is not padded is taken in parts of its results where that is better.
void PlanParts(DirectPlan* plan) {
  const int64_t results =
                    std::max(kPartResults, kPartBytes / std::max<int64_t>(1, plan->depth * 4)),
                parts = (plan->rows * plan->columns + results - 1) / results;
  const int64_t tile_columns = Direct()->tile_columns;
  plan->part_tiles = plan->rows * DirectTilesInRow(plan->columns, tile_columns);
  if (!plan->image.padded && ByParts(parts, plan->image.floats() / plan->groups * 4, *plan))
    plan->part_tiles = (plan->part_tiles + parts - 1) / parts;
}

}  // namespace

absl::StatusOr<DirectPlan> PlanDirect(const Dims& x, const Dims& w, const Dims& y,
                                      const std::vector<ops::WindowAxis>& axes, int64_t groups,
                                      int threads) {
  DirectPlan plan = {};
  const int64_t lanes = Direct()->lanes;
  plan.batch = x[0];
  plan.merged = MergedGroups(groups, w[1], w[0] / groups, lanes);
  if (plan.merged == 0) return absl::UnimplementedError("groups of few channels");
  plan.groups = (groups + plan.merged - 1) / plan.merged;  // the last may have fewer in it
  plan.channels = plan.merged * (w[0] / groups);
  plan.blocks = (plan.channels + lanes - 1) / lanes;
  plan.vertical = axes[0];
  plan.horizontal = axes[1];
  plan.rows = y[2];
  plan.columns = y[3];
  plan.tap_rows = PlanTaps(axes[0], x[2], y[2]);
  plan.tap_columns = PlanTaps(axes[1], x[3], y[3]);
  if (plan.tap_rows.count() == 0 || plan.tap_columns.count() == 0)
    return absl::UnimplementedError("windows that do not meet the image");
  plan.image.lanes = lanes;
  plan.image.planes = (x[1] + lanes - 1) / lanes;
  plan.image.height = x[2];
  plan.image.width = x[3];
  plan.depth = plan.merged * w[1] * w[2] * w[3];
  PlanImage(threads, &plan);
  // A row of windows may begin beside the image.
  if (plan.image.floats() +
          (plan.tap_rows.end - 1) * plan.vertical.dilation * plan.image.padded_width * lanes >
      std::numeric_limits<int32_t>::max())
    return absl::UnimplementedError("an image of more than 2^31 numbers");
  if (w[2] == 1 && w[3] == 1 && axes[0].stride == 1 && axes[1].stride == 1 && y[2] == x[2] &&
      y[3] == x[3]) {
    plan.rows = 1;  // a row's end and the next one's beginning are neighbours
    plan.columns = y[2] * y[3];
  }
  PlanDepth(plan.merged * w[1], &plan);
  PlanPositions(plan.merged * w[1], &plan);
  PlanParts(&plan);
  return plan;
}

}  // namespace mirin::cpu
