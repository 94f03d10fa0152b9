// What Java calls of the converter and the C API does not say in Java's terms. SWIG reads these
// declarations (converter.i).
#ifndef MIRIN_JAVA_CONVERTER_H_
#define MIRIN_JAVA_CONVERTER_H_

#include <jni.h>

namespace mirin_java {

// A copy of the model that the last run made in memory; null when there is none.
jbyteArray converterModel(JNIEnv* env, jlong converter);
// What a run in progress does. steps[0] of steps[1] are done.
jstring converterProgress(JNIEnv* env, jlong converter, jlongArray steps);

}  // namespace mirin_java

#endif  // MIRIN_JAVA_CONVERTER_H_
