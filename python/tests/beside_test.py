"""Another runtime in the same process: imported before or after, both compute."""

import subprocess
import sys
import unittest

PROGRAM = """
import sys
for name in sys.argv[1].split(","):
    __import__(name)
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from support import arrays, build

value = helper.make_tensor_value_info
graph = helper.make_graph([helper.make_node("MatMul", ["x", "x"], ["y"])], "g",
                          [value("x", TensorProto.FLOAT, [64, 64])], [value("y", TensorProto.FLOAT, [64, 64])])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
x = np.eye(64, dtype=np.float32)
for _ in range(3):
    assert np.array_equal(session.run(None, {"x": x})[0], x)
    for name in ("resnet18_tiny", "bert_tiny"):
        inputs, expected = arrays(name)
        out = build(name, threads=2).predict(inputs)[0].get_data_to_numpy()
        assert np.allclose(out, expected[0], rtol=1e-4, atol=1e-4), name
"""


class BesideTest(unittest.TestCase):
    def test_orders(self):
        for order in ("onnxruntime,mindspore_lite", "mindspore_lite,onnxruntime"):
            done = subprocess.run(
                [sys.executable, "-c", PROGRAM, order], capture_output=True, text=True
            )
            self.assertEqual(done.returncode, 0, f"{order}: {done.stderr}")


if __name__ == "__main__":
    unittest.main()
