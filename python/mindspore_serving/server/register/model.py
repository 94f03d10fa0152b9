"""Models of a servable."""

from typing import Any, Optional, Sequence, Tuple, Union

from ..._check import boolean, integer, integers, string, strings
from ..._deprecated import deprecated
from . import _registry
from .context import AclOptions, Context, GpuOptions

_FORMATS = {
    "om": "OM",
    "mindir": "MindIR",
    "mindir_lite": "MindIR_Lite",
    "mindir_opt": "MindIR_Opt",
}
_USAGE = "the inputs can be call(x1, x2) for single instance or"


class Model:
    """A model that declare_model made: a stage of a method, or called by a stage function."""

    def __init__(self, model_key: str) -> None:
        self.model_key = model_key

    def call(self, *args: Any, subgraph: int = 0, session: str = "") -> Any:
        """Runs the model from a stage function.

        Args:
            args: ``call(x1, x2)`` runs one instance, ``call([[x1, x2], [x1, x2]])`` many. Where the model has a batch
                axis, instances are without it.
            subgraph: which of the model's files, from 0.
            session: whose states a model that has some works on, of all workers; "" is everybody's. The server keeps the
                states of the sessions that were used last.

        Returns:
            Of one instance its output, or a tuple of them where the model has several; of many a tuple of tuples.

        Raises:
            RuntimeError: wrong inputs, or the run of an instance failed; then there are no results.
        """
        integer("subgraph", subgraph, 0)
        if session:
            string("session", session)
        which = self.model_key if subgraph == 0 else f"{self.model_key}, subgraph={subgraph}"
        if not args:
            raise RuntimeError(
                f"Model({which}).call() failed: no inputs provided, {_USAGE} call([[x1, x2], [x1, x2]]) for multi instances."
            )
        single = not (len(args) == 1 and isinstance(args[0], (list, tuple)))
        instances: Sequence[Any] = (args,) if single else args[0]
        if not single and not (instances and all(isinstance(x, (list, tuple)) for x in instances)):
            raise RuntimeError(
                f"Model({which}).call() failed: inputs format invalid, {_USAGE}  call([[x1, x2], [x1, x2]]) for multi instances."
            )
        call_model = _registry.current().call_model
        try:
            if call_model is None:
                raise RuntimeError(no_subgraph(subgraph, 0))
            outputs = call_model(self.model_key, instances, subgraph, session)
        except RuntimeError as e:
            raise RuntimeError(f"Model({which}).call() failed: {e}") from None
        if not single:
            return tuple(outputs)
        one = outputs[0]
        return one[0] if len(one) == 1 else one

    def __repr__(self) -> str:
        return f"<Model {self.model_key}>"


def no_subgraph(index: int, count: int) -> str:
    return f"The model does not have subgraph of index {index}, the subgraph count of the model is {count}"


def declare_model(
    model_file: Union[str, Sequence[str]],
    model_format: str,
    with_batch_dim: bool = True,
    options: Union[None, GpuOptions, AclOptions] = None,
    without_batch_dim_inputs: Union[None, int, Sequence[int]] = None,
    context: Optional[Context] = None,
    config_file: Optional[str] = None,
) -> Model:
    """Declares a model of the servable, in servable_config.py.

    Args:
        model_file: file in the version's directory; a list or tuple for subgraphs of one model, which share its parameters.
        model_format: "MindIR", "MindIR_Lite", "OM" or "MindIR_Opt", any case.
        with_batch_dim: the first axis of inputs and outputs is the batch: instances come and go without it.
        options: deprecated; use context.
        without_batch_dim_inputs: index or indices of inputs that have no batch axis; they are common to a batch.
        context: how it is run.
        config_file: settings of the runtime; a path that is not absolute is relative to servable_config.py's directory.

    Raises:
        RuntimeError: an argument is wrong, or a file is used by another model.
    """
    files = strings("model_file", model_file)
    string("model_format", model_format)
    name = _FORMATS.get(model_format.lower())
    if name is None:
        raise RuntimeError("model format can only be OM, MindIR or MindIR_Lite, case ignored")
    boolean("with_batch_dim", with_batch_dim)
    shared: Tuple[int, ...] = ()
    if without_batch_dim_inputs is not None:
        shared = integers("without_batch_dim_inputs", without_batch_dim_inputs)
    if options is not None and not isinstance(options, (GpuOptions, AclOptions)):
        raise RuntimeError(
            f"Parameter 'options' should be None, GpuOptions or AclOptions, but gotten {type(options)}"
        )
    if context is None:
        context = Context()
        if options is not None:
            context.append_device_info(options.info)
    elif not isinstance(context, Context):
        raise RuntimeError(f"Parameter 'context' should be Context, but gotten {type(context)}")
    if config_file is not None:
        string("config_file", config_file)
    if not files:
        raise RuntimeError("Raise failed: Declare model failed, model files size cannot be 0")
    registry = _registry.current()
    key = ";".join(files)
    for file in files:
        if file in registry.files:
            raise RuntimeError(
                f"Raise failed: Declare model [{key}] failed, model file '{file}' has already been used"
            )
    registry.files.update({file: key for file in files})
    registry.models[key] = _registry.ModelDeclaration(
        key, files, name, with_batch_dim, shared, config_file or "", context
    )
    return Model(key)


@deprecated("1.5.0", "mindspore_serving.server.register.declare_model")
def declare_servable(
    servable_file: Union[str, Sequence[str]],
    model_format: str,
    with_batch_dim: bool = True,
    options: Union[None, GpuOptions, AclOptions] = None,
    without_batch_dim_inputs: Union[None, int, Sequence[int]] = None,
) -> Model:
    """Deprecated: declare_model, for the one model that call_servable runs."""
    model = declare_model(
        servable_file, model_format, with_batch_dim, options, without_batch_dim_inputs
    )
    _registry.current().single_model = model
    return model
