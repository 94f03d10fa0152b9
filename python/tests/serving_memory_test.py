"""Large tensors in memory that the client and a server on its machine share."""

import asyncio
import contextlib
import gc
import io
import os
import pathlib
import tempfile
import threading
import unittest

import numpy as np
from mindspore_serving import server
from mindspore_serving.client import AsyncClient, Client
from mindspore_serving.client import _memory as memory

CONFIG = """
import numpy as np
from mindspore_serving.server import register

def echo(x):
    return x

def ones(n):
    return np.ones(int(n[0]), np.float32)

def sums(x):
    return x.sum(dtype=np.float64)

def slow(x):
    import time
    time.sleep(float(x[0]))
    return x

def one(function):
    def method(x):
        return register.add_stage(function, x, outputs_count=1)
    method.__name__ = function.__name__
    register.register_method("y")(method)

for function in (echo, ones, sums, slow):
    one(function)
"""
MIB = 1 << 20


def memories():
    """Descriptors of this process that are clients' memory."""
    count = 0
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            count += "memfd:mirin-client" in os.readlink(f"/proc/self/fd/{fd}")
    return count


class MemoryTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        servable = pathlib.Path(cls.folder.name, "big")
        servable.mkdir()
        (servable / "servable_config.py").write_text(CONFIG)
        cls.start()
        cls.addClassCleanup(server.stop)

    @classmethod
    def start(cls):
        with contextlib.redirect_stdout(io.StringIO()):
            server.start_servables(server.ServableStartConfig(cls.folder.name, "big"))
            cls.address = f"unix:{cls.folder.name}/socket"
            server.start_grpc_server(cls.address)

    def client(self, method="echo", **kwargs):
        client = Client(self.address, "big", method, **kwargs)
        self.addCleanup(client.close)
        return client

    def assert_shared(self, array, shared=True):
        """The array lies in shared memory, or not."""
        base = array
        while isinstance(base, np.ndarray) and base.base is not None:
            base = base.base
        self.assertEqual("mmap" in repr(getattr(base, "obj", base)), shared, repr(base))

    def test_large_arrays_come_by_memory(self):
        client = self.client()
        for dtype in (np.uint8, np.float16, np.float32, np.int64):
            x = np.arange(MIB).astype(dtype).reshape(4, -1)
            for _ in range(3):
                y = client.infer({"x": x})[0]["y"]
                np.testing.assert_array_equal(y, x)
                self.assertEqual(y.dtype, x.dtype)
                self.assertFalse(y.flags.writeable)
                self.assert_shared(y)

    def test_any_layout_and_many_instances(self):
        client = self.client()
        x = np.arange(MIB, dtype=np.float32).reshape(1024, 1024)
        sent = [x, x.T, x[::2, ::3], x.astype(">f4"), np.float32([[1, 2]])]
        results = client.infer([{"x": value} for value in sent])
        for value, result in zip(sent, results):
            np.testing.assert_array_equal(result["y"], value)
        self.assert_shared(results[0]["y"])
        self.assert_shared(results[-1]["y"], False)

    def test_small_requests_with_large_answers(self):
        client = self.client("ones")
        for i in range(3):
            y = client.infer({"x": np.int64([MIB])})[0]["y"]
            self.assertEqual(y.sum(), MIB)
            self.assert_shared(y, i > 0)  # from when on the client knows

    def test_results_that_grow(self):
        client = self.client("ones")
        for n in (MIB, 4 * MIB, 4 * MIB, 16, MIB):
            y = client.infer({"x": np.int64([n])})[0]["y"]
            self.assertEqual(y.sum(), n)

    def test_results_stay_while_somebody_has_them(self):
        client = self.client()
        kept = [client.infer({"x": np.full(MIB, i, np.uint8)})[0]["y"] for i in range(8)]
        self.assertEqual([int(y[0]) for y in kept], list(range(8)))
        self.assertEqual([int(y[-1]) for y in kept], list(range(8)))
        part = kept[3][5:7]
        del kept
        for _ in range(8):
            client.infer({"x": np.full(MIB, 77, np.uint8)})
        np.testing.assert_array_equal(part, [3, 3])

    def test_memory_is_used_again(self):
        client = self.client("sums")
        gc.collect()
        before = memories()
        for i in range(50):
            x = np.full(MIB, i, np.uint8)
            self.assertEqual(float(client.infer({"x": x})[0]["y"]), float(i) * MIB)
        self.assertEqual(memories(), before + 1)
        client.close()
        self.doCleanups()
        del client
        self.assertEqual(memories(), before)

    def test_more_than_there_may_be(self):
        client = self.client()
        limits = memory._MOST_BYTES, memory._MOST_IDLE_BYTES
        memory._MOST_BYTES, memory._MOST_IDLE_BYTES = 8 * MIB, 4 * MIB
        try:
            kept = [client.infer({"x": np.full(MIB, i, np.uint8)})[0]["y"] for i in range(6)]
            self.assertEqual([int(y[9]) for y in kept], list(range(6)))
            self.assert_shared(kept[0])
            self.assert_shared(kept[-1], False)
            kept.clear()
            self.assert_shared(client.infer({"x": np.ones(MIB, np.uint8)})[0]["y"])
        finally:
            memory._MOST_BYTES, memory._MOST_IDLE_BYTES = limits

    def test_threads(self):
        client = self.client()
        wrong = []

        def run(seed):
            for i in range(20):
                x = np.full((i + 1) * 100_000, seed * 20 + i, np.int32)
                y = client.infer({"x": x})[0]["y"]
                if not np.array_equal(x, y):
                    wrong.append((seed, i))

        threads = [threading.Thread(target=run, args=(seed,)) for seed in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_futures(self):
        client = self.client()
        sent = [np.full(MIB, i, np.uint8) for i in range(4)]
        futures = [client.infer_async({"x": x}) for x in sent]
        for x, future in zip(sent, futures):
            results = future.result()
            self.assertIs(future.result(), results)
            np.testing.assert_array_equal(results[0]["y"], x)
            self.assert_shared(results[0]["y"])

    def test_what_is_given_up_is_not_used_again(self):
        client = self.client("slow", timeout=0.2)
        x = np.full(MIB, 0.1, np.float32)
        late = np.full(MIB, 1, np.float32)
        np.testing.assert_array_equal(client.infer({"x": x}, timeout=60)[0]["y"], x)
        for _ in range(3):
            self.assertIn("Deadline Exceeded", client.infer({"x": late})["error"])
        client.infer_async({"x": late}, timeout=60).cancel()
        for i in range(5):
            x = np.full(MIB, i / 1e3, np.float32)
            np.testing.assert_array_equal(client.infer({"x": x}, timeout=60)[0]["y"], x)

    def test_asyncio(self):
        async def run():
            async with AsyncClient(self.address, "big", "echo", timeout=60) as client:
                sent = [np.full(MIB, i, np.uint8) for i in range(4)]
                results = await asyncio.gather(*(client.infer({"x": x}) for x in sent))
                for x, result in zip(sent, results):
                    np.testing.assert_array_equal(result[0]["y"], x)
                    self.assert_shared(result[0]["y"])

        asyncio.run(run())

    def test_can_be_switched_off(self):
        y = self.client(shared_memory=False).infer({"x": np.ones(MIB, np.uint8)})[0]["y"]
        self.assert_shared(y, False)

    def test_wrong_inputs_leave_nothing(self):
        client = self.client()
        for _ in range(5):
            with self.assertRaisesRegex(RuntimeError, "Not support value type"):
                client.infer({"x": np.ones(MIB, np.uint8), "z": object()})
        self.assertIn("error", client.infer({"z": np.ones(MIB, np.uint8)}))
        np.testing.assert_array_equal(client.infer({"x": np.ones(MIB)})[0]["y"], np.ones(MIB))

    def test_after_a_restart_of_the_server(self):
        client = self.client()
        x = np.arange(MIB, dtype=np.float32)
        kept = client.infer({"x": x})[0]["y"]
        self.assert_shared(kept)
        del kept
        server.stop()
        self.start()
        for i in range(3):
            result = client.infer({"x": x + i})
            while "error" in result and "UNAVAILABLE" in str(result) or "Grpc Error" in str(result):
                result = client.infer({"x": x + i})
            np.testing.assert_array_equal(result[0]["y"], x + i)
        self.assert_shared(result[0]["y"])

    def test_a_child_does_not_write_into_its_parents_memory(self):
        pool = memory.Pool(self.fail)
        lease = pool.take(MIB)
        lease.key = "k"
        lease.end()
        child = os.fork()
        if child == 0:
            os._exit(0 if pool.take(MIB).key == "" else 1)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertEqual(pool.take(MIB).key, "k")

    def test_local_addresses(self):
        for address in ("unix:/s", "localhost:1", "127.0.0.1:1", "127.3.4.5:1", "[::1]:80"):
            self.assertTrue(memory.is_local(address), address)
        for address in ("10.0.0.1:5500", "server:5500", "[fe80::1]:80", "localhost", ""):
            self.assertFalse(memory.is_local(address), address)


if __name__ == "__main__":
    unittest.main()
