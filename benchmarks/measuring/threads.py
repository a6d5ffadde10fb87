"""The number of threads and CPUs that every library may use.

This module imports none of these libraries, because they read the settings when imported.
"""

import argparse
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from filelock import FileLock

from benchmarks.locks import lock_cpu
from rnn_core.runtime.messages import shown

VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC")
_locks: list[FileLock] = []  # Those of the CPUs, held until the process ends.
_allowed: set[int] = set()  # The CPUs before `use_threads`.


def threads_parser() -> argparse.ArgumentParser:
    """Return a parser with the option `--threads`, as a parent of other parsers."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--threads",
        type=_threads,
        default=1,
        metavar="N",
        help="number of threads and CPUs that every library may use; overrides OMP_NUM_THREADS "
        "(default: 1)",
    )
    return parser


def use_threads(arguments: Sequence[str]) -> None:
    """Limit the CPUs of this process and the threads of all libraries to the number in `--threads`.

    Must be called before Paddle, PyTorch or JAX is imported.
    """
    count = threads_parser().parse_known_args(arguments)[0].threads
    os.environ.update(dict.fromkeys(VARIABLES, str(count)))
    if count == 1:
        flags = os.environ.get("XLA_FLAGS", "")
        os.environ["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false".strip()
    if hasattr(os, "sched_setaffinity"):  # Linux only. JAX counts the CPUs that it may use.
        _allowed.update(os.sched_getaffinity(0))
        os.sched_setaffinity(0, choose_cpus(count))


def choose_cpus(count: int) -> list[int]:
    """Return CPUs of this process, if possible such that no other command is bound to."""
    allowed = sorted(os.sched_getaffinity(0))
    free: list[int] = []
    for number in allowed:
        if len(free) < count and (lock := lock_cpu(number)):
            _locks.append(lock)
            free.append(number)
    return [*free, *(number for number in allowed if number not in free)][:count]


@contextmanager
def all_cpus() -> Iterator[int]:
    """Let processes start on all CPUs that no other command is bound to; yield the number.

    They are locked meanwhile. Among them are those that this process is bound to, and at most those
    that it had before `use_threads`.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield cpus()
        return
    bound = os.sched_getaffinity(0)
    with ExitStack() as locks:
        locks.callback(os.sched_setaffinity, 0, bound)
        free = set(bound)
        for number in _allowed - bound:
            if lock := lock_cpu(number):
                locks.callback(lock.release)
                free.add(number)
        os.sched_setaffinity(0, free)
        yield cpus()


def cpus() -> int:
    """Return the number of CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _threads(text: str) -> int:
    # Not a type of rnn_core.commands.arguments: importing it imports Paddle.
    most = cpus()
    if not (text.isdecimal() and len(text) < 10 and 1 <= int(text) <= most):
        raise argparse.ArgumentTypeError(
            f"must be 1 to {most}, the number of CPUs that this process may use, got {shown(text)}"
        )
    return int(text)
