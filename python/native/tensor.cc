#include "python/native/tensor.h"

#include <cstdint>
#include <vector>

#include "python/native/handle.h"

namespace mirin::python {
namespace {

struct TensorObject {
  PyObject_HEAD mirin_tensor* tensor;
  BufferView owner;  // obj is NULL when the memory is the tensor's own
};

PyTypeObject* tensor_type = nullptr;

TensorObject* Self(PyObject* object) { return reinterpret_cast<TensorObject*>(object); }

bool IsReadOnly(const TensorObject* self) {
  return self->owner.obj != nullptr && self->owner.readonly != 0;
}

void Dealloc(PyObject* object) {
  TensorObject* self = Self(object);
  PyTypeObject* type = Py_TYPE(object);
  mirin_tensor_destroy(self->tensor);
  if (self->owner.obj != nullptr) PyBuffer_Release(&self->owner);
  reinterpret_cast<freefunc>(PyType_GetSlot(type, Py_tp_free))(object);
  Py_DECREF(type);
}

int GetBuffer(PyObject* object, BufferView* view, int flags) {
  static char empty[64];  // consumers do not take NULL, even of no bytes
  TensorObject* self = Self(object);
  if (mirin_tensor_dtype(self->tensor) == MIRIN_DTYPE_STRING) {
    PyErr_SetString(PyExc_BufferError, "a tensor of texts has no buffer");
    view->obj = nullptr;
    return -1;
  }
  void* data = const_cast<void*>(mirin_tensor_data(self->tensor));
  return PyBuffer_FillInfo(view, object, data == nullptr ? empty : data,
                           static_cast<Py_ssize_t>(mirin_tensor_size(self->tensor)),
                           IsReadOnly(self) ? 1 : 0, flags);
}

PyObject* GetDims(PyObject* object, void*) {
  const mirin_tensor* tensor = Self(object)->tensor;
  const size_t rank = mirin_tensor_rank(tensor);
  const int64_t* dims = mirin_tensor_dims(tensor);
  PyObject* list = PyList_New(static_cast<Py_ssize_t>(rank));
  for (size_t i = 0; list != nullptr && i < rank; ++i)
    PyList_SetItem(list, static_cast<Py_ssize_t>(i), PyLong_FromLongLong(dims[i]));
  return list;
}

PyObject* GetDtype(PyObject* object, void*) {
  return PyLong_FromLong(mirin_tensor_dtype(Self(object)->tensor));
}
PyObject* GetSize(PyObject* object, void*) {
  return PyLong_FromSize_t(mirin_tensor_size(Self(object)->tensor));
}
PyObject* GetReadOnly(PyObject* object, void*) { return PyBool_FromLong(IsReadOnly(Self(object))); }

bool DimsFrom(PyObject* sequence, std::vector<int64_t>* dims) {
  const bool is_tuple = PyTuple_Check(sequence) != 0;
  const Py_ssize_t rank = is_tuple ? PyTuple_Size(sequence) : PyList_Size(sequence);
  if (rank < 0) return false;
  dims->resize(static_cast<size_t>(rank));
  for (Py_ssize_t i = 0; i < rank; ++i) {
    (*dims)[static_cast<size_t>(i)] =
        PyLong_AsLongLong(is_tuple ? PyTuple_GetItem(sequence, i) : PyList_GetItem(sequence, i));
    if (PyErr_Occurred() != nullptr) return false;
  }
  return true;
}

PyObject* NewObject(mirin_tensor* tensor, const BufferView* owner) {
  const auto alloc = reinterpret_cast<allocfunc>(PyType_GetSlot(tensor_type, Py_tp_alloc));
  PyObject* object = alloc(tensor_type, 0);
  if (object == nullptr) return nullptr;
  Self(object)->tensor = tensor;
  if (owner != nullptr) Self(object)->owner = *owner;
  return object;
}

}  // namespace

PyObject* CreateTensorType() {
  static PyGetSetDef getters[] = {
      {"dims", GetDims, nullptr, "sizes of the axes", nullptr},
      {"dtype", GetDtype, nullptr, "number of the dtype", nullptr},
      {"size", GetSize, nullptr, "bytes of the elements", nullptr},
      {"readonly", GetReadOnly, nullptr, "whether the memory may not be written", nullptr},
      {nullptr, nullptr, nullptr, nullptr, nullptr},
  };
  static PyType_Slot slots[] = {
      {Py_tp_dealloc, reinterpret_cast<void*>(Dealloc)},
      {Py_tp_getset, getters},
      {kSlotGetBuffer, reinterpret_cast<void*>(GetBuffer)},
      {0, nullptr},
  };
  static PyType_Spec spec = {"mindspore_lite._capi.NativeTensor", sizeof(TensorObject), 0,
                             Py_TPFLAGS_DEFAULT, slots};
  // a module that is imported anew finds the type that live tensors have
  if (tensor_type == nullptr) tensor_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  Py_XINCREF(reinterpret_cast<PyObject*>(tensor_type));
  return reinterpret_cast<PyObject*>(tensor_type);
}

PyObject* WrapTensor(mirin_tensor* tensor) {
  PyObject* object = NewObject(tensor, nullptr);
  if (object == nullptr) mirin_tensor_destroy(tensor);
  return object;
}

mirin_tensor* TensorOf(PyObject* object) {
  if (Py_TYPE(object) != tensor_type) {
    PyErr_SetString(PyExc_TypeError, "expected a NativeTensor");
    return nullptr;
  }
  return Self(object)->tensor;
}

PyObject* tensor_create(int dtype, PyObject* dims) {
  std::vector<int64_t> sizes;
  if (!DimsFrom(dims, &sizes)) return nullptr;
  mirin_tensor* tensor = nullptr;
  mirin_status* status =
      mirin_tensor_create(static_cast<mirin_dtype>(dtype), sizes.data(), sizes.size(), &tensor);
  return status != nullptr ? Raise(status) : WrapTensor(tensor);
}

PyObject* tensor_borrow(PyObject* owner, int dtype, PyObject* dims) {
  std::vector<int64_t> sizes;
  if (!DimsFrom(dims, &sizes)) return nullptr;
  BufferView view;
  if (PyObject_GetBuffer(owner, &view, kBufferSimple) != 0) {
    if (PyErr_ExceptionMatches(PyExc_BufferError) == 0 &&
        PyErr_ExceptionMatches(PyExc_ValueError) == 0)
      return nullptr;
    PyErr_Clear();
    Py_RETURN_NONE;
  }
  const size_t item = mirin_dtype_size(static_cast<mirin_dtype>(dtype));
  if (item > 1 && reinterpret_cast<uintptr_t>(view.buf) % item != 0) {
    PyBuffer_Release(&view);
    Py_RETURN_NONE;
  }
  mirin_tensor* tensor = nullptr;
  mirin_status* status =
      mirin_tensor_create_borrowed(static_cast<mirin_dtype>(dtype), sizes.data(), sizes.size(),
                                   view.buf, static_cast<size_t>(view.len), &tensor);
  PyObject* object = status != nullptr ? Raise(status) : NewObject(tensor, &view);
  if (object == nullptr) {
    mirin_tensor_destroy(tensor);
    PyBuffer_Release(&view);
  }
  return object;
}

PyObject* tensor_from_texts(PyObject* texts, PyObject* dims) {
  std::vector<int64_t> sizes;
  if (!DimsFrom(dims, &sizes)) return nullptr;
  const Py_ssize_t count = PyList_Size(texts);
  if (count < 0) return nullptr;
  std::vector<const char*> pointers;
  std::vector<size_t> lengths;
  for (Py_ssize_t i = 0; i < count; ++i) {
    char* text = nullptr;
    Py_ssize_t length = 0;
    if (PyBytes_AsStringAndSize(PyList_GetItem(texts, i), &text, &length) != 0) return nullptr;
    pointers.push_back(text);
    lengths.push_back(static_cast<size_t>(length));
  }
  int64_t elements = 1;
  for (const int64_t size : sizes) elements *= size;  // the caller's shape, of `count` elements
  if (elements != count)
    return Raise(MIRIN_INVALID_ARGUMENT, "the number of texts is not the shape's");
  mirin_tensor* tensor = nullptr;
  mirin_status* status = mirin_tensor_create_strings(sizes.data(), sizes.size(), pointers.data(),
                                                     lengths.data(), &tensor);
  return status != nullptr ? Raise(status) : WrapTensor(tensor);
}

PyObject* tensor_texts(PyObject* object) {
  const mirin_tensor* tensor = TensorOf(object);
  if (tensor == nullptr) return nullptr;
  const int64_t count = mirin_tensor_elements(tensor);
  PyObject* list = PyList_New(static_cast<Py_ssize_t>(count));
  for (int64_t i = 0; list != nullptr && i < count; ++i) {
    size_t size = 0;
    const char* text = mirin_tensor_string(tensor, i, &size);
    PyObject* bytes = PyBytes_FromStringAndSize(text, static_cast<Py_ssize_t>(size));
    if (bytes == nullptr) {
      Py_DECREF(list);
      return nullptr;
    }
    PyList_SetItem(list, static_cast<Py_ssize_t>(i), bytes);
  }
  return list;
}

}  // namespace mirin::python
