// NativeTensor: a mirin_tensor as a Python object that exports its memory by the buffer protocol
// and keeps alive what it borrows.
#ifndef PYTHON_NATIVE_TENSOR_H_
#define PYTHON_NATIVE_TENSOR_H_

#include "mirin/mirin.h"
#include "python/native/python_abi.h"

namespace mirin::python {

// Makes the type; once, when the module is loaded. Returns a new reference, or NULL with an
// exception set.
PyObject* CreateTensorType();

// A new object that owns the tensor, in failure too; NULL with an exception set.
PyObject* WrapTensor(mirin_tensor* tensor);
// The tensor of an object; NULL with an exception set when it is none.
mirin_tensor* TensorOf(PyObject* object);

// All below return a new reference, or NULL with an exception set. dims: a list or tuple of ints.

// Zeroed memory of its own.
PyObject* tensor_create(int dtype, PyObject* dims);
// Over the memory of an object with the buffer protocol, which stays alive and locked; read only
// where that object is. None when the memory is not in C order or not aligned for the dtype: it
// must be copied first.
PyObject* tensor_borrow(PyObject* owner, int dtype, PyObject* dims);
// A tensor of texts: texts is a list of bytes.
PyObject* tensor_from_texts(PyObject* texts, PyObject* dims);
// The texts of a tensor, a list of bytes.
PyObject* tensor_texts(PyObject* tensor);

}  // namespace mirin::python

#endif  // PYTHON_NATIVE_TENSOR_H_
