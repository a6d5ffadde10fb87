"""Entry point of `python -m benchmarks.report`."""

import sys

if __name__ == "__main__":
    import rnn_core  # noqa: F401 - first: it silences irrelevant import warnings of Paddle
    from benchmarks.report.command import INTERRUPTED, main

    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
