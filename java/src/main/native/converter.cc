#include "java/src/main/native/converter.h"

#include <cstdint>
#include <limits>

#include "java/src/main/native/support.h"
#include "mirin/converter.h"

namespace mirin_java {

jbyteArray converterModel(JNIEnv* env, jlong converter) {
  size_t size = 0;
  const void* data =
      mirin_converter_model(reinterpret_cast<const mirin_converter*>(converter), &size);
  if (data == nullptr) return nullptr;
  if (size > static_cast<size_t>(std::numeric_limits<jsize>::max())) {
    Throw(env, MIRIN_RESOURCE_EXHAUSTED,
          "the model is larger than an array can be: give an output file");
    return nullptr;
  }
  jbyteArray bytes = env->NewByteArray(static_cast<jsize>(size));
  if (bytes != nullptr)
    env->SetByteArrayRegion(bytes, 0, static_cast<jsize>(size), static_cast<const jbyte*>(data));
  return bytes;
}

jstring converterProgress(JNIEnv* env, jlong converter, jlongArray steps) {
  int64_t done = 0;
  int64_t total = 0;
  const char* text =
      mirin_converter_progress(reinterpret_cast<const mirin_converter*>(converter), &done, &total);
  const jlong values[] = {done, total};
  env->SetLongArrayRegion(steps, 0, 2, values);
  return ToString(env, text);
}

}  // namespace mirin_java
