"""Requests and replies as messages."""

from typing import Any, Dict, List, Optional, Sequence, Union

import numpy as np

from ..proto import ms_service_pb2 as pb
from ._memory import ALIGNMENT, LARGE, Lease

_DTYPES = {
    pb.MS_BOOL: "bool",
    pb.MS_INT8: "int8",
    pb.MS_UINT8: "uint8",
    pb.MS_INT16: "int16",
    pb.MS_UINT16: "uint16",
    pb.MS_INT32: "int32",
    pb.MS_UINT32: "uint32",
    pb.MS_INT64: "int64",
    pb.MS_UINT64: "uint64",
    pb.MS_FLOAT16: "float16",
    pb.MS_FLOAT32: "float32",
    pb.MS_FLOAT64: "float64",
}
_NUMPY = {number: np.dtype(name) for number, name in _DTYPES.items()}
_NUMBERS = {dtype: number for number, dtype in _NUMPY.items()}

Instances = Union[Dict[str, Any], Sequence[Dict[str, Any]]]


class ServingError(RuntimeError):
    """What went wrong with a request or an instance.

    Attributes:
        code: MindSpore Serving's code of the error; 14 and other codes of gRPC have is_transport.
        instance: index of the instance; None: the whole request.
        is_transport: the request has no answer: code is gRPC's.
        results: the results of all instances, as Client.infer returns them without raise_on_error; [] of a whole request.
    """

    def __init__(
        self,
        text: str,
        code: int,
        instance: Optional[int] = None,
        is_transport: bool = False,
        results: Sequence[Dict[str, Any]] = (),
    ) -> None:
        super().__init__(text)
        self.code = code
        self.instance = instance
        self.is_transport = is_transport
        self.results = list(results)


def _set(tensor: Any, value: Any, memory: Optional[Lease]) -> None:
    if isinstance(value, (np.ndarray, np.number, np.bool_)):
        array = np.asarray(value)
    elif isinstance(value, (bool, int, float)):
        kind = (
            np.bool_ if isinstance(value, bool) else np.int64 if isinstance(value, int) else float
        )
        try:
            array = np.array([value], kind)
        except OverflowError:
            raise RuntimeError(f"The integer {value} does not fit into 64 bits") from None
    elif isinstance(value, str):
        tensor.dtype = pb.MS_STRING
        tensor.shape.dims.append(1)
        tensor.bytes_val.append(value.encode())
        return
    elif isinstance(value, bytes):
        tensor.dtype = pb.MS_BYTES
        tensor.shape.dims.append(1)
        tensor.bytes_val.append(value)
        return
    else:
        raise RuntimeError(f"Not support value type {type(value)}")
    number = _NUMBERS.get(array.dtype)
    if number is None:
        number = _NUMBERS.get(array.dtype.newbyteorder("="))
        if number is None:
            raise RuntimeError(f"Unknown data type {array.dtype}")
        array = array.astype(_NUMPY[number])
    tensor.dtype = number
    tensor.shape.dims.extend(array.shape)
    if memory is None or array.nbytes < LARGE or not memory.put(array, tensor):
        tensor.data = array.tobytes()


def listed(instances: Instances) -> Sequence[Dict[str, Any]]:
    """One instance as a list of it."""
    return instances if isinstance(instances, (list, tuple)) else (instances,)


def large_bytes(instances: Instances) -> int:
    """Of the arrays that are worth shared memory."""
    sizes = (
        value.nbytes + ALIGNMENT
        for instance in listed(instances)
        if isinstance(instance, dict)
        for value in instance.values()
        if isinstance(value, np.ndarray)
    )
    return sum(size for size in sizes if size >= LARGE)


def large_result_bytes(reply: Any) -> int:
    """As large_bytes."""
    sizes = (
        max(len(tensor.data), tensor.shm_data.data_size) + ALIGNMENT
        for instance in reply.instances
        for tensor in instance.items.values()
    )
    return sum(size for size in sizes if size >= LARGE)


def refuses_memory(reply: Any, memory: Lease) -> bool:
    """Whether the server does not take what is in the memory, or does not know it any more: the request was not tried."""
    key = memory.key.encode()
    return any(key in error.error_msg for error in reply.error_msg)


def request_of(
    servable: str,
    method: str,
    version: int,
    instances: Instances,
    memory: Optional[Lease] = None,
) -> Any:
    """A PredictRequest, its large arrays in `memory`. Raises RuntimeError for a value that has no message."""
    request = pb.PredictRequest()
    spec = request.servable_spec
    spec.name, spec.method_name, spec.version_number = servable, method, version
    for instance in listed(instances):
        if not isinstance(instance, dict):
            raise RuntimeError("instance should be a map")
        items = request.instances.add().items
        for name, value in instance.items():
            _set(items[name], value, memory)
    if memory is not None:
        memory.offer_results(request)
    return request


def _value(tensor: Any, memory: Optional[Lease]) -> Any:
    if tensor.dtype in (pb.MS_STRING, pb.MS_BYTES):
        texts: List[Any] = list(tensor.bytes_val)
        if tensor.dtype == pb.MS_STRING:
            texts = [t.decode() for t in texts]
        return texts[0] if len(texts) == 1 else texts
    dtype = _NUMPY.get(tensor.dtype)
    if dtype is None:
        raise RuntimeError(f"Unknown data type {tensor.dtype}")
    if memory is not None and tensor.HasField("shm_data"):
        return memory.take(tensor.shm_data, dtype).reshape(list(tensor.shape.dims))
    return np.frombuffer(tensor.data, dtype).reshape(list(tensor.shape.dims))


def results_of(reply: Any, raise_on_error: bool, memory: Optional[Lease] = None) -> Any:
    """The outputs of each instance, {"error": text} for one that failed; that alone when all is wrong."""
    errors = [(e.error_code, e.error_msg.decode("utf-8", "replace")) for e in reply.error_msg]
    if len(errors) == 1 and errors[0][0] != 0 and len(reply.instances) != 1:
        if raise_on_error:
            raise ServingError(errors[0][1], errors[0][0])
        return {"error": errors[0][1]}
    results: List[Dict[str, Any]] = []
    first: Optional[int] = None
    for i, instance in enumerate(reply.instances):
        if i < len(errors) and errors[i][0] != 0:
            first = i if first is None else first
            results.append({"error": errors[i][1]})
        else:
            results.append({name: _value(tensor, memory) for name, tensor in instance.items.items()})
    if raise_on_error and first is not None:
        raise ServingError(errors[first][1], errors[first][0], first, results=results)
    return results
