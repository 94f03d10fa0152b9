// What Java calls and the C API does not say in Java's terms: options from flat arguments, runs
// with arrays of handles in one JNI call, copies between tensors and Java arrays. SWIG reads these
// declarations (runtime.i). Errors are MirinExceptions; the value returned with a pending exception
// means nothing.
//
// Texts are UTF-8 as byte[]; handles are numbers; [] of null are 0 elements. What the arguments
// promise (live handles, arrays of the right type and length) is checked in Java.
#ifndef MIRIN_JAVA_RUNTIME_H_
#define MIRIN_JAVA_RUNTIME_H_

#include <jni.h>

namespace mirin_java {

// Models. cipher: mirin_cipher; key: empty for plain models; config: 0 for none.
jlong loadFile(JNIEnv* env, jbyteArray path, jbyteArray key, jint cipher, jlong config);
jlong loadBuffer(JNIEnv* env, jobject direct_buffer, jlong offset, jlong size, jbyteArray key,
                 jint cipher, jlong config);
// The model for other input shapes, one long[] per input.
jlong reshapeModel(JNIEnv* env, jlong model, jobjectArray dims);
// Sizes of the axes, -1 where known only at run time; null when even their number is not known.
jlongArray signatureDims(JNIEnv* env, jlong model, jboolean outputs, jint i);

// Engines: what runs a model, with its options. The engine borrows the model, which must outlive
// it; an engine of workers keeps it. devices: names, none for the default; cpus: none for no
// pinning.
jlong createEngine(JNIEnv* env, jlong model, jint threads, jboolean prefer_fp16,
                   jobjectArray devices, jintArray cpus);
jlong createPoolEngine(JNIEnv* env, jlong model, jint threads, jboolean prefer_fp16,
                       jobjectArray devices, jintArray cpus, jint workers, jint max_queue,
                       jlong config);
void destroyEngine(jlong engine);
jint engineWorkers(jlong engine);
// Runs; the caller owns the tensors returned. Thread-safe.
jlongArray run(JNIEnv* env, jlong engine, jlongArray inputs, jlong timeout_us, jlong cancellation);
// Runs into tensors; 0 drops an output. Thread-safe.
void runInto(JNIEnv* env, jlong engine, jlongArray inputs, jlongArray outputs, jlong timeout_us,
             jlong cancellation);
// Lets a model's states start anew from the file, after a run in flight.
void restart(jlong engine);
// Plans for these shapes, one long[] per input: shapes that do not fit the model are refused.
void plan(JNIEnv* env, jlong engine, jobjectArray dims);

// Tensors.
jlong createTensor(JNIEnv* env, jint dtype, jlongArray dims);
// Over a direct buffer's memory, which the caller keeps alive.
jlong wrapBuffer(JNIEnv* env, jint dtype, jlongArray dims, jobject direct_buffer, jlong offset,
                 jlong size);
jlong createStrings(JNIEnv* env, jlongArray dims, jobjectArray texts);
jlongArray tensorDims(JNIEnv* env, jlong tensor);
jobjectArray tensorStrings(JNIEnv* env, jlong tensor);
// A direct buffer over the tensor's bytes, of which there are 1 .. 2^31 - 1.
jobject tensorBuffer(JNIEnv* env, jlong tensor);
// All bytes of a tensor from or to a primitive array of as many bytes: refused when the tensor has
// another size by now.
void copyIn(JNIEnv* env, jlong tensor, jobject array, jlong bytes);
void copyOut(JNIEnv* env, jlong tensor, jobject array, jlong bytes);
// The same with floats for tensors of 16-bit floats; bytes are the tensor's.
void copyFloatsIn(JNIEnv* env, jlong tensor, jfloatArray array, jlong bytes);
void copyFloatsOut(JNIEnv* env, jlong tensor, jfloatArray array, jlong bytes);

}  // namespace mirin_java

#endif  // MIRIN_JAVA_RUNTIME_H_
