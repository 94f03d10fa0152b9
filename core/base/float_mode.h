// How a thread takes float numbers below the smallest normal one (1.2e-38; doubles below 2.2e-308).
#ifndef CORE_BASE_FLOAT_MODE_H_
#define CORE_BASE_FLOAT_MODE_H_

#include <cstdint>
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

namespace mirin {

using FloatMode = uint32_t;

#if defined(__SSE__)
inline FloatMode ThisThreadsFloatMode() {
  constexpr uint32_t kFlags = 0x3f;  // which exceptions have happened: no mode
  return _mm_getcsr() & ~kFlags;
}
inline void SetThisThreadsFloatMode(FloatMode mode) { _mm_setcsr(mode); }
constexpr FloatMode kFlushToZero = 0x8000;
#else  // no other CPU's is known here
inline FloatMode ThisThreadsFloatMode() { return 0; }
inline void SetThisThreadsFloatMode(FloatMode) {}
constexpr FloatMode kFlushToZero = 0;
#endif

// This thread in another's mode, as long as it lives.
class InFloatMode {
 public:
  explicit InFloatMode(FloatMode mode) : found_(ThisThreadsFloatMode()), mode_(mode) {
    if (mode_ != found_) SetThisThreadsFloatMode(mode_);
  }
  ~InFloatMode() {
    if (mode_ != found_) SetThisThreadsFloatMode(found_);
  }
  InFloatMode(const InFloatMode&) = delete;
  InFloatMode& operator=(const InFloatMode&) = delete;

 private:
  const FloatMode found_, mode_;
};

// Lets this thread make zeros of subnormal results, now and then; at its end the thread has its own mode again. Many CPUs need more than
// a hundred cycles to make a subnormal number, and as many for each product with it. Subnormal operands are what they are.
class SubnormalFlush {
 public:
  SubnormalFlush() = default;
  explicit SubnormalFlush(bool flush) { Set(flush); }
  ~SubnormalFlush() { Set(false); }
  SubnormalFlush(const SubnormalFlush&) = delete;
  SubnormalFlush& operator=(const SubnormalFlush&) = delete;

  void Set(bool flush) {
    if (flush == flushes_) return;
    flushes_ = flush;
    if (flush) found_ = ThisThreadsFloatMode();
    SetThisThreadsFloatMode(flush ? found_ | kFlushToZero : found_);
  }

 private:
  bool flushes_ = false;
  FloatMode found_ = 0;
};

}  // namespace mirin

#endif  // CORE_BASE_FLOAT_MODE_H_
