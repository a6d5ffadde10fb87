"""The same few threads for everybody. Imports no library, for they read all this when imported."""

import argparse
import os
from collections.abc import Sequence

VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC")


def threads_parser() -> argparse.ArgumentParser:
    """The option `--threads`, as a parent of a whole command line."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--threads",
        type=_threads,
        default=1,
        metavar="N",
        help="threads and CPUs that every library may use, whatever OMP_NUM_THREADS says "
        "(default: 1)",
    )
    return parser


def use_threads(arguments: Sequence[str]) -> None:
    """Bind this process to as many CPUs as `--threads` says, and tell all libraries.

    To be called before Paddle, PyTorch or JAX is imported.
    """
    count = threads_parser().parse_known_args(arguments)[0].threads
    os.environ.update(dict.fromkeys(VARIABLES, str(count)))
    if count == 1:
        flags = os.environ.get("XLA_FLAGS", "")
        os.environ["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false".strip()
    if hasattr(os, "sched_setaffinity"):  # Linux only; JAX counts the CPUs that it may use.
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


def cpus() -> int:
    """How many CPUs this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _threads(text: str) -> int:
    most = cpus()
    if not (text.isdecimal() and 1 <= int(text) <= most):
        raise argparse.ArgumentTypeError(
            f"must be 1 to {most}, the CPUs that this process may use, got {text!r}"
        )
    return int(text)
