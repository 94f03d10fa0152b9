#include "java/src/main/native/runtime.h"

#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "java/src/main/native/support.h"
#include "java/src/main/native/values.h"
#include "mirin/mirin.h"

namespace mirin_java {
namespace {

// Copies of the caller's options, and the key's bytes until they are wiped.
struct ModelOptions {
  ModelOptions(JNIEnv* env, jbyteArray key_bytes, jint cipher, jlong config)
      : key(ToBytes(env, key_bytes)) {
    options.key = key.empty() ? nullptr : key.data();
    options.key_size = key.size();
    options.cipher = static_cast<mirin_cipher>(cipher);
    options.config = As<const mirin_config>(config);
  }
  ~ModelOptions() {
    if (!key.empty()) explicit_bzero(&key[0], key.size());
  }
  std::string key;
  mirin_model_options options = MIRIN_MODEL_OPTIONS_INIT;
};

struct SessionOptions {
  SessionOptions(JNIEnv* env, jint threads, jboolean prefer_fp16, jobjectArray devices,
                 jintArray cpus)
      : names(Texts(env, devices)), cpu_ids(Ints(env, cpus)) {
    for (const std::string& name : names) pointers.push_back(name.c_str());
    options.threads = threads;
    options.precision = prefer_fp16 ? MIRIN_PRECISION_PREFER_FP16 : MIRIN_PRECISION_FP32;
    if (!pointers.empty()) {
      options.devices = pointers.data();
      options.num_devices = pointers.size();
    }
    if (!cpu_ids.empty()) {
      options.cpus = cpu_ids.data();
      options.num_cpus = cpu_ids.size();
    }
  }
  std::vector<std::string> names;
  std::vector<const char*> pointers;
  std::vector<jint> cpu_ids;
  mirin_session_options options = MIRIN_SESSION_OPTIONS_INIT;
};

// One shape per input, in the C API's terms.
struct Shapes {
  Shapes(JNIEnv* env, jobjectArray arrays) {
    const jsize n = env->GetArrayLength(arrays);
    for (jsize i = 0; i < n; ++i) {
      auto shape = static_cast<jlongArray>(env->GetObjectArrayElement(arrays, i));
      sizes.push_back(Longs(env, shape));
      env->DeleteLocalRef(shape);
    }
    for (const auto& s : sizes) {
      dims.push_back(Dims(s));
      ranks.push_back(s.size());
    }
  }
  std::vector<std::vector<jlong>> sizes;
  std::vector<const int64_t*> dims;
  std::vector<size_t> ranks;
};

class Engine {
 public:
  explicit Engine(size_t outputs) : num_outputs(outputs) {}
  virtual ~Engine() = default;
  // Without `given`: into new tensors in `outputs`.
  virtual mirin_status* Run(const std::vector<jlong>& inputs, const mirin_run_options* options,
                            bool given, std::vector<jlong>* outputs) = 0;
  virtual mirin_status* Plan(const Shapes& shapes) = 0;
  virtual void Restart() {}
  virtual jint workers() const { return 0; }
  const size_t num_outputs;
};

const mirin_tensor* const* ConstTensors(const std::vector<jlong>& handles) {
  return reinterpret_cast<const mirin_tensor* const*>(handles.data());
}
mirin_tensor** Tensors(std::vector<jlong>* handles) {
  return reinterpret_cast<mirin_tensor**>(handles->data());
}

// Runs on any number of threads through mirin_model_run. What that has no form for (results into
// given tensors, limits, planning) goes through idle sessions kept here. A model with states has
// one session, which runs take in turn.
class ModelEngine : public Engine {
 public:
  ModelEngine(const mirin_model* model, std::unique_ptr<SessionOptions> options)
      : Engine(mirin_model_output_count(model)),
        model_(model),
        options_(std::move(options)),
        stateful_(mirin_model_state_count(model) > 0) {}

  // Makes the first session, so that options which cannot be had are refused now.
  mirin_status* Open() {
    return WithSession([](mirin_session*) -> mirin_status* { return nullptr; });
  }

