"""The calls of golden/features_probe.txt, limits_probe.txt and abuse_probe.txt, one for each of their lines."""

import base64
import collections
import json
import re
import socket
import struct
from multiprocessing import shared_memory

import numpy as np
from mindspore_serving import client

import grpc_cases
from grpc_cases import Call, X, instance, request
from rest_cases import Better

FEATURES: "dict[str, Call]" = {}
LIMITS: "dict[str, Call]" = {}
ABUSE: "dict[str, Call]" = {}


def infer(address, servable, method, instances, version=0):
    with client.Client(address, servable, method, version) as c:
        return c.infer(instances)


def _feature(name, servable, method, instances, version=0, better=None):
    FEATURES[name] = Call(lambda server: str(infer(server.grpc_address, servable, method, instances, version)), better)


def by_process(answers):
    """How many of the answers each process gave, without the ids."""
    counts = collections.Counter(int(answer["pid"]) for answer in answers)
    return f"by process {sorted(counts.values())}"


def _features():
    both, three = {"x1": X, "x2": X}, {"x1": X, "x2": X, "x3": X}
    _feature("add v1", "add", "add_common", both, 1)
    _feature("add v2", "add", "add_common", both, 2)
    _feature("add v0=latest", "add", "add_common", both)
    _feature("add_sub only model", "add_sub", "add_sub_only_model", three)
    _feature("add_sub complex", "add_sub", "add_sub_complex", three)
    _feature("call loop", "add_sub", "call_loop", {"x": X, "n": 3})
    _feature("call multi", "add_sub", "call_multi", both)
    _feature("call bad inputs", "add_sub", "call_bad_inputs", both)
    _feature("call bad subgraph", "add_sub", "call_bad_subgraph", both)
    wide = X.astype(np.float64)
    _feature("call wrong dtype", "add_sub", "call_multi", {"x1": wide, "x2": wide})

    row = np.array([1, 2], np.float32)
    rows = [{"x1": i * row, "x2": row} for i in range(7)]
    _feature("bs 1 instance", "bs", "plain", {"x1": row, "x2": row})
    _feature("bs 5 instances", "bs", "plain", rows[:5])
    _feature("bs batch0 x6", "bs", "batch0", rows[:6])
    _feature("bs batch3 x7", "bs", "batch3", rows)
    _feature("bs wrong shape", "bs", "plain", {"x1": X, "x2": X})
    _feature(
        "nb 2 inst diff x2",
        "nb",
        "add",
        [{"x1": row, "x2": row}, {"x1": row, "x2": 3 * row}],
        better=Better(
            "instances with different shared inputs are not merged: the original took the first one's for both",
            "[{'y': array([2., 4.], dtype=float32)}, {'y': array([4., 8.], dtype=float32)}]",
        ),
    )

    def parallel(server):
        nine = [{"x": np.float32(0.3)}] * 9
        return by_process(infer(server.grpc_address, "pyfun", "sleepy", nine))

    def singles(server):
        with client.Client(server.grpc_address, "pyfun", "sleepy") as c:
            calls = [c.infer_async({"x": np.float32(0.3)}) for _ in range(6)]
            return by_process([call.result()[0] for call in calls])

    FEATURES["parallel 9 sleeps of 0.3 on 3 workers:"] = Call(parallel)
    FEATURES["6 async singles:"] = Call(singles)


