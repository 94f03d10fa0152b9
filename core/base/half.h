// 16-bit floating-point storage types. They convert to and from float; arithmetic happens in float.
#ifndef CORE_BASE_HALF_H_
#define CORE_BASE_HALF_H_

#include <cstdint>
#include <cstring>
#include <limits>

namespace mirin {

// IEEE 754 binary16. Conversion from float rounds to nearest even, keeps infinities and NaN.
struct Half {
  uint16_t bits = 0;

  Half() = default;
  Half(float value)
      : bits(FromFloat(value)) {}  // NOLINT(google-explicit-constructor): a number type
  operator float() const { return ToFloat(bits); }  // NOLINT(google-explicit-constructor)

  static Half FromBits(uint16_t bits) {
    Half h;
    h.bits = bits;
    return h;
  }

 private:
  static float ToFloat(uint16_t h) {
    const uint32_t sign = static_cast<uint32_t>(h & 0x8000) << 16;
    uint32_t exponent = (h >> 10) & 0x1f;
    uint32_t mantissa = h & 0x3ff;
    uint32_t out;
    if (exponent == 0x1f) {
      out = sign | 0x7f800000u | (mantissa << 13);
    } else if (exponent != 0) {
      out = sign | ((exponent + 112) << 23) | (mantissa << 13);
    } else if (mantissa == 0) {
      out = sign;
    } else {
      exponent = 113;
      while ((mantissa & 0x400) == 0) {
        mantissa <<= 1;
        --exponent;
      }
      out = sign | (exponent << 23) | ((mantissa & 0x3ff) << 13);
    }
    float f;
    std::memcpy(&f, &out, sizeof f);
    return f;
  }

  static uint16_t FromFloat(float value) {
    uint32_t f;
    std::memcpy(&f, &value, sizeof f);
    const uint16_t sign = static_cast<uint16_t>((f >> 16) & 0x8000);
    const uint32_t magnitude = f & 0x7fffffff;
    if (magnitude > 0x7f800000)
      return sign | 0x7e00 | static_cast<uint16_t>((magnitude >> 13) & 0x3ff);
    if (magnitude >= 0x477ff000) return sign | 0x7c00;  // rounds to 65536 or more
    if (magnitude < 0x38800000) {                       // below 2^-14: subnormal or zero
      if (magnitude < 0x33000000) return sign;
      const uint32_t shift = 126 - (magnitude >> 23);
      const uint32_t mantissa = (magnitude & 0x7fffff) | 0x800000;
      const uint32_t half = 1u << (shift - 1);
      uint32_t result = mantissa >> shift;
      const uint32_t rest = mantissa & ((1u << shift) - 1);
      if (rest > half || (rest == half && (result & 1))) ++result;
      return sign | static_cast<uint16_t>(result);
    }
    const uint32_t rounded = magnitude + 0xfff + ((magnitude >> 13) & 1);
    return sign | static_cast<uint16_t>((rounded - 0x38000000) >> 13);
  }
};

// The upper half of a float. Conversion from float rounds to nearest even and keeps NaN.
struct BFloat16 {
  uint16_t bits = 0;

  BFloat16() = default;
  BFloat16(float value)
      : bits(FromFloat(value)) {}  // NOLINT(google-explicit-constructor): a number type
  operator float() const {         // NOLINT(google-explicit-constructor)
    const uint32_t wide = static_cast<uint32_t>(bits) << 16;
    float f;
    std::memcpy(&f, &wide, sizeof f);
    return f;
  }

  static BFloat16 FromBits(uint16_t bits) {
    BFloat16 b;
    b.bits = bits;
    return b;
  }

 private:
  static uint16_t FromFloat(float value) {
    uint32_t f;
    std::memcpy(&f, &value, sizeof f);
    if ((f & 0x7fffffff) > 0x7f800000) return static_cast<uint16_t>(f >> 16) | 0x40;
    return static_cast<uint16_t>((f + 0x7fff + ((f >> 16) & 1)) >> 16);
  }
};

static_assert(sizeof(Half) == 2 && sizeof(BFloat16) == 2, "storage types");

}  // namespace mirin

#endif  // CORE_BASE_HALF_H_
