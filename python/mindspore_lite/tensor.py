"""Tensor: dtype, shape and memory."""

from math import prod
from typing import Any, Dict, List, Optional, Tuple

import numpy as np
import numpy.typing as npt

from . import _capi, _check
from ._enums import DataType, Format
from ._errors import MirinError, error

__all__ = ["DataType", "Format", "Tensor"]

Array = npt.NDArray[Any]

_NUMPY_NAMES = {
    DataType.BOOL: "bool",
    DataType.INT8: "int8",
    DataType.INT16: "int16",
    DataType.INT32: "int32",
    DataType.INT64: "int64",
    DataType.UINT8: "uint8",
    DataType.UINT16: "uint16",
    DataType.UINT32: "uint32",
    DataType.UINT64: "uint64",
    DataType.FLOAT16: "float16",
    DataType.FLOAT32: "float32",
    DataType.FLOAT64: "float64",
}
# Keys are the members' numbers: members themselves hash slowly. `_value_` is what `value` looks up
# slowly.
_TO_NUMPY: "Dict[int, np.dtype[Any]]" = {k._value_: np.dtype(v) for k, v in _NUMPY_NAMES.items()}
_FROM_NUMPY: "Dict[np.dtype[Any], DataType]" = {np.dtype(v): k for k, v in _NUMPY_NAMES.items()}
_ITEM_SIZE: Dict[int, int] = {k: v.itemsize for k, v in _TO_NUMPY.items()}
_ITEM_SIZE[DataType.BFLOAT16._value_] = 2
DTYPES: Dict[int, DataType] = {d._value_: d for d in DataType}


def numpy_dtype(dtype: DataType) -> "Optional[np.dtype[Any]]":
    """numpy's dtype; for BFLOAT16 ml_dtypes' where that package is installed, else uint16: the
    bits. None: there is none.
    """
    found = _TO_NUMPY.get(dtype._value_)
    if found is None and dtype is DataType.BFLOAT16:
        try:
            from ml_dtypes import bfloat16
        except ImportError:
            return np.dtype("uint16")
        found = _TO_NUMPY[dtype._value_] = np.dtype(bfloat16)
        _FROM_NUMPY[found] = dtype
    return found


def _data_type_of(array: Array) -> Optional[DataType]:
    """The DataType of an array's elements, whatever their byte order; None when there is none."""
    dtype = array.dtype
    found = _FROM_NUMPY.get(dtype)
    if found is not None:
        return found
    if dtype.kind in "OUS":
        return DataType.STRING
    if dtype.name == "bfloat16":
        return DataType.BFLOAT16
    return _FROM_NUMPY.get(dtype.newbyteorder("="))


def _native_of(array: Array, dtype: DataType, shape: Any) -> Any:
    """A NativeTensor of this dtype and shape over the array's memory, or over a copy where it lies
    otherwise.
    """
    if dtype is DataType.STRING:
        texts = [t if isinstance(t, bytes) else str(t).encode() for t in array.ravel().tolist()]
        return _capi.tensor_from_texts(texts, shape)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if dtype is DataType.BFLOAT16:
        array = array.view(np.uint16) if array.flags.c_contiguous else array.copy().view(np.uint16)
    native = _capi.tensor_borrow(array, dtype._value_, shape)
    if native is None:
        native = _capi.tensor_borrow(np.array(array, order="C", copy=True), dtype._value_, shape)
    return native


def _unequal(text: str) -> MirinError:
    return error("INVALID_ARGUMENT", text, text)


def _fits(shape: Tuple[int, ...], declared: Optional[List[int]]) -> bool:
    """Whether a shape is one that the declared one, with -1 for what is open, leaves room for."""
    if declared is None:
        return True
    return len(shape) == len(declared) and all(d in (-1, s) for s, d in zip(shape, declared))


_new = object.__new__


