"""The worker process against a server of the test's own: frames, memory, stages, failures."""

import os
import pathlib
import shutil
import signal
import struct
import tempfile
import textwrap
import unittest

import numpy as np
from serving_fake_server import (
    BUFFER,
    CALL,
    DESCRIBE,
    EXIT,
    FAILED,
    MODEL_CALL,
    MODEL_REPLY,
    PING,
    PONG,
    FakeServer,
    InSegment,
    Raw,
    Text,
    dims_of,
    encode_instances,
)

CONFIG = """
import os
import threading
import numpy as np
from mindspore_serving.server import register

device = os.environ["SERVING_DEVICE_ID"]

def echo(x):
    return x

def describe(x):
    if isinstance(x, str):
        return "str " + x
    return f"{type(x).__name__} {x.dtype} {x.shape} {x.flags.c_contiguous} {x.flags.writeable}"

def write(x):
    x += 1
    return x

def many(x):
    return (True, 1, 1.5, "sé", b"\\0\\xff", np.float16(2), np.zeros((2, 0), np.int32), x[..., :1], x.T)

def fail(x):
    if x < 0:
        raise ValueError(f"negative input {x}")
    return x

def odd(x):
    return {0: None, 1: {}, 2: (x, x), 3: [], 4: x, 5: np.array([1j]), 6: 1 << 70, 7: "\\ud800", 8: [[x]]}[int(x)]

def leave(x):
    raise SystemExit(3)

kept = []
def keep(x):
    if x.size:
        kept.append(x)
    else:
        kept.clear()
    return len(kept)

def slice_of(x):
    return x[len(x) // 2:]

def add(x, y):
    return x + y

sizes = []
def batch(instances):
    sizes.append(len(instances))
    for (x,) in instances:
        if x < 0:
            raise ValueError(f"negative input {x}")
        yield x * 2, len(instances)

def batch_list(instances):
    kind = int(instances[0][0])
    results = [x for (x,) in instances]
    if kind == 1:
        return results[1:]
    if kind == 2:
        raise RuntimeError("all of them")
    if kind == 3:
        return None
    if kind == 4:
        return [None if i == 1 else r for i, r in enumerate(results)]
    return results

def fork(x):
    import subprocess, sys
    code = "import signal; print(signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip()

def pid(x):
    return os.getpid()

def block(x):
    print("blocked", file=__import__("sys").stderr, flush=True)
    threading.Event().wait()

def one(function, **kwargs):
    def method(x):
        return register.add_stage(function, x, outputs_count=1, **kwargs)
    method.__name__ = function.__name__
    register.register_method("y")(method)

for f in (echo, describe, write, fail, odd, leave, keep, slice_of, fork, pid, block):
    one(f)
one(batch_list, batch_size=0)

@register.register_method([f"y{i}" for i in range(9)])
def nine(x):
    return register.add_stage(many, x, outputs_count=9)

@register.register_method(["y", "n"])
def batch3(x):
    return register.add_stage(batch, x, outputs_count=2, batch_size=3)

@register.register_method("y")
def two(x, y):
    z = register.add_stage(add, x, y, outputs_count=1)
    return register.add_stage(add, z, y, outputs_count=1, tag="Sum")

class Same:
    def same(x):
        return x * 10
def same(x):
    return x * 100

@register.register_method(["a", "b"])
def both(x):
    return register.add_stage(Same.same, x, outputs_count=1), register.add_stage(same, x, outputs_count=1)
"""

LARGE = 1 << 20


class WorkerTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(
            tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR"), prefix="ser ving")
        )
        cls.servable("sv", CONFIG)
        cls.server = FakeServer(cls.directory, "sv", device_id=3)
        cls.description = cls.server.start()
        cls.methods = {m["name"]: i for i, m in enumerate(cls.description["methods"])}

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()
        shutil.rmtree(cls.directory)

    @classmethod
    def servable(cls, name, config):
        (cls.directory / name / "1").mkdir(parents=True)
        (cls.directory / name / "servable_config.py").write_text(textwrap.dedent(config))

    def call(self, method, instances, stage=0):
        return self.server.call(instances, self.methods[method], stage)

    def values(self, method, instances, stage=0):
        return self.server.values(instances, self.methods[method], stage)

    def failed(self, method, text, function=None):
        name = f"Function 'sv.{function or method}'"
        return f"Call {name} Failed, method: '{method}', stage index(begin with 1): 1, error msg: {text}"

    def test_describes_itself(self):
        self.assertEqual(self.description["servable"], "sv")
        self.assertTrue(self.description["python"])
        two = self.description["methods"][self.methods["two"]]
        self.assertEqual(two["inputs"], ["x", "y"])
        self.assertEqual(two["results"], [[2, 0]])
        self.assertEqual(
            two["stages"][1],
            {
                "type": "python",
                "name": "sv.add",
                "batch_size": None,
                "inputs": [[1, 0], [0, 1]],
                "outputs_count": 1,
                "tag": "Sum",
            },
        )

    def test_echoes_every_dtype_and_shape(self):
        for name in (
            "bool",
            "int8",
            "uint8",
            "int16",
            "uint16",
            "int32",
            "uint32",
            "int64",
            "uint64",
            "float16",
            "float32",
            "float64",
        ):
            for shape in ((), (0,), (3,), (2, 0), (2, 3, 1)):
                x = np.arange(int(np.prod(shape))).reshape(shape).astype(name)
                ((y,),) = self.values("echo", [[x]])
                self.assertEqual((y.dtype, y.shape), (x.dtype, x.shape))
                np.testing.assert_array_equal(x, y)

    def test_inputs_are_what_stages_expect(self):
        cases = [
            (np.zeros((2, 1), np.float32), "ndarray float32 (2, 1) True True"),
            (np.zeros((), np.bool_), "ndarray bool () True True"),
            (Text("é".encode()), "str é"),
            (Text(b"a", (1,)), "str a"),
            (Text(b"a\0b", (1,), 1), "ndarray uint8 (3,) True True"),
            (Text(b"", (), 1), "ndarray uint8 (0,) True True"),
            (Text([b"a", b"b"], (2,)), "ndarray object (2,) True True"),
        ]
        results = self.values("describe", [[x] for x, _ in cases])
        self.assertEqual([r[0] for r in results], [[text] for _, text in cases])

    def test_outputs_of_every_kind(self):
        x = np.arange(6, dtype=np.int32).reshape(2, 3)
        ((b, i, f, s, raw, half, empty, part, turned),) = self.call("nine", [[x]])
        self.assertEqual((b.value.dtype, b.dims, bool(b.value)), (np.bool_, (), True))
        self.assertEqual((i.value.dtype, i.dims), (np.int64, ()))
        self.assertEqual((f.value.dtype, float(f.value)), (np.float64, 1.5))
        self.assertEqual((s.value, s.dims), (["sé"], ()))
        self.assertEqual((raw.value, raw.dims), ([b"\0\xff"], ()))
        self.assertEqual(half.value.dtype, np.float16)
        self.assertEqual(empty.dims, (2, 0))
        np.testing.assert_array_equal(part.value, x[:, :1])
        np.testing.assert_array_equal(turned.value, x.T)

    def test_object_arrays_keep_their_texts(self):
        ((y,),) = self.call("echo", [[Text([b"a", "é".encode()], (1, 2))]])
        self.assertEqual((y.value, y.dims), (["a", "é"], (1, 2)))
        ((y,),) = self.call("echo", [[Text([b"a", b"\xff"], (2,), 1)]])
        self.assertEqual((y.value, y.dims), ([b"a", b"\xff"], (2,)))

    def test_a_failure_is_one_instances(self):
        results = self.values("fail", [[np.int32(x)] for x in (1, -1, 2)])
        self.assertEqual(results[0][0], 1)
        self.assertEqual(results[1], self.failed("fail", "negative input -1"))
        self.assertEqual(results[2][0], 2)

    def test_wrong_results_fail_and_the_worker_lives(self):
        results = self.values("odd", [[np.int32(x)] for x in range(9)])
        for i, text in (
            (0, "Get illegal value of output 0: values of <class 'NoneType'> are not supported"),
            (1, "Get illegal value of output 0: values of <class 'dict'> are not supported"),
            (
                2,
                "The outputs number 2 of one instance returned by function 'sv.odd' is not equal to the outputs number 1 registered in method 'odd'",
            ),
            (
                3,
                "The outputs number 0 of one instance returned by function 'sv.odd' is not equal to the outputs number 1 registered in method 'odd'",
            ),
            (5, "Get illegal value of output 0: arrays of complex128 are not supported"),
            (6, f"Get illegal value of output 0: the integer {1 << 70} does not fit into 64 bits"),
            (8, "Get illegal value of output 0: values of <class 'list'> are not supported"),
        ):
            self.assertEqual(results[i], self.failed("odd", text))
        self.assertEqual(results[4][0], 4)
        self.assertIn("surrogates not allowed", results[7])
        self.assertEqual(self.values("leave", [[np.int32(1)]]), [self.failed("leave", "3")])
        self.assertEqual(self.values("echo", [[np.int32(5)]])[0][0], 5)

    def test_bad_inputs_fail_their_instance(self):
        deep = (
            struct.pack("<BBBB", 43, 0, 40, 0)
            + dims_of([1] * 40)
            + struct.pack("<Qf", 4, 1)
            + bytes(4)
        )
        results = self.values("echo", [[Text(b"\xff\xfe")], [np.int8(1)], [Raw(deep)]])
        self.assertEqual(
            results[0], self.failed("echo", "an input is not UTF-8: invalid start byte at byte 0")
        )
        self.assertEqual(results[1][0], 1)
        self.assertEqual(
            results[2], self.failed("echo", "an input has 40 axes, at most 32 are supported")
        )

    def test_batches(self):
        results = self.values("batch3", [[np.int32(i)] for i in range(7)])
        self.assertEqual(
            [(int(y), int(n)) for y, n in results],
            [(0, 3), (2, 3), (4, 3), (6, 3), (8, 3), (10, 3), (12, 1)],
        )

    def test_an_exception_while_iterating_is_one_instances(self):
        results = self.values("batch3", [[np.int32(i)] for i in (1, -1, 2, -2)])
        self.assertEqual([int(v) for v in results[0]], [2, 3])
        self.assertEqual(results[1], self.failed("batch3", "negative input -1", "batch"))
        self.assertEqual([int(v) for v in results[2]], [4, 1])  # called again for the rest
        self.assertEqual(results[3], self.failed("batch3", "negative input -2", "batch"))

    def test_wrong_results_of_batches(self):
        def run(kind):
            return self.values("batch_list", [[np.int32(kind)], [np.int32(8)], [np.int32(9)]])

        self.assertEqual([int(r[0]) for r in run(0)], [0, 8, 9])
        results = run(1)
        self.assertEqual([int(r[0]) for r in results[:2]], [8, 9])
        self.assertEqual(
            results[2],
            self.failed(
                "batch_list",
                "The number of results returned by function 'sv.batch_list' is less than the number of instances, 2 and 3",
            ),
        )
        self.assertEqual(run(2), [self.failed("batch_list", "all of them")] * 3)
        self.assertEqual(
            run(3), [self.failed("batch_list", "'NoneType' object is not iterable")] * 3
        )
        results = run(4)
        self.assertEqual([int(results[0][0]), int(results[2][0])], [4, 9])
        self.assertIn("NoneType", results[1])
        bad = self.values("batch_list", [[Text(b"\xff")], [np.int32(0)]])
        self.assertIn("not UTF-8", bad[0])
        self.assertEqual(bad[1][0], 0)

    def test_functions_of_one_name_are_different(self):
        x = np.int32(2)
        self.assertEqual(self.values("both", [[x]], 0)[0][0], 20)
        self.assertEqual(self.values("both", [[x]], 1)[0][0], 200)

    def test_later_stages_and_tags(self):
        self.assertEqual(self.values("two", [[np.int32(1), np.int32(2)]], 1)[0][0], 3)
        (text,) = self.values("two", [[np.int32([1, 2]), np.int32([1, 2, 3])]], 1)
        self.assertTrue(
            text.startswith(
                "Call Sum Failed, method: 'two', stage index(begin with 1): 2, error msg: operands"
            ),
            text,
        )

    def test_large_inputs_come_back_without_a_copy(self):
        segment = self.server.segment(2 * LARGE)
        for turn in range(3):
            x = np.full(LARGE // 4, turn, np.int32).reshape(2, -1)
            self.server.released.clear()
            ((y,),) = self.call("echo", [[segment.put(x)]])
            self.assertEqual((y.place, y.dims, y.at), (2, x.shape, (segment.buffer, 0, LARGE)))
            self.server.synchronize()
            self.assertEqual(self.server.released, [segment.buffer])

    def test_a_view_of_an_input_comes_back_without_a_copy(self):
        segment = self.server.segment(LARGE)
        ((y,),) = self.call("slice_of", [[segment.put(np.arange(LARGE // 4, dtype=np.int32))]])
        self.assertEqual(
            (y.place, y.dims, y.at), (2, (LARGE // 8,), (segment.buffer, LARGE // 2, LARGE // 2))
        )

    def test_written_inputs_do_not_come_back_as_they_were(self):
        segment = self.server.segment(LARGE)
        for turn in range(3):  # what the stage wrote does not hide what is there next
            x = np.full(LARGE // 4, 10 * turn, np.int32)
            ((y,),) = self.call("write", [[segment.put(x)]])
            self.assertEqual(y.place, 1)
            np.testing.assert_array_equal(y.value, x + 1)
            np.testing.assert_array_equal(np.frombuffer(segment.memory, np.int32), x)
            self.server.give_back(y.at[0])

    def test_segments_for_outputs_are_used_again(self):
        x = np.arange(LARGE // 8, dtype=np.int64)  # inline: copied by the worker
        segment = self.server.segment(LARGE)
        used = set()
        for _ in range(4):
            ((y,),) = self.call("write", [[segment.put(x)]])
            np.testing.assert_array_equal(y.value, x + 1)
            used.add(y.at[0])
            self.server.give_back(y.at[0])
        self.assertEqual(len(used), 1)

    def test_segments_beyond_the_limit_are_dropped(self):
        self.server.dropped.clear()
        x = np.zeros(24 << 20, np.uint8)
        segments = [self.server.segment(x.size) for _ in range(3)]
        results = self.call("write", [[s.put(x)] for s in segments])
        for (y,) in results:
            self.assertEqual(y.place, 1)
            self.server.give_back(y.at[0])
        self.server.synchronize()
        self.assertTrue(self.server.dropped)
        self.assertLessEqual(sum(map(len, self.server.theirs.values())), 64 << 20)

    def test_an_input_that_is_kept_is_released_when_it_goes(self):
        segment = self.server.segment(LARGE)
        self.server.released.clear()
        x = segment.put(np.ones(LARGE // 4, np.float32))
        self.assertEqual(self.values("keep", [[x]])[0][0], 1)
        self.server.synchronize()
        self.assertEqual(self.server.released, [])
        self.server.send(
            12, struct.pack("<I", segment.buffer)
        )  # DROP: the worker still has an array over it
        self.server.synchronize()
        self.assertEqual(self.values("keep", [[np.zeros(0)]])[0][0], 0)
        self.server.synchronize()
        self.assertEqual(self.server.released, [segment.buffer])

    def test_one_segment_for_two_inputs(self):
        segment = self.server.segment(LARGE)
        self.server.released.clear()
        x = segment.put(np.arange(LARGE // 4, dtype=np.int32))
        ((y,),) = self.call("two", [[x, x]])
        np.testing.assert_array_equal(y.value, 2 * x.values)
        self.server.synchronize()
        self.assertEqual(self.server.released, [segment.buffer])
        self.server.give_back(y.at[0])

    def test_small_tensors_in_segments(self):
        segment = self.server.segment(4096)
        values = np.arange(8, dtype=np.float32)
        segment.put(values)
        ((y,),) = self.call("echo", [[InSegment(segment.buffer, 8, values[2:4])]])
        np.testing.assert_array_equal(y.value, [2, 3])
        self.assertEqual(y.place, 0)

    def test_large_frames(self):
        instances = [[np.full(5000, i, np.int32)] for i in range(40)]  # 800 kB inline
        results = self.values("echo", instances)
        self.assertEqual([int(r[0][-1]) for r in results], list(range(40)))

    def test_no_instances(self):
        self.assertEqual(self.values("echo", []), [])
        self.assertEqual(self.values("batch3", []), [])

    def test_pings_between_calls(self):
        number = self.server.send_call([[np.int32(1)]], self.methods["echo"])
        self.server.send(PING, call=9)
        self.assertEqual(self.server.receive()[1], number)
        self.assertEqual(self.server.receive()[:2], (PONG, 9))

    def test_signals_are_the_servers(self):
        ((pid,),) = self.values("pid", [[np.int8(0)]])
        os.kill(int(pid), signal.SIGINT)
        os.kill(int(pid), signal.SIGTERM)
        self.assertEqual(int(self.values("pid", [[np.int8(0)]])[0][0]), int(pid))
        self.assertEqual(self.values("fork", [[np.int8(0)]]), [[["True"]]])


class LifeTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR"))
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def servable(self, config, name="sv"):
        (self.directory / name).mkdir()
        (self.directory / name / "servable_config.py").write_text(textwrap.dedent(config))

    def test_exit(self):
        self.servable(CONFIG)
        with FakeServer(self.directory, "sv") as server:
            server.start()
            server.send(EXIT)
            self.assertEqual(server.process.wait(60), 0)

    def test_exit_of_a_worker_that_only_describes(self):
        self.servable(CONFIG)
        with FakeServer(self.directory, "sv") as server:
            self.assertEqual(server.receive()[0], DESCRIBE)
            server.send(EXIT)
            self.assertEqual(server.process.wait(60), 0)

    def test_ends_when_the_socket_closes(self):
        self.servable(CONFIG)
        with FakeServer(self.directory, "sv") as server:
            server.start()
            server.socket.close()
            self.assertEqual(server.process.wait(60), 0)

    def test_ends_when_the_socket_closes_in_a_call(self):
        self.servable(CONFIG)
        with FakeServer(self.directory, "sv") as server:
            names = [m["name"] for m in server.start()["methods"]]
            server.send_call([[np.int8(1)]], names.index("block"))
            self.assertEqual(server.process.stderr.readline(), "blocked\n")
            server.socket.close()
            self.assertEqual(server.process.wait(60), 1)

    def test_malformed_frames_end_it(self):
        self.servable(CONFIG)
        call = struct.pack("<II", 0, 0)
        for frame in (
            struct.pack("<IIQ", 3, 6, 1),
            struct.pack("<IIQ", (1 << 30) + 1, 6, 1),
            struct.pack("<IIQ", 12, 99, 1),
            struct.pack("<IIQ", 24, BUFFER, 0) + struct.pack("<IQ", 9, 4096),
            struct.pack("<IIQ", 12 + 12, CALL, 1) + call + struct.pack("<I", 1),
            struct.pack("<IIQ", 12 + 12, CALL, 1) + struct.pack("<III", 999, 0, 0),
            struct.pack("<IIQ", 12 + 12 + 4 + 4 + 20, CALL, 1)
            + call
            + struct.pack("<IIBBBBIQQ", 1, 1, 43, 0, 0, 1, 77, 0, 4),
        ):
            with self.subTest(frame=frame), FakeServer(self.directory, "sv") as server:
                server.start()
                server.socket.sendall(frame)
                self.assertEqual(server.process.wait(60), 1)
                self.assertIn("mindspore_serving.worker: ", server.process.stderr.read())

    def failure(self, **hello):
        with FakeServer(self.directory, hello.pop("servable", "sv"), **hello) as server:
            kind, _, text = server.receive()
            self.assertEqual(kind, FAILED)
            self.assertEqual(server.process.wait(60), 1)
            return text.decode()

    def test_says_why_it_cannot_start(self):
        self.servable("x = 1\nraise ValueError('no luck')\n")
        text = self.failure()
        self.assertTrue(text.startswith("ValueError: no luck\n"), text)
        self.assertIn('servable_config.py", line 2', text)
        self.servable("def f(:\n", "broken")
        self.assertIn("SyntaxError", self.failure(servable="broken"))
        self.servable("import sys\nsys.exit(4)\n", "leaves")
        self.assertIn("SystemExit: 4", self.failure(servable="leaves"))
        self.assertIn("cannot be imported", self.failure(servable="missing"))
        self.servable("", "json")
        self.assertIn("has the name of a module", self.failure(servable="json"))

    def test_a_servable_may_be_called_like_an_installed_package(self):
        self.servable(
            """
            from mindspore_serving.server import register
            from .helper import value
            @register.register_method("y")
            def f(x):
                return register.add_stage(lambda x: value, x, outputs_count=1)
            """,
            "sqlite3",
        )
        (self.directory / "sqlite3" / "helper.py").write_text("value = 42\n")
        with FakeServer(self.directory, "sqlite3") as server:
            self.assertEqual(server.start()["methods"][0]["stages"][0]["name"], "sqlite3.<lambda>")
            self.assertEqual(server.values([[np.int8(0)]])[0][0], 42)


MODEL_CONFIG = """
import numpy as np
from mindspore_serving.server import register

model = register.declare_model(["a.mindir", "b.mindir"], "MindIR", with_batch_dim=False, without_batch_dim_inputs=0)
assert register.declare_model("c.mindir", "mindir") is not None

def call(x):
    return model.call(x, x)
def call_many(x):
    (a,), (b,) = model.call([[x, x], [x, x]], subgraph=1)
    return a + b
def call_bad(x):
    return model.call(x, subgraph=2)

@register.register_method("y")
def one(x):
    return register.add_stage(call, x, outputs_count=1)
@register.register_method("y")
def many(x):
    return register.add_stage(call_many, x, outputs_count=1)
@register.register_method("y")
def bad(x):
    return register.add_stage(call_bad, x, outputs_count=1)
"""


class ForwardTest(unittest.TestCase):
    """Model.call where the server runs the models."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR"))
        self.addCleanup(directory.cleanup)
        (pathlib.Path(directory.name) / "sv").mkdir()
        (pathlib.Path(directory.name) / "sv" / "servable_config.py").write_text(MODEL_CONFIG)
        self.server = FakeServer(pathlib.Path(directory.name), "sv", forward_model_calls=True)
        self.addCleanup(self.server.__exit__)
        self.description = self.server.start()

    def model_call(self):
        """Key, subgraph, session, instances and the call's id."""
        kind, call, payload = self.server.receive()
        self.assertEqual(kind, MODEL_CALL)
        (size,) = struct.unpack_from("<I", payload)
        key, at = payload[4 : 4 + size].decode(), 4 + size
        subgraph, session, count = struct.unpack_from("<III", payload, at)
        at += 12
        instances = []
        for _ in range(count):
            values, at = self.server.decode_instance(payload, at)
            instances.append(values)
        self.assertEqual((at, session), (len(payload), 0))
        return key, subgraph, instances, call

    def test_describes_models(self):
        models = self.description["models"]
        self.assertEqual([m["key"] for m in models], ["a.mindir;b.mindir", "c.mindir"])
        self.assertEqual(models[0]["files"], ["a.mindir", "b.mindir"])
        self.assertEqual(models[0]["without_batch_dim_inputs"], [0])
        self.assertFalse(models[0]["with_batch_dim"])
        self.assertEqual(models[1]["format"], "MindIR")
        self.assertEqual(
            models[1]["context"],
            {
                "thread_num": -1,
                "thread_affinity_core_list": [],
                "enable_parallel": -1,
                "devices": [],
            },
        )

    def test_one_and_many(self):
        number = self.server.send_call([[np.float32([1, 2])]], 0)
        key, subgraph, instances, call = self.model_call()
        self.assertEqual((key, subgraph), ("a.mindir;b.mindir", 0))
        self.assertEqual([[list(v.value) for v in i] for i in instances], [[[1, 2], [1, 2]]])
        self.server.send(PING, call=5)  # answered after the call
        good = struct.pack("<III", 0, 1, 0)
        self.server.send(MODEL_REPLY, good + encode_instances([[np.float32([2, 4])]])[4:], call)
        _, reply, payload = self.server.receive()
        self.assertEqual(reply, number)
        ((y,),) = self.server.decode_results(payload)[0]
        self.assertEqual(list(y.value), [2, 4])
        self.assertEqual(self.server.receive()[:2], (PONG, 5))

        self.server.send_call([[np.int32(3)]], 1)
        _, subgraph, instances, call = self.model_call()
        self.assertEqual((subgraph, len(instances)), (1, 2))
        one = struct.pack("<I", 0) + encode_instances([[np.int32(5)]])[4:]
        self.server.send(MODEL_REPLY, struct.pack("<II", 0, 2) + one + one, call)
        ((y,),) = self.server.decode_results(self.server.receive()[2])[0]
        self.assertEqual(y.value, 10)

    def test_large_tensors(self):
        segment = self.server.segment(LARGE)
        x = segment.put(np.arange(LARGE // 4, dtype=np.int32))
        self.server.send_call([[x]], 0)
        _, _, ((a, b),), call = self.model_call()
        self.assertEqual(
            (a.place, a.at, b.at), (2, (segment.buffer, 0, LARGE), (segment.buffer, 0, LARGE))
        )
        result = self.server.segment(LARGE)
        good = struct.pack("<III", 0, 1, 0)
        self.server.send(
            MODEL_REPLY, good + encode_instances([[result.put(x.values * 2)]])[4:], call
        )
        ((y,),) = self.server.decode_results(self.server.receive()[2])[0]
        self.assertEqual((y.place, y.at), (2, (result.buffer, 0, LARGE)))
        self.server.synchronize()
        self.assertEqual(sorted(self.server.released), [segment.buffer, result.buffer])

    def test_errors(self):
        head = "Call Function 'sv.call' Failed, method: 'one', stage index(begin with 1): 1, error msg: Model(a.mindir;b.mindir).call() failed: "
        self.server.send_call([[np.int32(3)]], 0)
        *_, call = self.model_call()
        self.server.send(MODEL_REPLY, struct.pack("<II", 14, 4) + b"gone", call)
        self.assertEqual(self.server.decode_results(self.server.receive()[2])[0], [head + "gone"])
        self.server.send_call([[np.int32(3)]], 0)
        *_, call = self.model_call()
        self.server.send(MODEL_REPLY, struct.pack("<IIII", 0, 1, 3, 3) + b"bad", call)
        self.assertEqual(self.server.decode_results(self.server.receive()[2])[0], [head + "bad"])
        (text,) = self.server.values([[np.int32(3)]], 2)
        self.assertTrue(
            text.endswith(
                "Model(a.mindir;b.mindir, subgraph=2).call() failed: The model does not have subgraph of index 2, the subgraph count of the model is 2"
            ),
            text,
        )


if __name__ == "__main__":
    unittest.main()
