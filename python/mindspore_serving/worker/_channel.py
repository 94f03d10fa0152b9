"""The socket to the server: frames of docs/decisions/0005-serving-workers.md, and the memory that goes with them."""

import collections
import json
import os
import select
import socket
import struct
import threading
from typing import Any, Deque, Dict, NamedTuple, Optional

from ._segments import Inputs, NewSegment, Outputs
from ._tensors import Decoder, Encoder

HELLO, DESCRIBE, START, READY, FAILED, CALL, REPLY, MODEL_CALL, MODEL_REPLY = range(1, 10)
BUFFER, RELEASE, DROP, EXIT, PING, PONG = range(10, 16)

_LIMIT = 1 << 30  # bytes of a frame
_CHUNK = 256 << 10
_HEAD = struct.Struct("<IIQ")
_U32 = struct.Struct("<I")
_BUFFER = struct.Struct("<IQ")
_ID = struct.Struct("<i")
_FDS = socket.CMSG_SPACE(253 * _ID.size)


class ProtocolError(Exception):
    """The server sent what it should not."""


#: What reading a frame that is not as it should be raises.
MALFORMED = (ValueError, KeyError, TypeError, struct.error)


class Frame(NamedTuple):
    type: int
    id: int
    data: bytearray  # with the head
    payload: int = _HEAD.size  # where the payload begins


def start_frame(kind: int, call: int = 0) -> bytearray:
    """The head, for Channel.send to complete."""
    return bytearray(_HEAD.pack(0, kind, call))


