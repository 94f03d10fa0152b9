"""Memory that a client shares with a server on its machine: large tensors then do not pass through a connection."""

import collections
import fcntl
import ipaddress
import mmap
import os
import secrets
import threading
import weakref
from typing import Any, Callable, Deque, List, Optional, Tuple

import numpy as np

from ..proto import ms_service_pb2 as pb

LARGE = 64 << 10  #: bytes of an array that is worth it
_MAGIC = b"mirin client memory 1\n"
_SECRET = 32
_HEAD = 4096
ALIGNMENT = 64  #: of arrays in it
_ROUNDING = 1 << 20
_MOST_BYTES = 1 << 30  # of a client, those that results lie in among them
_MOST_IDLE_BYTES = 256 << 20
_MOST_SEGMENTS = 48  # a connection has at most 64
_SEALS = 0x1 | 0x2 | 0x4  # seal, shrink, grow
_ADD_SEALS = 1033


def is_local(address: str) -> bool:
    """Whether a server at this address is on this machine."""
    if address.startswith(("unix:", "unix-abstract:")):
        return True
    host = address.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


class _Segment:
    """A memfd of this process, as ms_service.proto describes it. Raises OSError."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.secret = secrets.token_bytes(_SECRET)
        self.key = ""
        self.fd = -1
        self.fd = os.memfd_create("mirin-client", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.posix_fallocate(self.fd, 0, size)
        fcntl.fcntl(self.fd, _ADD_SEALS, _SEALS)
        self.memory = mmap.mmap(self.fd, size)
        self.memory[: len(_MAGIC) + _SECRET] = _MAGIC + self.secret

    def close(self) -> None:
        """Of the descriptor that the server has opened, or will not open. The pages go with the last array in them."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __del__(self) -> None:
        self.close()


class Lease:
    """A segment while one request has it."""

    def __init__(self, pool: "Pool", segment: _Segment) -> None:
        self._pool = pool
        self._segment = segment
        self._end = _HEAD  # of what is in it
        self._results: Optional[np.ndarray] = None

    @property
    def key(self) -> str:
        """The server's name of it; empty: the server does not know it."""
        return self._segment.key

    @key.setter
    def key(self, key: str) -> None:
        self._segment.key = key
        self._segment.close()

    def offer(self) -> Any:
        """The AttachRequest that makes it known."""
        segment = self._segment
        return pb.AttachRequest(
            process_id=os.getpid(), fd=segment.fd, bytes_size=segment.size, secret=segment.secret
        )

    def put(self, array: np.ndarray, tensor: Any) -> bool:
        """Copies an array and says in the message where it is. False where there is no room."""
        if self._end + array.nbytes > self._segment.size:
            return False
        place = np.frombuffer(self._segment.memory, array.dtype, array.size, self._end)
        np.copyto(place.reshape(array.shape), array)
        self._place(tensor.shm_data, self._end, array.nbytes)
        self._end = _aligned(self._end + array.nbytes)
        return True

    def offer_results(self, request: Any) -> None:
        """Leaves what is not used to the results."""
        room = self._segment.size - self._end
        if room >= LARGE:
            self._place(request.result_memory, self._end, room)

    def _place(self, message: Any, offset: int, size: int) -> None:
        message.memory_key = self.key
        message.bytes_size = self._segment.size
        message.data_offset = offset
        message.data_size = size

    def take(self, place: Any, dtype: np.dtype) -> np.ndarray:
        """The numbers of a result. The segment is in use while somebody has them."""
        begin, size = place.data_offset - self._end, place.data_size
        if place.memory_key != self.key or begin < 0 or place.data_offset + size > self._segment.size:
            raise RuntimeError("The server places a result where there is no memory for it")
        if self._results is None:
            self._results = np.frombuffer(self._segment.memory, np.uint8, offset=self._end)
            self._results.flags.writeable = False
            end = weakref.finalize(self._results, self._pool.note, self._segment, True)
            end.atexit = False
        return self._results[begin : begin + size].view(dtype)

    def end(self) -> None:
        """The answer is here, and what it holds is taken."""
        if self._results is None:
            self._pool.note(self._segment, True)
        self._results = None

    def refuse(self, for_good: bool) -> None:
        """The server does not take it."""
        self._pool.usable = self._pool.usable and not for_good
        self.abandon()

    def abandon(self) -> None:
        """There is no answer: the server may still write."""
        self._pool.note(self._segment, False)


class Pool:
    """The segments of one client. Thread-safe.

    What ends a lease may run while memory is collected, at any point of any thread: it leaves a note, and take() reads it.
    """

    def __init__(self, detach: Callable[[str], None]) -> None:
        """detach(key) tells the server, and does not wait; a method, whose object the pool does not keep."""
        self._detach = weakref.WeakMethod(detach)
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._notes: Deque[Tuple[_Segment, bool]] = collections.deque()
        self._idle: List[_Segment] = []
        self._bytes = 0
        self._count = 0
        self.usable = hasattr(os, "memfd_create")

    def take(self, size: int) -> Optional[Lease]:
        """A lease for that many bytes; its key is empty when the server does not know it yet. None: there is none to be had."""
        size += _HEAD
        dropped: List[_Segment] = []
        with self._lock:
            segment = self._take(size, dropped)
        detach = self._detach()
        for old in dropped:
            if old.key and detach is not None:
                detach(old.key)
        return None if segment is None else Lease(self, segment)

    def _take(self, size: int, dropped: List[_Segment]) -> Optional[_Segment]:
        if self._process != os.getpid():  # after a fork the memory is the parent's, too
            self._process, self._bytes, self._count = os.getpid(), 0, 0
            self._idle.clear()
            self._notes.clear()
        while self._notes:
            segment, reusable = self._notes.popleft()
            self._idle.append(segment)
            if not reusable:
                dropped.append(self._forget(len(self._idle) - 1))
        fitting = [s for s in self._idle if s.size >= size]
        if fitting:
            best = min(fitting, key=lambda s: s.size)
            self._idle.remove(best)
        while sum(s.size for s in self._idle) > _MOST_IDLE_BYTES:
            dropped.append(self._forget(0))
        if fitting:
            return best
        size = -(-(size + size // 8) // _ROUNDING) * _ROUNDING
        while self._idle and self._is_full(size):
            dropped.append(self._forget(0))
        if self._is_full(size):
            return None
        try:
            made = _Segment(size)
        except (OSError, ValueError):  # no memory, no descriptor, or nothing of the kind
            return None
        self._bytes += size
        self._count += 1
        return made

    def _is_full(self, more: int) -> bool:
        return self._count >= _MOST_SEGMENTS or self._bytes + more > _MOST_BYTES

    def _forget(self, i: int) -> _Segment:
        segment = self._idle.pop(i)
        self._bytes -= segment.size
        self._count -= 1
        return segment

    def note(self, segment: _Segment, reusable: bool) -> None:
        """Nobody has the segment any more."""
        self._notes.append((segment, reusable))

    def clear(self) -> None:
        """The server has forgotten what it knew."""
        with self._lock:
            while self._idle:
                self._forget(0)
