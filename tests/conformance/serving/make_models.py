"""make_models.py LIBRARY_FOLDER OUTPUT_FOLDER: the models of the servables that tests/models has not, converted from ONNX."""

import pathlib
import sys
import tempfile

import mirin_c
import onnx.parser

MODELS = {
    "add_100": """g (float[2,2] x1, float[2,2] x2) => (float[2,2] y) {
        hundred = Constant<value = float {100.0}>()
        t = Add(x1, x2)
        y = Add(t, hundred)
    }""",
    "batch_add": "g (float[4,2] x1, float[4,2] x2) => (float[4,2] y) { y = Add(x1, x2) }",
    "shared_add": "g (float[4,2] x1, float[2] x2) => (float[4,2] y) { y = Add(x1, x2) }",
    "open_add": "g (float[N,2] x1, float[N,2] x2) => (float[N,2] y) { y = Add(x1, x2) }",
}


def main(libraries, output):
    mirin = mirin_c.Mirin(libraries)
    with tempfile.TemporaryDirectory() as folder:
        for name, graph in MODELS.items():
            path = pathlib.Path(folder, name + ".onnx")
            text = f'<ir_version: 8, opset_import: ["" : 17]>\n{graph}'
            path.write_bytes(onnx.parser.parse_model(text).SerializeToString())
            model = mirin.convert(fmk="ONNX", modelFile=path)
            pathlib.Path(output, name + ".mindir").write_bytes(model)


if __name__ == "__main__":
    main(*sys.argv[1:])