def _raw(port, data):
    """All that comes back to `data` until the server has nothing more to say (it is asked to close at the end)."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as s:
        s.sendall(data)
        out = b""
        while chunk := s.recv(65536):
            out += chunk
        return out


def raw_text(answer):
    """Version, status and body of each answer in `answer`, which may be cut short."""
    out = []
    for version, status, body in re.findall(rb"(HTTP/1\.[01]) (\d{3}) [^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n(.*?)(?=HTTP/1|\Z)", answer, re.S):
        out.append(f"{version.decode()} {status.decode()} {body.decode()}")
    return " & ".join(out)


def _post(body, *headers, version="1.1", path="/model/pyfun:size"):
    length = () if any("encoding" in h.lower() for h in headers) else (f"Content-Length: {len(body)}",)
    head = "\r\n".join((f"POST {path} HTTP/{version}", "Host: x", *length, *headers))
    return head.encode() + b"\r\n\r\n" + body


def _size_body(n):
    value = {"b64": base64.b64encode(bytes(n)).decode(), "type": "uint8", "shape": [n]}
    return json.dumps({"instances": [{"x": value}]}).encode()


def _limits():
    for n in (1000, 1048376, 1048576, 3145728):
        values = {"x": np.zeros(n, np.uint8)}
        LIMITS[f"grpc {n}"] = Call(lambda s, v=values: str(infer(s.grpc_address, "pyfun", "size", v)))
    for n, size in ((1000, 1405), (700000, 933407), (1048576, 1398176), (3145728, 4194376)):
        body = _size_body(n)
        assert len(body) == size

        def rest(server, body=body):
            connection = server.connect()
            connection.request("POST", "/model/pyfun:size", body)
            answer = connection.getresponse()
            text = str((answer.status, answer.read()))
            connection.close()
            return text

        better = None
        if size > 1048576:
            better = Better(
                "413, before the body was read",
                """(413, b'{"error_msg":"http message is bigger than 1048576"}')""",
            )
        LIMITS[f"rest {n} {size}"] = Call(rest, better)

    three = b'{"instances": [{"x": [1, 2, 3]}]}'
    close = "Connection: close"
    good = '{"instances":[{"head":[1],"n":3}]}'

    def raw(name, data, better=None):
        LIMITS[name] = Call(lambda s: raw_text(_raw(s.http_port, data)), better)

    chunked = b"8\r\n" + three[:8] + b"\r\n%x\r\n" % len(three[8:]) + three[8:] + b"\r\n0\r\n\r\n"
    raw("rest chunked", _post(chunked, "Transfer-Encoding: chunked", close))
    raw(
        "rest huge content-length",
        _post(b"", "Content-Length: 99999999999", close).replace(b"Content-Length: 0\r\n", b""),
        Better(
            "answered before the body comes",
            'HTTP/1.1 413 {"error_msg":"http message is bigger than 1048576"}',
        ),
    )

    def keepalive(server):
        connection, out = server.connect(), []
        for _ in range(2):
            connection.request("POST", "/model/pyfun:size", three)
            used = connection.sock
            answer = connection.getresponse()
            answer.read()
            out.append(f"HTTP/1.1 {answer.status}" + ("" if connection.sock is used else " closed"))
        connection.close()
        return " ".join(out)

    LIMITS["keepalive"] = Call(keepalive)
    LIMITS["pipelined"] = Call(lambda s: str(raw_text(_raw(s.http_port, _post(three) + _post(three, close))).count(good)))
    raw(
        "garbage",
        b"garbage\r\n\r\n",
        Better("JSON instead of HTML", re.compile(r'HTTP/1\.1 400 \{"error(_msg)?":"[^"]+"\}')),
    )
    raw(
        "http1.0",
        _post(three, version="1.0"),
        Better("a server answers with its own version, and closes, as HTTP has it", "HTTP/1.1 200 " + good),
    )

    def queue_limit(server):
        server.set("max_queue", 4)
        try:
            with client.Client(server.grpc_address, "pyfun", "sleepy") as c:
                calls = [c.infer_async({"x": np.float32(0.5)}) for _ in range(10)]
                return limit_text([str(call.result()) for call in calls])
        finally:
            server.set("max_queue", 10000)

    LIMITS["enqueued limit:"] = Call(queue_limit)


def limit_text(answers):
    """Ten answers: which of them are no pid, and how many."""
    refused = [a for a in answers if "pid" not in a]
    return f"{len(answers) - len(refused)} answered, {len(refused)} x {sorted(set(refused))}"


def _shm(region, offset, size):
    out = instance(x1=X, x2=X)
    out.items["x1"].shm_data.memory_key = region
    out.items["x1"].shm_data.data_offset = offset
    out.items["x1"].shm_data.data_size = size
    out.items["x1"].shm_data.bytes_size = 4096
    return out


def abuse_text(address, instances):
    """In the form of golden/abuse_probe.txt."""
    reply = grpc_cases.predict(address, request("add", "add_common", instances, 1))
    errors = [(e.error_code, e.error_msg) for e in reply.error_msg]
    items = []
    for i in reply.instances:
        items.append({k: (v.WhichOneof("tensor_data"), v.data.hex()) for k, v in i.items.items()})
    return f"{errors} {items}"


def _abuse():
    good = instance(x1=X, x2=X)
    sum_text = "[] [{'y': ('data', '00000040000080400000c04000000041')}]"
    refused = re.compile(r"\[\(2, b[\"'][^\]]*shared memory[^\]]*\)\] \[\]")

    def call(name, make, better=None):
        ABUSE[name] = Call(lambda s: abuse_text(s.grpc_address, [make(s)]), better)

    def guarded(name, make):
        call(name, make, Better("only memory that the client registered can be named", refused))

    def with_output(server, name="y"):
        out = instance(x1=X, x2=X)
        buffer = out.output_buffers[name]
        buffer.memory_key, buffer.bytes_size, buffer.data_offset = server.shm.name, 4096, 32
        buffer.data_size = 16
        return out

    call("good", lambda s: good)
    guarded("input from shm", lambda s: _shm(s.shm.name, 0, 16))
    guarded("output to shm", with_output)
    ABUSE["  shm bytes 32..48 now"] = Call(
        lambda s: str(struct.unpack("<4f", bytes(s.shm.buf[32:48]))),
        Better("nothing was written to memory that nobody registered", "(0.0, 0.0, 0.0, 0.0)"),
    )
    guarded("shm missing", lambda s: _shm("not_there", 0, 16))
    guarded("output buffer bad name", lambda s: with_output(s, "zz"))
    guarded("shm larger than file", lambda s: _shm(s.shm.name, 1 << 20, 16))
    alive = Better("nothing died, so nothing is missing", sum_text)
    call("after", lambda s: good, alive)
    call("after 3 s", lambda s: good)
    at_once = Better(
        "it is answered, at once",
        "[(2, b'Instances count of request cannot be 0')] []",
    )
    for i in range(4):
        ABUSE[f"empty instances {i}"] = Call(lambda s: abuse_text(s.grpc_address, []), at_once)
    call("good after 4 empties", lambda s: good, Better("requests without instances keep no place in the queue", sum_text))


class SharedMemory:
    """A segment of this user's that the server was not told of."""

    def __init__(self):
        self._segment = shared_memory.SharedMemory(create=True, size=4096)
        self.name, self.buf = self._segment.name, self._segment.buf
        self.buf[:16] = struct.pack("<4f", 10, 20, 30, 40)

    def close(self):
        del self.buf
        self._segment.close()
        self._segment.unlink()


for _part in (_features, _limits, _abuse):
    _part()
