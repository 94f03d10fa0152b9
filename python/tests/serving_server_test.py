"""Starting and stopping, against a native module of the test's own: arguments, texts, signals, exits."""

import contextlib
import io
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import types
import unittest
from unittest import mock

import mindspore_serving
from mindspore_serving import log, server
from mindspore_serving.server import _server, master, register

CERTIFICATES = pathlib.Path(__file__).parent / "certificates"
ERROR = "Raise failed: Serving Error: "


class Native(types.ModuleType):
    """Keeps what it is asked for; fails with `error` (code, message) where that is set."""

    def __init__(self):
        super().__init__("_server")
        self.calls = []
        self.error = None
        self.stopped = threading.Event()
        self.names = []

    def set_error_factory(self, factory):
        self.factory = factory

    def _call(self, name, *args):
        self.calls.append((name, *args))
        if self.error is not None and name in ("add", "listen"):
            raise self.factory(3, *self.error)

    def server_create(self):
        self.stopped.clear()
        return object()

    def server_set(self, server, name, value):
        self._call("set", name, value)

    def server_add(self, server, servables):
        self._call("add", servables)
        self.names = [s[1] for s in servables]

    def server_listen(self, server, *args):
        self._call("listen", *args)
        return 1

    def server_wait(self, server):
        self.stopped.wait()

    def server_stop(self, server, drain_us):
        self._call("stop", drain_us)
        self.stopped.set()

    def server_status(self, server):
        return str([{"name": n, "version": 7} for n in self.names]).replace("'", '"')


