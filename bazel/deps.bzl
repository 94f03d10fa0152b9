"""Every third-party archive of the build that comes from PyPI, pinned."""

load("//bazel:pypi.bzl", "pypi_archive")

def pypi_deps():
    # oneDNN over TBB: it shares the process's one thread pool (docs/decisions/0001-onednn-over-tbb.md). The Intel compiler
    # it was built with leaves it two small run-time libraries to ask for.
    pypi_archive(
        name = "onednn",
        build_file = "//bazel/third_party:onednn.BUILD",
        requirements = [
            "onednn-cpu-tbb==2023.2.0 --hash=sha256:3265b317e9d74ee42f3b7fe4ba0e6d8347a400f0e9c1531fa80b0bfa18d76b13",
            "onednn-devel-cpu-tbb==2023.2.0 --hash=sha256:d76b9ddf0ac717b5c5caa89e9922ec752d175e6f0492503f3baa8499607bec82",
            "intel-cmplr-lib-rt==2023.2.0 --hash=sha256:f2291fbd870639dfff0e6eb583fbb5668138f000139716c2e692b90ba5ae5c7c",
        ],
        # without the copies that stand for symbolic links
        keep = [
            "include/*",
            "lib/libdnnl.so.3",
            "lib/libimf.so",
            "lib/libintlc.so.5",
            "share/doc/*",
        ],
    )
    pypi_archive(
        name = "clang_format",
        build_file = "//bazel/third_party:clang_format.BUILD",
        requirements = ["clang-format==18.1.8 --hash=sha256:2de122b8aa78ba49e326f974131caab2c79f4ae877c227cd4e3e5d82a98d21e5"],
    )
