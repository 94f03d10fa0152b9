"""quantised.py LIBRARIES RUN_MODEL RECIPES [NETS] [ROUNDS]: whole networks in float32 and as the quantiser makes them, one thread, interleaved.

Builds the networks of RECIPES (see tests/support/recipes.py), converts each without quantisation and with each kind, and alternates
processes of run_model. Prints the ratio of the medians to float32's (below 1 is faster), the size of the file and the largest difference of
an output in parts of its spread. Weights and inputs are random, so the difference says little about trained networks. Needs the wheels
numpy, onnx and onnxruntime; not part of the test suite.
"""
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

import numpy as np

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / folder) for folder in ("conformance", "support")]
import mirin_c  # noqa: E402
import networks_test  # noqa: E402
import recipes  # noqa: E402

KINDS = {
    "float32": "",
    "weights, 8 bit": "[common_quant_param]\nquant_type=WEIGHT_QUANT\nbit_num=8\n",
    "dynamic": "[common_quant_param]\nquant_type=DYNAMIC_QUANT\nbit_num=8\n",
    "full": "[common_quant_param]\nquant_type=FULL_QUANT\nbit_num=8\n[data_preprocess_param]\ncalibrate_path={npz}\ncalibrate_size=1\ninput_type=NPZ\n",
}


def median_us(run_model, path):
    out = subprocess.run([run_model, path, "--threads", "1", "--rounds", "20"], capture_output=True, text=True, check=True).stdout
    return float(re.search(r"median[^0-9]*([0-9.]+)", out).group(1))


def measure(mirin, run_model, recipe, folder, rounds):
    model, inputs = recipes.build(recipe)
    source = os.path.join(folder, "net.onnx")
    with open(source, "wb") as f:
        f.write(model.SerializeToString())
    npz = os.path.join(folder, "calibration.npz")
    np.savez(npz, **{name: value[np.newaxis] for name, value in inputs.items()})
    files, outputs = {}, {}
    for kind, text in KINDS.items():
        options = {"fmk": "ONNX", "modelFile": source, "outputFile": os.path.join(folder, kind.split(",")[0])}
        if text:
            options["configFile"] = os.path.join(folder, "config.ini")
            with open(options["configFile"], "w", encoding="utf-8") as f:
                f.write(text.format(npz=npz))
        try:
            files[kind] = mirin.convert(**options)
        except mirin_c.MirinError as e:
            print(f"| {recipe.name.split('.')[0]} | {kind} | {e} | | |")
            continue
        order = [i.name for i in model.graph.input]
        outputs[kind] = mirin.run(files[kind], [inputs[name] for name in order])
    times = {kind: [] for kind in files}
    for _ in range(rounds):
        for kind, path in files.items():
            times[kind].append(median_us(run_model, path))
    base = statistics.median(times["float32"])
    for kind, path in files.items():
        difference = max(networks_test.difference(a, b) for a, b in zip(outputs[kind], outputs["float32"]))
        ratio = statistics.median(times[kind]) / base
        print(f"| {recipe.name.split('.')[0]} | {kind} | {ratio:.2f} | {os.path.getsize(path) / 1e6:.1f} MB | {difference:.2g} |", flush=True)


def main():
    libraries, run_model, recipes = sys.argv[1:4]
    nets = (sys.argv[4] if len(sys.argv) > 4 else "resnet50_b1,mobilenet_v2_b1,minilm_b1").split(",")
    rounds = int(sys.argv[5]) if len(sys.argv) > 5 else 5
    mirin = mirin_c.Mirin(libraries)
    print("| net | quantisation | ratio | file | difference |\n|---|---|---|---|---|")
    for net in nets:
        with tempfile.TemporaryDirectory() as folder:
            measure(mirin, run_model, pathlib.Path(recipes) / f"{net}.recipe.onnx.z", folder, rounds)


if __name__ == "__main__":
    main()
