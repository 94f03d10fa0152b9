// Vector kernels of 8-bit integers, one table per instruction set; Int8() picks the best this CPU has.
#ifndef CORE_BACKENDS_CPU_INT8_KERNELS_H_
#define CORE_BACKENDS_CPU_INT8_KERNELS_H_

#include <stdint.h>

#include "core/backends/cpu/simd_kernels.h"

namespace mirin::cpu {

// Integers of 8 bits, signed or not, that stand for (q - zero) * scale.
struct Int8Form {
  bool is_signed = false;
  int32_t zero = 0;
  float scale = 1;
};

// Bytes of form a and bytes of form b are added: bytes of form y, at least 0 when relu.
struct Int8Sum {
  Int8Form a, b, y;
  bool relu = false;
};

// C[m, n] = activation(A B * row_scale * scale + bias), or the sums A B themselves, A in rows made by quantize_row or prepare_row,
// B packed by pack_b. Sums are exact for k up to 65536. Works on columns [column_begin, column_end), which must begin at a multiple of tile_columns.
struct Int8GemmArgs {
  int64_t m, n, k;
  const void* a;
  int64_t a_row;  // bytes
  const void* packed_b;
  const int32_t* sums;      // of B's columns
  bool interleaved;         // how B was packed; only for `quantised` results of a rectifier or none
  const int32_t* zeros;     // of A's rows
  const float* row_scales;  // of A's rows
  int64_t row_step;  // 1: a zero and a scale for each row; 0: one for all, as `quantised` needs it
  const float* scale;  // per column; not for sums
  const float* bias;   // per column, or null
  UnaryKind activation;
  void (*activate)(UnaryKind kind, const float* x, float* y, int64_t n, float parameter);
  // One of them is the result.
  float* c;
  uint8_t* quantised;
  int32_t* integers;
  Int8Form form;  // of `quantised`
  int64_t c_row;  // elements
  int64_t row_begin, row_end, column_begin, column_end;
};

struct Int8Kernels {
  const char* name;
  bool vnni;  // the CPU multiplies bytes
  int64_t tile_columns;
  int64_t tile_rows;
  int64_t depth_step;    // A's k is filled up to a multiple of it,
  int64_t b_depth_step;  // B's to one of this
  int64_t a_bytes;       // of an element of a prepared row
  int64_t b_bytes;
  // B[k, n] by strides -> panels of tile_columns columns (b_bytes each), the last one padded; sums gets tile_columns for each panel.
  // Columns of whole panels may be interleaved: that is the order in which sums become bytes soonest.
  void (*pack_b)(const int8_t* b, int64_t k, int64_t n, int64_t row, int64_t column,
                 bool interleaved, void* packed, int32_t* sums);
  // The least and the largest of n numbers and 0; one that is not finite makes neither a number.
  void (*range)(const float* x, int64_t n, float* low, float* high);
  // 255 steps over a range; the scale is no number where the range is none.
  Int8Form (*form_of_range)(float low, float high);
  // A row of floats in a form of uint8; *zero is what the GEMM wants.
  void (*quantize_row)(const float* x, int64_t k, Int8Form form, void* row, int32_t* zero);
  // A row of bytes; *zero is its zero point before and what the GEMM wants after.
  void (*prepare_row)(const uint8_t* x, int64_t k, bool is_signed, int32_t* zero, void* row);
  void (*gemm)(const Int8GemmArgs& args);
  void (*quantize)(const float* x, uint8_t* y, int64_t n, Int8Form form);
  // The same by multiplication with the scale's inverse, as results of products and sums become bytes.
  void (*requantize)(const float* x, uint8_t* y, int64_t n, Int8Form form);
  void (*dequantize)(const uint8_t* x, float* y, int64_t n, Int8Form form);
  void (*add)(const uint8_t* a, const uint8_t* b, uint8_t* y, int64_t n, const Int8Sum& sum);
  // n bytes of each of up to kMostPlanes planes, `plane` bytes apart: y[i, channel] = x[channel, i].
  void (*interleave)(const uint8_t* x, int64_t plane, int64_t channels, int64_t n, uint8_t* y);
};

constexpr int64_t kMostPlanes = 4;

// MIRIN_ISA=avx512 leaves the byte products out, avx512vnni those of tiles (AMX).
const Int8Kernels& Int8();

namespace portable {
const Int8Kernels& Int8Table();
}
namespace avx2 {
const Int8Kernels& Int8Table();
}
namespace avx512 {
const Int8Kernels& Int8Table();
}
namespace avx512vnni {
const Int8Kernels& Int8Table();
}
namespace avx512amx {
const Int8Kernels& Int8Table();
}

}  // namespace mirin::cpu

#endif  // CORE_BACKENDS_CPU_INT8_KERNELS_H_
