#ifndef PYTHON_NATIVE_HELD_BUFFER_H_
#define PYTHON_NATIVE_HELD_BUFFER_H_

#include "python/native/python_abi.h"

namespace mirin::python {

// The memory of an object with the buffer protocol, held until the end.
class HeldBuffer {
 public:
  HeldBuffer() = default;
  ~HeldBuffer() {
    if (view_.obj != nullptr) PyBuffer_Release(&view_);
  }
  HeldBuffer(const HeldBuffer&) = delete;
  HeldBuffer& operator=(const HeldBuffer&) = delete;

  // False: raised.
  bool Take(PyObject* object) { return PyObject_GetBuffer(object, &view_, kBufferSimple) == 0; }
  const void* data() const { return view_.buf; }
  size_t size() const { return static_cast<size_t>(view_.len); }

 private:
  BufferView view_{};
};

}  // namespace mirin::python

#endif  // PYTHON_NATIVE_HELD_BUFFER_H_
