"""Runs a stage function for the instances of a call.

What goes wrong with an instance fails that instance, with the text that clients see; nothing ends the worker.
"""

from typing import Any, Callable, List, Sequence, Tuple, Union

from .. import log
from ..server.register._registry import Method
from ._tensors import Instance, Output

#: Of one instance: what the stage gave, or why it failed.
Result = Union[List[Output], str]


class StageTask:
    """One stage in Python of a method. index: from 0."""

    def __init__(self, method: Method, index: int) -> None:
        stage = method.stages[index]
        assert stage.function is not None
        self._function: Callable[..., Any] = stage.function
        self._batch_size = stage.batch_size
        self._outputs = stage.outputs_count
        self._name = stage.name
        self._method = method.name
        self._failed = f"Call {stage.tag} Failed, method: '{method.name}', stage index(begin with 1): {index + 1}, error msg: "

    def run(self, instances: Sequence[Instance]) -> List[Result]:
        if self._batch_size is None:
            return [
                self._failure(x) if isinstance(x, Exception) else self._one(x) for x in instances
            ]
        results: List[Result] = [
            self._failure(x) if isinstance(x, Exception) else "" for x in instances
        ]
        good = [i for i, x in enumerate(instances) if not isinstance(x, Exception)]
        step = self._batch_size or len(good) or 1
        for start in range(0, len(good), step):
            part = good[start : start + step]
            for i, result in zip(part, self._batch([tuple(instances[i]) for i in part])):  # type: ignore[arg-type]
                results[i] = result
        return results

    def _one(self, values: List[Any]) -> Result:
        try:
            return self._checked(self._function(*values))
        except BaseException as e:
            return self._raised(e)

    def _batch(self, instances: List[Tuple[Any, ...]]) -> List[Result]:
        results: List[Result] = []
        while len(results) < len(instances):
            rest = tuple(instances[len(results) :])
            try:
                iterator = iter(self._function(rest))
            except BaseException as e:
                results += [self._raised(e)] * len(rest)
                break
            try:
                for _ in rest:
                    value = next(iterator)
                    try:
                        results.append(self._checked(value))
                    except Exception as e:
                        results.append(self._raised(e))
            except StopIteration:
                missing = len(instances) - len(results)
                text = f"The number of results returned by function '{self._name}' is less than the number of instances, {len(rest) - missing} and {len(rest)}"
                results += [self._failed + text] * missing
            except BaseException as e:  # this instance's; the function goes on with the others
                results.append(self._raised(e))
        return results

    def _checked(self, value: Any) -> List[Output]:
        values = value if isinstance(value, (tuple, list)) else (value,)
        if len(values) != self._outputs:
            raise _ResultError(
                f"The outputs number {len(values)} of one instance returned by function '{self._name}' is not equal to the outputs "
                f"number {self._outputs} registered in method '{self._method}'"
            )
        outputs = []
        for i, item in enumerate(values):
            try:
                outputs.append(Output(item))
            except (TypeError, UnicodeError) as e:
                raise _ResultError(f"Get illegal value of output {i}: {e}") from None
        return outputs

    def _raised(self, e: BaseException) -> str:
        if not isinstance(e, _ResultError):
            log.error("%s%s", self._failed, e, exc_info=e)
        return self._failure(e)

    def _failure(self, e: BaseException) -> str:
        return self._failed + (str(e) or repr(e))


class _ResultError(Exception):
    """A stage gave what it should not."""
