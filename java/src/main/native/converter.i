/* libmirin_converter_jni.so: the converter's C API as com.mindspore.internal.MirinConverter. */
%module MirinConverter
%include "java/src/main/native/common.i"
%{
#include "java/src/main/native/converter.h"
%}
%pragma(java) jniclasscode=%{
  static {
    NativeLibrary.loadConverter();
  }
%}

%rename("$ignore", notregexmatch$name="^(mirin_converter_(create|destroy|set|run|check|report|output_file|options)|mirin_report_format|MIRIN_REPORT_.*|mirin_java|converter.*)$") "";

%include "c_api/swig/mirin.i"
%include "java/src/main/native/converter.h"
