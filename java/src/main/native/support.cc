#include "java/src/main/native/support.h"

#include <cstdio>
#include <cstring>

#include "mirin/base.h"

namespace mirin_java {
namespace {

jclass g_exception = nullptr;
jmethodID g_exception_init = nullptr;
jclass g_string = nullptr;
jmethodID g_string_init = nullptr;
jobject g_utf8 = nullptr;

// The references live as long as the library.
template <typename T>
T Keep(JNIEnv* env, T local) {
  T global = static_cast<T>(env->NewGlobalRef(local));
  env->DeleteLocalRef(local);
  return global;
}

bool Find(JNIEnv* env) {
  jclass exception = env->FindClass("com/mindspore/MirinException");
  if (exception == nullptr) return false;
  g_exception = Keep(env, exception);
  g_exception_init = env->GetMethodID(g_exception, "<init>", "(ILjava/lang/String;)V");
  jclass string = env->FindClass("java/lang/String");
  if (g_exception_init == nullptr || string == nullptr) return false;
  g_string = Keep(env, string);
  g_string_init = env->GetMethodID(g_string, "<init>", "([BLjava/nio/charset/Charset;)V");
  jclass charsets = env->FindClass("java/nio/charset/StandardCharsets");
  if (g_string_init == nullptr || charsets == nullptr) return false;
  jfieldID utf8 = env->GetStaticFieldID(charsets, "UTF_8", "Ljava/nio/charset/Charset;");
  if (utf8 == nullptr) return false;
  g_utf8 = Keep(env, env->GetStaticObjectField(charsets, utf8));
  return true;
}

}  // namespace

void Throw(JNIEnv* env, mirin_code code, const char* message) {
  jstring text = ToString(env, message);
  if (text == nullptr) return;  // out of memory is pending
  auto exception = static_cast<jthrowable>(
      env->NewObject(g_exception, g_exception_init, static_cast<jint>(code), text));
  if (exception != nullptr) env->Throw(exception);
}

bool Throw(JNIEnv* env, mirin_status* status) {
  if (status == nullptr) return false;
  Throw(env, mirin_status_code(status), mirin_status_message(status));
  mirin_status_destroy(status);
  return true;
}

jstring ToString(JNIEnv* env, const char* text, size_t size) {
  if (text == nullptr) return nullptr;
  jbyteArray bytes = env->NewByteArray(static_cast<jsize>(size));
  if (bytes == nullptr) return nullptr;
  env->SetByteArrayRegion(bytes, 0, static_cast<jsize>(size), reinterpret_cast<const jbyte*>(text));
  auto string = static_cast<jstring>(env->NewObject(g_string, g_string_init, bytes, g_utf8));
  env->DeleteLocalRef(bytes);
  return string;
}

jstring ToString(JNIEnv* env, const char* text) {
  return text == nullptr ? nullptr : ToString(env, text, std::strlen(text));
}

std::string ToBytes(JNIEnv* env, jbyteArray bytes) {
  if (bytes == nullptr) return std::string();
  std::string text(static_cast<size_t>(env->GetArrayLength(bytes)), '\0');
  env->GetByteArrayRegion(bytes, 0, static_cast<jsize>(text.size()),
                          reinterpret_cast<jbyte*>(&text[0]));
  return text;
}

}  // namespace mirin_java

extern "C" JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM* vm, void*) {
  JNIEnv* env = nullptr;
  if (vm->GetEnv(reinterpret_cast<void**>(&env), JNI_VERSION_1_8) != JNI_OK ||
      !mirin_java::Find(env))
    return JNI_ERR;
  const int major = static_cast<int>(mirin_api_version() >> 16);
  const int minor = static_cast<int>(mirin_api_version() & 0xFFFF);
  if (major != MIRIN_API_MAJOR || minor < MIRIN_API_MINOR) {
    char message[128];
    std::snprintf(message, sizeof message, "libmirin has interface %d.%d, this package needs %d.%d",
                  major, minor, MIRIN_API_MAJOR, MIRIN_API_MINOR);
    env->ThrowNew(env->FindClass("java/lang/UnsatisfiedLinkError"), message);
    return JNI_ERR;
  }
  return JNI_VERSION_1_8;
}