class TensorHandle:
    """What wrappers of one tensor have in common; ``Tensor._tensor``."""

    __slots__ = ("name", "dtype", "shape", "format", "native", "is_open", "declared", "__weakref__")

    name: str
    dtype: DataType
    shape: List[int]
    format: Format
    native: Any  # a NativeTensor of this dtype and shape; None: not made yet
    is_open: bool  # the shape follows the data, within `declared`
    declared: Optional[List[int]]  # None: of any rank

    def __init__(
        self,
        name: str,
        dtype: DataType,
        shape: Optional[List[int]],
        tensor_format: Format,
        native: Any = None,
    ) -> None:
        self.name = name
        self.dtype = dtype
        self.shape = [-2] if shape is None else shape
        self.format = tensor_format
        self.native = native
        self.declared = shape
        self.is_open = shape is None or -1 in shape

    @staticmethod
    def of_result(name: str, dtype: DataType, native: Any, tensor_format: Format) -> "TensorHandle":
        """As the constructor does it, for what a run makes: quicker."""
        handle = _new(TensorHandle)
        handle.name = name
        handle.dtype = dtype
        handle.shape = native.dims
        handle.format = tensor_format
        handle.native = native
        handle.declared = None
        handle.is_open = False
        return handle

    def element_num(self) -> int:
        return prod(self.shape) if min(self.shape, default=0) >= 0 else 0

    def data_size(self) -> int:
        if self.dtype is DataType.STRING:
            return 0
        return self.element_num() * _ITEM_SIZE.get(self.dtype._value_, 0)

    def memory(self) -> Any:
        """The NativeTensor, made of zeros when nothing was set."""
        native = self.native
        if native is None:
            if min(self.shape, default=0) < 0:
                raise error(
                    "FAILED_PRECONDITION",
                    f"tensor '{self.name}' has the open shape {self.shape}: resize the model, set the shape or the data",
                )
            if self.dtype is DataType.STRING:
                native = _capi.tensor_from_texts([b""] * self.element_num(), self.shape)
            elif self.dtype._value_ not in _ITEM_SIZE:
                raise error(
                    "INVALID_ARGUMENT", f"tensor '{self.name}' has the dtype {self.dtype.name}"
                )
            else:
                native = _capi.tensor_create(self.dtype._value_, self.shape)
            self.native = native
        return native

    def reshape(self, shape: List[int]) -> None:
        """Another shape; the data stays where its size does."""
        old, self.shape = self.native, shape
        self.is_open = False
        if old is None or old.dims == shape:
            return
        same = (
            self.dtype is not DataType.STRING
            and min(shape, default=0) >= 0
            and self.data_size() == old.size
        )
        self.native = _capi.tensor_borrow(old, self.dtype._value_, shape) if same else None

    def take(self, native: Any, dims: List[int]) -> None:
        """The memory of a result, or what was written into this tensor's own."""
        self.native = (
            native if native.dims == dims else _capi.tensor_borrow(native, native.dtype, dims)
        )
        self.shape = dims
        if self.dtype._value_ != native.dtype:
            self.dtype = DTYPES[native.dtype]

    def set_data(self, array: Array) -> None:
        found = _data_type_of(array)
        is_bits = found is DataType.UINT16 and self.dtype is DataType.BFLOAT16
        if found is not self.dtype and not is_bits:
            raise _unequal(
                f"data type not equal! Numpy type: {array.dtype.type}, Tensor type: {self.dtype}"
            )
        shape = list(array.shape)
        if shape != self.shape:
            if self.is_open and _fits(array.shape, self.declared):
                self.shape = shape
            elif self.dtype is DataType.STRING:
                if array.size != self.element_num():
                    raise _unequal(
                        f"data size not equal! Numpy elements: {array.size}, Tensor elements: {self.element_num()}"
                    )
            elif array.nbytes != self.data_size() or min(self.shape, default=0) < 0:
                raise _unequal(
                    f"data size not equal! Numpy size: {array.nbytes}, Tensor size: {self.data_size()}"
                )
        self.native = _native_of(array, self.dtype, self.shape)


