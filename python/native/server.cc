#include "python/native/server.h"

#include <string>
#include <vector>

#include "python/native/held_buffer.h"

namespace mirin::python {
namespace {

// One servable with the memory that its options point to.
struct Servable {
  mirin_servable_options c = MIRIN_SERVABLE_OPTIONS_INIT;
  std::vector<int32_t> device_ids;
  HeldBuffer key;

  // The strings are lent by the tuple. False: raised.
  bool Take(PyObject* tuple) {
    PyObject* devices = nullptr;
    PyObject* secret = nullptr;
    unsigned long long version = 0;
    int cipher = 0;
    if (PyArg_ParseTuple(tuple, "ssKOsiOi", &c.directory, &c.name, &version, &devices,
                         &c.device_type, &c.workers, &secret, &cipher) == 0)
      return false;
    c.version = version;
    c.cipher = static_cast<mirin_cipher>(cipher);
    const Py_ssize_t count = PyList_Size(devices);
    if (count < 0) return false;
    for (Py_ssize_t i = 0; i < count; ++i) {
      const long id = PyLong_AsLong(PyList_GetItem(devices, i));
      if (PyErr_Occurred() != nullptr) return false;
      if (id < 0 || id > INT32_MAX) {
        PyErr_Format(PyExc_OverflowError, "%ld is no device id", id);
        return false;
      }
      device_ids.push_back(static_cast<int32_t>(id));
    }
    c.device_ids = device_ids.empty() ? nullptr : device_ids.data();
    c.num_device_ids = device_ids.size();
    if (secret != Py_None) {
      if (!key.Take(secret)) return false;
      c.key = key.data();
      c.key_size = key.size();
    }
    return true;
  }
};

// A PEM text of str or None. False: raised.
bool Text(PyObject* object, std::string* text, const char** pointer) {
  if (object == Py_None) return true;
  PyObject* bytes = PyUnicode_AsUTF8String(object);
  if (bytes == nullptr) return false;
  *text = PyBytes_AsString(bytes);
  Py_DECREF(bytes);
  *pointer = text->c_str();
  return true;
}

PyObject* NoneOr(mirin_status* status) {
  if (status != nullptr) return Raise(status);
  Py_RETURN_NONE;
}

PyObject* Lent(const char* text) {
  return text == nullptr ? PyErr_NoMemory() : PyUnicode_FromString(text);
}

}  // namespace

PyObject* server_create() {
  mirin_server* server = nullptr;
  mirin_status* status = nullptr;
  {
    const WithoutGil unlocked;
    status = mirin_server_create(&server);
  }
  return status != nullptr ? Raise(status) : Wrap(server);
}

PyObject* server_set(mirin_server* server, const char* name, const char* value) {
  mirin_status* status = nullptr;
  {
    const WithoutGil unlocked;
    status = mirin_server_set(server, name, value);
  }
  return NoneOr(status);
}

PyObject* server_add(mirin_server* server, PyObject* servables) {
  const Py_ssize_t count = PyList_Size(servables);
  if (count < 0) return nullptr;
  std::vector<Servable> taken(static_cast<size_t>(count));
  std::vector<mirin_servable_options> options;
  for (Py_ssize_t i = 0; i < count; ++i) {
    Servable& servable = taken[static_cast<size_t>(i)];
    if (!servable.Take(PyList_GetItem(servables, i))) return nullptr;
    options.push_back(servable.c);
  }
  mirin_status* status = nullptr;
  {
    const WithoutGil unlocked;
    status = mirin_server_add(server, options.data(), options.size());
  }
  return NoneOr(status);
}

PyObject* server_listen(mirin_server* server, bool grpc, const char* address,
                        unsigned long long max_message_bytes, PyObject* certificate,
                        PyObject* private_key, PyObject* client_ca) {
  mirin_listen_options options = MIRIN_LISTEN_OPTIONS_INIT;
  std::string texts[3];
  if (!Text(certificate, &texts[0], &options.certificate) ||
      !Text(private_key, &texts[1], &options.private_key) ||
      !Text(client_ca, &texts[2], &options.client_ca))
    return nullptr;
  options.address = address;
  options.max_message_bytes = max_message_bytes;
  int32_t port = 0;
  mirin_status* status = nullptr;
  {
    const WithoutGil unlocked;
    status = grpc ? mirin_server_listen_grpc(server, &options, &port)
                  : mirin_server_listen_http(server, &options, &port);
  }
  return status != nullptr ? Raise(status) : PyLong_FromLong(port);
}

PyObject* server_wait(mirin_server* server) {
  {
    const WithoutGil unlocked;
    mirin_server_wait(server);
  }
  Py_RETURN_NONE;
}

PyObject* server_stop(mirin_server* server, long long drain_us) {
  {
    const WithoutGil unlocked;
    mirin_server_stop(server, drain_us);
  }
  Py_RETURN_NONE;
}

PyObject* server_status(mirin_server* server) { return Lent(mirin_server_status(server)); }

PyObject* server_metrics(mirin_server* server) { return Lent(mirin_server_metrics(server)); }

}  // namespace mirin::python
