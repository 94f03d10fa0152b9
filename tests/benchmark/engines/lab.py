"""What the comparison needs, made once in a folder of its own: virtual environments with the peers, their workers, the networks from their
recipes with inputs and reference results, and both converters' files."""
import functools
import glob
import json
import os
import pathlib
import subprocess
import sys
import venv

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
PEERS = ["onnxruntime==1.31.1", "openvino==2026.4.1", "onnx", "numpy"]
LITE = ["mindspore-lite==2.0.0", "numpy"]
# Networks of bytes that onnxruntime.quantization makes of others, named <network>_<kind>: qdq has every activation between QuantizeLinear and
# DequantizeLinear by ranges of its one input, dynamic has DynamicQuantizeLinear in front of products.
QUANTISED = {"mobilenet_v2_b1": "qdq", "resnet50_b1": "qdq", "minilm_b1": "dynamic", "bert_base_b1": "dynamic", "gpt2_decode_b1": "dynamic"}
CONVERT_LITE = ("import sys, mindspore_lite as m; c = m.Converter(); c.save_type = m.ModelType.MINDIR; c.optimize = 'general'; "
                "c.convert(m.FmkType.ONNX, sys.argv[1], sys.argv[2])")


class Lab:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.python = self.folder / "peers/bin/python"
        self.lite_python = self.folder / "lite/bin/python"
        self.networks = self.folder / "networks"
        for name in ("networks", "bin", "logs"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    # Each step does nothing when its result is there.

    def make_environments(self):
        if not self.python.exists():
            venv.create(self.folder / "peers", with_pip=True)
            subprocess.run([self.python, "-m", "pip", "-q", "install", *PEERS], check=True)
        if self.lite_python.exists():
            return
        found = glob.glob(os.path.expanduser("~/.pyenv/versions/3.7.*/bin/python")) + glob.glob("/usr/bin/python3.7")
        if not found:
            print("mindspore_lite is left out: it needs Python 3.7")
            return
        subprocess.run([found[0], "-m", "venv", self.folder / "lite"], check=True)
        subprocess.run([self.lite_python, "-m", "pip", "-q", "install", *LITE], check=True)

    def build_workers(self):
        """The commands by engine."""
        site = next((self.folder / "peers/lib").glob("python3*/site-packages"))
        openvino = site / "openvino"
        onnxruntime = self.folder / "bin/libonnxruntime.so.1"  # its soname, which the wheel has no file for
        if not onnxruntime.exists():
            onnxruntime.symlink_to(next((site / "onnxruntime/capi").glob("libonnxruntime.so.*")))
        flags = {"onnxruntime": [onnxruntime, f"-Wl,-rpath,{onnxruntime.parent}"],
                 "openvino": [f"-I{openvino}/include", next((openvino / "libs").glob("libopenvino.so.*")),
                              f"-Wl,--disable-new-dtags,--allow-shlib-undefined,-rpath,{openvino}/libs"]}
        if self.lite_python.exists():
            package = self.folder / "lite/lib/python3.7/site-packages/mindspore_lite"
            python = subprocess.run([self.lite_python, "-c", "import sysconfig; print(sysconfig.get_config_var('LIBDIR'))"],
                                    check=True, capture_output=True, text=True).stdout.strip()
            flags["mindspore_lite"] = ["-D_GLIBCXX_USE_CXX11_ABI=0", f"-I{package}", f"-I{package}/include", f"-I{package}/include/mindapi",
                                       f"-L{package}/lib", "-l:libmindspore-extendrt_python.so",
                                       f"-Wl,--disable-new-dtags,--allow-shlib-undefined,-rpath,{package}/lib,-rpath,{python}"]
        flags["peak"] = []
        commands = {}
        for name, extra in flags.items():
            source, binary = HERE / f"peers/{name}_worker.cc", self.folder / "bin" / name
            if not binary.exists() or binary.stat().st_mtime < max(source.stat().st_mtime, (HERE / "worker.h").stat().st_mtime):
                subprocess.run(["c++", "-O2", "-std=c++17", "-pthread", source, "-o", binary, *extra], check=True)
            commands[name] = [str(binary)]
        return commands

    def make_networks(self, names, converter):
        """Files of each network in its folder: model.onnx, model.mindir, lite.mindir, in/, want/, info.json."""
        sys.path.insert(0, str(ROOT / "tests/support"))
        makers, quantised = {}, {}  # functions that write a network's files to a folder
        for recipe in sorted((HERE / "models").glob("*.recipe.onnx.z")):
            name = recipe.name.split(".recipe")[0]
            makers[name] = functools.partial(make_network, recipe)
            if name in QUANTISED:
                quantised[f"{name}_{QUANTISED[name]}"] = functools.partial(make_quantised, self.networks / name, QUANTISED[name])
        bases = {name.rpartition("_")[0] for name in names or () if name in quantised}
        for name, make in {**makers, **quantised}.items():
            if names and name not in names and name not in bases:
                continue
            folder = self.networks / name
            folder.mkdir(exist_ok=True)
            if not (folder / "info.json").exists():
                print(f"making {name}", flush=True)
                make(folder)
            if name in makers and self.lite_python.exists() and not (folder / "lite.mindir").exists():
                self._convert([self.lite_python, "-c", CONVERT_LITE, folder / "model.onnx", folder / "lite"], f"{name} by mindspore_lite")
            mindir = folder / "model.mindir"
            if not mindir.exists() or mindir.stat().st_mtime < os.stat(converter).st_mtime:
                self.convert(folder / "model.onnx", folder / "model", converter)

    def convert(self, model, to, converter=ROOT / "bazel-bin/core/tools/converter_lite"):
        self._convert([converter, "--fmk=ONNX", f"--modelFile={model}", f"--outputFile={to}"], f"{model} by Mirin")

    def _convert(self, command, what):
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=400)
            failed, text = done.returncode != 0, done.stdout
        except subprocess.TimeoutExpired:
            failed, text = True, b"no end in 400 s"
        if failed:
            print(f"not converted: {what}: {text.decode(errors='replace')[-300:]}")


