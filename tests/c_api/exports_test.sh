#!/bin/bash
# exports_test.sh LIBRARY LOCK SONAME NODE: the library exports the functions of its lock and nothing else, under its SONAME
# and version node.
set -euo pipefail
library=$1 lock=$2 soname=$3 node=$4
exported=$(nm -D --defined-only "$library" | awk '$2 != "A" {sub(/@.*/, "", $3); print $3}' | sort)
expected=$(grep -o 'mirin_[a-z0-9_]*(' "$lock" | tr -d '(' | sort)
diff <(echo "$expected") <(echo "$exported") || { echo "exports differ from $lock (< only in the lock, > only in the library)"; exit 1; }
readelf -d "$library" | grep "SONAME.*\[$soname\]" > /dev/null || { echo "wrong SONAME"; exit 1; }
nm -D "$library" | grep " $(head -1 <<< "$expected")@@$node" > /dev/null || { echo "no version node $node"; exit 1; }
echo "$(echo "$exported" | wc -l) functions"
