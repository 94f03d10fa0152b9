"""A worker for tests: the protocol of docs/decisions/0005-serving-workers.md, with faults on demand.

The servable's name says how it starts, a call's method what it does.
"""

import array
import fcntl
import json
import mmap
import os
import signal
import socket
import struct
import sys

LARGE = 64 << 10
SEALS = 1 | 2 | 4
(HELLO, DESCRIBE, START, READY, FAILED, CALL, REPLY, MODEL_CALL, MODEL_REPLY, BUFFER, RELEASE, DROP, EXIT) = range(1, 14)
I64 = 35

sock = socket.socket(fileno=int(os.environ["MIRIN_WORKER_FD"]))
received, fds, segments = bytearray(), [], {}  # segments of the server: number -> mmap
own, idle = {}, []  # own segments: number -> mmap; numbers of those that are free
config = {}


def send(kind, ident=0, payload=b"", fd=None):
    frame = struct.pack("<IIQ", 12 + len(payload), kind, ident) + payload
    if fd is not None:
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
        frame = frame[sock.sendmsg([frame], ancillary) :]
    sock.sendall(frame)


def read_frame():
    while True:
        if len(received) >= 4:
            end = 4 + struct.unpack_from("<I", received)[0]
            if len(received) >= end:
                kind, ident = struct.unpack_from("<IQ", received, 4)
                payload = bytes(received[16:end])
                del received[:end]
                return kind, ident, payload
        data, ancillary, _, _ = sock.recvmsg(1 << 16, socket.CMSG_SPACE(64))
        if not data:
            sys.exit(0)
        received.extend(data)
        for _, _, packed in ancillary:
            fds.extend(array.array("i", packed))


