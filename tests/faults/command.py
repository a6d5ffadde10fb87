"""Plant every fault, one at a time, and report which tests notice: `python -m tests.faults`.

Each fault is planted in a copy of the project, in which pytest runs the test files that should
notice, and the other ones if these do not. The tests also run on a copy without a fault, and must
pass. The exit status is 0 if every fault was caught and the copy without a fault passed, 1 if not,
2 for wrong options, and 3 if the verdicts could not be written.
"""

import argparse
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from datetime import date
from hashlib import sha256
from multiprocessing.connection import wait
from pathlib import Path
from threading import RLock
from xml.etree import ElementTree

import pytest
from tqdm import tqdm

from benchmarks.report.formats import HEALTHY as NO_FAULT
from benchmarks.report.formats import Planted, Planting
from benchmarks.runner import run
from rnn_core.commands.arguments import at_least, writable_path
from rnn_core.commands.status import ExitStatus
from rnn_core.runtime.environment import describe_environment
from rnn_core.runtime.files import write_json, write_text
from rnn_core.runtime.messages import complain
from tests import ROOT
from tests.faults.fault import SOURCE_FAULTS, Fault, apply_edits
from tests.faults.in_paddle import FAULTS as PADDLE_FAULTS
from tests.faults.plant import IMPORTED, OUTPUT, REPORT, run_tests

FAULTS = (*SOURCE_FAULTS, *PADDLE_FAULTS)
HEALTHY = Fault(NO_FAULT, "no fault: every test must pass")

FOLDERS = ("rnn_core", "tests", "benchmarks")
FILES = ("conftest.py", "pyproject.toml", "tox.ini")
# Folders of the tests that a fault does not name, in their order: those that notice most first.
ORDER = ("recorded", "oracle", "core", "runs")
LAST = "test_contrast.py"
DOCUMENT = ROOT / "docs" / "faults.md"
# Seconds; several times what the slowest take.
NAMED_LIMIT, SLOW_LIMIT, WHOLE_LIMIT = 180, 1200, 900


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    add = parser.add_argument
    add("names", nargs="*", help="names of faults (default: all of them, and the copy without one)")
    add(
        "--sample",
        type=at_least(1),
        metavar="N",
        help="number of faults to choose, by the commit (by the date without git), from those that "
        "quick tests notice; only these tests run on the copy without a fault",
    )
    add(
        "--save",
        type=writable_path(".json"),
        metavar="FILE.json",
        help="file for the verdicts, written after each",
    )
    add(
        "--resume",
        action="store_true",
        help="whether to take the verdicts on the same code from the file of --save",
    )
    add("--docs", action="store_true", help="whether to write docs/faults.md, from all faults")
    add(
        "--jobs",
        type=at_least(1),
        default=os.cpu_count(),
        metavar="N",
        help="number of simultaneous runs (default: number of CPUs)",
    )
    options = parser.parse_args(arguments)
    faults = (HEALTHY, *FAULTS)
    unknown = set(options.names) - {fault.name for fault in faults}
    if unknown:
        parser.error(f"unknown fault: {', '.join(sorted(unknown))}")
    if options.names and options.sample:
        parser.error("names of faults and --sample exclude each other")
    if options.docs and (options.names or options.sample):
        parser.error("--docs needs all faults, without names and --sample")
    if options.resume and not options.save:
        parser.error("--resume needs --save")
    wanted = [fault for fault in faults if not options.names or fault.name in options.names]
    if options.sample:
        wanted = [HEALTHY, *sample(FAULTS, options.sample)]
    source = digest()
    try:
        known = read_verdicts(options.save, source) if options.resume else {}
    except (OSError, ValueError) as error:
        parser.error(f"--resume: cannot read {options.save}: {error}")
    verdicts = {fault.name: known[fault.name] for fault in wanted if fault.name in known}
    left = [fault for fault in wanted if fault.name not in known]
    tqdm.set_lock(RLock())  # The default one is for processes, and forkserver calls it a leak.
    with closing(judge_all(left, options.jobs, not options.sample)) as judged:
        for verdict in tqdm(judged, total=len(left), unit="fault"):
            verdicts[verdict.name] = verdict
            if not verdict.as_expected:
                tqdm.write(f"{verdict.name}: {verdict.verdict}")
                sys.stdout.flush()  # So that a log file has it even if the run is killed.
            with suppress(OSError):  # The last verdict reports it.
                save(list(verdicts.values()), options.save, source)
    ordered = [verdicts[fault.name] for fault in wanted]
    print("\n".join(matrix(ordered)))
    try:
        save(ordered, options.save, source)
        if options.docs:
            write_text(DOCUMENT, "\n".join(markdown(ordered, describe_environment())) + "\n")
    except OSError as error:
        complain(str(error))
        return ExitStatus.NOT_WRITTEN
    return ExitStatus.OK if all(each.as_expected for each in ordered) else ExitStatus.FINDING


