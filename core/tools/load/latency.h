// Latencies of many requests in constant memory.
#ifndef CORE_TOOLS_LOAD_LATENCY_H_
#define CORE_TOOLS_LOAD_LATENCY_H_

#include <algorithm>
#include <cstdint>
#include <vector>

namespace mirin::load {

// Buckets grow with the value: a quantile is at most 1/256 too large. For one thread.
class LatencyHistogram {
 public:
  void Add(int64_t ns) {
    const uint64_t value = static_cast<uint64_t>(std::max<int64_t>(ns, 0));
    ++counts_[Index(value)];
    ++count_;
    sum_ += static_cast<double>(value);
    min_ = std::min(min_, value);
    max_ = std::max(max_, value);
  }

  void Merge(const LatencyHistogram& other) {
    for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    count_ += other.count_;
    sum_ += other.sum_;
    min_ = std::min(min_, other.min_);
    max_ = std::max(max_, other.max_);
  }

  uint64_t count() const { return count_; }
  // Nanoseconds; 0 when there are no values. quantile: 0 to 1.
  double mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }
  uint64_t min() const { return count_ == 0 ? 0 : min_; }
  uint64_t max() const { return max_; }
  uint64_t Quantile(double quantile) const {
    const double rank = quantile * static_cast<double>(count_);
    uint64_t seen = 0;
    for (size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen > 0 && static_cast<double>(seen) >= rank) return std::min(Upper(i), max_);
    }
    return max_;
  }

 private:
  static constexpr int kBits = 8;  // values of one bucket agree in this many bits behind the first
  static constexpr int kMostBits = 42;  // 73 minutes; larger values count as that

  static size_t Index(uint64_t value) {
    value = std::min(value, (uint64_t{1} << kMostBits) - 1);
    if (value < (1u << kBits)) return value;
    const int shift = 63 - __builtin_clzll(value) - kBits;
    return (static_cast<size_t>(shift) << kBits) + (value >> shift);
  }
  // The largest value of a bucket.
  static uint64_t Upper(size_t index) {
    if (index < (2u << kBits)) return index;
    const size_t shift = (index >> kBits) - 1;
    const uint64_t high = (index & ((1u << kBits) - 1)) | (1u << kBits);
    return ((high + 1) << shift) - 1;
  }

  std::vector<uint64_t> counts_ =
      std::vector<uint64_t>(static_cast<size_t>(kMostBits - kBits + 1) << kBits);
  uint64_t count_ = 0;
  double sum_ = 0;
  uint64_t min_ = UINT64_MAX;
  uint64_t max_ = 0;
};

}  // namespace mirin::load

#endif  // CORE_TOOLS_LOAD_LATENCY_H_