def make_network(recipe, folder):
    import onnx
    import onnxruntime
    import recipes

    model, inputs = recipes.build(recipe)
    path = folder / "model.onnx"
    onnx.save(model, str(path))
    write_arrays(folder / "in", "inputs.txt", inputs)
    options = write_reference(folder, inputs)
    # Constants folded, so that shapes are known.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(folder / "folded.onnx")
    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    folded = onnx.shape_inference.infer_shapes(onnx.load(options.optimized_model_filepath))
    os.unlink(options.optimized_model_filepath)
    info = {"gflop": 2e-9 * multiply_adds(folded), "bytes": os.path.getsize(path)}
    (folder / "info.json").write_text(json.dumps(info))


def make_quantised(base, kind, folder):
    """`base` in bytes; its gflop are those of the network that it is made of."""
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    inputs = dict(read_arrays(base / "in", "inputs.txt"))
    write_arrays(folder / "in", "inputs.txt", inputs)
    prepared, path = folder / "prepared.onnx", folder / "model.onnx"
    quant_pre_process(str(base / "model.onnx"), str(prepared), skip_symbolic_shape=True)
    if kind == "qdq":
        class OneInput(quantization.CalibrationDataReader):
            rest = iter([inputs])

            def get_next(self):
                return next(self.rest, None)

        quantization.quantize_static(str(prepared), str(path), OneInput(), quant_format=quantization.QuantFormat.QDQ, per_channel=True,
                                     activation_type=quantization.QuantType.QUInt8, weight_type=quantization.QuantType.QInt8)
    else:
        quantization.quantize_dynamic(str(prepared), str(path), weight_type=quantization.QuantType.QInt8)
    prepared.unlink()
    write_reference(folder, inputs)
    gflop = json.loads((base / "info.json").read_text())["gflop"]
    (folder / "info.json").write_text(json.dumps({"gflop": gflop, "bytes": os.path.getsize(path), "quantised": True}))


def write_reference(folder, inputs):
    """want/ by ONNX Runtime without optimisations; returns the options of the session."""
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
    wanted = {i.name for i in session.get_inputs()}
    outputs = session.run(None, {k: v for k, v in inputs.items() if k in wanted})
    if not all(np.isfinite(np.asarray(o, np.float64)).all() for o in outputs):
        raise RuntimeError(f"{folder.name}: a result is not finite")
    write_arrays(folder / "want", "outputs.txt", {o.name: a for o, a in zip(session.get_outputs(), outputs)})
    return options


def write_arrays(folder, index, arrays):
    import numpy as np

    folder.mkdir(exist_ok=True)
    lines = []
    for i, (name, array) in enumerate(arrays.items()):
        np.save(folder / f"{i}.npy", array)
        lines.append(f"{name}\t{i}.npy\n")
    (folder / index).write_text("".join(lines))


def multiply_adds(model):
    """Of convolutions, matrix products and LSTMs."""
    import math

    shape = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim]
             for v in [*model.graph.value_info, *model.graph.input, *model.graph.output]}
    shape.update({i.name: list(i.dims) for i in model.graph.initializer})
    total = 0
    for node in model.graph.node:
        if any(name not in shape for name in [*node.input[:2], node.output[0]] if name):
            continue
        first, out = shape[node.input[0]] if node.input else [], shape.get(node.output[0], [])
        if node.op_type in ("Conv", "FusedConv"):
            total += math.prod(out) * math.prod(shape[node.input[1]][1:])
        elif node.op_type in ("MatMul", "FusedMatMul"):
            total += math.prod(out) * first[-1]
        elif node.op_type in ("Gemm", "FusedGemm"):
            turned = any(a.name == "transA" and a.i for a in node.attribute)
            total += math.prod(out) * first[0 if turned else 1]
        elif node.op_type == "LSTM":
            weights, recurrent = shape[node.input[1]], shape[node.input[2]]
            total += first[0] * first[1] * weights[0] * weights[1] * (weights[2] + recurrent[2])
    return total


def read_arrays(folder, index):
    import numpy as np

    lines = (pathlib.Path(folder) / index).read_text().splitlines()
    return [(name, np.load(pathlib.Path(folder) / file)) for name, file in (line.split("\t") for line in lines)]


def difference(want, got):
    """The largest of an output in parts of its spread; infinity where shapes differ."""
    import numpy as np

    expected, actual = read_arrays(want, "outputs.txt"), read_arrays(got, "outputs.txt")
    by_name, worst = dict(actual), 0.0
    for i, (name, x) in enumerate(expected):
        y = by_name.get(name, actual[i][1] if i < len(actual) else None)
        if y is None or x.size != y.size:
            return float("inf")
        x, y = x.astype(np.float64).ravel(), y.astype(np.float64).ravel()
        worst = max(worst, float(np.abs(x - y).max()) / (float(x.max() - x.min()) or 1.0))
    return worst
