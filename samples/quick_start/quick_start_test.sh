#!/bin/bash
# The sample must name every image's digit: NN_D.png is a D.
set -eu
output=$("$1")
echo "$output"
[[ $(wc -l <<< "$output") -eq 20 ]] || { echo "expected 20 lines" >&2; exit 1; }
while read -r name digit probability; do
  [[ $name == *_"$digit".png ]] || { echo "$name was read as $digit" >&2; exit 1; }
  [[ $probability =~ ^(0\.[0-9]{3}|1\.000)$ ]] || { echo "$name: no probability: $probability" >&2; exit 1; }
done <<< "$output"
