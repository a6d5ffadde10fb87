"""Entry point of `python -m benchmarks.ratios`."""

import sys

from benchmarks.measuring.threads import use_threads

if __name__ == "__main__":
    use_threads(sys.argv[1:])  # before importing the libraries, which read it
    import rnn_core  # noqa: F401 - first: it silences irrelevant import warnings of Paddle
    from benchmarks.commands.ratios import main

    sys.exit(main())
