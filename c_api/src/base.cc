#include "c_api/src/boundary.h"

uint32_t mirin_api_version(void) { return MIRIN_API_MAJOR * 65536u + MIRIN_API_MINOR; }

const char* mirin_version_string(void) { return "0.1.0"; }

size_t mirin_dtype_size(mirin_dtype dtype) {
  const mirin::DType d = static_cast<mirin::DType>(dtype);
  return d == mirin::DType::kString ? 0 : mirin::SizeOf(d);
}

const char* mirin_dtype_name(mirin_dtype dtype) {
  return mirin::Name(static_cast<mirin::DType>(dtype)).data();
}
