// What the JNI functions of both libraries share: exceptions from statuses, texts as UTF-8 bytes.
#ifndef MIRIN_JAVA_SUPPORT_H_
#define MIRIN_JAVA_SUPPORT_H_

#include <jni.h>

#include <string>

#include "mirin/status.h"

namespace mirin_java {

// Makes a MirinException of the status pending and destroys the status. False for NULL, which is
// success. After true a JNI function returns at once.
bool Throw(JNIEnv* env, mirin_status* status);

// A MirinException of this library's own.
void Throw(JNIEnv* env, mirin_code code, const char* message);

// A Java string from UTF-8 of any origin: broken sequences become U+FFFD. NULL gives null.
jstring ToString(JNIEnv* env, const char* text);
jstring ToString(JNIEnv* env, const char* text, size_t size);

// The bytes of a Java array; "" for null.
std::string ToBytes(JNIEnv* env, jbyteArray bytes);

}  // namespace mirin_java

#endif  // MIRIN_JAVA_SUPPORT_H_
