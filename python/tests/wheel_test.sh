#!/bin/bash
# wheel_test.sh WHEEL NUMPY TEST..: installs the wheel into an empty environment, away from the build, without an index, and runs tests
# there. NUMPY is numpy/__init__.py in a folder of installed packages.
set -eu
wheel=$PWD/$1 site=$(dirname "$(dirname "$PWD/$2")")
shift 2
/usr/bin/python3 -m venv "$TEST_TMPDIR/venv"
python=$TEST_TMPDIR/venv/bin/python
"$python" -m pip install -q --no-index --no-deps --disable-pip-version-check "$wheel"
# numpy and the test's other packages
echo "$site" > "$("$python" -c 'import site; print(site.getsitepackages()[0])')/build.pth"
unset PYTHONPATH LD_LIBRARY_PATH
"$python" - <<'PY'
import importlib.metadata
import pathlib

import mindspore_lite

files = importlib.metadata.files("mindspore_lite")
names = {str(f) for f in files}
assert all(f.locate().exists() for f in files)
assert "venv" in mindspore_lite.__file__, mindspore_lite.__file__
for wanted in ("py.typed", "_capi.abi3.so", "lib/libmirin.so.1", "bin/mirin"):
    assert f"mindspore_lite/{wanted}" in names, wanted
licences = [n for n in names if "/licenses/" in n]
assert len(licences) >= 7, licences
size = sum(pathlib.Path(f.locate()).stat().st_size for f in files)
print(f"{len(names)} files, {size / 2**20:.1f} MiB unpacked")
PY
for test in "$@"; do
  "$python" "$test"
done
PATH=$TEST_TMPDIR/venv/bin:$PATH
[[ $(mirin version) == "mirin 0."* ]]
benchmark --modelFile=tests/models/mindir/tensor_add.mindir --loopCount=2 | grep -q Success
converter_lite --fmk=MINDIR --modelFile=tests/models/mindir/tensor_add.mindir --outputFile="$TEST_TMPDIR/out" | grep -q SUCCESS
