"""Entry point of `python -m benchmarks.memory`."""

import sys

if __name__ == "__main__":
    import rnn_core  # noqa: F401 - First: it silences irrelevant import warnings of Paddle.
    from benchmarks.measuring.memory import main

    sys.exit(main(*sys.argv[1:]))
