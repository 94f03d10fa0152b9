// What Python's stable ABI of 3.9 lacks: the buffer protocol. Py_buffer became part of the stable
// ABI in 3.11 with the layout that it has had since 3.0, and types can fill its slots since 3.9;
// the declarations are ours, so that one module serves 3.9 and later.
#ifndef PYTHON_NATIVE_PYTHON_ABI_H_
#define PYTHON_NATIVE_PYTHON_ABI_H_

#define PY_SSIZE_T_CLEAN
#include <Python.h>

namespace mirin::python {

struct BufferView {
  void* buf;
  PyObject* obj;
  Py_ssize_t len;
  Py_ssize_t itemsize;
  int readonly;
  int ndim;
  char* format;
  Py_ssize_t* shape;
  Py_ssize_t* strides;
  Py_ssize_t* suboffsets;
  void* internal;
};
static_assert(sizeof(BufferView) == 80, "Py_buffer of the 64-bit ABI");

constexpr int kSlotGetBuffer = 1;  // Py_bf_getbuffer
constexpr int kBufferSimple = 0;   // PyBUF_SIMPLE

extern "C" {
int PyObject_GetBuffer(PyObject* exporter, BufferView* view, int flags);
void PyBuffer_Release(BufferView* view);
int PyBuffer_FillInfo(BufferView* view, PyObject* exporter, void* buf, Py_ssize_t len, int readonly,
                      int flags);
}

}  // namespace mirin::python

#endif  // PYTHON_NATIVE_PYTHON_ABI_H_
