"""Model, ModelParallelRunner, ModelGroup."""

import os
import threading
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

from . import _capi, _check
from ._enums import Format, ModelGroupFlag, ModelType
from ._errors import MirinError, because, error, not_found
from ._legacy import RunnerConfig
from ._predictor import Predictor, check_key, check_suffix, load, settings
from .context import Context
from .tensor import Tensor, TensorHandle

__all__ = [
    "ModelType",
    "Model",
    "ModelParallelRunner",
    "ModelGroup",
    "ModelGroupFlag",
    "RunnerConfig",
]


def _context(context: Optional[Context]) -> Context:
    if context is None:
        return Context()
    _check.isinstance_of("context", context, Context)
    return context


def _sections(config_dict: object) -> Dict[str, Dict[str, str]]:
    if config_dict is None:
        return {}
    if not isinstance(config_dict, dict):
        raise _check.type_error("config_dict", "dict", config_dict)
    for section, values in config_dict.items():
        if not isinstance(section, str):
            raise _check.type_error("config_dict_key", "str", section)
        _check.texts_by_name(
            "config_dict_value", values, "config_dict_value_key", "config_dict_value_value"
        )
    return config_dict


class Model(Predictor):
    """A model, for any number of threads.

    ``predict`` may be called from several threads at once: every call has intermediate memory and
    outputs of its own. Calls of a model that keeps state between runs wait for each other. The
    tensors of ``get_inputs`` are the model's
    own: threads that share a model give ``predict`` arrays or tensors of theirs.

    After ``os.fork()`` a model of the parent raises in the child; see the manual.

    Example:
        >>> import mindspore_lite as mslite, numpy as np
        >>> model = mslite.Model()
        >>> model.build_from_file("net.mindir", mslite.ModelType.MINDIR)
        >>> y = model.predict([np.ones((1, 4), np.float32)])[0].get_data_to_numpy()
    """

    __slots__ = ("_engine", "_file", "_inputs")

    _engine: "Optional[_Engine]"  # replaced as a whole, never changed: runs keep theirs
    _file: Any  # the mirin_model as it was loaded
    _inputs: List[TensorHandle]

    def __init__(self) -> None:
        super().__init__()
        self._engine = None
        self._file = None
        self._inputs = []

    def build_from_file(
        self,
        model_path: _check.PathLike,
        model_type: ModelType,
        context: Optional[Context] = None,
        config_path: _check.PathLike = "",
        config_dict: Optional[Dict[str, Dict[str, str]]] = None,
        dec_key: Optional[Union[str, bytes]] = None,
        dec_mode: Optional[str] = None,
    ) -> None:
        """Loads a model and prepares it to run.

        Args:
            model_path: the file; external weights are found beside it.
            model_type: what the file is.
            context: devices and threads; default: the CPU.
            config_path: a file of settings, by section; unknown ones are errors.
            config_dict: more settings, {section: {key: value}}, in front of the file's.
            dec_key: key of an encrypted model: bytes, or str of hexadecimal digits.
            dec_mode: "AES-GCM", "AES-CBC" or "SM4-CBC"; default: as the file says.

        Raises:
            TypeError: an argument has the wrong type.
            RuntimeError: a file does not exist; the model cannot be loaded, with the reason; this
                object has a model.
        """
        path = _check.path("model_path", model_path)
        _check.isinstance_of("model_type", model_type, ModelType)
        context = _context(context)
        config_file = _check.path("config_path", config_path)
        check_key(dec_key, dec_mode)
        sections = _sections(config_dict)
        if not os.path.exists(path):
            raise not_found("build_from_file failed, model_path does not exist!")
        if self._native is None:
            self._path = path
        if config_file and not os.path.exists(config_file):
            raise not_found("build_from_file failed, config_path does not exist!")
        try:
            config = settings(config_file, sections)
        except MirinError as e:
            raise because("load configuration failed! Error is", e) from None
        try:
            check_suffix(path, model_type)
            self._build(path, True, context, config, dec_key, dec_mode)
        except MirinError as e:
            raise because("build_from_file failed! Error is", e) from None

    def build_from_bytes(
        self,
        data: Any,
        model_type: ModelType = ModelType.MINDIR,
        context: Optional[Context] = None,
        config_dict: Optional[Dict[str, Dict[str, str]]] = None,
        dec_key: Optional[Union[str, bytes]] = None,
        dec_mode: Optional[str] = None,
    ) -> None:
        """As build_from_file, of a model in memory: bytes or another buffer, which is copied.

        External weights are found by the setting ``{"model_file": {"mindir_path": PATH}}``.
        """
        _check.isinstance_of("model_type", model_type, ModelType)
        context = _context(context)
        check_key(dec_key, dec_mode)
        sections = _sections(config_dict)
        try:
            memoryview(data)
        except TypeError:
            raise _check.type_error("data", "bytes", data) from None
        try:
            self._build(data, False, context, settings("", sections), dec_key, dec_mode)
        except MirinError as e:
            raise because("build_from_bytes failed! Error is", e) from None

    def _build(
        self,
        source: Any,
        from_file: bool,
        context: Context,
        config: Any,
        key: Optional[Union[str, bytes]],
        mode: Optional[str],
    ) -> None:
        if self._native is not None:
            raise error(
                "FAILED_PRECONDITION",
                f"a model was built before, of '{self._path}': make another Model for this one",
            )
        options = context._options()
        native = load(source, from_file, config, key, mode)
        self._engine = _Engine(native, options)
        self._file = native
        self._take(native)
        self._inputs = [spec.handle() for spec in self._in]

    def close(self) -> None:
        """Frees the model. Runs in progress end first; later calls raise. Twice is fine."""
        super().close()
        self._engine = None
        self._file = None
        self._inputs = []

    def get_inputs(self) -> List[Tensor]:
        """The model's input tensors, the same ones in every call; [] before a build."""
        for handle, spec in zip(self._inputs, self._in):
            handle.name = spec.name
        return [Tensor(handle) for handle in self._inputs]

    def resize(self, inputs: Sequence[Tensor], dims: Sequence[Sequence[int]]) -> None:
        """Gives the model's inputs other shapes, and prepares for them. On failure nothing has
        changed.

        Models with open sizes need no resize: runs take the shapes that their inputs have. Where
        the file fixes other shapes than these, the model is prepared anew for them from the file's
        contents: runs take these shapes alone, but for sizes that the file leaves open, and the
        states of a model with state are the file's again, also after the way back. Runs in progress
        in other threads end with what they began with.

        Args:
            inputs: the model's inputs, all of them.
            dims: a shape for each.

        Raises:
            TypeError: wrong types.
            ValueError: inputs and dims differ in length.
            RuntimeError: the model cannot have these shapes, with the operator that cannot.
        """
        _check.list_of("inputs", inputs, Tensor, (list, tuple))
        if not isinstance(dims, (list, tuple)):
            raise _check.type_error("dims", "list", dims)
        for i, element in enumerate(dims):
            if not isinstance(element, (list, tuple)):
                raise _check.type_error("dims element", "list", element, f" at index {i}")
            for j, dim in enumerate(element):
                if not isinstance(dim, int):
                    where = f" at {i}th dims element's {j}th element"
                    raise _check.type_error("dims element's element", "int", dim, where)
        if len(inputs) != len(dims):
            raise ValueError(
                f"inputs' size does not match dims' size, but got inputs: {len(inputs)} and dims: {len(dims)}."
            )
        shapes = [[int(d) for d in shape] for shape in dims]
        try:
            engine = self._built()
            resized = self._engine_for(engine, shapes)
            with resized.session() as session:
                _capi.resize_session(session, shapes)
            if self._engine is not engine:
                raise error("FAILED_PRECONDITION", "the model was closed or resized meanwhile")
        except MirinError as e:
            raise because("resize failed! Error is", e) from None
        except OverflowError as e:
            raise because("resize failed! Error is", error("INVALID_ARGUMENT", str(e))) from None
        if resized is not engine:
            self._engine = resized
            self._take(resized.native)
        for handle, shape in zip(self._inputs, shapes):
            handle.reshape(shape)

    def _engine_for(self, engine: "_Engine", shapes: List[List[int]]) -> "_Engine":
        """This engine where its model takes these shapes, else one of the file's model, reshaped
        where that does not take them either.
        """
        declared = _input_dims(self._file)
        if _fit(declared, shapes):
            return engine if engine.native is self._file else _Engine(self._file, engine.options)
        if _fit(_input_dims(engine.native), shapes):
            return engine
        opened = [_opened(dims, shape) for dims, shape in zip(declared, shapes)]
        return _Engine(_capi.reshape_model(self._file, opened), engine.options)

    def _built(self) -> "_Engine":
        engine = self._engine
        if engine is None:
            raise error("FAILED_PRECONDITION", "the model is not built, or it is closed")
        return engine

    def _run(
        self, natives: List[Any], outputs: Optional[List[Any]], timeout_us: int, cancellation: Any
    ) -> List[Any]:
        engine = self._built()
        if outputs is None and timeout_us == 0 and cancellation is None and engine.lock is None:
            return _capi.run_model(engine.native, engine.options, natives)  # type: ignore[no-any-return]
        with engine.session() as session:
            return _capi.run_session(  # type: ignore[no-any-return]
                engine.native, session, natives, outputs, timeout_us, cancellation
            )

    def update_weights(self, weights: List[List[Tensor]]) -> None:
        """Replaces parameters that the model keeps between runs (its states), by name.

        Args:
            weights: lists of tensors that are named, shaped and typed as those parameters.

        Raises:
            TypeError: wrong types.
            RuntimeError: the model has no such parameter, or dtype or shape differ. Constants
                cannot be replaced.
        """
        if not isinstance(weights, list):
            raise _check.type_error("weights", "list", weights)
        for i, weight in enumerate(weights):
            if not isinstance(weight, list):
                raise _check.type_error("weight", "list", weight)
            for j, tensor in enumerate(weight):
                if not isinstance(tensor, Tensor):
                    raise _check.type_error(
                        "weights element", "Tensor", tensor, f" at index {i}{j}"
                    )
        try:
            engine = self._built()
            with engine.session() as session:
                count = _capi.mirin_model_state_count(engine.native)
                states = {_capi.mirin_model_state_name(engine.native, i): i for i in range(count)}
                tensors = [tensor._tensor for weight in weights for tensor in weight]
                for handle in tensors:
                    if handle.name not in states:
                        raise error(
                            "UNIMPLEMENTED",
                            f"'{handle.name}' is no parameter that the model keeps between runs; those are {list(states)}",
                        )
                for handle in tensors:
                    _capi.mirin_session_set_state(session, states[handle.name], handle.memory())
        except MirinError as e:
            raise because("update weight failed! Error is", e) from None


