"""Every check of an argument: the exception and its text, as MindSpore Lite 2.0 has them."""

import os
import pickle
import re
import tempfile
import unittest
import warnings

import mindspore_lite as mslite
import numpy as np
from support import build, path

MINDIR = mslite.ModelType.MINDIR


def setter(target, name, value):
    return lambda: setattr(target, name, value)


class ValidationTest(unittest.TestCase):
    def check(self, cases):
        for i, (call, kind, text) in enumerate(cases):
            with self.subTest(case=i, text=text):
                with self.assertRaises(kind) as caught:
                    call()
                self.assertEqual(str(caught.exception), text)

    def test_context(self):
        c = mslite.Context()
        cpu, gpu, ascend, parallel = c.cpu, c.gpu, c.ascend, c.parallel
        self.check(
            [
                (
                    setter(c, "target", "cpu"),
                    TypeError,
                    "target must be list, but got <class 'str'>.",
                ),
                (
                    setter(c, "target", ("cpu",)),
                    TypeError,
                    "target must be list, but got <class 'tuple'>.",
                ),
                (
                    setter(c, "target", ["cpu", 1]),
                    TypeError,
                    "target element must be str, but got <class 'int'> at index 1.",
                ),
                (
                    setter(c, "target", ["NPU"]),
                    ValueError,
                    "target elements must be in ['cpu', 'gpu', 'ascend'], but got npu.",
                ),
                (
                    setter(cpu, "precision_mode", 1),
                    TypeError,
                    "cpu_precision_mode must be str, but got <class 'int'>.",
                ),
                (
                    setter(cpu, "precision_mode", "X"),
                    ValueError,
                    "cpu_precision_mode must be in [enforce_fp32, preferred_fp16], but got X.",
                ),
                (
                    setter(cpu, "thread_num", "1"),
                    TypeError,
                    "cpu_thread_num must be int, but got <class 'str'>.",
                ),
                (
                    setter(cpu, "thread_num", -1),
                    ValueError,
                    "cpu_thread_num must be a non-negative int.",
                ),
                (
                    setter(cpu, "thread_num", 2**31),
                    ValueError,
                    "cpu_thread_num must be at most 2147483647, but got 2147483648.",
                ),
                (
                    setter(cpu, "inter_op_parallel_num", 1.0),
                    TypeError,
                    "cpu_inter_op_parallel_num must be int, but got <class 'float'>.",
                ),
                (
                    setter(cpu, "inter_op_parallel_num", -1),
                    ValueError,
                    "cpu_inter_op_parallel_num must be a non-negative int.",
                ),
                (
                    setter(cpu, "thread_affinity_mode", "1"),
                    TypeError,
                    "cpu_thread_affinity_mode must be int, but got <class 'str'>.",
                ),
                (
                    setter(cpu, "thread_affinity_core_list", 1),
                    TypeError,
                    "cpu_thread_affinity_core_list must be list, but got <class 'int'>.",
                ),
                (
                    setter(cpu, "thread_affinity_core_list", [0, "1"]),
                    TypeError,
                    "cpu_thread_affinity_core_list element must be int, but got <class 'str'> at index 1.",
                ),
                (
                    setter(gpu, "precision_mode", "X"),
                    ValueError,
                    "gpu_precision_mode must be in [enforce_fp32, preferred_fp16], but got X.",
                ),
                (
                    setter(gpu, "device_id", "0"),
                    TypeError,
                    "gpu_device_id must be int, but got <class 'str'>.",
                ),
                (
                    setter(gpu, "device_id", -1),
                    ValueError,
                    "gpu_device_id must be a non-negative int.",
                ),
                (
                    setter(gpu, "device_id", 2**32),
                    ValueError,
                    "gpu_device_id must be at most 4294967295, but got 4294967296.",
                ),
                (setter(gpu, "rank_id", 1), AttributeError, "can't set attribute"),
                (setter(gpu, "group_size", 1), AttributeError, "can't set attribute"),
                (
                    setter(ascend, "precision_mode", "X"),
                    ValueError,
                    "ascend_precision_mode must be in [enforce_fp32, preferred_fp32, enforce_fp16, enforce_origin, preferred_optimal], but got X.",
                ),
                (
                    setter(ascend, "device_id", None),
                    TypeError,
                    "ascend_device_id must be int, but got <class 'NoneType'>.",
                ),
                (
                    setter(ascend, "device_id", -1),
                    ValueError,
                    "ascend_device_id must be a non-negative int.",
                ),
                (
                    setter(parallel, "workers_num", "2"),
                    TypeError,
                    "workers_num must be int, but got <class 'str'>.",
                ),
                (
                    setter(parallel, "workers_num", -1),
                    ValueError,
                    "Set parallel failed, workers_num must be a non-negative int.",
                ),
                (
                    setter(parallel, "config_info", 1),
                    TypeError,
                    "config_info must be dict, but got <class 'int'>.",
                ),
                (
                    setter(parallel, "config_info", {1: {}}),
                    TypeError,
                    "config_info_key must be str, but got <class 'int'>.",
                ),
                (
                    setter(parallel, "config_info", {"a": 1}),
                    TypeError,
                    "config_info_value must be dict, but got <class 'int'>.",
                ),
                (
                    setter(parallel, "config_info", {"a": {1: ""}}),
                    TypeError,
                    "config_info_value_key must be str, but got <class 'int'>.",
                ),
                (
                    setter(parallel, "config_info", {"a": {"k": 1}}),
                    TypeError,
                    "config_info_value_value must be str, but got <class 'int'>.",
                ),
                (
                    setter(parallel, "config_path", 1),
                    TypeError,
                    "config_path must be str, but got <class 'int'>.",
                ),
                (
                    setter(parallel, "config_path", "/none"),
                    ValueError,
                    "Set parallel failed, config_path does not exist!",
                ),
            ]
        )

    def test_context_defaults_and_text(self):
        c = mslite.Context()
        self.assertEqual(str(c), "target: ['cpu'].")
        self.assertEqual(
            str(c.cpu),
            "device_type: DeviceType.kCPU,\nprecision_mode: enforce_fp32,\nthread_num: 0,\ninter_op_parallel_num: 0,\n"
            "thread_affinity_mode: 0,\nthread_affinity_core_list: [].",
        )
        self.assertEqual(
            str(c.gpu),
            "device_type: DeviceType.kGPU,\nprecision_mode: enforce_fp32,\ndevice_id: 0,\nrank_id: 0,\ngroup_size: 1.",
        )
        self.assertEqual(
            str(c.ascend), "device_type: DeviceType.kAscend,\nprecision_mode: ,\ndevice_id: 0."
        )
        self.assertEqual(str(c.parallel), "workers num: 0,\nconfig info: ,\nconfig file: .")
        for falsy in (None, [], {}, 0):
            c.target = ["CPU"]
            c.target = falsy
            self.assertEqual(c.target, ["cpu"])
        c.target = ["CPU", "gpu"]
        self.assertEqual(c.target, ["CPU", "gpu"])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            c.cpu.thread_affinity_mode = 7
        self.assertEqual((c.cpu.thread_affinity_mode, len(caught)), (0, 1))
        c.parallel.config_info = {"b": {"k": "v", "k2": "v2"}, "a": {"x": "y"}}
        c.parallel.config_info = {"a": {"z": "w"}}
        self.assertEqual(c.parallel.config_info, "a: z w\nb: k v\nk2 v2")
        for part in (
            c,
            c.cpu,
            c.gpu,
            c.ascend,
            c.parallel,
            mslite.Tensor(),
            mslite.Model(),
            mslite.Converter(),
            mslite.ModelParallelRunner(),
        ):
            with self.assertRaises(AttributeError):
                part.no_such_setting = 1
        c.cpu.enable_fp16 = True
        self.assertEqual(c.cpu.precision_mode, "preferred_fp16")

    def test_enums(self):
        self.assertEqual(repr(mslite.DataType.FLOAT32), "<DataType.FLOAT32: 43>")
        self.assertEqual(
            {m.name: m.value for m in mslite.FmkType},
            dict(TF=0, CAFFE=1, ONNX=2, MINDIR=3, TFLITE=4, PYTORCH=5),
        )
        self.assertEqual({m.name: m.value for m in mslite.ModelType}, dict(MINDIR=0, MINDIR_LITE=4))
        self.assertEqual(len(mslite.Format), 20)
        self.assertEqual(mslite.Format.NC8HW8.value, 19)
        self.assertEqual(mslite.DataType.INVALID.value, 2147483647)
        self.assertEqual(mslite.__version__, "2.0.0")
        namespace = {}
        exec("from mindspore_lite import *", namespace)
        self.assertIs(namespace["Model"], mslite.Model)
        with self.assertRaises(NotImplementedError):
            mslite.install_custom_kernels()

    def test_tensor(self):
        t = mslite.Tensor()
        f = mslite.Tensor()
        f.shape = [2, 3]
        self.check(
            [
                (
                    lambda: mslite.Tensor(t),
                    TypeError,
                    "tensor must be MindSpore Lite's Tensor._tensor, but got <class 'mindspore_lite.tensor.Tensor'>.",
                ),
                (
                    lambda: mslite.Tensor([1]),
                    TypeError,
                    "tensor must be MindSpore Lite's Tensor._tensor, but got <class 'list'>.",
                ),
                (setter(t, "name", 1), TypeError, "name must be str, but got <class 'int'>."),
                (
                    setter(t, "dtype", 43),
                    TypeError,
                    "dtype must be DataType, but got <class 'int'>.",
                ),
                (
                    setter(t, "format", 0),
                    TypeError,
                    "format must be Format, but got <class 'int'>.",
                ),
                (
                    setter(t, "shape", (1,)),
                    TypeError,
                    "shape must be list, but got <class 'tuple'>.",
                ),
                (
                    setter(t, "shape", [1, "2"]),
                    TypeError,
                    "shape element must be int, but got <class 'str'> at index 1.",
                ),
                (setter(t, "element_num", 1), AttributeError, "can't set attribute"),
                (setter(t, "data_size", 1), AttributeError, "can't set attribute"),
                (
                    lambda: t.set_data_from_numpy([1]),
                    TypeError,
                    "numpy_obj must be numpy.ndarray, but got <class 'list'>.",
                ),
                (
                    lambda: f.set_data_from_numpy(np.zeros((2, 3))),
                    RuntimeError,
                    "data type not equal! Numpy type: <class 'numpy.float64'>, Tensor type: DataType.FLOAT32",
                ),
                (
                    lambda: f.set_data_from_numpy(np.zeros((2, 3), complex)),
                    RuntimeError,
                    "data type not equal! Numpy type: <class 'numpy.complex128'>, Tensor type: DataType.FLOAT32",
                ),
                (
                    lambda: f.set_data_from_numpy(np.zeros((2, 4), np.float32)),
                    RuntimeError,
                    "data size not equal! Numpy size: 32, Tensor size: 24",
                ),
                (
                    lambda: mslite.Tensor(device="gpu"),
                    ValueError,
                    "device must be in ['cpu'], but got gpu.",
                ),
            ]
        )

    def test_model(self):
        m, add = mslite.Model(), build("tensor_add")
        t = mslite.Tensor()
        file = path("tensor_add")
        self.check(
            [
                (
                    lambda: m.build_from_file(1, MINDIR),
                    TypeError,
                    "model_path must be str, but got <class 'int'>.",
                ),
                (
                    lambda: m.build_from_file(file, 0),
                    TypeError,
                    "model_type must be ModelType, but got <class 'int'>.",
                ),
                (
                    lambda: m.build_from_file(file, MINDIR, 1),
                    TypeError,
                    "context must be Context, but got <class 'int'>.",
                ),
                (
                    lambda: m.build_from_file(file, MINDIR, None, None),
                    TypeError,
                    "config_path must be str, but got <class 'NoneType'>.",
                ),
                (
                    lambda: m.build_from_file(file, MINDIR, config_dict=1),
                    TypeError,
                    "config_dict must be dict, but got <class 'int'>.",
                ),
                (
                    lambda: m.build_from_file(file, MINDIR, dec_key=1),
                    TypeError,
                    "dec_key must be str, but got <class 'int'>.",
                ),
                (
                    lambda: m.build_from_file(file, MINDIR, dec_mode="X"),
                    ValueError,
                    "dec_mode must be in [AES-GCM, AES-CBC, SM4-CBC], but got X.",
                ),
                (
                    lambda: m.build_from_file("/none", MINDIR),
                    RuntimeError,
                    "build_from_file failed, model_path does not exist!",
                ),
                (
                    lambda: m.build_from_file(file, MINDIR, None, "/none"),
                    RuntimeError,
                    "build_from_file failed, config_path does not exist!",
                ),
                (
                    lambda: m.build_from_bytes("text"),
                    TypeError,
                    "data must be bytes, but got <class 'str'>.",
                ),
                (lambda: m.predict(1), TypeError, "inputs must be list, but got <class 'int'>."),
                (
                    lambda: m.predict([1]),
                    TypeError,
                    "inputs element must be Tensor, but got <class 'int'> at index 0.",
                ),
                (
                    lambda: add.predict(add.get_inputs(), 1),
                    TypeError,
                    "outputs must be list, but got <class 'int'>.",
                ),
                (
                    lambda: add.predict(add.get_inputs(), [1]),
                    TypeError,
                    "outputs element must be Tensor, but got <class 'int'> at index 0.",
                ),
                (lambda: m.resize(1, []), TypeError, "inputs must be list, but got <class 'int'>."),
                (lambda: m.resize([], 1), TypeError, "dims must be list, but got <class 'int'>."),
                (
                    lambda: m.resize([1], [[1]]),
                    TypeError,
                    "inputs element must be Tensor, but got <class 'int'> at index 0.",
                ),
                (
                    lambda: m.resize([t], [1]),
                    TypeError,
                    "dims element must be list, but got <class 'int'> at index 0.",
                ),
                (
                    lambda: m.resize([t], [["1"]]),
                    TypeError,
                    "dims element's element must be int, but got <class 'str'> at 0th dims element's 0th element.",
                ),
                (
                    lambda: m.resize([], [[1]]),
                    ValueError,
                    "inputs' size does not match dims' size, but got inputs: 0 and dims: 1.",
                ),
                (
                    lambda: m.update_weights(1),
                    TypeError,
                    "weights must be list, but got <class 'int'>.",
                ),
                (
                    lambda: m.update_weights([1]),
                    TypeError,
                    "weight must be list, but got <class 'int'>.",
                ),
                (
                    lambda: m.update_weights([[1]]),
                    TypeError,
                    "weights element must be Tensor, but got <class 'int'> at index 00.",
                ),
                (lambda: m.get_model_info(1), TypeError, "key must be str, but got <class 'int'>."),
                (
                    lambda: m.get_input_by_tensor_name(1),
                    TypeError,
                    "tensor_name must be str, but got <class 'int'>.",
                ),
            ]
        )
        self.assertEqual(m.get_inputs(), [])
        self.assertEqual(m.get_outputs(), [])
        self.assertEqual(str(m), f"model_path: {file}.")

    def test_runner(self):
        r = mslite.ModelParallelRunner()
        self.check(
            [
                (
                    lambda: r.build_from_file(1),
                    TypeError,
                    "model_path must be str, but got <class 'int'>.",
                ),
                (
                    lambda: r.build_from_file(path("tensor_add"), 1),
                    TypeError,
                    "context must be Context, but got <class 'int'>.",
                ),
                (
                    lambda: r.build_from_file("/none"),
                    RuntimeError,
                    "ModelParallelRunner's build from file failed, model_path does not exist!",
                ),
                (lambda: r.predict(1), TypeError, "inputs must be list, but got <class 'int'>."),
                (
                    lambda: r.predict([1]),
                    TypeError,
                    "inputs element must be Tensor, but got <class 'int'> at index 0.",
                ),
            ]
        )
        self.assertEqual(r.get_inputs(), [])

    def test_model_group(self):
        group = mslite.ModelGroup()
        group.add_model([mslite.Model()])
        group.add_model(["a.mindir"])
        self.check(
            [
                (
                    lambda: mslite.ModelGroup(1),
                    TypeError,
                    "flags must be ModelGroupFlag, but got <class 'int'>.",
                ),
                (
                    lambda: group.add_model(1),
                    TypeError,
                    "models must be list, but got <class 'int'>.",
                ),
                (
                    lambda: group.add_model([1]),
                    TypeError,
                    "models element must be str or Model, but got <class 'int'> at index 0.",
                ),
                (
                    lambda: group.cal_max_size_of_workspace(1, mslite.Context()),
                    TypeError,
                    "model_type must be ModelType, but got <class 'int'>.",
                ),
                (
                    lambda: group.cal_max_size_of_workspace(MINDIR, 1),
                    TypeError,
                    "context must be Context, but got <class 'int'>.",
                ),
            ]
        )

    def test_converter(self):
        c = mslite.Converter()
        with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
            self.check(
                [
                    (
                        setter(c, "weight_fp16", 1),
                        TypeError,
                        "weight_fp16 must be bool, but got <class 'int'>.",
                    ),
                    (
                        setter(c, "input_shape", 1),
                        TypeError,
                        "input_shape must be dict, but got <class 'int'>.",
                    ),
                    (
                        setter(c, "input_shape", {1: []}),
                        TypeError,
                        "input_shape key must be str, but got <class 'int'> at key 1.",
                    ),
                    (
                        setter(c, "input_shape", {"a": 1}),
                        TypeError,
                        "input_shape value must be list, but got <class 'int'> at key a.",
                    ),
                    (
                        setter(c, "input_shape", {"a": ["1"]}),
                        TypeError,
                        "input_shape value's element must be int, but got <class 'str'> at index 0.",
                    ),
                    (
                        setter(c, "input_format", 1),
                        TypeError,
                        "input_format must be Format, but got <class 'int'>.",
                    ),
                    (
                        setter(c, "input_format", mslite.Format.HW),
                        ValueError,
                        "input_format must be in [Format.NCHW, Format.NHWC].",
                    ),
                    (
                        setter(c, "input_data_type", 1),
                        TypeError,
                        "input_data_type must be DataType, but got <class 'int'>.",
                    ),
                    (
                        setter(c, "output_data_type", mslite.DataType.INT64),
                        ValueError,
                        "output_data_type must be in [DataType.FLOAT32, DataType.INT8, DataType.UINT8, DataType.UNKNOWN].",
                    ),
                    (
                        setter(c, "save_type", 1),
                        TypeError,
                        "save_type must be ModelType, but got <class 'int'>.",
                    ),
                    (
                        setter(c, "decrypt_key", b""),
                        TypeError,
                        "decrypt_key must be str, but got <class 'bytes'>.",
                    ),
                    (
                        setter(c, "encrypt_key", b""),
                        TypeError,
                        "encrypt_key must be str, but got <class 'bytes'>.",
                    ),
                    (
                        setter(c, "decrypt_mode", "aes-gcm"),
                        ValueError,
                        "decrypt_mode must be in [AES-GCM, AES-CBC], but got aes-gcm.",
                    ),
                    (
                        setter(c, "enable_encryption", 1),
                        TypeError,
                        "enable_encryption must be bool, but got <class 'int'>.",
                    ),
                    (
                        setter(c, "infer", 1),
                        TypeError,
                        "infer must be bool, but got <class 'int'>.",
                    ),
                    (
                        setter(c, "optimize", 1),
                        TypeError,
                        "optimize must be str, but got <class 'int'>.",
                    ),
                    (
                        setter(c, "optimize", "X"),
                        ValueError,
                        "optimize must be 'none', 'general' or 'ascend_oriented'.",
                    ),
                    (
                        setter(c, "device", "X"),
                        ValueError,
                        "device must be in [Ascend], but got X.",
                    ),
                    (
                        lambda: c.set_config_info(1),
                        TypeError,
                        "section must be str, but got <class 'int'>.",
                    ),
                    (
                        lambda: c.set_config_info("a", 1),
                        TypeError,
                        "config_info must be dict, but got <class 'int'>.",
                    ),
                    (
                        lambda: c.set_config_info("a", {1: ""}),
                        TypeError,
                        "config_info key must be str, but got <class 'int'> at key 1.",
                    ),
                    (
                        lambda: c.set_config_info("a", {"k": 1}),
                        TypeError,
                        "config_info val must be str, but got <class 'int'> at key k.",
                    ),
                    (
                        lambda: c.convert("ONNX", "a", "b"),
                        TypeError,
                        "fmk_type must be FmkType, but got <class 'str'>.",
                    ),
                    (
                        lambda: c.convert(mslite.FmkType.ONNX, 1, "b"),
                        TypeError,
                        "model_file must be str, but got <class 'int'>.",
                    ),
                    (
                        lambda: c.convert(mslite.FmkType.ONNX, "a", 1),
                        TypeError,
                        "output_file must be str, but got <class 'int'>.",
                    ),
                    (
                        lambda: c.convert(mslite.FmkType.ONNX, "a", "b", 1),
                        TypeError,
                        "weight_file must be str, but got <class 'int'>.",
                    ),
                    (
                        lambda: c.convert(mslite.FmkType.ONNX, "a", "b", "", 1),
                        TypeError,
                        "config_file must be str, but got <class 'int'>.",
                    ),
                    (
                        lambda: c.convert(mslite.FmkType.ONNX, "/none", "b"),
                        RuntimeError,
                        "Perform convert method failed, model_file does not exist!",
                    ),
                    (
                        lambda: c.convert(mslite.FmkType.ONNX, file.name, "b", "/none"),
                        RuntimeError,
                        "Perform convert method failed, weight_file does not exist!",
                    ),
                    (
                        lambda: c.convert(mslite.FmkType.ONNX, file.name, "b", "", "/none"),
                        RuntimeError,
                        "Perform convert method failed, config_file does not exist!",
                    ),
                ]
            )
        c.encrypt_key = "0123456789abcdef0123456789abcdef"
        c.set_config_info("s", {"k": "v"})
        c.set_config_info("", {"k": "v"})
        c.set_config_info("t")
        self.assertEqual(c.get_config_info(), {"s": {"k": "v"}})
        self.assertEqual(
            str(c),
            "config_info: {'s': {'k': 'v'}},\nweight_fp16: False,\ninput_shape: {},\ninput_format: Format.NHWC,\n"
            "input_data_type: DataType.FLOAT32,\noutput_data_type: DataType.FLOAT32,\nsave_type: ModelType.MINDIR,\ndecrypt_key: ,\n"
            "decrypt_mode: AES-GCM,\nenable_encryption: False,\nencrypt_key: ***,\ninfer: False,\noptimize: general,\ndevice: .",
        )

    def test_reasons(self):
        """What the original answers with 'Common error code.' or 'predict failed!' has a reason, a
        code and that text in front.
        """
        add = build("tensor_add")
        x = np.ones((2, 2), np.float32)
        parallel = mslite.Context()
        parallel.cpu.thread_num = 1
        parallel.cpu.inter_op_parallel_num = 2
        gpu = mslite.Context()
        gpu.target = ["gpu"]
        with tempfile.TemporaryDirectory() as folder:
            bad = os.path.join(folder, "bad.mindir")
            with open(bad, "wb") as f:
                f.write(b"no model")
            config = os.path.join(folder, "config.ini")
            with open(config, "w") as f:
                f.write("[no_such_section]\nkey=value\n")
            lite = os.path.join(folder, "net.ms")
            os.symlink(os.path.abspath(path("tensor_add")), lite)
            cases = [
                (
                    lambda: mslite.Model().build_from_file(bad, MINDIR),
                    "build_from_file failed! Error is DATA_LOSS: ",
                ),
                (
                    lambda: mslite.Model().build_from_file(folder, MINDIR),
                    "build_from_file failed! Error is ",
                ),
                (
                    lambda: mslite.Model().build_from_file(lite, MINDIR),
                    "build_from_file failed! Error is INVALID_ARGUMENT: .*MINDIR_LITE",
                ),
                (
                    lambda: mslite.Model().build_from_file(
                        path("tensor_add"), MINDIR, None, config
                    ),
                    "load configuration failed! Error is INVALID_ARGUMENT: .*no_such_section",
                ),
                (
                    lambda: mslite.Model().build_from_file(path("tensor_add"), MINDIR, parallel),
                    "build_from_file failed! Error is INVALID_ARGUMENT: inter_op_parallel_num 2",
                ),
                (
                    lambda: mslite.Model().build_from_file(path("tensor_add"), MINDIR, gpu),
                    "build_from_file failed! Error is NOT_FOUND: .*gpu",
                ),
                (
                    lambda: mslite.ModelParallelRunner().build_from_file(bad),
                    "ModelParallelRunner's build from file failed! Error is DATA_LOSS: ",
                ),
                (
                    lambda: mslite.Model().build_from_bytes(b"no model"),
                    "build_from_bytes failed! Error is DATA_LOSS: ",
                ),
                (
                    lambda: add.build_from_file(path("tensor_sub"), MINDIR),
                    "build_from_file failed! Error is FAILED_PRECONDITION: a model was built before",
                ),
                (
                    lambda: mslite.Model().predict([]),
                    "predict failed! Error is FAILED_PRECONDITION: .*not built",
                ),
                (
                    lambda: mslite.ModelParallelRunner().predict([]),
                    "predict failed! Error is FAILED_PRECONDITION: .*not built",
                ),
                (
                    lambda: add.predict([x]),
                    "predict failed! Error is INVALID_ARGUMENT: .*2 inputs, got 1",
                ),
                (
                    lambda: add.predict([x, x.astype(np.float64)]),
                    "predict failed! Error is INVALID_ARGUMENT: input 1 .*float64",
                ),
                (
                    lambda: add.predict([x, np.ones((3, 2), np.float32)]),
                    "predict failed! Error is INVALID_ARGUMENT: input 1",
                ),
                (
                    lambda: add.predict([x, np.ones((2, 2), complex)]),
                    "predict failed! Error is INVALID_ARGUMENT: no tensor has elements of complex128",
                ),
                (
                    lambda: add.predict({"x": x, "z": x}),
                    "predict failed! Error is INVALID_ARGUMENT: the model's inputs are .*'x', 'y'",
                ),
                (
                    lambda: add.predict([np.ones((1,) * 9, np.float32)] * 2),
                    "predict failed! Error is INVALID_ARGUMENT: rank 9",
                ),
                (
                    lambda: add.resize(add.get_inputs(), [[2, 2]] * 3),
                    "inputs' size does not match dims' size",
                ),
                (
                    lambda: mslite.Model().resize([], []),
                    "resize failed! Error is FAILED_PRECONDITION",
                ),
                (
                    lambda: add.resize(add.get_inputs(), [[2**70, 2], [2, 2]]),
                    "resize failed! Error is INVALID_ARGUMENT",
                ),
                (
                    lambda: add.resize(add.get_inputs(), [[-1, 2], [2, 2]]),
                    "resize failed! Error is INVALID_ARGUMENT",
                ),
                (
                    lambda: add.get_input_by_tensor_name("q"),
                    "get_input_by_tensor_name failed! .*'q'",
                ),
                (
                    lambda: add.update_weights([[mslite.Tensor()]]),
                    "update weight failed! Error is UNIMPLEMENTED",
                ),
            ]
            for i, (call, text) in enumerate(cases):
                with self.subTest(case=i, text=text):
                    with self.assertRaises((RuntimeError, ValueError)) as caught:
                        call()
                    self.assertRegex(str(caught.exception), "^" + text)
                    self.assertNotRegex(str(caught.exception), "Common error")
        with self.assertRaises(mslite.InvalidArgumentError) as caught:
            add.predict([x])
        self.assertEqual(caught.exception.code, "INVALID_ARGUMENT")
        self.assertTrue(re.search("got 1", caught.exception.message))
        self.assertIsInstance(caught.exception, ValueError)
        np.testing.assert_array_equal(add.predict([x, x])[0].get_data_to_numpy(), x + x)

    def test_errors_travel(self):
        """Errors keep their type, code and text between processes, and say what built-in errors
        they are.
        """
        for call, kinds in (
            (lambda: build("tensor_add").predict([]), (mslite.InvalidArgumentError, ValueError)),
            (
                lambda: mslite.Model().build_from_file("/none", MINDIR),
                (mslite.NotFoundError, FileNotFoundError),
            ),
            (lambda: mslite.Model().build_from_bytes(b"bad"), (mslite.MirinError,)),
            (mslite.install_custom_kernels, (mslite.UnimplementedError, NotImplementedError)),
        ):
            with self.assertRaises(RuntimeError) as caught:
                call()
            copy = pickle.loads(pickle.dumps(caught.exception))
            for kind in kinds:
                self.assertIsInstance(copy, kind)
            self.assertEqual((str(copy), copy.code), (str(caught.exception), caught.exception.code))


if __name__ == "__main__":
    unittest.main()
