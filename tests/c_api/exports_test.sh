#!/bin/bash
# exports_test.sh LIBRARY API_LOCK: the library exports the functions of api.lock and nothing else, under its SONAME.
set -euo pipefail
library=$1 lock=$2
exported=$(nm -D --defined-only "$library" | awk '$2 != "A" {sub(/@.*/, "", $3); print $3}' | sort)
expected=$(grep -o 'mirin_[a-z0-9_]*(' "$lock" | tr -d '(' | sort)
diff <(echo "$expected") <(echo "$exported") || { echo "exports differ from api.lock (< only in the lock, > only in the library)"; exit 1; }
readelf -d "$library" | grep 'SONAME.*\[libmirin.so.1\]' > /dev/null || { echo "wrong SONAME"; exit 1; }
nm -D "$library" | grep ' mirin_api_version@@MIRIN_1.0' > /dev/null || { echo "no version node MIRIN_1.0"; exit 1; }
echo "$(echo "$exported" | wc -l) functions"