class ServerTest(unittest.TestCase):
    def setUp(self):
        self.native = Native()
        lite = types.ModuleType("mindspore_lite")
        lite.__file__ = "/site/mindspore_lite/__init__.py"
        lite._capi = mock.Mock(
            mirin_device_count=lambda: 2, mirin_device_name=["cpu", "reference"].__getitem__
        )
        modules = {"mindspore_serving._server": self.native, "mindspore_lite": lite}
        patches = [
            mock.patch.dict(sys.modules, modules),
            mock.patch.object(mindspore_serving, "_server", self.native, create=True),
        ]
        for patch in patches:
            patch.start()
            self.addCleanup(patch.stop)
        self.addCleanup(server.stop)
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        for name in ("add", "other"):
            for version in ("1", "3", "007", "x"):
                os.makedirs(os.path.join(self.directory, name, version))
            (pathlib.Path(self.directory) / name / "servable_config.py").touch()

    def fails(self, text, function, *args, **kwargs):
        output = io.StringIO()
        with contextlib.redirect_stdout(output), self.assertRaises(RuntimeError) as raised:
            function(*args, **kwargs)
        self.assertEqual(str(raised.exception), text)
        self.assertEqual(output.getvalue(), "")

    def printed(self, function, *args, **kwargs):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            function(*args, **kwargs)
        return output.getvalue()

    def config(self, name="add", **kwargs):
        return server.ServableStartConfig(self.directory, name, **kwargs)

    def added(self, *configs):
        """The last add's servables, as dicts."""
        self.printed(server.start_servables, list(configs))
        call = next(c for c in reversed(self.native.calls) if c[0] == "add")
        fields = (
            "directory",
            "name",
            "version",
            "device_ids",
            "device_type",
            "workers",
            "key",
            "cipher",
        )
        return [dict(zip(fields, s)) for s in call[1]]

    def test_config_errors(self):
        good = {"servable_directory": self.directory, "servable_name": "a"}
        for change, text in (
            (
                {"servable_directory": 1},
                "Parameter 'servable_directory' should be str, but actually <class 'int'>",
            ),
            ({"servable_directory": ""}, "Parameter 'servable_directory' should not be empty str"),
            ({"servable_name": ""}, "Parameter 'servable_name' should not be empty str"),
            ({"version_number": -1}, "Parameter 'version_number' should be >= 0"),
            (
                {"version_number": "1"},
                "Parameter 'version_number' should be int, but actually <class 'str'>",
            ),
            (
                {"version_number": True},
                "Parameter 'version_number' should be int, but actually <class 'bool'>",
            ),
            (
                {"device_ids": "0"},
                "Parameter 'device_ids' should be int or tuple/list of int, but actually <class 'str'>",
            ),
            (
                {"device_ids": (0, 0)},
                "The item value '0' in parameter 'device_ids' should not be repeated",
            ),
            ({"device_ids": -1}, "The item value '-1' in parameter 'device_ids' should be >= 0"),
            (
                {"device_ids": True},
                "The item value 'True' in parameter 'device_ids' should be int, but actually <class 'bool'>",
            ),
            (
                {"num_parallel_workers": 65},
                "Parameter 'num_parallel_workers' should be in range [0,64]",
            ),
            (
                {"num_parallel_workers": -1},
                "Parameter 'num_parallel_workers' should be in range [0,64]",
            ),
            (
                {"dec_key": "a" * 16},
                "Parameter 'dec_key' should be bytes, but actually <class 'str'>",
            ),
            ({"dec_key": b""}, "Parameter 'dec_key' should not be empty bytes"),
            ({"dec_key": b"x" * 15}, "Parameter 'dec_key' length 15 expected to be 16, 24 or 32"),
            ({"dec_mode": "AES"}, "Parameter 'dec_mode' expected to be 'AES-GCM' or 'AES-CBC'"),
            (
                {"device_type": "xpu"},
                "Unsupported device type 'xpu', only support 'Ascend', 'GPU', 'CPU' and None, case ignored",
            ),
            (
                {"device_type": 3},
                "Parameter 'device_type' should be str, but actually <class 'int'>",
            ),
        ):
            self.fails(text, server.ServableStartConfig, **{**good, **change})

    def test_config_values(self):
        names = (
            "device_ids",
            "version_number",
            "device_type",
            "num_parallel_workers",
            "dec_key",
            "dec_mode",
        )
        config = self.config(device_ids=0)
        self.assertEqual([getattr(config, n) for n in names], [(0,), 0, "none", 0, None, "AES-GCM"])
        self.assertEqual((config.servable_directory, config.servable_name), (self.directory, "add"))
        config = self.config(device_type="CPU")
        self.assertEqual([getattr(config, n) for n in names], [(), 0, "cpu", 1, None, "AES-GCM"])
        with mock.patch.object(sys, "argv", ["/srv/run/start.py"]):
            self.assertEqual(server.ServableStartConfig("a", "b").servable_directory, "/srv/run/a")

    def test_servables_errors(self):
        start = server.start_servables
        self.fails(
            "Parameter 'None' should be ServableStartConfig, list or tuple of ServableStartConfig, but actually <class 'NoneType'>",
            start,
            None,
        )
        self.fails(
            "The item of parameter '[1]' should be ServableStartConfig, but actually <class 'int'>",
            start,
            [1],
        )
        self.fails(
            "Parameter 'enable_lite' should be bool, but actually <class 'int'>", start, [], 1
        )
        self.fails(
            f"The servable directory of servable name add is different in multiple configurations, servable directory: /tmp and {self.directory}",
            start,
            [server.ServableStartConfig("/tmp", "add"), self.config()],
        )
        self.fails(
            "The dec key or dec mode of servable name add is different in multiple configurations.",
            start,
            [self.config(dec_key=b"x" * 16), self.config(dec_key=b"y" * 16)],
        )
        self.fails(
            "The device type 'gpu' of servable name add is inconsistent with current running environment, supported device type: None or 'Cpu'",
            start,
            self.config(device_type="GPU"),
        )
        self.fails(
            f"Check servable config failed, directory '{self.directory}/none' not exist, servable directory '{self.directory}', servable name 'none'",
            start,
            self.config("none"),
        )
        for name in ("..", "add/1"):
            self.assertRaisesRegex(
                RuntimeError, "^Check servable config failed, directory", start, self.config(name)
            )
        os.mkdir(f"{self.directory}/empty")
        self.fails(
            f"Check servable config failed, file '{self.directory}/empty/servable_config.py' not exist, servable directory '{self.directory}', servable name 'empty'",
            start,
            self.config("empty"),
        )
        self.assertEqual(self.native.calls, [])

    def test_servables_are_merged(self):
        first, second, third = self.added(
            self.config(device_ids=(0, 1), num_parallel_workers=1),
            self.config(version_number=3, device_ids=(1, 2), num_parallel_workers=5),
            self.config(version_number=1, device_type="cpu"),
            self.config("other", device_ids=4, dec_key=b"k" * 24, dec_mode="AES-CBC"),
        )
        self.assertEqual(
            first,
            {
                "directory": self.directory,
                "name": "add",
                "version": 3,
                "device_ids": [0, 1, 2],
                "device_type": "none",
                "workers": 5,
                "key": None,
                "cipher": 0,
            },
        )
        self.assertEqual(
            (second["version"], second["workers"], second["device_type"]), (1, 1, "cpu")
        )
        self.assertEqual(
            (third["version"], third["workers"], third["key"], third["cipher"]),
            (3, 1, b"k" * 24, 2),
        )

    def test_starts_once_and_again_after_stop(self):
        text = self.printed(server.start_servables, self.config())
        self.assertRegex(text, r"^Serving: Master server start success, ")
        self.assertIn(
            f"\nServing: Start servable success, servable directory: '{self.directory}', servable name: 'add', version number: 7\n",
            text,
        )
        self.fails(ERROR + "Master gRPC server is already running", server.start_servables, [])
        server.stop()
        server.stop()
        self.assertEqual([c for c in self.native.calls if c[0] == "stop"], [("stop", 10_000_000)])
        self.printed(server.start_servables, [])
        server.stop(0.5)
        self.assertEqual(self.native.calls[-1], ("stop", 500_000))

    def test_the_server_is_told_where_python_is(self):
        self.printed(server.start_servables, [])
        options = {c[1]: c[2] for c in self.native.calls if c[0] == "set"}
        self.assertEqual(options["python"], sys.executable)
        here = os.path.dirname(os.path.dirname(os.path.abspath(mindspore_serving.__file__)))
        self.assertEqual(options["python_path"], f"{here}:/site")

    def test_failing_servables(self):
        self.native.error = ("FAILED_PRECONDITION", "servable_config.py raised")
        self.fails(
            "Fail to start workers: servable_config.py raised",
            server.start_servables,
            self.config(),
        )
        self.assertTrue(self.native.stopped.is_set())  # nothing else ran
        self.assertFalse([t for t in threading.enumerate() if t.name == "mindspore_serving"])

    def test_errors_leave_what_runs(self):
        text = self.printed(server.start_grpc_server, "127.0.0.1:5500")
        self.assertEqual(
            text, "Serving: Serving gRPC server start success, listening on 127.0.0.1:5500\n"
        )
        self.fails(
            ERROR + "Serving gRPC server is already running",
            server.start_grpc_server,
            "127.0.0.1:5501",
        )
        self.native.error = ("UNAVAILABLE", "no luck")
        self.fails(ERROR + "no luck", server.start_restful_server, "127.0.0.1:1500")
        self.fails("Fail to start workers: no luck", server.start_servables, self.config())
        self.assertFalse(self.native.stopped.is_set())
        self.native.error = None
        text = self.printed(server.start_restful_server, "127.0.0.1:1500", 512)
        self.assertEqual(
            text, "Serving: Serving RESTful server start success, listening on 127.0.0.1:1500\n"
        )
        self.assertEqual(
            self.native.calls[-1], ("listen", False, "127.0.0.1:1500", 512 << 20, None, None, None)
        )
        self.fails(
            ERROR + "RESTful server is already running",
            server.start_restful_server,
            "127.0.0.1:1501",
        )

    def test_face_errors(self):
        for start, kind, tag in (
            (server.start_grpc_server, "type", "Serving gRPC"),
            (server.start_restful_server, "class", "RESTful server"),
        ):
            self.fails("Parameter 'address' should not be empty str", start, "")
            self.fails("Parameter 'address' should be str, but actually <class 'int'>", start, 5)
            for size in (0, 513):
                self.fails(
                    "Parameter 'max_msg_mb_size' should be in range [1,512]", start, "a:1", size
                )
            for size in ("1", True, 1.5):
                self.fails(
                    f"Parameter 'max_msg_mb_size' should be int, but actually {type(size)}",
                    start,
                    "a:1",
                    size,
                )
            self.fails(
                f"The type of ssl_config should be {kind} of SSLConfig", start, "a:1", ssl_config=1
            )
            self.fails(
                ERROR
                + f"The port of the {tag} address '127.0.0.1:0' is out of legal range [1 ~ 65535]",
                start,
                "127.0.0.1:0",
            )
        self.assertEqual(self.native.calls, [])

    def test_tls(self):
        names = [str(CERTIFICATES / n) for n in ("server.pem", "server.key", "ca.pem")]
        config = server.SSLConfig(*names, verify_client=True)
        self.printed(server.start_grpc_server, "127.0.0.1:5500", 100, config)
        texts = tuple(pathlib.Path(n).read_text() for n in names)
        self.assertEqual(self.native.calls[-1][-3:], texts)
        self.printed(
            server.start_restful_server,
            "127.0.0.1:1500",
            100,
            server.SSLConfig(*names[:2], "/no/ca"),
        )
        self.assertEqual(self.native.calls[-1][-3:], (*texts[:2], None))

    def test_tls_errors(self):
        pem, key = str(CERTIFICATES / "server.pem"), str(CERTIFICATES / "client.key")
        grpc, rest = server.start_grpc_server, server.start_restful_server
        self.fails(
            "Parameter 'certificate' should be str, but actually <class 'NoneType'>",
            server.SSLConfig,
            None,
            key,
        )
        self.fails(
            "Parameter 'custom_ca' should be str, but actually <class 'NoneType'>",
            server.SSLConfig,
            pem,
            key,
            verify_client=True,
        )
        self.fails(
            "Parameter 'verify_client' should be bool, but actually <class 'int'>",
            server.SSLConfig,
            pem,
            key,
            verify_client=1,
        )
        with self.assertRaises(FileNotFoundError):
            grpc("a:1", ssl_config=server.SSLConfig("/no/a", key))
        self.fails(
            ERROR + "load certificate_chain from /no/a failed",
            rest,
            "a:1",
            ssl_config=server.SSLConfig("/no/a", key),
        )
        self.fails(
            ERROR + "load private_key from /no/a failed",
            rest,
            "a:1",
            ssl_config=server.SSLConfig(pem, "/no/a"),
        )
        self.fails(
            ERROR + "load root certificate from /no/a failed",
            rest,
            "a:1",
            ssl_config=server.SSLConfig(pem, key, "/no/a", True),
        )
        mismatch = server.SSLConfig(pem, key)
        self.fails(
            ERROR + "Serving gRPC server start failed, create server failed, address a:1",
            grpc,
            "a:1",
            ssl_config=mismatch,
        )
        self.fails(ERROR + f"load private_key from {key} failed", rest, "a:1", ssl_config=mismatch)

    def test_max_enqueued_requests(self):
        master.context.set_max_enqueued_requests(5)
        self.addCleanup(setattr, _server._state, "max_queue", None)
        self.fails(
            "Parameter 'max_enqueued_requests' should be >= 1",
            master.context.set_max_enqueued_requests,
            0,
        )
        self.printed(server.start_servables, [])
        self.assertIn(("set", "max_queue", "5"), self.native.calls)

    def test_names(self):
        for name in (*register.__all__, "start_servable", "startup_agents"):
            self.assertIn(name, server.__all__)
        for name in server.__all__:
            self.assertTrue(hasattr(server, name), name)
        self.assertIs(server.declare_servable, register.declare_servable)


