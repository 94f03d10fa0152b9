"""Samples: one program in many languages, and tests that each prints the lines of expected.txt."""

load("@rules_cc//cc:defs.bzl", "cc_binary")

_WARNINGS = ["-Wall", "-Wextra", "-Werror"]

def sample_test(name, program, expected = "expected.txt", size = "small", **kwargs):
    """The program must print the lines of `expected`."""
    native.sh_test(
        name = name,
        size = size,
        srcs = ["//samples:expect.sh"],
        args = ["$(location %s)" % expected, "$(location %s)" % program],
        data = [expected, program],
        tags = ["nosan"],
        **kwargs
    )

def c_sample(name, deps = [], data = []):
    """main.c over the C API as NAME, main.cc over MindSpore Lite's C++ API as NAME_cc, and their tests.

    Also :sources, the mains of all languages, and :data_files."""
    native.exports_files(["expected.txt"])
    native.filegroup(
        name = "sources",
        srcs = native.glob(["main.*", "Main.java"]),
        visibility = ["//tests:__subpackages__"],
    )
    native.filegroup(
        name = "data_files",
        srcs = native.glob(["data/**"]),
        visibility = ["//visibility:public"],
    )
    cc_binary(
        name = name,
        srcs = ["main.c"],
        copts = ["-std=c11", "-D_GNU_SOURCE"] + _WARNINGS,
        data = [":data_files"] + data,
        linkopts = ["-lm", "-lpthread"],
        deps = ["//c_api:mirin", "@onednn"] + deps,
    )
    sample_test(name = name + "_test", program = ":" + name)
    cc_binary(
        name = name + "_cc",
        srcs = ["main.cc"],
        copts = _WARNINGS,
        data = [":data_files"] + data,
        linkopts = ["-lpthread"],
        deps = ["//c_api:mindspore_compat", "//c_api:mirin", "@onednn"] + deps,
    )
    sample_test(name = name + "_cc_test", program = ":" + name + "_cc")

def python_sample(name, data = []):
    """main.py over MindSpore Lite's Python API as NAME, and its test."""
    native.py_binary(
        name = name,
        testonly = 1,
        srcs = ["main.py"],
        main = "main.py",
        data = [":data_files"] + data,
        python_version = "PY3",
        deps = ["//python:mindspore_lite", "@python_onnx//:packages"],
    )
    sample_test(name = name + "_test", program = ":" + name)
