"""The process's server: made by the first start_*, gone with stop()."""

import contextlib
import json
import os
import re
import signal
import sys
import threading
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from .._check import boolean, integer, string
from ._config import check_configs, merge

#: How long, in seconds, requests in progress may go on when the server is stopped.
DRAIN = 10.0


class SSLConfig:
    """TLS of a face, by names of PEM files.

    Args:
        certificate (str): the server's certificate chain.
        private_key (str): its key.
        custom_ca (str): authorities of clients' certificates; only these count.
        verify_client (bool): clients need a certificate of custom_ca's.

    Raises:
        RuntimeError: an argument is wrong.
    """

    def __init__(
        self,
        certificate: str,
        private_key: str,
        custom_ca: Optional[str] = None,
        verify_client: bool = False,
    ) -> None:
        self.certificate = string("certificate", certificate)
        self.private_key = string("private_key", private_key)
        self.verify_client = boolean("verify_client", verify_client)
        if verify_client:
            string("custom_ca", custom_ca)
        self.custom_ca = custom_ca


class ServerError(RuntimeError):
    """What the library says went wrong.

    Attributes:
        code: name of the error's kind, as "INVALID_ARGUMENT".
        message: the reason.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class _State:
    """Of this process."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.server: Any = None  # the native one
        self.has_servables = False
        self.faces: Dict[bool, bool] = {True: False, False: False}
        self.waiter: Optional[threading.Thread] = None
        self.max_queue: Optional[int] = None
        self.excepthook: Callable[..., Any] = sys.excepthook


_state = _State()


def _native() -> Any:
    """The native module, with libmirin.so.1 of mindspore_lite before it."""
    import mindspore_lite  # noqa: F401

    from .. import _server

    _server.set_error_factory(lambda number, code, message: ServerError(code, message))
    return _server


@contextlib.contextmanager
def _errors(prefix: str) -> Iterator[None]:
    try:
        yield
    except ServerError as e:
        raise RuntimeError(prefix + e.message) from None


def _serving_error(text: str) -> RuntimeError:
    return RuntimeError(f"Raise failed: Serving Error: {text}")


def _begin() -> Tuple[Any, Any]:
    """The native module, and the server, made where there is none. With the lock held."""
    native = _native()
    if _state.server is None:
        server = native.server_create()
        # Workers find the packages that this process has found.
        import mindspore_lite

        packages = [os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]
        packages.append(os.path.dirname(os.path.abspath(mindspore_lite.__file__)))
        paths = dict.fromkeys(map(os.path.dirname, packages))
        native.server_set(server, "python", sys.executable)
        native.server_set(server, "python_path", os.pathsep.join(paths))
        if _state.max_queue is not None:
            native.server_set(server, "max_queue", str(_state.max_queue))
        _state.server = server
    return native, _state.server


def _keep_alive(native: Any, server: Any) -> None:
    """The process lives on when its script has ended, until the server is stopped: by a signal, or by the exception that ended
    the script. With the lock held.
    """
    if _state.waiter is None:
        _state.waiter = threading.Thread(
            target=native.server_wait, args=(server,), name="mindspore_serving"
        )
        _state.waiter.start()
    if sys.excepthook is not _on_exception:
        _state.excepthook = sys.excepthook
        sys.excepthook = _on_exception
    if threading.current_thread() is threading.main_thread():
        for number, default in _DEFAULTS:
            if signal.getsignal(number) is default:
                signal.signal(number, _on_signal)


_DEFAULTS = ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL))


def _on_exception(kind: Any, value: Any, where: Any) -> None:
    _state.excepthook(kind, value, where)
    stop()


def _on_signal(number: int, frame: Any) -> None:
    """Drains and ends the process with status 0; a second signal ends it at once."""
    serves = _state.server is not None
    for each, default in _DEFAULTS:
        if signal.getsignal(each) is _on_signal:
            signal.signal(each, signal.SIG_DFL if serves else default)
    if not serves:
        signal.raise_signal(number)
        return
    stop()
    while frame is not None and frame.f_back is not None:
        frame = frame.f_back
    # A script that has ended waits for the server in threading, and needs no exception to end.
    if frame is None or frame.f_globals.get("__name__") != "threading":
        raise SystemExit(0)


def _interruptible(function: Callable[..., Any], *args: Any) -> Any:
    """Calls in a thread of its own where signals would otherwise wait until the call has ended."""
    if threading.current_thread() is not threading.main_thread():
        return function(*args)
    outcome: List[Any] = []

    def run() -> None:
        try:
            outcome.append((function(*args), None))
        except BaseException as e:
            outcome.append((None, e))

    thread = threading.Thread(target=run, name="mindspore_serving.start", daemon=True)
    thread.start()
    thread.join()
    result, error = outcome[0]
    if error is not None:
        raise error
    return result


@contextlib.contextmanager
def _starting() -> Iterator[Tuple[Any, Any]]:
    """The native module and the server, with the lock held; after an error a server that has nothing to do is gone again."""
    with _state.lock:
        native, server = _begin()
        _keep_alive(native, server)
        try:
            yield native, server
        finally:
            if not _state.has_servables and not any(_state.faces.values()):
                stop()


