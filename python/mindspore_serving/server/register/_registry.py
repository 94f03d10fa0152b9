"""What one servable_config.py declares: models and methods. The worker turns it into the server's description."""

import os
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

from .context import Context


class Placeholder:
    """A value that a request will have: output `index` of stage `stage`; stage 0 are the method's inputs."""

    __slots__ = ("method", "stage", "index")

    def __init__(self, method: "Method", stage: int, index: int) -> None:
        self.method = method
        self.stage = stage
        self.index = index

    def __repr__(self) -> str:
        return f"<stage {self.stage} value {self.index} of method '{self.method.name}'>"


class Stage(NamedTuple):
    kind: str  # "model", "python" or "builtin"
    name: str  # of the function; the model's key
    function: Optional[Callable[..., Any]]
    inputs: Tuple[Placeholder, ...]
    outputs_count: int
    batch_size: Optional[int]
    tag: str


class Method:
    def __init__(
        self,
        name: str,
        inputs: Tuple[str, ...],
        outputs: Tuple[str, ...],
        options: Dict[str, int],
    ) -> None:
        self.name = name
        self.inputs = inputs
        self.outputs = outputs
        self.options = options
        self.stages: List[Stage] = []
        self.results: Tuple[Placeholder, ...] = ()
        # of the deprecated call_*: how many values each call in the body is unpacked to
        self.unpacked: Optional[List[int]] = None

    def describe(self) -> Dict[str, Any]:
        def references(placeholders: Tuple[Placeholder, ...]) -> List[List[int]]:
            return [[p.stage, p.index] for p in placeholders]

        stages = []
        for stage in self.stages:
            entry: Dict[str, Any] = {"type": stage.kind}
            if stage.kind == "model":
                entry.update(model=stage.name, subgraph=0)
            else:
                entry["name"] = stage.name
            if stage.kind == "python":
                entry["batch_size"] = stage.batch_size
            entry.update(
                inputs=references(stage.inputs), outputs_count=stage.outputs_count, tag=stage.tag
            )
            stages.append(entry)
        return {
            "name": self.name,
            "inputs": list(self.inputs),
            "outputs": list(self.outputs),
            "results": references(self.results),
            "stages": stages,
            "options": self.options,
        }


class ModelDeclaration(NamedTuple):
    key: str
    files: Tuple[str, ...]
    format: str
    with_batch_dim: bool
    without_batch_dim_inputs: Tuple[int, ...]
    config_file: str
    context: Context

    def describe(self, directory: str) -> Dict[str, Any]:
        config = os.path.join(directory, self.config_file) if self.config_file else ""
        return {
            "key": self.key,
            "files": list(self.files),
            "format": self.format,
            "with_batch_dim": self.with_batch_dim,
            "without_batch_dim_inputs": list(self.without_batch_dim_inputs),
            "config_file": config,
            "context": self.context.describe(),
        }


class FunctionUse(NamedTuple):
    """How a stage function was used first; all uses must agree."""

    inputs_count: int
    outputs_count: int
    is_batch: bool


class Registry:
    """The declarations of one servable."""

    def __init__(self, servable: str) -> None:
        self.servable = servable
        self.models: Dict[str, ModelDeclaration] = {}
        self.files: Dict[str, str] = {}
        self.methods: Dict[str, Method] = {}
        # by the function itself: two functions may have one name
        self.functions: Dict[Union[str, Callable[..., Any]], FunctionUse] = {}
        self.model_counts: Dict[str, Tuple[int, int]] = {}
        self.method: Optional[Method] = None  # whose body runs
        # of the deprecated declare_servable
        self.single_model: Any = None
        # runs Model.call: (key, instances, subgraph) -> outputs of each; None where no servable runs
        self.call_model: Optional[Callable[[str, Sequence[Any], int, str], Any]] = None

    def describe(self, directory: str, version: int) -> Dict[str, Any]:
        """As docs/decisions/0005-serving-workers.md has it. directory: where servable_config.py lies."""
        return {
            "servable": self.servable,
            "version": version,
            "python": any(s.kind == "python" for m in self.methods.values() for s in m.stages),
            "models": [m.describe(directory) for m in self.models.values()],
            "methods": [m.describe() for m in self.methods.values()],
        }


_current = Registry("")


def current() -> Registry:
    """Of the servable_config.py that is being imported in this process."""
    return _current


def begin(servable: str) -> Registry:
    """A new registry, for what is imported next."""
    global _current
    _current = Registry(servable)
    return _current
