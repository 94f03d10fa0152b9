"""onnxruntime_values.py MODEL FOLDER: every intermediate value that ONNX Runtime computes, as FOLDER/values.npz.

FOLDER/inputs.txt has a line "dtype<tab>sizes<tab>name" for each input, its bytes are FOLDER/0.bin, 1.bin ..
Needs numpy and onnxruntime only: the model's graph gets its nodes' results as outputs by appending to its bytes.
"""
import pathlib
import sys

import numpy as np


def varint(buffer, at):
    """(value, position behind it)."""
    value = shift = 0
    while True:
        byte = buffer[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def fields(buffer):
    """(number, bytes) of every length-delimited field of a protobuf message."""
    at = 0
    while at < len(buffer):
        key, at = varint(buffer, at)
        kind = key & 7
        if kind == 0:
            _, at = varint(buffer, at)
        elif kind == 1:
            at += 8
        elif kind == 5:
            at += 4
        else:
            size, at = varint(buffer, at)
            yield key >> 3, buffer[at : at + size]
            at += size


def message(number, content):
    """A length-delimited field."""

    def encode(value):
        out = bytearray()
        while value > 127:
            out.append(value & 127 | 128)
            value >>= 7
        out.append(value)
        return bytes(out)

    return encode(number << 3 | 2) + encode(len(content)) + content


def with_all_outputs(model):
    """The model's bytes, and the names of what was appended: fields of the graph that come later are merged into it."""
    results, outputs = [], set()
    for number, graph in fields(model):
        if number != 7:
            continue
        for field, content in fields(graph):
            if field == 1:  # node
                results += [bytes(name) for f, name in fields(content) if f == 2]
            elif field == 12:  # output
                outputs |= {bytes(name) for f, name in fields(content) if f == 1}
    names = [name for name in dict.fromkeys(results) if name and name not in outputs]
    extra = b"".join(message(12, message(1, name)) for name in names)
    return bytes(model) + message(7, extra), [name.decode() for name in names]


def read_inputs(folder):
    inputs = {}
    for i, line in enumerate((folder / "inputs.txt").read_text(encoding="utf-8").splitlines()):
        dtype, sizes, name = line.split("\t", 2)
        dims = [int(s) for s in sizes.split(",") if s]
        inputs[name] = np.fromfile(folder / f"{i}.bin", dtype=dtype).reshape(dims)
    return inputs


def main():
    import onnxruntime

    path, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    model, _ = with_all_outputs(memoryview(path.read_bytes()))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(path.resolve().parent))
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs() if o.type.startswith("tensor(") and o.type != "tensor(bfloat16)"]
    known = {i.name for i in session.get_inputs()}
    given = {name: value for name, value in read_inputs(folder).items() if name in known}
    values = session.run(names, given)
    np.savez(folder / "values.npz", **{n: v for n, v in zip(names, values) if isinstance(v, np.ndarray) and v.dtype != object})


if __name__ == "__main__":
    main()
