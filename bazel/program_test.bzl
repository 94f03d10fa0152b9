"""Tests that differ in their arguments, data and environment share one program, which is compiled and linked once."""

def _program_test_impl(ctx):
    executable = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.symlink(output = executable, target_file = ctx.executable.program, is_executable = True)
    runfiles = ctx.runfiles(files = ctx.files.data).merge(ctx.attr.program[DefaultInfo].default_runfiles)
    return [
        DefaultInfo(executable = executable, runfiles = runfiles),
        testing.TestEnvironment(ctx.attr.env),
    ]

program_test = rule(
    implementation = _program_test_impl,
    test = True,
    attrs = {
        "data": attr.label_list(allow_files = True),
        "env": attr.string_dict(),
        "program": attr.label(mandatory = True, executable = True, cfg = "target"),
    },
)
