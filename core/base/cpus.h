// The CPUs of this process and the machine's NUMA nodes.
#ifndef CORE_BASE_CPUS_H_
#define CORE_BASE_CPUS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mirin {

// CPUs this process may use: affinity mask cut by the cgroup v2/v1 CPU quota, at least 1. Read once.
int AvailableCpus();

// Ids of the CPUs in the affinity mask, ascending. Read once.
const std::vector<int>& ProcessCpus();

// Ids of a list as Linux writes it: "0-3,8". InvalidArgument for anything else, and beyond 8192 CPUs.
absl::StatusOr<std::vector<int>> ParseCpuList(absl::string_view text);

// The other way round; `cpus` ascend.
std::string FormatCpuList(const std::vector<int>& cpus);

// The CPUs of each NUMA node that this process may use, without nodes that have none; empty when the system does not say.
std::vector<std::vector<int>> NumaNodes(const std::string& folder = "/sys/devices/system/node");

}  // namespace mirin

#endif  // CORE_BASE_CPUS_H_
