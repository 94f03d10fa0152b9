"""Clients, of threads and of asyncio."""

import contextlib
import threading
import weakref
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Set, Tuple, Union

import grpc
import grpc.aio

from .._check import integer, string
from ..proto import ms_service_pb2, ms_service_pb2_grpc
from ._memory import LARGE, Lease, Pool, is_local
from ._messages import (
    Instances,
    ServingError,
    large_bytes,
    large_result_bytes,
    listed,
    refuses_memory,
    request_of,
    results_of,
)

__all__ = ["AsyncClient", "Client", "InferFuture", "SSLConfig", "ServingError"]

Metadata = Union[Mapping[str, str], Sequence[Tuple[str, str]]]
#: A dict for each instance; {"error": text} where the whole request failed.
Results = Union[List[Dict[str, Any]], Dict[str, str]]
_LIMIT = 512 << 20
_ATTACH_SECONDS = 5
#: Of an attempt to attach memory: there may be another.
_PASSING = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
)


class SSLConfig:
    """TLS of a client, by names of PEM files.

    Args:
        certificate: the client's certificate chain, where the server asks for one; with private_key.
        private_key: its key.
        custom_ca: certificates of the authorities that the server's may come from; default: those that gRPC brings.

    Raises:
        RuntimeError: a wrong type, or certificate and private_key without each other.
    """

    def __init__(
        self,
        certificate: Optional[str] = None,
        private_key: Optional[str] = None,
        custom_ca: Optional[str] = None,
    ) -> None:
        for name, value in (
            ("certificate", certificate),
            ("private_key", private_key),
            ("custom_ca", custom_ca),
        ):
            if value is not None:
                string(name, value)
        if (certificate is None) != (private_key is None):
            raise RuntimeError("The certificate and private_key should be passed at the same time")
        self.certificate = certificate
        self.private_key = private_key
        self.custom_ca = custom_ca

    def credentials(self) -> Any:
        """Reads the files. Raises OSError."""

        def read(name: Optional[str]) -> Optional[bytes]:
            if name is None:
                return None
            with open(name, "rb") as file:
                return file.read()

        return grpc.ssl_channel_credentials(
            read(self.custom_ca), read(self.private_key), read(self.certificate)
        )


