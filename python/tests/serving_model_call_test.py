"""Model.call in a worker: batches, shared inputs, states, subgraphs, keys, errors."""

import os
import pathlib
import tempfile
import unittest

import numpy as np
from mindspore_serving.server import register
from mindspore_serving.server.register import _registry
from mindspore_serving.worker._models import Hello, LocalModels
from serving_fake_server import FAILED, FakeServer

MODELS = pathlib.Path("tests/models/mindir").absolute()
ONES = np.ones((2, 2), np.float32)


def npz(name):
    with np.load(MODELS / f"{name}.npz") as arrays:
        return dict(arrays)


def declare(*names, key=b"", cipher="AES-GCM", **kwargs):
    """A model that can be called, of files of tests/models."""
    registry = _registry.begin("sv")
    context = register.Context(thread_num=1)
    model = register.declare_model(
        [f"{n}.mindir" for n in names], "MindIR", context=context, **kwargs
    )
    hello = Hello("", "sv", 1, str(MODELS), cipher, False, 0)
    registry.call_model = LocalModels(hello, bytearray(key), registry.models).call
    return model


class ModelCallTest(unittest.TestCase):
    def fails(self, text, model, *args, **kwargs):
        with self.assertRaises(RuntimeError) as raised:
            model.call(*args, **kwargs)
        self.assertEqual(str(raised.exception), text)

    def test_one_instance_and_many(self):
        model = declare("tensor_add", with_batch_dim=False)
        y = model.call(ONES, 2 * ONES)
        self.assertTrue(y.flags.writeable)
        np.testing.assert_array_equal(y, 3 * ONES)
        results = model.call([[ONES, ONES], (2 * ONES, ONES)])
        self.assertIsInstance(results, tuple)
        np.testing.assert_array_equal(results, [[2 * ONES], [3 * ONES]])

    def test_results_outlive_later_calls(self):
        model = declare("tensor_add", with_batch_dim=False)
        first = model.call(ONES, ONES)
        model.call(5 * ONES, ONES)
        np.testing.assert_array_equal(first, 2 * ONES)

    def test_inputs_lie_anywhere(self):
        model = declare("tensor_add", with_batch_dim=False)
        x = np.arange(16, dtype=np.float32).reshape(4, 4)
        np.testing.assert_array_equal(model.call(x[::2, ::2], ONES.T), x[::2, ::2] + 1)
        np.testing.assert_array_equal(
            model.call(np.arange(4, dtype=np.float32), ONES), [[1, 2], [3, 4]]
        )

    def test_instances_are_stacked_to_the_models_batch(self):
        model = declare("tensor_add")  # batch size 2
        x = np.float32([1, 2])
        np.testing.assert_array_equal(model.call(x, x), [2, 4])
        for count in (1, 2, 3, 5):
            instances = [[x * i, x] for i in range(count)]
            results = model.call(instances)
            self.assertEqual(len(results), count)
            np.testing.assert_array_equal(
                [r[0] for r in results], [x * i + x for i in range(count)]
            )

    def test_open_batches_take_all(self):
        arrays = npz("dyn_batch_mlp")
        for model in (declare("dyn_batch_mlp"), declare("dyn_batch_mlp", with_batch_dim=True)):
            results = model.call([[row] for row in arrays["in_0"]])
            np.testing.assert_allclose(
                [r[0] for r in results], arrays["out_0"], rtol=1e-5, atol=1e-5
            )
            np.testing.assert_allclose(
                model.call(arrays["in_0"][3]), arrays["out_0"][3], rtol=1e-5, atol=1e-5
            )

    def test_open_shapes_without_a_batch_axis(self):
        arrays = npz("dyn_batch_mlp")
        model = declare("dyn_batch_mlp", with_batch_dim=False)
        for rows in (5, 2):
            np.testing.assert_allclose(
                model.call(arrays["in_0"][:rows]), arrays["out_0"][:rows], rtol=1e-5, atol=1e-5
            )
        self.fails(
            "Model(dyn_batch_mlp.mindir).call() failed: Given model input 0 shape [5, 3] not match the shape [-1, 4] defined in model",
            model,
            np.zeros((5, 3), np.float32),
        )

    def test_only_instances_of_equal_shared_inputs_run_together(self):
        for index in (1, (1,)):
            model = declare("tensor_add", without_batch_dim_inputs=index)
            x = np.float32([1, 2])
            results = model.call([[x, ONES], [3 * x, 5 * ONES], [2 * x, 5 * ONES]])
            # a run of [a, p] with s gives p's row of ([a, p] + s)
            np.testing.assert_array_equal([r[0] for r in results], [x + 1, 3 * x + 5, 2 * x + 5])
        model = declare("tensor_add", without_batch_dim_inputs=0)
        np.testing.assert_array_equal(model.call(ONES, np.float32([1, 2])), [2, 3])

    def test_scalars_texts_and_several_outputs(self):
        model = declare("string_output", with_batch_dim=False)
        outputs = npz("string_output")
        results = model.call(outputs["in_0"])
        self.assertEqual(len(results), 5)
        np.testing.assert_allclose(results[0], outputs["out_0"], rtol=1e-5, atol=1e-5)
        self.assertEqual(results[1], str(outputs["out_1"]))
        self.assertEqual((results[2].dtype, int(results[2])), (np.int64, int(outputs["out_2"])))

    def test_subgraphs_share_states(self):
        full, one = npz("kvparam_full"), npz("kvparam_inc")
        model = declare("kvparam_full", "kvparam_inc", with_batch_dim=False)
        for _ in range(2):
            y = model.call(full["in_0"], full["in_1"])
            np.testing.assert_allclose(y, full["out_0"], rtol=1e-5, atol=1e-5)
            y = model.call(one["in_0"], one["in_1"], subgraph=1)
            np.testing.assert_allclose(y, one["out_0"], rtol=1e-5, atol=1e-5)

    def test_encrypted(self):
        for name, cipher in (("tensor_add_gcm", "AES-GCM"), ("tensor_add_cbc", "AES-CBC")):
            model = declare(
                name, key=b"asdfasdfasdfasgwegw12310", cipher=cipher, with_batch_dim=False
            )
            np.testing.assert_array_equal(model.call(ONES, ONES), 2 * ONES)
        with self.assertRaisesRegex(
            RuntimeError, "Load model failed, model file 'tensor_add_gcm.mindir': "
        ):
            declare("tensor_add_gcm", key=b"0123456789abcdef").call(ONES, ONES)

    def test_errors(self):
        model = declare("tensor_add", with_batch_dim=False)
        head = "Model(tensor_add.mindir).call() failed: "
        self.fails(
            head
            + "The inputs count 1 of instance 0 is not equal to the inputs count 2 of the model",
            model,
            ONES,
        )
        self.fails(
            head
            + "The inputs count 1 of instance 1 is not equal to the inputs count 2 of the model",
            model,
            [[ONES, ONES], [ONES]],
        )
        self.fails(
            "Model(tensor_add.mindir, subgraph=3).call() failed: The model does not have subgraph of index 3, the subgraph count of the model is 1",
            model,
            ONES,
            ONES,
            subgraph=3,
        )
        self.fails(
            head + "Given model input 0 size 32 not match the size 16 defined in model",
            model,
            ONES.astype(float),
            ONES,
        )
        self.fails(
            head
            + "Given model input 1 data type kMSI_Int32 not match the data type kMSI_Float32 defined in model",
            model,
            ONES,
            ONES.astype(np.int32),
        )
        self.fails(
            head
            + "Given model input 0 is not supported: values of <class 'dict'> are not supported",
            model,
            {},
            ONES,
        )
        self.fails(
            head + "Given model input 0 size 8 not match the size 16 defined in model",
            model,
            1.5,
            ONES,
        )
        self.fails(
            head
            + "Given model input 0 data type kMSI_String not match the data type kMSI_Float32 defined in model",
            model,
            "text",
            ONES,
        )

    def test_models_that_a_declaration_does_not_suit(self):
        with self.assertRaisesRegex(
            RuntimeError, "Load model failed, model file 'missing.mindir': NOT_FOUND"
        ):
            declare("missing").call(ONES)
        with self.assertRaisesRegex(
            RuntimeError, r"The shape \[\] of model output 1 does not match current batch size 2"
        ):
            declare("string_output").call(ONES)


