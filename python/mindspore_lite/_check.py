"""Validators of arguments, with MindSpore Lite's texts."""

import os
from typing import Any, Tuple, Type, Union

PathLike = Union[str, bytes, "os.PathLike[str]"]


def type_error(name: str, wanted: str, value: object, where: str = "") -> TypeError:
    return TypeError(f"{name} must be {wanted}, but got {type(value)}{where}.")


def isinstance_of(name: str, value: object, wanted: Type[Any]) -> None:
    if not isinstance(value, wanted):
        raise type_error(name, wanted.__name__, value)


def path(name: str, value: object) -> str:
    """A str or os.PathLike, as str."""
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
        if isinstance(value, bytes):
            value = os.fsdecode(value)
    isinstance_of(name, value, str)
    assert isinstance(value, str)
    return value


def list_of(
    name: str, value: object, wanted: Type[Any], lists: Tuple[Type[Any], ...] = (list,)
) -> None:
    if not isinstance(value, lists):
        raise type_error(name, "list", value)
    assert isinstance(value, (list, tuple))
    for i, element in enumerate(value):
        if not isinstance(element, wanted):
            raise type_error(f"{name} element", wanted.__name__, element, f" at index {i}")


def natural(message: str, name: str, value: object, largest: int = 2**31 - 1) -> int:
    """A non-negative int that fits the library's type."""
    isinstance_of(name, value, int)
    assert isinstance(value, int)
    if value < 0:
        raise ValueError(message)
    if value > largest:
        raise ValueError(f"{name} must be at most {largest}, but got {value}.")
    return int(value)


def texts_by_name(name: str, value: object, key: str, val: str, where: str = "") -> None:
    """A dict of str to str."""
    if not isinstance(value, dict):
        raise type_error(name, "dict", value, where)
    for k, v in value.items():
        if not isinstance(k, str):
            raise type_error(key, "str", k, f" at key {k}")
        if not isinstance(v, str):
            raise type_error(val, "str", v, f" at key {k}")
