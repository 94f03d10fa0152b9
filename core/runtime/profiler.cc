#include "core/runtime/profiler.h"

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "core/base/json.h"

namespace mirin::runtime {
namespace {

std::string Types(const plan::Plan& plan, const std::vector<int>& slots) {
  return absl::StrJoin(slots, ", ", [&](std::string* out, int slot) {
    const ir::TensorType& type = plan.slots[slot].type;
    absl::StrAppend(out, type.dtype == DType::kUnknown ? "-" : ir::ToString(type));
  });
}

}  // namespace

int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void Profiler::Record(const plan::Plan& plan, const plan::Step& step, int64_t begin_ns,
                      int64_t end_ns) {
  const std::string types =
      absl::StrCat(Types(plan, step.inputs), " -> ", Types(plan, step.outputs));
  const std::string key =
      absl::StrCat(step.label, "\n", step.kernel->implementation(), "\n", types);
  auto [it, is_new] = index_.try_emplace(key, static_cast<int>(entries_.size()));
  if (is_new) {
    ProfileEntry entry;
    entry.node = step.node == nullptr ? step.label : step.node->name();
    entry.op = step.node == nullptr ? step.label : step.node->op();
    entry.implementation = std::string(step.kernel->implementation());
    entry.types = types;
    entries_.push_back(std::move(entry));
  }
  ProfileEntry& entry = entries_[it->second];
  entry.calls += 1;
  entry.total_ns += end_ns - begin_ns;
  if (events_.size() < kMaxEvents) events_.push_back({it->second, begin_ns, end_ns - begin_ns});
}

void Profiler::Reset() {
  entries_.clear();
  index_.clear();
  events_.clear();
}

std::vector<ProfileEntry> Profiler::Entries() const {
  std::vector<ProfileEntry> sorted = entries_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const ProfileEntry& a, const ProfileEntry& b) {
    return a.total_ns > b.total_ns;
  });
  return sorted;
}

std::string Profiler::Table() const {
  int64_t total = 0;
  for (const ProfileEntry& e : entries_) total += e.total_ns;
  std::string out = absl::StrFormat("%10s %6s %8s %10s  %-18s %-28s %s\n", "total ms", "%", "calls",
                                    "us/call", "op", "implementation", "node");
  for (const ProfileEntry& e : Entries()) {
    absl::StrAppendFormat(&out, "%10.3f %6.1f %8d %10.2f  %-18s %-28s %s  %s\n", e.total_ns * 1e-6,
                          total == 0 ? 0.0 : 100.0 * e.total_ns / total, e.calls,
                          e.total_ns * 1e-3 / std::max<int64_t>(1, e.calls), e.op, e.implementation,
                          e.node, e.types);
  }
  return out;
}

std::string Profiler::Trace() const {
  std::string out = "{\"traceEvents\":[";
  for (size_t i = 0; i < events_.size(); ++i) {
    const Event& event = events_[i];
    const ProfileEntry& e = entries_[event.entry];
    absl::StrAppendFormat(
        &out,
        "%s\n{\"ph\":\"X\",\"pid\":1,\"tid\":1,\"ts\":%.3f,\"dur\":%.3f,\"name\":%s,\"cat\":%s,",
        i == 0 ? "" : ",", event.begin_ns * 1e-3, event.duration_ns * 1e-3, JsonString(e.node),
        JsonString(e.op));
    absl::StrAppend(&out, "\"args\":{\"implementation\":", JsonString(e.implementation),
                    ",\"types\":", JsonString(e.types), "}}");
  }
  return out + "\n],\"displayTimeUnit\":\"ns\"}\n";
}

}  // namespace mirin::runtime
