"""Entry point of `python -m benchmarks.processes`."""

import os
import sys

if __name__ == "__main__":
    # One thread for each process: more would compete for the cores. Before Paddle is imported.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import rnn_core  # noqa: F401 - First: it silences irrelevant import warnings of Paddle.
    from benchmarks.commands.processes import main

    sys.exit(main())
