"""networks_test.py LIBRARY_FOLDER RECIPES_FOLDER [--only PARTS]

Whole networks from recipes (NAME.recipe.onnx.z: an ONNX model whose large weights are a mean, a deviation and a seed), built,
converted and run once beside onnxruntime with its optimizations off. Every output must agree within 1e-4 of its spread.
Prints a line a network with the largest difference, in parts of the spread.
"""
import argparse
import os
import pathlib
import sys
import tempfile
import time

import numpy as np
import onnx
import onnxruntime

import mirin_c
import recipes

TOLERANCE = 1e-4


def reference(path, inputs):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    order = [i.name for i in session.get_inputs()]
    return order, [o.name for o in session.get_outputs()], session.run(None, {name: inputs[name] for name in order})


def difference(got, want):
    """In parts of the spread of what is wanted; infinity where types differ."""
    if got.dtype != want.dtype or got.shape != want.shape:
        return float("inf")
    if want.size == 0:
        return 0.0
    g, w = got.astype(np.float64), want.astype(np.float64)
    return float(np.abs(g - w).max()) / (float(w.max() - w.min()) or 1.0)


def check(mirin, recipe, folder):
    """(passes, what to print)."""
    path = pathlib.Path(folder) / "network.onnx"
    model, inputs = recipes.build(recipe)
    onnx.save(model, str(path))
    del model
    start = time.time()
    try:
        converted = mirin.convert(fmk="ONNX", modelFile=path, outputFile=os.path.join(folder, "network"))
    except mirin_c.MirinError as e:
        return False, f"not converted: {e}"
    took = time.time() - start
    order, names, want = reference(path, inputs)
    try:
        got = mirin.run(converted, [inputs[name] for name in order])
    except mirin_c.MirinError as e:
        return False, f"does not run: {e}"
    if len(got) != len(want):
        return False, f"{len(got)} outputs instead of {len(want)}"
    worst = max(zip((difference(g, w) for g, w in zip(got, want)), names))
    return worst[0] <= TOLERANCE, f"{worst[0]:.1e} of the spread ({worst[1]}), converted in {took:.1f} s"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("libraries")
    parser.add_argument("recipes", type=pathlib.Path)
    parser.add_argument("--only", default="", help="comma list of parts of names")
    args = parser.parse_args()
    recipes = sorted(r for r in args.recipes.glob("*.recipe.onnx.z") if any(p in r.name for p in args.only.split(",")))
    mirin = mirin_c.Mirin(args.libraries)
    bad = 0
    for recipe in recipes:
        with tempfile.TemporaryDirectory() as folder:
            passes, text = check(mirin, recipe, folder)
        bad += not passes
        print(f"{recipe.name.split('.recipe')[0]}: {'' if passes else 'FAILS: '}{text}", flush=True)
    print(f"{len(recipes)} networks, {bad} fail")
    sys.exit(1 if bad or not recipes else 0)


if __name__ == "__main__":
    main()
