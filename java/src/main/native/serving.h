// What Java calls of the server and the C API does not say in Java's terms: option structs as flat arguments. SWIG reads these
// declarations (serving.i). Texts are UTF-8 as byte[], null where C takes NULL.
#ifndef MIRIN_JAVA_SERVING_H_
#define MIRIN_JAVA_SERVING_H_

#include <jni.h>

namespace mirin_java {

// Adds as many servables as `versions` has; the other arrays are as long. device_ids: int[] each; keys: byte[] each, null for
// plain models; ciphers: mirin_cipher.
void serverAdd(JNIEnv* env, jlong server, jobjectArray directories, jobjectArray names,
               jlongArray versions, jobjectArray device_ids, jobjectArray device_types,
               jintArray workers, jobjectArray keys, jintArray ciphers);
// The port.
jint serverListen(JNIEnv* env, jlong server, jboolean grpc, jbyteArray address,
                  jlong max_message_bytes, jbyteArray certificate, jbyteArray private_key,
                  jbyteArray client_ca);

}  // namespace mirin_java

#endif  // MIRIN_JAVA_SERVING_H_