def next_frame():
    """The next frame that is not about segments."""
    while True:
        kind, ident, payload = read_frame()
        if kind == BUFFER:
            number, size = struct.unpack("<IQ", payload)
            fd = fds.pop(0)
            segments[number] = mmap.mmap(fd, size, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
            os.close(fd)
        elif kind == RELEASE:
            idle.append(struct.unpack("<I", payload)[0])
        elif kind == DROP:
            segments.pop(struct.unpack("<I", payload)[0]).close()
        elif kind == EXIT:
            sys.exit(0)
        else:
            return kind, ident, payload


class Tensor:
    """head: all but the place; data: bytes, or a list of texts; where: (segment, offset, size) of the server's."""

    def __init__(self, dtype, dims, data, flags=0, where=None):
        self.dtype, self.dims, self.data, self.flags, self.where = dtype, dims, data, flags, where


def integers(*values):
    return Tensor(I64, (len(values),), struct.pack(f"<{len(values)}q", *values))


def texts(*values):
    return Tensor(12, (len(values),), [v.encode() for v in values])


def decode(payload, at):
    dtype, flags, rank, place = struct.unpack_from("<BBBB", payload, at)
    dims = struct.unpack_from(f"<{rank}q", payload, at + 4)
    at += 4 + 8 * rank
    if place == 3:
        (count,) = struct.unpack_from("<I", payload, at)
        at += 4
        values = []
        for _ in range(count):
            (size,) = struct.unpack_from("<I", payload, at)
            values.append(payload[at + 4 : at + 4 + size])
            at += 4 + size
        return Tensor(dtype, dims, values, flags), at
    if place == 0:
        (size,) = struct.unpack_from("<Q", payload, at)
        return Tensor(dtype, dims, payload[at + 8 : at + 8 + size]), at + 8 + (size + 7) // 8 * 8
    number, offset, size = struct.unpack_from("<IQQ", payload, at)
    return Tensor(dtype, dims, memoryview(segments[number])[offset : offset + size], 0, (number, offset, size)), at + 20


def decode_instances(payload, at):
    (count,) = struct.unpack_from("<I", payload, at)
    at += 4
    instances = []
    for _ in range(count):
        (tensors,) = struct.unpack_from("<I", payload, at)
        at += 4
        instances.append([])
        for _ in range(tensors):
            tensor, at = decode(payload, at)
            instances[-1].append(tensor)
    return instances


def put(data, seals=SEALS, cut=0):
    """Copies into an own segment and returns its number."""
    for number in idle:
        if len(own[number]) >= len(data):
            idle.remove(number)
            own[number][: len(data)] = data
            return number
    number = len(own) + 1
    fd = os.memfd_create("fake", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, len(data) - cut)
    fcntl.fcntl(fd, 1033, seals)
    send(BUFFER, 0, struct.pack("<IQ", number, len(data)), fd)
    if not cut:
        own[number] = mmap.mmap(fd, len(data))
        own[number][:] = data
    os.close(fd)
    return number


def encode(tensor, back=False):
    head = struct.pack(f"<BBBB{len(tensor.dims)}q", tensor.dtype, tensor.flags, len(tensor.dims), 0, *tensor.dims)
    head = bytearray(head)
    if isinstance(tensor.data, list):
        head[3] = 3
        head += struct.pack("<I", len(tensor.data))
        for text in tensor.data:
            head += struct.pack("<I", len(text)) + text
    elif back and tensor.where:
        head[3] = 2
        head += struct.pack("<IQQ", *tensor.where)
    elif len(tensor.data) >= LARGE:
        head[3] = 1
        head += struct.pack("<IQQ", put(tensor.data), 0, len(tensor.data))
    else:
        head += struct.pack("<Q", len(tensor.data)) + bytes(tensor.data) + b"\0" * (-len(tensor.data) % 8)
    return bytes(head)


def encode_instances(instances, back=False):
    payload = struct.pack("<I", len(instances))
    for tensors in instances:
        payload += struct.pack("<II", 0, len(tensors)) + b"".join(encode(t, back) for t in tensors)
    return payload


def release(instances):
    for tensors in instances:
        for tensor in tensors:
            if tensor.where:
                tensor.data.release()
                send(RELEASE, 0, struct.pack("<I", tensor.where[0]))


def echo(ident, instances):
    send(REPLY, ident, encode_instances(instances))


def hand_back(ident, instances):
    send(REPLY, ident, encode_instances(instances, back=True))


def die(ident, instances):
    os.kill(os.getpid(), struct.unpack("<q", instances[0][0].data)[0])
    signal.pause()


def leave(ident, instances):
    os._exit(struct.unpack("<q", instances[0][0].data)[0])


def hang(ident, instances):
    while True:
        signal.pause()


def surroundings(ident, instances):
    # the last is of the directory itself
    numbers = sorted(int(name) for name in os.listdir("/proc/self/fd"))[:-1]
    links = [os.readlink(f"/proc/self/fd/{number}") for number in numbers]
    send(REPLY, ident, encode_instances([[texts(json.dumps({
        "fds": links, "config": config, "path": sys.path, "cwd": os.getcwd(), "pid": os.getpid(), "group": os.getpgid(0),
        "device": os.environ["SERVING_DEVICE_ID"], "blocked": len(signal.pthread_sigmask(signal.SIG_BLOCK, []))})), integers(os.getpid())]]))


def fail_odd(ident, instances):
    payload = struct.pack("<I", len(instances))
    for i, tensors in enumerate(instances):
        text = f"instance {i} is odd".encode()
        payload += struct.pack("<II", 3, len(text)) + text if i % 2 else struct.pack("<II", 0, 1) + encode(tensors[0])
    send(REPLY, ident, payload)


def call_model(ident, instances):
    payload = struct.pack("<I", 1) + b"m" + struct.pack("<I", 2) + struct.pack("<I", 4) + b"sess" + struct.pack("<I", len(instances))
    for tensors in instances:
        payload += struct.pack("<I", len(tensors)) + b"".join(encode(t) for t in tensors)
    send(MODEL_CALL, 77, payload)
    kind, answered, payload = next_frame()
    assert (kind, answered) == (MODEL_REPLY, 77)
    (status,) = struct.unpack_from("<I", payload)
    if status:
        send(REPLY, ident, encode_instances([[texts(payload[8:].decode())] for _ in instances]))
        return
    # a reply's instances have a code before them
    results, at = [], 8
    for _ in range(struct.unpack_from("<I", payload, 4)[0]):
        at += 4
        (count,) = struct.unpack_from("<I", payload, at)
        at += 4
        results.append([])
        for _ in range(count):
            tensor, at = decode(payload, at)
            results[-1].append(tensor)
    send(REPLY, ident, encode_instances(results))
    release(results)


def one_reply(tensor):
    return struct.pack("<III", 1, 0, 1) + tensor


def in_segment(number, size, offset=0, place=1):
    return one_reply(struct.pack("<BBBBqIQQ", 37, 0, 1, place, size, number, offset, size))


# What no worker may send; each gets the id of the call.
FAULTS = [
    lambda i: sock.sendall(struct.pack("<IIQ", 4, REPLY, i)),
    lambda i: sock.sendall(struct.pack("<IIQ", (1 << 30) + 1, REPLY, i)),
    lambda i: send(99, i),
    lambda i: send(REPLY, i + 1, struct.pack("<I", 1)),
    lambda i: send(REPLY, i, struct.pack("<I", 2)),
    lambda i: send(REPLY, i, b""),
    lambda i: send(REPLY, i, struct.pack("<III", 1, 0, 0xFFFFFFFF)),
    lambda i: send(REPLY, i, struct.pack("<III", 1, 0, 0) + b"more"),
    lambda i: send(READY),
    lambda i: send(BUFFER, 0, struct.pack("<IQ", 1, LARGE)),
    lambda i: send(BUFFER, 0, struct.pack("<IQ", 1, LARGE), 1),
    lambda i: send(BUFFER, 0, struct.pack("<IQ", 1, 4), os.memfd_create("unsealed")),
    lambda i: put(b"x" * LARGE, seals=1 | 2),
    lambda i: put(b"x" * LARGE, seals=4),
    lambda i: put(b"x" * LARGE, cut=4096),
    lambda i: send(REPLY, i, in_segment(5, LARGE)),
    lambda i: send(REPLY, i, in_segment(put(b"x" * LARGE), LARGE, 1)),
    lambda i: send(REPLY, i, in_segment(put(b"x" * LARGE), LARGE, (1 << 64) - 1)),
    lambda i: send(REPLY, i, in_segment(1, LARGE, 0, place=2)),
    lambda i: send(RELEASE, 0, struct.pack("<I", 1)),
    lambda i: send(DROP, 0, struct.pack("<I", 1)),
    lambda i: sock.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0] * 200))]),
    lambda i: send(MODEL_CALL, 1, struct.pack("<III", 0, 0, 0xFFFFFFFF)),
    lambda i: sock.shutdown(socket.SHUT_RDWR),
]


