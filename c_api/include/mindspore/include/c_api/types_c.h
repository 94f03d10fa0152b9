/* Source compatibility with MindSpore Lite's C API, header only over mirin/mirin.h: enums and
   handles. Where a call is declared that this runtime has no use for (training, micro controllers),
   it answers "not supported". */
#ifndef MINDSPORE_INCLUDE_C_API_TYPES_C_H
#define MINDSPORE_INCLUDE_C_API_TYPES_C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Every function here is defined in its header: MS_API only marks it. */
#if defined(__GNUC__)
#define MS_API static inline __attribute__((unused))
#else
#define MS_API static inline
#endif

typedef enum MSModelType { kMSModelTypeMindIR = 0, kMSModelTypeInvalid = 0xFFFFFFFF } MSModelType;

typedef enum MSDeviceType {
  kMSDeviceTypeCPU = 0,
  kMSDeviceTypeGPU = 1,
  kMSDeviceTypeKirinNPU = 2,
  kMSDeviceTypeInvalid = 100
} MSDeviceType;

typedef enum MSOptimizationLevel {
  kMSKO0 = 0,
  kMSKO2 = 2,
  kMSKO3 = 3,
  kMSKAUTO = 4,
  kMSKOPTIMIZATIONTYPE = 0xFFFFFFFF
} MSOptimizationLevel;

typedef enum MSQuantizationType {
  kMSNO_QUANT = 0,
  kMSWEIGHT_QUANT = 1,
  kMSFULL_QUANT = 2,
  kMSUNKNOWN_QUANT_TYPE = 0xFFFFFFFF
} MSQuantizationType;

typedef void* MSModelHandle;
typedef void* MSContextHandle;
typedef void* MSDeviceInfoHandle;
typedef void* MSTensorHandle;
typedef void* MSTrainCfgHandle;

typedef struct MSTensorHandleArray {
  size_t handle_num;
  MSTensorHandle* handle_list;
} MSTensorHandleArray;

#define MS_MAX_SHAPE_NUM 32
typedef struct MSShapeInfo {
  size_t shape_num;
  int64_t shape[MS_MAX_SHAPE_NUM];
} MSShapeInfo;

typedef struct MSCallBackParamC {
  char* node_name;
  char* node_type;
} MSCallBackParamC;

typedef bool (*MSKernelCallBackC)(const MSTensorHandleArray inputs,
                                  const MSTensorHandleArray outputs,
                                  const MSCallBackParamC kernel_info);

#endif /* MINDSPORE_INCLUDE_C_API_TYPES_C_H */
