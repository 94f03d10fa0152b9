"""The server's end of a worker's socket, in Python: what the tests of the worker talk through."""

import array
import contextlib
import fcntl
import json
import mmap
import os
import socket
import struct
import subprocess
import sys

import numpy as np

HELLO, DESCRIBE, START, READY, FAILED, CALL, REPLY, MODEL_CALL, MODEL_REPLY = range(1, 10)
BUFFER, RELEASE, DROP, EXIT, PING, PONG = range(10, 16)

DTYPES = {
    30: "bool",
    32: "int8",
    33: "int16",
    34: "int32",
    35: "int64",
    37: "uint8",
    38: "uint16",
    39: "uint32",
    40: "uint64",
    42: "float16",
    43: "float32",
    44: "float64",
}
NUMBERS = {np.dtype(v): k for k, v in DTYPES.items()}


class Segment:
    """A memfd of this side. at: (buffer, offset, size) of the tensor in it."""

    def __init__(self, server, buffer, size):
        self.buffer = buffer
        self.size = size
        self.fd = os.memfd_create("test", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self.fd, size)
        self.memory = mmap.mmap(self.fd, size)
        fcntl.fcntl(self.fd, 1033, 0x17)  # F_ADD_SEALS: seal, shrink, grow, future write
        frame = struct.pack("<IIQIQ", 24, BUFFER, 0, buffer, size)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [self.fd]))]
        assert server.socket.sendmsg([frame], rights) == len(frame)

    def put(self, values):
        values = np.asarray(values)
        np.frombuffer(self.memory, values.dtype, values.size)[:] = values.ravel()
        return InSegment(self.buffer, 0, values)


class InSegment:
    def __init__(self, buffer, offset, values):
        self.buffer, self.offset, self.values = buffer, offset, values


class Raw:
    """A tensor's bytes as they are."""

    def __init__(self, data):
        self.data = data


class Text:
    def __init__(self, texts, dims=(), flags=0):
        self.texts = [texts] if isinstance(texts, bytes) else texts
        self.dims = dims
        self.flags = flags


class Reply:
    """What a worker gave of a tensor, with where it lay."""

    def __init__(self, value, place, dims, at=None):
        self.value, self.place, self.dims, self.at = value, place, dims, at


def dims_of(shape):
    return struct.pack(f"<{len(shape)}q", *shape)


def encode(value):
    if isinstance(value, Raw):
        return value.data
    if isinstance(value, InSegment):
        v = value.values
        head = struct.pack("<BBBB", NUMBERS[v.dtype], 0, v.ndim, 1) + dims_of(v.shape)
        return head + struct.pack("<IQQ", value.buffer, value.offset, v.nbytes)
    if isinstance(value, Text):
        head = struct.pack("<BBBB", 12, value.flags, len(value.dims), 3) + dims_of(value.dims)
        head += struct.pack("<I", len(value.texts))
        return head + b"".join(struct.pack("<I", len(t)) + t for t in value.texts)
    value = np.asarray(value)
    head = struct.pack("<BBBB", NUMBERS[value.dtype], 0, value.ndim, 0) + dims_of(value.shape)
    return head + struct.pack("<Q", value.nbytes) + value.tobytes() + bytes(-value.nbytes % 8)


def encode_instances(instances):
    data = struct.pack("<I", len(instances))
    for instance in instances:
        data += struct.pack("<I", len(instance)) + b"".join(map(encode, instance))
    return data


