"""The command `python -m benchmarks.compare`: exit statuses, file and text, with fake processes."""

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from benchmarks.compare import command
from benchmarks.compare.command import BENCHMARKS, benchmarks_of, main
from benchmarks.compare.pairs import Contest, Pairs, settle
from tests.helpers.fake_processes import FIRST, SECOND, FakeProcesses

SAME = {FIRST: 1.0, SECOND: 1.0}


class Compared(NamedTuple):
    """How a comparison ended.

    Attributes:
        status: exit status.
        out: standard output.
        err: standard error.
        saved: content of the file of results.
    """

    status: int
    out: str
    err: str
    saved: Any


Compare = Callable[..., Compared]


@pytest.mark.parametrize(
    ("workload", "asked", "paths", "expression"),
    [
        (None, None, ("benchmarks",), BENCHMARKS),
        (None, "LSTM", ("benchmarks",), "LSTM"),
        ("lm.py:f", None, ("benchmarks/test_workload.py",), ""),
        ("lm.py:f", "LSTM", ("benchmarks",), "(LSTM) or test_workload"),
    ],
)
def test_benchmarks_are_those_asked_for_or_a_few(
    workload: str | None, asked: str | None, paths: tuple[str, ...], expression: str
) -> None:
    """All of them would take hours."""
    options = Namespace(workload=workload, benchmarks=asked)
    assert benchmarks_of(options) == (paths, expression)


@pytest.fixture
def compare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Compare:
    """Return a function that compares this interpreter with itself, by default its times."""
    folder = tmp_path / "r"

    def compared(fake: FakeProcesses, *options: str, measure: str = "time") -> Compared:
        monkeypatch.setattr(command, "Pairs", partial(Pairs, run=fake))
        for name in ("find_valgrind", "find_switch"):
            monkeypatch.setattr(command, name, lambda *_: None)
        results = ("--results", str(folder), "--measure", measure, "--no-behaviour")
        status = main([sys.executable, sys.executable, *results, *options])
        file = folder / "comparison.json"
        saved = json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
        return Compared(status, *capsys.readouterr(), saved)

    return compared


@pytest.fixture
def workload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that is not run, as nothing is measured."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "time_processes", FakeProcesses(SAME))
    path = tmp_path / "own.py"
    path.write_text("one")
    return path


def test_own_workload_that_changed_is_not_resumed(workload: Path, compare: Compare) -> None:
    """Its pairs were measured with another content."""
    given = ("--workload", "own.py:train", "--seed", "3")
    found = compare(FakeProcesses(SAME), *given)
    again = compare(FakeProcesses(SAME), *given, "--resume")
    workload.write_text("two")
    changed = compare(FakeProcesses(SAME), *given, "--resume")

    assert (found.status, again.status, changed.status) == (0, 0, 2)
    before, _, settings = found.saved["workload"].partition(", ")
    assert settings == "100 steps, seed 3, eager"
    assert f"content was '{before}, " in changed.err
    workload.write_text("one")
    resumed = compare(FakeProcesses(SAME), *given, "--resume", "--steps=7")
    assert f", is '{before}, 7 steps" in resumed.err


def test_results_are_relative_to_the_current_directory(
    compare: Compare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The processes run in the project's directory and get the whole path."""
    monkeypatch.chdir(tmp_path)
    fake = FakeProcesses(SAME)
    compare(fake, "--results", "r")

    assert {path.parent for path in fake.paths} == {tmp_path / "r" / "pairs"}


def test_series_share_the_budget(compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the counts leave is for the times."""
    budgets = []

    def spend_half(pairs: Pairs, budget: float) -> Iterator[tuple[list[Contest], float]]:
        budgets.append(budget)
        for contests, _ in settle(pairs, 1e9):
            yield contests, budget / 2

    monkeypatch.setattr(command, "settle", spend_half)
    compare(FakeProcesses(SAME), "--budget", "10", measure="instructions,time")

    assert budgets == [300, 450]


@pytest.mark.parametrize("damage", ["{", None, '{"benchmarks": {}}'])
def test_damaged_functions_are_named(damage: str | None, compare: Compare, tmp_path: Path) -> None:
    """The verdicts do not need them, and no functions are listed; a benchmark may have none."""
    message = "0001-candidate.functions.json cannot be read"
    for ratio, status in ((1.0, 0), (1.02, 1)):
        fake = FakeProcesses(SAME, costs={"instructions": {FIRST: ratio}})
        compare(fake, "--restart", measure="instructions")
        file = tmp_path / "r" / "counts" / "0001-candidate.functions.json"
        file.unlink() if damage is None else file.write_text(damage)
        found = compare(fake, "--resume", measure="instructions")

        assert found.status == status
        assert (message in found.err) == (status == 1 and damage in ("{", None))
