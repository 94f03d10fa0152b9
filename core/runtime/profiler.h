// Collects what the steps of a session cost.
#ifndef CORE_RUNTIME_PROFILER_H_
#define CORE_RUNTIME_PROFILER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "core/plan/plan.h"
#include "core/runtime/session.h"

namespace mirin::runtime {

// One thread at a time, like the session that owns it.
class Profiler {
 public:
  // Events kept for the trace; totals go on beyond it.
  static constexpr size_t kMaxEvents = 1 << 20;

  void Record(const plan::Plan& plan, const plan::Step& step, int64_t begin_ns, int64_t end_ns);
  void Reset();

  // Most expensive first.
  std::vector<ProfileEntry> Entries() const;
  std::string Table() const;
  // Chrome trace event format.
  std::string Trace() const;

 private:
  struct Event {
    int entry;
    int64_t begin_ns;
    int64_t duration_ns;
  };
  std::vector<ProfileEntry> entries_;
  absl::flat_hash_map<std::string, int> index_;
  std::vector<Event> events_;
};

// Nanoseconds on a steady clock.
int64_t NowNs();

}  // namespace mirin::runtime

#endif  // CORE_RUNTIME_PROFILER_H_
