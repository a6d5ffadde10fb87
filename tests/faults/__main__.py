"""Plant every fault, one at a time, and report which tests notice: `python -m tests.faults`.

Each fault is planted in a copy of the project, whose tests run in a pytest process until one fails.
All tests also run on a copy without a fault, and must pass. The exit status is 0 if every fault was
caught and the copy without a fault passed, 1 if not, and 2 for wrong options.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

from tqdm import tqdm

from benchmarks.runner import run
from rnn_core.commands.arguments import at_least, writable_path
from rnn_core.commands.status import ExitStatus
from rnn_core.runtime.environment import describe_environment
from rnn_core.runtime.files import write_json, write_text
from tests import ROOT
from tests.faults.fault import SOURCE_FAULTS, Fault, apply_edits
from tests.faults.in_paddle import FAULTS as PADDLE_FAULTS
from tests.faults.plant import VARIABLE

FAULTS = (*SOURCE_FAULTS, *PADDLE_FAULTS)
HEALTHY = Fault("healthy", "no fault: every test must pass")

# Folders of tests. The oracles run first: they are quick and notice most faults.
ORDER = ("oracle", "core", "runs")
LAST = "test_contrast.py"
# Beginning of docs/faults.md.
INTRODUCTION = """\
# Planted faults

Training hides many bugs: the LSTM still learns all four samples with clipping switched off, or
without its output tanh. So every output, gradient and update is compared with an
[independent implementation](../tests/reference/network.py), and the tests themselves are tested by
planting bugs on purpose: gates swapped, states detached, clipping skipped, gradients not cleared,
checkpoints that forget something, processes that do not average, and Paddle itself broken as a
release might break it.

```console
python -m tox -e faults
```

plants each fault in a copy of the project, runs the tests there until one fails, and prints
which test noticed. It also runs the tests without a fault, which must pass. A crash counts
neither as caught nor as missed. It takes about half an hour on two cores.
`python -m tests.faults NAME ...` plants the faults that you name, and `--save docs/faults.md`
writes this page. The catalogue is in [tests/faults](../tests/faults).

## Results
"""
TIME_LIMIT = 600  # seconds; ten times what the tests take in one process


@dataclass(frozen=True)
class Verdict:
    """Result of the tests with one fault.

    Attributes:
        name: name of the fault.
        stands_for: real bug that the fault stands for.
        caught: whether a test failed.
        problem: reason why the verdict does not count, such as a crash; empty if it counts.
        tests: the failing tests, each by its path below `tests` and its name.
        seconds: duration of the run.
    """

    name: str
    stands_for: str
    caught: bool
    problem: str
    tests: tuple[str, ...]
    seconds: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument(
        "names", nargs="*", help="names of faults (default: all of them, and the copy without one)"
    )
    parser.add_argument(
        "--save",
        type=writable_path(".md", ".json"),
        metavar="FILE",
        help="file for the verdicts: Markdown (.md) or JSON (.json)",
    )
    parser.add_argument(
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
    wanted = [fault for fault in faults if not options.names or fault.name in options.names]
    verdicts = judge_all(wanted, options.jobs)
    print("\n".join(matrix(verdicts)))
    if options.save is not None:
        try:
            save(verdicts, options.save)
        except OSError as error:
            print(f"error: {error}", file=sys.stderr)
            return ExitStatus.NOT_WRITTEN
    return ExitStatus.OK if all(map(as_hoped, verdicts)) else ExitStatus.FINDING


def judge_all(faults: Sequence[Fault], jobs: int) -> list[Verdict]:
    """Judge several faults at a time, with a progress bar."""
    with ThreadPoolExecutor(jobs) as pool, tqdm(total=len(faults), unit="fault") as bar:
        futures = {pool.submit(judge, fault): index for index, fault in enumerate(faults)}
        verdicts = {}
        for future in as_completed(futures):
            verdict = verdicts[futures[future]] = future.result()
            bar.update()
            if not as_hoped(verdict):
                bar.write(f"{verdict.name}: {outcome(verdict)}")
                sys.stdout.flush()  # So that a log file has it even if the run is killed.
    return [verdicts[index] for index in sorted(verdicts)]


def judge(fault: Fault) -> Verdict:
    """Plant one fault in a copy of the project, and run its tests."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        copy = plant(fault, Path(folder) / "project")
        report = Path(folder) / "report.xml"
        # test_faults fails for any edit, because the catalogue no longer fits: not a catch.
        (copy / "tests" / "faults" / "test_faults.py").unlink()
        shutil.rmtree(copy / "tests" / "docs")  # The copy has no documents.
        tests = sorted((copy / "tests").rglob("test_*.py"), key=order)
        failures = [] if fault is HEALTHY else ["--maxfail=1"]
        command = [sys.executable, "-m", "pytest", "--numprocesses=0", "--tb=no", "--device=cpu"]
        command += ["-p", "tests.faults.plant", "-p", "no:cacheprovider", f"--junitxml={report}"]
        environment = {**os.environ, VARIABLE: fault.name, "PYTHONPATH": str(copy)}
        environment.setdefault("OMP_NUM_THREADS", "1")
        result = run([*command, *failures, *tests], environment, copy, TIME_LIMIT)
        if result.timed_out:
            return Verdict(fault.name, fault.stands_for, False, "time-out", (), TIME_LIMIT)
        failed = failing_tests(report) if report.exists() else ()
        # 0: all passed, 1: tests failed. Anything else, or a failure without a test, does not
        # count.
        counts = (result.status, bool(failed)) in ((0, False), (1, True))
        problem = "" if counts else f"{result.ending}: {result.last_lines()}"
    seconds = time.monotonic() - began
    caught = result.status == 1 and not problem
    return Verdict(fault.name, fault.stands_for, caught, problem, failed, round(seconds, 1))


