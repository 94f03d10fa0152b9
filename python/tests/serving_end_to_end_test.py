"""The server with its workers and both faces, asked by the client."""

import contextlib
import http.client
import io
import json
import os
import pathlib
import shutil
import signal
import socket
import tempfile
import unittest

import numpy as np
from mindspore_serving import server
from mindspore_serving.client import Client

MODELS = pathlib.Path("tests/models/mindir").absolute()
ONES = np.ones((2, 2), np.float32)
KEY = b"asdfasdfasdfasgwegw12310"
ERROR = "Raise failed: Serving Error: "

CONFIG = """
import os
import numpy as np
from mindspore_serving.server import register

model = register.declare_model("{model}.mindir", "MindIR", with_batch_dim=False)

def double(x):
    return x * 2

def echo(x):
    return x

def fail(x):
    if x < 0:
        raise ValueError(f"negative input {{x}}")
    return x

def none(x):
    return None

def call(x):
    for _ in range(3):
        x = model.call(x, x)
    return x

def count(instances):
    for (x,) in instances:
        yield x, len(instances)

def pid(x):
    return os.getpid()

@register.register_method("y")
def add(x1, x2):
    return register.add_stage(model, x1, x2, outputs_count=1)

@register.register_method("y")
def add_doubled(x1, x2):
    x1 = register.add_stage(double, x1, outputs_count=1)
    y = register.add_stage(model, x1, x2, outputs_count=1)
    return register.add_stage(double, y, outputs_count=1)

@register.register_method("i")
def largest(x1, x2):
    y = register.add_stage(model, x1, x2, outputs_count=1)
    return register.add_stage("argmax_cpp", y, outputs_count=1)

@register.register_method(["y", "n"])
def counted(x):
    return register.add_stage(count, x, outputs_count=2, batch_size=3)

def one(function):
    def method(x):
        return register.add_stage(function, x, outputs_count=1)
    method.__name__ = function.__name__
    register.register_method("y")(method)

for function in (echo, fail, none, call, pid):
    one(function)
"""


STATEFUL = """
from mindspore_serving.server import register

model = register.declare_model(["kvparam_full.mindir", "kvparam_inc.mindir"], "MindIR", with_batch_dim=False)

def run_full(ids, length, user):
    return model.call(ids, length, session=user)

def run_next(ids, length, user):
    return model.call(ids, length, subgraph=1, session=user)

@register.register_method("y")
def full(ids, length, user):
    return register.add_stage(run_full, ids, length, user, outputs_count=1)

@register.register_method("y")
def next_one(ids, length, user):
    return register.add_stage(run_next, ids, length, user, outputs_count=1)
"""


def quietly(function, *args, **kwargs):
    with contextlib.redirect_stdout(io.StringIO()):
        return function(*args, **kwargs)


def servable(directory, name, model="tensor_add"):
    (directory / name / "1").mkdir(parents=True)
    shutil.copy(MODELS / f"{model}.mindir", directory / name / "1")
    (directory / name / "servable_config.py").write_text(CONFIG.format(model=model))


class EndToEndTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="ser ving"))
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        servable(cls.directory, "sv")
        servable(cls.directory, "secret", "tensor_add_gcm")
        (cls.directory / "kv" / "1").mkdir(parents=True)
        for name in ("kvparam_full", "kvparam_inc"):
            shutil.copy(MODELS / f"{name}.mindir", cls.directory / "kv" / "1")
        (cls.directory / "kv" / "servable_config.py").write_text(STATEFUL)
        before = set(os.listdir())
        quietly(
            server.start_servables,
            [
                server.ServableStartConfig(str(cls.directory), "kv", num_parallel_workers=3),
                server.ServableStartConfig(str(cls.directory), "sv", num_parallel_workers=2),
                server.ServableStartConfig(str(cls.directory), "secret", dec_key=KEY),
            ],
        )
        cls.addClassCleanup(server.stop, 0)
        cls.grpc = f"unix:{cls.directory}/g"
        quietly(server.start_grpc_server, cls.grpc)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            cls.http = f"127.0.0.1:{free.getsockname()[1]}"
        quietly(server.start_restful_server, cls.http)
        assert set(os.listdir()) == before

    def infer(self, method, instances, servable="sv"):
        with Client(self.grpc, servable, method, timeout=60) as client:
            return client.infer(instances)

    def test_models_and_stages(self):
        for name in ("sv", "secret"):
            x = {"x1": ONES, "x2": 2 * ONES}
            np.testing.assert_array_equal(self.infer("add", x, name)[0]["y"], 3 * ONES)
            np.testing.assert_array_equal(self.infer("add_doubled", x, name)[0]["y"], 8 * ONES)
            np.testing.assert_array_equal(self.infer("call", {"x": ONES}, name)[0]["y"], 8 * ONES)
        (result,) = self.infer("largest", {"x1": np.float32([[1, 5], [2, 3]]), "x2": ONES})
        self.assertEqual(result["i"], 1)

    def test_values(self):
        for value in (
            "é",
            np.int8([1, 2]),
            np.float16(1.5),
            np.zeros((2, 0), bool),
            np.arange(4 << 20),
        ):
            ((y,),) = (r.values() for r in self.infer("echo", {"x": value}))
            np.testing.assert_array_equal(y, value)
        self.assertEqual(list(self.infer("echo", {"x": b"\0\xff"})[0]["y"]), [0, 255])

    def test_batches_keep_their_order(self):
        results = self.infer("counted", [{"x": np.int32(i)} for i in range(20)])
        self.assertEqual([int(r["y"]) for r in results], list(range(20)))
        self.assertLessEqual(max(int(r["n"]) for r in results), 3)

    def test_failures(self):
        head = "Call Function 'sv.fail' Failed, method: 'fail', stage index(begin with 1): 1, error msg: "
        results = self.infer("fail", [{"x": np.int32(i)} for i in (1, -1, 2)])
        self.assertEqual(results[1], {"error": head + "negative input -1"})
        self.assertEqual([int(results[i]["y"]) for i in (0, 2)], [1, 2])
        self.assertIn("<class 'NoneType'> are not supported", self.infer("none", {"x": 1})["error"])
        self.assertEqual(
            self.infer("call", {"x": ONES[0]})["error"],
            "Call Function 'sv.call' Failed, method: 'call', stage index(begin with 1): 1, error msg: "
            "Model(tensor_add.mindir).call() failed: Given model input 0 size 8 not match the size 16 defined in model",
        )
        self.assertEqual(
            self.infer("nope", {"x": 1}),
            {"error": "Request servable(sv) method(nope) , method is not available"},
        )

    def test_states_are_the_sessions_and_all_workers(self):
        with np.load(MODELS / "kvparam_full.npz") as full, np.load(
            MODELS / "kvparam_inc.npz"
        ) as one:
            prompt = {"ids": full["in_0"], "length": full["in_1"]}
            token = {"ids": one["in_0"], "length": one["in_1"]}
            wanted = full["out_0"], one["out_0"]
        for user in ("ann", "bob", ""):
            (first,) = self.infer("full", {**prompt, "user": user}, "kv")
            np.testing.assert_allclose(first["y"], wanted[0], rtol=1e-5, atol=1e-5)
        # Whichever worker takes it, and whoever was between.
        for user in ("bob", "", "ann"):
            (after,) = self.infer("next_one", {**token, "user": user}, "kv")
            np.testing.assert_allclose(after["y"], wanted[1], rtol=1e-5, atol=1e-5)
        # Another prompt's states are another user's alone.
        self.infer("full", {**prompt, "user": "zoe"}, "kv")
        self.infer("full", {**prompt, "ids": prompt["ids"] + 1, "user": "eve"}, "kv")
        (other,) = self.infer("next_one", {**token, "user": "eve"}, "kv")
        self.assertGreater(np.abs(other["y"] - wanted[1]).max(), 1e-2)
        (after,) = self.infer("next_one", {**token, "user": "zoe"}, "kv")
        np.testing.assert_allclose(after["y"], wanted[1], rtol=1e-5, atol=1e-5)

    def test_killed_workers_are_replaced(self):
        pids = {int(self.infer("pid", {"x": 1})[0]["y"]) for _ in range(10)}
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        deadline = 600
        while deadline:  # each try waits for a worker or is refused
            result = self.infer("pid", {"x": 1})
            if isinstance(result, list):
                break
            deadline -= 1
        self.assertNotIn(int(result[0]["y"]), pids)

    def test_http(self):
        connection = http.client.HTTPConnection(self.http)
        body = json.dumps(
            {"instances": [{"x1": [[1.0, 2.0], [3.0, 4.0]], "x2": [[1.0, 1.0], [1.0, 1.0]]}]}
        )
        connection.request("POST", "/model/sv/version/1:add_doubled", body)
        response = connection.getresponse()
        self.assertEqual(response.status, 200)
        self.assertEqual(json.load(response), {"instances": [{"y": [[6.0, 10.0], [14.0, 18.0]]}]})
        connection.close()


