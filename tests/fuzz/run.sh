#!/bin/bash
# run.sh SECONDS [reader|onnx]: fuzzes the MindIR reader or the ONNX importer from the test models; the status is not zero when
# something was found.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
seconds=$1 which=${2:-reader}
corpus=$(mktemp -d)
trap 'rm -rf "$corpus"' EXIT
if [[ $which == onnx ]]; then
  # Not with the fuzzer's compiler: the seeds come from an ordinary program.
  ./bazelw build --noshow_progress //tests/tools:write_models
  bazel-bin/tests/tools/write_models "$corpus"
else
  find tests/models -name '*.mindir' -size -40k -exec cp {} "$corpus" \;
fi
./bazelw build --noshow_progress --config=fuzz "//tests/fuzz:${which}_fuzzer"
"bazel-bin/tests/fuzz/${which}_fuzzer" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -max_len=40960 -print_final_stats=1 \
  -artifact_prefix="$corpus/" "$corpus" 2>&1 | tail -25