def fault(ident, instances):
    FAULTS[struct.unpack("<q", instances[0][0].data)[0]](ident)
    signal.pause()


def count_faults(ident, instances):
    send(REPLY, ident, encode_instances([[integers(len(FAULTS))]]))


METHODS = [echo, hand_back, die, leave, hang, surroundings, fail_odd, call_model, fault, count_faults]


def main():
    kind, _, payload = next_frame()
    assert kind == HELLO
    (size,) = struct.unpack_from("<I", payload)
    config.update(json.loads(payload[4 : 4 + size]))
    (key_size,) = struct.unpack_from("<I", payload, 4 + size)
    config["key_is_right"] = payload[8 + size :] == b"k" * key_size and key_size == 16
    how = config["servable"]
    if how == "prints and exits":
        sys.stderr.write("x" * 20000 + "\nboom\n")
        os._exit(3)
    if how == "kills itself":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "hangs":
        signal.pause()
    if how == "fails":
        send(FAILED, 0, b"servable_config.py raised ValueError: \xff")
        return
    if how == "changes":
        marker = config["directory"]
        send(DESCRIBE, 0, json.dumps({"changed": os.path.exists(marker)}).encode())
    else:
        send(DESCRIBE, 0, b'{"servable": "fake"}')
    if next_frame()[0] == START and how == "fails to load":
        send(FAILED, 0, b"no such model")
        return
    send(READY)
    while True:
        kind, ident, payload = next_frame()
        if kind != CALL:
            continue
        method, stage = struct.unpack_from("<II", payload)
        instances = decode_instances(payload, 8)
        METHODS[method](ident, instances)
        release(instances)


if __name__ == "__main__":
    main()
