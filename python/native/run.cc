#include "python/native/run.h"

#include <memory>
#include <string>
#include <vector>

#include "python/native/held_buffer.h"
#include "python/native/tensor.h"

namespace mirin::python {

struct SessionOptions {
  mirin_session_options c = MIRIN_SESSION_OPTIONS_INIT;
  std::vector<std::string> devices;
  std::vector<const char*> device_names;
  std::vector<int32_t> cpus;
};

void DestroySessionOptions(SessionOptions* options) { delete options; }

namespace {

// The handle of an optional argument. False: raised.
template <typename T>
bool Optional(PyObject* object, T** handle) {
  *handle = object == Py_None ? nullptr : Unwrap<T>(object);
  return object == Py_None || *handle != nullptr;
}

// The tensors of a list of NativeTensor, whose elements the list keeps alive. False: raised.
template <typename T>
bool Tensors(PyObject* list, bool allow_none, std::vector<T*>* tensors) {
  const Py_ssize_t count = PyList_Size(list);
  if (count < 0) return false;
  tensors->resize(static_cast<size_t>(count));
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* item = PyList_GetItem(list, i);
    if (allow_none && item == Py_None) continue;
    mirin_tensor* tensor = TensorOf(item);
    if (tensor == nullptr) return false;
    (*tensors)[static_cast<size_t>(i)] = tensor;
  }
  return true;
}

PyObject* WrapTensors(const std::vector<mirin_tensor*>& tensors) {
  PyObject* list = PyList_New(static_cast<Py_ssize_t>(tensors.size()));
  for (size_t i = 0; i < tensors.size(); ++i) {
    PyObject* tensor =
        list == nullptr ? (mirin_tensor_destroy(tensors[i]), nullptr) : WrapTensor(tensors[i]);
    if (tensor != nullptr) {
      PyList_SetItem(list, static_cast<Py_ssize_t>(i), tensor);
    } else {
      Py_CLEAR(list);
    }
  }
  return list;
}

PyObject* Signature(const mirin_model* model, size_t count,
                    const char* (*name)(const mirin_model*, size_t),
                    mirin_dtype (*dtype)(const mirin_model*, size_t),
                    int32_t (*rank)(const mirin_model*, size_t),
                    const int64_t* (*dims)(const mirin_model*, size_t)) {
  PyObject* list = PyList_New(static_cast<Py_ssize_t>(count));
  for (size_t i = 0; list != nullptr && i < count; ++i) {
    const int32_t axes = rank(model, i);
    PyObject* shape = axes < 0 ? (Py_INCREF(Py_None), Py_None) : PyList_New(axes);
    for (int32_t axis = 0; axis < axes; ++axis)
      PyList_SetItem(shape, axis, PyLong_FromLongLong(dims(model, i)[axis]));
    PyObject* entry =
        Py_BuildValue("(siN)", name(model, i), static_cast<int>(dtype(model, i)), shape);
    if (entry == nullptr) {
      Py_CLEAR(list);
    } else {
      PyList_SetItem(list, static_cast<Py_ssize_t>(i), entry);
    }
  }
  return list;
}

// The inputs' shapes of a list of lists of int.
struct Shapes {
  std::vector<std::vector<int64_t>> sizes;
  std::vector<const int64_t*> dims;
  std::vector<size_t> ranks;

  // False: raised.
  bool Take(PyObject* lists) {
    const Py_ssize_t count = PyList_Size(lists);
    if (count < 0) return false;
    sizes.resize(static_cast<size_t>(count));
    for (Py_ssize_t i = 0; i < count; ++i) {
      PyObject* shape = PyList_GetItem(lists, i);
      const Py_ssize_t rank = PyList_Size(shape);
      if (rank < 0) return false;
      std::vector<int64_t>& to = sizes[static_cast<size_t>(i)];
      for (Py_ssize_t axis = 0; axis < rank; ++axis) {
        to.push_back(PyLong_AsLongLong(PyList_GetItem(shape, axis)));
        if (PyErr_Occurred() != nullptr) return false;
      }
      dims.push_back(to.data());
      ranks.push_back(to.size());
    }
    return true;
  }
};

struct RunOptions {
  mirin_run_options c = MIRIN_RUN_OPTIONS_INIT;
  bool ok;

