"""Pairs of a model and inputs that every language runs, and the code a pair must fail with.

A line of the list: name, model path, key in hex or "-", then one `dtype:dims:file` an input,
separated by tabs. dims are separated by commas and empty for rank 0; the file has the elements as
raw little-endian bytes. Paths of models in the tree are relative to its root..
"""

import json
import pathlib

import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto, helper

MODELS = pathlib.Path("tests/models")
DTYPES = [
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "float32",
    "float64",
]


def make(folder, mirin):
    """Writes folder/list.txt and what it names; returns {name: code or None}.

    mirin: a mirin_c.Mirin, which converts.
    """
    maker = _Maker(pathlib.Path(folder), mirin)
    maker.recorded()
    maker.dynamic()
    maker.every_dtype()
    maker.empty_and_deep()
    maker.failures()
    maker.write()
    return maker.expected


class _Maker:
    def __init__(self, folder, mirin):
        self.folder, self.mirin = folder, mirin
        self.lines, self.expected, self.files = [], {}, {}

    def pair(self, name, model, inputs, key="-", fails=None):
        """One line; `fails` is the code of the status that must come of it."""
        assert name not in self.expected, name
        fields = [name, str(model), key]
        for array in inputs:
            fields.append(
                f"{array.dtype.name}:{','.join(map(str, array.shape))}:{self.file(array)}"
            )
        self.lines.append("\t".join(fields))
        self.expected[name] = fails

    def file(self, array):
        data = array.tobytes()  # C order
        if data not in self.files:
            path = self.folder / f"input_{len(self.files)}.bin"
            path.write_bytes(data)
            self.files[data] = path
        return self.files[data]

    def convert(self, name, inputs, nodes, outputs):
        """An ONNX graph as MindIR."""
        graph = helper.make_graph(
            nodes,
            name,
            [helper.make_tensor_value_info(n, t, shape) for n, t, shape in inputs],
            [helper.make_tensor_value_info(n, t, shape) for n, t, shape in outputs],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        source = self.folder / f"{name}.onnx"
        onnx.save(model, source)
        return self.mirin.convert(fmk="ONNX", modelFile=source, outputFile=self.folder / name)

    def write(self):
        (self.folder / "list.txt").write_text("\n".join(self.lines) + "\n", encoding="utf-8")

    def recorded(self):
        """Every model of tests/models with its recorded inputs."""
        for entry in json.loads((MODELS / "manifest.json").read_text(encoding="utf-8")):
            if entry["mode"] not in (None, "AES-GCM") or entry["name"] in (
                "lite/onnx_qdq",
                "lite/onnx_embed",
            ):
                continue  # a line has no cipher; two that are among the failures
            if "<U" in str(entry["outputs"]):
                continue  # texts have no raw bytes
            arrays = np.load(MODELS / entry["npz"])
            inputs = [arrays[f"in_{i}"] for i in range(len(entry["inputs"]))]
            self.pair(
                entry["name"],
                MODELS / entry["files"][0],
                inputs,
                (entry["key"] or "").encode().hex() or "-",
            )

    def dynamic(self):
        """Open dims, empty ones among them; ids of int64; 16-bit floats."""
        for rows in (0, 1, 7):
            x = np.linspace(-1, 1, rows * 4, dtype=np.float32).reshape(rows, 4)
            self.pair(f"dynamic/rows_{rows}", MODELS / "mindir/dyn_batch_mlp.mindir", [x])
        for height, width in ((3, 3), (16, 5)):
            x = np.linspace(0, 1, 3 * height * width, dtype=np.float32).reshape(1, 3, height, width)
            self.pair(f"dynamic/image_{height}_{width}", MODELS / "mindir/dyn_image.mindir", [x])
        for words in (1, 12):
            self.pair(
                f"dynamic/words_{words}",
                "samples/text/data/reviews.mindir",
                [np.arange(words, dtype=np.int64)[None]],
            )
        values = np.array([0.1, -2.5, 1e-7, 6e4, np.inf, 3.14159])
        halves = [values.astype(np.float16), values.astype(ml_dtypes.bfloat16)]
        self.pair("dtype/float16_bfloat16", "samples/custom_dtype/data/double.mindir", halves)

    def every_dtype(self):
        """x [2,3] and a scalar of each dtype come out as they are and transposed."""
        for name in DTYPES:
            t = getattr(
                TensorProto, {"float32": "FLOAT", "float64": "DOUBLE"}.get(name, name.upper())
            )
            model = self.convert(
                f"dtype_{name}",
                [("x", t, [2, 3]), ("s", t, [])],
                [
                    helper.make_node("Transpose", ["x"], ["xt"]),
                    helper.make_node("Identity", ["s"], ["same"]),
                ],
                [("xt", t, [3, 2]), ("same", t, [])],
            )
            x = np.array([[0, 1, 2], [100, 101, 255]]).astype(name)
            self.pair(f"dtype/{name}", model, [x, np.array(1).astype(name)])

    def empty_and_deep(self):
        """No elements, and as many axes as there may be."""
        t = TensorProto.FLOAT
        model = self.convert(
            "empty",
            [("x", t, [0, 3]), ("y", t, [2, 3])],
            [
                helper.make_node("Concat", ["x", "y"], ["z"], axis=0),
                helper.make_node("Neg", ["x"], ["n"]),
            ],
            [("z", t, [2, 3]), ("n", t, [0, 3])],
        )
        y = np.arange(6, dtype=np.float32).reshape(2, 3)
        self.pair("shape/empty", model, [np.zeros((0, 3), np.float32), y])
        shape = [1, 2, 1, 2, 1, 2, 1, 2]
        model = self.convert(
            "deep",
            [("x", t, shape)],
            [helper.make_node("Transpose", ["x"], ["y"])],
            [("y", t, shape[::-1])],
        )
        self.pair("shape/rank_8", model, [np.arange(16, dtype=np.float32).reshape(shape)])

    def failures(self):
        """What must be refused, with its code."""
        add, x = MODELS / "mindir/tensor_add.mindir", np.ones((2, 2), np.float32)
        encrypted = MODELS / "mindir/tensor_add_gcm.mindir"
        cut = self.folder / "cut.mindir"
        cut.write_bytes(add.read_bytes()[:-40])
        for name, model, inputs, key, code in [
            ("no_such_file", self.folder / "none.mindir", [x, x], "-", "NOT_FOUND"),
            ("cut_file", cut, [x, x], "-", "DATA_LOSS"),
            ("unknown_operator", MODELS / "lite/onnx_qdq.mindir", [x], "-", "UNIMPLEMENTED"),
            ("no_key", encrypted, [x, x], "-", "FAILED_PRECONDITION"),
            (
                "wrong_key",
                encrypted,
                [x, x],
                b"0123456789abcdefghijklmn".hex(),
                "PERMISSION_DENIED",
            ),
            ("wrong_dtype", add, [x, x.astype(np.float64)], "-", "INVALID_ARGUMENT"),
            (
                "other_integers",
                MODELS / "lite/onnx_embed.mindir",
                [np.zeros((2, 5), np.int64)],
                "-",
                "INVALID_ARGUMENT",
            ),
            ("wrong_shape", add, [x, np.ones((2, 3), np.float32)], "-", "INVALID_ARGUMENT"),
            (
                "wrong_rank",
                MODELS / "mindir/dyn_batch_mlp.mindir",
                [np.ones(4, np.float32)],
                "-",
                "INVALID_ARGUMENT",
            ),
            ("too_few_inputs", add, [x], "-", "INVALID_ARGUMENT"),
            ("too_many_inputs", add, [x, x, x], "-", "INVALID_ARGUMENT"),
        ]:
            self.pair(f"failure/{name}", model, inputs, key, code)
