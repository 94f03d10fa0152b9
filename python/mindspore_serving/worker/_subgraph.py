"""Runs one file of a model for instances: with a batch axis they are stacked to the batch that the model takes, and results split."""

from math import prod
from typing import Any, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from ..server.register._registry import ModelDeclaration
from ._tensors import DTYPES, STRING, Array, Output

#: What one instance has, or gives.
Values = Tuple[Any, ...]

_NAMES = {
    0: "Unknown",
    12: "String",
    30: "Bool",
    32: "Int8",
    33: "Int16",
    34: "Int32",
    35: "Int64",
    37: "Uint8",
    38: "Uint16",
    39: "Uint32",
    40: "Uint64",
    42: "Float16",
    43: "Float32",
    44: "Float64",
    45: "BFloat16",
}


class _Spec(NamedTuple):
    """An input or output."""

    number: int  # of the dtype
    dtype: "Optional[np.dtype[Any]]"  # None: texts, or unknown
    dims: Optional[List[int]]  # the model's; None: of any rank
    batched: bool
    instance: Optional[Tuple[int, ...]]  # dims of one instance; None: open
    size: int  # bytes of one instance; -1: open


def _spec(number: int, dims: Optional[List[int]], batched: bool) -> _Spec:
    dtype = DTYPES.get(number)
    own = None if dims is None else tuple(dims[1:] if batched else dims)
    if own is None or -1 in own:
        return _Spec(number, dtype, dims, batched, None, -1)
    return _Spec(number, dtype, dims, batched, own, prod(own) * dtype.itemsize if dtype else -1)


def _text(dims: Sequence[int]) -> str:
    return f"[{', '.join(map(str, dims))}]"


