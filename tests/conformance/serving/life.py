"""life.py: servers that lose workers, change servables and end, under load."""

import concurrent.futures
import contextlib
import os
import pathlib
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
import unittest

import grpc
import numpy as np
from mindspore_serving import client

import harness
from grpc_cases import PREDICT, X, instance, pb, predict, request
from harness import is_alive, wait_for

_MODELS = harness.LIBRARIES.parent / "tests" / "models" / "mindir"


class Load:
    """`threads` clients that send numbered requests one after another, until they are told to end."""

    def __init__(self, server, threads, servable="life", method="echo", make=None):
        self._make = make or (lambda number: instance(x=np.int64(number)))
        self._spec, self._server = (servable, method), server
        self._next, self._lock = 0, threading.Lock()
        self._ended = threading.Event()
        self.answers = queue.Queue()  # number, reply or RpcError
        self._pool = concurrent.futures.ThreadPoolExecutor(threads)
        self._calls = [self._pool.submit(self._run) for _ in range(threads)]

    def _run(self):
        with grpc.insecure_channel(self._server.grpc_address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
            call = channel.unary_unary(PREDICT, pb.PredictRequest.SerializeToString, pb.PredictReply.FromString)
            while not self._ended.is_set():
                with self._lock:
                    number = self._next
                    self._next += 1
                try:
                    answer = call(request(*self._spec, [self._make(number)]), timeout=60)
                except grpc.RpcError as e:
                    answer = e
                self.answers.put((number, answer))

    def wait(self, count):
        """Until `count` were answered."""
        wait_for(lambda: self.answers.qsize() >= count or any(c.done() for c in self._calls), f"{count} answers")

    def end(self):
        """number -> answer, of all that were sent."""
        self._ended.set()
        for call in self._calls:
            call.result()
        self._pool.shutdown()
        answers = list(self.answers.queue)
        by_number = dict(answers)
        assert len(by_number) == len(answers) == self._next, "one answer for each request"
        return by_number


def failures(answers):
    """Of Load.end: number -> text."""
    out = {}
    for number, answer in answers.items():
        if isinstance(answer, grpc.RpcError):
            out[number] = str(answer.code())
        elif answer.error_msg:
            out[number] = answer.error_msg[0].error_msg.decode()
    return out


def value(answer, name):
    return int(np.frombuffer(answer.instances[0].items[name].data, np.int64)[0])


class Workers(unittest.TestCase):
    def test_killed_under_load_with_two(self):
        """Another one does what the dead one did not answer: nothing is lost, and nothing answered twice."""
        with contextlib.ExitStack() as stack:
            log = stack.enter_context(harness.temporary()) / "log"
            server = stack.enter_context(harness.Server([{"name": "life", "workers": 2}], grpc={}, environment={"LIFE_LOG": str(log)}))
            load = Load(server, 8)
            kills = 6
            for kill in range(kills):
                load.wait(200 * (kill + 1))
                victim = min(server.children())
                os.kill(victim, signal.SIGKILL)
                # the new process is there, so that the server has counted the old one out; then it is ready
                wait_for(lambda v=victim: len(server.children() - {v}) == 2, "another process")
                wait_for(lambda: server.status()[0]["workers"] == 2, "another worker")
            load.wait(200 * (kills + 1))
            answers = load.end()
            self.assertEqual(failures(answers), {})
            for number, answer in answers.items():
                self.assertEqual(value(answer, "y"), number)
            # a request ran more than once only where its worker was killed
            runs = [int(line.split()[0]) for line in log.read_text().splitlines()]
            self.assertEqual(set(runs), set(answers))
            self.assertLessEqual(len(runs) - len(answers), kills)
            self.assertIn("mirin_worker_ends_total{", server.ask("metrics"))

    def test_killed_under_load_with_one(self):
        """The request in progress fails, those that wait are answered by the next worker."""
        with harness.Server(["life"], grpc={}) as server:
            (worker,) = server.children()
            gate = server.folder / "gate"
            with (
                client.Client(server.grpc_address, "life", "blocked") as blocked,
                client.Client(server.grpc_address, "life", "echo") as echo,
            ):
                call = blocked.infer_async({"path": str(gate)})
                wait_for(pathlib.Path(f"{gate}.started").exists, "the request in the worker")
                waiting = [echo.infer_async({"x": np.int64(i)}) for i in range(20)]
                wait_for(lambda: server.status()[0]["queued"] == 21, "the queue")
                start = time.monotonic()
                os.kill(worker, signal.SIGKILL)
                self.assertIn("is not available", str(call.result()))
                answers = [w.result()[0] for w in waiting]
                print(f"first answers {time.monotonic() - start:.3f} s after the kill")
                self.assertEqual([int(a["y"]) for a in answers], list(range(20)))
                self.assertNotIn(worker, {int(a["pid"]) for a in answers})

    def test_hang(self):
        """A stage that takes too long is ended with its worker."""
        with harness.Server(["life"], {"worker_call_timeout_seconds": 0.5}, grpc={}) as server:
            with (
                client.Client(server.grpc_address, "life", "blocked") as blocked,
                client.Client(server.grpc_address, "life", "echo") as echo,
            ):
                self.assertIn("error", blocked.infer({"path": str(server.folder / "never")}))
                self.assertEqual(echo.infer({"x": np.int64(5)})[0]["y"], 5)

    def test_processes_end_with_the_server(self):
        with harness.Server([{"name": "life", "workers": 3}, "pyfun"], grpc={}) as server:
            workers = server.children()
            self.assertEqual(len(workers), 4)
            self.assertEqual(server.stop(), 0)
            for worker in workers:
                self.assertFalse(is_alive(worker))
            self.assertEqual(list(server.cwd.iterdir()), [])

    def test_idle(self):
        """Nothing polls: context switches of an idle server and its workers are few. CPU time is printed."""
        with harness.Server(["life", "add"], grpc={}, http={}) as server:
            predict(server.grpc_address, request("life", "echo", [instance(x=np.int64(1))]))
            pids = [server.process.pid, *server.children()]

            def ticks():
                return sum(sum(map(int, pathlib.Path(f"/proc/{p}/stat").read_text().rpartition(")")[2].split()[11:13])) for p in pids)

            before = ticks()
            # what is measured is time that passes
            threading.Event().wait(2)
            print(f"idle: {(ticks() - before) / os.sysconf('SC_CLK_TCK') / 2 * 100:.1f} % of a core in {len(pids)} processes")
            self.assertTrue(all(map(is_alive, pids)))


class Changes(unittest.TestCase):
    def test_reload_under_load(self):
        """Models and workers are exchanged while 10,000 requests are answered."""
        with harness.Server(["life", {"name": "add", "version": 1}], grpc={}) as server:
            loads = [Load(server, 4), Load(server, 2, "add", "add_common", lambda number: instance(x1=X, x2=X))]
            reloads = 0

            def answered():
                return sum(load.answers.qsize() for load in loads)

            while answered() < 10000 or reloads < 3:
                server.add("life", {"name": "add", "version": 1})
                reloads += 1
                load_before = answered()
                wait_for(lambda: answered() > load_before + 100, "answers of the new ones")
            processes = set()
            for load in loads:
                answers = load.end()
                self.assertEqual(failures(answers), {})
                if load is loads[0]:
                    processes = {value(answer, "pid") for answer in answers.values()}
                else:
                    for answer in answers.values():
                        np.testing.assert_array_equal(np.frombuffer(answer.instances[0].items["y"].data, np.float32), (X + X).reshape(-1))
            self.assertGreaterEqual(len(processes), reloads)
            print(f"{answered()} requests over {reloads} reloads, none failed")
            wait_for(lambda: len(server.children()) == 2, "the end of the old workers")

    def test_a_bad_servable_changes_nothing(self):
        with harness.Server(["life"], grpc={}) as server:
            config = server.directory / "life" / "servable_config.py"
            good = config.read_text()
            config.write_text("raise ValueError('not today')\n")
            with self.assertRaisesRegex(harness.Refused, "not today"):
                server.add("life")
            reply = predict(server.grpc_address, request("life", "echo", [instance(x=np.int64(1))]))
            self.assertEqual(len(reply.error_msg), 0)
            config.write_text(good)
            server.add("life")

    def test_versions(self):
        """A version more, and one less, while the others answer."""
        with harness.Server([{"name": "add", "version": 1}], grpc={}) as server:

            def first(version=0):
                reply = predict(server.grpc_address, request("add", "add_common", [instance(x1=X, x2=X)], version))
                if reply.error_msg:
                    return reply.error_msg[0].error_msg.decode()
                return float(np.frombuffer(reply.instances[0].items["y"].data, np.float32)[0])

            self.assertEqual(first(), 2)
            server.add({"name": "add", "version": 2})
            self.assertEqual([first(), first(1), first(2)], [102, 2, 102])
            server.ask("remove", name="add", version=2)
            self.assertEqual([first(), first(1)], [2, 2])
            self.assertIn("not available", first(2))
            server.ask("remove", name="add")
            self.assertIn("not available", first())


class Ends(unittest.TestCase):
    def test_drain(self):
        """What is in progress is answered, new requests are refused, the exit code is 0."""
        with harness.Server(["life"], grpc={}, http={}) as server:
            gate = server.folder / "gate"
            with client.Client(server.grpc_address, "life", "blocked") as blocked:
                calls = [blocked.infer_async({"path": str(gate)})]
                wait_for(pathlib.Path(f"{gate}.started").exists, "the request in the worker")
                server.process.send_signal(signal.SIGTERM)

                def refused():
                    try:
                        reply = predict(server.grpc_address, request("life", "echo", [instance(x=np.int64(1))]), timeout=1)
                        return bool(reply.error_msg)
                    except grpc.RpcError as e:
                        return e.code() == grpc.StatusCode.UNAVAILABLE

                wait_for(refused, "a refused request")
                self.assertIsNone(server.process.poll())
                gate.touch()
                self.assertIn("pid", calls[0].result()[0])
            self.assertEqual(server.process.wait(60), 0)

    def test_a_drain_ends(self):
        """At its deadline, with a request that never would be answered."""
        with harness.Server(["life"], grpc={}) as server:
            gate = server.folder / "gate"
            with client.Client(server.grpc_address, "life", "blocked") as blocked:
                call = blocked.infer_async({"path": str(gate)})
                wait_for(pathlib.Path(f"{gate}.started").exists, "the request in the worker")
                (worker,) = server.children()
                self.assertEqual(server.stop(0.2), 0)
                with contextlib.suppress(grpc.RpcError):
                    self.assertIn("error", call.result())
            self.assertFalse(is_alive(worker))


class Encrypted(unittest.TestCase):
    """Models in MindSpore's container, with the key in the servable's options."""

    CIPHERS = {"tensor_add_gcm.mindir": 1, "tensor_add_cbc.mindir": 2}
    KEY = b"asdfasdfasdfasgwegw12310"  # of tests/models/manifest.json

    def serve(self, model, **options):
        server = harness.Server(grpc={})
        with contextlib.ExitStack() as stack:
            stack.enter_context(server)
            shutil.copyfile(_MODELS / model, server.directory / "add" / "1" / "tensor_add.mindir")
            server.add({"name": "add", "version": 1, **options})
            reply = predict(server.grpc_address, request("add", "add_common", [instance(x1=X, x2=X)]))
            self.assertEqual(len(reply.error_msg), 0, reply)
            np.testing.assert_array_equal(np.frombuffer(reply.instances[0].items["y"].data, np.float32), (X + X).reshape(-1))

    def test_right_key(self):
        for model, cipher in self.CIPHERS.items():
            with self.subTest(model):
                self.serve(model, key=self.KEY.hex(), cipher=cipher)

    def test_wrong_or_no_key(self):
        for model, cipher in self.CIPHERS.items():
            wrong = bytes(b ^ 1 for b in self.KEY).hex()
            for options in ({"key": wrong, "cipher": cipher}, {}, {"key": self.KEY.hex(), "cipher": 3 - cipher}):
                with self.subTest(model, **options), self.assertRaises(harness.Refused):
                    self.serve(model, **options)


class StartScript(unittest.TestCase):
    """A program over mindspore_serving.server, as users of the original have them."""

    SCRIPT = """
import sys
from mindspore_serving import server
port = sys.argv[1:]
server.start_servables([server.ServableStartConfig("servables", "life"), server.ServableStartConfig("servables", "add", version_number=1)])
server.start_grpc_server("127.0.0.1:" + port[0])
server.start_restful_server("127.0.0.1:" + port[1])
print("started", flush=True)
"""

    def test_runs_until_sigterm(self):
        with harness.temporary() as folder:
            harness.lay_out(folder / "servables")
            script = folder / "start.py"
            script.write_text(self.SCRIPT)
            cwd = folder / "cwd"
            cwd.mkdir()
            ports = harness.free_ports(2)
            process = subprocess.Popen(
                [sys.executable, str(script), *map(str, ports)], cwd=cwd, stdout=subprocess.PIPE, text=True, env=harness.environment()
            )
            try:
                lines = []
                for line in process.stdout:
                    lines.append(line.strip())
                    if lines[-1] == "started":
                        break
                self.assertIn(f"Serving: Serving gRPC server start success, listening on 127.0.0.1:{ports[0]}", lines)
                self.assertIn(f"Serving: Serving RESTful server start success, listening on 127.0.0.1:{ports[1]}", lines)
                with client.Client(f"127.0.0.1:{ports[0]}", "add", "add_common") as c:
                    np.testing.assert_array_equal(c.infer({"x1": X, "x2": X})[0]["y"], X + X)
                workers = harness.children(process.pid)
                self.assertEqual(len(workers), 2)
                process.send_signal(signal.SIGTERM)
                self.assertEqual(process.wait(60), 0)
                for worker in workers:
                    self.assertFalse(is_alive(worker))
                self.assertEqual(list(cwd.iterdir()), [])
            finally:
                process.kill()
                process.wait()
                process.stdout.close()


if __name__ == "__main__":
    unittest.main()
