"""make_model.py OUT.onnx: the model of this sample, which doubles a float16 and a bfloat16 vector.

Needs the onnx package.

data/double.mindir comes of it by
  converter_lite --fmk=ONNX --modelFile=OUT.onnx --outputFile=samples/custom_dtype/data/double
"""

import sys

import onnx
from onnx import TensorProto, helper


def main(path):
    types = {"half": TensorProto.FLOAT16, "brain": TensorProto.BFLOAT16}
    graph = helper.make_graph(
        [
            helper.make_node("Add", [name, name], [name + "_doubled"], name + "/double")
            for name in types
        ],
        "double",
        [helper.make_tensor_value_info(name, dtype, [6]) for name, dtype in types.items()],
        [
            helper.make_tensor_value_info(name + "_doubled", dtype, [6])
            for name, dtype in types.items()
        ],
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
        producer_name="mirin sample",
    )
    onnx.checker.check_model(model)
    onnx.save(model, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
