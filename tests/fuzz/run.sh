#!/bin/bash
# run.sh SECONDS: fuzzes the MindIR reader and the ONNX importer, half of the time each, from the test models; the status is not
# zero when one of them found something.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
seconds=$(($1 / 2))
corpus=$(mktemp -d)
trap 'rm -rf "$corpus"' EXIT
mkdir "$corpus/mindir" "$corpus/onnx"
find tests/models -name '*.mindir' -size -40k -exec cp {} "$corpus/mindir" \;
# Not with the fuzzer's compiler: the seeds come from an ordinary program.
./bazelw build --noshow_progress //tests/tools:write_models
bazel-bin/tests/tools/write_models "$corpus/onnx"
./bazelw build --noshow_progress --config=fuzz //tests/fuzz:reader_fuzzer //tests/fuzz:onnx_fuzzer

fuzz() {
  echo "== $1"
  "bazel-bin/tests/fuzz/$1" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -max_len=40960 -print_final_stats=1 -artifact_prefix="$2/" "$2" 2>&1 | tail -25
}
fuzz reader_fuzzer "$corpus/mindir"
fuzz onnx_fuzzer "$corpus/onnx"