  RunOptions(long long timeout_us, PyObject* cancellation)
      : ok(Optional(cancellation, &c.cancellation)) {
    c.timeout_us = timeout_us;
  }
};

// Runs into the caller's tensors or into new ones.
template <typename Into, typename New>
PyObject* Run(size_t num_outputs, PyObject* inputs, PyObject* outputs, Into into, New make) {
  std::vector<const mirin_tensor*> given;
  if (!Tensors(inputs, false, &given)) return nullptr;
  mirin_status* status = nullptr;
  if (outputs != Py_None) {
    std::vector<mirin_tensor*> results;
    if (!Tensors(outputs, true, &results)) return nullptr;
    {
      const WithoutGil unlocked;
      status = into(given, results);
    }
    if (status != nullptr) return Raise(status);
    Py_INCREF(outputs);
    return outputs;
  }
  std::vector<mirin_tensor*> results(num_outputs);
  {
    const WithoutGil unlocked;
    status = make(given, &results);
  }
  return status != nullptr ? Raise(status) : WrapTensors(results);
}

}  // namespace

PyObject* load_model(PyObject* source, bool from_file, PyObject* key, int cipher,
                     PyObject* config) {
  mirin_model_options options = MIRIN_MODEL_OPTIONS_INIT;
  mirin_config* settings = nullptr;
  if (!Optional(config, &settings)) return nullptr;
  options.config = settings;
  options.cipher = static_cast<mirin_cipher>(cipher);
  HeldBuffer secret, bytes;
  if (key != Py_None) {
    if (!secret.Take(key)) return nullptr;
    options.key = secret.data();
    options.key_size = secret.size();
  }
  mirin_model* model = nullptr;
  mirin_status* status = nullptr;
  if (from_file) {
    PyObject* path = nullptr;
    if (PyUnicode_FSConverter(source, &path) == 0) return nullptr;
    {
      const char* text = PyBytes_AsString(path);
      const WithoutGil unlocked;
      status = mirin_model_load_file(text, &options, &model);
    }
    Py_DECREF(path);
  } else {
    if (!bytes.Take(source)) return nullptr;
    const WithoutGil unlocked;
    status = mirin_model_load_memory(bytes.data(), bytes.size(), &options, &model);
  }
  return status != nullptr ? Raise(status) : Wrap(model);
}

PyObject* model_inputs(const mirin_model* model) {
  return Signature(model, mirin_model_input_count(model), mirin_model_input_name,
                   mirin_model_input_dtype, mirin_model_input_rank, mirin_model_input_dims);
}

PyObject* model_outputs(const mirin_model* model) {
  return Signature(model, mirin_model_output_count(model), mirin_model_output_name,
                   mirin_model_output_dtype, mirin_model_output_rank, mirin_model_output_dims);
}

PyObject* session_options(int threads, bool prefer_fp16, PyObject* devices, PyObject* cpus) {
  auto options = std::make_unique<SessionOptions>();
  if (!ThreadsOf(threads, &options->c.threads)) return nullptr;
  options->c.precision = prefer_fp16 ? MIRIN_PRECISION_PREFER_FP16 : MIRIN_PRECISION_FP32;
  const Py_ssize_t num_devices = PyList_Size(devices), num_cpus = PyList_Size(cpus);
  if (num_devices < 0 || num_cpus < 0) return nullptr;
  for (Py_ssize_t i = 0; i < num_devices; ++i) {
    PyObject* bytes = PyUnicode_AsUTF8String(PyList_GetItem(devices, i));
    if (bytes == nullptr) return nullptr;
    options->devices.emplace_back(PyBytes_AsString(bytes));
    Py_DECREF(bytes);
  }
  for (const std::string& device : options->devices)
    options->device_names.push_back(device.c_str());
  const bool cpu_only =
      options->devices.size() == 1 && options->devices[0] == "cpu";  // the default: quicker
  options->c.devices = cpu_only ? nullptr : options->device_names.data();
  options->c.num_devices = cpu_only ? 0 : options->device_names.size();
  for (Py_ssize_t i = 0; i < num_cpus; ++i) {
    const long cpu = PyLong_AsLong(PyList_GetItem(cpus, i));
    if (PyErr_Occurred() != nullptr) return nullptr;
    options->cpus.push_back(cpu > INT32_MAX || cpu < INT32_MIN ? -1 : static_cast<int32_t>(cpu));
  }
  options->c.cpus = options->cpus.empty() ? nullptr : options->cpus.data();
  options->c.num_cpus = options->cpus.size();
  return Wrap(options.release());
}