  mirin_status* Run(const std::vector<jlong>& inputs, const mirin_run_options* options, bool given,
                    std::vector<jlong>* outputs) override {
    if (!stateful_ && !given && options == nullptr) {
      return mirin_model_run(model_, &options_->options, ConstTensors(inputs), inputs.size(),
                             Tensors(outputs), outputs->size());
    }
    return WithSession([&](mirin_session* session) -> mirin_status* {
      if (given)
        return mirin_session_run_into_with(session, ConstTensors(inputs), inputs.size(), options,
                                           Tensors(outputs), outputs->size());
      std::vector<const mirin_tensor*> results(outputs->size());
      mirin_status* status = mirin_session_run_with(session, ConstTensors(inputs), inputs.size(),
                                                    options, results.data(), results.size());
      for (size_t i = 0; status == nullptr && i < results.size(); ++i)
        status = mirin_tensor_copy(results[i], Tensors(outputs) + i);
      return status;
    });
  }

  mirin_status* Plan(const Shapes& shapes) override {
    return WithSession([&](mirin_session* session) {
      return mirin_session_resize(session, shapes.dims.data(), shapes.ranks.data(),
                                  shapes.dims.size());
    });
  }

  void Restart() override {
    if (!stateful_) return;
    std::lock_guard<std::mutex> turn(turns_);
    std::lock_guard<std::mutex> lock(mutex_);
    idle_.clear();
  }

 private:
  using Session = std::unique_ptr<mirin_session, void (*)(mirin_session*)>;

  template <typename F>
  mirin_status* WithSession(const F& use) {
    std::unique_lock<std::mutex> turn(turns_, std::defer_lock);
    if (stateful_) turn.lock();
    Session session(nullptr, mirin_session_destroy);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (!idle_.empty()) {
        session = std::move(idle_.back());
        idle_.pop_back();
      }
    }
    mirin_status* status = session == nullptr ? Create(&session) : nullptr;
    if (status != nullptr) return status;
    status = use(session.get());
    std::lock_guard<std::mutex> lock(mutex_);
    idle_.push_back(std::move(session));
    return status;
  }

  mirin_status* Create(Session* out_session) {
    mirin_session* session = nullptr;
    mirin_status* status = mirin_session_create(model_, &options_->options, &session);
    out_session->reset(session);
    return status;
  }

  const mirin_model* const model_;
  const std::unique_ptr<SessionOptions> options_;
  const bool stateful_;
  std::mutex turns_;
  std::mutex mutex_;
  std::vector<Session> idle_;
};

class PoolEngine : public Engine {
 public:
  PoolEngine(mirin_pool* pool, size_t outputs) : Engine(outputs), pool_(pool) {}
  ~PoolEngine() override { mirin_pool_destroy(pool_); }

  mirin_status* Run(const std::vector<jlong>& inputs, const mirin_run_options* options, bool given,
                    std::vector<jlong>* outputs) override {
    return (given ? RunInto : RunNew)(pool_, inputs, options, outputs);
  }
  mirin_status* Plan(const Shapes&) override {
    return mirin_status_create(MIRIN_UNIMPLEMENTED, "a pool plans for every request");
  }
  jint workers() const override { return mirin_pool_workers(pool_); }

 private:
  static mirin_status* RunNew(const mirin_pool* pool, const std::vector<jlong>& inputs,
                              const mirin_run_options* options, std::vector<jlong>* outputs) {
    return mirin_pool_run(pool, ConstTensors(inputs), inputs.size(), options, Tensors(outputs),
                          outputs->size());
  }
  static mirin_status* RunInto(const mirin_pool* pool, const std::vector<jlong>& inputs,
                               const mirin_run_options* options, std::vector<jlong>* outputs) {
    return mirin_pool_run_into(pool, ConstTensors(inputs), inputs.size(), options, Tensors(outputs),
                               outputs->size());
  }
  mirin_pool* const pool_;
};

mirin_status* RunEngine(Engine* engine, const std::vector<jlong>& inputs, jlong timeout_us,
                        jlong cancellation, bool given, std::vector<jlong>* outputs) {
  if (timeout_us == 0 && cancellation == 0) return engine->Run(inputs, nullptr, given, outputs);
  mirin_run_options options = MIRIN_RUN_OPTIONS_INIT;
  options.timeout_us = timeout_us;
  options.cancellation = As<mirin_cancellation>(cancellation);
  return engine->Run(inputs, &options, given, outputs);
}

}  // namespace

jlong loadFile(JNIEnv* env, jbyteArray path, jbyteArray key, jint cipher, jlong config) {
  const ModelOptions options(env, key, cipher, config);
  mirin_model* model = nullptr;
  if (Throw(env, mirin_model_load_file(ToBytes(env, path).c_str(), &options.options, &model)))
    return 0;
  return Handle(model);
}

