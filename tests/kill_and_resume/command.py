"""Kill a run at random moments and resume it: `python -m tests.kill_and_resume --times 200`.

A run that writes a checkpoint after every step is killed with SIGKILL and resumed until it ends;
then the next run begins, until the number of kills is reached. Each run must continue from its last
checkpoint and end in the same bits as a run that was never killed. If one does not, the exit status
is 1.
"""

import argparse
import multiprocessing
import random
import signal
import tempfile
import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from rnn_core.checkpoints.folder import checkpoint_files
from rnn_core.commands.arguments import at_least, seed
from rnn_core.commands.status import ExitStatus
from rnn_core.runtime.files import PREFIX
from tests.helpers.resumed import SMALL, content, last_step, noisy_run

CONFIG = replace(SMALL, epochs=10)
STEPS = 40


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.kill_and_resume", description=__doc__)
    parser.add_argument(
        "--times", type=at_least(1), default=200, metavar="N", help="number of kills (default: 200)"
    )
    parser.add_argument(
        "--seed", type=seed, default=0, help="random seed for the moments of the kills (default: 0)"
    )
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        try:
            print(kill(Path(folder), options.times, random.Random(options.seed)))  # noqa: S311
        except AssertionError as error:
            print(f"FAILED: {error}")
            return ExitStatus.FINDING
    return ExitStatus.OK


def kill(base: Path, times: int, moments: random.Random) -> str:
    """Kill and resume runs; return a summary.

    Raises:
        AssertionError: a run did not continue, or ended in other bits.
    """
    began = time.monotonic()
    ends(base / "whole", limit=None)
    whole, lasted = content(last(base / "whole")), time.monotonic() - began

    kills = runs = early = writing = 0
    stopped_at: set[int] = set()
    with tqdm(total=times, unit="kill", disable=None, leave=False) as bar:
        while kills < times:
            runs += 1
            folder, step = base / str(runs), -1
            while not ends(folder, moments.uniform(0, lasted) if kills < times else None):
                kills += 1
                bar.update()
                now = last_step(folder) if checkpoint_files(folder) else -1
                if now < step:
                    raise AssertionError(
                        f"last checkpoint was step {step}, is {now} after the kill"
                    )
                step = now
                early += step < 0
                writing += any(folder.glob(f"{PREFIX}*"))
                stopped_at.add(step)
            if content(last(folder)) != whole:
                raise AssertionError(f"run {runs} ended in other bits")
    return (
        f"{kills} kills in {runs} runs of {STEPS} steps: {early} before the first checkpoint, "
        f"{writing} while one was written, at {len(stopped_at)} different steps; every run was "
        f"resumed and ended in the same bits as the run that was not killed"
    )


def ends(folder: Path, limit: float | None) -> bool:
    """Start or resume the run; whether it ends within the limit, in seconds, or is killed.

    It runs in a forked process, which need not import Paddle again.

    Raises:
        AssertionError: the run failed.
    """
    process = multiprocessing.get_context("fork").Process(target=run, args=(folder,))
    process.start()
    try:
        process.join(limit)
    finally:  # After Ctrl-C, too.
        process.kill()
        process.join()
    if process.exitcode not in (0, -signal.SIGKILL):
        raise AssertionError(f"a run ended with exit status {process.exitcode}")
    return process.exitcode == 0


def run(folder: Path) -> None:
    """Start or resume the run in this process."""
    warnings.simplefilter("error")  # A damaged checkpoint would be a warning.
    noisy_run(CONFIG, folder, resume=True)


def last(folder: Path) -> Path:
    """Path of the checkpoint after the last step."""
    return folder / f"step-{STEPS:09}.npz"
