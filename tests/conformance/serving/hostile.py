"""hostile.py [--seed N] [--requests N] [--idle N]: requests that nobody should send.

Each is answered or its connection closed; afterwards the server answers a good one. No worker is lost and the server's memory stays
within a bound.
"""

import argparse
import contextlib
import json
import random
import resource
import selectors
import socket
import sys
import time
from typing import Callable, NamedTuple

import grpc
import numpy as np

import fault_cases
import grpc_cases
import harness
from grpc_cases import instance, request, texts

OPTIONS = {
    "header_timeout_seconds": 1,
    "body_timeout_seconds": 1,
    "max_queue": 1000,
}
LIMIT = 1 << 20  # of a message, bytes
# What a server may hold more at the end than after its first round: allocators keep some of what they had.
GROWTH = 48 << 20

_GOOD = b'{"instances": [{"x": 1}]}'
_OIP = json.dumps({"inputs": [{"name": "x", "shape": [1], "datatype": "INT32", "data": [1]}]}).encode()
_TARGETS = (
    (b"/model/pyfun:echo", _GOOD),
    (b"/model/add:add_common", b'{"instances": {"x1": [[1.0, 2.0], [3.0, 4.0]], "x2": [[1.0, 2.0], [3.0, 4.0]]}}'),
    (b"/v2/models/pyfun.echo/infer", _OIP),
)


def _post(path, body, length=None, headers=b""):
    length = len(body) if length is None else length
    return b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n%s\r\n%s" % (path, length, headers, body)


