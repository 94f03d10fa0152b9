"""peers.py RUN_MODEL MODELS_DIR [ROUNDS]: Mirin beside ONNX Runtime on the same nets, one thread, interleaved.

Builds ONNX twins (same shapes, random weights) of resnet18_tiny and bert_tiny, then alternates processes of run_model with
sessions of onnxruntime and prints the ratio of the medians and of the minima. Needs the wheels numpy, onnx and onnxruntime; not part of
the test suite.
"""
import pathlib
import re
import statistics
import subprocess
import sys
import time

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


class Net:
    """Nodes and weights in the order of construction."""

    def __init__(self):
        self.nodes, self.weights, self.random, self.count = [], [], np.random.default_rng(1), 0

    def name(self, label):
        self.count += 1
        return f"{label}_{self.count}"

    def weight(self, *shape, scale=0.1):
        return self.constant((self.random.standard_normal(shape) * scale).astype(np.float32))

    def constant(self, array):
        name = self.name("w")
        self.weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def op(self, kind, *inputs, **attributes):
        name = self.name(kind)
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def model(self, inputs, output):
        infos = [helper.make_tensor_value_info(n, t, s) for n, t, s in inputs]
        graph = helper.make_graph(self.nodes, "twin", infos, [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)], self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def resnet18_tiny():
    net = Net()

    def conv(x, cin, cout, kernel, stride):
        pad = kernel // 2
        y = net.op("Conv", x, net.weight(cout, cin, kernel, kernel), strides=[stride] * 2, pads=[pad] * 4)
        return net.op("BatchNormalization", y, *(net.constant(np.ones(cout, np.float32)) for _ in range(4)))

    x = net.op("Relu", conv("x", 3, 16, 7, 2))
    x = net.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[0, 0, 1, 1])
    cin = 16
    for cout, stride in ((16, 1), (16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), (128, 1)):
        y = conv(net.op("Relu", conv(x, cin, cout, 3, stride)), cout, cout, 3, 1)
        short = x if stride == 1 and cin == cout else conv(x, cin, cout, 1, stride)
        x = net.op("Relu", net.op("Add", y, short))
        cin = cout
    x = net.op("ReduceMean", x, axes=[2, 3], keepdims=0)
    x = net.op("Gemm", x, net.weight(10, 128), net.weight(10), transB=1)
    shape = [2, 3, 64, 64]
    return net.model([("x", TensorProto.FLOAT, shape)], x), {"x": np.random.default_rng(2).random(shape, np.float32)}


def bert_tiny(batch=2, length=12, hidden=32, heads=4, ffn=64, layers=2):
    net = Net()
    split = net.constant(np.array([batch, length, heads, hidden // heads], np.int64))
    merge = net.constant(np.array([batch, length, hidden], np.int64))

    def dense(x, cin, cout):
        return net.op("Add", net.op("MatMul", x, net.weight(cin, cout)), net.weight(cout))

    def norm(x):
        return net.op("LayerNormalization", x, net.weight(hidden), net.weight(hidden), axis=-1)

    def gelu(x):
        cube = net.op("Mul", net.op("Mul", x, x), x)
        inner = net.op("Add", x, net.op("Mul", cube, net.constant(np.float32(0.044715))))
        tanh = net.op("Tanh", net.op("Mul", inner, net.constant(np.float32(0.7978846))))
        return net.op("Mul", net.op("Mul", x, net.constant(np.float32(0.5))), net.op("Add", tanh, net.constant(np.float32(1))))

    x = net.op("Add", net.op("Gather", net.weight(50, hidden), "ids"), net.op("Gather", net.weight(2, hidden), "seg"))
    x = norm(net.op("Add", x, net.weight(length, hidden)))
    mask = net.op("Unsqueeze", net.op("Cast", "mask", to=TensorProto.FLOAT), net.constant(np.array([1, 2], np.int64)))
    mask = net.op("Mul", net.op("Sub", net.constant(np.float32(1)), mask), net.constant(np.float32(-10000)))
    for _ in range(layers):
        q, k, v = (net.op("Transpose", net.op("Reshape", dense(x, hidden, hidden), split), perm=[0, 2, 1, 3]) for _ in range(3))
        scores = net.op("Mul", net.op("MatMul", q, net.op("Transpose", k, perm=[0, 1, 3, 2])), net.constant(np.float32(0.35355338)))
        p = net.op("Softmax", net.op("Add", scores, mask), axis=-1)
        y = net.op("Reshape", net.op("Transpose", net.op("MatMul", p, v), perm=[0, 2, 1, 3]), merge)
        x = norm(net.op("Add", x, dense(y, hidden, hidden)))
        x = norm(net.op("Add", x, dense(gelu(dense(x, hidden, ffn)), ffn, hidden)))
    first = net.op("Gather", x, net.constant(np.int64(0)), axis=1)
    y = dense(net.op("Tanh", dense(first, hidden, hidden)), hidden, 3)
    random = np.random.default_rng(2)
    inputs = {n: random.integers(0, 2, (batch, length)).astype(np.int32) for n in ("ids", "seg", "mask")}
    return net.model([(n, TensorProto.INT32, [batch, length]) for n in inputs], y), inputs


def time_peer(model, inputs, seconds=0.4):
    """Median and minimum microseconds of a run, with outputs bound as a careful user does it."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    for name, array in inputs.items():
        binding.bind_cpu_input(name, array)
    binding.bind_output(session.get_outputs()[0].name)
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        for _ in range(10):
            session.run_with_iobinding(binding)
        times.append((time.perf_counter() - start) * 1e5)
    return statistics.median(times), min(times)


def main():
    run_model, models = sys.argv[1], pathlib.Path(sys.argv[2])
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 7
    print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}, 1 thread")
    for name, make in (("resnet18_tiny", resnet18_tiny), ("bert_tiny", bert_tiny)):
        model, inputs = make()
        ours, theirs = [], []
        for _ in range(rounds):
            theirs.append(time_peer(model, inputs))
            line = subprocess.run([run_model, models / f"{name}.mindir", "--threads", "1", "--rounds", "400"], check=True, capture_output=True, text=True).stdout
            ours.append(tuple(float(re.search(rf"{key}=([\d.]+)", line)[1]) for key in ("median_us", "min_us")))
        for what, i in (("median", 0), ("minimum", 1)):
            a, b = statistics.median(t[i] for t in ours), statistics.median(t[i] for t in theirs)
            print(f"{name:14} {what:8} mirin {a:8.1f} us   onnxruntime {b:8.1f} us   mirin / onnxruntime {a / b:.2f}")


if __name__ == "__main__":
    main()
