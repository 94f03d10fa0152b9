"""Errors of the library as exceptions."""

from typing import Any, Callable, Dict, Type, TypeVar

from . import _capi

__all__ = [
    "MirinError",
    "InvalidArgumentError",
    "DeadlineExceededError",
    "ResourceExhaustedError",
    "UnimplementedError",
]

_F = TypeVar("_F", bound=Callable[..., Any])


class MirinError(RuntimeError):
    """What the library says went wrong.

    Attributes:
        code: name of the error's kind: ``INVALID_ARGUMENT``, ``NOT_FOUND``, ``PERMISSION_DENIED``,
            ``RESOURCE_EXHAUSTED``, ``FAILED_PRECONDITION``, ``UNIMPLEMENTED``, ``INTERNAL``,
            ``UNAVAILABLE``, ``DATA_LOSS``, ``DEADLINE_EXCEEDED``, ``CANCELLED`` or ``UNKNOWN``.
        message: the reason, with the node or the input where there is one.
    """

    code: str
    message: str

    def __init__(self, code: str, message: str, context: str = "") -> None:
        super().__init__(code, message, context)
        self.code = code
        self.message = message
        self._context = context

    def __str__(self) -> str:
        return f"{self._context}{self.code}: {self.message}"


class InvalidArgumentError(MirinError, ValueError):
    """A wrong shape, dtype, count or value."""


class ResourceExhaustedError(MirinError, MemoryError):
    """No memory, a full queue, or a limit that guards against damaged models."""


class UnimplementedError(MirinError, NotImplementedError):
    """An operator, dtype or file feature that is not supported."""


class DeadlineExceededError(MirinError, TimeoutError):
    """A run took longer than it was given."""


_CLASSES: Dict[str, Type[MirinError]] = {
    "INVALID_ARGUMENT": InvalidArgumentError,
    "RESOURCE_EXHAUSTED": ResourceExhaustedError,
    "UNIMPLEMENTED": UnimplementedError,
    "DEADLINE_EXCEEDED": DeadlineExceededError,
}


def error(code: str, message: str, context: str = "") -> MirinError:
    return _CLASSES.get(code, MirinError)(code, message, context)


def because(context: str, e: MirinError, suffix: str = "Error is ") -> MirinError:
    """The same error with what was attempted in front of it, as MindSpore Lite words it."""
    return error(e.code, e.message, f"{context} {suffix}")


_capi.set_error_factory(lambda number, code, message: error(code, message))
