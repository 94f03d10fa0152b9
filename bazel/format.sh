#!/bin/bash
# format.sh CLANG_FORMAT GOOGLE_JAVA_FORMAT JAVA GOFMT [--check]: formats every tracked C, C++, Java and Go file, or only tells which
# ones need it.
set -euo pipefail
clang_format=$(readlink -f "$1")
google_java_format=$(readlink -f "$2")
java=$(readlink -f "$3")
gofmt=$(readlink -f "$4")
cd "$BUILD_WORKSPACE_DIRECTORY"
clang_mode=(-i)
java_mode=(--replace)
go_mode=-w
if [[ ${5:-} == --check ]]; then
  clang_mode=(--dry-run --Werror)
  java_mode=(--dry-run --set-exit-if-changed)
  go_mode=-d
fi
exports=()
for package in api code file parser tree util; do
  exports+=("--add-exports=jdk.compiler/com.sun.tools.javac.$package=ALL-UNNAMED")
done
git ls-files -z '*.cc' '*.h' '*.c' | xargs -0 "$clang_format" "${clang_mode[@]}"
git ls-files -z '*.java' | xargs -0 "$java" "${exports[@]}" -jar "$google_java_format" "${java_mode[@]}"
unformatted=$(git ls-files -z '*.go' | xargs -0 "$gofmt" "$go_mode")
[[ -z $unformatted ]] || { echo "$unformatted"; exit 1; }
