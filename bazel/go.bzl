"""Go by the go command itself. GOROOT is @go; the modules that go/go.sum pins are @go_modules."""

_GO = "@go//:go/bin/go"
_TOOLS = [_GO, "//bazel:go_build.sh"]

def _go_modules_impl(rctx):
    go = rctx.path(rctx.attr._go)
    rctx.symlink(rctx.attr.go_mod, "go.mod")
    rctx.symlink(rctx.attr.go_sum, "go.sum")
    result = rctx.execute([go, "mod", "download"], timeout = 600, environment = {
        "GOCACHE": str(rctx.path("cache")),
        "GOFLAGS": "-modcacherw",
        "GOMODCACHE": str(rctx.path("modules")),
        "GOROOT": str(go.dirname.dirname),
        "GOTOOLCHAIN": "local",
    })
    if result.return_code:
        fail("%s: go mod download failed\n%s" % (rctx.name, result.stderr))
    rctx.delete("cache")

    # modules/cache/download is laid out as a module proxy
    rctx.file("BUILD.bazel", """
filegroup(
    name = "proxy",
    srcs = glob(["modules/cache/download/**"], exclude = ["**/*.lock"]),
    visibility = ["//visibility:public"],
)
""")

go_modules = repository_rule(
    implementation = _go_modules_impl,
    doc = "the modules that a go.sum pins, as a module proxy serves them: a folder for GOPROXY=file://...",
    attrs = {
        "go_mod": attr.label(mandatory = True, allow_single_file = True),
        "go_sum": attr.label(mandatory = True, allow_single_file = True),
        "_go": attr.label(default = "@go//:go/bin/go", allow_single_file = True),
    },
)

def go_std_cache(name, packages, flags = ""):
    """NAME.tar: Go's build cache with standard packages, so that programs need not compile them again.

    Args:
      name: of the target
      packages: the packages, with what they import
      flags: of go build
    """
    native.genrule(
        name = name,
        outs = [name + ".tar"],
        tools = _TOOLS,
        cmd = "$(location //bazel:go_build.sh) cache $(location %s) $@ %s %s" % (_GO, flags, " ".join(packages)),
    )

def go_binary(name, srcs, data = [], **kwargs):
    """A program that uses the module mirin.dev/go; it finds the libraries of //c_api where Bazel builds them.

    Args:
      name: of the target
      srcs: package main
      data: what the program reads
      **kwargs: of both rules
    """
    up = "/".join([".." for _ in native.package_name().split("/")])
    _go_build("program", name + ".bin", "LDFLAGS='-r=$$ORIGIN/%s/c_api'" % up, srcs, **kwargs)
    native.sh_binary(
        name = name,
        srcs = [name + ".bin"],
        data = data + ["//c_api:libraries"],
        **kwargs
    )

def go_test_binary(name, flags = "", package = ".", std_cache = "//go:std_cache", **kwargs):
    """The test program of a package of the module.

    Args:
      name: of the program
      flags: of go test
      package: its folder in the module
      std_cache: a go_std_cache, made with the same flags
      **kwargs: of the rule
    """
    _go_build("test", name, "PACKAGE=%s FLAGS='%s'" % (package, flags), [], std_cache, **kwargs)

def _go_build(mode, out, environment, srcs, std_cache = "//go:std_cache", **kwargs):
    native.genrule(
        name = out + "_build",
        srcs = srcs + ["//go:sources", "@go_modules//:proxy", std_cache],
        outs = [out],
        tools = _TOOLS,
        executable = 1,
        cmd = environment + " $(location //bazel:go_build.sh) %s $(location %s) $@ $(location %s) $(locations //go:sources) $(locations @go_modules//:proxy) -- %s" % (
            mode,
            _GO,
            std_cache,
            " ".join(["$(location %s)" % s for s in srcs]),
        ),
        **kwargs
    )

def go_module(name, module, version, files):
    """The module as a module proxy serves it: a folder for GOPROXY=file://...

    Args:
      name: of the target and the folder
      module: the module's path
      version: vX.Y.Z
      files: labels to PREFIX=FOLDER, see make_go_module.py
    """
    base = "%s/%s/@v/" % (name, module)
    native.genrule(
        name = name,
        srcs = files.keys(),
        outs = [base + f for f in [version + ".zip", version + ".mod", version + ".info", "list"]],
        tools = ["//bazel:make_go_module.py"],
        cmd = "/usr/bin/python3 $(location //bazel:make_go_module.py) $(RULEDIR)/%s %s %s %s" % (
            base,
            module,
            version,
            " ".join(["%s $(locations %s) --" % (folder, label) for label, folder in files.items()]),
        ),
    )
