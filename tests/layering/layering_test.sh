#!/bin/bash
# layering_test.sh ALLOWED FORBIDDEN..: files with paths of dependencies; the first must have one, the others none.
set -u
[[ -s $1 ]] || { echo "$1: found no path where there is one: the queries do not work"; exit 1; }
shift
bad=0
for path in "$@"; do
  [[ -s $path ]] || continue
  echo "forbidden: $(basename "$path")"
  sed 's/^/  /' "$path"
  bad=1
done
echo "$# edges checked"
exit $bad