def start_servables(servable_configs: Any, enable_lite: bool = False) -> None:
    """Loads servables and serves them once an address is listened at; blocks until they are ready.

    An error leaves what runs already as it is.

    Args:
        servable_configs (ServableStartConfig, or list or tuple of them): several of one servable and version become one.
        enable_lite (bool): accepted; there is one runtime.

    Raises:
        RuntimeError: an argument is wrong, a servable cannot be loaded, or there was a start_servables before.
    """
    configs = check_configs(servable_configs)
    boolean("enable_lite", enable_lite)
    with _state.lock:
        servables = merge(configs, _devices())
        if _state.has_servables:
            raise _serving_error("Master gRPC server is already running")
        with _starting() as (native, server):
            with _errors("Fail to start workers: "):
                _interruptible(native.server_add, server, [tuple(s) for s in servables])
            _state.has_servables = True
            running = json.loads(native.server_status(server))
        _print(f"Serving: Master server start success, process {os.getpid()}")
        for name, version in dict.fromkeys((s["name"], s["version"]) for s in running):
            directory = next((s.directory for s in servables if s.name == name), "")
            _print(
                f"Serving: Start servable success, servable directory: '{directory}', servable name: '{name}', "
                f"version number: {version}"
            )


def _devices() -> List[str]:
    """Kinds of devices there are."""
    import mindspore_lite

    capi = mindspore_lite._capi
    names = [str(capi.mirin_device_name(i)) for i in range(capi.mirin_device_count())]
    return [d for d in ("cpu", "gpu", "ascend") if any(n.startswith(d) for n in names)]


def start_grpc_server(
    address: str, max_msg_mb_size: int = 100, ssl_config: Optional[SSLConfig] = None
) -> None:
    """Answers gRPC at an address; once in a process. An error leaves what runs already as it is.

    Args:
        address (str): "HOST:PORT", or "unix:PATH".
        max_msg_mb_size (int): MiB that a message may have, 1 to 512.
        ssl_config (SSLConfig): TLS; default: none.

    Raises:
        RuntimeError: an argument is wrong, or the address cannot be used.
        OSError: a file of ssl_config cannot be read.
    """
    _listen(True, address, max_msg_mb_size, ssl_config)


def start_restful_server(
    address: str, max_msg_mb_size: int = 100, ssl_config: Optional[SSLConfig] = None
) -> None:
    """Answers HTTP at an address; once in a process. As start_grpc_server.

    Raises:
        RuntimeError: an argument is wrong, the address cannot be used, or a file of ssl_config cannot be read.
    """
    _listen(False, address, max_msg_mb_size, ssl_config)


def _listen(grpc: bool, address: str, max_msg_mb_size: int, ssl_config: Any) -> None:
    string("address", address)
    integer("max_msg_mb_size", max_msg_mb_size, 1, 512)
    if ssl_config is not None and not isinstance(ssl_config, SSLConfig):
        raise RuntimeError(
            f"The type of ssl_config should be {'type' if grpc else 'class'} of SSLConfig"
        )
    tag = "Serving gRPC" if grpc else "RESTful server"
    if re.search(r":0+$", address) and not address.startswith("unix:"):
        raise _serving_error(
            f"The port of the {tag} address '{address}' is out of legal range [1 ~ 65535]"
        )
    with _state.lock:
        if _state.faces[grpc]:
            raise _serving_error(
                f"{'Serving gRPC' if grpc else 'RESTful'} server is already running"
            )
        tls = (None, None, None) if ssl_config is None else _tls(grpc, address, ssl_config)
        with _starting() as (native, server):
            with _errors("Raise failed: Serving Error: "):
                native.server_listen(server, grpc, address, max_msg_mb_size << 20, *tls)
            _state.faces[grpc] = True
    _print(
        f"Serving: {'Serving gRPC' if grpc else 'Serving RESTful'} server start success, listening on {address}"
    )


def _tls(
    grpc: bool, address: str, config: SSLConfig
) -> Tuple[Optional[str], Optional[str], Optional[str]]:
    """The PEM texts of certificate, key and authorities."""
    import ssl

    def read(what: str, name: str) -> str:
        try:
            with open(name, encoding="utf-8", errors="surrogateescape") as file:
                return file.read()
        except OSError:
            if grpc:
                raise
            raise _serving_error(f"load {what} from {name} failed") from None

    certificate = read("certificate_chain", config.certificate)
    private_key = read("private_key", config.private_key)
    ca = None
    if config.verify_client and config.custom_ca is not None:
        ca = read("root certificate", config.custom_ca)
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(config.certificate, config.private_key, lambda: b"")
    except (ssl.SSLError, OSError):
        if grpc:
            raise _serving_error(
                f"Serving gRPC server start failed, create server failed, address {address}"
            ) from None
        raise _serving_error(f"load private_key from {config.private_key} failed") from None
    return certificate, private_key, ca


def stop(drain: float = DRAIN) -> None:
    """Stops everything; then the process can start anew. Nothing to stop is fine.

    Args:
        drain (float): seconds that requests in progress may take; new ones are refused.
    """
    server = _state.server
    if server is None:
        return
    _native().server_stop(
        server, int(drain * 1e6)
    )  # first: who holds the lock may wait for servables
    with _state.lock:
        if _state.server is not server:
            return
        if _state.waiter is not None:
            _state.waiter.join()
        _state.server = _state.waiter = None
        _state.has_servables = False
        _state.faces = {True: False, False: False}


def set_max_enqueued_requests(max_enqueued_requests: int) -> None:
    """Requests that may be in progress; one more is refused. Default: 10000.

    Raises:
        RuntimeError: no number >= 1, or the server serves already.
    """
    count = integer("max_enqueued_requests", max_enqueued_requests, 1)
    with _state.lock:
        if _state.server is not None:
            with _errors("Raise failed: Serving Error: "):
                _native().server_set(_state.server, "max_queue", str(count))
        _state.max_queue = count


def _print(line: str) -> None:
    print(line, flush=True)
