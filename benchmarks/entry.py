"""Code that the entry modules of `python -m benchmarks.NAME` share."""

import sys
from importlib import import_module
from typing import NoReturn

from benchmarks.measuring.threads import use_threads


def run(module: str, *, threads: bool = False) -> NoReturn:
    """Run the `main` of a module, and exit with its status.

    Args:
        module: name of the module, which is imported only here.
        threads: whether the command has the option `--threads`.
    """
    if threads:
        use_threads(sys.argv[1:])  # before the import of libraries, which read it
    import_module("rnn_core")  # first: it silences irrelevant import warnings of Paddle
    sys.exit(import_module(module).main())
