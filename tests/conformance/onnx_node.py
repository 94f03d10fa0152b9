"""onnx_node.py LIBRARY_FOLDER [--list FILE [--update]] [--only SUBSTRING] [--verbose]

Runs the onnx package's own backend node tests, and its model tests that carry their data, through the converter and a session,
each in a child process, and names every test as "pass" or "unsupported: REASON" (the converter's own). With --list the outcome is compared with FILE, or written there.
Anything else (wrong, error, crash, hang) fails.
"""
import argparse
import collections
import dataclasses
import json
import os
import pathlib
import select
import signal
import sys
import tempfile
import time
import warnings

import numpy as np

warnings.filterwarnings("ignore")
import onnx  # noqa: E402
from onnx.backend.test.case.node import collect_testcases  # noqa: E402
from onnx.backend.test.loader import load_model_tests  # noqa: E402

import mirin_c  # noqa: E402

HANG_SECONDS = 60
# Tests whose expected values hold the rounding noise of a float32 transform around zero: the absolute tolerance for it.
NOISE = {"test_dft_inverse": 1e-6, "test_dft_inverse_opset19": 1e-6}


def flatten(values):
    """Sequences member by member, as the converter's outputs are."""
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from flatten(value)
        else:
            yield value


def as_array(value):
    if isinstance(value, onnx.TensorProto):
        return onnx.numpy_helper.to_array(value)
    return np.asarray(value)


def difference(got, want, rtol, atol):
    """Why they differ, or None."""
    want = as_array(want)
    if want.dtype.kind in "OUS":
        if got.dtype != object or got.shape != want.shape:
            return f"{got.dtype}{list(got.shape)} instead of string{list(want.shape)}"
        texts = [t.decode() if isinstance(t, bytes) else str(t) for t in want.reshape(-1)]
        return None if list(got.reshape(-1)) == texts else f"{got.tolist()} instead of {texts}"
    if got.dtype != want.dtype or got.shape != want.shape:
        return f"{got.dtype}{list(got.shape)} instead of {want.dtype}{list(want.shape)}"
    if got.dtype == np.float16:  # functions round after every step: two units of the last place
        rtol = max(rtol, 2 ** -9)
    if got.dtype.name == "bfloat16":
        rtol = max(rtol, 2**-6)  # two units in the last place, as the onnx package's own runner allows
        got, want = got.astype(np.float32), want.astype(np.float32)
    try:
        np.testing.assert_allclose(got, want, rtol=rtol, atol=atol)
    except AssertionError as e:
        lines = [line for line in str(e).splitlines() if line]
        return " ".join(lines[1:5])
    return None


def reason_of(error):
    findings = json.loads(error.report)["findings"]
    errors = [f for f in findings if f["severity"] == "error"]
    first = errors[0]
    return f"{first['op']}: {first['reason']}" if first["op"] else first["reason"]


def outcome(mirin, case, folder):
    path = os.path.join(folder, "model.onnx")
    with open(path, "wb") as f:
        f.write(case.model.SerializeToString())
    try:
        model = mirin.convert(fmk="ONNX", modelFile=path)
    except mirin_c.MirinError as e:
        return "unsupported: " + reason_of(e)
    for inputs, outputs in case.data_sets:
        try:
            got = mirin.run(model, [as_array(x) for x in flatten(inputs)])
        except mirin_c.MirinError as e:
            return "error: " + str(e)
        want = list(flatten(outputs))
        if len(got) != len(want):
            return f"wrong: {len(got)} outputs instead of {len(want)}"
        for i, (g, w) in enumerate(zip(got, want)):
            why = difference(g, w, case.rtol, max(case.atol, NOISE.get(case.name, 0)))
            if why:
                return f"wrong: output {i}: {why}"
    return "pass"


# Folders of the package's data whose models stand beside their inputs and outputs.
MODEL_KINDS = ["simple", "pytorch-converted", "pytorch-operator"]


def read_value(path, value_type):
    """A .pb file as the node tests' values are: an array, or a list of them."""
    with open(path, "rb") as f:
        data = f.read()
    if value_type.HasField("sequence_type"):
        return onnx.numpy_helper.to_list(onnx.SequenceProto.FromString(data))
    if value_type.HasField("optional_type"):
        return onnx.numpy_helper.to_optional(onnx.OptionalProto.FromString(data))
    return onnx.numpy_helper.to_array(onnx.TensorProto.FromString(data))


