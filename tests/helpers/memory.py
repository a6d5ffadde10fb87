"""Memory and open files of this process that calls leave behind."""

import ctypes
import gc
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import paddle

from benchmarks.measuring.memory import allocated_peak

try:
    import resource
except ImportError:  # On Windows.
    resource = None  # type: ignore[assignment]

LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
# Only glibc 2.33 or later reports the size of the heap.
COUNTS_HEAP = hasattr(LIBC, "mallinfo2")


FILES = Path("/proc/self/fd")


class MallocState(ctypes.Structure):
    """What glibc's `mallinfo2` returns; `hblkhd` is given out in mappings of their own."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


class Memory(NamedTuple):
    """Memory of a process.

    Attributes:
        tensors: bytes of all tensors on the CPU.
        objects: number of memory blocks that Python has allocated.
        heap: bytes that malloc has given out; 0 if it is not glibc's, of version 2.33 or later.
        pages: number of pages that the process got from the system so far; 0 on Windows.
        files: number of open files; 0 but on Linux.
    """

    tensors: int
    objects: int
    heap: int
    pages: int
    files: int


def memory() -> Memory:
    """The memory and open files of this process, after a garbage collection."""
    gc.collect()
    heap = 0
    mallinfo = getattr(LIBC, "mallinfo2", None)
    if mallinfo is not None:
        mallinfo.restype = MallocState
        state = mallinfo()
        heap = state.uordblks + state.hblkhd
    pages = resource.getrusage(resource.RUSAGE_SELF).ru_minflt if resource else 0
    return Memory(tensor_bytes(), sys.getallocatedblocks(), heap, pages, open_files())


def open_files() -> int:
    """Number of files that this process has open; 0 but on Linux."""
    return len([*FILES.iterdir()]) if FILES.exists() else 0


def tensor_bytes() -> int:
    """Bytes of all tensors on the CPU."""
    return int(paddle.base.core.host_memory_stat_current_value("Allocated", 0))


def peak(work: Callable[[], object]) -> int:
    """Most bytes of tensors on the CPU that a call holds at a time, beyond those before it."""
    before = tensor_bytes()
    return allocated_peak(work, "cpu") - before


def object_bytes(work: Callable[[], object]) -> tuple[int, int]:
    """Bytes of Python's objects that a call leaves, and the most that it holds at a time."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()


def lost(work: Callable[[], object], warm: int, more: int) -> Memory:
    """Growth of the memory over `more` calls, after `warm` calls."""
    for _ in range(warm):
        work()
    before = memory()
    for _ in range(more):
        work()
    return Memory(*(now - then for now, then in zip(memory(), before, strict=True)))


def leaks(work: Callable[[], object], warm: int, more: int, limits: Memory) -> dict[str, int]:
    """What grows by its limit or more over `more` calls, each time: caches grow at first."""
    found: dict[str, int] = {}
    for _ in range(16):  # Most settle in 1; an LSTM's heap took up to 9.
        growth = zip(Memory._fields, lost(work, warm, more), limits, strict=True)
        found = {name: value for name, value, limit in growth if value >= limit}
        if not found:
            break
    return found
