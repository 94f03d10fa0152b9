// The backends of this build.
#ifndef CORE_BACKENDS_ALL_H_
#define CORE_BACKENDS_ALL_H_

namespace mirin {

// Makes this build's backends known to core/backend/registry.h. Call it before the first session; calling it again is fine.
void InstallAllBackends();

}  // namespace mirin

#endif  // CORE_BACKENDS_ALL_H_