class _Client:
    #: grpc or grpc.aio: makes the channels.
    _grpc: Any

    def __init__(
        self,
        address: str,
        servable_name: str,
        method_name: str,
        version_number: int = 0,
        ssl_config: Optional[SSLConfig] = None,
        *,
        timeout: Optional[float] = None,
        metadata: Optional[Metadata] = None,
        raise_on_error: bool = False,
        shared_memory: bool = True,
    ) -> None:
        self.address = string("address", address)
        self.servable_name = string("servable_name", servable_name)
        self.method_name = string("method_name", method_name)
        self.version_number = integer("version_number", version_number, 0, bools=True)
        if ssl_config is not None and not isinstance(ssl_config, SSLConfig):
            raise RuntimeError("The type of ssl_config should be type of SSLConfig")
        self.timeout = timeout
        self.raise_on_error = raise_on_error
        self._metadata = _pairs(metadata)
        options = [
            ("grpc.max_send_message_length", _LIMIT),
            ("grpc.max_receive_message_length", _LIMIT),
        ]
        if ssl_config is None:
            self.channel = self._grpc.insecure_channel(address, options=options)
        else:
            self.channel = self._grpc.secure_channel(
                address, ssl_config.credentials(), options=options
            )
        self.stub = ms_service_pb2_grpc.MSServiceStub(self.channel)
        self._memory_stub = ms_service_pb2_grpc.ClientMemoryStub(self.channel)
        self._pool = Pool(self._detach) if shared_memory and is_local(address) else None
        #: What is known of large results: the most of an instance, and of a byte of its large inputs.
        self._result_bytes = 0
        self._result_ratio = 1.0

    def _detach(self, key: str) -> None:
        raise NotImplementedError

    def _lease(self, instances: Instances) -> Optional[Lease]:
        """Memory for a request and its results, where that is worth it."""
        if self._pool is None or not self._pool.usable:
            return None
        size = large_bytes(instances)
        size += max(self._result_bytes * len(listed(instances)), int(self._result_ratio * size))
        return self._pool.take(size) if size >= LARGE else None

    def _refused(self, memory: Lease, e: Any) -> None:
        memory.refuse(for_good=e.code() not in _PASSING)

    def _request(self, instances: Instances, memory: Optional[Lease]) -> Any:
        try:
            return request_of(
                self.servable_name, self.method_name, self.version_number, instances, memory
            )
        except BaseException:
            if memory is not None:
                memory.end()
            raise

    def _is_stale(self, reply: Any, memory: Optional[Lease]) -> bool:
        """True: the server knows nothing of its memory, and the request has to be sent without it."""
        if memory is None or not refuses_memory(reply, memory):
            return False
        assert self._pool is not None
        self._pool.clear()
        memory.abandon()
        return True

    def _failed(self, e: BaseException, memory: Optional[Lease]) -> Results:
        """There is no answer."""
        if memory is not None:
            memory.abandon()
        if isinstance(e, grpc.RpcError):
            return self._transport_error(e)
        raise e

    def _results(self, reply: Any, memory: Optional[Lease]) -> Results:
        try:
            if self._pool is not None and reply.instances:
                each = -(-large_result_bytes(reply) // len(reply.instances))
                self._result_bytes = max(self._result_bytes, each)
            return results_of(reply, self.raise_on_error, memory)  # type: ignore[no-any-return]
        finally:
            if memory is not None:
                memory.end()

    def _options(self, timeout: Optional[float], metadata: Optional[Metadata]) -> Dict[str, Any]:
        return {
            "timeout": self.timeout if timeout is None else timeout,
            "metadata": self._metadata + _pairs(metadata) or None,
        }

    def _transport_error(self, e: Any) -> Dict[str, str]:
        text = f"Grpc Error, {e.code().value}, {e.details()}"
        if self.raise_on_error:
            raise ServingError(text, e.code().value[0], is_transport=True) from e
        return {"error": text}


def _pairs(metadata: Optional[Metadata]) -> Tuple[Tuple[str, str], ...]:
    if metadata is None:
        return ()
    return tuple(metadata.items() if isinstance(metadata, Mapping) else metadata)


class InferFuture:
    """A request on its way. Any number of threads may use it."""

    def __init__(
        self, call: Any, results: Callable[[Any], Results], memory: Optional[Lease]
    ) -> None:
        """results(reply) takes them, once."""
        self._call = call
        self._take = results
        self._lock = threading.Lock()
        self._results: Optional[Results] = None
        self._error: Optional[BaseException] = None
        self._abandon = None if memory is None else weakref.finalize(self, memory.abandon)

    def result(self) -> Results:
        """Waits for the answer, as Client.infer returns it. Raises grpc.RpcError when there is none."""
        reply = self._call.result()
        with self._lock:
            if self._error is not None:
                raise self._error
            if self._results is None:
                if self._abandon is not None:
                    self._abandon.detach()
                try:
                    self._results = self._take(reply)
                except Exception as e:
                    self._error = e
                    raise
            return self._results

    def done(self) -> bool:
        return bool(self._call.done())

    def cancel(self) -> bool:
        """Gives the request up; the server stops working on it."""
        return bool(self._call.cancel())


class Client(_Client):
    """Asks one method of one servable. Any number of threads may use one client.

    Args:
        address: "HOST:PORT", or "unix:PATH".
        servable_name: the servable.
        method_name: its method.
        version_number: 0: the newest that runs.
        ssl_config: TLS; default: none.
        timeout: seconds that a request may take; default: no limit.
        metadata: pairs, or a dict, that go with each request; "x-request-id" and "traceparent" mean something to the server.
        raise_on_error: errors are raised as ServingError instead of returned.
        shared_memory: arrays of 64 KiB and more go to a server on this machine, and come from it, through memory that both share,
            where both run as one user; at most 1 GiB of it. An array that came so keeps its memory until it is gone.

    Raises:
        RuntimeError: an argument is wrong.
        OSError: a file of ssl_config cannot be read.
    """

    _grpc = grpc

    def infer(
        self,
        instances: Instances,
        *,
        timeout: Optional[float] = None,
        metadata: Optional[Metadata] = None,
    ) -> Results:
        """Asks and waits.

        Args:
            instances: a dict of inputs by name, or several of them. Values are numpy arrays and numbers, str, bytes, bool, int
                and float.
            timeout: seconds; default: the client's.
            metadata: beside the client's.

        Returns:
            A dict of outputs for each instance, {"error": text} for one that failed: read-only arrays, str, bytes. When the
            request as a whole failed, or there was no answer, {"error": text}.

        Raises:
            RuntimeError: a value has no message; ServingError with raise_on_error.
        """
        options = self._options(timeout, metadata)
        memory = self._attach(self._lease(instances))
        request = self._request(instances, memory)
        try:
            reply = self.stub.Predict(request, **options)
            if self._is_stale(reply, memory):
                memory = None
                reply = self.stub.Predict(self._request(instances, None), **options)
        except BaseException as e:
            return self._failed(e, memory)
        return self._results(reply, memory)

    def _attach(self, memory: Optional[Lease]) -> Optional[Lease]:
        if memory is None or memory.key:
            return memory
        try:
            offer = self._memory_stub.Attach(memory.offer(), timeout=_ATTACH_SECONDS)
        except grpc.RpcError as e:
            self._refused(memory, e)
            return None
        memory.key = offer.memory_key
        return memory

    def _detach(self, key: str) -> None:
        with contextlib.suppress(ValueError):  # the channel is closed
            self._memory_stub.Detach.future(ms_service_pb2.DetachRequest(memory_key=key))

    def infer_async(
        self,
        instances: Instances,
        *,
        timeout: Optional[float] = None,
        metadata: Optional[Metadata] = None,
    ) -> InferFuture:
        """As infer, without waiting; when there is no answer, result() raises grpc.RpcError."""
        options = self._options(timeout, metadata)
        memory = self._attach(self._lease(instances))
        call = self.stub.Predict.future(self._request(instances, memory), **options)

        def results(reply: Any) -> Results:
            if self._is_stale(reply, memory):
                again = self.stub.Predict(self._request(instances, None), **options)
                return self._results(again, None)
            return self._results(reply, memory)

        return InferFuture(call, results, memory)

    def close(self) -> None:
        """Ends the connection, and requests on their way with it. Twice is fine."""
        self.channel.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class AsyncClient(_Client):
    """Client for asyncio: made, used and closed within one event loop. Arguments as Client has them."""

    _grpc = grpc.aio

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._detaching: Set[Any] = set()

    async def infer(
        self,
        instances: Instances,
        *,
        timeout: Optional[float] = None,
        metadata: Optional[Metadata] = None,
    ) -> Results:
        """As Client.infer. A task that is cancelled gives the request up."""
        options = self._options(timeout, metadata)
        memory = await self._attach(self._lease(instances))
        request = self._request(instances, memory)
        try:
            reply = await self.stub.Predict(request, **options)
            if self._is_stale(reply, memory):
                memory = None
                reply = await self.stub.Predict(self._request(instances, None), **options)
        except BaseException as e:
            return self._failed(e, memory)
        return self._results(reply, memory)

    async def _attach(self, memory: Optional[Lease]) -> Optional[Lease]:
        if memory is None or memory.key:
            return memory
        try:
            offer = await self._memory_stub.Attach(memory.offer(), timeout=_ATTACH_SECONDS)
        except BaseException as e:
            if not isinstance(e, grpc.RpcError):
                memory.abandon()
                raise
            self._refused(memory, e)
            return None
        memory.key = offer.memory_key
        return memory

    def _detach(self, key: str) -> None:
        call = self._memory_stub.Detach(ms_service_pb2.DetachRequest(memory_key=key))
        self._detaching.add(call)  # a call that nobody holds is cancelled
        call.add_done_callback(self._detaching.discard)

    async def close(self) -> None:
        """Ends the connection. Twice is fine."""
        await self.channel.close()

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()
