"""Entry point of `python -m benchmarks.notebook_table`."""

import sys

if __name__ == "__main__":
    import rnn_core  # noqa: F401 - first: it silences irrelevant import warnings of Paddle
    from benchmarks.notebook.table import main

    sys.exit(main())
