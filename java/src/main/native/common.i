/* Typemaps of both modules: handles are longs, statuses are exceptions, texts are UTF-8. */
%{
#include <exception>
#include <new>

#include "java/src/main/native/support.h"
%}

%exception %{
  try {
    $action
  } catch (const std::bad_alloc&) {
    mirin_java::Throw(jenv, MIRIN_RESOURCE_EXHAUSTED, "out of memory");
    return $null;
  } catch (const std::exception& e) {
    mirin_java::Throw(jenv, MIRIN_INTERNAL, e.what());
    return $null;
  }
%}

%include "enumsimple.swg"
%javaconst(1);
%pragma(java) jniclassclassmodifiers="final class"

/* The wrapper returns at once: nothing of a failed call is read. */
%typemap(jni) mirin_status* "void"
%typemap(jtype) mirin_status* "void"
%typemap(jstype) mirin_status* "void"
%typemap(out, null="") mirin_status* "if (mirin_java::Throw(jenv, $1)) return;"
%typemap(javaout) mirin_status* { $jnicall; }

/* Texts come out through UTF-8, not JNI's own variant of it, and go in as bytes: the parameters by their names. */
%typemap(out) const char* "$result = mirin_java::ToString(jenv, $1);"
%define MIRIN_TEXT_PARAMETER(NAME)
%typemap(jni) const char* NAME "jbyteArray"
%typemap(jtype) const char* NAME "byte[]"
%typemap(in) const char* NAME (std::string text) %{
  if ($input != nullptr) {
    text = mirin_java::ToBytes(jenv, $input);
    $1 = const_cast<char*>(text.c_str());
  }
%}
%typemap(freearg) const char* NAME ""
%typemap(javain) const char* NAME "Text.utf8($javainput)"
%enddef
MIRIN_TEXT_PARAMETER(key)
MIRIN_TEXT_PARAMETER(name)
MIRIN_TEXT_PARAMETER(path)
MIRIN_TEXT_PARAMETER(section)
MIRIN_TEXT_PARAMETER(value)

%define MIRIN_HANDLE(TYPE)
%typemap(jni) TYPE*, const TYPE* "jlong"
%typemap(jtype) TYPE*, const TYPE* "long"
%typemap(jstype) TYPE*, const TYPE* "long"
%typemap(in) TYPE*, const TYPE* "$1 = reinterpret_cast<$1_ltype>($input);"
%typemap(javain) TYPE*, const TYPE* "$javainput"
%typemap(jni) TYPE** "jlongArray"
%typemap(jtype) TYPE** "long[]"
%typemap(jstype) TYPE** "long[]"
%typemap(in) TYPE** (TYPE* handle = nullptr) "$1 = &handle;"
%typemap(argout) TYPE** {
  const jlong value = reinterpret_cast<jlong>(handle$argnum);
  jenv->SetLongArrayRegion($input, 0, 1, &value);
}
%typemap(javain) TYPE** "$javainput"
%enddef

MIRIN_HANDLE(mirin_model)
MIRIN_HANDLE(mirin_tensor)
MIRIN_HANDLE(mirin_cancellation)
MIRIN_HANDLE(mirin_config)
MIRIN_HANDLE(mirin_converter)

/* Functions of runtime.h and converter.h take Java's own types. */
%typemap(in, numinputs=0) JNIEnv* "$1 = jenv;"
%define MIRIN_JAVA_TYPE(JNI, JAVA)
%typemap(jni) JNI #JNI
%typemap(jtype) JNI #JAVA
%typemap(jstype) JNI #JAVA
%typemap(in) JNI "$1 = $input;"
%typemap(out) JNI "$result = $1;"
%typemap(javain) JNI "$javainput"
%typemap(javaout) JNI { return $jnicall; }
%enddef
MIRIN_JAVA_TYPE(jlong, long)
MIRIN_JAVA_TYPE(jint, int)
MIRIN_JAVA_TYPE(jboolean, boolean)
MIRIN_JAVA_TYPE(jobject, Object)
MIRIN_JAVA_TYPE(jbyteArray, byte[])
MIRIN_JAVA_TYPE(jintArray, int[])
MIRIN_JAVA_TYPE(jlongArray, long[])
MIRIN_JAVA_TYPE(jfloatArray, float[])
MIRIN_JAVA_TYPE(jstring, String)
MIRIN_JAVA_TYPE(jobjectArray, Object[])
