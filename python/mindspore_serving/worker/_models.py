"""Model.call: runs models in this process, or asks the server to."""

import os
import threading
from typing import Any, Dict, List, NamedTuple, Optional, Protocol, Sequence

from ..server.register._registry import ModelDeclaration
from ..server.register.model import no_subgraph
from ._channel import MODEL_CALL, Channel, start_frame
from ._subgraph import Subgraph, Values
from ._tensors import Output

_CIPHERS = {"AES-GCM": 1, "AES-CBC": 2}


class Hello(NamedTuple):
    """What the server says first."""

    directory: str
    servable: str
    version: int
    version_directory: str
    cipher: str
    forward_model_calls: bool
    device_id: int


class Models(Protocol):
    """Runs models by their keys; any thread."""

    def call(
        self, key: str, instances: Sequence[Any], subgraph: int, session: str = ""
    ) -> List[Values]:
        """The outputs of each instance. Raises RuntimeError."""


def _check_subgraph(declaration: Optional[ModelDeclaration], subgraph: int) -> None:
    count = len(declaration.files) if declaration is not None else 0
    if subgraph >= count:
        raise RuntimeError(no_subgraph(subgraph, count))


class ForwardedModels:
    """Models that the server runs, together with other users of them."""

    def __init__(self, channel: Channel, declarations: Dict[str, ModelDeclaration]) -> None:
        self._channel = channel
        self._declarations = declarations
        self._lock = threading.Lock()
        self._next = 1

    def call(
        self, key: str, instances: Sequence[Any], subgraph: int, session: str = ""
    ) -> List[Values]:
        _check_subgraph(self._declarations.get(key), subgraph)
        with self._lock:
            call = self._next
            self._next += 1
        frame = start_frame(MODEL_CALL, call)
        name, user = key.encode(), session.encode("utf-8", "surrogatepass")
        for part in (len(name).to_bytes(4, "little"), name, subgraph.to_bytes(4, "little")):
            frame += part
        frame += len(user).to_bytes(4, "little")
        frame += user
        frame += len(instances).to_bytes(4, "little")
        try:
            for instance in instances:
                self._channel.encoder.instance([Output(value) for value in instance], frame)
        except (TypeError, UnicodeError) as e:
            raise RuntimeError(str(e)) from None
        self._channel.send(frame)
        reply = self._channel.decoder(self._channel.reply(call))
        if reply.u32() != 0:
            raise RuntimeError(reply.bytes().decode("utf-8", "replace"))
        results: List[Values] = []
        failure = ""
        for _ in range(reply.u32()):
            if reply.u32() != 0:
                failure = failure or reply.bytes().decode("utf-8", "replace")
                continue
            values = reply.instance()
            if isinstance(values, Exception):
                failure = failure or str(values)
            else:
                results.append(tuple(values))
        if failure or len(results) != len(instances):
            raise RuntimeError(failure or "the server answered for another number of instances")
        return results


class LocalModels:
    """Models that this process runs, on sessions of its own; loaded when they are called first, or by load_all. Models with
    states are `forwarded`: all workers and stages share those.
    """

    def __init__(
        self,
        hello: Hello,
        key: bytearray,
        declarations: Dict[str, ModelDeclaration],
        forwarded: Optional[ForwardedModels] = None,
    ) -> None:
        self._forwarded = forwarded
        self._hello = hello
        self._key = key
        self._declarations = declarations
        self._loaded: Dict[str, _Model] = {}
        self._lock = threading.Lock()

    def load_all(self) -> None:
        """Raises RuntimeError."""
        for key in self._declarations:
            self._get(key)

    def call(
        self, key: str, instances: Sequence[Any], subgraph: int, session: str = ""
    ) -> List[Values]:
        model = self._loaded.get(key)
        if model is None:
            _check_subgraph(self._declarations.get(key), subgraph)
            model = self._get(key)
        if model.stateful and self._forwarded is not None:
            return self._forwarded.call(key, instances, subgraph, session)
        return model.run(instances, subgraph)

    def _get(self, key: str) -> "_Model":
        with self._lock:
            model = self._loaded.get(key)
            if model is None:
                hello = self._hello
                cipher = _CIPHERS.get(hello.cipher, 0) if self._key else 0
                servable = os.path.join(hello.directory, hello.servable)
                model = _Model(
                    self._declarations[key], hello.version_directory, servable, self._key, cipher
                )
                self._loaded[key] = model
            return model


class _Model:
    """A model's subgraphs, which share the states that they have by the same names."""

    def __init__(
        self, declaration: ModelDeclaration, files: str, servable: str, key: bytearray, cipher: int
    ) -> None:
        from mindspore_lite import _capi
        from mindspore_lite._predictor import settings

        self._capi = _capi
        self._key = declaration.key
        self._lock = threading.Lock()
        self._last = 0  # the subgraph that ran last: its states are the newest
        config_file = declaration.config_file
        config = settings(os.path.join(servable, config_file), {}) if config_file else None
        context = declaration.context
        options = _capi.session_options(
            max(context.thread_num, 0),
            {"device_type": "cpu", "precision_mode": "fp16"} in context.device_list,
            ["cpu"],
            context.thread_affinity_core_list,
        )
        self._subgraphs = []
        for file in declaration.files:
            try:
                native = _capi.load_model(
                    os.path.join(files, file), True, key or None, cipher, config
                )
                self._subgraphs.append(Subgraph(_capi, native, options, declaration))
            except RuntimeError as e:
                raise RuntimeError(f"Load model failed, model file '{file}': {e}") from None

        self.stateful = any(graph.states for graph in self._subgraphs)

    def run(self, instances: Sequence[Sequence[Any]], subgraph: int) -> List[Values]:
        if subgraph >= len(self._subgraphs):
            raise RuntimeError(no_subgraph(subgraph, len(self._subgraphs)))
        graph = self._subgraphs[subgraph]
        with self._lock:
            if subgraph != self._last:
                self._hand_over(self._subgraphs[self._last], graph)
                self._last = subgraph
            return graph.run(instances)

    def _hand_over(self, old: Subgraph, new: Subgraph) -> None:
        for name, index in new.states.items():
            if name in old.states:
                state = self._capi.session_state(old.session, old.states[name])
                self._capi.mirin_session_set_state(new.session, index, state)