jlong loadBuffer(JNIEnv* env, jobject direct_buffer, jlong offset, jlong size, jbyteArray key,
                 jint cipher, jlong config) {
  const ModelOptions options(env, key, cipher, config);
  const char* data = static_cast<const char*>(env->GetDirectBufferAddress(direct_buffer));
  mirin_model* model = nullptr;
  if (Throw(env, mirin_model_load_memory(data == nullptr ? nullptr : data + offset,
                                         static_cast<size_t>(size), &options.options, &model))) {
    return 0;
  }
  return Handle(model);
}

jlong reshapeModel(JNIEnv* env, jlong model, jobjectArray dims) {
  const Shapes shapes(env, dims);
  mirin_model* reshaped = nullptr;
  if (Throw(env, mirin_model_reshape(As<const mirin_model>(model), shapes.dims.data(),
                                     shapes.ranks.data(), shapes.dims.size(), &reshaped))) {
    return 0;
  }
  return Handle(reshaped);
}

jlongArray signatureDims(JNIEnv* env, jlong model, jboolean outputs, jint i) {
  const auto* m = As<const mirin_model>(model);
  const size_t index = static_cast<size_t>(i);
  const int32_t rank =
      outputs ? mirin_model_output_rank(m, index) : mirin_model_input_rank(m, index);
  if (rank < 0) return nullptr;
  return ToLongs(env,
                 outputs ? mirin_model_output_dims(m, index) : mirin_model_input_dims(m, index),
                 static_cast<size_t>(rank));
}

jlong createEngine(JNIEnv* env, jlong model, jint threads, jboolean prefer_fp16,
                   jobjectArray devices, jintArray cpus) {
  auto engine = std::make_unique<ModelEngine>(
      As<const mirin_model>(model),
      std::make_unique<SessionOptions>(env, threads, prefer_fp16, devices, cpus));
  if (Throw(env, engine->Open())) return 0;
  return Handle<Engine>(engine.release());
}

jlong createPoolEngine(JNIEnv* env, jlong model, jint threads, jboolean prefer_fp16,
                       jobjectArray devices, jintArray cpus, jint workers, jint max_queue,
                       jlong config) {
  const SessionOptions session(env, threads, prefer_fp16, devices, cpus);
  mirin_pool_options options = MIRIN_POOL_OPTIONS_INIT;
  options.workers = workers;
  options.max_queue = max_queue;
  options.session = &session.options;
  options.config = As<const mirin_config>(config);
  mirin_pool* pool = nullptr;
  if (Throw(env, mirin_pool_create(As<const mirin_model>(model), &options, &pool))) return 0;
  return Handle<Engine>(
      new PoolEngine(pool, mirin_model_output_count(As<const mirin_model>(model))));
}

void destroyEngine(jlong engine) { delete As<Engine>(engine); }

jint engineWorkers(jlong engine) { return As<Engine>(engine)->workers(); }

jlongArray run(JNIEnv* env, jlong engine, jlongArray inputs, jlong timeout_us, jlong cancellation) {
  std::vector<jlong> outputs(As<Engine>(engine)->num_outputs);
  mirin_status* status =
      RunEngine(As<Engine>(engine), Longs(env, inputs), timeout_us, cancellation, false, &outputs);
  jlongArray handles =
      status != nullptr
          ? nullptr
          : ToLongs(env, reinterpret_cast<const int64_t*>(outputs.data()), outputs.size());
  if (handles == nullptr) {
    for (jlong output : outputs) mirin_tensor_destroy(As<mirin_tensor>(output));
    Throw(env, status);
  }
  return handles;
}

void runInto(JNIEnv* env, jlong engine, jlongArray inputs, jlongArray outputs, jlong timeout_us,
             jlong cancellation) {
  std::vector<jlong> given = Longs(env, outputs);
  Throw(env,
        RunEngine(As<Engine>(engine), Longs(env, inputs), timeout_us, cancellation, true, &given));
}

void restart(jlong engine) { As<Engine>(engine)->Restart(); }

void plan(JNIEnv* env, jlong engine, jobjectArray dims) {
  Throw(env, As<Engine>(engine)->Plan(Shapes(env, dims)));
}

}  // namespace mirin_java