def _input_dims(native: Any) -> List[Optional[List[int]]]:
    return [dims for _, _, dims in _capi.model_inputs(native)]


def _opened(declared: Optional[List[int]], shape: List[int]) -> List[int]:
    """The shape, with the axes open that the declared one leaves open."""
    if declared is None:
        return [-1] * len(shape)
    if len(declared) != len(shape):
        return shape
    return [-1 if size == -1 else new for size, new in zip(declared, shape)]


def _fit(declared: List[Optional[List[int]]], shapes: List[List[int]]) -> bool:
    """Whether sessions of a model of these input dims take these shapes; that there is one for each
    input is checked by the session.
    """
    return len(declared) != len(shapes) or all(
        dims is None or _opened(dims, shape) == dims for dims, shape in zip(declared, shapes)
    )


class _Engine:
    """A model for certain shapes with its sessions; a model with state has one, used in turn."""

    __slots__ = ("native", "options", "idle", "lock")

    def __init__(self, native: Any, options: Any) -> None:
        self.native = native  # the mirin_model
        self.options = options  # of sessions
        # for runs with a time limit, given outputs or state
        self.idle = [_capi.create_session(native, options)]
        self.lock = threading.Lock() if _capi.mirin_model_state_count(native) else None

    def session(self) -> "_Lease":
        return _Lease(self)


