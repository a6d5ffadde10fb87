"""Transcripts of `python -m benchmarks.calibrate`, with fake processes."""

import json
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from benchmarks.compare import calibration, verdicts
from benchmarks.compare.calibration import Case, main, rate, row
from benchmarks.compare.measures import MEASURES
from benchmarks.interpreters import Interpreter, SideError
from benchmarks.locks import lock_folder
from tests.helpers.bars import Bar
from tests.helpers.fake_processes import FIRST, PACE, SECOND, FakeProcesses, interrupt_at
from tests.helpers.recorded import ended, help_and_refusals, rounded, transcript
from tests.recorded.conftest import Check

SAME = {FIRST: 1.0, SECOND: 1.0}


pytestmark = pytest.mark.usefixtures("one_machine")


@pytest.fixture(autouse=True)
def _results(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, with few resamples."""
    monkeypatch.setattr(verdicts, "RESAMPLES", 1_000)
    monkeypatch.setattr(calibration, "find_interpreter", find)
    monkeypatch.setattr(calibration, "tqdm", Bar)
    monkeypatch.setattr(calibration, "RESULTS", folder / "calibration")


def find(text: str) -> Interpreter:
    """Stand in for `find_interpreter`."""
    if text not in ("env", sys.executable):
        raise SideError(f"{text} is not an interpreter")
    return Interpreter("env", Path("/envs/env"))


def test_command(folder: Path, monkeypatch: pytest.MonkeyPatch, check: Check) -> None:
    """Every measure and option, resumed, refused and interrupted; and what is measured."""
    started: list[list[str]] = []

    def busy(command: list[str]) -> Any:
        started.append(command[1:])
        return nullcontext()

    @contextmanager
    def all_cpus() -> Iterator[None]:
        started.append(["all CPUs"])
        yield
        started.append(["CPUs as before"])

    monkeypatch.setattr(calibration, "Process", busy)
    monkeypatch.setattr(calibration, "all_cpus", all_cpus)
    lines = []

    def run(line: str, fake: FakeProcesses) -> None:
        monkeypatch.setattr(
            "benchmarks.compare.pairs.time.monotonic",
            lambda: PACE.total_seconds() * len(fake.started),
        )
        found = transcript(lambda given: main(given, fake), line)
        kinds = Counter(
            f"{each.measure}, seed {each.seed}, {each.seconds:g} s, plants {each.planted}, only "
            f"{each.only and sorted(name.rpartition('-')[2] for name in each.only)}"
            for each in fake.settings
        )
        lines.extend([found, *(f"- {count} of {kind}" for kind, count in kinds.items())])
        lines.extend([*fake.selected, ""])

    run("--python env --sessions 2 --levels 0,20 --save c.md", FakeProcesses(SAME))
    run(
        "--measure instructions --sessions 1 --load 2 --budget 2.5 --seed 3 --results i",
        FakeProcesses(SAME, before=lambda at: started.append([f"process {at}"])),
    )
    lines.append(f"busy: {started}")
    noisy = FakeProcesses({FIRST: 1.2, SECOND: 1.0}, noise=0.03)
    noisy.disturbed = {("0002-baseline", FIRST)}
    given = (
        "--sessions 1 --levels 0,5 --budget 2 --within time=4 --seconds 0.2 --load 1 --results n"
    )
    run(f"{given} --save n.json", noisy)
    run("--sessions 2 --levels 0,20 --results k", FakeProcesses(SAME, before=interrupt_at(16)))
    run("--sessions 2 --levels 0,20 --results k", FakeProcesses(SAME))
    with lock_folder(folder / "k"):
        run("--sessions 2 --levels 0,20 --results k --restart", FakeProcesses(SAME))
    run("--sessions 2 --levels 0,20 --results k --resume --budget 0.397", FakeProcesses(SAME))
    run("--sessions 2 --levels 0,20 --results k --resume --load 1", FakeProcesses(SAME))
    run("--sessions 2 --levels 0,20 --results k --resume --threads 2", FakeProcesses(SAME))
    elsewhere = "--sessions 1 --levels 0 --results e --benchmarks RNN --device gpu:1"
    run(elsewhere, FakeProcesses(SAME))
    run("--sessions 2 --levels 0,20 --results k --resume", FakeProcesses(SAME))
    run("--sessions 1 --levels 0,20 --results k --restart", FakeProcesses(SAME))
    lines.append(f"sessions: {sorted(path.name for path in (folder / 'k').glob('*/*'))}")
    run("--sessions 1 --results x", FakeProcesses(SAME, before=interrupt_at(1)))
    with monkeypatch.context() as patch:
        patch.setattr(calibration, "print", Mock(side_effect=BrokenPipeError), raising=False)
        words = ["--sessions=1", "--levels=0", "--results=p", "--save=p.md"]
        ended(main, words, FakeProcesses(SAME))
    lines.append(f"saved although nobody reads the output: {(folder / 'p.md').exists()}")
    gone = FakeProcesses(SAME, before=interrupt_at(16, SideError("gone")))
    run("--sessions 2 --levels 0,20 --results y --save y.md", gone)
    (folder / "gone").mkdir()
    late = FakeProcesses(SAME, before=lambda _: shutil.rmtree(folder / "gone", True))
    late.disturbed = {("0001-baseline", FIRST)}
    run("--sessions 1 --levels 0 --budget 0.1 --results u --save gone/c.json", late)
    full = FakeProcesses(SAME, before=interrupt_at(1, OSError("no space")))
    run("--sessions 1 --levels 0 --results z", full)
    locked = FakeProcesses(SAME, before=lambda _: lock_folder(folder / "l").__enter__())
    run("--sessions 1 --levels 0 --results l", locked)
    run("--python gone --sessions 1", FakeProcesses(SAME))
    run("--measure instructions --device gpu:0 --sessions 1", FakeProcesses(SAME))
    run("--measure instructions --threads 2 --sessions 1", FakeProcesses(SAME))
    (folder / "other" / "session-001").mkdir(parents=True)
    (folder / "other" / "session-001" / "notes.txt").touch()
    run("--sessions 1 --results other --restart", FakeProcesses(SAME))
    lines += [(folder / "c.md").read_text(encoding="utf-8")]
    lines += [json.dumps(rounded(json.loads((folder / "n.json").read_text())), indent=1), ""]
    check("\n".join(lines), {folder: "TMP"})


def test_rows(check: Check) -> None:
    """One to ninety verdicts at each level, by each measure; and rates with their intervals."""
    random = np.random.default_rng(8)
    lines = [
        " | ".join(row(0.2, 0.05, [Case(0.2, 1, "cannot tell", None, 0, 1.0)], MEASURES["time"]))
    ]
    for name, traits in MEASURES.items():
        for level in (0.0, 0.0025, 0.01, 0.0999, 0.1, 0.2):
            count = int(random.integers(1, 90))
            cases = []
            for session in range(count):
                word = traits.words[int(random.integers(4))]
                ratio = float(1 + level + 0.01 * random.standard_normal())
                pairs = int(random.integers(3, 60))
                lost = random.random() < 0.1
                cases.append(
                    Case(level, session, word, None if lost else ratio, pairs, 0.4 * pairs)
                )
            lines.append(f"{name} | {' | '.join(row(level, traits.within, cases, traits))}")
    tries = ((0, 1), (1, 1), (0, 160), (1, 160), (80, 160), (159, 160), (160, 160), (1, 3))
    lines += [f"{hits} of {count}: {rate(hits, count)}" for hits, count in tries]
    check(lines)


def test_options(folder: Path, monkeypatch: pytest.MonkeyPatch, check: Check) -> None:
    """The help, and every option with wrong values."""
    check(help_and_refusals(main, WRONG, monkeypatch), {folder: "TMP"})


WRONG = """env
--sessions 0
--levels 0,x
--levels -1
--measure memory
--load -1
--save c.txt
--save none/c.md
--budget 0
--seed -1
--resume --restart"""
