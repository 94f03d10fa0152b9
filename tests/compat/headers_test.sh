#!/bin/bash
# Every compatibility header compiles by itself, included twice, without a warning: as C++11, C headers as C99 too; and all of
# them together as C++17.
set -euo pipefail
include=c_api/include/mindspore
flags=(-Wall -Wextra -Wshadow -Werror -fsyntax-only -Ic_api/include "-I$include")
count=0
while read -r header; do
  printf '#include "%s"\n' "$header" "$header" > "$TEST_TMPDIR/once.cc"
  cp "$TEST_TMPDIR/once.cc" "$TEST_TMPDIR/once.c"
  g++ -std=c++11 -Wpedantic "${flags[@]}" "$TEST_TMPDIR/once.cc" || { echo "$header" >&2; exit 1; }
  if [[ $header == */c_api/* ]]; then
    gcc -std=c99 "${flags[@]}" "$TEST_TMPDIR/once.c" || { echo "$header" >&2; exit 1; }
  fi
  cat "$TEST_TMPDIR/once.cc" >> "$TEST_TMPDIR/all.cc"
  count=$((count + 1))
done < <(cd "$include" && find -L include -name '*.h')
((count >= 20)) || { echo "only $count headers were found" >&2; exit 1; }
g++ -std=c++17 -Wpedantic "${flags[@]}" "$TEST_TMPDIR/all.cc"
echo "$count headers"