class _Lease:
    """A session for one run: an idle one, or a new one; the only one, in turn, of a model with
    state.
    """

    __slots__ = ("_engine", "_session")

    def __init__(self, engine: _Engine) -> None:
        self._engine = engine

    def __enter__(self) -> Any:
        engine = self._engine
        if engine.lock is not None:
            engine.lock.acquire()
        try:
            self._session = engine.idle.pop()
        except IndexError:
            try:
                self._session = _capi.create_session(engine.native, engine.options)
            except BaseException:
                if engine.lock is not None:
                    engine.lock.release()
                raise
        return self._session

    def __exit__(self, *exc: object) -> None:
        self._engine.idle.append(self._session)
        if self._engine.lock is not None:
            self._engine.lock.release()


class ModelParallelRunner(Predictor):
    """One model for many callers at once: workers that share the weights, and a queue of at most
    1000 waiting requests.

    ``predict`` may be called from any number of threads. ``context.parallel`` tells the number of
    workers and settings, ``context.cpu.thread_num`` the threads of each worker.

    Example:
        >>> import mindspore_lite as mslite
        >>> context = mslite.Context()
        >>> context.parallel.workers_num = 2
        >>> runner = mslite.ModelParallelRunner()
        >>> runner.build_from_file("net.mindir", context)
    """

    __slots__ = ("_pool",)

    _format = Format.NCHW
    _pool: Any

    def __init__(self) -> None:
        super().__init__()
        self._pool = None

    def build_from_file(
        self,
        model_path: _check.PathLike,
        context: Optional[Context] = None,
        dec_key: Optional[Union[str, bytes]] = None,
        dec_mode: Optional[str] = None,
    ) -> None:
        """Loads a model and makes the workers.

        Args:
            model_path: the file; one that ends in ``.ms`` is a ModelType.MINDIR_LITE.
            context: devices, threads and workers; default: as many workers as CPUs.
            dec_key: as in Model.build_from_file.
            dec_mode: as in Model.build_from_file.

        Raises:
            TypeError: an argument has the wrong type.
            RuntimeError: the file does not exist; the model or the workers cannot be made, with the
                reason.
        """
        path = _check.path("model_path", model_path)
        context = _context(context)
        check_key(dec_key, dec_mode)
        if not os.path.exists(path):
            raise not_found(
                "ModelParallelRunner's build from file failed, model_path does not exist!"
            )
        if self._native is None:
            self._path = path
        try:
            if self._native is not None:
                raise error("FAILED_PRECONDITION", f"a model was built before, of '{self._path}'")
            options = context._options()
            parallel = context.parallel
            config = settings(parallel._path, parallel._config)
            native = load(path, True, config, dec_key, dec_mode)
            self._pool = _capi.create_pool(native, options, parallel._workers, config)
            self._take(native)
        except MirinError as e:
            raise because("ModelParallelRunner's build from file failed! Error is", e) from None

    def init(
        self, model_path: _check.PathLike, runner_config: Optional[RunnerConfig] = None
    ) -> None:
        """Older spelling of build_from_file."""
        if runner_config is not None:
            _check.isinstance_of("runner_config", runner_config, RunnerConfig)
        self.build_from_file(model_path, None if runner_config is None else runner_config.context)

    @property
    def workers_num(self) -> int:
        """Number of workers; 0 before a build."""
        return 0 if self._pool is None else int(_capi.mirin_pool_workers(self._pool))

    def close(self) -> None:
        """Frees workers and model. Requests in progress end first; later calls raise. Twice is
        fine.
        """
        super().close()
        self._pool = None

    def _run(
        self, natives: List[Any], outputs: Optional[List[Any]], timeout_us: int, cancellation: Any
    ) -> List[Any]:
        return _capi.run_pool(  # type: ignore[no-any-return]
            self._native, self._pool, natives, outputs, timeout_us, cancellation
        )