class StartTest(unittest.TestCase):
    """Texts of the library itself."""

    def setUp(self):
        self.addCleanup(server.stop, 0)
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def fails(self, text, function, *args, **kwargs):
        with self.assertRaises(RuntimeError) as raised:
            quietly(function, *args, **kwargs)
        self.assertTrue(str(raised.exception).startswith(ERROR + text), raised.exception)

    def test_addresses(self):
        for start, tag in (
            (server.start_grpc_server, "Serving gRPC"),
            (server.start_restful_server, "RESTful server"),
        ):
            for address, text in (
                ("127.0.0.1", "The format of the {} address '127.0.0.1' is illegal"),
                (":5500", "Missing ip or port of the {} address ':5500'"),
                ("127.0.0.1:", "Missing ip or port of the {} address '127.0.0.1:'"),
                ("127.0.0.1:abc", "The type of {} address '127.0.0.1:abc' port is not a number"),
                (
                    "127.0.0.1:70000",
                    "The port of the {} address '127.0.0.1:70000' is out of legal range [1 ~ 65535]",
                ),
            ):
                self.fails(text.format(tag), start, address)
        self.fails(
            "Empty grpc server unix domain socket address", server.start_grpc_server, "unix:"
        )
        for address in ("unix:/nonexist/x.sock", "256.0.0.1:5599"):
            self.fails(
                f"Serving gRPC server start failed, create server failed, address {address}",
                server.start_grpc_server,
                address,
            )
        self.fails(
            "RESTful server start failed, bind to the socket address 256.0.0.1:5599 failed",
            server.start_restful_server,
            "256.0.0.1:5599",
        )

    def test_servables_that_cannot_be_loaded(self):
        servable(self.directory, "sv")
        config = self.directory / "sv" / "servable_config.py"
        text = config.read_text()
        for code, reason in (
            ("raise ValueError('no luck')", "ValueError: no luck"),
            ("exit(3)", "SystemExit: 3"),
            (text.replace("tensor_add.mindir", "missing.mindir"), "missing.mindir"),
        ):
            config.write_text(code)
            with self.assertRaises(RuntimeError) as raised:
                quietly(
                    server.start_servables, server.ServableStartConfig(str(self.directory), "sv")
                )
            self.assertTrue(
                str(raised.exception).startswith("Fail to start workers: "), raised.exception
            )
            self.assertIn(reason, str(raised.exception))
        config.write_text(text)
        quietly(server.start_servables, server.ServableStartConfig(str(self.directory), "sv"))


if __name__ == "__main__":
    unittest.main()