def sample(faults: Sequence[Fault], count: int) -> list[Fault]:
    """Some of the faults that quick tests notice, the same for each run on a commit."""
    try:
        commit = run(["git", "rev-parse", "HEAD"])
    except OSError:
        commit = None
    seed = commit.output if commit and commit.status == 0 else f"{date.today()}"
    quick = [fault for fault in faults if not fault.slow]
    return random.Random(seed).sample(quick, min(count, len(quick)))  # noqa: S311


class Trial:
    """Tests of a copy of the project with one fault, running in a process.

    Args:
        fault: fault to plant in the copy.
        whole: whether to run the test files that the fault does not name, instead of those it does.
        spent: seconds spent on the fault before.
    """

    def __init__(self, fault: Fault, whole: bool = False, spent: float = 0.0) -> None:
        self.fault, self.whole, self._spent = fault, whole, spent
        self._folder = tempfile.TemporaryDirectory(prefix="fault-", ignore_cleanup_errors=True)
        copy = plant(fault, Path(self._folder.name) / "project")
        healthy = fault.name == HEALTHY.name
        options = [] if healthy else ["--maxfail=1"]
        if whole:
            named = {f"tests/{file}" for file in fault.files}
            paths = sorted((copy / "tests").rglob("test_*.py"), key=order)
            files = [name for path in paths if (name := str(path.relative_to(copy))) not in named]
            self._limit = WHOLE_LIMIT
        else:
            files = [f"tests/{file}" for file in fault.files]
            self._limit = SLOW_LIMIT if fault.slow else WHOLE_LIMIT if healthy else NAMED_LIMIT
            options += ["-m", "slow or not slow"] if fault.slow else []
        self._began = time.monotonic()
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(list(IMPORTED))
        self._process = context.Process(target=run_tests, args=(fault.name, copy, files, options))
        self._process.start()
        self.sentinel = self._process.sentinel

    def seconds_left(self) -> float:
        """Seconds until the time limit; 0 if the process has ended."""
        past = time.monotonic() - self._began
        return max(self._limit - past, 0) if self._process.is_alive() else 0.0

    def stop(self) -> Planted:
        """End the process and all that it started; return the verdict on what it had done."""
        timed_out = self._process.is_alive()
        self._process.kill()
        assert self._process.pid is not None
        with suppress(ProcessLookupError):  # Nothing is left, or its group had not begun.
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.join()
        status = self._process.exitcode or 0
        report, output = (Path(self._folder.name) / name for name in (REPORT, OUTPUT))
        failed = failing_tests(report) if report.exists() else ()
        problem = ""
        ending = f"time-out after {self._limit} s" if timed_out else ending_of(status, bool(failed))
        if not ending and status > 1:
            lines = output.read_text(errors="replace").split("\n") if output.exists() else []
            problem = f"exited with status {status}: {' '.join(lines[-2:])}"
        self._folder.cleanup()
        return Planted(
            name=self.fault.name,
            stands_for=self.fault.stands_for,
            caught=bool(failed or ending),
            problem=problem,
            ending=ending,
            slow=self.fault.slow and not self.whole,
            tests=failed or (tuple(self.fault.files) if ending and not self.whole else ()),
            seconds=round(self._spent + time.monotonic() - self._began, 1),
        )


def ending_of(status: int, failed: bool) -> str:
    """How pytest ended instead of by a failing test; empty if it passed, failed or did not begin.

    Args:
        status: exit status; -N if signal N ended the process.
        failed: whether a test failed.
    """
    if status < 0:
        return f"crash by {signal.Signals(-status).name}"
    if status in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR):
        return "error outside a test"  # Such as in an import.
    return "error in a fixture" if status == pytest.ExitCode.TESTS_FAILED and not failed else ""


def judge_all(faults: Sequence[Fault], jobs: int, suite: bool) -> Generator[Planted, None, None]:
    """Plant several faults at a time; yield the verdicts as they come.

    Args:
        faults: faults to plant.
        jobs: number of simultaneous runs.
        suite: whether code without a fault must pass all tests that are not slow, not only those
            that faults name.
    """
    # A forked process lacks the other threads of Paddle, and would wait for them forever.
    os.environ["OMP_NUM_THREADS"] = "1"
    # Before the rest of the suite, which runs without its slow tests, those that faults need.
    needed = [fault for fault in faults if fault.slow or not suite]
    named = " ".join(dict.fromkeys(file for fault in needed for file in fault.files))
    slow = "slow " if any(fault.slow for fault in needed) else ""
    healthy = replace(HEALTHY, tests=slow + named)
    planted = [healthy if fault is HEALTHY else fault for fault in faults]
    waiting = deque((fault, not fault.files, 0.0) for fault in planted)
    running: list[Trial] = []
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                running.append(Trial(*waiting.popleft()))
            wait([trial.sentinel for trial in running], min(t.seconds_left() for t in running))
            for trial in [trial for trial in running if not trial.seconds_left()]:
                running.remove(trial)
                verdict = trial.stop()
                done = trial.whole or (trial.fault is healthy and not suite)
                if verdict.caught or verdict.problem or done:
                    yield verdict
                else:
                    waiting.appendleft((trial.fault, True, verdict.seconds))
    finally:
        for trial in running:
            trial.stop()


