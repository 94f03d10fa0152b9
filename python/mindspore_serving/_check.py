"""Validators of arguments, with MindSpore Serving's texts; all raise RuntimeError."""

from typing import Any, Optional, Tuple

INT64_MAX = 2**63 - 1


def string(name: str, value: object) -> str:
    """A str that is not empty."""
    if not isinstance(value, str):
        raise RuntimeError(f"Parameter '{name}' should be str, but actually {type(value)}")
    if not value:
        raise RuntimeError(f"Parameter '{name}' should not be empty str")
    return value


def boolean(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise RuntimeError(f"Parameter '{name}' should be bool, but actually {type(value)}")
    return value


def integer(
    name: str, value: object, minimum: int = 0, maximum: Optional[int] = None, bools: bool = False
) -> int:
    """An int of [minimum, maximum]; a bool is none unless `bools`."""
    if not isinstance(value, int) or (isinstance(value, bool) and not bools):
        raise RuntimeError(f"Parameter '{name}' should be int, but actually {type(value)}")
    if maximum is not None:
        if not minimum <= value <= maximum:
            raise RuntimeError(f"Parameter '{name}' should be in range [{minimum},{maximum}]")
    elif value < minimum:
        raise RuntimeError(f"Parameter '{name}' should be >= {minimum}")
    elif value > INT64_MAX:
        raise RuntimeError(f"Parameter '{name}' should be in range [{minimum},{INT64_MAX}]")
    return value


def integers(name: str, value: Any, single: bool = True) -> Tuple[int, ...]:
    """Different ints >= 0: a tuple, a list or, when `single`, an int alone."""
    if single and isinstance(value, int):
        value = (value,)
    if not isinstance(value, (tuple, list)):
        wanted = "int or tuple/list of int" if single else "tuple/list of int"
        raise RuntimeError(f"Parameter '{name}' should be {wanted}, but actually {type(value)}")
    for i, item in enumerate(value):
        if not isinstance(item, int) or isinstance(item, bool):
            raise RuntimeError(
                f"The item value '{item}' in parameter '{name}' should be int, but actually {type(item)}"
            )
        if item < 0:
            raise RuntimeError(f"The item value '{item}' in parameter '{name}' should be >= 0")
        if item in value[:i]:
            raise RuntimeError(
                f"The item value '{item}' in parameter '{name}' should not be repeated"
            )
    return tuple(value)


def strings(name: str, value: Any) -> Tuple[str, ...]:
    """Different strs that are not empty: a tuple, a list or a str alone."""
    if isinstance(value, str):
        value = (value,)
    if not isinstance(value, (tuple, list)):
        raise RuntimeError(
            f"Parameter '{name}' should be str or tuple/list of str, but actually {type(value)}"
        )
    for i, item in enumerate(value):
        if not isinstance(item, str):
            raise RuntimeError(
                f"The item of parameter '{name}' should be str, but actually {type(item)}"
            )
        if not item:
            raise RuntimeError(f"The item of parameter '{name}' should not be empty str")
        if item in value[:i]:
            raise RuntimeError(
                f"The item value '{item}' in parameter '{name}' should not be repeated"
            )
    return tuple(value)


def key(name: str, value: object) -> bytes:
    """A key of AES."""
    if not isinstance(value, bytes):
        raise RuntimeError(f"Parameter '{name}' should be bytes, but actually {type(value)}")
    if not value:
        raise RuntimeError(f"Parameter '{name}' should not be empty bytes")
    if len(value) not in (16, 24, 32):
        raise RuntimeError(f"Parameter '{name}' length {len(value)} expected to be 16, 24 or 32")
    return value
