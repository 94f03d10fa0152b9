"""Methods of a servable: stages, and what they pass on."""

import ast
import functools
import inspect
import textwrap
from typing import Any, Callable, List, Optional, Sequence, Tuple, TypeVar, Union

from ..._check import integer, string, strings
from ..._deprecated import deprecated
from . import _registry
from ._registry import FunctionUse, Method, Placeholder, Stage
from .model import Model

F = TypeVar("F", bound=Callable[..., Any])

# Stages in C++ by name: how many values they take and give.
_BUILTINS = {"argmax_cpp": (1, 1)}
_DEPRECATED_CALLS = (
    "call_servable",
    "call_preprocess",
    "call_preprocess_pipeline",
    "call_postprocess",
    "call_postprocess_pipeline",
)


def register_method(
    output_names: Union[str, Sequence[str]],
    *,
    max_queue_delay_us: int = 0,
    max_queue_size: int = 0,
    timeout_us: int = 0,
) -> Callable[[F], F]:
    """Makes the decorated function a method: its name and parameters are the method's name and inputs. Its body runs once, when
    servable_config.py is imported, to say with add_stage what a request goes through.

    Args:
        output_names: name, or names, of what the function returns.
        max_queue_delay_us: how long, in microseconds, an instance may wait for others to fill a batch. 0: not at all.
        max_queue_size: instances that may wait for this method; more are refused. 0: the server's limit only.
        timeout_us: how long a request may take, in microseconds, where its client says nothing shorter. 0: no limit.

    Raises:
        RuntimeError: an argument, a parameter of the function or what it returns is wrong.
    """
    outputs = strings("output_names", output_names)
    options = {
        "max_queue_delay_us": integer("max_queue_delay_us", max_queue_delay_us),
        "max_queue_size": integer("max_queue_size", max_queue_size),
        "timeout_us": integer("timeout_us", timeout_us),
    }

    def decorate(function: F) -> F:
        registry = _registry.current()
        name = function.__name__
        method = Method(name, _parameters(name, function), outputs, options)
        method.unpacked = _unpacked_calls(function, len(outputs))
        before, registry.method = registry.method, method
        try:
            returned = function(*(Placeholder(method, 0, i) for i in range(len(method.inputs))))
        finally:
            registry.method = before
        results = (returned,) if isinstance(returned, Placeholder) else tuple(returned)
        for result in results:
            if not _belongs(result, method):
                raise RuntimeError(
                    f"Each value returned by method '{name}' must come from the method inputs or the outputs of add_stage, now is {type(result)}"
                )
        if len(results) != len(outputs):
            raise RuntimeError(
                f"Method return output size {len(results)} not match registered {len(outputs)}"
            )
        if name in registry.methods:
            raise RuntimeError(f"Raise failed: Method {name} has been registered more than once.")
        method.results = results
        registry.methods[name] = method
        return function

    return decorate


def _parameters(name: str, function: Callable[..., Any]) -> Tuple[str, ...]:
    refused = (
        inspect.Parameter.VAR_POSITIONAL,
        inspect.Parameter.VAR_KEYWORD,
        inspect.Parameter.KEYWORD_ONLY,
    )
    parameters = inspect.signature(function).parameters
    for key, parameter in parameters.items():
        if parameter.kind in refused:
            raise RuntimeError(f"'{name}' input {key} cannot be {parameter.kind.name} !")
    return tuple(parameters)


def _belongs(value: object, method: Method) -> bool:
    return isinstance(value, Placeholder) and value.method is method


