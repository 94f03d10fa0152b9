#!/bin/bash
# go_test.sh TEST-PROGRAM LIBRARY LOOPS: runs a test program of the module; the other libraries lie beside LIBRARY.
set -eu
test=$PWD/$1
export MIRIN_LIBRARY_PATH=$PWD/$(dirname "$2") MIRIN_TEST_MODELS=$PWD/tests/models/mindir MIRIN_TEST_LOOPS=$3 HOME=$TEST_TMPDIR
export MIRIN_TEST_C_API=$PWD/c_api MIRIN_TEST_CAPI_SOURCES=$PWD/go/internal/capi
exec "$test" -test.v
