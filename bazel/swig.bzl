"""swig_wrap: wrapper sources by the SWIG of @swig; the C headers and c_api/swig/mirin.i are there for every interface."""

def _swig_wrap_impl(ctx):
    lang = ctx.attr.language
    wrap = ctx.outputs.wrap
    lib = ctx.file._swg.dirname
    args = ctx.actions.args()
    args.add("-" + lang)
    args.add_all(["-Wall", "-Werror"])
    args.add_all(ctx.attr.opts)
    outdir = ctx.outputs.outs[0].dirname if ctx.outputs.outs else wrap.dirname
    args.add_all(["-c++", "-outdir", outdir, "-o", wrap, "-I" + lib, "-I" + lib + "/" + lang, "-I.", "-Ic_api/include", "-Ic_api/swig"])
    args.add(ctx.file.interface)
    ctx.actions.run(
        executable = ctx.executable._swig,
        arguments = [args],
        inputs = [ctx.file.interface] + ctx.files.hdrs + ctx.files._capi,
        tools = ctx.files._lib,
        env = {"SWIG_LIB": lib},
        outputs = [wrap] + ctx.outputs.outs,
        mnemonic = "Swig",
    )
    return [DefaultInfo(files = depset([wrap] + ctx.outputs.outs))]

swig_wrap = rule(
    implementation = _swig_wrap_impl,
    attrs = {
        "interface": attr.label(allow_single_file = [".i"]),
        "hdrs": attr.label_list(allow_files = True),
        "language": attr.string(),
        "opts": attr.string_list(),
        "wrap": attr.output(mandatory = True, doc = "the C++ wrapper"),
        "outs": attr.output_list(doc = "the files in the language itself"),
        "_capi": attr.label_list(default = ["//c_api:header_files", "//c_api:swig/mirin.i"], allow_files = True),
        "_swig": attr.label(default = "@swig//:swig", executable = True, cfg = "exec", allow_single_file = True),
        "_lib": attr.label(default = "@swig//:lib", cfg = "exec"),
        "_swg": attr.label(default = "@swig//:swig/data/share/swig/4.5.1/swig.swg", allow_single_file = True),
    },
)
