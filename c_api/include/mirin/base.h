/* What every other header needs: export macro, versions, dtypes. C99, C11 and C++. */
#ifndef MIRIN_BASE_H_
#define MIRIN_BASE_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef SWIG
#define MIRIN_API
#else
#define MIRIN_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
#define MIRIN_BEGIN_DECLS extern "C" {
#define MIRIN_END_DECLS }
#else
#define MIRIN_BEGIN_DECLS
#define MIRIN_END_DECLS
#endif

/* Version of this interface. A library serves a caller whose major number is equal and whose minor number is not larger.
   Minor versions only add: functions at the end of api.lock, fields at the end of option structs. */
#define MIRIN_API_MAJOR 1
#define MIRIN_API_MINOR 0

MIRIN_BEGIN_DECLS

/* Element types of tensors. The numbers are MindSpore's and never change. */
typedef enum mirin_dtype {
  MIRIN_DTYPE_UNKNOWN = 0,
  MIRIN_DTYPE_STRING = 12,
  MIRIN_DTYPE_BOOL = 30,
  MIRIN_DTYPE_I8 = 32,
  MIRIN_DTYPE_I16 = 33,
  MIRIN_DTYPE_I32 = 34,
  MIRIN_DTYPE_I64 = 35,
  MIRIN_DTYPE_U8 = 37,
  MIRIN_DTYPE_U16 = 38,
  MIRIN_DTYPE_U32 = 39,
  MIRIN_DTYPE_U64 = 40,
  MIRIN_DTYPE_F16 = 42,
  MIRIN_DTYPE_F32 = 43,
  MIRIN_DTYPE_F64 = 44,
  MIRIN_DTYPE_BF16 = 45
} mirin_dtype;

/* Most axes a tensor can have. */
#define MIRIN_MAX_RANK 8

/* The interface version of the loaded library: major * 65536 + minor. Compare it with the macros above before other calls.
   @since 1.0 */
MIRIN_API uint32_t mirin_api_version(void);

/* The library's release, such as "0.1.0". Static text.
   @since 1.0 */
MIRIN_API const char* mirin_version_string(void);

/* Bytes of one element; 0 for MIRIN_DTYPE_STRING, MIRIN_DTYPE_UNKNOWN and numbers that are no dtype.
   @since 1.0 */
MIRIN_API size_t mirin_dtype_size(mirin_dtype dtype);

/* "float32", "bool", "string" ..; "unknown" for numbers that are no dtype. Static text.
   @since 1.0 */
MIRIN_API const char* mirin_dtype_name(mirin_dtype dtype);

MIRIN_END_DECLS

#endif /* MIRIN_BASE_H_ */
