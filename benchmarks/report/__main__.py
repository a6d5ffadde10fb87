"""Entry point of `python -m benchmarks.report`."""

import sys

if __name__ == "__main__":
    import rnn_core  # noqa: F401 - First: it silences irrelevant import warnings of Paddle.
    from benchmarks.report.command import main

    sys.exit(main())
