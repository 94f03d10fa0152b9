// Compiled for AVX-512 with VNNI only, otherwise as int8_kernels.cc.
//
// First the bytes of the rows that a window meets are interleaved, so that one instruction multiplies and adds four rows of a window's
// column; then each result adds up its columns.
#include "core/backends/cpu/int8_depthwise_kernels.h"

#include "core/backends/cpu/int8_vector.h"

namespace mirin::cpu::MIRIN_SIMD {
namespace {

constexpr int kWide = kInt8DepthwiseWide / kLanes;  // vectors

inline __mmask64 First(int64_t n) { return n >= 64 ? ~__mmask64{0} : (__mmask64{1} << n) - 1; }

// The four rows of a group where they cross a block of channels; they go on from column to column.
struct Rows {
  Rows(const Int8DepthwiseArgs& a, int64_t group, int64_t channel) {
    for (int i = 0; i < kInt8DepthwiseRows; ++i) {
      const int64_t row = group * kInt8DepthwiseRows + i;
      step[i] = a.steps[row];
      at[i] = a.rows[row] + (step[i] == 0 ? 0 : channel);
    }
  }
  const uint8_t* at[kInt8DepthwiseRows];
  int64_t step[kInt8DepthwiseRows];
};

// For each column of the strip V vectors: padding, or interleave(rows, to).
template <int V, typename Fn>
inline void ForEachColumn(const Int8DepthwiseArgs& a, Rows rows, Ints* to, Fn interleave) {
  const Ints padding = _mm512_set1_epi8(static_cast<char>(a.padding ^ a.flip));
  const auto within = [&](int64_t p) { return p < 0 ? 0 : p < a.strip ? p : a.strip; };
  const int64_t begin = within(a.left), end = within(a.left + a.width), vectors = a.strip * V,
                skipped = a.left < 0 ? -a.left : 0;
  for (int i = 0; i < kInt8DepthwiseRows; ++i) rows.at[i] += skipped * rows.step[i];
  for (int64_t i = 0; i < begin * V; ++i) Store(to + i, padding);
  for (int64_t p = begin; p < end; ++p) {
    interleave(rows, to + p * V);
#pragma GCC unroll 4
    for (int i = 0; i < kInt8DepthwiseRows; ++i) rows.at[i] += rows.step[i];
  }
  for (int64_t i = end * V; i < vectors; ++i) Store(to + i, padding);
}

inline void InterleaveWide(const Int8DepthwiseArgs& a, int64_t group, int64_t channel, Ints* to) {
  const Ints flip = _mm512_set1_epi8(static_cast<char>(a.flip));
  const __mmask64 there = First(a.channels - channel);
  const auto load = [=](const uint8_t* from) {
    return _mm512_xor_si512(_mm512_maskz_loadu_epi8(there, from), flip);
  };
  ForEachColumn<kWide>(a, Rows(a, group, channel), to, [=](const Rows& rows, Ints* out) {
    const Ints r0 = load(rows.at[0]), r1 = load(rows.at[1]), r2 = load(rows.at[2]),
               r3 = load(rows.at[3]), low = _mm512_unpacklo_epi8(r0, r1),
               high = _mm512_unpackhi_epi8(r0, r1), low2 = _mm512_unpacklo_epi8(r2, r3),
               high2 = _mm512_unpackhi_epi8(r2, r3);
    Store(out, _mm512_unpacklo_epi16(low, low2));
    Store(out + 1, _mm512_unpackhi_epi16(low, low2));
    Store(out + 2, _mm512_unpacklo_epi16(high, high2));
    Store(out + 3, _mm512_unpackhi_epi16(high, high2));
  });
}

inline void InterleaveNarrow(const Int8DepthwiseArgs& a, int64_t group, int64_t channel, Ints* to) {
  const __m128i flip = _mm_set1_epi8(static_cast<char>(a.flip));
  const auto there = static_cast<__mmask16>(First(a.channels - channel));
  const auto load = [=](const uint8_t* from) {
    return _mm_xor_si128(_mm_maskz_loadu_epi8(there, from), flip);
  };
  ForEachColumn<1>(a, Rows(a, group, channel), to, [=](const Rows& rows, Ints* out) {
    const __m128i r0 = load(rows.at[0]), r1 = load(rows.at[1]), r2 = load(rows.at[2]),
                  r3 = load(rows.at[3]), low = _mm_unpacklo_epi8(r0, r1),
                  high = _mm_unpackhi_epi8(r0, r1), low2 = _mm_unpacklo_epi8(r2, r3),
                  high2 = _mm_unpackhi_epi8(r2, r3);
    auto* quarters = reinterpret_cast<__m128i*>(out);
    _mm_storeu_si128(quarters, _mm_unpacklo_epi16(low, low2));
    _mm_storeu_si128(quarters + 1, _mm_unpackhi_epi16(low, low2));
    _mm_storeu_si128(quarters + 2, _mm_unpacklo_epi16(high, high2));
    _mm_storeu_si128(quarters + 3, _mm_unpackhi_epi16(high, high2));
  });
}

// Channels [channel, channel + count) of a block.
struct Block {
  int64_t channel, count;
  const uint8_t* weights;
};

// Results [column, column + T) of R rows of V vectors of channels.
template <int R, int T, int V>
inline void Results(const Int8DepthwiseArgs& a, const PackForm& f, const Block& b,
                    const Ints* strip, int64_t column) {
  Ints sums[R][T][V];
#pragma GCC unroll 4
  for (int v = 0; v < V; ++v) {
    const Ints begin = Load(a.begin + b.channel + v * kLanes);
#pragma GCC unroll 8
    for (int i = 0; i < R * T; ++i) sums[i / T][i % T][v] = begin;
  }
  const uint8_t* weights = b.weights;
  const int64_t next = a.stride * V, tap = a.dilation * V, window = a.window,
                below = a.groups * window * V * 64;
  for (int64_t g = 0; g < a.groups; ++g) {
    const Ints* x = strip + (g * a.strip + column * a.stride) * V;
    for (int64_t j = 0; j < window; ++j, weights += V * 64, x += tap) {
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) {
        Ints w[R];
#pragma GCC unroll 2
        for (int r = 0; r < R; ++r) w[r] = Load(weights + r * below + v * 64);
#pragma GCC unroll 8
        for (int t = 0; t < T; ++t) {
          const Ints there = Load(x + t * next + v);
#pragma GCC unroll 2
          for (int r = 0; r < R; ++r) sums[r][t][v] = AddProducts(sums[r][t][v], there, w[r]);
        }
      }
    }
  }
  Vector scale[V], bias[V];
#pragma GCC unroll 4
  for (int v = 0; v < V; ++v) {
    scale[v] = Floats(a.scale + b.channel + v * kLanes);
    bias[v] = Floats(a.bias + b.channel + v * kLanes);
  }
#pragma GCC unroll 8
  for (int i = 0; i < R * T; ++i) {
    uint8_t* y = a.y + i / T * a.y_row + (column + i % T) * a.channels + b.channel;
    Vector steps[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      const auto sum = reinterpret_cast<IntVector>(sums[i / T][i % T][v]);
      steps[v] = (__builtin_convertvector(sum, Vector) * scale[v] + bias[v]) * f.inverse;
    }
    if constexpr (V == 1) {
      StoreBytes(y, RoundedSteps(steps[0], f.to), b.count);
    } else {
      const Ints bytes = PackedBytes(f, steps[0], steps[1], steps[2], steps[3]);
      if (b.count >= kInt8DepthwiseWide)
        Store(y, bytes);
      else
        _mm512_mask_storeu_epi8(y, First(b.count), bytes);
    }
  }
}

template <int R, int V>
inline void AllResults(const Int8DepthwiseArgs& args, const Block& block, const Ints* strip) {
  // Copies, which what is written cannot change.
  const Int8DepthwiseArgs a = args;
  const Block b = block;
  const PackForm f = PackFormOf(a.form, a.activation);
  constexpr int kAtATime = (V == 1 ? 8 : 4) / R;
  int64_t column = 0;
  for (; column + kAtATime <= a.columns; column += kAtATime)
    Results<R, kAtATime, V>(a, f, b, strip, column);
  for (; column < a.columns; ++column) Results<R, 1, V>(a, f, b, strip, column);
}

void Convolve(const Int8DepthwiseArgs& a) {
  const int64_t taps = a.groups * a.window * kInt8DepthwiseRows * a.packed_rows;
  Ints* memory = static_cast<Ints*>(a.memory);
  Block b = {0, 0, a.weights};
  for (; b.channel < a.wide_channels; b.channel += kInt8DepthwiseWide) {
    for (int64_t g = 0; g < a.groups; ++g)
      InterleaveWide(a, g, b.channel, memory + g * a.strip * kWide);
    b.count = a.channels - b.channel;
    a.y_rows == 2 ? AllResults<2, kWide>(a, b, memory) : AllResults<1, kWide>(a, b, memory);
    b.weights += taps * kInt8DepthwiseWide;
  }
  for (; b.channel < a.channels; b.channel += kInt8DepthwiseNarrow) {
    for (int64_t g = 0; g < a.groups; ++g) InterleaveNarrow(a, g, b.channel, memory + g * a.strip);
    b.count = a.channels - b.channel;
    a.y_rows == 2 ? AllResults<2, 1>(a, b, memory) : AllResults<1, 1>(a, b, memory);
    b.weights += taps * kInt8DepthwiseNarrow;
  }
}

constexpr Int8DepthwiseKernels kKernels = {Convolve};

}  // namespace

const Int8DepthwiseKernels& Int8DepthwiseTable() { return kKernels; }

}  // namespace mirin::cpu::MIRIN_SIMD
