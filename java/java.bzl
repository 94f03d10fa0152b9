"""What Java programs in the tree share."""

load("@rules_java//java:defs.bzl", "java_binary")
load("//samples:samples.bzl", "sample_test")

# The native libraries where the build has them, from the root of the runfiles: data = ["//java:libraries"].
LIBRARY_FLAG = "-Dcom.mindspore.library.path=java:c_api"

def mirin_java_binary(name, data = [], **kwargs):
    """A program over the SDK."""
    java_binary(
        name = name,
        data = data + ["//java:libraries"],
        javacopts = ["-Werror"],
        jvm_flags = [
            LIBRARY_FLAG,
            "-Djava.awt.headless=true",
            "-XX:-UsePerfData",
        ],
        deps = ["//java:mindspore_lite"],
        **kwargs
    )

def java_sample(name, data = []):
    """Main.java as NAME_java, and its test."""
    mirin_java_binary(
        name = name + "_java",
        srcs = ["Main.java"],
        data = native.glob(["data/**"]) + data,
        main_class = "Main",
    )
    sample_test(name = name + "_java_test", program = ":" + name + "_java")
