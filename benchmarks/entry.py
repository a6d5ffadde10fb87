"""Code that the entry modules of `python -m benchmarks.NAME` share."""

import sys
from functools import partial
from typing import NoReturn

from benchmarks.measuring.threads import use_threads
from rnn_core.commands.program import run_program


def run(module: str, *, threads: bool = False) -> NoReturn:
    """Run the `main` of a module, and exit with its status.

    Args:
        module: name of the module, which is imported only here.
        threads: whether the command measures time, with the threads of `--threads`, by default one.
    """
    # Before the import of libraries, which read what it sets.
    run_program(module, partial(use_threads, sys.argv[1:]) if threads else None)