class FakeServer:
    """Starts a worker for directory/servable; a context manager that ends it."""

    def __init__(self, directory, servable, env=None, python=sys.executable, **hello):
        self.socket, theirs = socket.socketpair()
        self.socket.settimeout(60)
        environment = {**os.environ, "MIRIN_WORKER_FD": str(theirs.fileno()), **(env or {})}
        environment["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if p)
        self.process = subprocess.Popen(
            [python, "-m", "mindspore_serving.worker"],
            pass_fds=[theirs.fileno()],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        theirs.close()
        self.pending = b""
        self.fds = []
        self.theirs = {}  # the worker's segments: buffer -> mmap
        self.released = []  # of our segments, in the order of RELEASE
        self.dropped = []
        self.buffers = 0
        self.calls = 0
        key = hello.pop("key", b"")
        values = {
            "directory": str(directory),
            "servable": servable,
            "version": 1,
            "version_directory": str(directory / servable / "1"),
            "cipher": "AES-GCM",
            "forward_model_calls": False,
            "worker": 0,
            "device_id": 0,
            **hello,
        }
        self.send(HELLO, self.bytes(json.dumps(values).encode()) + self.bytes(key))

    @staticmethod
    def bytes(data):
        return struct.pack("<I", len(data)) + data

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.socket.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(20)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stderr.close()

    def start(self):
        """DESCRIBE, START and READY: the description."""
        kind, _, payload = self.receive()
        assert kind == DESCRIBE, (kind, payload, self.process.poll())
        self.send(START)
        kind, _, ready = self.receive()
        assert kind == READY, (kind, ready)
        return json.loads(payload)

    def send(self, kind, payload=b"", call=0):
        self.socket.sendall(struct.pack("<IIQ", 12 + len(payload), kind, call) + payload)

    def segment(self, size):
        self.buffers += 1
        return Segment(self, self.buffers, size)

    def _read(self):
        while True:
            if len(self.pending) >= 4:
                size = struct.unpack_from("<I", self.pending)[0] + 4
                if len(self.pending) >= size:
                    frame, self.pending = self.pending[:size], self.pending[size:]
                    _, kind, call = struct.unpack_from("<IIQ", frame)
                    return kind, call, frame[16:]
            data, control, _, _ = self.socket.recvmsg(1 << 20, 1024)
            if not data:
                raise EOFError
            for _, _, fds in control:
                self.fds += array.array("i", fds).tolist()
            self.pending += data

    def receive(self):
        """The next frame that is not about memory."""
        while True:
            kind, call, payload = self._read()
            if kind == BUFFER:
                buffer, size = struct.unpack("<IQ", payload)
                fd = self.fds.pop(0)
                assert fcntl.fcntl(fd, 1034) & 0x6 == 0x6  # F_GET_SEALS: shrink and grow
                assert os.fstat(fd).st_size == size
                self.theirs[buffer] = mmap.mmap(fd, size, prot=mmap.PROT_READ)
                os.close(fd)
            elif kind == RELEASE:
                self.released.append(struct.unpack("<I", payload)[0])
            elif kind == DROP:
                (buffer,) = struct.unpack("<I", payload)
                self.dropped.append(buffer)
                del self.theirs[buffer]
            else:
                return kind, call, payload

    def synchronize(self):
        """Everything that the worker sent before has been seen."""
        self.send(PING, call=7)
        assert self.receive()[:2] == (PONG, 7)

    def give_back(self, buffer):
        self.send(RELEASE, struct.pack("<I", buffer))

    def send_call(self, instances, method=0, stage=0):
        self.calls += 1
        payload = struct.pack("<II", method, stage) + encode_instances(instances)
        self.send(CALL, payload, self.calls)
        return self.calls

    def call(self, instances, method=0, stage=0):
        """Results: a list of Reply, or the text of a failure."""
        number = self.send_call(instances, method, stage)
        kind, call, payload = self.receive()
        assert (kind, call) == (REPLY, number), (kind, call)
        results, at = self.decode_results(payload)
        assert at == len(payload)
        return results

    def values(self, instances, method=0, stage=0):
        """As call, only the values."""
        return [
            r if isinstance(r, str) else [t.value for t in r]
            for r in self.call(instances, method, stage)
        ]

    def decode_results(self, payload, at=0):
        (count,) = struct.unpack_from("<I", payload, at)
        at += 4
        results = []
        for _ in range(count):
            (code,) = struct.unpack_from("<I", payload, at)
            at += 4
            if code:
                assert code == 3
                (size,) = struct.unpack_from("<I", payload, at)
                results.append(payload[at + 4 : at + 4 + size].decode())
                at += 4 + size
            else:
                values, at = self.decode_instance(payload, at)
                results.append(values)
        return results, at

    def decode_instance(self, payload, at):
        (count,) = struct.unpack_from("<I", payload, at)
        at += 4
        values = []
        for _ in range(count):
            value, at = self.decode(payload, at)
            values.append(value)
        return values, at

    def decode(self, payload, at):
        number, flags, rank, place = struct.unpack_from("<BBBB", payload, at)
        dims = struct.unpack_from(f"<{rank}q", payload, at + 4)
        at += 4 + 8 * rank
        if place == 3:
            (count,) = struct.unpack_from("<I", payload, at)
            at += 4
            texts = []
            for _ in range(count):
                (size,) = struct.unpack_from("<I", payload, at)
                texts.append(payload[at + 4 : at + 4 + size])
                at += 4 + size
            texts = texts if flags else [t.decode() for t in texts]
            return Reply(texts, place, dims), at
        if place == 0:
            (size,) = struct.unpack_from("<Q", payload, at)
            at += 8
            value = np.frombuffer(
                payload, DTYPES[number], size // np.dtype(DTYPES[number]).itemsize, at
            )
            return Reply(value.reshape(dims), place, dims), at + (size + 7) // 8 * 8
        buffer, offset, size = struct.unpack_from("<IQQ", payload, at)
        value = None
        if place == 1:
            value = np.frombuffer(
                self.theirs[buffer][offset : offset + size], DTYPES[number]
            ).reshape(dims)
        return Reply(value, place, dims, (buffer, offset, size)), at + 20
