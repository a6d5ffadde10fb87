"""Entry point of `python -m benchmarks.compare`."""

import sys

from benchmarks.measuring.threads import use_threads

if __name__ == "__main__":
    use_threads(sys.argv[1:])  # Before the libraries that read it are imported.
    import rnn_core  # noqa: F401 - First: it silences irrelevant import warnings of Paddle.
    from benchmarks.compare.command import main

    sys.exit(main())
