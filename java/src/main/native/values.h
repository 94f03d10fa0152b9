// Java's values as C++'s, for the JNI functions.
#ifndef MIRIN_JAVA_VALUES_H_
#define MIRIN_JAVA_VALUES_H_

#include <jni.h>

#include <cstdint>
#include <string>
#include <vector>

#include "java/src/main/native/support.h"

namespace mirin_java {

template <typename T>
T* As(jlong handle) {
  return reinterpret_cast<T*>(handle);
}

template <typename T>
jlong Handle(T* pointer) {
  return reinterpret_cast<jlong>(pointer);
}

inline std::vector<jlong> Longs(JNIEnv* env, jlongArray array) {
  std::vector<jlong> values(array == nullptr ? 0 : static_cast<size_t>(env->GetArrayLength(array)));
  if (!values.empty())
    env->GetLongArrayRegion(array, 0, static_cast<jsize>(values.size()), values.data());
  return values;
}

inline std::vector<jint> Ints(JNIEnv* env, jintArray array) {
  std::vector<jint> values(array == nullptr ? 0 : static_cast<size_t>(env->GetArrayLength(array)));
  if (!values.empty())
    env->GetIntArrayRegion(array, 0, static_cast<jsize>(values.size()), values.data());
  return values;
}

static_assert(sizeof(jlong) == sizeof(int64_t) && sizeof(jlong) == sizeof(void*),
              "arrays of jlong are read as dims and as handles");

inline const int64_t* Dims(const std::vector<jlong>& values) {
  return reinterpret_cast<const int64_t*>(values.data());
}

inline jlongArray ToLongs(JNIEnv* env, const int64_t* values, size_t n) {
  jlongArray array = env->NewLongArray(static_cast<jsize>(n));
  if (array != nullptr && n > 0)
    env->SetLongArrayRegion(array, 0, static_cast<jsize>(n),
                            reinterpret_cast<const jlong*>(values));
  return array;
}

inline std::vector<std::string> Texts(JNIEnv* env, jobjectArray array) {
  std::vector<std::string> texts;
  const jsize n = array == nullptr ? 0 : env->GetArrayLength(array);
  for (jsize i = 0; i < n; ++i) {
    auto text = static_cast<jbyteArray>(env->GetObjectArrayElement(array, i));
    texts.push_back(ToBytes(env, text));
    env->DeleteLocalRef(text);
  }
  return texts;
}

}  // namespace mirin_java

#endif  // MIRIN_JAVA_VALUES_H_
