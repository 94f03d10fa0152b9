/* The C API for Python. Handles are capsules, a status is an exception; what takes structs, arrays or memory is in python/native.
   mindspore_lite alone imports this module. */
%module(package="mindspore_lite", threads="1") _capi
%nothread;

%{
#include "python/native/handle.h"
#include "python/native/run.h"
#include "python/native/tensor.h"
using mirin::python::SessionOptions;
%}

%define MIRIN_HANDLE(type)
%typemap(in) type*, const type* {
  $1 = mirin::python::Unwrap<type>($input);
  if ($1 == nullptr) SWIG_fail;
}
%typemap(in, numinputs=0) type** (type* handle = nullptr) { $1 = &handle; }
%typemap(argout) type** {
  Py_DECREF($result);
  $result = mirin::python::Wrap(*$1);
}
%enddef

MIRIN_HANDLE(mirin_model)
MIRIN_HANDLE(mirin_session)
MIRIN_HANDLE(mirin_pool)
MIRIN_HANDLE(mirin_cancellation)
MIRIN_HANDLE(mirin_config)
MIRIN_HANDLE(mirin_converter)
MIRIN_HANDLE(SessionOptions)

%typemap(in) const mirin_tensor* {
  $1 = mirin::python::TensorOf($input);
  if ($1 == nullptr) SWIG_fail;
}

%typemap(out) mirin_status* {
  if ($1 != nullptr) {
    mirin::python::Raise($1);
    SWIG_fail;
  }
  $result = SWIG_Py_Void();
}

/* Done by python/native, or by the capsules. */
%ignore mirin_model_options;
%ignore mirin_session_options;
%ignore mirin_pool_options;
%ignore mirin_run_options;
%rename("$ignore", regextarget=1) "^mirin_tensor_.*";
%rename("$ignore", regextarget=1) "^mirin_(model|session|pool|cancellation|config|converter|status)_destroy$";
%rename("$ignore", regextarget=1) "^mirin_model_(load|reshape|input|output|run).*";
%rename("$ignore", regextarget=1) "^mirin_session_(create|resize|run|get_state).*";
%rename("$ignore", regextarget=1) "^mirin_pool_(create|run).*";
%rename("$ignore", regextarget=1) "^mirin_status_.*";
%rename("$ignore", regextarget=1) "^mirin_(f32|f16|bf16)_to_.*";
%ignore mirin_converter_model;
%ignore mirin_converter_progress;

%thread mirin_config_load_file;
%thread mirin_converter_run;
%thread mirin_converter_check;

%include "mirin.i"

%init %{
  PyObject* tensor_type = mirin::python::CreateTensorType();
  if (tensor_type == nullptr || PyModule_AddObject(m, "NativeTensor", tensor_type) != 0) return -1;
%}

namespace mirin::python {

%rename(set_error_factory) SetErrorFactory;
void SetErrorFactory(PyObject* factory);
%rename(calls_in_progress) CallsInProgress;
int CallsInProgress();

}

%ignore mirin::python::CreateTensorType;
%ignore mirin::python::WrapTensor;
%ignore mirin::python::TensorOf;
%include "python/native/tensor.h"
%include "python/native/run.h"
