// The vector kernels, one table per instruction set; Simd() picks the best this CPU has.
#ifndef CORE_BACKENDS_CPU_SIMD_KERNELS_H_
#define CORE_BACKENDS_CPU_SIMD_KERNELS_H_

#include <stdint.h>

namespace mirin::cpu {

enum class UnaryKind {
  kIdentity,
  kRelu,
  kRelu6,
  kSigmoid,
  kTanh,
  kHSwish,
  kHSigmoid,
  kSilu,
  kGelu,
  kGeluErf,
  kExp,
  kSqrt,
  kRsqrt,
  kNeg,
  kAbs,
  kSquare,
  kReciprocal,
  kLeakyRelu,
  kErf,
};
// kGeluErf is within 2.5e-7 of the exact value with AVX-512, within 1.4e-6 else (tested in simd_kernels_test.cc).
enum class BinaryKind { kAdd, kSub, kMul, kDiv, kMax, kMin };

// C[m, n] = activation(A[m, k] * B[k, n] + bias), B packed by pack_b. Works on columns [column_begin, column_end), which must
// begin at a multiple of tile_columns.
struct GemmArgs {
  int64_t m, n, k;
  const float* a;
  int64_t a_row, a_column;  // strides in floats
  const void* packed_b;     // floats, for gemm_half binary16 numbers
  float* c;
  int64_t c_row;
  const float* bias;  // null: none
  UnaryKind activation;
  int64_t row_begin, row_end, column_begin, column_end;
  bool
      backward;  // panels from the last to the first: in turns with forward, a cache keeps part of B between calls
};

// to = x - y for a pair of panels, which follow each other in `to`.
struct StrassenSum {
  const float *x, *y;
  float* to;             // null: nothing is to be done
  int64_t x_gap, y_gap;  // floats from the end of the first panel to the second
};

// The matrices in StrassenArgs::packed_a.
enum StrassenMatrix { kA11, kA12, kA22, kS1, kS2, kS3, kS4 };

// Rows of A from a row and a depth on, with a sign.
struct StrassenTerm {
  int64_t row, depth;
  float sign;
};
constexpr int kStrassenTerms = 4;

// A block of the depth of a product by fewer multiplications: 7 products of halves instead of 8 (strassen_kernels.cc). Rows
// [row_begin, row_end) of A are scaled by powers of two, so that a result c is within 5 k^2 2^-24 times the largest of its row of A times
// the largest of its two panels of B; within 20 k^2 2^-24 times the largest of its four panels where each of the 7 is made by 7.
struct StrassenArgs {
  const GemmArgs* product;  // a_column, packed_b and its column range are ignored
  int64_t columns;          // of a panel of B: tile_columns or a vector's less
  int64_t half_rows;  // half of the rows, rounded up, or a thread's part of that half; 16 or more
  int64_t partner;    // rows from one of those to its partner in the lower half
  int64_t depth_begin;
  int64_t depth;  // half of the block's, a multiple of 16

  // A: floats from one vector's worth of a row's columns to the next one's (the vector's where columns are neighbours), and where each row
  // begins, instead of multiples of a_row (null: there).
  int64_t a_block;
  const int64_t* a_rows;
  bool packs;   // strassen_pair packs all rows, beside its multiply-adds,
  bool scales;  // and finds their scales before
  int terms;    // what each row is the sum of; one where strassen_pair finds scales
  StrassenTerm term[kStrassenTerms];
  // For each row of the upper half and its partner: all 8 products and no sums, for numbers that are not finite.
  bool* plain;
  float* scale;     // of rows of A, for this block of the depth
  float* packed_a;  // 7 matrices of half_rows * depth

  // B: where the first of a pair of panels begins at this depth, floats from one to the other, and the same of the next pair, to be fetched
  // meanwhile.
  const float* b;
  int64_t b_panel;
  const float* next;
  int64_t next_panel;
  float* sums_of_b;  // 4 * depth * columns
  StrassenSum make;  // made meanwhile: panels as long as these

  // C: its rows from row_begin on, and floats from one vector's worth of columns to the next one's. It gets (products + plus) * inverse *
  // column_scale + what it holds, with the first block of the depth `add` instead; with the last one bias and activation too.
  int64_t c_rows;  // to the end of the lower half
  int64_t c_block;
  bool first, last;
  const float* plus[2];  // rows of plus_row numbers; null: nothing
  int64_t plus_row;
  float* inverse;             // of scale, for rows of C
  const float* column_scale;  // powers of two; null: ones
  const float* add;           // in the form of C, which it may be; null: nothing

