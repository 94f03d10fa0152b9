"""Our C and C++ targets: the native rules with the project's warnings and hidden symbols."""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_library", "cc_test")

COPTS = [
    "-Wall",
    "-Wextra",
    "-Werror",

    # gcc 12 reports the unused storage of absl::InlinedVector
    "-Wno-maybe-uninitialized",
    "-Wno-uninitialized",
    "-fvisibility=hidden",
]

def mirin_cc_library(name, copts = [], **kwargs):
    cc_library(name = name, copts = COPTS + copts, **kwargs)

def mirin_cc_binary(name, copts = [], **kwargs):
    cc_binary(name = name, copts = COPTS + copts, **kwargs)

def mirin_cc_test(name, copts = [], deps = [], gtest = True, **kwargs):
    """A test; it has GoogleTest and its main unless gtest = False."""
    deps = deps + ["//bazel:sanitizer_defaults"]
    if gtest:
        deps = deps + ["@com_google_googletest//:gtest_main"]
    cc_test(name = name, copts = COPTS + copts, deps = deps, **kwargs)
