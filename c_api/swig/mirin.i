/* The C API as SWIG reads it: one list for every language. A language's own module file names the module and its typemaps, then
   includes this file. What SWIG cannot carry over (callbacks, adopted memory, option structs whose pointers are borrowed for a
   call) is left out here; a language brings those by functions of its own in its module file. */
%{
#include "mirin/converter.h"
#include "mirin/mirin.h"
%}

%include "stdint.i"

%ignore mirin_log_set_sink;
%ignore mirin_log_sink;
%ignore mirin_deleter;
%ignore mirin_model_load_memory_adopt;
%ignore mirin_model_reshape;
%ignore mirin_session_resize;
%ignore mirin_tensor_create_adopted;
%ignore mirin_tensor_create_strings;
%ignore mirin_tensor_string;

%include "mirin/base.h"
%include "mirin/status.h"
%include "mirin/log.h"
%include "mirin/device.h"
%include "mirin/options.h"
%include "mirin/cancellation.h"
%include "mirin/config.h"
%include "mirin/tensor.h"
%include "mirin/model.h"
%include "mirin/session.h"
%include "mirin/pool.h"
%include "mirin/converter.h"
