"""Tensors in frames, and as the values that stages see.

A numeric tensor is a writable numpy array; a text is a str; bytes are a one-dimensional array of uint8. Texts of other shapes than
[] and [1] are arrays of objects.
"""

import struct
from math import prod
from typing import Any, Dict, List, Optional, Tuple, Union

import numpy as np
import numpy.typing as npt

from ._segments import LARGE, Inputs, Outputs

Array = npt.NDArray[Any]
#: The values of one instance, or why they cannot be had.
Instance = Union[List[Any], Exception]

STRING = 12
_NAMES = {
    30: "bool",
    32: "int8",
    33: "int16",
    34: "int32",
    35: "int64",
    37: "uint8",
    38: "uint16",
    39: "uint32",
    40: "uint64",
    42: "float16",
    43: "float32",
    44: "float64",
}
DTYPES: "Dict[int, np.dtype[Any]]" = {number: np.dtype(name) for number, name in _NAMES.items()}
NUMBERS: "Dict[np.dtype[Any], int]" = {dtype: number for number, dtype in DTYPES.items()}
try:
    from ml_dtypes import bfloat16

    DTYPES[45] = np.dtype(bfloat16)
    NUMBERS[DTYPES[45]] = 45
except ImportError:
    DTYPES[45] = np.dtype("uint16")  # the bits

_MAX_RANK = 32
_HEAD = struct.Struct("<BBBB")
_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")
_PLACE = struct.Struct("<IQQ")
_DIMS = [struct.Struct(f"<{rank}q") for rank in range(_MAX_RANK + 1)]
_INLINE, _SENDERS, _RECEIVERS, _TEXTS = 0, 1, 2, 3


class Output:
    """A stage's value made ready for a frame; raises TypeError for what is none.

    array: None for texts.
    """

    __slots__ = ("array", "texts", "dtype", "flags", "dims")

    def __init__(self, value: Any) -> None:
        self.array: Optional[Array] = None
        self.texts: List[bytes] = []
        self.flags = 0
        if isinstance(value, np.ndarray):
            self._take_array(value)
        elif isinstance(value, str):
            self._take_texts([value.encode()], (), 0)
        elif isinstance(value, (bytes, bytearray)):
            self._take_texts([bytes(value)], (), 1)
        elif isinstance(value, (bool, int, float, np.generic)):
            self._take_array(_scalar(value))
        elif callable(getattr(value, "asnumpy", None)):
            self._take_array(value.asnumpy())
        else:
            raise TypeError(f"values of {type(value)} are not supported")

    def _take_texts(self, texts: List[bytes], dims: Tuple[int, ...], flags: int) -> None:
        self.dtype = STRING
        self.texts = texts
        self.dims = dims
        self.flags = flags

    def _take_array(self, array: Any) -> None:
        number = NUMBERS.get(array.dtype)
        if number is None:
            dtype = array.dtype
            if dtype.kind in "OUS":
                self._take_texts(*_texts_of(array))
                return
            number = NUMBERS.get(dtype.newbyteorder("="))
            if number is None:
                raise TypeError(f"arrays of {dtype} are not supported")
            array = array.astype(dtype.newbyteorder("="))
        if array.ndim > _MAX_RANK:
            raise TypeError(f"arrays of {array.ndim} axes are not supported")
        self.dtype = number
        self.dims = array.shape
        self.array = array


def _scalar(value: Any) -> Array:
    try:
        if isinstance(value, np.generic):
            return np.asarray(value)
        if isinstance(value, bool):
            return np.asarray(value, np.bool_)
        return np.asarray(value, np.int64 if isinstance(value, int) else np.float64)
    except OverflowError:
        raise TypeError(f"the integer {value} does not fit into 64 bits") from None


def _texts_of(array: Array) -> Tuple[List[bytes], Tuple[int, ...], int]:
    values = array.ravel().tolist()
    if all(isinstance(v, str) for v in values):
        return [v.encode() for v in values], array.shape, 0
    if all(isinstance(v, bytes) for v in values):
        return list(values), array.shape, 1
    raise TypeError("arrays of objects that are not all str, or all bytes, are not supported")


