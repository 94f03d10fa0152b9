// How far a conversion has come, for another thread to show.
#ifndef CORE_CONVERTER_PROGRESS_H_
#define CORE_CONVERTER_PROGRESS_H_

#include <atomic>
#include <cstdint>

namespace mirin::converter {

// Written by the conversion, read by anyone at any time.
class Progress {
 public:
  // A literal, such as "importing"; total is the number of steps, 0 where it is not known.
  void Begin(const char* stage, int64_t total = 0) {
    total_.store(total, std::memory_order_relaxed);
    done_.store(0, std::memory_order_relaxed);
    stage_.store(stage, std::memory_order_release);
  }
  void Step() { done_.fetch_add(1, std::memory_order_relaxed); }
  void End() { Begin(""); }

  const char* stage() const { return stage_.load(std::memory_order_acquire); }
  int64_t done() const { return done_.load(std::memory_order_relaxed); }
  int64_t total() const { return total_.load(std::memory_order_relaxed); }

 private:
  std::atomic<const char*> stage_{""};
  std::atomic<int64_t> done_{0};
  std::atomic<int64_t> total_{0};
};

}  // namespace mirin::converter

#endif  // CORE_CONVERTER_PROGRESS_H_
