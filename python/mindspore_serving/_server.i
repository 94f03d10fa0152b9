/* The server's C API for Python; see python/native/server.h. mindspore_serving.server alone imports this module. */
%module(package="mindspore_serving", threads="1") _server
%nothread;

%{
#include "python/native/server.h"
%}

%typemap(in) mirin_server* {
  $1 = mirin::python::Unwrap<mirin_server>($input);
  if ($1 == nullptr) SWIG_fail;
}

namespace mirin::python {

%rename(set_error_factory) SetErrorFactory;
void SetErrorFactory(PyObject* factory);

}

%include "python/native/server.h"
