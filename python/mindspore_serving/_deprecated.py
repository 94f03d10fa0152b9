"""Old names: they warn and do what the new ones do."""

import functools
from typing import Any, Callable, Optional, TypeVar

from . import log

F = TypeVar("F", bound=Callable[..., Any])


def deprecated(since: str, instead: str, name: Optional[str] = None) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        @functools.wraps(function)
        def warn(*args: Any, **kwargs: Any) -> Any:
            log.warning(
                "'%s' is deprecated from version %s and will be removed in a future version, use '%s' instead.",
                name or function.__name__,
                since,
                instead,
            )
            return function(*args, **kwargs)

        return warn  # type: ignore[return-value]

    return decorate
