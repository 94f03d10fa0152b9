#!/bin/bash
# expect.sh EXPECTED PROGRAM [ARGUMENT..]: the program must print exactly the lines of the file EXPECTED and succeed.
set -euo pipefail
expected=$1
shift
"$@" | diff "$expected" - || { echo "$1 does not print what $expected says" >&2; exit 1; }
