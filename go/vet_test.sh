#!/bin/bash
# vet_test.sh FILE: what gofmt and go vet said, which must be nothing.
set -eu
cat "$1"
[[ ! -s $1 ]]
