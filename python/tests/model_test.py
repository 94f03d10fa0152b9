"""Models and runners: results, shapes, outputs, keys, settings, time limits, cancellation, threads,
ends of life.
"""

import asyncio
import gc
import pathlib
import tempfile
import threading
import unittest

import mindspore_lite as mslite
import numpy as np
from mindspore_lite import DataType, ModelType
from mindspore_lite.tensor import numpy_dtype
from support import KEYS, MANIFEST, MINDIR, MODELS, arrays, build, path, values


def runner(name, workers=2, **settings):
    context = mslite.Context()
    context.cpu.thread_num = 1
    context.parallel.workers_num = workers
    for key, value in settings.items():
        setattr(context.parallel, key, value)
    r = mslite.ModelParallelRunner()
    r.build_from_file(path(name), context)
    return r


class ModelTest(unittest.TestCase):
    def test_every_model(self):
        """Model, its runner and the expected outputs agree on the manifest's models."""
        for name, entry in MANIFEST.items():
            with self.subTest(model=name):
                inputs, expected = arrays(name)
                model = mslite.Model()
                file = MODELS / entry["files"][0]
                options = dict(dec_key=KEYS[name], dec_mode=entry["mode"])
                if name == "lite/onnx_qdq":  # has an operator of the original's quantiser
                    with self.assertRaises(mslite.UnimplementedError):
                        model.build_from_file(file, ModelType.MINDIR, **options)
                    continue
                model.build_from_file(file, ModelType.MINDIR, **options)
                if entry["kind"] == "converter":  # the original changes int64 inputs to int32
                    inputs = [
                        x.astype(numpy_dtype(t.dtype)) for x, t in zip(inputs, model.get_inputs())
                    ]
                got = values(model.predict(inputs))
                self.assertEqual(len(got), len(expected))
                for g, e in zip(got, expected):
                    if g.dtype == object:
                        self.assertEqual(g.ravel().tolist(), [str(t) for t in e.ravel().tolist()])
                    else:
                        np.testing.assert_allclose(
                            g.astype(np.float64),
                            e.astype(np.float64),
                            atol=entry["tol"],
                            rtol=max(entry["rtol"], entry["tol"]),
                        )

    def test_original_example(self):
        model = mslite.Model()
        context = mslite.Context()
        context.target = ["cpu"]
        model.build_from_file(path("lenet5"), ModelType.MINDIR, context)
        (x,), (y,) = arrays("lenet5")
        inputs = model.get_inputs()
        inputs[0].set_data_from_numpy(x)
        self.assertEqual(model.get_inputs()[0].get_data_to_numpy().tobytes(), x.tobytes())
        outputs = model.predict(inputs)
        self.assertEqual(outputs[0].format, mslite.Format.DEFAULT)
        np.testing.assert_allclose(outputs[0].get_data_to_numpy(), y, rtol=1e-4, atol=1e-5)

    def test_ways_to_give_inputs(self):
        model = build("tensor_add")
        inputs, (y,) = arrays("tensor_add")
        names = [t.name for t in model.get_inputs()]
        tensors = [mslite.Tensor(x) for x in inputs]
        for given in (
            inputs,
            tuple(inputs),
            tensors,
            [inputs[0], tensors[1]],
            dict(zip(names[::-1], inputs[::-1])),
            dict(zip(names, tensors)),
        ):
            np.testing.assert_array_equal(model.predict(given)[0].get_data_to_numpy(), y)
        fortran = [np.asfortranarray(x) for x in inputs]
        big = [x.astype(">f4") for x in inputs]
        frozen = [x.copy() for x in inputs]
        for x in frozen:
            x.setflags(write=False)
        for given in (fortran, big, frozen, [x[::-1][::-1] for x in inputs]):
            np.testing.assert_array_equal(model.predict(given)[0].get_data_to_numpy(), y)
        zeros = model.predict(build("tensor_add").get_inputs())[0].get_data_to_numpy()
        self.assertFalse(zeros.any())
        nan = model.predict([np.full((2, 2), np.nan, np.float32), inputs[1]])[0].get_data_to_numpy()
        self.assertTrue(np.isnan(nan).all())

    def test_outputs_own_their_memory(self):
        model = build("tensor_add")
        inputs, (y,) = arrays("tensor_add")
        first = model.predict(inputs)[0].get_data_to_numpy()
        second = model.predict([x * 2 for x in inputs])[0].get_data_to_numpy()
        model.close()
        del model
        gc.collect()
        np.testing.assert_array_equal(first, y)
        np.testing.assert_array_equal(second, y * 2)

    def test_given_outputs(self):
        for model in (build("two_output"), runner("two_output")):
            inputs, expected = arrays("two_output")
            arrays_out = [np.zeros_like(e) for e in expected]
            self.assertIs(model.predict(inputs, arrays_out)[0], arrays_out[0])
            for a, e in zip(arrays_out, expected):
                np.testing.assert_allclose(a, e, rtol=1e-5, atol=1e-5)
            tensors = [mslite.Tensor(np.zeros_like(e)) for e in expected]
            memory = tensors[0].get_data_to_numpy()
            model.predict(inputs, tensors)
            np.testing.assert_allclose(memory, expected[0], rtol=1e-5, atol=1e-5)
            fresh = model.get_outputs()
            model.predict(inputs, fresh)
            for t, e in zip(fresh, expected):
                np.testing.assert_allclose(t.get_data_to_numpy(), e, rtol=1e-5, atol=1e-5)
            mixed = [tensors[0], model.get_outputs()[1]]
            memory[...] = 0
            model.predict(inputs, mixed)
            np.testing.assert_allclose(memory, expected[0], rtol=1e-5, atol=1e-5)
            frozen = np.zeros_like(expected[0])
            frozen.setflags(write=False)
            wide = np.zeros((4,) + expected[0].shape, expected[0].dtype)
            for bad in (
                [frozen, arrays_out[1]],
                [arrays_out[0][..., ::-1], arrays_out[1]],
                arrays_out[:1],
                [wide, arrays_out[1]],
                [expected[0].astype(">f4"), arrays_out[1]],
            ):
                with self.assertRaisesRegex(
                    RuntimeError, "predict failed! Error is INVALID_ARGUMENT: .*output"
                ):
                    model.predict(inputs, bad)
            small = np.zeros(1, expected[0].dtype)
            with self.assertRaisesRegex(RuntimeError, "predict failed! Error is INVALID_ARGUMENT"):
                model.predict(inputs, [small, arrays_out[1]])

    def test_open_shapes(self):
        model = build("dyn_batch_mlp")
        (x, *_), (y, *_) = arrays("dyn_batch_mlp")
        t = model.get_inputs()[0]
        self.assertEqual((t.shape[0], t.element_num, t.data_size), (-1, 0, 0))
        with self.assertRaisesRegex(RuntimeError, "open shape"):
            model.predict(model.get_inputs())
        for batch in (1, 3, 2):
            t.set_data_from_numpy(np.repeat(x[:1], batch, axis=0))
            out = model.predict([t])[0]
            self.assertEqual(out.shape[0], batch)
        model.resize(model.get_inputs(), [[5] + list(x.shape[1:])])
        self.assertEqual(model.get_inputs()[0].shape[0], 5)
        with self.assertRaisesRegex(RuntimeError, "data size not equal"):
            model.get_inputs()[0].set_data_from_numpy(x[:1])
        with self.assertRaisesRegex(RuntimeError, "resize failed! Error is INVALID_ARGUMENT"):
            model.resize(model.get_inputs(), [[5, 1, 1]])
        self.assertEqual(model.get_inputs()[0].shape[0], 5)
        self.assertEqual(model.predict(model.get_inputs())[0].shape[0], 5)
        np.testing.assert_allclose(
            model.predict([x])[0].get_data_to_numpy(), y, rtol=1e-4, atol=1e-5
        )
        outputs = model.get_outputs()
        model.predict([x], outputs)
        np.testing.assert_allclose(outputs[0].get_data_to_numpy(), y, rtol=1e-4, atol=1e-5)

    def test_resize_of_fixed_shapes(self):
        """A model of other shapes than the file fixes, and back; failures change nothing."""
        for name in ("lenet5", "resnet18_tiny", "two_output"):
            with self.subTest(model=name):
                model = build(name, threads=2)
                inputs, expected = arrays(name)
                one = [list(x.shape) for x in inputs]
                three = [[3 * shape[0], *shape[1:]] for shape in one]
                wide = [np.concatenate([x, -x, x * 2]) for x in inputs]
                parts = [model.predict([x * f for x in inputs]) for f in (1, -1, 2)]
                tensors, before = model.get_inputs(), model.get_outputs()
                model.resize(tensors, three)
                self.assertEqual([t.shape for t in tensors], three)
                self.assertEqual([t.shape for t in model.get_inputs()], three)
                results = model.predict(wide)
                self.assertEqual([t.shape for t in model.get_outputs()], [t.shape for t in results])
                for got, *alone in zip(values(results), *map(values, parts)):
                    np.testing.assert_allclose(got, np.concatenate(alone), rtol=1e-4, atol=1e-4)
                with self.assertRaisesRegex(
                    RuntimeError, "predict failed! Error is INVALID_ARGUMENT: input 0"
                ):
                    model.predict(inputs)
                into = [np.zeros_like(v) for v in values(results)]
                model.predict(wide, into, timeout=600)
                for got, again in zip(values(results), into):
                    np.testing.assert_allclose(again, got, rtol=1e-4, atol=1e-4)
                model.resize(tensors, three)  # once more: these shapes are there
                model.resize(tensors, one)
                self.assertEqual([t.shape for t in model.get_inputs()], one)
                self.assertEqual([t.shape for t in model.get_outputs()], [t.shape for t in before])
                for got, alone, e in zip(values(model.predict(inputs)), values(parts[0]), expected):
                    np.testing.assert_array_equal(got, alone)
                    np.testing.assert_allclose(got, e, rtol=1e-3, atol=1e-3)

    def test_resize_that_is_impossible(self):
        for name in ("lenet5", "resnet18_tiny"):
            model = build(name)
            (x,), _ = arrays(name)
            wide = np.concatenate([x, x])
            more = [x.shape[0], x.shape[1] + 1, *x.shape[2:]]
            for given in (x, wide):
                shape = list(given.shape)
                model.resize(model.get_inputs(), [shape])
                expected = values(model.predict([given]))
                for bad, reason in (
                    (more, "INVALID_ARGUMENT: Conv2D '.*': .* input channels, got "),
                    (shape[:3], "INVALID_ARGUMENT: Conv2D '.*': .*, expected rank 4"),
                    ([-1, *shape[1:]], "INVALID_ARGUMENT: input 0"),
                    ([-2, *shape[1:]], "INVALID_ARGUMENT: input 0"),
                    ([2**40, *shape[1:]], "RESOURCE_EXHAUSTED: no memory"),
                ):
                    with self.subTest(model=name, of=shape, to=bad):
                        with self.assertRaisesRegex(
                            mslite.MirinError, f"^resize failed! Error is {reason}"
                        ):
                            model.resize(model.get_inputs(), [bad])
                        self.assertEqual(model.get_inputs()[0].shape, shape)
                        for got, e in zip(values(model.predict([given])), expected):
                            np.testing.assert_array_equal(got, e)

    def test_resize_of_open_shapes(self):
        """What the file leaves open stays so; what it fixes can be resized to nothing else here."""
        model = build("dyn_image")
        (x, *_), (y, *_) = arrays("dyn_image")
        (tensor,) = model.get_inputs()
        self.assertEqual(tensor.shape, [-1, x.shape[1], -1, -1])
        model.resize([tensor], [list(x.shape)])
        with self.assertRaisesRegex(mslite.InvalidArgumentError, "Conv2D '.*': .* input channels"):
            model.resize([tensor], [[x.shape[0], x.shape[1] + 1, *x.shape[2:]]])
        self.assertEqual(tensor.shape, list(x.shape))
        for given, expected in ((x, y), (x[:1], y[:1])):
            np.testing.assert_allclose(
                values(model.predict([given]))[0], expected, rtol=1e-4, atol=1e-5
            )

    def test_resize_starts_states_anew(self):
        """Not one to shapes that the model has already, nor one that fails."""
        model, other = build("kvparam_inc"), build("kvparam_inc")
        inputs, _ = arrays("kvparam_inc")
        one = [list(x.shape) for x in inputs]
        flat = [[inputs[0].size], one[1]]
        first, second, third = (values(other.predict(inputs))[0] for _ in range(3))
        self.assertFalse(np.array_equal(first, second) or np.array_equal(second, third))
        np.testing.assert_array_equal(values(model.predict(inputs))[0], first)
        with self.assertRaisesRegex(mslite.InvalidArgumentError, "Reshape '"):
            model.resize(model.get_inputs(), [[2, 1], one[1]])
        np.testing.assert_array_equal(values(model.predict(inputs))[0], second)
        model.resize(model.get_inputs(), one)
        np.testing.assert_array_equal(values(model.predict(inputs))[0], third)
        model.resize(model.get_inputs(), flat)
        for expected in (first, second):
            (got,) = values(model.predict([inputs[0].ravel(), inputs[1]]))
            np.testing.assert_allclose(got.ravel(), expected.ravel(), rtol=1e-5, atol=1e-5)
        model.resize(model.get_inputs(), one)
        np.testing.assert_array_equal(values(model.predict(inputs))[0], first)

    def test_resized_results_outlive_their_model(self):
        (x,), _ = arrays("resnet18_tiny")
        model, other = build("resnet18_tiny"), build("resnet18_tiny")
        wide = np.concatenate([x, x, x])
        model.resize(model.get_inputs(), [list(wide.shape)])
        (result,) = model.predict([wide])
        view, copy = result.get_data_to_numpy(), result.get_data_to_numpy().copy()
        tensors = model.get_inputs()
        model.resize(tensors, [list(x.shape)])
        model.predict([x])
        model.close()
        del model, result
        gc.collect()
        np.testing.assert_array_equal(view, copy)
        tensors[0].set_data_from_numpy(x)
        (alone,) = values(other.predict(tensors))
        np.testing.assert_allclose(view, np.concatenate([alone] * 3), rtol=1e-4, atol=1e-4)

    def test_resize_while_others_predict(self):
        """Runs end with the shapes that they began with; one of other shapes is an error."""
        (x,), _ = arrays("lenet5")
        sizes = {n: np.concatenate([x] * n) for n in (1, 2, 3)}
        model = build("lenet5")
        (alone,) = values(model.predict([x]))
        failures = []
        done = threading.Event()

        def check(n):
            (got,) = values(model.predict([sizes[n]]))
            np.testing.assert_allclose(got, np.concatenate([alone] * n), rtol=1e-4, atol=1e-4)

        def work(n):
            while not done.is_set():
                try:
                    check(n)
                except mslite.InvalidArgumentError as e:
                    if "input 0" not in e.message:
                        failures.append(e)
                        return
                except Exception as e:
                    failures.append(e)
                    return

        threads = [threading.Thread(target=work, args=(n,)) for n in sizes]
        for t in threads:
            t.start()
        tensors = model.get_inputs()
        try:
            for n in [1, 2, 3, 3, 1] * 5:
                model.resize(tensors, [list(sizes[n].shape)])
                check(n)
        finally:
            done.set()
            for t in threads:
                t.join()
        self.assertEqual(failures, [])

    def test_open_rank(self):
        model = build("dyn_rank__v210")
        inputs, (y, *_) = arrays("dyn_rank__v210")
        tensors = model.get_inputs()
        for t, x in zip(tensors, inputs):
            t.set_data_from_numpy(x)
        np.testing.assert_allclose(
            model.predict(tensors)[0].get_data_to_numpy(), y, rtol=1e-4, atol=1e-5
        )

    def test_from_bytes(self):
        inputs, (y,) = arrays("tensor_add")
        data = pathlib.Path(path("tensor_add")).read_bytes()
        for source in (data, bytearray(data), memoryview(data), np.frombuffer(data, np.uint8)):
            model = mslite.Model()
            model.build_from_bytes(source)
            np.testing.assert_array_equal(model.predict(inputs)[0].get_data_to_numpy(), y)

    def test_keys(self):
        inputs, (y,) = arrays("tensor_add_gcm")
        key = KEYS["tensor_add_gcm"].hex()
        file = path("tensor_add_gcm")
        for k in (key, bytes.fromhex(key)):
            model = mslite.Model()
            model.build_from_file(file, ModelType.MINDIR, dec_key=k)
            np.testing.assert_array_equal(model.predict(inputs)[0].get_data_to_numpy(), y)
        build("tensor_add", dec_mode="AES-GCM")
        r = mslite.ModelParallelRunner()
        r.build_from_file(file, dec_key=key, dec_mode="AES-GCM")
        np.testing.assert_array_equal(r.predict(inputs)[0].get_data_to_numpy(), y)
        for k, code in (
            (None, "FAILED_PRECONDITION"),
            ("00" * 16, "PERMISSION_DENIED"),
            ("xyz", "INVALID_ARGUMENT"),
            (b"1", ".*"),
        ):
            with self.assertRaisesRegex(
                RuntimeError, f"build_from_file failed! Error is {code}: "
            ) as caught:
                mslite.Model().build_from_file(file, ModelType.MINDIR, dec_key=k)
            self.assertNotIn(key, str(caught.exception))

    def test_settings(self):
        with tempfile.NamedTemporaryFile("w", suffix=".ini") as file:
            file.write("[ms_cache]\nserialize_path=/tmp\n")
            file.flush()
            build(
                "tensor_add",
                config_path=file.name,
                config_dict={"execution_plan": {"op": "data_type:float32"}},
            )
            r = runner(
                "tensor_add", config_path=file.name, config_info={"weight": {"weight_path": "/tmp"}}
            )
            self.assertEqual(r.workers_num, 2)
        with self.assertRaisesRegex(
            RuntimeError, "load configuration failed! Error is INVALID_ARGUMENT: .*nothing"
        ):
            build("tensor_add", config_dict={"nothing": {"a": "b"}})

    def test_cpus(self):
        context = mslite.Context()
        context.cpu.thread_affinity_core_list = [0]
        inputs, (y,) = arrays("tensor_add")
        model = mslite.Model()
        model.build_from_file(path("tensor_add"), ModelType.MINDIR, context)
        np.testing.assert_array_equal(model.predict(inputs)[0].get_data_to_numpy(), y)
        context.cpu.thread_affinity_core_list = [99999]
        with self.assertRaisesRegex(RuntimeError, "build_from_file failed! Error is .*99999"):
            mslite.Model().build_from_file(path("tensor_add"), ModelType.MINDIR, context)

    def test_state(self):
        """A model that keeps state: calls wait for each other, and its parameters can be replaced."""
        model = build("kvparam_inc")
        inputs, _ = arrays("kvparam_inc")
        again = build("kvparam_inc")
        expected = [values(again.predict(inputs)) for _ in range(8)]
        results = []

        def run():
            results.append(values(model.predict(inputs)))

        threads = [threading.Thread(target=run) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(
            sorted(b"".join(v.tobytes() for v in r) for r in results),
            sorted(b"".join(v.tobytes() for v in r) for r in expected),
        )
        with self.assertRaisesRegex(RuntimeError, "those are \\['[^']+'") as caught:
            model.update_weights([[mslite.Tensor(np.zeros(1, np.float32))]])
        name = str(caught.exception).split("those are ['")[1].split("'")[0]
        wrong = mslite.Tensor(np.zeros(1, np.float32))
        wrong.name = name
        with self.assertRaisesRegex(
            RuntimeError, "update weight failed! Error is INVALID_ARGUMENT: state .* is "
        ) as caught:
            model.update_weights([[wrong]])
        shape = [int(d) for d in str(caught.exception).split("[")[1].split("]")[0].split(",")]
        right = mslite.Tensor(np.zeros(shape, np.float32))
        right.name = name
        model.update_weights([[right]])
        model.predict(inputs)

    def test_information(self):
        model = build("lenet5")
        self.assertIsInstance(model.get_model_info("producer_name"), str)
        self.assertEqual(model.get_model_info("no such"), "")
        out = model.get_outputs()[0]
        self.assertEqual(
            (out.dtype, out.shape), (DataType.FLOAT32, list(arrays("lenet5")[1][0].shape))
        )
        name = model.get_inputs()[0].name
        self.assertEqual(model.get_input_by_tensor_name(name).name, name)
        self.assertEqual(model.get_output_by_tensor_name(out.name).name, out.name)
        self.assertRegex(repr(model), "<Model '.*lenet5.mindir' built>")

    def test_close(self):
        inputs, (y,) = arrays("tensor_add")
        for model in (build("tensor_add"), runner("tensor_add")):
            tensors = model.get_inputs()
            with model as m:
                out = m.predict(inputs)
            model.close()
            model.close()
            self.assertEqual(model.get_inputs(), [])
            for call in (
                lambda: model.predict(inputs),
                lambda: model.predict(inputs, out),
                lambda: model.predict(inputs, timeout=1),
            ):
                with self.assertRaisesRegex(
                    RuntimeError, "predict failed! Error is FAILED_PRECONDITION: .*closed"
                ):
                    call()
            np.testing.assert_array_equal(out[0].get_data_to_numpy(), y)
            self.assertEqual(tensors[0].shape, [2, 2])
            model.build_from_file(
                path("tensor_add"), *([ModelType.MINDIR] if isinstance(model, mslite.Model) else [])
            )
            np.testing.assert_array_equal(model.predict(inputs)[0].get_data_to_numpy(), y)

    def test_time_limit(self):
        inputs, _ = arrays("resnet18_tiny")
        for model in (build("resnet18_tiny"), runner("resnet18_tiny")):
            with self.assertRaises(mslite.DeadlineExceededError) as caught:
                model.predict(inputs, timeout=1e-6)
            self.assertIsInstance(caught.exception, TimeoutError)
            self.assertIsInstance(caught.exception, RuntimeError)
            self.assertRegex(str(caught.exception), "^predict failed! Error is DEADLINE_EXCEEDED: ")
            model.predict(inputs, timeout=1000)
            model.predict(inputs, timeout=float("inf"))
            for bad, kind in (("1", TypeError), (float("nan"), ValueError)):
                with self.assertRaisesRegex(kind, "^timeout must be"):
                    model.predict(inputs, timeout=bad)
            for bad in (-1, 0):
                with self.assertRaises(RuntimeError):
                    model.predict(inputs, timeout=bad)

    def test_async(self):
        inputs, (y,) = arrays("tensor_add")

        async def main(model):
            results = await asyncio.gather(
                *(model.predict_async([x * k for x in inputs]) for k in range(20))
            )
            for k, (out,) in enumerate(results):
                np.testing.assert_allclose(out.get_data_to_numpy(), y * k, rtol=1e-5)
            with self.assertRaisesRegex(RuntimeError, "predict failed! Error is INVALID_ARGUMENT"):
                await model.predict_async(inputs[:1])

        for model in (build("tensor_add"), runner("tensor_add")):
            asyncio.run(main(model))

    def test_async_cancel(self):
        """A run that would take minutes stops when its task is cancelled."""
        inputs, _ = arrays("ctrl_while")
        endless = [inputs[0], np.array(2**31 - 1, np.int32)]  # counts to its second input

        async def main(model):
            task = asyncio.get_running_loop().create_task(model.predict_async(endless))
            await asyncio.sleep(0)  # the task begins
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task

        for model in (build("ctrl_while"), runner("ctrl_while")):
            asyncio.run(main(model))
            with self.assertRaises(mslite.DeadlineExceededError):
                model.predict(endless, timeout=0.05)
            model.predict(inputs)

    def test_runner(self):
        r = runner("tensor_add", workers=2)
        inputs, (y,) = arrays("tensor_add")
        self.assertEqual((r.workers_num, str(r)), (2, f"model_path: {path('tensor_add')}."))
        a, b = r.get_inputs()[0], r.get_inputs()[0]
        self.assertIsNot(a._tensor, b._tensor)
        self.assertEqual(r.predict(inputs, [])[0].format, mslite.Format.NCHW)
        half = [x.astype(np.float16) for x in inputs]
        with self.assertRaisesRegex(
            RuntimeError, "predict failed! Error is INVALID_ARGUMENT: input 0 .*float16"
        ):
            r.predict(half)
        with self.assertRaisesRegex(RuntimeError, "FAILED_PRECONDITION: a model was built before"):
            r.build_from_file(path("tensor_add"))
        with self.assertRaisesRegex(
            RuntimeError, "build from file failed! Error is FAILED_PRECONDITION: .*state"
        ):
            runner("kvparam_inc")
        dynamic = runner("dyn_batch_mlp")
        (x, *_), _ = arrays("dyn_batch_mlp")
        for batch in (1, 4):
            t = dynamic.get_inputs()[0]
            t.shape = [batch] + list(x.shape[1:])
            t.set_data_from_numpy(np.repeat(x[:1], batch, axis=0))
            self.assertEqual(dynamic.predict([t])[0].shape[0], batch)

    def test_older_spelling(self):
        context = mslite.Context(
            thread_num=1,
            inter_op_parallel_num=1,
            thread_affinity_mode=1,
            thread_affinity_core_list=[0],
        )
        context.append_device_info(mslite.CPUDeviceInfo(enable_fp16=False))
        model = mslite.Model()
        model.build_from_file(path("tensor_add"), ModelType.MINDIR, context)
        inputs, (y,) = arrays("tensor_add")
        tensors, outputs = model.get_inputs(), model.get_outputs()
        for t, x in zip(tensors, inputs):
            t.set_data_from_numpy(x)
        model.predict(tensors, outputs)
        np.testing.assert_array_equal(outputs[0].get_data_to_numpy(), y)
        config = mslite.RunnerConfig(
            context, workers_num=1, config_info={"weight": {"weight_path": "/tmp"}}
        )
        r = mslite.ModelParallelRunner()
        r.init(path("tensor_add"), config)
        self.assertEqual(r.workers_num, 1)
        gpu = mslite.Context()
        gpu.append_device_info(mslite.GPUDeviceInfo(device_id=1))
        gpu.append_device_info(mslite.CPUDeviceInfo())
        self.assertEqual((gpu.target, gpu.gpu.device_id), (["gpu", "cpu"], 1))
        self.assertEqual(mslite.AscendDeviceInfo(2).device_id, 2)

    def test_threads(self):
        """16 threads share a model, and a runner; every answer is the caller's own."""
        inputs, (y,) = arrays("tensor_add")
        for model in (build("tensor_add"), runner("tensor_add", workers=3)):
            wrong = []

            def work(k, model=model, wrong=wrong):
                for i in range(200):
                    out = model.predict([x * (k + i) for x in inputs])[0].get_data_to_numpy()
                    if not np.allclose(out, y * (k + i), rtol=1e-5):
                        wrong.append((k, i))

            threads = [threading.Thread(target=work, args=(k,)) for k in range(16)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            self.assertEqual(wrong, [])

    def test_files_of_the_manifest_exist(self):
        self.assertTrue((MINDIR / "tensor_add.mindir").exists())
        self.assertGreater(len(MANIFEST), 100)


if __name__ == "__main__":
    unittest.main()
