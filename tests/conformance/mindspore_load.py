"""mindspore_load.py LIBRARY_FOLDER [--only PARTS] [--list FILE] [--verbose]

Converts the onnx package's node tests and lets genuine MindSpore load and run every file that has standard primitives only. Needs
an interpreter with mindspore 2.10 and onnx 1.23 installed:
  python3 -m venv v && v/bin/pip install mindspore==2.10.0 onnx==1.23.2
  v/bin/python tests/conformance/mindspore_load.py bazel-bin/c_api
Without them it ends with status 0 and says what is missing. What MindSpore refuses, and the test's own lines for wrong results,
are printed; a wrong result fails, a refusal fails unless FILE lists it with its reason.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import warnings

import numpy as np

warnings.filterwarnings("ignore")

CASE_SECONDS = 120


def worker(path):
    """Runs in a process of its own: MindSpore may end it. Prints "wrong: .." or "ok"."""
    import mindspore as ms

    ms.set_context(mode=ms.GRAPH_MODE, device_target="CPU")
    net = ms.nn.GraphCell(ms.load(path + ".mindir"))
    data = np.load(path + ".npz")
    count = sum(name.startswith("in_") for name in data.files)
    got = net(*[ms.Tensor(data[f"in_{i}"]) for i in range(count)])
    got = list(got) if isinstance(got, (tuple, list)) else [got]
    for i, g in enumerate(got):
        want = data[f"out_{i}"]
        g = g.asnumpy() if isinstance(g, ms.Tensor) else np.asarray(g)
        if g.shape != want.shape:
            return f"wrong: output {i} is {list(g.shape)} instead of {list(want.shape)}"
        tolerance = 2e-3 if want.dtype == np.float16 else 1e-4
        if not np.allclose(g.astype(np.float64), want.astype(np.float64), rtol=tolerance, atol=tolerance, equal_nan=True):
            return f"wrong: output {i} differs by {np.abs(g.astype(np.float64) - want.astype(np.float64)).max()}"
    return "ok"


def prepare(libraries, only, folder):
    """Converts what can be converted to standard primitives; yields (name, path)."""
    from onnx import numpy_helper
    from onnx.backend.test.case.node import collect_testcases

    import mirin_c

    mirin = mirin_c.Mirin(libraries)
    for case in sorted(collect_testcases(None), key=lambda c: c.name):
        if not any(part in case.name for part in only):
            continue
        path = os.path.join(folder, case.name)
        with open(path + ".onnx", "wb") as f:
            f.write(case.model.SerializeToString())
        try:
            _, report = mirin.convert_with_report(fmk="ONNX", modelFile=path + ".onnx", outputFile=path)
        except mirin_c.MirinError:
            continue
        if any(f["reason"].startswith("MindSpore cannot load") for f in json.loads(report)["findings"]):
            continue
        inputs, outputs = case.data_sets[0]
        arrays = {}
        for kind, values in (("in", inputs), ("out", outputs)):
            for i, v in enumerate(values):
                arrays[f"{kind}_{i}"] = numpy_helper.to_array(v) if hasattr(v, "data_type") else np.asarray(v)
        if any(a.dtype.kind in "OUSV" for a in arrays.values()):
            continue
        np.savez(path + ".npz", **arrays)
        yield case.name, path


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("libraries")
    parser.add_argument("--only", default="", help="comma list of parts of names")
    parser.add_argument("--list", help="refusals of MindSpore that are known: NAME REASON a line")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        print("result " + worker(args.worker))
        return
    try:
        import mindspore  # noqa: F401
        import onnx  # noqa: F401
    except ImportError as e:
        print(f"skipped: {e}")
        return
    known = {}
    if args.list:
        with open(args.list, encoding="utf-8") as f:
            known = dict(line.rstrip("\n").split(" ", 1) for line in f)
    ok, listed, bad = 0, 0, []
    with tempfile.TemporaryDirectory() as folder:
        for name, path in prepare(args.libraries, args.only.split(","), folder):
            run = subprocess.run([sys.executable, __file__, args.libraries, "--worker", path], capture_output=True, text=True, timeout=CASE_SECONDS, check=False)
            results = [line[7:] for line in run.stdout.splitlines() if line.startswith("result ")]
            if results == ["ok"]:
                ok += 1
            elif not results and name in known:
                listed += 1
            else:
                errors = [line for line in run.stderr.splitlines() if "Error" in line]
                bad.append((name, results[0] if results else "refused: " + (errors[-1] if errors else f"status {run.returncode}")[:300]))
                print(name, bad[-1][1], flush=True)
    print(f"{ok} files loaded by MindSpore {mindspore.__version__} with equal results, {listed} listed refusals, {len(bad)} others")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