class Subgraph:
    """A loaded file with its session; one thread at a time. Raises RuntimeError where the declaration does not suit the model.

    states: the model's, indices by name.
    """

    def __init__(self, capi: Any, native: Any, options: Any, declaration: ModelDeclaration) -> None:
        self._capi = capi
        self._native = native
        self.session = capi.create_session(native, options)
        self.states = {
            str(capi.mirin_model_state_name(native, i)): i
            for i in range(capi.mirin_model_state_count(native))
        }
        inputs = capi.model_inputs(native)
        outputs = capi.model_outputs(native)
        shared = declaration.without_batch_dim_inputs
        batched = [declaration.with_batch_dim and i not in shared for i in range(len(inputs))]
        self._has_batch = any(batched)
        # instances that one run takes; 0: any number
        self.batch = _batch_of(inputs, outputs, batched) if self._has_batch else 1
        self._inputs = [_spec(v[1], v[2], b) for v, b in zip(inputs, batched)]
        self._outputs = [_spec(v[1], v[2], self._has_batch) for v in outputs]
        self._is_simple = self.batch == 1 and all(
            s.size >= 0 and s.dims is not None and -1 not in s.dims for s in self._inputs
        )

    def run(self, instances: Sequence[Sequence[Any]]) -> List[Values]:
        """Raises RuntimeError; then none has a result."""
        count = len(self._inputs)
        for i, instance in enumerate(instances):
            if len(instance) != count:
                raise RuntimeError(
                    f"The inputs count {len(instance)} of instance {i} is not equal to the inputs count {count} of the model"
                )
        if self._is_simple:
            return [self._run_one(instance) for instance in instances]
        arrays = [[self._array(i, v) for i, v in enumerate(instance)] for instance in instances]
        results: List[Values] = []
        for part in self._parts(arrays):
            results += self._run_part(part)
        return results

    def _session_run(self, natives: List[Any]) -> List[Any]:
        return self._capi.run_session(self._native, self.session, natives, None, 0, None)  # type: ignore[no-any-return]

    def _run_one(self, instance: Sequence[Any]) -> Values:
        natives = []
        for i, spec in enumerate(self._inputs):
            natives.append(self._borrow(self._array(i, instance[i]), spec.number, spec.dims))
        return tuple(map(self._whole, self._session_run(natives), self._outputs))

    def _array(self, i: int, value: Any) -> Any:
        """The input as an array; texts as a list of bytes."""
        spec = self._inputs[i]
        if not isinstance(value, np.ndarray):
            try:
                output = Output(value)
            except (TypeError, UnicodeError) as e:
                raise RuntimeError(f"Given model input {i} is not supported: {e}") from None
            if output.array is None:
                value = np.array(output.texts, object).reshape(output.dims)
            else:
                value = output.array
        dtype = value.dtype
        if spec.number == STRING or dtype.kind in "OUS":
            if spec.number != STRING or dtype.kind not in "OUS":
                raise self._wrong_dtype(i, dtype)
            return value
        if spec.size >= 0 and value.nbytes != spec.size:
            raise RuntimeError(
                f"Given model input {i} size {value.nbytes} not match the size {spec.size} defined in model"
            )
        if dtype is not spec.dtype and dtype != spec.dtype and spec.dtype is not None:
            raise self._wrong_dtype(i, dtype)
        if spec.size < 0 and spec.dims is not None:
            own = spec.dims[1:] if spec.batched else spec.dims
            if len(own) != value.ndim or any(d not in (-1, n) for d, n in zip(own, value.shape)):
                raise RuntimeError(
                    f"Given model input {i} shape {_text(value.shape)} not match the shape {_text(own)} defined in model"
                )
        return value

    def _wrong_dtype(self, i: int, dtype: "np.dtype[Any]") -> RuntimeError:
        given = next(
            (n for n, d in DTYPES.items() if d == dtype), STRING if dtype.kind in "OUS" else 0
        )
        return RuntimeError(
            f"Given model input {i} data type kMSI_{_NAMES[given]} not match the data type "
            f"kMSI_{_NAMES.get(self._inputs[i].number, 'Unknown')} defined in model"
        )

    def _borrow(self, array: Array, number: int, dims: Any) -> Any:
        native = self._capi.tensor_borrow(array, number, dims)
        if native is None:
            native = self._capi.tensor_borrow(np.array(array, order="C", copy=True), number, dims)
        return native

    def _parts(self, instances: List[List[Any]]) -> Iterator[List[List[Any]]]:
        """Neighbours that one run can take: inputs without a batch axis are equal, shapes of the others too."""
        part: List[List[Any]] = []
        for instance in instances:
            if part and (len(part) == self.batch or not self._goes_with(part[0], instance)):
                yield part
                part = []
            part.append(instance)
        yield part

    def _goes_with(self, first: List[Any], other: List[Any]) -> bool:
        for spec, a, b in zip(self._inputs, first, other):
            if spec.size < 0 and a.shape != b.shape:
                return False
            if not spec.batched and a is not b and a.tobytes() != b.tobytes():
                return False
        return True

    def _run_part(self, part: List[List[Any]]) -> List[Values]:
        natives = [self._stacked(spec, [x[i] for x in part]) for i, spec in enumerate(self._inputs)]
        results = self._session_run(natives)
        if not self._has_batch:
            return [tuple(map(self._whole, results, self._outputs))]
        columns = []
        size = self.batch or len(part)
        for i, (native, spec) in enumerate(zip(results, self._outputs)):
            array = self._of_native(native, spec, native.dims)
            if array.ndim == 0 or array.shape[0] != size:
                raise RuntimeError(
                    f"The shape {_text(array.shape)} of model output {i} does not match current batch size {size}"
                )
            columns.append(array)
        return [tuple(self._row(column, k) for column in columns) for k in range(len(part))]

    @staticmethod
    def _row(column: Array, k: int) -> Any:
        row = column[k]
        return row if isinstance(row, (np.ndarray, str)) else np.asarray(row)

    def _stacked(self, spec: _Spec, arrays: List[Any]) -> Any:
        first = arrays[0]
        shape = spec.instance if spec.instance is not None else first.shape
        if not spec.batched:
            return self._native_of(spec, first, shape)
        size = self.batch or len(arrays)
        if size == 1:
            return self._native_of(spec, first, (1, *shape))
        stacked: Array = np.empty((size, *shape), first.dtype)
        for k in range(size):  # what is missing repeats the first
            stacked[k] = (arrays[k] if k < len(arrays) else first).reshape(shape)
        return self._native_of(spec, stacked, stacked.shape)

    def _native_of(self, spec: _Spec, array: Array, shape: Tuple[int, ...]) -> Any:
        if spec.number != STRING:
            number = spec.number or next(n for n, d in DTYPES.items() if d == array.dtype)
            return self._borrow(array, number, shape)
        texts = [t if isinstance(t, bytes) else str(t).encode() for t in array.ravel().tolist()]
        return self._capi.tensor_from_texts(texts, shape)

    def _of_native(self, native: Any, spec: _Spec, dims: Sequence[int]) -> Array:
        dtype = spec.dtype or DTYPES.get(native.dtype)
        if dtype is not None:
            array: Array = np.ndarray(dims, dtype, native)
            return array
        texts: Array = np.empty(prod(dims), object)
        texts[:] = [t.decode("utf-8", "surrogateescape") for t in self._capi.tensor_texts(native)]
        return texts.reshape(dims)

    def _whole(self, native: Any, spec: _Spec) -> Any:
        """The output of the only instance of a run."""
        if spec.size >= 0 and spec.dims is not None and -1 not in spec.dims:
            return np.ndarray(spec.instance, spec.dtype, native)  # type: ignore[arg-type]
        dims = native.dims
        array = self._of_native(native, spec, dims[1:] if spec.batched else dims)
        return array[()] if array.dtype == object and array.ndim == 0 else array


def _batch_of(inputs: List[Any], outputs: List[Any], batched: List[bool]) -> int:
    """The size of the batch axis, 0 where it is open."""
    batch: Optional[int] = None
    values = [("input", i, v[2]) for i, v in enumerate(inputs) if batched[i]]
    values += [("output", i, v[2]) for i, v in enumerate(outputs)]
    for kind, i, dims in values:
        if dims is None:
            continue
        if batch is None and dims:
            batch = dims[0]
        if not dims or (dims[0] != batch and -1 not in (dims[0], batch)):
            raise RuntimeError(
                f"The shape {_text(dims)} of model {kind} {i} does not match current batch size {batch or 0}"
            )
    return batch if batch is not None and batch > 0 else 0
