/* Source compatibility with MindSpore Lite's C API: contexts and devices. One thread at a time uses
 * a handle. */
#ifndef MINDSPORE_INCLUDE_C_API_CONTEXT_C_H
#define MINDSPORE_INCLUDE_C_API_CONTEXT_C_H

#include <stdlib.h>
#include <string.h>

#include "include/c_api/status_c.h"
#include "include/c_api/types_c.h"

/* -- ours: what the handles point to
 * ---------------------------------------------------------------------------------- */

typedef struct mirin_ms_device {
  MSDeviceType type;
  bool enable_fp16;
  int frequency;
  char* provider;
  char* provider_device;
} mirin_ms_device;

typedef struct mirin_ms_context {
  int32_t thread_num;
  int affinity_mode;
  int32_t* cores;
  size_t core_num;
  bool enable_parallel;
  mirin_ms_device** devices;
  size_t device_num;
} mirin_ms_context;

MS_API char* mirin_ms_copy_text(const char* text) {
  const size_t size = strlen(text == NULL ? "" : text) + 1;
  char* copy = (char*)malloc(size);
  if (copy != NULL) memcpy(copy, text == NULL ? "" : text, size);
  return copy;
}

/* -- devices
 * ----------------------------------------------------------------------------------------------------------
 */

/* NULL for an unknown type. */
MS_API MSDeviceInfoHandle MSDeviceInfoCreate(MSDeviceType device_type) {
  mirin_ms_device* device;
  if (device_type != kMSDeviceTypeCPU && device_type != kMSDeviceTypeGPU &&
      device_type != kMSDeviceTypeKirinNPU)
    return NULL;
  device = (mirin_ms_device*)calloc(1, sizeof *device);
  if (device == NULL) return NULL;
  device->type = device_type;
  device->frequency = 3;
  return device;
}

/* Only for a device that was not added to a context. */
MS_API void MSDeviceInfoDestroy(MSDeviceInfoHandle* handle) {
  mirin_ms_device* device = handle == NULL ? NULL : (mirin_ms_device*)*handle;
  if (device == NULL) return;
  free(device->provider);
  free(device->provider_device);
  free(device);
  *handle = NULL;
}

MS_API void MSDeviceInfoSetProvider(MSDeviceInfoHandle handle, const char* provider) {
  mirin_ms_device* device = (mirin_ms_device*)handle;
  if (device == NULL || provider == NULL) return;
  free(device->provider);
  device->provider = mirin_ms_copy_text(provider);
}

/* A copy that the caller frees. */
MS_API const char* MSDeviceInfoGetProvider(const MSDeviceInfoHandle handle) {
  return handle == NULL ? NULL : mirin_ms_copy_text(((const mirin_ms_device*)handle)->provider);
}

MS_API void MSDeviceInfoSetProviderDevice(MSDeviceInfoHandle handle, const char* name) {
  mirin_ms_device* device = (mirin_ms_device*)handle;
  if (device == NULL || name == NULL) return;
  free(device->provider_device);
  device->provider_device = mirin_ms_copy_text(name);
}

/* A copy that the caller frees. */
MS_API const char* MSDeviceInfoGetProviderDevice(const MSDeviceInfoHandle handle) {
  return handle == NULL ? NULL
                        : mirin_ms_copy_text(((const mirin_ms_device*)handle)->provider_device);
}

MS_API MSDeviceType MSDeviceInfoGetDeviceType(const MSDeviceInfoHandle handle) {
  return handle == NULL ? kMSDeviceTypeInvalid : ((const mirin_ms_device*)handle)->type;
}

MS_API void MSDeviceInfoSetEnableFP16(MSDeviceInfoHandle handle, bool is_fp16) {
  mirin_ms_device* device = (mirin_ms_device*)handle;
  if (device == NULL) return;
  if (device->type == kMSDeviceTypeCPU || device->type == kMSDeviceTypeGPU) {
    device->enable_fp16 = is_fp16;
  } else {
    fprintf(stderr, "MSDeviceInfoSetEnableFP16: Unsupported Feature.\n");
  }
}

MS_API bool MSDeviceInfoGetEnableFP16(const MSDeviceInfoHandle handle) {
  return handle != NULL && ((const mirin_ms_device*)handle)->enable_fp16;
}

