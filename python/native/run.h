// What SWIG cannot carry over: option structs, signatures, and runs, one call each. All return a
// new reference, or NULL with an exception set; the interpreter is unlocked while the library
// works.
#ifndef PYTHON_NATIVE_RUN_H_
#define PYTHON_NATIVE_RUN_H_

#include "python/native/handle.h"

namespace mirin::python {

// source: a path (str, bytes) when from_file, else an object with the buffer protocol, whose memory
// is copied. key: an object with the buffer protocol, or None. config: a mirin_config, or None.
PyObject* load_model(PyObject* source, bool from_file, PyObject* key, int cipher, PyObject* config);

// Names, dtypes and dims of the model's inputs or outputs: a list of (str, int, list or None where
// the rank is unknown).
PyObject* model_inputs(const mirin_model* model);
PyObject* model_outputs(const mirin_model* model);

// devices: a list of str. cpus: a list of int. The result is taken by the functions below.
PyObject* session_options(int threads, bool prefer_fp16, PyObject* devices, PyObject* cpus);
PyObject* create_session(const mirin_model* model, const SessionOptions* options);
PyObject* create_pool(const mirin_model* model, const SessionOptions* options, int workers,
                      PyObject* config);

// dims: one list of int per input, -1 for an open axis.
PyObject* reshape_model(const mirin_model* model, PyObject* dims);
PyObject* resize_session(mirin_session* session, PyObject* dims);

// A copy of state i: a new NativeTensor.
PyObject* session_state(mirin_session* session, int i);

// inputs: a list of NativeTensor. Returns a list of new NativeTensor, which own their memory.
PyObject* run_model(const mirin_model* model, const SessionOptions* options, PyObject* inputs);
// outputs: None, or a list of NativeTensor that the results are written to, None where one is
// dropped; then outputs is returned. timeout_us: 0 for no limit. cancellation: a
// mirin_cancellation, or None.
PyObject* run_session(const mirin_model* model, mirin_session* session, PyObject* inputs,
                      PyObject* outputs, long long timeout_us, PyObject* cancellation);
PyObject* run_pool(const mirin_model* model, const mirin_pool* pool, PyObject* inputs,
                   PyObject* outputs, long long timeout_us, PyObject* cancellation);

}  // namespace mirin::python

#endif  // PYTHON_NATIVE_RUN_H_
