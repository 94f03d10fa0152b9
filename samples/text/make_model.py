"""make_model.py OUT.onnx VOCABULARY: the model of this sample, a judge of film reviews.

Its weights are written by hand: each word has a polarity and a weight. The model softmaxes the
weights over the sentence, averages the polarities by them and turns the average into two
probabilities. Needs the onnx package. data/reviews.mindir comes of it by
  converter_lite --fmk=ONNX --modelFile=OUT.onnx --outputFile=samples/text/data/reviews
"""

import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# word: (polarity, weight); words of no meaning weigh little
WORDS = {
    "<unknown>": (0.0, -1.0),
    "the": (0.0, -2.0),
    "a": (0.0, -2.0),
    "is": (0.0, -2.0),
    "was": (0.0, -2.0),
    "and": (0.0, -2.0),
    "it": (0.0, -2.0),
    "of": (0.0, -2.0),
    "in": (0.0, -2.0),
    "this": (0.0, -2.0),
    "film": (0.0, -1.0),
    "story": (0.0, -1.0),
    "actors": (0.0, -1.0),
    "music": (0.0, -1.0),
    "end": (0.0, -1.0),
    "good": (0.7, 1.0),
    "great": (0.9, 1.5),
    "wonderful": (1.0, 2.0),
    "nice": (0.5, 0.8),
    "fresh": (0.5, 0.5),
    "moving": (0.6, 1.2),
    "bad": (-0.7, 1.0),
    "boring": (-0.9, 1.5),
    "terrible": (-1.0, 2.0),
    "weak": (-0.5, 1.3),
    "long": (-0.4, 0.5),
    "dull": (-0.8, 1.0),
}


def main(path, vocabulary):
    words = np.array(list(WORDS.values()), dtype=np.float32)
    weights = {
        "words": words,
        "weight_of": np.array([[0.0], [1.0]], dtype=np.float32),
        "to_classes": np.array([[-3.0, 3.0], [0.0, 0.0]], dtype=np.float32),
        "axis": np.array([1], dtype=np.int64),
    }
    nodes = [
        helper.make_node("Gather", ["words", "ids"], ["embedded"], "embed"),  # [1, length, 2]
        helper.make_node(
            "MatMul", ["embedded", "weight_of"], ["importance"], "weigh"
        ),  # [1, length, 1]
        helper.make_node("Softmax", ["importance"], ["attention"], "attend", axis=1),
        helper.make_node("Mul", ["attention", "embedded"], ["attended"], "apply"),
        helper.make_node(
            "ReduceSum", ["attended", "axis"], ["average"], "average", keepdims=0
        ),  # [1, 2]
        helper.make_node("MatMul", ["average", "to_classes"], ["logits"], "classify"),
        helper.make_node("Softmax", ["logits"], ["probabilities"], "normalise", axis=1),
        helper.make_node("Squeeze", ["attention", "last"], ["weights"], "weights"),  # [1, length]
    ]
    weights["last"] = np.array([2], dtype=np.int64)
    graph = helper.make_graph(
        nodes,
        "reviews",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "length"])],
        [
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, 2]),
            helper.make_tensor_value_info("weights", TensorProto.FLOAT, [1, "length"]),
        ],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
        producer_name="mirin sample",
    )
    onnx.checker.check_model(model)
    onnx.save(model, path)
    with open(vocabulary, "w", encoding="utf-8") as f:
        f.writelines(word + "\n" for word in WORDS)


if __name__ == "__main__":
    main(*sys.argv[1:])
