"""The processes of a comparison: command lines, environments, and how they end."""

import re
import signal
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from benchmarks.compare import process
from benchmarks.compare.process import (
    Job,
    Selection,
    command,
    counting_environment,
    environment,
    time_processes,
)
from benchmarks.interpreters import Interpreter
from benchmarks.plugins.sampling import Settings
from benchmarks.runner import Result, find_tool, project_environment
from tests import ROOT
from tests.helpers.fake_processes import FIRST, write_run
from tests.helpers.recorded import ended
from tests.helpers.saved_runs import NOON
from tests.helpers.time_zone import clock, time_zone
from tests.recorded.conftest import Check

OUTPUTS = {
    "nothing": ("", ""),
    "an error": ("collected 0 items", "ERROR: not found: benchmarks\nusage\n"),
    "long": (
        "".join(f"out {at}\n" for at in range(30)),
        "".join(f"err {at}\n" for at in range(30)),
    ),
    "benchmark": ("passed\na.py::test_b[cpu]", "Fatal Python error\n  File x\n\n"),
    "benchmark alone": ("passed\na.py::test_b[cpu]", ""),
    "workload": (
        f"{9999 * '.'}\n__ test_workload[cpu-own.py:f] __\nown.py:f: step 2 raised\nwhy\n"
        "--- Captured stderr call ---\nhello\n__ test_workload[b] __\nother\n=== summary ===\n",
        "",
    ),
    "workload alone": ("_ test_workload _\nown.py:f: no loss\n===== 1 failed =====\n", "warn"),
}


@time_zone("AAA-9")
def test_commands(monkeypatch: pytest.MonkeyPatch, check: Check) -> None:
    """The command line and the environment of timed and counted processes, a word a line."""
    monkeypatch.setattr(process, "datetime", clock(NOON))
    monkeypatch.setattr(
        "os.environ", {"PATH": "/bin", "PYTEST_ADDOPTS": "-x", "PYTHONHASHSEED": "3"}
    )
    own = {"workload": ("--workload=own.py:f", "--workload-seed=3"), "content": "digest"}
    selections = {
        "benchmarks": Selection(("benchmarks", "tests"), "a or b", "gpu:0"),
        "own workload": Selection(("benchmarks/test_workload.py",), "", "cpu", **own),  # type: ignore[arg-type]
        "both": Selection(("benchmarks",), "c or test_workload", "cpu", **own),  # type: ignore[arg-type]
    }
    sides = {
        "old": Interpreter("old", Path("/envs/old/bin/python")),
        "new": Interpreter("new", Path("python3")),
        "copy": Interpreter("copy", Path("/envs/new"), Path("/a b/c"), "1a2b3c4"),
    }
    settings = [
        Settings(seed=7, seconds=0.1),
        Settings(seed=0, seconds=1.0, only=()),
        Settings(2**32 + 5, 2.0, ("x", "y"), (0.0, 0.1), "instructions"),
    ]
    lines: list[str] = []
    for each, (at, selection), (name, side) in zip(
        settings, selections.items(), sides.items(), strict=True
    ):
        job = Job(side, each, Path("/results/0001-baseline.json"))
        counts = Path("/dumps/0") if each.planted else None
        words = command(job, selection, counts)
        lines += [f"{name}, {at}:", *(f"  {word}" for word in words)]
        lines += [f"  {key}={value}" for key, value in environment(each).items()]
        for key, value in counting_environment(job).items():
            shown = f"{len(value)} of {value[:1]}" if key == "RNN_CORE_PADDING" else value
            lines.append(f"  counted: {key}={shown}")
    paddings = [
        len(counting_environment(Job(side, Settings(seed, 0.1), Path("a")))["RNN_CORE_PADDING"])
        for seed in range(12)
    ]
    lines.append(f"paddings: {paddings}")
    check(lines)


