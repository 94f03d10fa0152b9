#include <cstring>
#include <string>
#include <vector>

#include "java/src/main/native/runtime.h"
#include "java/src/main/native/support.h"
#include "java/src/main/native/values.h"
#include "mirin/mirin.h"

namespace mirin_java {
namespace {

// The array's elements without a copy; no JNI call may come before the end.
class Critical {
 public:
  Critical(JNIEnv* env, jarray array, jint release_mode)
      : env_(env),
        array_(array),
        mode_(release_mode),
        data_(env->GetPrimitiveArrayCritical(array, nullptr)) {}
  ~Critical() {
    if (data_ != nullptr) env_->ReleasePrimitiveArrayCritical(array_, data_, mode_);
  }
  void* data() const { return data_; }

 private:
  JNIEnv* const env_;
  const jarray array_;
  const jint mode_;
  void* const data_;
};

// Another thread may have run into the tensor since Java looked at it.
bool HasChanged(JNIEnv* env, const mirin_tensor* tensor, jlong bytes) {
  if (mirin_tensor_size(tensor) == static_cast<size_t>(bytes)) return false;
  Throw(env, MIRIN_FAILED_PRECONDITION, "the tensor's shape changed while it was read or written");
  return true;
}

}  // namespace

jlong createTensor(JNIEnv* env, jint dtype, jlongArray dims) {
  const auto shape = Longs(env, dims);
  mirin_tensor* tensor = nullptr;
  if (Throw(env, mirin_tensor_create(static_cast<mirin_dtype>(dtype), Dims(shape), shape.size(),
                                     &tensor)))
    return 0;
  return Handle(tensor);
}

jlong wrapBuffer(JNIEnv* env, jint dtype, jlongArray dims, jobject direct_buffer, jlong offset,
                 jlong size) {
  const auto shape = Longs(env, dims);
  auto* data = static_cast<char*>(env->GetDirectBufferAddress(direct_buffer));
  mirin_tensor* tensor = nullptr;
  if (Throw(env,
            mirin_tensor_create_borrowed(static_cast<mirin_dtype>(dtype), Dims(shape), shape.size(),
                                         data == nullptr ? nullptr : data + offset,
                                         static_cast<size_t>(size), &tensor))) {
    return 0;
  }
  return Handle(tensor);
}

jlong createStrings(JNIEnv* env, jlongArray dims, jobjectArray texts) {
  const auto shape = Longs(env, dims);
  const auto strings = Texts(env, texts);
  std::vector<const char*> pointers;
  std::vector<size_t> sizes;
  for (const std::string& text : strings) {
    pointers.push_back(text.data());
    sizes.push_back(text.size());
  }
  mirin_tensor* tensor = nullptr;
  if (Throw(env, mirin_tensor_create_strings(Dims(shape), shape.size(), pointers.data(),
                                             sizes.data(), &tensor)))
    return 0;
  return Handle(tensor);
}

jlongArray tensorDims(JNIEnv* env, jlong tensor) {
  const auto* t = As<const mirin_tensor>(tensor);
  return ToLongs(env, mirin_tensor_dims(t), mirin_tensor_rank(t));
}

jobjectArray tensorStrings(JNIEnv* env, jlong tensor) {
  const auto* t = As<const mirin_tensor>(tensor);
  const auto n = static_cast<jsize>(mirin_tensor_elements(t));
  jobjectArray texts = env->NewObjectArray(n, env->FindClass("java/lang/String"), nullptr);
  for (jsize i = 0; texts != nullptr && i < n; ++i) {
    size_t size = 0;
    const char* text = mirin_tensor_string(t, i, &size);
    jstring string = ToString(env, text, size);
    if (string == nullptr) return nullptr;
    env->SetObjectArrayElement(texts, i, string);
    env->DeleteLocalRef(string);
  }
  return texts;
}

jobject tensorBuffer(JNIEnv* env, jlong tensor) {
  auto* t = As<mirin_tensor>(tensor);
  return env->NewDirectByteBuffer(mirin_tensor_mutable_data(t),
                                  static_cast<jlong>(mirin_tensor_size(t)));
}

void copyIn(JNIEnv* env, jlong tensor, jobject array, jlong bytes) {
  auto* t = As<mirin_tensor>(tensor);
  if (HasChanged(env, t, bytes)) return;
  const Critical from(env, static_cast<jarray>(array), JNI_ABORT);
  if (from.data() != nullptr)
    std::memcpy(mirin_tensor_mutable_data(t), from.data(), static_cast<size_t>(bytes));
}

void copyOut(JNIEnv* env, jlong tensor, jobject array, jlong bytes) {
  const auto* t = As<const mirin_tensor>(tensor);
  if (HasChanged(env, t, bytes)) return;
  const Critical to(env, static_cast<jarray>(array), 0);
  if (to.data() != nullptr)
    std::memcpy(to.data(), mirin_tensor_data(t), static_cast<size_t>(bytes));
}

void copyFloatsIn(JNIEnv* env, jlong tensor, jfloatArray array, jlong bytes) {
  auto* t = As<mirin_tensor>(tensor);
  if (HasChanged(env, t, bytes)) return;
  const Critical from(env, array, JNI_ABORT);
  const auto convert =
      mirin_tensor_dtype(t) == MIRIN_DTYPE_BF16 ? mirin_f32_to_bf16 : mirin_f32_to_f16;
  convert(static_cast<const float*>(from.data()),
          static_cast<uint16_t*>(mirin_tensor_mutable_data(t)), static_cast<size_t>(bytes) / 2);
}

void copyFloatsOut(JNIEnv* env, jlong tensor, jfloatArray array, jlong bytes) {
  const auto* t = As<const mirin_tensor>(tensor);
  if (HasChanged(env, t, bytes)) return;
  const Critical to(env, array, 0);
  const auto convert =
      mirin_tensor_dtype(t) == MIRIN_DTYPE_BF16 ? mirin_bf16_to_f32 : mirin_f16_to_f32;
  convert(static_cast<const uint16_t*>(mirin_tensor_data(t)), static_cast<float*>(to.data()),
          static_cast<size_t>(bytes) / 2);
}

}  // namespace mirin_java
