#!/bin/bash
# api_lock_test.sh SCRIPT HEADER: the committed lock and version script are what the headers say.
set -euo pipefail
python3 "$1" "$(dirname "$2")"
