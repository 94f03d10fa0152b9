// How often a tensor's numbers fall where, and the range that its quantised form should cover.
#ifndef CORE_CONVERTER_QUANTIZE_HISTOGRAM_H_
#define CORE_CONVERTER_QUANTIZE_HISTOGRAM_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace mirin::converter {

struct Range {
  double low = 0, high = 0;

  void Include(Range other) {
    low = other.low < low ? other.low : low;
    high = other.high > high ? other.high : high;
  }
};

// The least and largest finite number; {0, 0} when there is none.
Range RangeOf(absl::Span<const float> values);

// Equal bins over a range.
class Histogram {
 public:
  explicit Histogram(Range range, int bins = 2048);
  // Numbers outside count in the first or last bin, those that are none do not count.
  void Add(absl::Span<const float> values);

  const Range& range() const { return range_; }
  const std::vector<double>& counts() const { return counts_; }
  double bin_width() const {
    return (range_.high - range_.low) / static_cast<double>(counts_.size());
  }

 private:
  Range range_;
  std::vector<double> counts_;
};

// The range whose 8-bit form has the distribution nearest to the histogram's, by Kullback and Leibler's divergence.
Range LeastDivergence(const Histogram& histogram);
// The range without the outermost `share` of the numbers on either side.
Range WithoutOutliers(const Histogram& histogram, double share = 1e-4);

// uint8 that covers a range and 0 exactly: (q - zero) * scale.
struct ByteScale {
  float scale = 1;
  uint8_t zero = 0;
};
ByteScale ScaleFor(Range range);

}  // namespace mirin::converter

#endif  // CORE_CONVERTER_QUANTIZE_HISTOGRAM_H_