class Channel:
    """Frames in and out; any thread may send, and wait for its reply.

    Frames about memory never come out: they are dealt with here.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._chunk = bytearray(_CHUNK)
        self._view = memoryview(self._chunk)
        self._start = self._end = 0  # of what was read and not taken
        self._fds: Deque[int] = collections.deque()
        self._write = threading.Lock()
        self._released: Deque[int] = collections.deque()
        self._in_call = False
        self.inputs = Inputs(self._on_released)
        self.outputs = Outputs(self._announce)
        self.encoder = Encoder(self.inputs, self.outputs)
        # One thread at a time reads, for all that wait.
        self._condition = threading.Condition(threading.Lock())
        self._reading = False
        self._frames: Deque[Frame] = collections.deque()
        self._replies: Dict[int, Frame] = {}
        self._end_of_file: Optional[BaseException] = None

    def decoder(self, frame: Frame) -> Decoder:
        return Decoder(frame.data, frame.payload, self.inputs)

    # Writing

    def send(self, frame: bytearray, ends_call: bool = False) -> None:
        """ends_call: releases that came up during a call go with this frame."""
        _U32.pack_into(frame, 0, len(frame) - 4)
        if len(frame) - 4 > _LIMIT:
            raise ValueError("a frame of more than 1 GiB")
        if ends_call:
            self._in_call = False
            self._add_releases(frame)
        with self._write:
            self._socket.sendall(frame)
        if self._released and not self._in_call:
            self._flush()

    def send_json(self, kind: int, value: Any) -> None:
        self.send(start_frame(kind) + json.dumps(value, ensure_ascii=False).encode())

    def send_text(self, kind: int, text: str) -> None:
        self.send(start_frame(kind) + text.encode("utf-8", "replace"))

    def begin_call(self) -> None:
        """Releases wait until the call's reply is sent."""
        self._in_call = True

    def _announce(self, segment: NewSegment) -> None:
        frame = start_frame(BUFFER) + _BUFFER.pack(segment.buffer, segment.size)
        _U32.pack_into(frame, 0, len(frame) - 4)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, _ID.pack(segment.fd))]
        with self._write:
            sent = self._socket.sendmsg([frame], rights)
            self._socket.sendall(frame[sent:])

    def _on_released(self, buffer: int) -> None:
        self._released.append(buffer)
        if not self._in_call:
            self._flush()

    def _add_releases(self, frames: bytearray) -> None:
        while self._released:
            try:
                buffer = self._released.popleft()
            except IndexError:  # another thread was quicker
                return
            frames += _HEAD.pack(_HEAD.size, RELEASE, 0) + _U32.pack(buffer)

    def _flush(self) -> None:
        # An array may die within send itself: then whoever sends does this afterwards.
        while self._released and self._write.acquire(blocking=False):
            try:
                frames = bytearray()
                self._add_releases(frames)
                self._socket.sendall(frames)
            except OSError:  # the server is gone; reading tells
                return
            finally:
                self._write.release()

    # Reading

    def next(self) -> Frame:
        """The next frame of the server's own accord. Raises EOFError when it is gone."""
        return self._wait(None)

    def reply(self, call: int) -> Frame:
        """The MODEL_REPLY of this id. Raises EOFError."""
        return self._wait(call)

    def _wait(self, call: Optional[int]) -> Frame:
        condition = self._condition
        while True:
            with condition:
                while True:
                    if call is None:
                        if self._frames:
                            return self._frames.popleft()
                    elif call in self._replies:
                        return self._replies.pop(call)
                    if self._end_of_file is not None:
                        raise self._end_of_file
                    if not self._reading:
                        break
                    condition.wait()
                self._reading = True
            failure: Optional[BaseException] = None
            try:
                frame = self._take(self._read())
            except (EOFError, ConnectionError):
                failure = EOFError("the server is gone")
            except (ProtocolError, OSError, *MALFORMED) as e:
                failure = ProtocolError(f"{type(e).__name__}: {e}")
            with condition:
                self._reading = False
                if failure is not None:
                    self._end_of_file = failure
                elif frame is not None and frame.type == MODEL_REPLY:
                    self._replies[frame.id] = frame
                elif frame is not None:
                    self._frames.append(frame)
                condition.notify_all()

    def _take(self, data: bytearray) -> Optional[Frame]:
        """The frame, unless it is about memory."""
        _, kind, call = _HEAD.unpack_from(data)
        if kind == BUFFER:
            buffer, size = _BUFFER.unpack_from(data, _HEAD.size)
            if not self._fds:
                raise ProtocolError("BUFFER without a descriptor")
            self.inputs.add(buffer, size, self._fds.popleft())
        elif kind == RELEASE:
            (buffer,) = _U32.unpack_from(data, _HEAD.size)
            if self.outputs.release(buffer):
                self.send(start_frame(DROP) + _U32.pack(buffer))
        elif kind == DROP:
            self.inputs.drop(_U32.unpack_from(data, _HEAD.size)[0])
        else:
            return Frame(kind, call, data)
        return None

    def _read(self) -> bytearray:
        while True:
            have = self._end - self._start
            if have >= 4:
                (size,) = _U32.unpack_from(self._chunk, self._start)
                if not _HEAD.size - 4 <= size <= _LIMIT:
                    raise ProtocolError(f"a frame of {size} bytes")
                size += 4
                if have >= size:
                    frame = self._chunk[self._start : self._start + size]
                    self._start += size
                    if self._start == self._end:
                        self._start = self._end = 0
                    return frame
                if size > _CHUNK:
                    return self._read_large(size, have)
            if self._start:
                self._chunk[:have] = self._chunk[self._start : self._end]
                self._start, self._end = 0, have
            self._fill()

    def _fill(self) -> None:
        count, control, _, _ = self._socket.recvmsg_into(
            [self._view[self._end :]], _FDS, socket.MSG_CMSG_CLOEXEC
        )
        for level, kind, data in control:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                for i in range(0, len(data) - _ID.size + 1, _ID.size):
                    self._fds.append(_ID.unpack_from(data, i)[0])
        if count == 0:
            raise EOFError
        self._end += count

    def _read_large(self, size: int, have: int) -> bytearray:
        frame = bytearray(size)
        frame[:have] = self._chunk[self._start : self._end]
        self._start = self._end = 0
        rest = memoryview(frame)[have:]
        while rest:
            count = self._socket.recv_into(rest)
            if count == 0:
                raise EOFError
            rest = rest[count:]
        return frame

    def forget_chunk(self) -> None:
        """Overwrites what was read and taken: a key was in it."""
        self._chunk[self._end :] = bytes(_CHUNK - self._end)
        self._chunk[: self._start] = bytes(self._start)

    def watch(self, ended: threading.Event) -> None:
        """Ends this process, whatever it is busy with, when the server is gone; `ended` is set when it ends by itself."""

        def wait() -> None:
            poll = select.poll()
            poll.register(self._socket, select.POLLRDHUP)
            poll.poll()
            ended.wait(2)
            os._exit(1)

        threading.Thread(target=wait, name="mirin-watch", daemon=True).start()
