"""One source compiled for several instruction sets, for dispatch at run time."""

load("@rules_cc//cc:defs.bzl", "cc_library")
load("//bazel:cc.bzl", "COPTS")

# The portable variant is plain x86-64; the others are chosen by core/backends/cpu/isa.h.
VARIANTS = {
    "portable": [],
    "avx2": [
        "-mavx2",
        "-mfma",
        "-mf16c",
    ],
    "avx512": [
        "-mavx512f",
        "-mavx512bw",
        "-mavx512dq",
        "-mavx512vl",
        "-mavx2",
        "-mfma",
        "-mf16c",
        "-mprefer-vector-width=512",
    ],
}

def simd_library(name, srcs, textual_hdrs = [], copts = [], deps = [], **kwargs):
    """A cc_library that holds srcs once for each of VARIANTS, with -DMIRIN_SIMD=<its name>.

    The sources put everything into a namespace named MIRIN_SIMD and call no inline functions of shared headers: the
    linker could keep the AVX-512 copy for everybody.
    """
    for variant, flags in VARIANTS.items():
        cc_library(
            name = name + "_" + variant,
            srcs = srcs,
            textual_hdrs = textual_hdrs,
            copts = COPTS + copts + flags + [
                "-O3",
                "-fno-math-errno",
                "-fno-trapping-math",
                "-ffp-contract=fast",
                "-DMIRIN_SIMD=" + variant,
            ],
            linkstatic = 1,
            deps = deps,
        )
    cc_library(
        name = name,
        deps = [":%s_%s" % (name, variant) for variant in VARIANTS],
        **kwargs
    )
