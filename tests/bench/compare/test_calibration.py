"""The command `python -m benchmarks.calibrate`, with fake processes."""

import json
import signal
import sys
from pathlib import Path

import pytest

from benchmarks.compare import calibration
from benchmarks.compare.calibration import main, rate
from benchmarks.runner import Process
from tests.helpers.fake_processes import FIRST, SECOND, FakeProcesses, interrupt_at

BENCHMARKS = {FIRST: 1.0, SECOND: 1.0}


def run(folder: Path, fake: FakeProcesses, *options: str) -> int:
    """Run a calibration of two sessions, and return its exit status."""
    python = ("--python", sys.executable, "--results", str(folder))
    return main([*python, "--sessions", "2", "--levels", "0,20", *options], fake)


def test_busy_processes_end_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are killed."""
    busy: list[Process] = []

    def start(command: list[str]) -> Process:
        busy.append(Process(command))
        return busy[-1]

    monkeypatch.setattr(calibration, "Process", start)
    options = ("--measure", "instructions", "--load", "2", "--sessions", "1")

    assert run(tmp_path, FakeProcesses(BENCHMARKS), *options) == 0
    assert [process._process.returncode for process in busy] == [-signal.SIGKILL] * 2


def test_resumed_calibration_has_the_verdicts_of_an_uninterrupted_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The pairs are kept; only the missing ones are measured, and only with --resume.

    Both processes of a pair share a seed; only the candidate is slowed down.
    """
    fake, rest = FakeProcesses(BENCHMARKS), FakeProcesses(BENCHMARKS)
    files = [tmp_path / f"{name}.json" for name in ("whole", "cut")]
    interrupted = run(tmp_path / "cut", FakeProcesses(BENCHMARKS, before=interrupt_at(16)))
    refused = run(tmp_path / "cut", FakeProcesses(BENCHMARKS))
    out, err = capsys.readouterr()
    statuses = (
        run(tmp_path / "whole", fake, "--save", str(files[0])),
        run(tmp_path / "cut", rest, "--resume", "--save", str(files[1])),
    )
    contents = [json.loads(file.read_text()) for file in files]
    whole, cut = (content["cases"] for content in contents)
    seeds = [settings.seed for settings in fake.settings]

    assert (interrupted, refused, *statuses) == (130, 2, 0, 0)
    assert out.endswith("every level.\n\nIncomplete: --resume continues with the complete pairs.\n")
    assert {content["format"] for content in contents} == {"rnn_core calibration 1"}
    assert [(case["session"], case["minutes"]) for case in whole] == [(1, 1.2)] * 4 + [(2, 1.2)] * 4
    assert "already has a comparison" in err
    assert [[case["word"], case["ratio"]] for case in cut] == [
        [case["word"], case["ratio"]] for case in whole
    ]
    assert len(rest.started) == 24 - 14
    assert seeds[::2] == seeds[1::2]
    assert len(set(seeds)) == 12
    assert {settings.planted for settings in fake.settings} == {(), (0.0, 0.2)}
    assert sorted(path.name for path in (tmp_path / "whole").iterdir()) == [
        ".lock",
        "session-001",
        "session-002",
    ]
    again = FakeProcesses(BENCHMARKS)
    assert run(tmp_path / "cut", again, "--restart") == 0
    assert len(again.started) == 24


def test_rates_have_exact_intervals() -> None:
    """For 0 of n, the Clopper-Pearson interval ends at 1 - 0.025^(1/n)."""
    assert rate(0, 160) == f"0.0% (0.0-{100 * (1 - 0.025 ** (1 / 160)):.1f}%)"
    assert rate(160, 160) == f"100.0% ({100 * 0.025 ** (1 / 160):.1f}-100.0%)"