class Decoder:
    """Reads the tensors of one frame. Raises ValueError, struct.error, KeyError or TypeError when it is not as it should be."""

    __slots__ = ("_frame", "_at", "_inputs")

    def __init__(self, frame: bytearray, at: int, inputs: Inputs) -> None:
        self._frame = frame
        self._at = at
        self._inputs = inputs

    def u32(self) -> int:
        value: int = _U32.unpack_from(self._frame, self._at)[0]
        self._at += 4
        return value

    def bytes(self) -> bytes:
        size = self.u32()
        start = self._at
        self._at += size
        if self._at > len(self._frame):
            raise ValueError("a frame that ends early")
        return bytes(memoryview(self._frame)[start : self._at])

    def instances(self) -> List[Instance]:
        return [self.instance() for _ in range(self.u32())]

    def instance(self) -> Instance:
        values: List[Any] = []
        failure: Optional[Exception] = None
        for _ in range(self.u32()):
            try:
                values.append(self._tensor())
            except _BadValueError as e:
                failure = failure or e
        return failure or values

    def _tensor(self) -> Any:
        frame, at = self._frame, self._at
        number, flags, rank, place = _HEAD.unpack_from(frame, at)
        at += 4
        if rank > _MAX_RANK:
            dims: Tuple[int, ...] = struct.unpack_from(f"<{rank}q", frame, at)
        else:
            dims = _DIMS[rank].unpack_from(frame, at)
        at += 8 * rank
        if place == _INLINE:
            (size,) = _U64.unpack_from(frame, at)
            at += 8
            self._at = at + (size + 7) // 8 * 8
            if self._at > len(frame):
                raise ValueError("a frame that ends early")
            if rank > _MAX_RANK:
                raise _rank_error(rank)
            dtype = DTYPES[number]
            array: Array = np.ndarray(dims, dtype, frame, at).copy()
            if array.nbytes != size:
                raise ValueError("a tensor whose size is not its shape's")
            return array
        if place == _TEXTS:
            self._at = at
            return self._texts(flags, dims)
        buffer, offset, size = _PLACE.unpack_from(frame, at)
        self._at = at + 20
        if place != _SENDERS:
            raise ValueError(f"a tensor at place {place}")
        if rank > _MAX_RANK:
            raise _rank_error(rank)
        return self._inputs.array(buffer, offset, size, DTYPES[number], dims)

    def _texts(self, flags: int, dims: Tuple[int, ...]) -> Any:
        texts = [self.bytes() for _ in range(self.u32())]
        if len(texts) != prod(dims):
            raise ValueError("a tensor whose number of texts is not its shape's")
        if flags & 1:
            values: List[Any] = [np.frombuffer(bytearray(t), np.uint8) for t in texts]
        else:
            try:
                values = [t.decode() for t in texts]
            except UnicodeDecodeError as e:
                raise _BadValueError(
                    f"an input is not UTF-8: {e.reason} at byte {e.start}"
                ) from None
        if dims in ((), (1,)):
            return values[0]
        array: Array = np.empty(len(values), object)
        array[:] = texts if flags & 1 else values
        return array.reshape(dims)


class _BadValueError(Exception):
    """An input that cannot be a Python value: its instance fails, the others do not."""


def _rank_error(rank: int) -> _BadValueError:
    return _BadValueError(f"an input has {rank} axes, at most {_MAX_RANK} are supported")


class Encoder:
    """Writes tensors to a frame."""

    def __init__(self, inputs: Inputs, outputs: Outputs) -> None:
        self._inputs = inputs
        self._outputs = outputs

    def instance(self, values: List[Output], frame: bytearray) -> None:
        frame += _U32.pack(len(values))
        for value in values:
            array = value.array
            rank = len(value.dims)
            dims = _DIMS[rank].pack(*value.dims)
            if array is None:
                frame += _HEAD.pack(STRING, value.flags, rank, _TEXTS)
                frame += dims
                frame += _U32.pack(len(value.texts))
                for text in value.texts:
                    frame += _U32.pack(len(text))
                    frame += text
                continue
            size = array.nbytes
            at = self._place(array, size)
            if at is None:
                frame += _HEAD.pack(value.dtype, 0, rank, _INLINE)
                frame += dims
                frame += _U64.pack(size)
                frame += array.tobytes()
                frame += b"\0" * (-size % 8)
            else:
                frame += _HEAD.pack(value.dtype, 0, rank, at[0])
                frame += dims
                frame += _PLACE.pack(at[1], at[2], size)

    def _place(self, array: Array, size: int) -> Optional[Tuple[int, int, int]]:
        """The segment with the array's bytes: place, buffer, offset. None: they are sent inline."""
        if size < LARGE:
            return None
        if array.flags.c_contiguous:
            received = self._inputs.place_of(array)
            if received is not None:
                return (_RECEIVERS, *received)
        try:
            return _SENDERS, self._outputs.put(array), 0
        except OSError:  # no memory or no descriptors for a segment
            return None