PyObject* create_session(const mirin_model* model, const SessionOptions* options) {
  mirin_session* session = nullptr;
  mirin_status* status = nullptr;
  {
    const WithoutGil unlocked;
    status = mirin_session_create(model, &options->c, &session);
  }
  return status != nullptr ? Raise(status) : Wrap(session);
}

PyObject* create_pool(const mirin_model* model, const SessionOptions* session, int workers,
                      PyObject* config) {
  mirin_pool_options options = MIRIN_POOL_OPTIONS_INIT;
  mirin_config* settings = nullptr;
  if (!Optional(config, &settings)) return nullptr;
  options.workers = workers;
  options.session = &session->c;
  options.config = settings;
  mirin_pool* pool = nullptr;
  mirin_status* status = nullptr;
  {
    const WithoutGil unlocked;
    status = mirin_pool_create(model, &options, &pool);
  }
  return status != nullptr ? Raise(status) : Wrap(pool);
}

PyObject* reshape_model(const mirin_model* model, PyObject* dims) {
  Shapes shapes;
  if (!shapes.Take(dims)) return nullptr;
  mirin_model* reshaped = nullptr;
  mirin_status* status = nullptr;
  {
    const WithoutGil unlocked;
    status = mirin_model_reshape(model, shapes.dims.data(), shapes.ranks.data(), shapes.dims.size(),
                                 &reshaped);
  }
  return status != nullptr ? Raise(status) : Wrap(reshaped);
}

PyObject* resize_session(mirin_session* session, PyObject* dims) {
  Shapes shapes;
  if (!shapes.Take(dims)) return nullptr;
  mirin_status* status = nullptr;
  {
    const WithoutGil unlocked;
    status =
        mirin_session_resize(session, shapes.dims.data(), shapes.ranks.data(), shapes.dims.size());
  }
  if (status != nullptr) return Raise(status);
  Py_RETURN_NONE;
}

PyObject* session_state(mirin_session* session, int i) {
  mirin_tensor* tensor = nullptr;
  mirin_status* status = mirin_session_get_state(session, static_cast<size_t>(i), &tensor);
  return status != nullptr ? Raise(status) : WrapTensor(tensor);
}

PyObject* run_model(const mirin_model* model, const SessionOptions* options, PyObject* inputs) {
  return Run(
      mirin_model_output_count(model), inputs, Py_None,
      [](const auto&, const auto&) -> mirin_status* { return nullptr; },
      [&](const std::vector<const mirin_tensor*>& given, std::vector<mirin_tensor*>* results) {
        return mirin_model_run(model, &options->c, given.data(), given.size(), results->data(),
                               results->size());
      });
}

PyObject* run_session(const mirin_model* model, mirin_session* session, PyObject* inputs,
                      PyObject* outputs, long long timeout_us, PyObject* cancellation) {
  const RunOptions options(timeout_us, cancellation);
  if (!options.ok) return nullptr;
  return Run(
      mirin_model_output_count(model), inputs, outputs,
      [&](const std::vector<const mirin_tensor*>& given,
          const std::vector<mirin_tensor*>& results) {
        return mirin_session_run_into_with(session, given.data(), given.size(), &options.c,
                                           results.data(), results.size());
      },
      [&](const std::vector<const mirin_tensor*>& given, std::vector<mirin_tensor*>* results) {
        std::vector<const mirin_tensor*> lent(results->size());
        mirin_status* status = mirin_session_run_with(session, given.data(), given.size(),
                                                      &options.c, lent.data(), lent.size());
        for (size_t i = 0; i < lent.size() && status == nullptr; ++i)
          status = mirin_tensor_copy(lent[i], &(*results)[i]);
        if (status != nullptr) {
          for (mirin_tensor* result : *results) mirin_tensor_destroy(result);
        }
        return status;
      });
}

PyObject* run_pool(const mirin_model* model, const mirin_pool* pool, PyObject* inputs,
                   PyObject* outputs, long long timeout_us, PyObject* cancellation) {
  const RunOptions options(timeout_us, cancellation);
  if (!options.ok) return nullptr;
  return Run(
      mirin_model_output_count(model), inputs, outputs,
      [&](const std::vector<const mirin_tensor*>& given,
          const std::vector<mirin_tensor*>& results) {
        return mirin_pool_run_into(pool, given.data(), given.size(), &options.c, results.data(),
                                   results.size());
      },
      [&](const std::vector<const mirin_tensor*>& given, std::vector<mirin_tensor*>* results) {
        return mirin_pool_run(pool, given.data(), given.size(), &options.c, results->data(),
                              results->size());
      });
}

}  // namespace mirin::python
