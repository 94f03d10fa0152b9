"""Converter: ONNX models in, MindIR that loads and runs out."""

import contextlib
import io
import os
import pathlib
import tempfile
import unittest

import mindspore_lite as mslite
import numpy as np
import onnx
from mindspore_lite import DataType, FmkType, Format, ModelType
from onnx import TensorProto, helper, numpy_helper

WEIGHTS = np.arange(36 * 8, dtype=np.float32).reshape(36, 8) / 100


def mlp(path, op="Relu"):
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["h"], name="fc"),
            helper.make_node(op, ["h"], ["y"], name="act"),
        ],
        "mlp",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 36])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 8])],
        [numpy_helper.from_array(WEIGHTS, "w")],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path
    )


def image(path, shape=(1, 3, 4, 4)):
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"], name="act")],
        "image",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path
    )


class ConverterTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.onnx = self.folder / "net.onnx"
        mlp(self.onnx)

    def convert(self, converter, file=None, **kwargs):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            converter.convert(FmkType.ONNX, file or self.onnx, self.folder / "out", **kwargs)
        self.assertEqual(out.getvalue(), "CONVERT RESULT SUCCESS:0\n")
        return self.folder / "out.mindir"

    def load(self, file, **kwargs):
        model = mslite.Model()
        model.build_from_file(file, ModelType.MINDIR, **kwargs)
        return model

    def test_convert(self):
        converter = mslite.Converter()
        model = self.load(self.convert(converter))
        t = model.get_inputs()[0]
        self.assertEqual((t.name, t.dtype, t.shape), ("x", DataType.FLOAT32, [-1, 36]))
        x = np.ones((2, 36), np.float32)
        np.testing.assert_allclose(
            model.predict([x])[0].get_data_to_numpy(), x @ WEIGHTS, rtol=1e-5
        )
        self.assertIn("nodes", converter.report)

    def test_resize_keeps_open_axes_open(self):
        """A resize of what the file fixes, where it leaves another axis open."""
        image(self.folder / "image.onnx", ["N", 3, 4])
        model = self.load(self.convert(mslite.Converter(), self.folder / "image.onnx"))
        (tensor,) = model.get_inputs()
        self.assertEqual(tensor.shape, [-1, 3, 4])
        for shape, declared in (
            ([2, 5, 4], [-1, 5, 4]),
            ([7, 5, 4], [-1, 5, 4]),
            ([2, 3, 6], [-1, 3, 6]),
            ([2, 6], [2, 6]),
            ([2, 3, 4], [-1, 3, 4]),
        ):
            model.resize([tensor], [shape])
            self.assertEqual((tensor.shape, model.get_outputs()[0].shape), (shape, declared))
            x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape) - 5
            for given in [x] if declared[0] != -1 else [x, np.concatenate([x, x]), x[:1]]:
                got = model.predict([given])[0].get_data_to_numpy()
                np.testing.assert_array_equal(got, np.maximum(given, 0))
            with self.assertRaisesRegex(mslite.InvalidArgumentError, "input 0"):
                model.predict([x[:, :2, :3] if x.ndim == 3 else x[:, :5]])

    def test_settings_take_effect(self):
        c = mslite.Converter()
        c.input_shape = {"x": [4, 36]}
        c.infer = True
        c.optimize = "none"
        c.input_data_type = DataType.UNKNOWN
        model = self.load(self.convert(c))
        self.assertEqual(model.get_inputs()[0].shape, [4, 36])

        c = mslite.Converter()
        c.input_data_type = DataType.INT8
        self.assertEqual(self.load(self.convert(c)).get_inputs()[0].dtype, DataType.INT8)

        image(self.folder / "image.onnx")
        for layout, shape in ((Format.NHWC, [1, 4, 4, 3]), (Format.NCHW, [1, 3, 4, 4])):
            c = mslite.Converter()
            c.input_format = layout
            self.assertEqual(
                self.load(self.convert(c, self.folder / "image.onnx")).get_inputs()[0].shape, shape
            )
        plain = self.load(self.convert(mslite.Converter(), self.folder / "image.onnx"))
        self.assertEqual(plain.get_inputs()[0].shape, [1, 3, 4, 4])

        size = os.path.getsize(self.convert(mslite.Converter()))
        c = mslite.Converter()
        c.weight_fp16 = True
        self.assertLess(os.path.getsize(self.convert(c)), size - 400)

    def test_encryption(self):
        c = mslite.Converter()
        c.enable_encryption = True
        c.encrypt_key = "0123456789abcdef0123456789ABCDEF"
        file = self.convert(c)
        x = np.ones((2, 36), np.float32)
        model = self.load(file, dec_key=c.encrypt_key)
        np.testing.assert_allclose(
            model.predict([x])[0].get_data_to_numpy(), x @ WEIGHTS, rtol=1e-5
        )
        with self.assertRaisesRegex(RuntimeError, "FAILED_PRECONDITION"):
            self.load(file)
        again = mslite.Converter()
        again.decrypt_key = c.encrypt_key
        with contextlib.redirect_stdout(io.StringIO()):
            again.convert(FmkType.MINDIR, file, self.folder / "plain")
        self.load(self.folder / "plain.mindir")

    def test_config(self):
        file = self.folder / "config.ini"
        file.write_text(
            "[common_quant_param]\nquant_type=NONSENSE\n[registry]\ndisable_fusion=off\n"
        )
        c = mslite.Converter()
        with self.assertRaisesRegex(RuntimeError, "NONSENSE"):
            self.convert(c, config_file=file)
        c.set_config_info("common_quant_param", {"quant_type": "WEIGHT_QUANT", "bit_num": "8"})
        model = self.load(self.convert(c, config_file=file))
        x = np.ones((2, 36), np.float32)
        y = model.predict([x])[0].get_data_to_numpy()
        self.assertFalse(np.array_equal(y, x @ WEIGHTS))
        np.testing.assert_allclose(y, x @ WEIGHTS, rtol=0.02)
        c.set_config_info("no_such_section", {"a": "b"})
        with self.assertRaisesRegex(RuntimeError, "no_such_section"):
            self.convert(c)

    def test_refusals_have_reasons_and_leave_nothing(self):
        mlp(self.folder / "bad.onnx", op="NoSuchOp")
        (self.folder / "damaged.onnx").write_bytes(b"\x08\xff")
        cases = [
            (dict(file=self.folder / "bad.onnx"), {}, "UNIMPLEMENTED: .*NoSuchOp"),
            (dict(file=self.folder / "damaged.onnx"), {}, "DATA_LOSS: "),
            ({}, {"input_shape": {"z": [1]}}, "INVALID_ARGUMENT: .*z"),
            ({}, {"input_shape": {"x": [-7, 36]}}, "INVALID_ARGUMENT: "),
            ({}, {"input_shape": {"x": []}}, "INVALID_ARGUMENT: "),
            ({}, {"save_type": ModelType.MINDIR_LITE}, "UNIMPLEMENTED: "),
            ({}, {"optimize": "ascend_oriented"}, "UNIMPLEMENTED: "),
            ({}, {"enable_encryption": True}, "INVALID_ARGUMENT: "),
            ({}, {"enable_encryption": True, "encrypt_key": "12"}, "INVALID_ARGUMENT: "),
            ({}, {"encrypt_key": "0123456789abcdef0123456789ABCDEF"}, "INVALID_ARGUMENT: "),
        ]
        for kwargs, settings, text in cases:
            with self.subTest(text=text, settings=settings):
                c = mslite.Converter()
                for k, v in settings.items():
                    setattr(c, k, v)
                file = kwargs.get("file", self.onnx)
                with self.assertRaisesRegex(
                    RuntimeError, f"^Converter model failed! model_file is {file}, error is {text}"
                ):
                    self.convert(c, **kwargs)
                self.assertFalse((self.folder / "out.mindir").exists())
        c = mslite.Converter()
        with self.assertRaisesRegex(RuntimeError, "NOT_FOUND"):
            c.convert(FmkType.ONNX, self.onnx, self.folder / "none" / "out")
        with self.assertRaisesRegex(RuntimeError, "INVALID_ARGUMENT"):
            c.convert(FmkType.ONNX, self.onnx, "")

    def test_older_spelling(self):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            mslite.Converter(
                FmkType.ONNX, str(self.onnx), str(self.folder / "old"), input_shape={"x": [1, 36]}
            ).converter()
        self.assertEqual(self.load(self.folder / "old.mindir").get_inputs()[0].shape, [1, 36])
        with self.assertRaises(NotImplementedError):
            mslite.Converter(train_model=True)


if __name__ == "__main__":
    unittest.main()
