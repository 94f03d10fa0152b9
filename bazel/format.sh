#!/bin/bash
# format.sh CLANG_FORMAT [--check]: formats every tracked C and C++ file, or only tells which ones need it.
set -eu
tool=$(readlink -f "$1")
cd "$BUILD_WORKSPACE_DIRECTORY"
mode=(-i)
[[ ${2:-} == --check ]] && mode=(--dry-run --Werror)
git ls-files -z '*.cc' '*.h' '*.c' | xargs -0 "$tool" "${mode[@]}"
