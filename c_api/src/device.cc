#include "c_api/src/boundary.h"
#include "core/backends/all.h"

size_t mirin_device_count(void) { return mirin::Devices().size(); }

const char* mirin_device_name(size_t i) {
  return i < mirin::Devices().size() ? mirin::Devices()[i].name : nullptr;
}

const char* mirin_device_description(size_t i) {
  return i < mirin::Devices().size() ? mirin::Devices()[i].description : nullptr;
}
