/* Options for loading models and making sessions. Start from the _INIT macro, then set fields:
     mirin_model_options options = MIRIN_MODEL_OPTIONS_INIT;
   All pointers are borrowed for the call. Fields are only ever added at the end; struct_size tells which ones you know. */
#ifndef MIRIN_OPTIONS_H_
#define MIRIN_OPTIONS_H_

#include "mirin/base.h"

MIRIN_BEGIN_DECLS

typedef struct mirin_config mirin_config; /* mirin/config.h */

typedef enum mirin_cipher {
  MIRIN_CIPHER_AUTO = 0, /* whatever the encrypted file says */
  MIRIN_CIPHER_AES_GCM = 1,
  MIRIN_CIPHER_AES_CBC = 2,
  MIRIN_CIPHER_SM4_CBC = 3
} mirin_cipher;

typedef struct mirin_model_options {
  size_t struct_size;
  const void* key; /* decryption key, NULL for plain models */
  size_t key_size; /* 16, 24 or 32 bytes for AES, 16 for SM4 */
  mirin_cipher cipher;
  int32_t optimization_level;         /* 0: the graph as in the file; 1: all passes */
  const char* const* disabled_passes; /* names of passes not to run */
  size_t num_disabled_passes;
  const char* dump_directory; /* the graph as text after each pass goes here; NULL: nowhere */
  const mirin_config* config; /* settings by name; NULL: none */
} mirin_model_options;

#define MIRIN_MODEL_OPTIONS_INIT \
  {sizeof(mirin_model_options), NULL, 0, MIRIN_CIPHER_AUTO, 1, NULL, 0, NULL, NULL}

typedef enum mirin_precision {
  MIRIN_PRECISION_FP32 = 0,       /* compute in the model's dtypes */
  MIRIN_PRECISION_PREFER_FP16 = 1 /* 16-bit floats where the device gains by it */
} mirin_precision;

typedef struct mirin_session_options {
  size_t struct_size;
  int32_t
      threads; /* threads one run may use; 0: all CPUs of the process (affinity and cgroup quota) */
  mirin_precision precision;
  const char* const* devices; /* names in order of preference; NULL: {"cpu"} */
  size_t num_devices;
  bool profile; /* collect times per operator */
  const int32_t*
      cpus; /* ids of the CPUs that runs keep to (with threads 0: as many threads); NULL: any of the process */
  size_t num_cpus;
  bool
      deterministic; /* the same bits for every number of threads and whatever else is in the batch, on one instruction
                         set; at most eight threads work. [execution] deterministic of a model's mirin_config sets it for all
                         of its sessions */
} mirin_session_options;

#define MIRIN_SESSION_OPTIONS_INIT \
  {sizeof(mirin_session_options), 0, MIRIN_PRECISION_FP32, NULL, 0, false, NULL, 0, false}

MIRIN_END_DECLS

#endif /* MIRIN_OPTIONS_H_ */
