"""python_overhead.py MODEL [RUN_MODEL]: what a predict of the Python package costs.

MODEL: tests/models/mindir/tensor_add.mindir, whose computation takes next to no time. RUN_MODEL:
the program //tests/benchmark:run_model, for the same through the C API. Times are the quickest of
many short series, in microseconds: other programs only add to them.
"""

import re
import subprocess
import sys
import time

import mindspore_lite as mslite
import numpy as np

SERIES, CALLS = 3000, 200


def quickest(call):
    best = float("inf")
    for _ in range(SERIES):
        start = time.perf_counter()
        for _ in range(CALLS):
            call()
        best = min(best, time.perf_counter() - start)
    return best / CALLS * 1e6


def main(path, run_model=None):
    context = mslite.Context()
    context.cpu.thread_num = 1
    model = mslite.Model()
    model.build_from_file(path, mslite.ModelType.MINDIR, context)
    runner = mslite.ModelParallelRunner()
    runner.build_from_file(path, context)
    tensors = model.get_inputs()
    arrays = [np.ones(t.shape, np.float32) for t in tensors]
    for t, a in zip(tensors, arrays):
        t.set_data_from_numpy(a)
    outputs = model.predict(tensors)
    rows = {
        "predict, tensors": lambda: model.predict(tensors),
        "predict, arrays": lambda: model.predict(arrays),
        "predict, tensors, into given outputs": lambda: model.predict(tensors, outputs),
        "set_data_from_numpy": lambda: tensors[0].set_data_from_numpy(arrays[0]),
        "get_data_to_numpy": lambda: outputs[0].get_data_to_numpy(),
        "ModelParallelRunner.predict, tensors": lambda: runner.predict(tensors),
    }
    empty = quickest(lambda: None)
    if run_model:
        command = [run_model, path, "--threads", "1", "--rounds", "2000"]
        line = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        print(f"{float(re.search(r'min_us=([0-9.]+)', line)[1]):8.2f} us  C API, a session's run")
    for name, call in rows.items():
        print(f"{quickest(call) - empty:8.2f} us  {name}")


if __name__ == "__main__":
    main(*sys.argv[1:])