MS_API void MSDeviceInfoSetFrequency(MSDeviceInfoHandle handle, int frequency) {
  mirin_ms_device* device = (mirin_ms_device*)handle;
  if (device != NULL && device->type == kMSDeviceTypeKirinNPU) device->frequency = frequency;
}

MS_API int MSDeviceInfoGetFrequency(const MSDeviceInfoHandle handle) {
  const mirin_ms_device* device = (const mirin_ms_device*)handle;
  return device != NULL && device->type == kMSDeviceTypeKirinNPU ? device->frequency : -1;
}

/* -- contexts
 * ---------------------------------------------------------------------------------------------------------
 */

MS_API MSContextHandle MSContextCreate(void) { return calloc(1, sizeof(mirin_ms_context)); }

MS_API void MSContextDestroy(MSContextHandle* handle) {
  mirin_ms_context* context = handle == NULL ? NULL : (mirin_ms_context*)*handle;
  size_t i;
  if (context == NULL) return;
  for (i = 0; i < context->device_num; ++i) {
    MSDeviceInfoHandle device = context->devices[i];
    MSDeviceInfoDestroy(&device);
  }
  free(context->devices);
  free(context->cores);
  free(context);
  *handle = NULL;
}

/* 0, the default: every CPU of the process. */
MS_API void MSContextSetThreadNum(MSContextHandle handle, int32_t thread_num) {
  if (handle != NULL) ((mirin_ms_context*)handle)->thread_num = thread_num;
}
MS_API int32_t MSContextGetThreadNum(const MSContextHandle handle) {
  return handle == NULL ? 0 : ((const mirin_ms_context*)handle)->thread_num;
}

/* 0: no affinity, 1: big cores, 2: middle cores. The cores of a server are alike: all three run
 * where the process may. */
MS_API void MSContextSetThreadAffinityMode(MSContextHandle handle, int mode) {
  if (handle != NULL) ((mirin_ms_context*)handle)->affinity_mode = mode;
}
MS_API int MSContextGetThreadAffinityMode(const MSContextHandle handle) {
  return handle == NULL ? -1 : ((const mirin_ms_context*)handle)->affinity_mode;
}

/* Ids of the CPUs that runs keep to; with thread number 0 as many threads. */
MS_API void MSContextSetThreadAffinityCoreList(MSContextHandle handle, const int32_t* core_list,
                                               size_t core_num) {
  mirin_ms_context* context = (mirin_ms_context*)handle;
  int32_t* copy;
  if (context == NULL || core_list == NULL) return;
  copy = (int32_t*)malloc(core_num * sizeof *copy + 1);
  if (copy == NULL) return;
  memcpy(copy, core_list, core_num * sizeof *copy);
  free(context->cores);
  context->cores = copy;
  context->core_num = core_num;
}
/* A copy that the caller frees. */
MS_API const int32_t* MSContextGetThreadAffinityCoreList(const MSContextHandle handle,
                                                         size_t* core_num) {
  const mirin_ms_context* context = (const mirin_ms_context*)handle;
  int32_t* copy;
  if (context == NULL || core_num == NULL) return NULL;
  copy = (int32_t*)malloc(context->core_num * sizeof *copy + 1);
  if (copy == NULL) return NULL;
  if (context->core_num > 0) memcpy(copy, context->cores, context->core_num * sizeof *copy);
  *core_num = context->core_num;
  return copy;
}

MS_API void MSContextSetEnableParallel(MSContextHandle handle, bool is_parallel) {
  if (handle != NULL) ((mirin_ms_context*)handle)->enable_parallel = is_parallel;
}
MS_API bool MSContextGetEnableParallel(const MSContextHandle handle) {
  return handle != NULL && ((const mirin_ms_context*)handle)->enable_parallel;
}

/* The context takes the device over. */
MS_API void MSContextAddDeviceInfo(MSContextHandle handle, MSDeviceInfoHandle device_info) {
  mirin_ms_context* context = (mirin_ms_context*)handle;
  mirin_ms_device** grown;
  if (context == NULL || device_info == NULL) return;
  grown = (mirin_ms_device**)realloc(context->devices, (context->device_num + 1) * sizeof *grown);
  if (grown == NULL) return;
  context->devices = grown;
  context->devices[context->device_num++] = (mirin_ms_device*)device_info;
}

#endif /* MINDSPORE_INCLUDE_C_API_CONTEXT_C_H */
