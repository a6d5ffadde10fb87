"""Entry point of `python -m benchmarks.behaviour`."""

import sys

if __name__ == "__main__":
    import rnn_core  # noqa: F401 - first: it silences irrelevant import warnings of Paddle
    from benchmarks.behaviour.command import main

    sys.exit(main())