def add_stage(
    stage: Union[Model, Callable[..., Any], str],
    *args: Any,
    outputs_count: int,
    batch_size: Optional[int] = None,
    tag: Optional[str] = None,
) -> Any:
    """Adds a stage to the method whose function runs.

    Args:
        stage: a Model of declare_model, a function, or the name of a stage in C++ ("argmax_cpp").
        args: what the stage gets: inputs of the method, or outputs of earlier stages.
        outputs_count: how many values the stage gives.
        batch_size: of a function only. None: it is called for each instance, with the values of `args`, and returns the
            outputs. 0: it is called with a tuple of instances, each a tuple of values, as many as the server has and the models
            take at once; N >= 1: with at most N. Such a function returns or yields the outputs of each instance, in order.
        tag: name of the stage in error texts.

    Returns:
        What stands for the stage's output; a tuple of them where outputs_count is not 1.

    Raises:
        RuntimeError: an argument is wrong, or does not agree with another use of the function or model.
    """
    registry = _registry.current()
    method = registry.method
    if method is None:
        raise RuntimeError(
            "add_stage can only be called in a function that is decorated with register_method"
        )
    integer("outputs_count", outputs_count, 0)
    if batch_size is not None:
        integer("batch_size", batch_size, 0)
    if tag is not None:
        string("tag", tag)
    for arg in args:
        if not _belongs(arg, method):
            raise RuntimeError(
                "Each value of parameter *args is a placeholder for data and must come from the method inputs or the outputs of add_stage"
            )
    if isinstance(stage, Model):
        entry = _model_stage(registry, method, stage, args, outputs_count)
    elif isinstance(stage, str):
        entry = _builtin_stage(method, stage, args, outputs_count)
    elif inspect.isfunction(stage):
        entry = _function_stage(registry, method, stage, args, outputs_count, batch_size)
    else:
        raise RuntimeError(
            f"{_stage_text(method)} of add_stage must be function or Model returned by declare_model, now is {type(stage)}"
        )
    if tag is not None:
        entry = entry._replace(tag=tag)
    method.stages.append(entry)
    outputs = tuple(Placeholder(method, len(method.stages), i) for i in range(outputs_count))
    return outputs[0] if outputs_count == 1 else outputs


def _stage_text(method: Method) -> str:
    return f"Check failed in method '{method.name}', the parameter 'stage'"


def _model_stage(
    registry: _registry.Registry,
    method: Method,
    model: Model,
    args: Tuple[Placeholder, ...],
    outputs_count: int,
) -> Stage:
    key = model.model_key
    if key not in registry.models:
        raise RuntimeError(
            f"{_stage_text(method)} of add_stage must be function or Model returned by declare_model, and ensure that "
            "interface 'declare_model' can take effect when importing servable_config.py by the serving server"
        )
    known = registry.model_counts.setdefault(key, (len(args), outputs_count))
    for kind, count, old in zip(("inputs", "outputs"), (len(args), outputs_count), known):
        if count != old:
            raise RuntimeError(
                f"Raise failed: RegisterInputOutputInfo failed, {kind} count {count} not match old count {old}, model: {key}"
            )
    return Stage("model", key, None, args, outputs_count, None, f"Model '{key}'")


def _builtin_stage(
    method: Method, name: str, args: Tuple[Placeholder, ...], outputs_count: int
) -> Stage:
    if name not in _BUILTINS:
        raise RuntimeError(f"Function '{name}' is not defined")
    _check_counts(name, method, (len(args), outputs_count), _BUILTINS[name])
    return Stage("builtin", name, None, args, outputs_count, None, f"Function '{name}'")


def _check_counts(
    name: str, method: Method, counts: Tuple[int, int], known: Tuple[int, int]
) -> None:
    for kind, count, old in zip(("inputs", "outputs"), counts, known):
        if count != old:
            raise RuntimeError(
                f"Stage function '{name}' {kind} count {count} not match last registered count {old}, method name '{method.name}'"
            )


def _function_stage(
    registry: _registry.Registry,
    method: Method,
    function: Callable[..., Any],
    args: Tuple[Placeholder, ...],
    outputs_count: int,
    batch_size: Optional[int],
) -> Stage:
    name = f"{registry.servable}.{function.__name__}"
    if batch_size is None:
        _check_arity(function, len(args))
    use = FunctionUse(len(args), outputs_count, batch_size is not None)
    known = registry.functions.setdefault(function, use)
    if use.is_batch != known.is_batch:
        raise RuntimeError(
            f"Failed to add stage function {name}: parameter 'batch_size' in multiple 'add_stage' should be enabled or disabled consistently"
        )
    _check_counts(name, method, use[:2], known[:2])
    return Stage("python", name, function, args, outputs_count, batch_size, f"Function '{name}'")


