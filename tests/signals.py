"""Send signals to every command at random moments: `python -m tests.signals --count 20`.

Each command must then end with the status of the signal, one line and no traceback, leave no
process, and keep what it had finished. During Python's own start-up, it need only end. If one does
not, the exit status is 1.
"""

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from rnn_core.commands.arguments import at_least
from rnn_core.commands.program import run_program
from rnn_core.commands.status import ExitStatus
from rnn_core.config import EXECUTIONS
from tests import ROOT

LONGEST = 8.0  # seconds until the last signal
LIMIT = 60.0  # seconds until a command counts as hanging
MARK = "RNN_CORE_TRIAL"  # environment variable that finds the processes of a trial
RUN = "rnn_core run clipped-lstm --log-every 1 --save run.npz --execution"
LAUNCH = "paddle.distributed.launch --nproc_per_node 2 --log_dir log python -m"
# Arguments that let a command run for some seconds; one that is not listed gets none.
ARGUMENTS = {
    "benchmarks.behaviour": "--baseline python --candidate python --results behaviour",
    "benchmarks.calibrate": "--python python --sessions 1 --budget 0.5 --results calibration",
    "benchmarks.compare": "python python --budget 0.5 --results comparison",
    "benchmarks.ratios": "--rounds 3 --implementations textbook,kernel --save ratios.md",
    "benchmarks.report": ".",
    "benchmarks.soak": "--minutes 0.1",
    "tests.faults": "healthy --jobs 1",
}
ENTRY = re.compile(r'if __name__ == "__main__":.*\brun(_program)?\(', re.DOTALL)


class Trial(NamedTuple):
    """End of a command that got a signal.

    Attributes:
        when: "running", "starting" (no handler was installed yet) or "ended" (it had done its
            work).
        problem: what was wrong; empty if nothing was.
    """

    when: str
    problem: str


def commands() -> list[str]:
    """Return every command of the project, with arguments, found by its entry module."""
    found = []
    for package in ("benchmarks", "tests"):
        for path in sorted((ROOT / package).rglob("*.py")):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            if not path.name.startswith(("test_", "signals.")) and ENTRY.search(
                path.read_text(encoding="utf-8")
            ):
                found.append(module.removesuffix(".__main__"))
    found = [f"{module} {ARGUMENTS.get(module, '')}".strip() for module in found]
    runs = [f"{RUN} {execution}" for execution in EXECUTIONS]
    return [*runs, "rnn_core list", *found, f"{LAUNCH} {runs[0]}"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.signals", description=__doc__)
    parser.add_argument("words", nargs="*", help="words of commands to try (default: all)")
    parser.add_argument(
        "--count", type=at_least(1), default=20, metavar="N", help="signals of each kind"
    )
    parser.add_argument(
        "--signal", choices=("INT", "TERM"), help="kind of signal to send (default: both)"
    )
    options = parser.parse_args(arguments)
    kinds = [options.signal] if options.signal else ["INT", "TERM"]
    failed = False
    for command in commands():
        if not all(word in command for word in options.words):
            continue
        lasts, usual = normal(command)
        for kind in kinds:
            ends: Counter[str] = Counter()
            for _ in range(options.count):
                moment = random.uniform(0, lasts)  # noqa: S311
                trial = try_signal(command, getattr(signal, f"SIG{kind}"), moment, usual)
                ends[trial.when] += 1
                if trial.problem:
                    ends["failed"] += 1
                    print(f"FAILED after {moment:.2f} s: {command}: {trial.problem}", flush=True)
            failed = failed or bool(ends["failed"])
            counts = ", ".join(f"{count} {when}" for when, count in sorted(ends.items()))
            print(f"SIG{kind:<5} {command}: {counts}", flush=True)
    return ExitStatus.FINDING if failed else ExitStatus.OK


def normal(command: str) -> tuple[float, int | None]:
    """Return how long a command lasts, at most `LONGEST`, and its status; None if longer."""
    mark = uuid.uuid4().hex
    with tempfile.TemporaryDirectory() as folder, start(command, folder, mark) as process:
        began = time.monotonic()
        try:
            process.wait(LONGEST)
        except subprocess.TimeoutExpired:
            process.terminate()
            process.wait()
            return LONGEST, None
        return time.monotonic() - began, process.returncode


def try_signal(command: str, number: int, moment: float, usual: int | None) -> Trial:
    """Start a command, send it a signal after a number of seconds, and judge how it ends."""
    mark = uuid.uuid4().hex
    with tempfile.TemporaryDirectory() as folder, start(command, folder, mark) as process:
        with suppress(subprocess.TimeoutExpired):
            process.wait(moment)
        when = "ended" if process.returncode is not None else state(process.pid)
        process.send_signal(number)
        try:
            process.wait(LIMIT)
            problem = ""
        except subprocess.TimeoutExpired:
            problem = "hangs"
        left = marked(mark)
        for each in left:
            each.kill()
        process.wait()
        out, error = (Path(folder, name).read_text() for name in ("stdout", "stderr"))
        if problem:
            return Trial(when, problem)
        if left:
            return Trial(when, f"{len(left)} processes left")
        if process.returncode == usual and "interrupted by" not in error:
            return Trial("ended", "")
        if when == "running" and not command.startswith(LAUNCH):
            problem = judge(process.returncode, number, error) or kept(command, Path(folder), out)
        return Trial(when, problem)


@contextmanager
def start(command: str, folder: str, mark: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command in a folder, in which its output is written; kill what is left at the end."""
    environment = {**os.environ, MARK: mark, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with Path(folder, "stdout").open("wb") as out, Path(folder, "stderr").open("wb") as error:
        process = subprocess.Popen(
            [sys.executable, "-m", *command.split()],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=error,
        )
    with process:
        try:
            yield process
        finally:
            for each in marked(mark):
                each.kill()


def state(pid: int) -> str:
    """Return whether a process handles signals: "starting", "running" or "ended"."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    blocked, ignored, caught = (
        int(mask, 16) >> (signal.SIGTERM - 1) & 1
        for mask in re.findall(r"Sig(?:Blk|Ign|Cgt):\s*(\w+)", status)
    )
    if ignored:
        return "ended"
    return "running" if blocked or caught else "starting"


def marked(mark: str) -> list[psutil.Process]:
    """The processes of a trial that still run."""
    running = psutil.process_iter(["environ"])  # None if it belongs to somebody else.
    return [each for each in running if (each.info["environ"] or {}).get(MARK) == mark]


def judge(status: int, number: int, error: str) -> str:
    """Return what is wrong with the status and the error output."""
    if status != 128 + number:
        return f"status {status}: {error[-1000:]}"
    wanted = f"interrupted by {signal.Signals(number).name}\n"
    return "" if error == wanted else f"printed {error[-1000:]!r}"


def kept(command: str, folder: Path, out: str) -> str:
    """Return what is wrong with the history of a run, if it has printed a step."""
    if not command.startswith(RUN) or "=epoch" not in out:
        return ""
    from rnn_core import History

    try:
        history = History.load(folder / "run.npz")
    except (OSError, ValueError) as error:
        return f"no history: {error}"
    shown = out.count("=epoch")
    return "" if history.steps >= shown - 1 else f"{history.steps} steps kept of {shown}"


if __name__ == "__main__":
    # A shell that starts this in the background ignores SIGINT, and so would the commands.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    run_program("tests.signals")
