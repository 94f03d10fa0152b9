"""Repositories made from Debian packages instead of Bazel's downloads."""

def _run(rctx, args, what, **kw):
    res = rctx.execute(args, **kw)
    if res.return_code:
        fail("%s: %s failed (%d)\n%s\n%s" % (rctx.name, what, res.return_code, res.stdout, res.stderr))
    return res.stdout

# --- the rule sets that Debian ships under /usr/share/bazel -----------------

def _copy_rules_impl(rctx):
    _run(rctx, ["cp", "-rL", rctx.attr.path + "/.", "."], "copying Debian's " + rctx.attr.deb)

    # Debian's rules_cc 0.0.4 expects a Bazel newer than Debian's 4.2.3.
    for f in rctx.attr.patch_files:
        s = rctx.read(f)
        s = s.replace(', "use_cpp_toolchain"', "")
        s = s.replace("use_cpp_toolchain()", '["@bazel_tools//tools/cpp:toolchain_type"]')
        rctx.file(f, s)

_copy_rules = repository_rule(
    implementation = _copy_rules_impl,
    local = True,
    attrs = {
        "path": attr.string(mandatory = True),
        "deb": attr.string(mandatory = True),
        "patch_files": attr.string_list(),
    },
)

def _coverage_tools_impl(rctx):
    rctx.file("WORKSPACE", "")
    rctx.symlink(rctx.attr._merger, "lcov_merger.py")
    rctx.file("BUILD.bazel", "".join(["""
sh_binary(
    name = "%s",
    srcs = ["lcov_merger.py"],
    visibility = ["//visibility:public"],
)
""" % n for n in ["lcov_merger", "coverage_report_generator"]]))

_coverage_tools = repository_rule(
    implementation = _coverage_tools_impl,
    attrs = {"_merger": attr.label(default = "//bazel:lcov_merger.py")},
)

def debian_bazel_rules():
    _copy_rules(
        name = "rules_cc",
        path = "/usr/share/bazel/rules/cc",
        deb = "bazel-rules-cc",
        patch_files = [
            "cc/private/rules_impl/cc_flags_supplier.bzl",
            "cc/private/rules_impl/compiler_flag.bzl",
        ],
    )
    _copy_rules(name = "rules_java", path = "/usr/share/bazel/rules/java", deb = "bazel-rules-java")
    _copy_rules(name = "rules_proto", path = "/usr/share/bazel/rules/proto", deb = "bazel-rules-proto")
    _copy_rules(name = "bazel_skylib", path = "/usr/share/bazel/tools/skylib", deb = "bazel-skylib")
    _coverage_tools(name = "remote_coverage_tools")

# --- source packages, built here with -fPIC ---------------------------------
# Debian's libabsl_*.a, libnghttp2.a, libprotobuf.a and libre2.a are -fPIE: no use in a .so.

_FETCH = """set -eu
mkdir -p lists/partial
# the machine's own Debian sources, asked for source packages too
{ for f in /etc/apt/sources.list.d/debian.sources; do [ -f "$f" ] && sed 's/^Types:.*/Types: deb-src/' "$f"; done; } > src.sources
if [ ! -s src.sources ]; then
  sed -n 's/^deb /deb-src /p' /etc/apt/sources.list > src.list; mv src.list src.sources.list; set_list=src.sources.list
fi
apt="apt-get -q -o Dir::Etc::sourcelist=$PWD/${set_list:-src.sources} -o Dir::Etc::sourceparts=- -o Dir::State::lists=$PWD/lists
 -o Dir::Cache=$PWD -o Dir::Cache::srcpkgcache= -o Dir::Cache::pkgcache= -o Debug::NoLocking=1 -o APT::Sandbox::User= -o Acquire::Retries=3"
$apt update
for p in "$@"; do  # source/dev-package
  src=${p%%/*}; ver=$(dpkg-query -W -f='${source:Version}' ${p##*/})
  # the installed version may have left the mirror after a point release: take the current one then
  $apt source --download-only $src=$ver || $apt source --download-only $src
done
rm -rf lists *.bin
"""

def _debian_sources_impl(rctx):
    rctx.file("fetch.sh", _FETCH)
    _run(rctx, ["bash", "fetch.sh"] + rctx.attr.packages, "apt-get source", timeout = 300)
    sums = "".join(["%s  %s\n" % (h, f) for f, h in rctx.attr.sha256.items()])
    rctx.file("SHA256SUMS", sums)
    _run(rctx, ["sha256sum", "-c", "--strict", "SHA256SUMS"], "checksum of the source tarballs")
    rctx.file("BUILD", "exports_files([\"SHA256SUMS\"])\n")

_debian_sources = repository_rule(
    implementation = _debian_sources_impl,
    attrs = {"packages": attr.string_list(), "sha256": attr.string_dict()},
)

