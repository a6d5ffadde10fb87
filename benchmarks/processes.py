"""Entry point of `python -m benchmarks.processes`."""

import os
import sys

if __name__ == "__main__":
    # Before Paddle is imported. More threads than one for each process would compete for the CPUs.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import rnn_core  # noqa: F401 - first: it silences irrelevant import warnings of Paddle
    from benchmarks.commands.processes import main

    sys.exit(main())
