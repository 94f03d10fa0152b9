"""Servers for the tests: one process each, in an empty folder of its own, over the servables and models beside this file."""

import contextlib
import http.client
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

# Bazel starts tests, and what it runs, in the folder of their files; Python would follow this file's link out of it.
_ROOT = pathlib.Path.cwd()
HERE = _ROOT / "tests" / "conformance" / "serving"
_MODELS = _ROOT / "tests" / "models" / "mindir"
LIBRARIES = _ROOT / "c_api"

# of each servable: version, name in its folder, model
FILES = {
    "add": [
        (1, "tensor_add.mindir", _MODELS / "tensor_add.mindir"),
        (2, "tensor_add.mindir", HERE / "models" / "add_100.mindir"),
    ],
    "add_sub": [
        (1, "tensor_add.mindir", _MODELS / "tensor_add.mindir"),
        (1, "tensor_sub.mindir", _MODELS / "tensor_sub.mindir"),
    ],
    "bs": [(1, "batch_add.mindir", HERE / "models" / "batch_add.mindir")],
    "nb": [(1, "shared_add.mindir", HERE / "models" / "shared_add.mindir")],
    "open": [(1, "open_add.mindir", HERE / "models" / "open_add.mindir")],
    "pyfun": [],
    "life": [],
}


def lay_out(folder, names=tuple(FILES)):
    """Copies servables to `folder`."""
    for name in names:
        target = pathlib.Path(folder, name)
        target.mkdir(parents=True)
        config = HERE / "servables" / name / "servable_config.py"
        if config.exists():
            shutil.copyfile(config, target / config.name)
        for version, file, model in FILES[name]:
            (target / str(version)).mkdir(exist_ok=True)
            shutil.copyfile(model, target / str(version) / file)


@contextlib.contextmanager
def temporary():
    with tempfile.TemporaryDirectory() as folder:
        yield pathlib.Path(folder)


def environment(**more):
    """Of a process that finds the modules this one finds."""
    paths = os.pathsep.join(p for p in sys.path if p)
    return {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", **more}


def free_ports(count):
    """For servers that cannot say which port they took."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]


def tls(name):
    """PEM text."""
    return (HERE / "tls" / (name + ".pem")).read_text()


def tls_path(name):
    return str(HERE / "tls" / (name + ".pem"))


class Refused(Exception):
    """What the C API answered: code, text."""


class Server:
    """A context: `servables` are loaded, `grpc` and `http` listen (None: not). Ports are in `grpc_port` and `http_port`. With
    `repository` clients may load the others by name.
    """

    def __init__(self, servables=(), options=None, grpc=None, http=None, environment=None, repository=False):
        self._servables, self._options = servables, options or {}
        self._repository = repository
        self._faces = {"grpc": grpc, "http": http}
        self._environment = environment or {}
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        with self._stack:
            self.folder = pathlib.Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
            self.cwd = self.folder / "cwd"
            self.cwd.mkdir()
            self.directory = self.folder / "servables"
            lay_out(self.directory)
            self.errors = open(self.folder / "stderr", "w+b")
            self._stack.callback(self.errors.close)
            self.process = subprocess.Popen(
                [sys.executable, str(HERE / "serve.py"), str(LIBRARIES)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.errors,
                cwd=self.cwd,
                text=True,
                env=environment(**self._environment),
            )
            self._stack.callback(self._end)
            self.set("python", sys.executable)
            if self._repository:
                self.set("repository", str(self.directory))
            for name, value in self._options.items():
                self.set(name, value)
            if self._servables:
                self.add(*self._servables)
            for face, options in self._faces.items():
                if options is not None:
                    setattr(self, face + "_port", self.listen(face, **options))
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *error):
        if error[0] is not None:
            sys.stderr.write(self.stderr()[-4000:])
        self._stack.close()

    @property
    def grpc_address(self):
        return f"127.0.0.1:{self.grpc_port}"

    @property
    def http_address(self):
        return f"127.0.0.1:{self.http_port}"

    def stderr(self):
        self.errors.flush()
        return (self.folder / "stderr").read_text(errors="replace")

    def ask(self, do, **given):
        self.process.stdin.write(json.dumps({"do": do, **given}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the server is gone ({self.process.wait()}): {self.stderr()[-4000:]}")
        answer = json.loads(line)
        if "error" in answer:
            raise Refused(*answer["error"])
        return answer["ok"]

    def set(self, name, value):
        self.ask("set", name=name, value=value)

    def add(self, *servables):
        """Names, or options with a name."""
        given = [{"name": s} if isinstance(s, str) else s for s in servables]
        self.ask("add", servables=[{"directory": str(self.directory), **s} for s in given])

    def listen(self, face, address="127.0.0.1:0", **options):
        return self.ask(face, address=address, **options)

    def status(self):
        return self.ask("status")

    def stop(self, seconds=0):
        """Stops by the C API: the exit code."""
        self.process.stdin.write(json.dumps({"do": "stop", "seconds": seconds}) + "\n")
        self.process.stdin.flush()
        return self.process.wait(60)

    def _end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def connect(self, timeout=60):
        return http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=timeout)

    def children(self):
        """Process ids of workers."""
        return children(self.process.pid)

    def rss(self):
        """Of the server alone, in bytes."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("no VmRSS")


def children(pid):
    """Processes whose parent is `pid`."""
    found = set()
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            found.update(map(int, (task / "children").read_text().split()))
    return found


def wait_for(condition, what, seconds=60):
    """Polls until `condition` is true; fails after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.005)


def is_alive(pid):
    """And no zombie."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def post(connection, path, body, headers=None):
    """Status and body of one request."""
    if not isinstance(body, (bytes, type(None))):
        body = json.dumps(body).encode()
    connection.request("POST", path, body, headers or {})
    answer = connection.getresponse()
    return answer.status, answer.read()
