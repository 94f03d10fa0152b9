"""runner LIST OUT: runs the pairs of languages_test.py through MindSpore Lite's Python API."""

import hashlib
import sys

import mindspore_lite as mslite
import ml_dtypes
import numpy as np


def read_input(field):
    """dtype:dims:file"""
    dtype, dims, path = field.split(":", 2)
    dtype = ml_dtypes.bfloat16 if dtype == "bfloat16" else np.dtype(dtype)
    return np.fromfile(path, dtype).reshape([int(d) for d in dims.split(",") if d])


def run(path, key, inputs):
    model = mslite.Model()
    model.build_from_file(
        path, mslite.ModelType.MINDIR, dec_key=None if key == "-" else key, dec_mode="AES-GCM"
    )
    return [out.get_data_to_numpy() for out in model.predict(inputs)]


def main(pairs, results):
    with open(pairs, encoding="utf-8") as f, open(results, "w", encoding="utf-8") as out:
        for line in f:
            name, path, key, *fields = line.rstrip("\n").split("\t")
            try:
                outputs = run(path, key, [read_input(field) for field in fields])
            except mslite.MirinError as error:
                print(name, "error", error.code, sep="\t", file=out)
                continue
            for i, array in enumerate(outputs):
                dims = ",".join(map(str, array.shape))
                digest = hashlib.sha256(array.tobytes()).hexdigest()
                print(name, i, array.dtype.name, dims, digest, sep="\t", file=out)


if __name__ == "__main__":
    main(*sys.argv[1:])
