#include "python/native/handle.h"

#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <string>

namespace mirin::python {
namespace {

uintptr_t generation = 0;
bool started = false;       // this process or one before it has made a handle
bool threads_lost = false;  // the parent had threads that are not here
bool locks_lost = false;    // a thread of the parent was in a call
std::atomic<int> calls{0};
PyObject* error_factory = nullptr;

void InChild() {
  ++generation;
  threads_lost = threads_lost || started;
  locks_lost = locks_lost || calls.exchange(0) > 0;
}

const int registered = pthread_atfork(nullptr, nullptr, InChild);

}  // namespace

WithoutGil::WithoutGil() : state_(PyEval_SaveThread()) {
  calls.fetch_add(1, std::memory_order_relaxed);
}

WithoutGil::~WithoutGil() {
  calls.fetch_sub(1, std::memory_order_relaxed);
  PyEval_RestoreThread(state_);
}

int CallsInProgress() { return calls.load(std::memory_order_relaxed); }

void* ForkGeneration() { return reinterpret_cast<void*>(generation); }

void MarkStarted() { started = true; }

void SetErrorFactory(PyObject* factory) {
  Py_XINCREF(factory);
  PyObject* old = error_factory;
  error_factory = factory;
  Py_XDECREF(old);
}

PyObject* Raise(mirin_code code, const char* message) {
  PyObject* error = PyObject_CallFunction(error_factory, "iss", static_cast<int>(code),
                                          mirin_code_name(code), message);
  if (error != nullptr) {
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error)), error);
    Py_DECREF(error);
  }
  return nullptr;
}

PyObject* Raise(mirin_status* status) {
  Raise(mirin_status_code(status), mirin_status_message(status));
  mirin_status_destroy(status);
  return nullptr;
}

void RaiseUnusable(PyObject* object, const char* type) {
  if (object == Py_None) {
    Raise(MIRIN_FAILED_PRECONDITION, "the object is not built, or it is closed");
  } else if (PyCapsule_IsValid(object, type)) {
    Raise(MIRIN_FAILED_PRECONDITION,
          "the object was built before this process was forked, and its threads are not here: "
          "build it in the child, or use the "
          "start method 'spawn'");
  } else {
    PyErr_Format(PyExc_TypeError, "expected a %s", type);
  }
}

bool ThreadsOf(int32_t asked, int32_t* threads) {
  *threads = asked;
  if (!threads_lost) return true;
  if (locks_lost) {
    Raise(MIRIN_FAILED_PRECONDITION,
          "this process was forked while a model was at work in another thread, and what that had "
          "locked stays so: fork "
          "before, or use the start method 'spawn'");
    return false;
  }
  if (asked > 1) {
    const std::string message =
        "this process was forked from one that had loaded models, and its threads are not here: "
        "thread_num " +
        std::to_string(asked) + " is not possible; use 0 or 1, or the start method 'spawn'";
    Raise(MIRIN_FAILED_PRECONDITION, message.c_str());
    return false;
  }
  *threads = 1;
  return true;
}

}  // namespace mirin::python
