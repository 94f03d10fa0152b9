#include "core/base/cpus.h"

#include <sched.h>

#include <algorithm>
#include <cstdio>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/base/file.h"
#include "core/base/status.h"

namespace mirin {
namespace {

constexpr int kMaxCpus = 8192;
constexpr size_t kMaxListBytes = size_t{1} << 16;

// Quota divided by period, rounded up; 0 when there is none.
int CgroupCpus() {
  double quota = -1;
  double period = 0;
  if (std::FILE* f = std::fopen("/sys/fs/cgroup/cpu.max", "re")) {
    if (std::fscanf(f, "%lf %lf", &quota, &period) != 2) quota = -1;  // "max 100000": no quota
    std::fclose(f);
  } else {
    if (std::FILE* q = std::fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "re")) {
      if (std::fscanf(q, "%lf", &quota) != 1) quota = -1;
      std::fclose(q);
    }
    if (std::FILE* p = std::fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "re")) {
      if (std::fscanf(p, "%lf", &period) != 1) period = 0;
      std::fclose(p);
    }
  }
  if (quota <= 0 || period <= 0) return 0;
  return std::max(1, static_cast<int>((quota + period - 1) / period));
}

// The one line of a file of /sys; "" when there is none.
std::string ReadLine(const std::string& path) {
  std::string text(kMaxListBytes, '\0');
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return "";
  text.resize(std::fread(&text[0], 1, text.size(), file));
  std::fclose(file);
  return std::string(absl::StripAsciiWhitespace(text));
}

}  // namespace

const std::vector<int>& ProcessCpus() {
  static const auto* const kCpus = [] {
    auto* cpus = new std::vector<int>;
    // As many as the kernel knows: the mask of cpu_set_t ends at 1024.
    cpu_set_t* set = CPU_ALLOC(kMaxCpus);
    const size_t bytes = CPU_ALLOC_SIZE(kMaxCpus);
    CPU_ZERO_S(bytes, set);
    if (sched_getaffinity(0, bytes, set) == 0) {
      for (int i = 0; i < kMaxCpus; ++i) {
        if (CPU_ISSET_S(i, bytes, set)) cpus->push_back(i);
      }
    }
    CPU_FREE(set);
    if (cpus->empty()) cpus->push_back(0);
    return cpus;
  }();
  return *kCpus;
}

int AvailableCpus() {
  static const int kCpus = [] {
    int cpus = static_cast<int>(ProcessCpus().size());
    const int quota = CgroupCpus();
    if (quota > 0) cpus = std::min(cpus, quota);
    return std::max(1, cpus);
  }();
  return kCpus;
}

absl::StatusOr<std::vector<int>> ParseCpuList(absl::string_view text) {
  std::vector<int> cpus;
  text = absl::StripAsciiWhitespace(text);
  if (text.empty()) return cpus;
  for (absl::string_view part : absl::StrSplit(text, ',')) {
    const std::vector<absl::string_view> ends = absl::StrSplit(part, absl::MaxSplits('-', 1));
    int first = 0, last = 0;
    if (!absl::SimpleAtoi(ends.front(), &first) || !absl::SimpleAtoi(ends.back(), &last) ||
        first < 0 || last < first || last >= kMaxCpus) {
      return absl::InvalidArgumentError(absl::StrCat("'", part, "' is no CPU or range of CPUs"));
    }
    for (int cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
  }
  std::sort(cpus.begin(), cpus.end());
  cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
  return cpus;
}

std::string FormatCpuList(const std::vector<int>& cpus) {
  std::string text;
  for (size_t i = 0; i < cpus.size();) {
    size_t end = i + 1;
    while (end < cpus.size() && cpus[end] == cpus[end - 1] + 1) ++end;
    absl::StrAppend(&text, text.empty() ? "" : ",", cpus[i]);
    if (end - i > 1) absl::StrAppend(&text, "-", cpus[end - 1]);
    i = end;
  }
  return text;
}

std::vector<std::vector<int>> NumaNodes(const std::string& folder) {
  std::vector<std::vector<int>> nodes;
  const auto online = ParseCpuList(ReadLine(folder + "/online"));
  if (!online.ok()) return nodes;
  for (int node : *online) {
    const auto cpus = ParseCpuList(ReadLine(absl::StrCat(folder, "/node", node, "/cpulist")));
    if (!cpus.ok()) return {};
    std::vector<int> ours;
    std::set_intersection(cpus->begin(), cpus->end(), ProcessCpus().begin(), ProcessCpus().end(),
                          std::back_inserter(ours));
    if (!ours.empty()) nodes.push_back(std::move(ours));
  }
  return nodes;
}

}  // namespace mirin
