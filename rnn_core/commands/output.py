"""Printing beside a progress bar and from several processes."""

import sys

from tqdm import tqdm

from rnn_core.runtime import parallel


def say(text: str) -> None:
    """Print and flush; of several processes, only the first prints."""
    if parallel.rank() > 0:
        return
    tqdm.write(text, file=sys.stdout)
    sys.stdout.flush()