def _check_arity(function: Callable[..., Any], count: int) -> None:
    parameters = inspect.signature(function).parameters.values()
    if any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters):
        return
    places = [p for p in parameters if p.kind is not inspect.Parameter.VAR_KEYWORD]
    needed = sum(p.default is inspect.Parameter.empty for p in places)
    positional = sum(p.kind is not inspect.Parameter.KEYWORD_ONLY for p in places)
    if not needed <= count <= positional:
        raise RuntimeError(
            f"function {function.__name__} input args count {len(places)} not match the count {count} registered in method"
        )


# The deprecated calls do not say how many values they give: the method's source tells what they are unpacked to.


def _unpacked_calls(function: Callable[..., Any], outputs: int) -> Optional[List[int]]:
    """Of the deprecated calls in the body, in the order of their evaluation; None when there are none."""
    names = set(function.__code__.co_names)
    if not names.intersection(_DEPRECATED_CALLS):
        return None
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError):
        raise RuntimeError(f"The source of method '{function.__name__}' cannot be read") from None
    body = tree.body[0]
    for node in ast.walk(body):
        if isinstance(
            node, (ast.For, ast.While, ast.If, ast.IfExp, ast.Try, ast.With, ast.comprehension)
        ):
            raise RuntimeError(
                f"Method '{function.__name__}' has a {type(node).__name__}, which cannot stand beside call_servable, call_preprocess and call_postprocess: use add_stage"
            )
    counts: List[int] = []

    def visit(node: ast.AST, values: int) -> None:
        is_call = isinstance(node, ast.Call) and _called(node) in _DEPRECATED_CALLS
        for child in ast.iter_child_nodes(node):
            value = child is getattr(node, "value", None)
            if value and isinstance(node, ast.Return):
                visit(child, outputs)
            elif (
                value
                and isinstance(node, ast.Assign)
                and isinstance(node.targets[0], (ast.Tuple, ast.List))
            ):
                visit(child, len(node.targets[0].elts))
            else:
                visit(child, 1)
        if is_call:
            counts.append(values)

    visit(body, 1)
    return counts


def _called(node: ast.Call) -> str:
    function = node.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _unpacked(name: str) -> int:
    method = _registry.current().method
    if method is None or not method.unpacked:
        raise RuntimeError(
            f"{name} can only be called in a function that is decorated with register_method"
        )
    return method.unpacked.pop(0)


_old = functools.partial(deprecated, "1.5.0", "mindspore_serving.server.register.add_stage")


@_old()
def call_servable(*args: Any) -> Any:
    """Deprecated: add_stage of declare_servable's model."""
    count = _unpacked("call_servable")
    model = _registry.current().single_model
    if model is None:
        raise RuntimeError("call_servable: there is no declare_servable in servable_config.py")
    return add_stage(model, *args, outputs_count=count)


@_old()
def call_preprocess(preprocess_fun: Callable[..., Any], *args: Any) -> Any:
    """Deprecated: add_stage of a function."""
    return add_stage(preprocess_fun, *args, outputs_count=_unpacked("call_preprocess"))


@_old()
def call_preprocess_pipeline(preprocess_fun: Callable[..., Any], *args: Any) -> Any:
    """Deprecated: add_stage of a function that takes batches."""
    count = _unpacked("call_preprocess_pipeline")
    return add_stage(preprocess_fun, *args, outputs_count=count, batch_size=0)


@_old()
def call_postprocess(postprocess_fun: Callable[..., Any], *args: Any) -> Any:
    """Deprecated: add_stage of a function."""
    return add_stage(postprocess_fun, *args, outputs_count=_unpacked("call_postprocess"))


@_old()
def call_postprocess_pipeline(postprocess_fun: Callable[..., Any], *args: Any) -> Any:
    """Deprecated: add_stage of a function that takes batches."""
    count = _unpacked("call_postprocess_pipeline")
    return add_stage(postprocess_fun, *args, outputs_count=count, batch_size=0)