CONFIG = """
from mindspore_serving.server import register

model = register.declare_model("{file}", "MindIR", with_batch_dim=False)

def run(x):
    return model.call(x, x)

@register.register_method("y")
def f(x):
    return register.add_stage(run, x, outputs_count=1)
"""


class WorkerTest(unittest.TestCase):
    def serve(self, file, **hello):
        directory = tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR"))
        self.addCleanup(directory.cleanup)
        servable = pathlib.Path(directory.name) / "sv"
        servable.mkdir()
        (servable / "servable_config.py").write_text(CONFIG.format(file=file))
        server = FakeServer(
            pathlib.Path(directory.name), "sv", version_directory=str(MODELS), **hello
        )
        self.addCleanup(server.__exit__)
        return server

    def test_runs_encrypted_models(self):
        server = self.serve("tensor_add_gcm.mindir", key=b"asdfasdfasdfasgwegw12310")
        server.start()
        ((y,),) = server.values([[ONES]])
        np.testing.assert_array_equal(y, 2 * ONES)
        (text,) = server.values([[ONES[0]]])
        self.assertEqual(
            text,
            "Call Function 'sv.run' Failed, method: 'f', stage index(begin with 1): 1, error msg: Model(tensor_add_gcm.mindir).call() failed: "
            "Given model input 0 size 8 not match the size 16 defined in model",
        )

    def test_a_model_that_cannot_be_loaded_is_found_at_the_start(self):
        server = self.serve("tensor_add_gcm.mindir", key=b"0123456789abcdef")
        server.receive()
        server.send(3)
        kind, _, text = server.receive()
        self.assertEqual(kind, FAILED)
        self.assertIn(b"Load model failed, model file 'tensor_add_gcm.mindir'", text)


if __name__ == "__main__":
    unittest.main()
