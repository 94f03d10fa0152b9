"""Memory that worker and server share: memfds of the server that hold inputs, and of this process for outputs.

Sealed against shrinking and growing; the sender of a segment alone writes it, until and after the other side has tensors in it.
"""

import fcntl
import mmap
import os
import weakref
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

#: Bytes of a tensor from which on it goes to a segment.
LARGE = 64 << 10
_IDLE_LIMIT = 64 << 20  # bytes of idle segments that are kept
_ADD_SEALS = 1033  # F_ADD_SEALS
_SEALS = 0x1 | 0x2 | 0x4  # F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW
_PAGE = mmap.PAGESIZE


def address_of(array: Array) -> int:
    return int(array.__array_interface__["data"][0])


class _Pagemap:
    """Tells whether pages of a private mapping were written, by /proc/self/pagemap, where that works."""

    def __init__(self) -> None:
        self._fd = -1
        try:
            self._fd = os.open("/proc/self/pagemap", os.O_RDONLY | os.O_CLOEXEC)
            self._pid = os.getpid()
            if not self._works():
                raise OSError
        except OSError:
            self._pid = -1

    def _works(self) -> bool:
        fd = os.memfd_create("mirin-probe", os.MFD_CLOEXEC)
        try:
            os.ftruncate(fd, 3 * _PAGE)
            memory = mmap.mmap(fd, 3 * _PAGE, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
        finally:
            os.close(fd)
        start = address_of(np.frombuffer(memory, np.uint8))
        untouched = self._entries_same(start, 3)
        memory[0]
        read = self._entries_same(start, 3)
        memory[_PAGE] = 1
        return (
            untouched and read and self._entries_same(start, 1) and not self._entries_same(start, 3)
        )

    def _entries_same(self, address: int, pages: int) -> bool:
        data = os.pread(self._fd, 8 * pages, address // _PAGE * 8)
        if len(data) != 8 * pages:
            return False
        # bits 63 present, 62 swapped, 61 of a file: an own copy is present and of no file, or swapped
        state = np.frombuffer(data, "<u8") >> np.uint64(61)
        return bool(((state == 0) | (state == 5)).all())

    def unwritten(self, address: int, size: int) -> bool:
        """False also when it cannot be told."""
        if self._pid != os.getpid():  # of another process, or closed
            return False
        first = address // _PAGE
        try:
            return self._entries_same(first * _PAGE, (address + size - 1) // _PAGE - first + 1)
        except OSError:
            return False


class _Received:
    """A segment of the server's, mapped so that writes stay in this process."""

    __slots__ = ("buffer", "memory", "address", "size", "arrays")

    def __init__(self, buffer: int, size: int, fd: int) -> None:
        self.buffer = buffer
        self.size = size
        self.memory = mmap.mmap(fd, size, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
        self.address = address_of(np.frombuffer(self.memory, np.uint8))
        self.arrays: "Dict[int, weakref.ref[Array]]" = {}


class Inputs:
    """The server's segments that this process has mapped.

    released: called with a buffer's number when the last array over it is gone; in any thread, even within other code.
    """

    def __init__(self, released: Callable[[int], None]) -> None:
        self._released = released
        self._segments: Dict[int, _Received] = {}
        self._by_memory: Dict[int, _Received] = {}
        self._pagemap = _Pagemap()

    def add(self, buffer: int, size: int, fd: int) -> None:
        """Maps a segment and closes fd. Raises OSError or ValueError."""
        try:
            segment = _Received(buffer, size, fd)
        finally:
            os.close(fd)
        self._segments[buffer] = segment
        self._by_memory[id(segment.memory)] = segment

    def drop(self, buffer: int) -> None:
        """Unmaps it, once no array is over it."""
        segment = self._segments.pop(buffer)
        del self._by_memory[id(segment.memory)]
        if not segment.arrays:
            segment.memory.close()

    def array(
        self, buffer: int, offset: int, size: int, dtype: "np.dtype[Any]", dims: Tuple[int, ...]
    ) -> Array:
        segment = self._segments[buffer]
        if offset + size > segment.size:
            raise ValueError("a tensor that reaches over the end of its segment")
        array: Array = np.ndarray(dims, dtype, segment.memory, offset)
        if array.nbytes != size:
            raise ValueError("a tensor whose size is not its shape's")
        key = id(array)

        def gone(_: Any) -> None:
            del segment.arrays[key]
            if segment.arrays:
                return
            # what was written here must not hide what the server writes there next
            if not self._pagemap.unwritten(segment.address, segment.size):
                segment.memory.madvise(mmap.MADV_DONTNEED)
            self._released(segment.buffer)

        segment.arrays[key] = weakref.ref(array, gone)
        return array

    def place_of(self, array: Array) -> Optional[Tuple[int, int]]:
        """Buffer and offset of an array in C order that lies, unchanged since it came, in a segment."""
        owner: Any = array
        while isinstance(owner, np.ndarray):
            owner = owner.base
        if isinstance(owner, memoryview):
            owner = owner.obj
        segment = self._by_memory.get(id(owner))
        if segment is None:
            return None
        address = address_of(array)
        offset = address - segment.address
        if not 0 <= offset <= segment.size - array.nbytes:
            return None
        if not self._pagemap.unwritten(address, array.nbytes):
            return None
        return segment.buffer, offset


class _Own:
    __slots__ = ("buffer", "memory", "size")

    def __init__(self, buffer: int, memory: mmap.mmap, size: int) -> None:
        self.buffer = buffer
        self.memory = memory
        self.size = size


class NewSegment(NamedTuple):
    buffer: int
    size: int
    fd: int


class Outputs:
    """This process's segments: one tensor in each at a time.

    announce: tells the server of a new one, before it is used.
    """

    def __init__(self, announce: Callable[[NewSegment], None]) -> None:
        self._announce = announce
        self._used: Dict[int, _Own] = {}
        self._idle: Dict[int, List[_Own]] = {}  # by size
        self._idle_bytes = 0
        self._next = 1

    def put(self, array: Array) -> int:
        """Copies an array of LARGE or more bytes to a segment; returns the segment's number. Raises OSError."""
        size = 1 << (array.nbytes - 1).bit_length()
        idle = self._idle.get(size)
        if idle:
            segment = idle.pop()
            self._idle_bytes -= size
        else:
            segment = self._make(size)
        self._used[segment.buffer] = segment
        to: Array = np.ndarray(array.shape, array.dtype, segment.memory)
        np.copyto(to, array, casting="no")
        return segment.buffer

    def _make(self, size: int) -> _Own:
        fd = os.memfd_create("mirin-worker", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(fd, size)
            fcntl.fcntl(fd, _ADD_SEALS, _SEALS)
            segment = _Own(self._next, mmap.mmap(fd, size), size)
            self._announce(NewSegment(segment.buffer, size, fd))
        finally:
            os.close(fd)
        self._next += 1
        return segment

    def release(self, buffer: int) -> bool:
        """The server has no more use for what lies there. True: the segment is gone, and the server is to be told (DROP)."""
        segment = self._used.pop(buffer)
        if self._idle_bytes + segment.size > _IDLE_LIMIT:
            return True
        self._idle.setdefault(segment.size, []).append(segment)
        self._idle_bytes += segment.size
        return False
