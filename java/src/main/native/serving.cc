#include "java/src/main/native/serving.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "java/src/main/native/support.h"
#include "java/src/main/native/values.h"
#include "mirin/server.h"

namespace mirin_java {
namespace {

// The bytes of an array; NULL stays apart from "".
class Bytes {
 public:
  Bytes(JNIEnv* env, jbyteArray array) : null_(array == nullptr), bytes_(ToBytes(env, array)) {}
  Bytes(Bytes&&) = default;
  // Most are a key, or could be.
  ~Bytes() {
    if (!bytes_.empty()) explicit_bzero(&bytes_[0], bytes_.size());
  }
  const char* data() const { return null_ ? nullptr : bytes_.c_str(); }
  size_t size() const { return bytes_.size(); }

 private:
  bool null_;
  std::string bytes_;
};

template <typename T>
T Element(JNIEnv* env, jobjectArray array, jsize i) {
  return static_cast<T>(env->GetObjectArrayElement(array, i));
}

std::vector<Bytes> AllBytes(JNIEnv* env, jobjectArray array) {
  std::vector<Bytes> all;
  const jsize n = env->GetArrayLength(array);
  all.reserve(static_cast<size_t>(n));
  for (jsize i = 0; i < n; ++i) {
    auto element = Element<jbyteArray>(env, array, i);
    all.emplace_back(env, element);
    env->DeleteLocalRef(element);
  }
  return all;
}

}  // namespace

void serverAdd(JNIEnv* env, jlong server, jobjectArray directories, jobjectArray names,
               jlongArray versions, jobjectArray device_ids, jobjectArray device_types,
               jintArray workers, jobjectArray keys, jintArray ciphers) {
  const std::vector<Bytes> all_directories = AllBytes(env, directories);
  const std::vector<Bytes> all_names = AllBytes(env, names);
  const std::vector<jlong> all_versions = Longs(env, versions);
  const std::vector<Bytes> all_types = AllBytes(env, device_types);
  const std::vector<jint> all_workers = Ints(env, workers);
  const std::vector<Bytes> all_keys = AllBytes(env, keys);
  const std::vector<jint> all_ciphers = Ints(env, ciphers);
  std::vector<std::vector<jint>> all_ids;
  for (size_t i = 0; i < all_versions.size(); ++i) {
    auto ids = Element<jintArray>(env, device_ids, static_cast<jsize>(i));
    all_ids.push_back(Ints(env, ids));
    env->DeleteLocalRef(ids);
  }
  std::vector<mirin_servable_options> options;
  for (size_t i = 0; i < all_versions.size(); ++i) {
    mirin_servable_options one = MIRIN_SERVABLE_OPTIONS_INIT;
    one.directory = all_directories[i].data();
    one.name = all_names[i].data();
    one.version = static_cast<uint64_t>(all_versions[i]);
    one.device_ids = all_ids[i].empty() ? nullptr : all_ids[i].data();
    one.num_device_ids = all_ids[i].size();
    one.device_type = all_types[i].data();
    one.workers = all_workers[i];
    one.key = all_keys[i].data();
    one.key_size = all_keys[i].size();
    one.cipher = static_cast<mirin_cipher>(all_ciphers[i]);
    options.push_back(one);
  }
  Throw(env, mirin_server_add(As<mirin_server>(server), options.data(), options.size()));
}

jint serverListen(JNIEnv* env, jlong server, jboolean grpc, jbyteArray address,
                  jlong max_message_bytes, jbyteArray certificate, jbyteArray private_key,
                  jbyteArray client_ca) {
  const Bytes texts[] = {{env, address}, {env, certificate}, {env, private_key}, {env, client_ca}};
  mirin_listen_options options = MIRIN_LISTEN_OPTIONS_INIT;
  options.address = texts[0].data();
  options.max_message_bytes = static_cast<uint64_t>(max_message_bytes);
  options.certificate = texts[1].data();
  options.private_key = texts[2].data();
  options.client_ca = texts[3].data();
  int32_t port = 0;
  auto* listen = grpc ? mirin_server_listen_grpc : mirin_server_listen_http;
  Throw(env, listen(As<mirin_server>(server), &options, &port));
  return port;
}

}  // namespace mirin_java