  // Floats from one matrix of packed_a to the next: numbers that belong together must not share the sets of a cache.
  int64_t matrix() const { return half_rows * depth + 80; }
};

constexpr int64_t kAttendRows = 64;  // queries of one call of attend at most

// y = softmax(query keys * scale + mask) values for a few queries of one head. Strides are in floats.
struct AttendArgs {
  int64_t rows, keys, depth, value_depth;
  const float *query, *key, *value;
  int64_t query_row, key_row, value_row;
  // Of attend_pack: depth times keys, rounded up to lanes. Null: key and value, whole vectors of it, are read where they lie.
  float* packed_keys;
  float* packed_values;  // keys times value_depth, rounded up to lanes
  float scale;
  const float* mask;              // null: none
  int64_t mask_row, mask_column;  // mask_column is 0 or 1
  float* scores;                  // rows times score_row floats of scratch
  int64_t score_row;              // keys or more, a multiple of lanes
  float* y;
  int64_t y_row;
};

// Pointers may be unaligned unless said otherwise; input and output may be the same memory for unary and binary.
struct SimdKernels {
  const char* name;
  int64_t lanes;  // floats of a vector
  int64_t tile_columns;
  int64_t tile_rows;
  void (*unary)(UnaryKind kind, const float* x, float* y, int64_t n, float parameter);
  void (*binary)(BinaryKind kind, const float* a, const float* b, float* y, int64_t n);
  // b is one number; swapped computes b op a.
  void (*binary_scalar)(BinaryKind kind, const float* a, float b, float* y, int64_t n,
                        bool swapped);
  void (*softmax)(const float* x, float* y, int64_t n, bool logarithm);
  void (*layer_norm)(const float* x, const float* gamma, const float* beta, float* y, int64_t n,
                     float epsilon, float* mean, float* variance);
  // y = x * scale + shift
  void (*affine)(const float* x, float* y, int64_t n, float scale, float shift);
  float (*sum)(const float* x, int64_t n);
  float (*maximum)(const float* x, int64_t n);
  // B[k, n] by strides -> panels of tile_columns columns, the last one padded with zeros: PackedSize floats.
  void (*pack_b)(const float* b, int64_t k, int64_t n, int64_t row, int64_t column, float* packed);
  void (*gemm)(const GemmArgs& args);
  // Puts key and value of a head into packed_keys and packed_values, which attend reads for any of its queries.
  void (*attend_pack)(const AttendArgs& args);
  void (*attend)(const AttendArgs& args);
  // Whether the columns of a pair of panels of depth k are alike: their largest magnitudes are within a factor of 32, and within
  // [2^-100, 2^100]. Small columns would drown in the rounding errors of large ones, sums of larger numbers might not be finite.
  bool (*strassen_even)(const float* pair, int64_t k);
  // The power of two that brings the largest magnitude of x to [1, 2), and its inverse, 0 for zeros; false when a number is not finite.
  // n is a multiple of lanes.
  bool (*strassen_scale)(const float* x, int64_t n, float* scale, float* inverse);
  // Scales for rows [begin, end) of the upper half and their partners; false, and plain, where a number is not finite. Rows that are
  // multiplied together have to be alike.
  bool (*strassen_scale_rows)(const StrassenArgs& args, int64_t begin, int64_t end);
  // The same rows are plain: as they are.
  void (*strassen_leave_plain)(const StrassenArgs& args, int64_t begin, int64_t end);
  // The same rows to packed_a, once they have scales.
  void (*strassen_pack_a)(const StrassenArgs& args, int64_t begin, int64_t end);
  // Two panels of C from `column` on, plus what they hold when depth_begin is not 0. The panels are even or scaled, or all rows are plain.
  void (*strassen_pair)(const StrassenArgs& args, int64_t column);
  // What `plus` holds for two panels of C from column 0 on goes there as if it were a product.
  void (*strassen_put)(const StrassenArgs& args);
  // Floats to binary16, for panels of half the size; false when a finite one is too large. Null, as gemm_half is, where the
  // CPU cannot read such numbers.
  bool (*narrow)(const float* x, uint16_t* y, int64_t n);
  // Sums are float as in gemm.
  void (*gemm_half)(const GemmArgs& args);
};

const SimdKernels& Simd();

// "portable", "avx2" or "avx512": what Simd() chose; MIRIN_ISA may ask for less than the CPU has.
const char* IsaName();

// What pays on this CPU, whatever its instructions. MIRIN_TUNE=wide or narrow asks for another one's; results differ in their last bits.
struct CoreTraits {
  const char* name;
  // Additions have units of their own, which multiply-adds leave idle, and what leaves the second-level cache comes back fast.
  bool cheap_sums;
  // A product of fewer rows takes as long: it waits for weights from memory.
  int64_t least_rows;
};
const CoreTraits& Core();

namespace portable {
const SimdKernels& Kernels();
}
namespace avx2 {
const SimdKernels& Kernels();
}
namespace avx512 {
const SimdKernels& Kernels();
}

}  // namespace mirin::cpu

#endif  // CORE_BACKENDS_CPU_SIMD_KERNELS_H_
