"""Errors of the library as exceptions."""

from typing import Dict, Type

from . import _capi

__all__ = [
    "MirinError",
    "InvalidArgumentError",
    "NotFoundError",
    "DeadlineExceededError",
    "ResourceExhaustedError",
    "UnimplementedError",
]


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

    def __init__(self, code: str, message: str, text: str = "") -> None:
        super().__init__(code, message, text)
        self.code = code
        self.message = message
        self._text = text

    def __str__(self) -> str:
        return self._text or f"{self.code}: {self.message}"


class InvalidArgumentError(MirinError, ValueError):
    """A wrong shape, dtype, count or value."""


class NotFoundError(MirinError, FileNotFoundError):
    """A file or a device that does not exist."""


class ResourceExhaustedError(MirinError, MemoryError):
    """No memory, a full queue, or a limit that guards against damaged models."""


class UnimplementedError(MirinError, NotImplementedError):
    """An operator, dtype or file feature that is not supported."""


class DeadlineExceededError(MirinError, TimeoutError):
    """A run took longer than it was given."""


_CLASSES: Dict[str, Type[MirinError]] = {
    "INVALID_ARGUMENT": InvalidArgumentError,
    "NOT_FOUND": NotFoundError,
    "RESOURCE_EXHAUSTED": ResourceExhaustedError,
    "UNIMPLEMENTED": UnimplementedError,
    "DEADLINE_EXCEEDED": DeadlineExceededError,
}


def error(code: str, message: str, text: str = "") -> MirinError:
    return _CLASSES.get(code, MirinError)(code, message, text)


def because(context: str, e: MirinError) -> MirinError:
    """The same error with what was attempted in front of it, as MindSpore Lite words it."""
    return error(e.code, e.message, f"{context} {e.code}: {e.message}")


def not_found(text: str) -> MirinError:
    """MindSpore Lite's own text for a file that does not exist."""
    return error("NOT_FOUND", text, text)


_capi.set_error_factory(lambda number, code, message: error(code, message))
