"""wheel: `bazel run NAME -- --out DIR` puts the wheel of the given files into DIR; NAME_file is the wheel itself."""

def wheel(name, filename, files, metadata, description, entry_points, **kwargs):
    """files: label -> path in the wheel; paths in "LICENSES/" go to its folder of licences."""
    native.genrule(
        name = name + "_file",
        srcs = files.keys() + [metadata, description, entry_points],
        outs = [filename],
        tools = ["//bazel:make_wheel.py"],
        cmd = "/usr/bin/python3 $(location //bazel:make_wheel.py) --out $@ --metadata $(location %s) --description $(location %s) --entry-points $(location %s) %s" % (
            metadata,
            description,
            entry_points,
            " ".join(["$(location %s)=%s" % (label, path) for label, path in files.items()]),
        ),
        **kwargs
    )
    native.sh_binary(
        name = name,
        srcs = ["//bazel:install_wheel.sh"],
        args = ["$(location :%s_file)" % name],
        data = [":%s_file" % name],
        tags = ["manual"],
        **kwargs
    )