def model_cases():
    """The model tests, in the form of node tests."""
    cases = []
    for kind in MODEL_KINDS:
        for case in load_model_tests(kind=kind):
            if case.model_dir is None:
                continue
            model = onnx.load(os.path.join(case.model_dir, "model.onnx"))
            initializers = {t.name for t in model.graph.initializer}
            inputs = [v for v in model.graph.input if v.name not in initializers]
            sets = []
            for folder in sorted(pathlib.Path(case.model_dir).glob("test_data_set*")):
                sets.append(([read_value(folder / f"input_{i}.pb", v.type) for i, v in enumerate(inputs)],
                             [read_value(folder / f"output_{i}.pb", v.type) for i, v in enumerate(model.graph.output)]))
            cases.append(dataclasses.replace(case, name=f"{kind}/{case.name}", model=model, data_sets=sets))
    return cases


def child(folder, cases, start, pipe):
    try:
        mirin = mirin_c.Mirin(folder)
    except OSError as e:
        os.write(pipe, f"-1\t{e}\n".encode())
        return
    with tempfile.TemporaryDirectory() as scratch:
        for i in range(start, len(cases)):
            os.write(pipe, f"{i}\tstart\n".encode())
            try:
                result = outcome(mirin, cases[i], scratch)
            except Exception as e:  # a defect of this script or a case that it cannot read: said, not hidden
                result = f"error: {type(e).__name__}: {e}"
            os.write(pipe, f"{i}\t{' '.join(result.split())[:400]}\n".encode())


def run_all(folder, cases):
    """{name: outcome}; a crash or hang costs one case, a new child goes on behind it."""
    results = {}
    at = 0
    while at < len(cases):
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read)
            try:
                child(folder, cases, at, write)
            finally:
                os._exit(0)
        os.close(write)
        buffer = b""
        ended = ""
        while True:
            ready, _, _ = select.select([read], [], [], HANG_SECONDS)
            if not ready:
                os.kill(pid, signal.SIGKILL)
                ended = "hang"
                break
            data = os.read(read, 65536)
            if not data:
                break
            buffer += data
            *lines, buffer = buffer.split(b"\n")
            for line in lines:
                index, text = line.decode().split("\t", 1)
                if index == "-1":
                    sys.exit(text)
                at = int(index)
                if text != "start":
                    results[cases[at].name] = text
                    at += 1
        os.close(read)
        _, status = os.waitpid(pid, 0)
        if at < len(cases) and cases[at].name not in results:
            results[cases[at].name] = ended or f"crash: signal {status & 127}"
            at += 1
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("libraries")
    parser.add_argument("--list")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--only", default="", help="comma list of parts of names")
    parser.add_argument("--verbose", action="store_true", help="print what does not pass")
    args = parser.parse_args()
    start = time.time()
    cases = sorted((c for c in list(collect_testcases(None)) + model_cases() if any(p in c.name for p in args.only.split(","))), key=lambda c: c.name)
    results = run_all(args.libraries, cases)
    bad = {name: r for name, r in results.items() if r != "pass" and not r.startswith("unsupported: ")}
    counts = collections.Counter(r.split(":")[0] for r in results.values())
    if args.verbose:
        for name in sorted(results):
            if results[name] != "pass":
                print(f"{name}: {results[name]}")
    print(f"onnx {onnx.__version__}: {len(results)} tests, " + ", ".join(f"{n} {k}" for k, n in counts.most_common()) + f", {time.time() - start:.0f} s")
    for name in sorted(bad):
        if not args.verbose:
            print(f"{name}: {bad[name]}")
    status = 1 if bad else 0
    if args.list:
        text = "".join(f"{name} {results[name]}\n" for name in sorted(results))
        if args.update:
            with open(args.list, "w", encoding="utf-8") as f:
                f.write(text)
        else:
            with open(args.list, encoding="utf-8") as f:
                listed = dict(line.rstrip("\n").split(" ", 1) for line in f)
            for name in sorted(set(listed) | set(results)):
                if listed.get(name) != results.get(name):
                    print(f"{name}: is '{results.get(name)}', the list says '{listed.get(name)}'")
                    status = 1
    sys.exit(status)


if __name__ == "__main__":
    main()