class ModelGroup:
    """Models that may have memory in common. On CPUs models keep their memory to themselves:
    grouping them is accepted and has no effect.

    Example:
        >>> import mindspore_lite as mslite
        >>> group = mslite.ModelGroup()
        >>> group.add_model([mslite.Model(), mslite.Model()])
    """

    __slots__ = ("_flags", "_models")

    def __init__(self, flags: ModelGroupFlag = ModelGroupFlag.SHARE_WORKSPACE) -> None:
        _check.isinstance_of("flags", flags, ModelGroupFlag)
        self._flags = flags
        self._models: List[Union[str, Model]] = []

    def add_model(self, models: "Sequence[str] | Sequence[Model]") -> None:
        """Adds models, or paths of models.

        Raises:
            TypeError: not a list or tuple, or of something else.
        """
        if not isinstance(models, (list, tuple)):
            raise _check.type_error("models", "list", models)
        kinds: Tuple[Any, ...] = (str, Model)
        for i, model in enumerate(models):
            if not isinstance(model, kinds):
                raise _check.type_error("models element", "str or Model", model, f" at index {i}")
        self._models.extend(models)

    def cal_max_size_of_workspace(self, model_type: ModelType, context: Context) -> None:
        """Accepted, and without effect on CPUs.

        Raises:
            TypeError: wrong types.
        """
        _check.isinstance_of("model_type", model_type, ModelType)
        _check.isinstance_of("context", context, Context)

    def __repr__(self) -> str:
        return f"<ModelGroup {self._flags.name} of {len(self._models)}>"
