"""Threads share one ModelParallelRunner: each classifies its part of the digits and counts the
right answers.

parallel_runner_py [DIRECTORY [MODEL]]   DIRECTORY holds digits.bin; the default is the data of this
sample and quick_start's model
"""

import concurrent.futures
import pathlib
import sys

import mindspore_lite as mslite
import numpy as np

THREADS, WORKERS = 4, 2


def classify(runner, records):
    """How many of the records, a label and 8 x 8 pixels each, are read right."""
    right = 0
    for label, *pixels in records.tolist():
        image = (np.array(pixels) / 255).astype(np.float32).reshape(1, 1, 8, 8)
        (output,) = runner.predict([image.reshape(runner.get_inputs()[0].shape)])
        right += int(output.get_data_to_numpy().argmax() == label)
    return right


def main(directory="samples/parallel_runner/data", model="samples/quick_start/data/digits.mindir"):
    records = np.fromfile(pathlib.Path(directory) / "digits.bin", np.uint8).reshape(-1, 65)
    context = mslite.Context()
    context.cpu.thread_num = 1
    context.parallel.workers_num = WORKERS  # callers that find both busy wait in the queue
    runner = mslite.ModelParallelRunner()
    runner.build_from_file(model, context)
    parts = [records[t::THREADS] for t in range(THREADS)]
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        right = list(pool.map(lambda part: classify(runner, part), parts))
    for t, part in enumerate(parts):
        print(f"thread {t}: {right[t]} of {len(part)} right")
    print(f"{THREADS} threads, {runner.workers_num} workers: {sum(right)} of {len(records)} right")


if __name__ == "__main__":
    main(*sys.argv[1:])
