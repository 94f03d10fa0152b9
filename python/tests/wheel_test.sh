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
import re
import subprocess

import mindspore_lite

files = importlib.metadata.files("mindspore_lite")
names = {str(f) for f in files}
assert all(f.locate().exists() for f in files)
assert "venv" in mindspore_lite.__file__, mindspore_lite.__file__
for wanted in ("py.typed", "_capi.abi3.so", "lib/libmirin.so.1", "bin/mirin"):
    assert f"mindspore_lite/{wanted}" in names, wanted
licences = [n for n in names if "/licenses/" in n]
assert len(licences) >= 7, licences
# What the wheel's name promises: no symbols newer than manylinux_2_34 has, and libraries whose names nobody else uses.
newest = {"GLIBC": (2, 34), "GLIBCXX": (3, 4, 29), "CXXABI": (1, 3, 13), "GCC": (11, 0, 0)}
package = pathlib.Path(mindspore_lite.__file__).parent
binaries = [*package.glob("*.so"), *package.glob("lib/*"), *package.glob("bin/*")]
assert len(binaries) >= 8, binaries
for file in binaries:
    symbols = subprocess.run(["objdump", "-T", file], check=True, capture_output=True, text=True).stdout
    for name, version in set(re.findall(r"\b(GLIBC|GLIBCXX|CXXABI|GCC)_([0-9.]+)", symbols)):
        assert tuple(map(int, version.split("."))) <= newest[name], (file, name, version)
    assert file.parent.name != "lib" or file.name.startswith("libmirin"), file
    head = subprocess.run(["readelf", "-d", file], check=True, capture_output=True, text=True).stdout
    for path in re.findall(r"(?:RUNPATH|RPATH).*\[(.*)\]", head):
        assert path in ("$ORIGIN", "$ORIGIN/lib", "$ORIGIN/../lib"), (file, path)
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
