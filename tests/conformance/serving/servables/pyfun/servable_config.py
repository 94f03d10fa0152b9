"""Stages in Python only."""

import os
import time

import numpy as np
from mindspore_serving.server import register


def echo_fn(x):
    return x


def describe_fn(x):
    if not isinstance(x, np.ndarray):
        return f"{type(x).__name__} {x!r}"
    flags = x.flags
    return f"{type(x).__name__} {x.dtype} {x.shape} contiguous={flags.c_contiguous} writeable={flags.writeable}"


def many_fn(x):
    return (
        7,
        1.5,
        True,
        "s\u00e9",
        b"\x00\xff",
        np.array([1, 2], np.uint8),
        np.int16(3),
        np.float16(1.5),
        np.array([], np.float32),
        np.zeros((2, 0), np.int32),
        np.array(5.0),
        int(x.item()),
    )


def special_fn(x):
    return np.array([np.nan, np.inf, -np.inf, 1e-40, np.finfo(np.float32).max], np.float32)


def fail_fn(x):
    if x < 0:
        raise ValueError(f"negative input {x}")
    return x


def seen_fn(instances):
    return [(len(instances),) for _ in instances]


def none_fn(x):
    return None


def badtype_fn(x):
    return {"a": 1}


def badcount_fn(x):
    return x, x


def sleepy_fn(seconds):
    time.sleep(seconds.item())
    return os.getpid()


def size_fn(x):
    return x.size, x.reshape(-1)[:1]


def pid_fn(x):
    return os.getpid()


def method(name, function, outputs, batch_size=None):
    def body(x):
        return register.add_stage(function, x, outputs_count=len(outputs), batch_size=batch_size)

    body.__name__ = name
    register.register_method(output_names=outputs)(body)


@register.register_method(output_names=["x"])
def ident(x):
    return x


method("echo", echo_fn, ["y"])
method("describe", describe_fn, ["d"])
method(
    "many",
    many_fn,
    ["i", "f", "b", "s", "raw", "u8", "i16", "f16", "empty", "empty2", "zero_d", "li"],
)
method("special", special_fn, ["y"])
method("fail", fail_fn, ["y"])
method("seen0", seen_fn, ["n"], batch_size=0)
method("seen5", lambda instances: seen_fn(instances), ["n"], batch_size=5)
method("none", none_fn, ["y"])
method("badtype", badtype_fn, ["y"])
method("badcount", badcount_fn, ["y"])
method("sleepy", sleepy_fn, ["pid"])
method("size", size_fn, ["n", "head"])
method("pid", pid_fn, ["pid"])
