"""A model of 16-bit floats: the program has float32 values, converts them, and converts the results
back.

custom_dtype_py [MODEL]   default: double.mindir of this sample, which doubles a float16 and a
bfloat16 vector
"""

import sys

import mindspore_lite as mslite
import numpy as np


def main(path="samples/custom_dtype/data/double.mindir"):
    values = np.array([0.1, 1 / 3, -2.71828, 0.0001, 1000.1, 12345.678], np.float32)
    model = mslite.Model()
    model.build_from_file(path, mslite.ModelType.MINDIR)
    half, brain = model.get_inputs()
    # numpy's dtype of a tensor; that of bfloat16 comes with the package ml_dtypes
    half.set_data_from_numpy(values.astype(half.get_data_to_numpy().dtype))
    brain.set_data_from_numpy(values.astype(brain.get_data_to_numpy().dtype))
    halves, brains = (out.get_data_to_numpy() for out in model.predict([half, brain]))
    for value, h, b in zip(values, halves.astype(np.float32), brains.astype(np.float32)):
        print(f"2 x {value:.6f}: float16 {h:.6f}, bfloat16 {b:.6f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
