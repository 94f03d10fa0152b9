"""One source compiled for several instruction sets, for dispatch at run time."""

load("@rules_cc//cc:defs.bzl", "cc_library")
load("//bazel:cc.bzl", "COPTS")

_AVX512 = [
    "-mavx512f",
    "-mavx512bw",
    "-mavx512dq",
    "-mavx512vl",
    "-mavx2",
    "-mfma",
    "-mf16c",
    "-mprefer-vector-width=512",
]

# The portable variant is plain x86-64; the others are chosen by core/backends/cpu/isa.cc.
VARIANTS = {
    "portable": [],
    "avx2": [
        "-mavx2",
        "-mfma",
        "-mf16c",
    ],
    "avx512": _AVX512,
    "avx512vnni": _AVX512 + ["-mavx512vnni"],
    "avx512amx": _AVX512 + [
        "-mavx512vnni",
        "-mavx512bf16",
        "-mamx-tile",
        "-mamx-int8",
        "-mamx-bf16",
    ],
}

def simd_library(name, srcs, textual_hdrs = [], copts = [], deps = [], variants = ["portable", "avx2", "avx512"], **kwargs):
    """A cc_library that holds srcs once for each of the variants, with -DMIRIN_SIMD=<its name>.

    The sources put everything into a namespace named MIRIN_SIMD and call no inline functions of shared headers: the
    linker could keep the AVX-512 copy for everybody.
    """
    for variant in variants:
        cc_library(
            name = name + "_" + variant,
            srcs = srcs,
            textual_hdrs = textual_hdrs,
            copts = COPTS + copts + VARIANTS[variant] + [
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
        deps = [":%s_%s" % (name, variant) for variant in variants],
        **kwargs
    )
