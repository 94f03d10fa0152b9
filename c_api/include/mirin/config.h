/* Settings by name: the sections and keys of MindSpore Lite's run-time configuration files ([model_file], [weight],
   [shared_thread_pool] ..; docs/c.md lists them). A setting that has no effect on the devices of this build is accepted and said in
   the log (MIRIN_LOG=info); one that is unknown is an error. A const config is for any number of threads. */
#ifndef MIRIN_CONFIG_H_
#define MIRIN_CONFIG_H_

#include "mirin/base.h"
#include "mirin/options.h"
#include "mirin/status.h"

MIRIN_BEGIN_DECLS

/* Without settings.
   Errors: INVALID_ARGUMENT, RESOURCE_EXHAUSTED.
   @since 1.0 */
MIRIN_API mirin_status* mirin_config_create(mirin_config** out_config);

/* Frees the config; objects made with it live on. NULL is fine.
   @since 1.0 */
MIRIN_API void mirin_config_destroy(mirin_config* config);

/* Takes every setting of a file: lines "key=value" below a "[section]", '#' in front of a comment. path: UTF-8. On failure some
   of its settings may have been taken.
   Errors: NOT_FOUND, PERMISSION_DENIED, INVALID_ARGUMENT (with the line), UNIMPLEMENTED.
   @since 1.0 */
MIRIN_API mirin_status* mirin_config_load_file(mirin_config* config, const char* path);

/* One setting; a later one replaces an earlier one. section without brackets; all UTF-8, copied.
   Errors: INVALID_ARGUMENT, UNIMPLEMENTED.
   @since 1.0 */
MIRIN_API mirin_status* mirin_config_set(mirin_config* config, const char* section, const char* key,
                                         const char* value);

MIRIN_END_DECLS

#endif /* MIRIN_CONFIG_H_ */
