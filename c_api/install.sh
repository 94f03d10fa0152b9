#!/bin/bash
# install.sh VERSION PREFIX: headers, libraries and pkg-config files, for programs that are not built with Bazel. From the root
# of the runfiles.
set -euo pipefail
version=$1
if [[ $# -ne 2 ]]; then
  echo "usage: ./bazelw run //c_api:install -- PREFIX" >&2
  exit 1
fi
from=$PWD/c_api
cd "${BUILD_WORKING_DIRECTORY:-.}"
prefix=$(realpath -m "$2")

(cd "$from" && find include -name '*.h') | while read -r header; do
  install -D -m 644 "$from/$header" "$prefix/$header"
done
mkdir -p "$prefix/lib/pkgconfig"
for library in "$from"/*.so*; do
  install -m 755 "$library" "$prefix/lib/"
done
ln -sf libmirin.so.1 "$prefix/lib/libmirin.so"
ln -sf libmirin_converter.so.1 "$prefix/lib/libmirin_converter.so"
ln -sf libmirin_serving.so.1 "$prefix/lib/libmirin_serving.so"

pkg_config() {  # NAME DESCRIPTION INCLUDE_FLAGS LIBRARY_FLAGS
  cat > "$prefix/lib/pkgconfig/$1.pc" <<END
prefix=$prefix
Name: $1
Description: $2
Version: $version
Cflags: $3
Libs: -L\${prefix}/lib $4 -Wl,-rpath,\${prefix}/lib -Wl,-rpath-link,\${prefix}/lib
END
}
pkg_config mirin "runs MindIR models" "-I\${prefix}/include" "-lmirin"
pkg_config mirin-converter "converts models to MindIR" "-I\${prefix}/include" "-lmirin_converter -lmirin"
pkg_config mirin-serving "serves MindIR models" "-I\${prefix}/include" "-lmirin_serving -lmirin"
pkg_config mindspore-lite "MindSpore Lite's C and C++ API over Mirin" \
  "-I\${prefix}/include -I\${prefix}/include/mindspore" "-lmirin_converter -lmirin"
echo "installed in $prefix"
