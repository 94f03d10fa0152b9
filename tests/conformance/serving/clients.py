"""clients.py MISSING: tritonclient, unmodified, against one server: HTTP and gRPC, both also with asyncio.

Their packages are an optional archive of the build: where they cannot be had there is a file MISSING with the reason, and it passes.
"""

import asyncio
import json
import os
import pathlib
import queue
import sys
import threading
import unittest

import harness
from harness import wait_for

if pathlib.Path(sys.argv[1]).exists():
    print("skipped: the packages could not be fetched: " + pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    sys.exit(0)

# ruff: noqa: E402
import numpy as np
import tritonclient.grpc
import tritonclient.grpc.aio
import tritonclient.http
import tritonclient.http.aio
from tritonclient.utils import InferenceServerException, shared_memory

SERVER = None
X1 = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
X2 = X1 * 10


def setUpModule():
    global SERVER
    servables = ["open", {"name": "pyfun", "workers": 2}, "bs"]
    options = {"model_control": "explicit", "shared_memory": "true"}
    SERVER = harness.Server(servables, options, grpc={}, http={}, repository=True)
    unittest.enterModuleContext(SERVER)


class Cases:
    """What both of tritonclient's libraries have; `module` is one of them, `plain` makes its answers dictionaries."""

    module = None

    def setUp(self):
        self.client = self.connect()
        self.addCleanup(self.client.close)

    def inputs(self, *arrays, names=("x1", "x2"), **how):
        out = []
        for name, array in zip(names, arrays):
            kind = {"float32": "FP32", "int32": "INT32", "int64": "INT64", "object": "BYTES"}[array.dtype.name]
            out.append(self.module.InferInput(name, list(array.shape), kind))
            out[-1].set_data_from_numpy(array, **how)
        return out

    def check_sum(self, result):
        np.testing.assert_array_equal(result.as_numpy("y"), X1 + X2)

    def test_health_and_metadata(self):
        c = self.client
        self.assertTrue(c.is_server_live())
        self.assertTrue(c.is_server_ready())
        self.assertTrue(c.is_model_ready("open"))
        self.assertTrue(c.is_model_ready("open", "1"))
        self.assertFalse(c.is_model_ready("nope"))
        server = self.plain(c.get_server_metadata)
        self.assertEqual(server["name"], "mirin")
        for extension in ("binary_tensor_data", "model_repository", "statistics", "model_configuration", "system_shared_memory"):
            self.assertIn(extension, server["extensions"])
        model = self.plain(c.get_model_metadata, "open")
        self.assertEqual(model["name"], "open")
        self.assertEqual(model["versions"], ["1"])
        self.assertEqual(
            [(i["name"], i["datatype"], [int(d) for d in i["shape"]]) for i in model["inputs"]],
            [("x1", "FP32", [-1, 2]), ("x2", "FP32", [-1, 2])],
        )
        config = self.plain(c.get_model_config, "open")
        config = config.get("config", config)
        self.assertEqual(config["name"], "open")
        self.assertEqual(int(config["max_batch_size"]), 32)
        self.assertEqual([i["data_type"] for i in config["input"]], ["TYPE_FP32"] * 2)

    def test_infer(self):
        result = self.client.infer("open", self.inputs(X1, X2), request_id="seven")
        self.check_sum(result)
        response = self.answer(result)
        self.assertEqual((response["id"], response["model_name"], response["model_version"]), ("seven", "open", "1"))

    def test_requested_outputs_and_version(self):
        outputs = [self.module.InferRequestedOutput("y")]
        self.check_sum(self.client.infer("open", self.inputs(X1, X2), model_version="1", outputs=outputs))
        with self.assertRaisesRegex(InferenceServerException, "z"):
            self.client.infer("open", self.inputs(X1, X2), outputs=[self.module.InferRequestedOutput("z")])

    def test_errors(self):
        for call, text in (
            (lambda: self.client.infer("nope", self.inputs(X1, X2)), "nope"),
            (lambda: self.client.infer("open", self.inputs(X1, X2), model_version="9"), "9"),
            (lambda: self.client.infer("open", self.inputs(X1)), "x2"),
            (lambda: self.client.infer("open", self.inputs(X1.astype(np.int32), X2)), "x1|input 0"),
            (lambda: self.client.infer("pyfun.fail", self.inputs(np.array([-1], np.int32), names=["x"])), "negative input"),
            (lambda: self.client.get_model_metadata("nope"), "nope"),
        ):
            with self.assertRaisesRegex(InferenceServerException, text):
                call()
        self.check_sum(self.client.infer("open", self.inputs(X1, X2)))

    def test_texts(self):
        text = np.array(["h\u00e9llo".encode()], object)
        result = self.client.infer("pyfun.echo", self.inputs(text, names=["x"]))
        self.assertEqual(result.as_numpy("y").reshape(-1)[0].decode(), "h\u00e9llo")

    def test_many_types(self):
        result = self.client.infer("pyfun.many", self.inputs(np.array(1, np.int32), names=["x"]))
        self.assertEqual(result.as_numpy("i").dtype, np.int64)
        self.assertEqual(result.as_numpy("u8").tolist(), [1, 2])
        self.assertEqual(result.as_numpy("f").item(), 1.5)
        self.assertEqual(result.as_numpy("b").item(), True)
        self.assertEqual(result.as_numpy("empty2").shape, (2, 0))

    def test_large(self):
        large = np.arange(1 << 20, dtype=np.float32)
        result = self.client.infer("pyfun.echo", self.inputs(large, names=["x"]))
        np.testing.assert_array_equal(result.as_numpy("y"), large)

    def test_priority_timeout_and_parameters(self):
        result = self.client.infer("open", self.inputs(X1, X2), priority=1, timeout=30_000_000)
        self.check_sum(result)
        # both workers are busy, so that it waits
        busy = [threading.Thread(target=self.sleep, args=(1.5,)) for _ in range(2)]
        for thread in busy:
            thread.start()
        wait_for(lambda: sum(s["queued"] for s in SERVER.status()) == 2, "the two")
        with self.assertRaisesRegex(InferenceServerException, "(?i)deadline|timed? ?out"):
            self.client.infer("pyfun.sleepy", self.inputs(np.array(0, np.float32), names=["x"]), timeout=50_000)
        for thread in busy:
            thread.join()

    def sleep(self, seconds):
        with self.connect() as other:
            other.infer("pyfun.sleepy", self.inputs(np.array(seconds, np.float32), names=["x"]))

    def test_repository(self):
        c = self.client

        def index():
            models = self.plain(c.get_model_repository_index)
            return (
                {m["name"]: m.get("state") for m in models.get("models", []) or []}
                if isinstance(models, dict)
                else {m["name"]: m["state"] for m in models}
            )

        self.assertNotEqual(index().get("add"), "READY")
        c.load_model("add")
        self.assertEqual(index()["add"], "READY")
        self.assertTrue(c.is_model_ready("add", "2"))
        self.assertFalse(c.is_model_ready("add", "1"))
        both = self.inputs(X1[:2], X2[:2])
        np.testing.assert_array_equal(c.infer("add", both).as_numpy("y"), X1[:2] + X2[:2] + 100)
        c.load_model("add", config=json.dumps({"version_policy": {"specific": {"versions": [1]}}}))
        np.testing.assert_array_equal(c.infer("add", both).as_numpy("y"), X1[:2] + X2[:2])
        c.unload_model("add")
        self.assertFalse(c.is_model_ready("add"))
        self.assertNotEqual(index().get("add"), "READY")
        with self.assertRaises(InferenceServerException):
            c.load_model("nope")
        with self.assertRaises(InferenceServerException):
            c.unload_model("nope")
        self.assertTrue(c.is_server_ready())

    def test_statistics(self):
        def counts():
            (stats,) = self.plain(self.client.get_inference_statistics, "bs", "1")["model_stats"]
            return [int(stats.get(n, 0)) for n in ("inference_count", "execution_count")], stats

        (inferences, executions), _ = counts()
        rows = np.ones((4, 2), np.float32)
        self.client.infer("bs", self.inputs(rows, rows))
        (inferences2, executions2), stats = counts()
        self.assertEqual(inferences2 - inferences, 4)
        self.assertEqual(executions2 - executions, 1)
        self.assertGreaterEqual(int(stats["inference_stats"]["success"]["count"]), 1)
        self.assertIn("4", [str(b["batch_size"]) for b in stats["batch_stats"]])
        everything = self.plain(self.client.get_inference_statistics)["model_stats"]
        self.assertLessEqual({"open", "bs"}, {m["name"] for m in everything})

    def test_settings(self):
        c = self.client

        def level(settings):
            settings = settings.get("settings", settings)
            value = settings["trace_level"]
            return value["value"] if isinstance(value, dict) else value

        self.assertEqual(
            level(self.plain(c.update_trace_settings, settings={"trace_level": ["TIMESTAMPS"], "trace_rate": "7"})), ["TIMESTAMPS"]
        )
        self.assertEqual(level(self.plain(c.get_trace_settings, "open")), ["TIMESTAMPS"])
        self.assertEqual(level(self.plain(c.update_trace_settings, settings={"trace_level": ["OFF"], "trace_rate": None})), ["OFF"])
        with self.assertRaises(InferenceServerException):
            c.update_trace_settings(settings={"nonsense": "1"})
        log = self.plain(c.update_log_settings, {"log_verbose_level": 1})
        self.assertIn("1", json.dumps(log))
        self.plain(c.update_log_settings, {"log_verbose_level": 0})
        self.assertIn("log_info", json.dumps(self.plain(c.get_log_settings)))

    def test_system_shared_memory(self):
        c, m = self.client, self.module
        key, size = f"/mirin_clients_{os.getpid()}_{m.__name__.rpartition('.')[2]}", X1.nbytes
        segment = shared_memory.create_shared_memory_region("both", key, 3 * size)
        try:
            shared_memory.set_shared_memory_region(segment, [X1, X2])
            c.register_system_shared_memory("both", key, 3 * size)
            self.assertIn("both", json.dumps(self.plain(c.get_system_shared_memory_status)))
            inputs = [m.InferInput(name, list(X1.shape), "FP32") for name in ("x1", "x2")]
            inputs[0].set_shared_memory("both", size)
            inputs[1].set_shared_memory("both", size, size)
            output = m.InferRequestedOutput("y")
            output.set_shared_memory("both", size, 2 * size)
            answer = c.infer("open", inputs, outputs=[output])
            self.assertIsNotNone(answer.get_output("y"))
            found = shared_memory.get_contents_as_numpy(segment, np.float32, [9, 2])[6:]
            np.testing.assert_array_equal(found, X1 + X2)
            inputs[1].set_shared_memory("both", size, 3 * size - 4)
            with self.assertRaises(InferenceServerException):
                c.infer("open", inputs)
            c.unregister_system_shared_memory("both")
            with self.assertRaises(InferenceServerException):
                c.infer("open", inputs)
            self.assertNotIn("both", json.dumps(self.plain(c.get_system_shared_memory_status)))
        finally:
            shared_memory.destroy_shared_memory_region(segment)
        with self.assertRaises(InferenceServerException):
            c.register_system_shared_memory("gone", key, size)

    def test_no_cuda_shared_memory(self):
        self.assertNotIn("name", json.dumps(self.plain(self.client.get_cuda_shared_memory_status)))
        with self.assertRaises(InferenceServerException):
            self.client.register_cuda_shared_memory("gpu", b"\0" * 64, 0, 64)


class Http(Cases, unittest.TestCase):
    module = tritonclient.http

    def connect(self):
        return self.module.InferenceServerClient(SERVER.http_address, concurrency=4)

    def plain(self, call, *args, **kwargs):
        return call(*args, **kwargs)

    def answer(self, result):
        return result.get_response()

    def test_json_instead_of_binary(self):
        outputs = [self.module.InferRequestedOutput("y", binary_data=False)]
        self.check_sum(self.client.infer("open", self.inputs(X1, X2, binary_data=False), outputs=outputs))

    def test_compression(self):
        for algorithm in ("gzip", "deflate"):
            self.check_sum(
                self.client.infer(
                    "open", self.inputs(X1, X2), request_compression_algorithm=algorithm, response_compression_algorithm=algorithm
                )
            )

    def test_async_infer(self):
        calls = [self.client.async_infer("open", self.inputs(X1, X2)) for _ in range(20)]
        for call in calls:
            self.check_sum(call.get_result())

    def test_asyncio(self):
        async def run():
            module = tritonclient.http.aio
            async with module.InferenceServerClient(SERVER.http_address) as c:
                self.assertTrue(await c.is_server_ready())
                self.assertEqual((await c.get_model_metadata("open"))["name"], "open")
                for result in await asyncio.gather(*(c.infer("open", self.inputs(X1, X2)) for _ in range(20))):
                    self.check_sum(result)
                with self.assertRaises(InferenceServerException):
                    await c.infer("nope", self.inputs(X1, X2))

        asyncio.run(run())


class Grpc(Cases, unittest.TestCase):
    module = tritonclient.grpc

    def connect(self):
        return self.module.InferenceServerClient(SERVER.grpc_address)

    def plain(self, call, *args, **kwargs):
        return call(*args, as_json=True, **kwargs)

    def answer(self, result):
        return result.get_response(as_json=True)

    def test_async_infer(self):
        results = queue.Queue()
        for _ in range(20):
            self.client.async_infer("open", self.inputs(X1, X2), callback=lambda result, error: results.put((result, error)))
        for _ in range(20):
            result, error = results.get(timeout=60)
            self.assertIsNone(error)
            self.check_sum(result)

    def test_stream(self):
        results = queue.Queue()
        self.client.start_stream(callback=lambda result, error: results.put((result, error)))
        try:
            for i in range(20):
                name = "nope" if i == 7 else "open"
                self.client.async_stream_infer(name, self.inputs(X1, X2), request_id=str(i))
            seen, errors = set(), []
            for _ in range(20):
                result, error = results.get(timeout=60)
                if error is not None:
                    errors.append(str(error))
                    continue
                self.check_sum(result)
                seen.add(self.answer(result)["id"])
            self.assertEqual(seen, {str(i) for i in range(20)} - {"7"})
            self.assertEqual(len(errors), 1)
            self.assertIn("nope", errors[0])
        finally:
            self.client.stop_stream()

    def test_cancel(self):
        ended = queue.Queue()
        call = self.client.async_infer(
            "pyfun.sleepy", self.inputs(np.array(1, np.float32), names=["x"]), callback=lambda result, error: ended.put(error)
        )
        call.cancel()
        self.assertIn("cancel", str(ended.get(timeout=60)).lower())

    def test_asyncio(self):
        async def run():
            module = tritonclient.grpc.aio
            async with module.InferenceServerClient(SERVER.grpc_address) as c:
                self.assertTrue(await c.is_server_ready())
                self.assertEqual((await c.get_model_metadata("open", as_json=True))["name"], "open")
                for result in await asyncio.gather(*(c.infer("open", self.inputs(X1, X2)) for _ in range(20))):
                    self.check_sum(result)

                async def requests():
                    for i in range(5):
                        yield {"model_name": "open", "inputs": self.inputs(X1, X2), "request_id": str(i)}

                seen = set()
                async for result, error in c.stream_infer(requests()):
                    self.assertIsNone(error)
                    self.check_sum(result)
                    seen.add(self.answer(result)["id"])
                    if len(seen) == 5:
                        break
                self.assertEqual(seen, set("01234"))

        asyncio.run(run())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
