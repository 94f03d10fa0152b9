// Numbers of one type as the nearest ones of another.
#ifndef CORE_BASE_SATURATE_H_
#define CORE_BASE_SATURATE_H_

#include <cmath>
#include <limits>
#include <type_traits>

namespace mirin {

// double to T: truncates toward zero and saturates for integers (NaN is 0), != 0 for bool, rounds to nearest for floats.
template <typename T>
T FromDouble(double v) {
  if constexpr (std::is_same_v<T, bool>) {
    return v != 0;
  } else if constexpr (std::is_integral_v<T>) {
    if (std::isnan(v)) return 0;
    if (v <= static_cast<double>(std::numeric_limits<T>::min()))
      return std::numeric_limits<T>::min();
    if (v >= static_cast<double>(std::numeric_limits<T>::max()))
      return std::numeric_limits<T>::max();
    return static_cast<T>(v);
  } else {
    return static_cast<T>(
        static_cast<std::conditional_t<std::is_same_v<T, double>, double, float>>(v));
  }
}

}  // namespace mirin

#endif  // CORE_BASE_SATURATE_H_
