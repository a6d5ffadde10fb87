"""Kill a run at random moments and resume it: `python -m tests.kill_and_resume --times 200`.

A run that writes a checkpoint after every step is killed with SIGKILL and started again, until it
ends; then another one begins, until there were so many kills. Each must go on from where it was,
and end in the bits of a run that was never killed. The exit status is 0 only if all did.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from rnn_core.checkpoints.folder import checkpoint_files
from rnn_core.runtime.files import PREFIX
from tests.helpers.resumed import SMALL, content, noisy_run

CONFIG = replace(SMALL, epochs=10)
STEPS = 40


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill as often as asked, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.kill_and_resume", description=__doc__)
    parser.add_argument("--times", type=int, default=200, metavar="N", help="kills (default: 200)")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        try:
            print(kill(Path(folder), options.times, random.Random(options.seed)))  # noqa: S311
        except AssertionError as error:
            print(f"FAILED: {error}")
            return 1
    return 0


def kill(base: Path, times: int, moments: random.Random) -> str:
    """Kill and resume, and say in a line what happened.

    Raises:
        AssertionError: a run did not go on, or ended in other bits.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})  # To wait for it with a time limit.
    began = time.monotonic()
    ends(start(base / "whole"), limit=None)
    whole, lasted = content(last(base / "whole")), time.monotonic() - began

    kills = runs = early = writing = 0
    stopped_at: set[int] = set()
    with tqdm(total=times, unit="kill", disable=None, leave=False) as bar:
        while kills < times:
            runs += 1
            folder, step = base / str(runs), -1
            while True:
                limit = moments.uniform(0, lasted) if kills < times else None
                if ends(start(folder), limit):
                    break
                kills += 1
                bar.update()
                files = checkpoint_files(folder)
                now = int(files[-1].stem.partition("-")[2]) if files else -1
                if now < step:
                    raise AssertionError(f"step {step} was there before the kill, now {now} is")
                step = now
                early += step < 0
                writing += any(folder.glob(f"{PREFIX}*"))
                stopped_at.add(step)
            if content(last(folder)) != whole:
                raise AssertionError(f"run {runs} ended in other bits")
    return (
        f"{kills} kills in {runs} runs of {STEPS} steps: {early} before the first checkpoint, "
        f"{writing} while one was written, at {len(stopped_at)} different steps; every run went "
        f"on, and ended in the bits of the one that was not killed"
    )


def start(folder: Path) -> int:
    """Begin or resume the run in a process of its own, forked, since importing Paddle is slow."""
    with warnings.catch_warnings():
        # Python 3.12 warns of threads that the child lacks. Paddle has had no work yet: none.
        warnings.simplefilter("ignore", DeprecationWarning)
        process = os.fork()
    if process:
        return process
    status = 1
    try:
        warnings.simplefilter("error")  # A kill leaves no damaged checkpoint.
        noisy_run(CONFIG, folder, resume=True)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def ends(process: int, limit: float | None) -> bool:
    """Whether a process ends by itself within the limit, in seconds; if not, it is killed.

    Raises:
        AssertionError: it ended with an error.
    """
    if limit is not None:
        signal.sigtimedwait({signal.SIGCHLD}, limit)
        os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    signal.sigtimedwait({signal.SIGCHLD}, 0)  # That of this process, if it has not been seen.
    if os.WIFSIGNALED(status):
        return False
    if status:
        raise AssertionError(f"a run ended with exit status {os.WEXITSTATUS(status)}")
    return True


def last(folder: Path) -> Path:
    """The checkpoint of a run's last step."""
    return folder / f"step-{STEPS:09}.npz"


if __name__ == "__main__":
    # A forked process has lost the other threads that it would wait for. So it must be set before
    # Paddle is imported, which `python -m` has done by now: then this begins once more.
    if os.environ.get("OMP_NUM_THREADS") != "1":
        os.environ["OMP_NUM_THREADS"] = "1"
        os.execv(sys.executable, [sys.executable, "-m", "tests.kill_and_resume", *sys.argv[1:]])  # noqa: S606
    sys.exit(main())