class Tensor:
    """A tensor: name, dtype, shape, format and dense memory in C order.

    Args:
        tensor: nothing: zeros of the given shape and dtype; a ``numpy.ndarray``: over its memory,
            as :meth:`set_data_from_numpy`; another tensor's ``_tensor``: a second wrapper of the
            same tensor.
        shape: of a new tensor; default ``[]``.
        dtype: of a new tensor; default ``DataType.FLOAT32``, or the array's.
        device: "cpu", or None.

    Any number of threads may read a tensor, one at a time may change it.

    Example:
        >>> import mindspore_lite as mslite, numpy as np
        >>> x = mslite.Tensor(np.ones((2, 3), np.float32))
        >>> x.shape
        [2, 3]
    """

    __slots__ = ("_tensor", "__weakref__")

    _tensor: TensorHandle

    def __init__(
        self,
        tensor: "Optional[TensorHandle | Array]" = None,
        shape: Optional[List[int]] = None,
        dtype: Optional[DataType] = None,
        device: Optional[str] = None,
    ) -> None:
        if tensor.__class__ is TensorHandle:
            self._tensor = tensor
            return
        if device is not None:
            _check.isinstance_of("device", device, str)
            if device.split(":")[0] != "cpu":
                raise ValueError(f"device must be in ['cpu'], but got {device}.")
        self._tensor = TensorHandle("", DataType.FLOAT32, [], Format.NCHW)
        if tensor is not None:
            if not isinstance(tensor, np.ndarray):
                raise _check.type_error("tensor", "MindSpore Lite's Tensor._tensor", tensor)
            found = _data_type_of(tensor)
            if found is None and dtype is None:
                raise error("INVALID_ARGUMENT", f"no tensor has elements of {tensor.dtype}")
            self._tensor.dtype = found or DataType.UNKNOWN
            self._tensor.shape = list(tensor.shape)
        if dtype is not None:
            self.dtype = dtype
        if shape is not None:
            self.shape = shape
        if tensor is not None:
            self._tensor.set_data(tensor)

    @property
    def name(self) -> str:
        """The name; a model's tensors carry the model's names."""
        return self._tensor.name

    @name.setter
    def name(self, value: str) -> None:
        _check.isinstance_of("name", value, str)
        self._tensor.name = value

    @property
    def dtype(self) -> DataType:
        """Type of the elements. Setting another one drops the data."""
        return self._tensor.dtype

    @dtype.setter
    def dtype(self, value: DataType) -> None:
        _check.isinstance_of("dtype", value, DataType)
        if value is not self._tensor.dtype:
            self._tensor.dtype = value
            self._tensor.native = None

    @property
    def shape(self) -> List[int]:
        """Sizes of the axes; -1 where a model leaves one open, ``[-2]`` where it leaves the rank
        open.

        Setting it keeps the data when that has the same size, and drops it otherwise.
        """
        return list(self._tensor.shape)

    @shape.setter
    def shape(self, value: List[int]) -> None:
        _check.list_of("shape", value, int)
        self._tensor.reshape([int(v) for v in value])

    @property
    def format(self) -> Format:
        """Meaning of the axes; nothing depends on it."""
        return self._tensor.format

    @format.setter
    def format(self, value: Format) -> None:
        _check.isinstance_of("format", value, Format)
        self._tensor.format = value

    @property
    def element_num(self) -> int:
        """Number of elements; 0 while an axis is open. Read only."""
        return self._tensor.element_num()

    @element_num.setter
    def element_num(self, value: Any) -> None:
        raise AttributeError("can't set attribute")

    @property
    def data_size(self) -> int:
        """Bytes of the elements; 0 while an axis is open, and for texts. Read only."""
        return self._tensor.data_size()

    @data_size.setter
    def data_size(self, value: Any) -> None:
        raise AttributeError("can't set attribute")

    @property
    def device(self) -> str:
        """Where the memory is: "cpu"."""
        return "cpu"

    def set_data_from_numpy(self, numpy_obj: Array) -> None:
        """Takes the array's memory as the tensor's, without a copy: later changes of the array are
        seen.

        Arrays in another order (strided, Fortran, big endian, not aligned) are copied. A read-only
        array stays so. An array of another shape but the same size in bytes is taken in the
        tensor's shape; where the shape is open it becomes the array's. DataType.STRING takes arrays
        of str, bytes or objects, which are copied.

        Args:
            numpy_obj: of the tensor's dtype. DataType.BFLOAT16 takes ml_dtypes' bfloat16, or uint16
                as bits.

        Raises:
            TypeError: it is no array.
            RuntimeError: dtype or size differ.
        """
        if not isinstance(numpy_obj, np.ndarray):
            raise _check.type_error("numpy_obj", "numpy.ndarray", numpy_obj)
        self._tensor.set_data(numpy_obj)

    def get_data_to_numpy(self) -> Array:
        """The elements as an array over the tensor's memory: writes go through, and the array keeps
        the memory alive.

        Texts are an array of str of their own. bfloat16 is ml_dtypes' type where that is installed,
        else uint16.

        Raises:
            RuntimeError: the shape is open, or the dtype is none.
        """
        handle = self._tensor
        native = handle.memory()
        dtype = numpy_dtype(handle.dtype)
        if dtype is None:
            texts = [t.decode("utf-8", "surrogateescape") for t in _capi.tensor_texts(native)]
            array: Array = np.empty(len(texts), object)
            array[:] = texts
            return array.reshape(handle.shape)
        return np.ndarray(handle.shape, dtype, native)

    def __array__(self, dtype: Any = None, copy: Optional[bool] = None) -> Array:
        array = self.get_data_to_numpy()
        if dtype is not None and array.dtype != dtype:
            if copy is False:
                raise ValueError(f"elements of {array.dtype} cannot become {dtype} without a copy")
            return array.astype(dtype)
        return array.copy() if copy else array

    def __dlpack__(self, **kwargs: Any) -> Any:
        """The memory for other libraries, by DLPack, without a copy."""
        return self.get_data_to_numpy().__dlpack__(**kwargs)

    def __dlpack_device__(self) -> Tuple[int, int]:
        """(1, 0): the CPU."""
        return (1, 0)

    @staticmethod
    def from_dlpack(data: Any) -> "Tensor":
        """A tensor over the memory of another library's array, by DLPack, without a copy where it
        is in C order.
        """
        return Tensor(np.from_dlpack(data))

    def __str__(self) -> str:
        handle = self._tensor
        return (
            f"name: {handle.name},\ndtype: {handle.dtype},\nshape: {handle.shape},\nformat: {handle.format},\n"
            f"element_num: {handle.element_num()},\ndata_size: {handle.data_size()}."
        )

    def __repr__(self) -> str:
        handle = self._tensor
        return f"<Tensor {handle.name!r} {handle.dtype.name} {handle.shape}>"

    # Spellings before 2.0.

    def set_tensor_name(self, tensor_name: str) -> None:
        """Older spelling of ``name = ...``."""
        _check.isinstance_of("tensor_name", tensor_name, str)
        self._tensor.name = tensor_name

    def get_tensor_name(self) -> str:
        """Older spelling of ``name``."""
        return self.name

    def set_data_type(self, data_type: DataType) -> None:
        """Older spelling of ``dtype = ...``."""
        _check.isinstance_of("data_type", data_type, DataType)
        self.dtype = data_type

    def get_data_type(self) -> DataType:
        """Older spelling of ``dtype``."""
        return self.dtype

    def set_shape(self, shape: List[int]) -> None:
        """Older spelling of ``shape = ...``."""
        self.shape = shape

    def get_shape(self) -> List[int]:
        """Older spelling of ``shape``."""
        return self.shape

    def set_format(self, tensor_format: Format) -> None:
        """Older spelling of ``format = ...``."""
        _check.isinstance_of("tensor_format", tensor_format, Format)
        self.format = tensor_format

    def get_format(self) -> Format:
        """Older spelling of ``format``."""
        return self.format

    def get_element_num(self) -> int:
        """Older spelling of ``element_num``."""
        return self.element_num

    def get_data_size(self) -> int:
        """Older spelling of ``data_size``."""
        return self.data_size


def as_native(array: Array, dtype: Optional[DataType]) -> Any:
    """A NativeTensor of an array that is an input of this dtype."""
    found = _FROM_NUMPY.get(array.dtype)
    if found is not None and found is dtype:
        native = _capi.tensor_borrow(array, found._value_, array.shape)
        if native is not None:
            return native
    found = _data_type_of(array)
    if found is None:
        raise error("INVALID_ARGUMENT", f"no tensor has elements of {array.dtype}")
    if dtype is DataType.BFLOAT16 and found is DataType.UINT16:
        found = dtype
    return _native_of(array, found, array.shape)


def as_output(array: Array, i: int, dtype: Optional[DataType]) -> Any:
    """A NativeTensor over an array that results are written to."""
    found = _data_type_of(array)
    if dtype is DataType.BFLOAT16 and found is DataType.UINT16:
        found = dtype
    native = None
    if found is not None and found is not DataType.STRING and array.dtype.isnative:
        if found is DataType.BFLOAT16:
            array = array.view(np.uint16)
        native = _capi.tensor_borrow(array, found._value_, array.shape)
    if native is None:
        raise error(
            "INVALID_ARGUMENT",
            f"outputs[{i}] must be an aligned array of numbers in C order and native byte order",
        )
    return native
