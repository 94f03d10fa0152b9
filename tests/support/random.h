// Numbers that look random and are the same everywhere.
#ifndef TESTS_SUPPORT_RANDOM_H_
#define TESTS_SUPPORT_RANDOM_H_

#include <cstdint>
#include <vector>

namespace mirin::testing {

// n numbers in [-1, 1).
inline std::vector<float> RandomFloats(int64_t n, uint32_t seed) {
  std::vector<float> x(static_cast<size_t>(n));
  for (float& v : x) {
    seed = seed * 1664525u + 1013904223u;
    v = static_cast<float>(seed >> 8) / static_cast<float>(1 << 23) - 1.0f;
  }
  return x;
}

}  // namespace mirin::testing

#endif  // TESTS_SUPPORT_RANDOM_H_
