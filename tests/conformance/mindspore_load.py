"""mindspore_load.py LIBRARY_FOLDER [--only PARTS] [--list FILE] [--verbose]

Converts the onnx package's node tests and lets genuine MindSpore load and run every file that has standard primitives only. Needs
an interpreter with mindspore 2.10 and onnx 1.23 installed:
  python3 -m venv v && v/bin/pip install mindspore==2.10.0 onnx==1.23.2
  v/bin/python tests/conformance/mindspore_load.py bazel-bin/c_api --list tests/conformance/mindspore_load.txt
Without them it ends with status 0 and says what is missing. What MindSpore refuses, and the test's own lines for wrong results,
are printed and fail, unless FILE lists them with their reason.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import warnings

import numpy as np

warnings.filterwarnings("ignore")

CASE_SECONDS = 120


def check(path):
    """"ok", or how the results differ. MindSpore may end the process."""
    import mindspore as ms

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


def serve():
    """Runs in a process of its own, for as many cases as it survives: a path a line on stdin, its outcome on stdout."""
    import mindspore as ms

    ms.set_context(mode=ms.GRAPH_MODE, device_target="CPU")
    for line in sys.stdin:
        try:
            outcome = check(line.rstrip("\n"))
        except Exception as e:  # noqa: BLE001: whatever MindSpore says is the result
            lines = [text.strip() for text in str(e).splitlines() if text.strip(" -")]
            outcome = f"refused: {type(e).__name__}: {' | '.join(lines)[:300]}"
        print("result " + outcome, flush=True)


class Worker:
    """MindSpore's process; a new one when it ended."""

    def __init__(self, libraries):
        self._command = [sys.executable, __file__, libraries, "--serve"]
        self._process = None

    def outcome(self, path):
        if self._process is None:
            self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self._process.stdin.write(path + "\n")
        self._process.stdin.flush()
        guard = threading.Timer(CASE_SECONDS, self._process.kill)
        guard.start()
        try:
            for line in self._process.stdout:
                if line.startswith("result "):
                    return line[7:].rstrip("\n")
        finally:
            guard.cancel()
        status = self._process.wait()
        self._process = None
        return f"refused: MindSpore's process ended with status {status}"

    def close(self):
        if self._process is not None:
            self._process.stdin.close()
            self._process.wait()
            self._process.stdout.close()


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
        if any(f["reason"].startswith("MindSpore cannot run") for f in json.loads(report)["findings"]):
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
    parser.add_argument("--list", help="what MindSpore is known to refuse or get wrong: NAME REASON a line")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve()
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
    ok, listed, bad = 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        worker = Worker(args.libraries)
        for name, path in prepare(args.libraries, args.only.split(","), folder):
            outcome = worker.outcome(path)
            if args.verbose:
                print(name, outcome, flush=True)
            if outcome == "ok":
                ok += 1
            elif name in known:
                listed += 1
            else:
                bad += 1
                print(name, outcome, flush=True)
        worker.close()
    print(f"{ok} files loaded by MindSpore {mindspore.__version__} with equal results, {listed} listed as MindSpore's own, {bad} others")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