class LogTest(unittest.TestCase):
    def log(self, **variables):
        names = ("GLOG_v", "GLOG_logtostderr", "GLOG_log_dir", "GLOG_stderrthreshold")
        clean = {k: v for k, v in os.environ.items() if k not in names}
        for patch in (
            mock.patch.dict(os.environ, {**clean, **variables}, clear=True),
            mock.patch.object(log, "_logger", None),
            mock.patch("sys.stderr", io.StringIO()),
        ):
            patch.start()
            self.addCleanup(patch.stop)

    def test_variables(self):
        self.log()
        self.assertEqual(
            (log.get_level(), log.get_log_config()), ("2", {"GLOG_v": "2", "GLOG_logtostderr": "1"})
        )
        for variables in (
            {"GLOG_v": "5"},
            {"GLOG_logtostderr": "2"},
            {"GLOG_logtostderr": "0"},
            {"GLOG_stderrthreshold": "x"},
            {"GLOG_logtostderr": "0", "GLOG_log_dir": "x", "logger_maxBytes": "-1"},
        ):
            self.log(**variables)
            with self.assertRaises(ValueError):
                log.get_log_config()

    def test_levels(self):
        self.log(GLOG_v="1")
        log.debug("no")
        log.info("one %d", 1)
        log.error("two", exc_info=ValueError("three"))
        lines = sys.stderr.getvalue().splitlines()
        self.assertRegex(lines[0], r"^\[INFO\] SERVING\(.*serving_server_test.py:\d+\] one 1$")
        self.assertEqual(lines[2], "ValueError: three")

    def test_files(self):
        with tempfile.TemporaryDirectory() as directory:
            self.log(GLOG_logtostderr="0", GLOG_log_dir=directory, GLOG_stderrthreshold="3")
            log.warning("here")
            for handler in log._logger.handlers:
                handler.close()
            (file,) = pathlib.Path(directory).iterdir()
            self.assertEqual(file.name, f"mindspore_serving.log.{os.getpid()}")
            self.assertTrue(file.read_text().endswith("] here\n"))
            self.assertEqual(sys.stderr.getvalue(), "")


