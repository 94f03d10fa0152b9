#!/usr/bin/env python3
"""recipes.py strip MODEL.onnx... --to DIR: makes recipes of models.

A recipe (NAME.recipe.onnx.z) is an ONNX graph whose weights are replaced by what it takes to draw them again: a seed with mean and
deviation (two axes or more) or with the range (one axis: biases, variances). The speed of a network does not depend on its weights. `build` gives
the same bytes on every machine. Inputs are drawn the same way, from the arrays in MODEL.in/inputs.txt when a recipe is made.
"""
import argparse
import json
import pathlib
import zlib

import numpy as np
import onnx
from onnx import numpy_helper

KEEP_BELOW = 64  # elements: smaller tensors stay as they are
MARK = "recipe:"


def _note(array, seed):
    if array.ndim < 2:
        return {"low": float(array.min()), "high": float(array.max()), "seed": seed}
    return {"mean": float(array.mean()), "std": float(array.std()), "seed": seed}


def strip(path, folder):
    model = onnx.load(str(path))
    for index, tensor in enumerate(model.graph.initializer):
        array = numpy_helper.to_array(tensor)
        if array.size < KEEP_BELOW or array.dtype.kind != "f":
            continue
        note, data_type, dims, name = _note(array, index + 1), tensor.data_type, list(tensor.dims), tensor.name
        tensor.Clear()
        tensor.data_type, tensor.name, tensor.doc_string = data_type, name, MARK + json.dumps(note)
        tensor.dims.extend(dims)
    inputs, spec = path.with_suffix(".in") / "inputs.txt", []
    for line in inputs.read_text().splitlines():
        name, file = line.split("\t")
        array = np.load(inputs.parent / file)
        low, high = (int(array.min()), int(array.max())) if array.dtype.kind in "iub" else (0, 1)
        spec.append({"name": name, "shape": list(array.shape), "dtype": array.dtype.name, "low": low, "high": high})
    del model.metadata_props[:]
    entry = model.metadata_props.add()
    entry.key, entry.value = "recipe_inputs", json.dumps(spec)
    out = folder / f"{path.stem}.recipe.onnx.z"
    out.write_bytes(zlib.compress(model.SerializeToString(), 9))
    return out


def build(recipe):
    """The model with its weights drawn, and the inputs by name."""
    model = onnx.load_from_string(zlib.decompress(recipe.read_bytes()))
    for tensor in model.graph.initializer:
        if not tensor.doc_string.startswith(MARK):
            continue
        note = json.loads(tensor.doc_string[len(MARK):])
        random, shape = np.random.Generator(np.random.PCG64(note["seed"])), tuple(tensor.dims)
        if "low" in note:
            array = random.random(shape, np.float32) * (note["high"] - note["low"]) + note["low"]
        else:
            array = random.standard_normal(shape, np.float32) * note["std"] + note["mean"]
        tensor.raw_data = array.astype(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)).tobytes()
        tensor.doc_string = ""
    inputs = {}
    for i, item in enumerate(json.loads(next(p.value for p in model.metadata_props if p.key == "recipe_inputs"))):
        random, dtype = np.random.Generator(np.random.PCG64(1000 + i)), np.dtype(item["dtype"])
        if dtype.kind in "iub":
            inputs[item["name"]] = random.integers(item["low"], item["high"] + 1, item["shape"]).astype(dtype)
        else:
            inputs[item["name"]] = random.standard_normal(item["shape"], np.float32).astype(dtype)
    return model, inputs


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["strip"])
    parser.add_argument("models", nargs="+", type=pathlib.Path)
    parser.add_argument("--to", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    for model in arguments.models:
        print(strip(model, arguments.to))


if __name__ == "__main__":
    main()
