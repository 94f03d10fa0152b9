"""What Model and ModelParallelRunner have in common."""

import asyncio
import functools
import math
import os
from typing import (
    Any,
    ClassVar,
    Dict,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Type,
    TypeVar,
    Union,
)

import numpy as np

from . import _capi, _check
from ._enums import DataType, Format, ModelType
from ._errors import MirinError, because, error
from .tensor import DTYPES, Array, Tensor, TensorHandle, as_native, as_output

Inputs = Union[Sequence[Union[Tensor, Array]], Dict[str, Union[Tensor, Array]]]
Outputs = Sequence[Union[Tensor, Array]]
_Self = TypeVar("_Self", bound="Predictor")

_CIPHERS = {"AES-GCM": 1, "AES-CBC": 2, "SM4-CBC": 3}


class Spec(NamedTuple):
    """A model's input or output. dims: -1 where a size is open, None where the rank is."""

    name: str
    dtype: DataType
    dims: Optional[List[int]]

    def handle(self, tensor_format: Format = Format.NCHW) -> TensorHandle:
        dims = None if self.dims is None else list(self.dims)
        return TensorHandle(self.name, self.dtype, dims, tensor_format)


def specs(entries: "List[Tuple[str, int, Optional[List[int]]]]") -> List[Spec]:
    return [Spec(name, DTYPES.get(dtype, DataType.UNKNOWN), dims) for name, dtype, dims in entries]


def settings(path: str, sections: Dict[str, Dict[str, str]]) -> Any:
    """A mirin_config of a file's settings and these; None without any. Raises MirinError."""
    if not path and not sections:
        return None
    config = _capi.mirin_config_create()
    if path:
        _capi.mirin_config_load_file(config, path)
    for section, values in sections.items():
        for key, value in values.items():
            _capi.mirin_config_set(config, section, key, value)
    return config


def load(
    source: Any,
    from_file: bool,
    config: Any,
    key: Optional[Union[str, bytes]] = None,
    mode: Optional[str] = None,
) -> Any:
    """A loaded model. Raises MirinError."""
    if isinstance(key, str):
        try:
            key = bytes.fromhex(key)
        except ValueError:
            raise error("INVALID_ARGUMENT", "dec_key is not hexadecimal") from None
    cipher = _CIPHERS[mode] if key and mode else 0  # a mode without a key says nothing
    return _capi.load_model(source, from_file, key or None, cipher, config)


def check_key(key: object, mode: object) -> None:
    if key is not None and not isinstance(key, (str, bytes)):
        raise _check.type_error("dec_key", "str", key)
    if mode is not None:
        _check.isinstance_of("dec_mode", mode, str)
        if mode not in _CIPHERS:
            raise ValueError(f"dec_mode must be in [{', '.join(_CIPHERS)}], but got {mode}.")


def check_suffix(path: str, model_type: ModelType) -> None:
    """Raises MirinError for a file whose name says that it is of the other type."""
    named = {".ms": ModelType.MINDIR_LITE, ".mindir": ModelType.MINDIR}.get(
        os.path.splitext(path)[1].lower()
    )
    if named is not None and named is not model_type:
        raise error("INVALID_ARGUMENT", f"'{path}' is a model of {named}, not of {model_type}")


def microseconds(timeout: Optional[float]) -> int:
    """The library's form of a time limit, where 0 is none."""
    if timeout is None:
        return 0
    if not isinstance(timeout, (int, float)):
        raise _check.type_error("timeout", "float", timeout)
    if math.isnan(timeout):
        raise ValueError("timeout must be a number of seconds, but got nan.")
    return max(1, int(min(timeout, 1e12) * 1e6))