def plant(fault: Fault, copy: Path) -> Path:
    """Copy the project, with the edits of the fault; return the copy.

    With its compiled modules: compiling all of them takes longer than most tests.
    """
    ignored = shutil.ignore_patterns(".*", "*.svg")
    for name in (*FOLDERS, "docs", "examples"):
        shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    for name in FILES:
        shutil.copy(ROOT / name, copy)
    # test_faults fails for any edit, because the catalogue no longer fits: not a catch.
    (copy / "tests" / "faults" / "test_faults.py").unlink()
    shutil.rmtree(copy / "tests" / "docs")  # Links lead to files that the copy lacks.
    if fault.edits:
        path = copy / fault.file
        path.write_text(apply_edits(fault, path.read_text(encoding="utf-8")), encoding="utf-8")
    return copy


def order(path: Path) -> tuple[bool, int, str]:
    """Sort key: quick tests that notice most first, the long runs last."""
    rank = min((k for k, folder in enumerate(ORDER) if folder in path.parts), default=len(ORDER))
    return path.name == LAST, rank, str(path)


def failing_tests(report: Path) -> tuple[str, ...]:
    """The failed tests, from pytest's JUnit file, such as `core/test_step.py::test_x`.

    Errors in fixtures do not count.
    """
    cases = ElementTree.parse(report).getroot().iter("testcase")  # noqa: S314 - our own file
    failed = [case.attrib for case in cases if case.find("failure") is not None]
    return tuple(
        f"{case['classname'].removeprefix('tests.').replace('.', '/')}.py::{case['name']}"
        for case in failed
    )


def matrix(verdicts: Sequence[Planted]) -> list[str]:
    """Lines of a table of the verdicts, and a summary."""
    width = max(len(verdict.name) for verdict in verdicts)
    lines = []
    for v in verdicts:
        tests = f"{len(v.tests)}: {', '.join(v.tests)}" if v.tests else ""
        lines.append(f"{v.name:<{width}}  {v.verdict:<8}  {v.seconds:5.1f} s  {tests}")
    planting = Planting(environment={}, verdicts=tuple(verdicts))
    lines += ["", f"{planting.caught} of {len(planting.faults)} faults caught"]
    lines += [f"{v.name}: {v.verdict} ({v.stands_for})" for v in planting.surprises]
    return lines


def digest() -> str:
    """A digest of everything that a copy of the project holds."""
    found = [path for name in FOLDERS for path in sorted((ROOT / name).rglob("*"))]
    found += [ROOT / name for name in FILES]
    paths = [path for path in found if path.is_file() and "__pycache__" not in path.parts]
    return sha256(b"".join(str(path).encode() + path.read_bytes() for path in paths)).hexdigest()


def save(verdicts: Sequence[Planted], path: Path | None, source: str) -> None:
    """Write the verdicts, the environment, and the digest of the code, if there is a path."""
    if path is not None:
        environment = describe_environment()
        planting = Planting(environment=environment, source=source, verdicts=tuple(verdicts))
        write_json(path, planting.dump())


def read_verdicts(path: Path, source: str) -> dict[str, Planted]:
    """The saved verdicts by name; none if the file is missing or the code has changed."""
    if not path.exists():
        return {}
    saved = Planting.load(path)
    return {each.name: each for each in saved.verdicts} if saved.source == source else {}


def markdown(verdicts: Sequence[Planted], environment: dict[str, str]) -> list[str]:
    """Lines of the page docs/faults.md; its introduction stays."""
    introduction, heading, _ = DOCUMENT.read_text(encoding="utf-8").partition("## Results\n")
    planting = Planting(environment=environment, verdicts=tuple(verdicts))
    return [
        introduction + heading,
        f"{planting.caught} of {len(planting.faults)} faults caught, on "
        f"{date.today():%d %B %Y}, with Paddle {environment['paddle']}, "
        f"Python {environment['python']}, {environment['cpu']}, {environment['system']}. "
        f"A run ends at the first failing test, which is named.",
        "",
        "| fault | stands for | verdict | seconds | failing test |",
        "|---|---|---|---|---|",
        *(
            f"| {v.name} | {v.stands_for} | {v.verdict} | {v.seconds} | "
            f"{'<br>'.join(f'`{test}`' for test in v.tests)} |"
            for v in verdicts
        ),
    ]
