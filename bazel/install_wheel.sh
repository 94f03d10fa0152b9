#!/bin/bash
# install_wheel.sh WHEEL --out DIR: copies the wheel into DIR, which is relative to where the user stands.
set -eu
wheel=$PWD/$1
if [[ $# -ne 3 || $2 != --out ]]; then
  echo "usage: bazel run TARGET -- --out DIR" >&2
  exit 2
fi
cd "${BUILD_WORKING_DIRECTORY:-.}"
mkdir -p "$3"
install -m 644 "$wheel" "$3/"
echo "$(cd "$3" && pwd)/${wheel##*/}"
