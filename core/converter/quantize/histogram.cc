#include "core/converter/quantize/histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace mirin::converter {
namespace {

// counts[0, end) seen through `levels` steps: each step's sum spread over its bins that are not empty.
std::vector<double> Coarsened(const std::vector<double>& counts, size_t end, size_t levels) {
  std::vector<double> out(end, 0);
  for (size_t l = 0; l < levels; ++l) {
    const size_t from = l * end / levels, to = (l + 1) * end / levels;
    double sum = 0;
    size_t filled = 0;
    for (size_t i = from; i < to; ++i) {
      sum += counts[i];
      filled += counts[i] > 0 ? 1 : 0;
    }
    for (size_t i = from; i < to; ++i)
      out[i] = counts[i] > 0 ? sum / static_cast<double>(filled) : 0;
  }
  return out;
}

// Sum of p log(p / q) of what is left of the counts when everything from `end` on becomes the last bin.
double Divergence(const std::vector<double>& counts, size_t end, size_t levels) {
  const std::vector<double> q = Coarsened(counts, end, levels);
  const double beyond =
      std::accumulate(counts.begin() + static_cast<int64_t>(end), counts.end(), 0.0);
  const double p_total = std::accumulate(counts.begin(), counts.end(), 0.0),
               q_total = std::accumulate(q.begin(), q.end(), 0.0);
  if (p_total <= 0 || q_total <= 0) return std::numeric_limits<double>::infinity();
  constexpr double kNothing = 1e-9;
  double sum = 0;
  for (size_t i = 0; i < end; ++i) {
    const double p = (counts[i] + (i + 1 == end ? beyond : 0)) / p_total;
    if (p > 0) sum += p * std::log(p / std::max(q[i] / q_total, kNothing));
  }
  return sum;
}

// The end of the bins from 0 on that are worth their own steps.
size_t BestEnd(std::vector<double> counts, size_t levels) {
  // Zeros have an exact form whatever the range, and there may be so many that nothing else would count.
  if (counts.size() > 1) counts[0] = counts[1];
  size_t best = counts.size();
  double least = std::numeric_limits<double>::infinity();
  for (size_t end = levels; end <= counts.size(); ++end) {
    const double divergence = Divergence(counts, end, levels);
    if (divergence < least) {
      least = divergence;
      best = end;
    }
  }
  return best;
}

}  // namespace

Range RangeOf(absl::Span<const float> values) {
  float low = std::numeric_limits<float>::infinity(), high = -low;
  for (const float v : values) {
    if (!std::isfinite(v)) continue;
    low = std::min(low, v);
    high = std::max(high, v);
  }
  return low <= high ? Range{low, high} : Range{};
}

Histogram::Histogram(Range range, int bins) : range_(range), counts_(static_cast<size_t>(bins), 0) {
  if (!(range_.high > range_.low)) range_.high = range_.low + 1;
}

void Histogram::Add(absl::Span<const float> values) {
  const double scale = static_cast<double>(counts_.size()) / (range_.high - range_.low),
               last = static_cast<double>(counts_.size() - 1);
  for (const float v : values) {
    if (!std::isfinite(v)) continue;
    counts_[static_cast<size_t>(std::clamp((v - range_.low) * scale, 0.0, last))] += 1;
  }
}

Range LeastDivergence(const Histogram& histogram) {
  const Range range = histogram.range();
  const std::vector<double>& counts = histogram.counts();
  if (range.low >= 0) {
    // All 255 steps above 0.
    std::vector<double> from_zero = counts;
    const double below = range.low / histogram.bin_width();
    if (below > static_cast<double>(counts.size())) return range;
    from_zero.insert(from_zero.begin(), static_cast<size_t>(below), 0);
    if (from_zero.size() <= 255) return range;
    return {range.low, static_cast<double>(BestEnd(from_zero, 255)) * histogram.bin_width()};
  }
  // By distance from 0, 128 steps on the longer side.
  const double most = std::max(-range.low, range.high),
               width = most / static_cast<double>(counts.size());
  std::vector<double> distances(counts.size(), 0);
  for (size_t i = 0; i < counts.size(); ++i) {
    const double middle = range.low + (static_cast<double>(i) + 0.5) * histogram.bin_width();
    distances[std::min(counts.size() - 1, static_cast<size_t>(std::fabs(middle) / width))] +=
        counts[i];
  }
  if (distances.size() <= 128) return range;
  const double limit = static_cast<double>(BestEnd(distances, 128)) * width;
  return {std::max(range.low, -limit), std::min(range.high, limit)};
}

Range WithoutOutliers(const Histogram& histogram, double share) {
  const std::vector<double>& counts = histogram.counts();
  const double most = share * std::accumulate(counts.begin(), counts.end(), 0.0);
  size_t first = 0, last = counts.size();
  for (double sum = 0; first + 1 < last && sum + counts[first] <= most; ++first)
    sum += counts[first];
  for (double sum = 0; last > first + 1 && sum + counts[last - 1] <= most; --last)
    sum += counts[last - 1];
  const double low = histogram.range().low, width = histogram.bin_width();
  return {low + static_cast<double>(first) * width, low + static_cast<double>(last) * width};
}

ByteScale ScaleFor(Range range) {
  const double low = std::min(0.0, range.low), high = std::max(0.0, range.high);
  ByteScale out;
  const auto scale = static_cast<float>((high - low) / 255);
  if (!(scale > std::numeric_limits<float>::min()) || !std::isfinite(scale)) return out;
  out.scale = scale;
  out.zero = static_cast<uint8_t>(std::clamp(std::nearbyint(-low / scale), 0.0, 255.0));
  return out;
}

}  // namespace mirin::converter
