"""Entry point of `python -m benchmarks.soak`."""

import sys

if __name__ == "__main__":
    import rnn_core  # noqa: F401 - first: it silences irrelevant import warnings of Paddle
    from benchmarks.commands.soak import main

    sys.exit(main())
