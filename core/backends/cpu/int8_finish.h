// What sums of bytes become; included as int8_vector.h is.
#ifndef CORE_BACKENDS_CPU_INT8_FINISH_H_
#define CORE_BACKENDS_CPU_INT8_FINISH_H_

#include "core/backends/cpu/int8_vector.h"

namespace mirin::cpu::MIRIN_SIMD {
namespace {

// A panel of columns, and what its sums begin at and become.
struct Panel {
  const char* b;
  int64_t column, width;
  bool interleaved;
  bool small;  // no result comes near 2^31
  ToBytes to_bytes;
#if defined(__AVX512F__)
  PackForm pack;
#endif
  int32_t begin[kColumns];  // where rows share a zero point
  float scale[kColumns], bias[kColumns];
};

// Bytes that are made of sums by scales and bounds alone.
inline bool GivesSteps(const Int8GemmArgs& g) {
  return g.c == nullptr && g.integers == nullptr && IsRectifier(g.activation);
}

#if defined(__AVX512F__)
// Rows of bytes whose columns are interleaved, `next` bytes apart, of the sums that sums_of(row, vector) gives.
template <bool kSmall, typename Sums>
inline void WriteRows(const Panel& t, int64_t rows, const Sums& sums_of, uint8_t* to,
                      int64_t next) {
  Vector scale[kVectors], bias[kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    scale[v] = Floats(t.scale + v * kLanes);
    bias[v] = Floats(t.bias + v * kLanes);
  }
  const PackForm form = t.pack;
#pragma GCC unroll 8
  for (int64_t r = 0; r < rows; ++r, to += next) {
    Vector steps[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v)
      steps[v] =
          (__builtin_convertvector(sums_of(r, v), Vector) * scale[v] + bias[v]) * form.inverse;
    Store(to, PackedBytes<kSmall>(form, steps[0], steps[1], steps[2], steps[3]));
  }
}

template <typename Sums>
inline void WriteInOrder(const Panel& t, int64_t rows, const Sums& sums_of, uint8_t* to,
                         int64_t next) {
  t.small ? WriteRows<true>(t, rows, sums_of, to, next)
          : WriteRows<false>(t, rows, sums_of, to, next);
}
#endif

// Rows of bytes, `next` bytes apart.
template <int R, int V>
inline void WriteBytes(const Panel& t, const IntVector (&sums)[R][V], uint8_t* to, int64_t next) {
  const int64_t width = t.width;
#if defined(__AVX512F__)
  if constexpr (V == kVectors) {
    if (t.interleaved)
      return WriteInOrder(
          t, R, [&](int64_t r, int v) __attribute__((always_inline)) { return sums[r][v]; }, to,
          next);
  }
#endif
  const ToBytes form = t.to_bytes;
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r, to += next) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      const Vector y = __builtin_convertvector(sums[r][v], Vector) * Floats(t.scale + v * kLanes) +
                       Floats(t.bias + v * kLanes);
      StoreBytes(to + v * kLanes, RoundedSteps(y * form.inverse, form), width - v * kLanes);
    }
  }
}

template <int R, int V>
inline void Finish(const Int8GemmArgs& g, const Panel& t, const IntVector (&sums)[R][V],
                   int64_t row) {
  constexpr int64_t kTile = V * kLanes;
  const int64_t width = t.width < kTile ? t.width : kTile;
  const auto bytes = static_cast<unsigned long>(width) * 4;
  if (g.integers != nullptr) {
    for (int r = 0; r < R; ++r)
      __builtin_memcpy(g.integers + (row + r) * g.c_row + t.column, sums[r], bytes);
    return;
  }
  if (GivesSteps(g))
    return WriteBytes<R, V>(t, sums, g.quantised + row * g.c_row + t.column, g.c_row);
  Vector tile[R][V];
  for (int r = 0; r < R; ++r) {
    const Vector row_scale = Vector{} + (g.row_step == 0 ? 1.0f : g.row_scales[row + r]);
    for (int v = 0; v < V; ++v)
      tile[r][v] =
          __builtin_convertvector(sums[r][v], Vector) * (row_scale * Floats(t.scale + v * kLanes)) +
          Floats(t.bias + v * kLanes);
  }
  if (g.activation == UnaryKind::kRelu) {
    for (int r = 0; r < R; ++r) {
      for (int v = 0; v < V; ++v) tile[r][v] = tile[r][v] < 0.0f ? Vector{} : tile[r][v];
    }
  } else if (g.activation != UnaryKind::kIdentity) {
    g.activate(g.activation, reinterpret_cast<float*>(tile), reinterpret_cast<float*>(tile),
               R * kTile, 0);
  }
  for (int r = 0; r < R; ++r) {
    const int64_t to = (row + r) * g.c_row + t.column;
    if (g.c == nullptr) {
      for (int v = 0; v < V; ++v)
        StoreBytes(g.quantised + to + v * kLanes,
                   RoundedSteps(tile[r][v] * t.to_bytes.inverse, t.to_bytes), width - v * kLanes);
    } else if (width == kTile) {
      __builtin_memcpy(g.c + to, tile[r], kTile * 4);
    } else {
      __builtin_memcpy(g.c + to, tile[r], bytes);
    }
  }
}

}  // namespace
}  // namespace mirin::cpu::MIRIN_SIMD

#endif  // CORE_BACKENDS_CPU_INT8_FINISH_H_
