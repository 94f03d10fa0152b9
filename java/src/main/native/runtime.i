/* libmirin_jni.so: the C API as com.mindspore.internal.Mirin, with the functions of runtime.h. */
%module Mirin
%include "java/src/main/native/common.i"
%{
#include "java/src/main/native/runtime.h"
%}
%pragma(java) jniclasscode=%{
  static {
    NativeLibrary.load();
  }
%}

/* The converter has a library of its own. */
%rename("$ignore", regexmatch$name="^mirin_converter") "";
/* Said in Java's terms by runtime.h. */
%rename("$ignore", regexmatch$name="_options$") "";
%rename("$ignore", regexmatch$name="^mirin_(session|pool|model_load|model_run)") "";
%rename("$ignore", regexmatch$name="^mirin_(model_(in|out)put_(dims|rank))|(tensor_(create|copy|dims|rank|data|mutable_data))|(b?f(16|32)_to)") "";
%rename("$ignore", regexmatch$name="^mirin_status_") "";

%include "c_api/swig/mirin.i"
%include "java/src/main/native/runtime.h"
