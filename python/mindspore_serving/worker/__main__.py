"""See docs/decisions/0005-serving-workers.md."""

import importlib
import importlib.machinery
import importlib.util
import json
import os
import signal
import socket
import sys
import threading
import traceback
import types
from typing import Any, Dict, List, Optional, Tuple

from ..server.register import _registry
from . import _channel
from ._channel import Channel, Frame, start_frame
from ._models import ForwardedModels, Hello, LocalModels, Models
from ._stages import Result, StageTask

_GOOD = (0).to_bytes(4, "little")
_FAILED = (3).to_bytes(4, "little")


def main() -> int:
    fd = int(os.environ.pop("MIRIN_WORKER_FD"))
    os.set_inheritable(fd, False)
    _leave_signals_to_the_server()
    channel = Channel(socket.socket(fileno=fd))
    ended = threading.Event()
    channel.watch(ended)
    try:
        return Worker(channel).serve()
    except EOFError:
        return 0
    except _channel.ProtocolError as e:
        print(f"mindspore_serving.worker: {e}", file=sys.stderr)
        return 1
    finally:
        ended.set()


def _leave_signals_to_the_server() -> None:
    """A signal to the whole process group is the server's to act on. Handlers, unlike SIG_IGN, do not pass to programs that
    stages start; processes that they fork get the defaults back.
    """

    def set_all(handler: Any) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, handler)

    set_all(lambda number, frame: None)
    os.register_at_fork(after_in_child=lambda: set_all(signal.SIG_DFL))


class Worker:
    """The server's calls, one after another."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._tasks: Dict[Tuple[int, int], StageTask] = {}

    def serve(self) -> int:
        """Until the server ends it: the exit status."""
        try:
            started = self._start()
        except EOFError:
            raise
        except BaseException as e:  # of servable_config.py, SystemExit too
            self._channel.send_text(_channel.FAILED, _reason(e))
            return 1
        if not started:
            return 0
        self._channel.send(start_frame(_channel.READY))
        while True:
            frame = self._next()
            if frame is None:
                return 0
            if frame.type != _channel.CALL:
                raise _channel.ProtocolError(f"frame {frame.type} is not expected")
            self._call(frame)

    def _next(self) -> Optional[Frame]:
        """None: this is the end."""
        while True:
            frame = self._channel.next()
            if frame.type == _channel.EXIT:
                return None
            if frame.type != _channel.PING:
                return frame
            self._channel.send(start_frame(_channel.PONG, frame.id))

    def _start(self) -> bool:
        frame = self._next()
        if frame is None:
            return False
        hello, key = self._hello(frame)
        registry = _import(hello)
        directory = os.path.join(hello.directory, hello.servable)
        self._channel.send_json(_channel.DESCRIBE, registry.describe(directory, hello.version))
        frame = self._next()
        if frame is None:
            return False
        if frame.type != _channel.START:
            raise _channel.ProtocolError(f"frame {frame.type} is not expected")
        registry.call_model = self._models(hello, key, registry).call
        for m, method in enumerate(registry.methods.values()):
            for s, stage in enumerate(method.stages):
                if stage.kind == "python":
                    self._tasks[m, s] = StageTask(method, s)
        return True

    def _hello(self, frame: Frame) -> Tuple[Hello, bytearray]:
        if frame.type != _channel.HELLO:
            raise _channel.ProtocolError(f"frame {frame.type} is not expected")
        decoder = self._channel.decoder(frame)
        values = json.loads(decoder.bytes())
        key = bytearray(decoder.bytes())
        frame.data[:] = bytes(len(frame.data))
        self._channel.forget_chunk()
        return Hello(**{name: values[name] for name in Hello._fields}), key

    def _models(self, hello: Hello, key: bytearray, registry: _registry.Registry) -> Models:
        forwarded = ForwardedModels(self._channel, registry.models)
        if hello.forward_model_calls:
            return forwarded
        models = LocalModels(hello, key, registry.models, forwarded)
        # All at once where they are called at all, and where there is a key: it is needed no longer then.
        if key or _calls_models(hello.servable):
            models.load_all()
        key[:] = bytes(len(key))
        key.clear()
        return models

    def _call(self, frame: Frame) -> None:
        self._channel.begin_call()
        # What came in segments is let go of before the reply goes, so that both need one write.
        self._channel.send(self._answer(frame), ends_call=True)

    def _answer(self, frame: Frame) -> bytearray:
        try:
            decoder = self._channel.decoder(frame)
            task = self._tasks[decoder.u32(), decoder.u32()]
            instances = decoder.instances()
        except _channel.MALFORMED as e:
            raise _channel.ProtocolError(f"{type(e).__name__}: {e}") from None
        results = task.run(instances)
        reply = start_frame(_channel.REPLY, frame.id)
        reply += len(results).to_bytes(4, "little")
        for result in results:
            _add_result(self._channel, result, reply)
        return reply


def _add_result(channel: Channel, result: Result, reply: bytearray) -> None:
    if isinstance(result, str):
        text = result.encode("utf-8", "replace")
        reply += _FAILED
        reply += len(text).to_bytes(4, "little")
        reply += text
    else:
        reply += _GOOD
        channel.encoder.instance(result, reply)


def _import(hello: Hello) -> _registry.Registry:
    """Imports servable_config.py as SERVABLE.servable_config: what it declares."""
    os.environ["SERVING_DEVICE_ID"] = str(hello.device_id)
    sys.path.append(hello.directory)
    name = hello.servable
    # Found here and nowhere else: a package that is installed may have the same name.
    spec = importlib.machinery.PathFinder.find_spec(name, [hello.directory])
    if spec is None or not name.isidentifier():
        raise RuntimeError(f"servable '{name}' in '{hello.directory}' cannot be imported")
    if name in sys.modules:
        raise RuntimeError(
            f"servable '{name}' has the name of a module of Python or of this package, give it another one"
        )
    package = importlib.util.module_from_spec(spec)
    sys.modules[name] = package
    registry = _registry.begin(name)
    if spec.loader is not None and spec.origin is not None:
        spec.loader.exec_module(package)
    importlib.import_module(f"{name}.servable_config")
    return registry


def _calls_models(servable: str) -> bool:
    """Whether the servable's own modules have anything that is named like Model.call."""

    def has_call(code: types.CodeType) -> bool:
        return "call" in code.co_names or any(
            has_call(c) for c in code.co_consts if isinstance(c, types.CodeType)
        )

    codes: List[types.CodeType] = []
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] == servable:
            for value in list(vars(module).values()):
                members = vars(value).values() if isinstance(value, type) else (value,)
                codes += [m.__code__ for m in members if isinstance(m, types.FunctionType)]
    return any(map(has_call, codes))


def _reason(e: BaseException) -> str:
    """The error, and where it was raised in the servable's code."""
    own = ("<frozen", os.path.dirname(__file__), os.path.dirname(importlib.__file__))
    frames = [f for f in traceback.extract_tb(e.__traceback__) if not f.filename.startswith(own)]
    text = "".join(traceback.format_exception_only(type(e), e)).strip()
    return text + "".join("\n" + line.rstrip() for line in traceback.format_list(frames))


if __name__ == "__main__":
    sys.exit(main())
