"""Printing beside a progress bar and from several processes."""

import os
import sys

from tqdm import tqdm

from rnn_core.runtime import parallel


def say(text: str) -> None:
    """Print and flush; discard output if stdout was closed (`| head`).

    Of several processes, only the first prints.
    """
    if parallel.rank() > 0:
        return
    try:
        tqdm.write(text, file=sys.stdout)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
