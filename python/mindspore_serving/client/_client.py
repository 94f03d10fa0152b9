"""Clients, of threads and of asyncio."""

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

import grpc
import grpc.aio

from .._check import integer, string
from ..proto import ms_service_pb2_grpc
from ._messages import Instances, ServingError, request_of, results_of

__all__ = ["AsyncClient", "Client", "InferFuture", "SSLConfig", "ServingError"]

Metadata = Union[Mapping[str, str], Sequence[Tuple[str, str]]]
#: A dict for each instance; {"error": text} where the whole request failed.
Results = Union[List[Dict[str, Any]], Dict[str, str]]
_LIMIT = 512 << 20


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

    def _request(self, instances: Instances) -> Any:
        return request_of(self.servable_name, self.method_name, self.version_number, instances)

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
    """A request on its way."""

    def __init__(self, call: Any, raise_on_error: bool) -> None:
        self._call = call
        self._raise_on_error = raise_on_error

    def result(self) -> Results:
        """Waits for the answer, as Client.infer returns it. Raises grpc.RpcError when there is none."""
        return results_of(self._call.result(), self._raise_on_error)  # type: ignore[no-any-return]

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
        try:
            reply = self.stub.Predict(self._request(instances), **self._options(timeout, metadata))
        except grpc.RpcError as e:
            return self._transport_error(e)
        return results_of(reply, self.raise_on_error)  # type: ignore[no-any-return]

    def infer_async(
        self,
        instances: Instances,
        *,
        timeout: Optional[float] = None,
        metadata: Optional[Metadata] = None,
    ) -> InferFuture:
        """As infer, without waiting; when there is no answer, result() raises grpc.RpcError."""
        options = self._options(timeout, metadata)
        call = self.stub.Predict.future(self._request(instances), **options)
        return InferFuture(call, self.raise_on_error)

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

    async def infer(
        self,
        instances: Instances,
        *,
        timeout: Optional[float] = None,
        metadata: Optional[Metadata] = None,
    ) -> Results:
        """As Client.infer. A task that is cancelled gives the request up."""
        try:
            reply = await self.stub.Predict(
                self._request(instances), **self._options(timeout, metadata)
            )
        except grpc.RpcError as e:
            return self._transport_error(e)
        return results_of(reply, self.raise_on_error)  # type: ignore[no-any-return]

    async def close(self) -> None:
        """Ends the connection. Twice is fine."""
        await self.channel.close()

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()