class Sockets:
    """One function for each kind of abuse of a connection; each returns once the server has answered or closed."""

    def __init__(self, port, rng):
        self._port, self._rng = port, rng

    def _connect(self):
        return socket.create_connection(("127.0.0.1", self._port), timeout=60)

    def _finish(self, s):
        """Reads to the end of the connection, or to the end of one answer: the bytes."""
        out = b""
        with contextlib.suppress(ConnectionError):
            while chunk := s.recv(65536):
                out += chunk
                head, separator, rest = out.partition(b"\r\n\r\n")
                length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                if separator and length and len(rest) >= int(length[0].split(b":")[1]):
                    break
        return out

    def _send(self, data, half_close=False):
        with self._connect() as s:
            with contextlib.suppress(ConnectionError):
                s.sendall(data)
                if half_close:
                    s.shutdown(socket.SHUT_WR)
            return self._finish(s)

    def mutated_json(self):
        path, body = self._rng.choice(_TARGETS)
        return self._send(_post(path, mutate(self._rng, body)))

    def mutated_head(self):
        path, body = self._rng.choice(_TARGETS)
        head, _, body = _post(path, body).partition(b"\r\n\r\n")
        # the end of the head stays, so that there is something to answer
        return self._send(mutate(self._rng, head).replace(b"\r\n\r\n", b"\r\n") + b"\r\n\r\n" + body, half_close=True)

    def truncated(self):
        path, body = self._rng.choice(_TARGETS)
        data = _post(path, body)
        return self._send(data[: self._rng.randrange(1, len(data))], half_close=True)

    def short_body(self):
        """Less than Content-Length says, and then silence."""
        path, body = self._rng.choice(_TARGETS)
        return self._send(_post(path, body, len(body) + self._rng.randrange(1, 1000)))

    def long_body(self):
        """More than Content-Length says: junk in front of the next request."""
        path, body = self._rng.choice(_TARGETS)
        return self._send(_post(path, body + self._rng.randbytes(200), len(body)))

    def strange_length(self):
        path, body = self._rng.choice(_TARGETS)
        value = self._rng.choice(
            [b"-1", b"0x10", b"1e3", b"18446744073709551616", b"", b"5, 6", b"99999999999", b"+5", b"5\r\nContent-Length: 6"]
        )
        return self._send(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %s\r\n\r\n%s" % (path, value, body), half_close=True)

    def oversize(self):
        return self._send(_post(b"/model/pyfun:echo", b'{"instances": [{"x": "' + b"a" * (LIMIT + 1) + b'"}]}'))

    def oversize_chunks(self):
        """More than the limit in chunks, so that no length announces it."""
        chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
        head = b"POST /model/pyfun:echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        return self._send(head + chunk * 20 + b"0\r\n\r\n")

    def bad_chunks(self):
        head = b"POST /model/pyfun:echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        size = self._rng.choice([b"zz", b"-1", b"ffffffffffffffff", b"1" * 100, b"5;" + b"x" * 100000])
        return self._send(head + size + b"\r\nabcde\r\n0\r\n\r\n", half_close=True)

    def long_head(self):
        return self._send(b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * (1 << 18) + b"\r\n\r\n")

    def many_headers(self):
        return self._send(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 20000 + b"\r\n")

    def slow_head(self):
        """Byte by byte, until the server has had enough."""
        with self._connect() as s:
            with contextlib.suppress(ConnectionError, socket.timeout):
                s.settimeout(0.05)
                for byte in _post(*self._rng.choice(_TARGETS)) * 50:
                    s.send(bytes([byte]))
                    try:
                        if not s.recv(65536):
                            return b""
                        return b"answered"
                    except socket.timeout:
                        pass
            s.settimeout(60)
            return self._finish(s)

    def silent(self):
        with self._connect() as s:
            s.send(b"POST /model/")
            return self._finish(s)

    def half_closed(self):
        path, body = self._rng.choice(_TARGETS)
        out = self._send(_post(path, body), half_close=True)
        # who says no more may be gone: a request that is not done then is cancelled, as most servers do
        assert out.split(b" ")[1] in (b"200", b"499"), out
        return out

    def gone(self):
        """The client leaves without waiting for its answer."""
        s = self._connect()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        s.sendall(_post(*self._rng.choice(_TARGETS)))
        s.close()
        return b""

    def pipelined_junk(self):
        path, body = self._rng.choice(_TARGETS)
        data = _post(path, body) * 20 + self._rng.randbytes(500) + b"\r\n\r\n"
        return self._send(data, half_close=True)

    def binary(self):
        return self._send(self._rng.randbytes(self._rng.randrange(1, 5000)) + b"\r\n\r\n", half_close=True)

    def nested(self):
        opening, closing = self._rng.choice([(b"[", b"]"), (b'{"a":', b"}")])
        depth = self._rng.choice([33, 1000, 100000])
        return self._send(_post(b"/model/pyfun:echo", b'{"instances": [{"x": ' + opening * depth + b"1" + closing * depth + b"}]}"))

    def binary_tensors(self):
        """Open Inference's binary extension with lengths that do not fit."""
        head = json.dumps(
            {
                "inputs": [
                    {
                        "name": "x",
                        "shape": [self._rng.choice([1, -1, 2**62, 1000])],
                        "datatype": self._rng.choice(["INT32", "BYTES", "FP99"]),
                        "parameters": {"binary_data_size": self._rng.choice([4, -4, 2**63, 10**6, "4"])},
                    }
                ]
            }
        ).encode()
        length = self._rng.choice([len(head), len(head) + 1000, 0, -5, 2**64])
        return self._send(
            _post(
                b"/v2/models/pyfun.echo/infer", head + self._rng.randbytes(8), headers=b"Inference-Header-Content-Length: %d\r\n" % length
            )
        )

    def strange_path(self):
        path = self._rng.choice(
            [
                b"/model/../../etc/passwd:x",
                b"/model/%2e%2e%2f%2e%2e:x",
                b"/model/add/version/1/version/2:add_common",
                b"/model/" + b"a" * 20000 + b":x",
                b"/v2/models/%00/infer",
                b"/v2/repository/models/..%2f..%2fetc/load",
                b"/v2/models//versions//infer",
                b"*",
                b"//",
                b"/%zz",
            ]
        )
        return self._send(_post(path, _GOOD), half_close=True)


def mutate(rng, data):
    """A few bytes changed, put in, left out or repeated."""
    data = bytearray(data)
    for _ in range(rng.randrange(1, 8)):
        at, kind = rng.randrange(len(data) or 1), rng.randrange(5)
        if kind == 0 and data:
            data[at] = rng.randrange(256)
        elif kind == 1:
            data[at:at] = rng.randbytes(rng.randrange(1, 5))
        elif kind == 2:
            del data[at : at + rng.randrange(1, 10)]
        elif kind == 3:
            data[at:at] = data[at : at + 20] * rng.randrange(1, 10)
        else:
            data[at:at] = rng.choice([b"1e999", b"null", b"{}", b"[]", b'"', b"\\ud800", b"-", b"99999999999999999999", b"NaN"])
    return bytes(data)


class Calls:
    """One function for each kind of bad gRPC call."""

    def __init__(self, address, rng):
        self._address, self._rng = address, rng
        x = np.ones((2, 2), np.float32)
        self._messages = [
            request("add", "add_common", [instance(x1=x, x2=x)]).SerializeToString(),
            request("pyfun", "echo", [instance(x=texts(grpc_cases.pb.MS_STRING, [b"abc"], [1]))]).SerializeToString(),
        ]

    def _call(self, path, body):
        with grpc.insecure_channel(self._address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
            try:
                return channel.unary_unary(path)(body, timeout=60)
            except grpc.RpcError as e:
                assert e.code() != grpc.StatusCode.DEADLINE_EXCEEDED, "not answered"
                return str(e.code()).encode()

    def mutated_predict(self):
        return self._call(grpc_cases.PREDICT, mutate(self._rng, self._rng.choice(self._messages)))

    def mutated_infer(self):
        # ModelInferRequest: model_name, inputs {name, datatype, shape}, raw_input_contents
        body = b"\x0a\x0apyfun.echo\x2a\x0f\x0a\x01x\x12\x05INT32\x1a\x01\x01" + b"\x3a\x04\1\0\0\0"
        return self._call("/inference.GRPCInferenceService/ModelInfer", mutate(self._rng, body))

    def huge_shape(self):
        bad = grpc_cases.tensor(np.ones(1, np.float32))
        bad.shape.dims[:] = self._rng.choice([[2**62, 4], [2**31] * 4, [-1], [0, 2**40], [1] * 5000])
        return self._call(grpc_cases.PREDICT, request("pyfun", "echo", [instance(x=bad)]).SerializeToString())

    def other_method(self):
        path = self._rng.choice(
            ["ModelInfer", "ModelConfig", "RepositoryModelLoad", "SystemSharedMemoryRegister", "TraceSetting", "LogSettings"]
        )
        return self._call("/inference.GRPCInferenceService/" + path, self._rng.randbytes(self._rng.randrange(200)))

    def preface_junk(self):
        """No HTTP/2 at all, and HTTP/2 that goes wrong after the preface."""
        host, port = self._address.split(":")
        with socket.create_connection((host, int(port)), timeout=60) as s, contextlib.suppress(ConnectionError):
            start = self._rng.choice([b"", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"])
            s.sendall(start + self._rng.randbytes(500))
            s.shutdown(socket.SHUT_WR)
            while s.recv(65536):
                pass
        return b""


def kinds(thing):
    return [(name, getattr(thing, name)) for name in dir(thing) if not name.startswith("_")]


def assert_good(server):
    """Both faces answer, from a worker and from a model."""
    with contextlib.closing(server.connect()) as connection:
        for path, body in _TARGETS:
            status, answer = harness.post(connection, path.decode(), body)
            assert status == 200, answer
    reply = grpc_cases.predict(server.grpc_address, request("pyfun", "echo", [instance(x=np.int32(7))]))
    assert reply.instances[0].items["y"].data == b"\7\0\0\0", reply


class _Face(NamedTuple):
    """How a connection to it begins to work: what it says first and gets, and what it says when it was idle and gets."""

    port: int
    greeting: bytes
    request: bytes
    greeted: Callable[[bytes], bool]
    answered: Callable[[bytes], bool]


def _faces(server):
    live = b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n"
    ping = b"\0\0\x08\6\0\0\0\0\0idle...."

    def is_good(answer):
        return answer.startswith(b"HTTP/1.1 200")

    return {
        "http": _Face(server.http_port, live, live, is_good, is_good),
        # HTTP/2's preface and empty SETTINGS, answered by SETTINGS; a PING comes back
        "grpc": _Face(
            server.grpc_port,
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
            ping,
            lambda answer: answer[3:4] == b"\4",
            lambda answer: answer.endswith(b"idle...."),
        ),
    }


def idle_connections(server, name, count):
    """`count` connections that say nothing, while others are answered; then each of them works."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 1000), hard))
    before = server.rss()
    face = _faces(server)[name]
    with contextlib.ExitStack() as stack:
        sockets = []
        for _ in range(count):
            s = stack.enter_context(socket.create_connection(("127.0.0.1", face.port), timeout=60))
            s.sendall(face.greeting)
            sockets.append(s)
        read_from_each(sockets, face.greeted)
        # kept alive and idle now
        assert_good(server)
        grown = server.rss() - before
        print(f"{count} idle connections, {name}: {grown / count / 1024:.1f} KiB each")
        assert grown < count * 64 * 1024, grown
        for s in sockets:
            s.sendall(face.request)
        read_from_each(sockets, face.answered)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def read_from_each(sockets, is_good):
    """Reads until all of what each has got is good."""
    got = {s: b"" for s in sockets}
    with selectors.DefaultSelector() as selector:
        for s in sockets:
            selector.register(s, selectors.EVENT_READ)
        while got:
            ready = selector.select(60)
            assert ready, f"{len(got)} connections got no answer"
            for key, _ in ready:
                more = key.fileobj.recv(65536)
                got[key.fileobj] += more
                assert more, got[key.fileobj]
                if is_good(got[key.fileobj]):
                    selector.unregister(key.fileobj)
                    del got[key.fileobj]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--idle", type=int, default=1000)
    arguments = parser.parse_args()
    print("seed", arguments.seed)
    rng = random.Random(arguments.seed)
    face = {"max_message_bytes": LIMIT}
    with harness.Server([{"name": "add"}, {"name": "pyfun", "workers": 2}], OPTIONS, grpc=face, http=face) as server:
        assert_good(server)
        workers = server.children()
        assert len(workers) == 3
        for name, send in fault_cases.hostile_requests().items():
            print(f"{name}: {fault_cases.outcome(lambda s=send: s(server))[:150]}")
            assert_good(server)
        abuses = kinds(Sockets(server.http_port, rng)) + kinds(Calls(server.grpc_address, rng))
        for name, abuse in abuses:  # each kind once: buffers and allocators are warm then
            abuse()
            assert_good(server)
        before, start = server.rss(), time.monotonic()
        for i in range(arguments.requests):
            name, abuse = abuses[i % len(abuses)]
            try:
                abuse()
                assert_good(server)
            except Exception:
                print(f"request {i}, {name}, seed {arguments.seed}")
                raise
        grown = server.rss() - before
        print(
            f"{arguments.requests} requests of {len(abuses)} kinds in {time.monotonic() - start:.1f} s, RSS {before >> 20} MiB and {grown / 2**20:+.1f} MiB"
        )
        assert grown < GROWTH, f"memory grew by {grown} bytes"
        assert server.children() == workers, "a worker was lost"
    # an idle connection may be slow here: the timeouts above are for heads and bodies
    with harness.Server(["add", "pyfun"], grpc={}, http={}) as quiet:
        assert_good(quiet)
        for name in ("http", "grpc"):
            idle_connections(quiet, name, arguments.idle)
            assert_good(quiet)
    return 0


if __name__ == "__main__":
    sys.exit(main())
