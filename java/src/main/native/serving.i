/* libmirin_serving_jni.so: the server's C API as com.mindspore.internal.MirinServing. */
%module MirinServing
%include "java/src/main/native/common.i"
%{
#include "java/src/main/native/serving.h"
#include "mirin/server.h"
%}
%pragma(java) jniclasscode=%{
  static {
    NativeLibrary.loadServing();
  }
%}

MIRIN_HANDLE(mirin_server)

/* Said in Java's terms by serving.h: what takes option structs. */
%rename("$ignore", regexmatch$name="^mirin_(server_(add|listen_grpc|listen_http)|servable_options|listen_options)$") "";

%include "stdint.i"
%apply int64_t { uint64_t version };
%include "mirin/base.h"
%include "mirin/server.h"
%include "java/src/main/native/serving.h"
