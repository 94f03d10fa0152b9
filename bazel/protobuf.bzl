"""C++ messages by Debian's protoc, and gRPC stubs by its grpc_cpp_plugin."""

load("@rules_cc//cc:defs.bzl", "cc_library")

def _generate(name, srcs, suffix, tools, flags):
    outs = [s[:-len(".proto")] + suffix + e for s in srcs for e in [".cc", ".h"]]
    native.genrule(
        name = name + "_gen",
        srcs = srcs,
        outs = outs,
        tools = ["@com_google_protobuf//:protoc"] + tools,
        cmd = "$(location @com_google_protobuf//:protoc) -I. " + flags + " $(SRCS)",
    )
    return outs

def _library(name, outs, **kwargs):
    cc_library(
        name = name,
        srcs = [o for o in outs if o.endswith(".cc")],
        hdrs = [o for o in outs if o.endswith(".h")],
        copts = ["-w", "-fvisibility=hidden"],
        **kwargs
    )

def cc_messages(name, srcs, **kwargs):
    """x.pb.h of srcs (.proto), which may import each other; whole runtime."""
    _library(
        name,
        _generate(name, srcs, ".pb", [], "--cpp_out=$(GENDIR)"),
        deps = ["@com_google_protobuf//:protobuf"],
        # reflection finds messages that no code names
        alwayslink = 1,
        **kwargs
    )

def cc_grpc_stubs(name, srcs, messages, **kwargs):
    """x.grpc.pb.h of srcs, whose cc_messages are `messages`."""
    plugin = "@com_google_protobuf//:grpc_cpp_plugin"
    _library(
        name,
        _generate(
            name,
            srcs,
            ".grpc.pb",
            [plugin],
            "--plugin=protoc-gen-grpc=$(location %s) --grpc_out=$(GENDIR)" % plugin,
        ),
        deps = [
            messages,
            "@com_github_grpc_grpc//:grpc++",
        ],
        **kwargs
    )