def _debian_source_impl(rctx):
    d = rctx.path(Label("@debian_sources//:SHA256SUMS")).dirname
    _run(rctx, ["bash", "-c", """set -eu
dpkg-source --no-check -x "$1"/"$2"_*.dsc unpacked.d >/dev/null
shopt -s dotglob; mv unpacked.d/* .; rmdir unpacked.d""", "-", str(d), rctx.attr.package], "dpkg-source")
    if rctx.attr.build_file:
        rctx.delete("BUILD")
        rctx.delete("BUILD.bazel")
        rctx.symlink(rctx.attr.build_file, "BUILD.bazel")
    for f, old_new in rctx.attr.replace.items():
        rctx.file(f, rctx.read(f).replace(old_new[0], old_new[1]))
    rctx.file("WORKSPACE", "")
    for target, link in rctx.attr.links.items():
        rctx.symlink(target, link)

_debian_source = repository_rule(
    implementation = _debian_source_impl,
    attrs = {
        "package": attr.string(mandatory = True),
        "build_file": attr.label(),
        "links": attr.string_dict(),
        "replace": attr.string_list_dict(doc = "file: [old, new]"),
    },
)

# --- libraries from -dev packages, used as Debian ships them ----------------

def _debian_library_impl(rctx):
    for f in rctx.attr.files:
        rctx.symlink("/usr/lib/x86_64-linux-gnu/" + f, "lib/" + f)
    rctx.symlink(rctx.attr.build_file, "BUILD.bazel")

_debian_library = repository_rule(
    implementation = _debian_library_impl,
    local = True,
    attrs = {"files": attr.string_list(), "build_file": attr.label()},
)

def debian_cc_deps():
    _debian_sources(
        name = "debian_sources",
        packages = [
            "abseil/libabsl-dev",
            "nghttp2/libnghttp2-dev",
            "prometheus-cpp/prometheus-cpp-dev",
            "protobuf/libprotobuf-dev",
            "re2/libre2-dev",
        ],
        sha256 = {
            "abseil_20220623.1.orig.tar.gz": "abfe2897f3a30edaa74bc34365afe3c2a3cd012091a97dc7e008f7016adcd5fe",
            "nghttp2_1.52.0.orig.tar.gz": "6b71561a9950b4a90fa36aa3160763f1437f3730d7a12434e416aa3f4ab145e0",
            "prometheus-cpp_1.0.1.orig.tar.gz": "593e028d401d3298eada804d252bc38d8cab3ea1c9e88bcd72095281f85e6d16",
            "protobuf_3.21.12.orig.tar.gz": "930c2c3b5ecc6c9c12615cf5ad93f1cd6e12d0aba862b572e076259970ac3a53",
            "re2_20220601+dfsg.orig.tar.xz": "3bc61251da3b0b97be40a8a127818c517c62516e4eda11fc901d29496663df54",
        },
    )
    _debian_source(
        name = "com_google_absl",
        package = "abseil",
        # Debian's @platforms is older than WebAssembly
        replace = {"absl/BUILD.bazel": ["@platforms//cpu:wasm", "@platforms//cpu:ppc\", #"]},
    )
    _debian_source(
        name = "com_google_protobuf",
        package = "protobuf",
        build_file = "//bazel/third_party:protobuf.BUILD",
        links = {
            "/usr/bin/grpc_cpp_plugin": "bin/grpc_cpp_plugin",
            "/usr/bin/protoc": "bin/protoc",
        },
    )
    _debian_source(
        name = "com_google_re2",
        package = "re2",
        build_file = "//bazel/third_party:re2.BUILD",
    )
    _debian_source(
        name = "nghttp2",
        package = "nghttp2",
        build_file = "//bazel/third_party:nghttp2.BUILD",
    )
    native.new_local_repository(
        name = "com_google_googletest",
        path = "/usr/src/googletest",
        build_file = "//bazel/third_party:googletest.BUILD",
    )
    _debian_source(
        name = "com_github_jupp0r_prometheus_cpp",
        package = "prometheus-cpp",
    )
    _debian_library(
        name = "com_github_grpc_grpc",
        files = [
            "libaddress_sorting.a",
            "libcares.a",
            "libgpr.a",
            "libgrpc++.a",
            "libgrpc.a",
            "libupb.a",
            "libz.a",
        ],
        build_file = "//bazel/third_party:grpc.BUILD",
    )
    _debian_library(name = "boost", build_file = "//bazel/third_party:boost.BUILD")
    _debian_library(name = "rapidjson", build_file = "//bazel/third_party:rapidjson.BUILD")
    _debian_library(
        name = "openssl",
        files = [
            "libcrypto.a",
            "libssl.a",
        ],
        build_file = "//bazel/third_party:openssl.BUILD",
    )
    _debian_library(
        name = "libm",
        files = ["libm.so.6"],
        build_file = "//bazel/third_party:libm.BUILD",
    )
    native.new_local_repository(
        name = "debian_copyrights",
        path = "/usr/share/doc",
        build_file_content = "exports_files(glob([\"lib*-dev/copyright\"]))",
    )
    _debian_library(
        name = "zlib",
        files = ["libz.a"],
        build_file = "//bazel/third_party:zlib.BUILD",
    )
    _debian_library(name = "png", build_file = "//bazel/third_party:png.BUILD")
    _debian_library(
        name = "tbb",
        files = ["libtbb.so.12"],
        build_file = "//bazel/third_party:tbb.BUILD",
    )
