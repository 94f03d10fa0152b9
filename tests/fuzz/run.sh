#!/bin/bash
# run.sh SECONDS: fuzzes the reader from the test models; ends with libFuzzer's status.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
corpus=$(mktemp -d)
trap 'rm -rf "$corpus"' EXIT
find tests/models -name '*.mindir' -size -40k -exec cp {} "$corpus" \;
./bazelw build --noshow_progress --config=fuzz //tests/fuzz:reader_fuzzer
bazel-bin/tests/fuzz/reader_fuzzer -max_total_time="$1" -rss_limit_mb=2048 -timeout=10 -max_len=40960 -print_final_stats=1 -artifact_prefix="$corpus/" "$corpus" 2>&1 | tail -25