class Predictor:
    """Signature and predict; subclasses say where runs take place."""

    __slots__ = ("_native", "_path", "_in", "_out", "__weakref__")

    _format: ClassVar[Format] = Format.DEFAULT  # of results, as MindSpore Lite prints it
    _native: Any  # the mirin_model; None before build and after close
    _path: str
    _in: List[Spec]
    _out: List[Spec]

    def __init__(self) -> None:
        self._native = None
        self._path = ""
        self._in = []
        self._out = []

    def _take(self, native: Any) -> None:
        self._in = specs(_capi.model_inputs(native))
        self._out = specs(_capi.model_outputs(native))
        self._native = native

    def _run(
        self, natives: List[Any], outputs: Optional[List[Any]], timeout_us: int, cancellation: Any
    ) -> List[Any]:
        raise NotImplementedError

    def close(self) -> None:
        """Frees the model. Runs in progress end first; later calls raise. Twice is fine."""
        self._native = None
        self._in = []
        self._out = []

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def get_inputs(self) -> List[Tensor]:
        """The model's inputs as new tensors: name, dtype, and shape with -1 where a size is open.
        [] before a build.
        """
        return [Tensor(spec.handle()) for spec in self._in]

    def get_outputs(self) -> List[Tensor]:
        """The model's outputs as new tensors, to read their names, dtypes and shapes, or to give to
        predict.
        """
        return [Tensor(spec.handle(Format.DEFAULT)) for spec in self._out]

    def _natives(self, inputs: Any) -> List[Any]:
        """NativeTensors of what a caller gave, in the model's order."""
        if isinstance(inputs, dict):
            names = [spec.name for spec in self._in]
            if set(names) != set(inputs):
                raise error(
                    "INVALID_ARGUMENT", f"the model's inputs are {names}, got {list(inputs)}"
                )
            inputs = [inputs[name] for name in names]
        elif not isinstance(inputs, (list, tuple)):
            raise _check.type_error("inputs", "list", inputs)
        natives = []
        for i, element in enumerate(inputs):
            if isinstance(element, Tensor):
                handle = element._tensor
                natives.append(handle.native or handle.memory())
            elif isinstance(element, np.ndarray):
                natives.append(as_native(element, self._in[i].dtype if i < len(self._in) else None))
            else:
                raise _check.type_error("inputs element", "Tensor", element, f" at index {i}")
        return natives

    def _predict(
        self, natives: List[Any], outputs: Any, timeout: Optional[float], cancellation: Any
    ) -> List[Any]:
        timeout_us = microseconds(timeout)
        if outputs is None or (isinstance(outputs, list) and not outputs):
            return self._wrap(self._run(natives, None, timeout_us, cancellation))
        into = self._into(outputs)
        if None not in into:
            self._run(natives, into, timeout_us, cancellation)
            results = into
        else:  # tensors without memory take the results', whatever their size
            results = self._run(natives, None, timeout_us, cancellation)
        for i, (element, own, result) in enumerate(zip(outputs, into, results)):
            if own is not None and own is not result:
                if own.dtype != result.dtype or own.size < result.size:
                    raise error(
                        "INVALID_ARGUMENT",
                        f"outputs[{i}] has no room for a result of {result.dims}",
                    )
                memoryview(own)[: result.size] = memoryview(result)
            if isinstance(element, Tensor):
                element._tensor.take(result if own is None else own, result.dims)
            elif result.dims != list(element.shape):
                raise error(
                    "INVALID_ARGUMENT",
                    f"outputs[{i}] has the shape {element.shape}, the result {result.dims}",
                )
        return list(outputs)

    def _into(self, outputs: Any) -> List[Any]:
        """NativeTensors of the caller's outputs; None for tensors that have no memory yet."""
        if not isinstance(outputs, (list, tuple)):
            raise _check.type_error("outputs", "list", outputs)
        into: List[Any] = []
        for i, element in enumerate(outputs):
            if isinstance(element, Tensor):
                into.append(element._tensor.native)
            elif isinstance(element, np.ndarray):
                into.append(
                    as_output(element, i, self._out[i].dtype if i < len(self._out) else None)
                )
            else:
                raise _check.type_error("outputs element", "Tensor", element, f" at index {i}")
            if into[-1] is not None and into[-1].readonly:
                raise error("INVALID_ARGUMENT", f"outputs[{i}] is read only")
        if self._native is not None and len(into) != len(self._out):
            raise error(
                "INVALID_ARGUMENT", f"the model has {len(self._out)} outputs, got {len(into)}"
            )
        return into

    def _wrap(self, natives: List[Any]) -> List[Tensor]:
        tensors = []
        for (name, dtype, _), native in zip(self._out, natives):
            if dtype is DataType.UNKNOWN:
                dtype = DTYPES[native.dtype]
            tensors.append(Tensor(TensorHandle.of_result(name, dtype, native, self._format)))
        return tensors

    def predict(
        self, inputs: Inputs, outputs: Optional[Outputs] = None, *, timeout: Optional[float] = None
    ) -> List[Any]:
        """Runs the model. Thread-safe; other Python threads run meanwhile.

        Args:
            inputs: tensors or numpy arrays in the model's order, or a dict of them by name. They
                are read in place and must not change meanwhile.
            outputs: tensors or arrays that the results are written to, one per output of the model;
                default: new tensors, which own their memory. After an error their contents are
                undefined.
            timeout: seconds after which the run is given up; default: none.

        Returns:
            The outputs: list of Tensor, or what ``outputs`` has.

        Raises:
            TypeError: inputs or outputs are neither tensors nor arrays.
            MirinError: a RuntimeError whose ``code`` and ``message`` tell the reason: a wrong
                count, dtype or shape (InvalidArgumentError, also a ValueError), no time
                (DeadlineExceededError, also a TimeoutError) ..
        """
        try:
            return self._predict(self._natives(inputs), outputs, timeout, None)
        except MirinError as e:
            raise because("predict failed! Error is", e) from None

    async def predict_async(
        self, inputs: Inputs, outputs: Optional[Outputs] = None, *, timeout: Optional[float] = None
    ) -> List[Any]:
        """As predict, in a thread of the running event loop's default executor.

        When the awaiting task is cancelled, the run is stopped at its next operator, and has ended
        before ``asyncio.CancelledError`` is raised.
        """
        try:
            natives = self._natives(inputs)
            cancellation = _capi.mirin_cancellation_create()
            call = functools.partial(self._predict, natives, outputs, timeout, cancellation)
            future = asyncio.get_running_loop().run_in_executor(None, call)
            try:
                return await asyncio.shield(future)
            except asyncio.CancelledError:
                _capi.mirin_cancellation_cancel(cancellation)
                await asyncio.wait([future])
                future.exception()
                raise
        except MirinError as e:
            raise because("predict failed! Error is", e) from None

    def get_input_by_tensor_name(self, tensor_name: str) -> Tensor:
        """The input of this name. RuntimeError when there is none."""
        return self._by_name("input", tensor_name, self.get_inputs())

    def get_output_by_tensor_name(self, tensor_name: str) -> Tensor:
        """The output of this name. RuntimeError when there is none."""
        return self._by_name("output", tensor_name, self.get_outputs())

    def _by_name(self, kind: str, name: str, tensors: List[Tensor]) -> Tensor:
        _check.isinstance_of("tensor_name", name, str)
        for tensor in tensors:
            if tensor.name == name:
                return tensor
        raise RuntimeError(
            f"get_{kind}_by_tensor_name failed! no {kind} is named '{name}', there are {[t.name for t in tensors]}"
        )

    def get_model_info(self, key: str) -> str:
        """A text that the model's file carries: "model_version", "producer_name", "user_info/KEY"
        ..; "" when absent.
        """
        _check.isinstance_of("key", key, str)
        if self._native is None:
            return ""
        return str(_capi.mirin_model_metadata(self._native, key))

    def __str__(self) -> str:
        return f"model_path: {self._path}."

    def __repr__(self) -> str:
        kind: Type[Predictor] = type(self)
        state = "built" if self._native is not None else "not built"
        return f"<{kind.__name__} {self._path!r} {state}>"
