"""The samples in Go."""

load("//bazel:go.bzl", "go_binary")
load("//samples:samples.bzl", "sample_test")

def go_sample(name, data = []):
    """main.go as NAME_go, and a test that it prints the lines of expected.txt."""
    go_binary(
        name = name + "_go",
        srcs = ["main.go"],
        data = [":data_files"] + data,
    )
    sample_test(name = name + "_go_test", program = ":" + name + "_go")
