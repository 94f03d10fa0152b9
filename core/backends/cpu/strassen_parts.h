// What the drivers of one and of two levels of Strassen's algorithm share.
#ifndef CORE_BACKENDS_CPU_STRASSEN_PARTS_H_
#define CORE_BACKENDS_CPU_STRASSEN_PARTS_H_

#include "core/backends/cpu/simd_kernels.h"

namespace mirin::cpu {

// Scratch for the scales of A and what goes with them, for its matrices, and for both; in floats, whole cache lines.
int64_t StrassenScaleFloats(int64_t half_rows);
int64_t StrassenMatricesFloats(int64_t half_rows, int64_t depth);
int64_t StrassenAFloats(int64_t half_rows, int64_t depth);
// Places them at `at`, for args that say half_rows and depth.
void PlaceStrassenA(float* at, StrassenArgs* args);
// Scratch for the sums of a pair of panels.
int64_t StrassenBFloats(int64_t depth, int64_t columns);

// fn() for each block of the depth, which args then say.
template <typename Fn>
void ForStrassenDepths(StrassenArgs* args, Fn fn) {
  const int64_t k = args->product->k, step = 2 * args->depth;
  for (args->depth_begin = 0; args->depth_begin < k; args->depth_begin += step) {
    args->first = args->depth_begin == 0;
    args->last = args->depth_begin + step >= k;
    fn();
  }
}

// Where group i of `panels` panels begins at the depth of args. For i = end what is read after groups [begin, end): the next block of the
// depth, or what lies behind this product's weights, the next one's.
const float* StrassenPanels(const StrassenArgs& args, int64_t panels, int64_t i, int64_t begin,
                            int64_t end);

// Pairs of panels [begin, end) for the block of the depth that args say; with `packs` the first of them scales and packs the rows.
void RunStrassenPairs(StrassenArgs args, int64_t begin, int64_t end, bool packs);

// Two levels, for whole groups of four panels [begin, end): each of the seven products of the first level, of blocks of twice args' depth,
// by seven. Scratch of StrassenTwiceFloats.
void RunStrassenTwice(const StrassenArgs& args, int64_t begin, int64_t end, float* scratch);
int64_t StrassenTwiceFloats(int64_t half_rows, int64_t depth, int64_t columns);

}  // namespace mirin::cpu

#endif  // CORE_BACKENDS_CPU_STRASSEN_PARTS_H_
