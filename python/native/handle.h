// C handles as Python capsules: the capsule owns the handle, remembers its type, and belongs to the
// process that made it.
//
// After fork() the child has the parent's handles but none of its threads, so a handle that is used
// there raises and one that is dropped there is left alone. A child whose parent had loaded a model
// computes on its own thread only, and one that was forked in the middle of another thread's call,
// with whatever locks that held, does not compute at all (see ThreadsOf).
#ifndef PYTHON_NATIVE_HANDLE_H_
#define PYTHON_NATIVE_HANDLE_H_

#include "mirin/converter.h"
#include "mirin/mirin.h"
#include "python/native/python_abi.h"

namespace mirin::python {

// Lets other Python threads run while it lives, which is for one call of the library: see
// CallsInProgress.
class WithoutGil {
 public:
  WithoutGil();
  ~WithoutGil();
  WithoutGil(const WithoutGil&) = delete;
  WithoutGil& operator=(const WithoutGil&) = delete;

 private:
  PyThreadState* const state_;
};

// Session options with the memory that they point to; see NewSessionOptions.
struct SessionOptions;

template <typename T>
struct HandleTraits;

#define MIRIN_PYTHON_HANDLE(type, destroy)                 \
  template <>                                              \
  struct HandleTraits<type> {                              \
    static constexpr char kName[] = #type;                 \
    static void Destroy(type* handle) { destroy(handle); } \
  };

void DestroySessionOptions(SessionOptions* options);

MIRIN_PYTHON_HANDLE(mirin_model, mirin_model_destroy)
MIRIN_PYTHON_HANDLE(mirin_session, mirin_session_destroy)
MIRIN_PYTHON_HANDLE(mirin_pool, mirin_pool_destroy)
MIRIN_PYTHON_HANDLE(mirin_cancellation, mirin_cancellation_destroy)
MIRIN_PYTHON_HANDLE(mirin_config, mirin_config_destroy)
MIRIN_PYTHON_HANDLE(mirin_converter, mirin_converter_destroy)
MIRIN_PYTHON_HANDLE(SessionOptions, DestroySessionOptions)
#undef MIRIN_PYTHON_HANDLE

// Calls of the library that threads of this process are in.
int CallsInProgress();
// Counts the forks that lie between the first process and this one.
void* ForkGeneration();
// From now on a child of this process is one whose parent's threads are lost.
void MarkStarted();
// Sets the Python exception for a handle that cannot be used.
void RaiseUnusable(PyObject* object, const char* type);
// Sets the Python exception for a status, and destroys the status. Returns NULL.
PyObject* Raise(mirin_status* status);
PyObject* Raise(mirin_code code, const char* message);
// The callable (code, code_name, message) -> exception.
void SetErrorFactory(PyObject* factory);
// The number of threads that a session may use: what is asked for, in a child whose parent's
// threads are lost 1. False: raised.
bool ThreadsOf(int32_t asked, int32_t* threads);

template <typename T>
PyObject* Wrap(T* handle) {
  MarkStarted();
  PyObject* capsule = PyCapsule_New(handle, HandleTraits<T>::kName, [](PyObject* self) {
    if (PyCapsule_GetContext(self) != ForkGeneration()) return;
    T* owned = static_cast<T*>(PyCapsule_GetPointer(self, HandleTraits<T>::kName));
    const WithoutGil unlocked;
    HandleTraits<T>::Destroy(owned);
  });
  if (capsule == nullptr) {
    HandleTraits<T>::Destroy(handle);
    return nullptr;
  }
  PyCapsule_SetContext(capsule, ForkGeneration());
  return capsule;
}

// NULL with an exception set when object is no handle of this type, or is not this process's.
template <typename T>
T* Unwrap(PyObject* object) {
  if (!PyCapsule_IsValid(object, HandleTraits<T>::kName) ||
      PyCapsule_GetContext(object) != ForkGeneration()) {
    RaiseUnusable(object, HandleTraits<T>::kName);
    return nullptr;
  }
  return static_cast<T*>(PyCapsule_GetPointer(object, HandleTraits<T>::kName));
}

}  // namespace mirin::python

#endif  // PYTHON_NATIVE_HANDLE_H_