SCRIPT = """
import os, signal, sys, threading, types
signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever started the test
sys.path[:0] = {paths}
import serving_server_test as test
import mindspore_serving
native = test.Native()
lite = types.ModuleType("mindspore_lite")
lite.__file__ = "/site/mindspore_lite/__init__.py"
lite._capi = types.SimpleNamespace(mirin_device_count=lambda: 0)
sys.modules["mindspore_lite"] = lite
sys.modules["mindspore_serving._server"] = mindspore_serving._server = native
stop = native.server_stop
def say(*args):
    os.write(1, b"stopping\\n")  # print may be what the signal came in
    stop(*args)
native.server_stop = say
def ready():
    os.write(1, b"ready\\n")
from mindspore_serving import server
"""


class ProcessTest(unittest.TestCase):
    """How programs end."""

    maxDiff = None

    def run_script(self, body, number=None):
        script = SCRIPT.format(paths=sys.path) + textwrap.dedent(body)
        process = subprocess.Popen(
            [sys.executable, "-c", script],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        if number is not None:
            while process.stdout.readline() not in ("ready\n", ""):
                pass
            process.send_signal(number)
        output = process.stdout.read()
        error = process.stderr.read()
        return process.wait(60), output, error

    def test_signals_drain_and_end_it_with_0(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            for body in (
                "server.start_servables([])\nready()",
                "server.start_servables([])\nready()\nthreading.Event().wait()",
                # while servables are loaded
                "native.server_add = lambda *a: (ready(), native.stopped.wait())\nserver.start_servables([])",
            ):
                with self.subTest(number=number, body=body):
                    status, output, error = self.run_script(body, number)
                    self.assertEqual((status, error), (0, ""))
                    self.assertIn("stopping\n", output)

    def test_stop_ends_it(self):
        self.assertEqual(self.run_script("server.start_servables([])\nserver.stop()")[0], 0)

    def test_an_exception_ends_it(self):
        status, output, error = self.run_script(
            "server.start_servables([])\nraise ValueError('no luck')"
        )
        self.assertEqual(status, 1)
        self.assertIn("stopping\n", output)
        self.assertIn("ValueError: no luck", error)

    def test_signals_after_stop_are_the_programs(self):
        body = "server.start_servables([])\nserver.stop()\nready()\nthreading.Event().wait()"
        self.assertEqual(self.run_script(body, signal.SIGTERM)[0], -signal.SIGTERM)
        status, _, error = self.run_script(body, signal.SIGINT)
        self.assertNotEqual(status, 0)
        self.assertIn("KeyboardInterrupt", error)


if __name__ == "__main__":
    unittest.main()
