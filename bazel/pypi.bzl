"""Archives from PyPI: pinned by version and sha256, fetched by pip, unpacked here."""

def _pypi_archive_impl(rctx):
    py = rctx.attr.python
    rctx.file("requirements.txt", "\n".join(rctx.attr.requirements) + "\n")
    pip = [py, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    pip += ["--only-binary=:all:", "--require-hashes", "-r", "requirements.txt"]

    # Bazel unpacks once per checkout; the wheels stay in one place for all.
    store = rctx.os.environ.get("HOME", str(rctx.path(""))) + "/.cache/mirin-bazel-wheels"
    take = pip + ["--no-index", "--find-links", store, "-d", "wheels"]
    res = rctx.execute(take)
    for _ in range(3):
        if res.return_code:
            res = rctx.execute(pip + ["-d", store], timeout = 1200)
            if not res.return_code:
                res = rctx.execute(take)
    if res.return_code:
        reason = "pip download failed\n%s%s" % (res.stdout, res.stderr)
        if not rctx.attr.optional:
            fail("%s: %s" % (rctx.name, reason))
        rctx.file("MISSING", reason)
        rctx.file("WORKSPACE", "")
        rctx.symlink(rctx.attr.build_file, "BUILD.bazel")
        return
    res = rctx.execute([py, rctx.path(rctx.attr._unpack), "wheels", "."] + rctx.attr.keep)
    if res.return_code:
        fail("%s: unpacking failed\n%s" % (rctx.name, res.stderr))
    if not rctx.attr.keep_wheels:
        rctx.delete("wheels")
    rctx.file("WORKSPACE", "")
    rctx.symlink(rctx.attr.build_file, "BUILD.bazel")

pypi_archive = repository_rule(
    implementation = _pypi_archive_impl,
    attrs = {
        "requirements": attr.string_list(mandatory = True, doc = "lines NAME==VERSION --hash=sha256:..."),
        "build_file": attr.label(mandatory = True),
        "keep": attr.string_list(doc = "unpack only files that match one of these globs"),
        "keep_wheels": attr.bool(),
        "optional": attr.bool(doc = "when it cannot be had, the archive holds only a file MISSING that says why"),
        "python": attr.string(default = "/usr/bin/python3"),
        "_unpack": attr.label(default = "//bazel:unpack_wheels.py"),
    },
)
