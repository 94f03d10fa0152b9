// The backends of this build.
#ifndef CORE_BACKENDS_ALL_H_
#define CORE_BACKENDS_ALL_H_

#include <vector>

namespace mirin {

struct DeviceInfo {
  const char* name;
  const char* description;
};

// What this build can run on, best first. Static.
const std::vector<DeviceInfo>& Devices();

// Makes this build's backends known to core/backend/registry.h. Call it before the first session; calling it again is fine.
void InstallAllBackends();

}  // namespace mirin

#endif  // CORE_BACKENDS_ALL_H_