def plant(fault: Fault, copy: Path) -> Path:
    """Copy the project, with the edits of the fault; return the copy."""
    ignored = shutil.ignore_patterns("__pycache__", ".*", "*.svg")
    for name in ("rnn_core", "tests", "benchmarks"):
        shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    for name in ("conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / name, copy)
    if fault.edits:
        path = copy / fault.file
        path.write_text(apply_edits(fault, path.read_text(encoding="utf-8")), encoding="utf-8")
    return copy


def order(path: Path) -> tuple[bool, int, str]:
    """Sort key: the oracles first, the long runs last."""
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


def as_hoped(verdict: Verdict) -> bool:
    """Whether the fault was caught, or the copy without a fault passed."""
    return not verdict.problem and verdict.caught == (verdict.name != HEALTHY.name)


def outcome(verdict: Verdict) -> str:
    """The verdict in words."""
    if verdict.problem:
        return f"NO VERDICT, {verdict.problem}"
    if verdict.name == HEALTHY.name:
        return "FALSE ALARM" if verdict.caught else "passed"
    return "caught" if verdict.caught else "SURVIVED"


def matrix(verdicts: Sequence[Verdict]) -> list[str]:
    """Lines of a table of the verdicts, and a summary."""
    width = max(len(verdict.name) for verdict in verdicts)
    lines = []
    for v in verdicts:
        tests = f"{len(v.tests)}: {', '.join(v.tests)}" if v.tests else ""
        lines.append(f"{v.name:<{width}}  {outcome(v):<8}  {v.seconds:5.1f} s  {tests}")
    planted = [verdict for verdict in verdicts if verdict.name != HEALTHY.name]
    caught = sum(map(as_hoped, planted))
    lines += ["", f"{caught} of {len(planted)} faults caught"]
    lines += [f"{v.name}: {outcome(v)} ({v.stands_for})" for v in verdicts if not as_hoped(v)]
    return lines


def save(verdicts: Sequence[Verdict], path: Path) -> None:
    """Write the verdicts and the environment."""
    environment = describe_environment()
    if path.suffix == ".md":
        write_text(path, "\n".join(markdown(verdicts, environment)) + "\n")
    else:
        content = {"environment": environment, "verdicts": [asdict(v) for v in verdicts]}
        write_json(path, content)


def markdown(verdicts: Sequence[Verdict], environment: dict[str, str]) -> list[str]:
    """Lines of the page docs/faults.md."""
    planted = [verdict for verdict in verdicts if verdict.name != HEALTHY.name]
    return [
        INTRODUCTION,
        f"{sum(map(as_hoped, planted))} of {len(planted)} faults caught, on "
        f"{date.today():%d %B %Y}, with Paddle {environment['paddle']}, "
        f"Python {environment['python']}, {environment['cpu']}, {environment['system']}. "
        f"A run ends at the first failing test, which is named.",
        "",
        "| fault | stands for | verdict | seconds | failing test |",
        "|---|---|---|---|---|",
        *(
            f"| {v.name} | {v.stands_for} | {outcome(v)} | {v.seconds} | "
            f"{'<br>'.join(f'`{test}`' for test in v.tests)} |"
            for v in verdicts
        ),
    ]


if __name__ == "__main__":
    sys.exit(main())
