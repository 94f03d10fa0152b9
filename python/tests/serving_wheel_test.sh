#!/bin/bash
# serving_wheel_test.sh WHEEL LITE_WHEEL NUMPY GRPC TEST..: installs both wheels into an empty environment, away from the build, without an index, and
# runs tests there. NUMPY and GRPC are __init__.py in folders of installed packages.
set -eu
wheel=$PWD/$1 lite=$PWD/$2
sites="$(dirname "$(dirname "$PWD/$3")") $(dirname "$(dirname "$PWD/$4")")"
shift 4
/usr/bin/python3 -m venv "$TEST_TMPDIR/venv"
python=$TEST_TMPDIR/venv/bin/python
"$python" -m pip install -q --no-index --no-deps --disable-pip-version-check "$lite" "$wheel"
printf '%s\n' $sites > "$("$python" -c 'import site; print(site.getsitepackages()[0])')/build.pth"
unset PYTHONPATH LD_LIBRARY_PATH
"$python" - <<'PY'
import importlib.metadata
import pathlib
import re
import subprocess

import mindspore_serving.client
import mindspore_serving.server

files = importlib.metadata.files("mindspore_serving")
names = {str(f) for f in files}
assert "venv" in mindspore_serving.__file__, mindspore_serving.__file__
for wanted in ("py.typed", "_server.abi3.so", "lib/libmirin_serving.so.1", "proto/ms_service_pb2.py", "worker/__main__.py"):
    assert f"mindspore_serving/{wanted}" in names, wanted
assert len([n for n in names if "/licenses/" in n]) >= 5, names
assert any(r.startswith("mindspore_lite==") for r in importlib.metadata.requires("mindspore_serving"))
newest = {"GLIBC": (2, 34), "GLIBCXX": (3, 4, 29), "CXXABI": (1, 3, 13), "GCC": (11, 0, 0)}
for file in (f.locate() for f in files if ".so" in f.name):
    symbols = subprocess.run(["objdump", "-T", file], check=True, capture_output=True, text=True).stdout
    for name, version in set(re.findall(r"\b(GLIBC|GLIBCXX|CXXABI|GCC)_([0-9.]+)", symbols)):
        assert tuple(map(int, version.split("."))) <= newest[name], (file, name, version)
    head = subprocess.run(["readelf", "-d", file], check=True, capture_output=True, text=True).stdout
    needed = re.findall(r"NEEDED.*\[(.*)\]", head)
    assert all(re.match(r"lib(mirin.*|c|m|stdc\+\+|gcc_s|pthread|dl|rt)\.so|ld-linux", n) for n in needed), (file, needed)
    for path in re.findall(r"(?:RUNPATH|RPATH).*\[(.*)\]", head):
        assert path in ("$ORIGIN", "$ORIGIN/lib"), (file, path)
print(f"{len(names)} files, {sum(pathlib.Path(f.locate()).stat().st_size for f in files) / 2**20:.1f} MiB unpacked")
PY
for test in "$@"; do
  "$python" "$test"
done