def test_endings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check: Check) -> None:
    """Every output with every status; the file is there only after success, and no part of one."""
    side = Interpreter("env", Path("python"))
    job = Job(side, Settings(0, 0.1), tmp_path / "1.json")
    lines: list[str] = []
    for name, (output, error) in OUTPUTS.items():
        for status in (0, 1, -signal.SIGSEGV, -62):
            for written in (True, False)[status != 0 :]:
                result = Result(status, output, error)

                def run(
                    _: object, __: object, result: Result = result, written: bool = written
                ) -> Result:
                    if written:
                        write_run(job.part, {FIRST: 1e-3})
                    elif result.status != -62:  # It ended before it wrote anything.
                        job.part.write_text("{")
                    return result

                monkeypatch.setattr(process, "run", run)
                case = f"{name}, {status}{', written' * written}"
                lines += [f"== {case}: {ended(measured, job).text}"]
                lines += [f"files: {sorted(path.name for path in tmp_path.iterdir())}"]
                for path in tmp_path.iterdir():
                    path.unlink()
    check(lines, {tmp_path: "TMP"})


def measured(job: Job) -> list[list[str]]:
    """Return the names of the benchmarks that a process measured."""
    return [[*run.benchmarks] for run in time_processes(Selection((), "", "cpu"), [job])]


def test_results(monkeypatch: pytest.MonkeyPatch, check: Check) -> None:
    """The end of a program in words, the last lines of its output, and how tools are found."""
    lines = [
        f"{status}: {Result(status, '', '').ending}" for status in (0, 1, 255, -2, -4, -9, -15, -62)
    ]
    outputs: Sequence[tuple[str, str]] = (
        ("", ""),
        (" \n", "\n"),
        ("a\nb\n", "c\n\nd\n"),
        ("a", "b"),
    )
    lines += [
        f"{each} {count}: {Result(0, *each).last_lines(count)!r}"
        for each in outputs
        for count in (1, 2, 9)
    ]
    lines += [f"{Result(0, '', '').timed_out}, {Result(1, 'a', 'b', True)}"]
    found: Any = {"tox": "/bin/tox", "uv": None}
    monkeypatch.setattr("shutil.which", found.get)
    monkeypatch.setattr(sys, "executable", "/bin/python")
    lines += [f"{name}: {find_tool(name)}" for name in ("tox", "pytest", "no_such_tool")]
    for path in (None, "", "/there"):
        known = {"NAME": "before", **({} if path is None else {"PYTHONPATH": path})}
        monkeypatch.setattr("os.environ", known)
        lines += [f"{known}: {project_environment()} {project_environment({'NAME': 'value'})}"]
    lines.append(str(project_environment({"PYTHONPATH": "/given"})))
    check(lines)


# Modules that set the number of threads before others are imported; what runs in environments that
# have little else; and commands that need not have all that others need.
LEAN = (
    *("conftest", "rnn_core", "benchmarks.entry", "benchmarks.source"),
    *("benchmarks.behaviour.worker", "benchmarks.behaviour.layers", "benchmarks.plugins.sampling"),
    *("benchmarks.report.command", "benchmarks.commands.soak", "benchmarks.behaviour.command"),
    *("benchmarks.compare.command", "benchmarks.environments.command"),
)


# Imports outside of functions.
IMPORT = re.compile(r"^(?:import ([\w.]+)|from ([\w.]+) import (?:\(([^)]*)|(.+)))", re.MULTILINE)


@cache
def imported(name: str) -> set[str] | None:
    """Return what a module or its package imports; None if it is not one of the project."""
    place = ROOT.joinpath(*name.split("."))
    files = [*filter(Path.is_file, (place / "__init__.py", place.with_suffix(".py")))]
    found = {name.rpartition(".")[0]} - {""}
    for file in files:
        for module, package, several, names in IMPORT.findall(file.read_text(encoding="utf-8")):
            found |= {module or package}
            found |= {f"{package}.{each}" for each in re.findall(r"\w+", several + names)}
    return found if files else None


def test_packages(check: Check) -> None:
    """The packages that some modules need to be imported, with all modules that they import."""
    lines = []
    for name in LEAN:
        seen, left = set[str](), {name}
        while left:
            seen |= left
            left = {new for each in left for new in imported(each) or ()} - seen
        others = {each.partition(".")[0] for each in seen if imported(each) is None}
        found = others - sys.stdlib_module_names - {"benchmarks", "rnn_core"}
        lines.append(f"{name}: {', '.join(sorted(found))}")
    check(lines)
