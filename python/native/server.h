// The server for Python. All return a new reference, or NULL with an exception set; the interpreter
// is unlocked while the library works.
#ifndef PYTHON_NATIVE_SERVER_H_
#define PYTHON_NATIVE_SERVER_H_

#include "mirin/server.h"
#include "python/native/handle.h"

namespace mirin::python {

#ifndef SWIG
template <>
struct HandleTraits<mirin_server> {
  static constexpr char kName[] = "mirin_server";
  static void Destroy(mirin_server* server) { mirin_server_destroy(server); }
};
#endif

PyObject* server_create();
PyObject* server_set(mirin_server* server, const char* name, const char* value);

// servables: a list of tuples (directory, name, version, device ids, device type, workers, key,
// cipher): str, str, int, list of int, str, int, an object with the buffer protocol or None, int.
PyObject* server_add(mirin_server* server, PyObject* servables);

// certificate, private_key, client_ca: PEM texts, or None. Returns the port, 0 of a Unix socket.
PyObject* server_listen(mirin_server* server, bool grpc, const char* address,
                        unsigned long long max_message_bytes, PyObject* certificate,
                        PyObject* private_key, PyObject* client_ca);

PyObject* server_wait(mirin_server* server);
PyObject* server_stop(mirin_server* server, long long drain_us);

// str.
PyObject* server_status(mirin_server* server);
PyObject* server_metrics(mirin_server* server);

}  // namespace mirin::python

#endif  // PYTHON_NATIVE_SERVER_H_
