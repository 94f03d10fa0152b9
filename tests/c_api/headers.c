/* The public headers in one language, warnings as errors: //tests/c_api:BUILD compiles it as C99, C11 and C++17. */
#include "mirin/converter.h"
#include "mirin/mirin.h"
#include "mirin/mirin.h" /* and twice */

int main(void) {
  mirin_model_options model_options = MIRIN_MODEL_OPTIONS_INIT;
  mirin_session_options session_options = MIRIN_SESSION_OPTIONS_INIT;
  if (model_options.struct_size != sizeof(model_options) || model_options.optimization_level != 1)
    return 1;
  if (session_options.struct_size != sizeof(session_options) || session_options.profile) return 2;
  if (mirin_api_version() != (uint32_t)MIRIN_API_MAJOR * 65536u + MIRIN_API_MINOR) return 3;
  if (MIRIN_REPORT_TEXT == MIRIN_REPORT_JSON || sizeof(mirin_converter*) != sizeof(void*)) return 4;
  return 0;
}
