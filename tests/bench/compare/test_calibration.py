"""The command `python -m benchmarks.calibrate`, with fake processes."""

import json
import re
import signal
import sys
from pathlib import Path

import pytest

from benchmarks.compare import calibration
from benchmarks.compare.calibration import main, rate
from benchmarks.compare.measures import MEASURES
from benchmarks.runner import Process
from tests.helpers.fake_processes import FIRST, SECOND, FakeProcesses, interrupt_at

BENCHMARKS = {FIRST: 1.0, SECOND: 1.0}


def run(folder: Path, fake: FakeProcesses, *options: str) -> int:
    """Run a calibration of two sessions, and return its exit status."""
    python = ("--python", sys.executable, "--results", str(folder))
    return main([*python, "--sessions", "2", "--levels", "0,20", *options], fake)


def test_table_has_a_row_per_slowdown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each row has four verdicts, all correct; the interval is wide, because four are few."""
    status = run(tmp_path, FakeProcesses(BENCHMARKS), "--save", str(tmp_path / "c.md"))
    out, _ = capsys.readouterr()
    table, end = out.partition("\n\nMeasured: ")[::2]
    saved = (tmp_path / "c.md").read_text()

    assert status == 0
    assert re.sub(" +", " ", table.replace("-", "")).splitlines() == [
        "2 sessions of at most 10 minutes, at most 1% of the verdicts may be wrong",
        "",
        "| planted | same within | measured | verdicts | slower | faster | same | cannot tell "
        "| rate (95% interval) | pairs | minutes |",
        "|" + " |" * 11,
        "| 0% | 5% | 0.1% | 4 | 0 | 0 | 4 | 0 | 0.0% (0.060.2%) | 6 | 1.2 |",
        "| 20% | 5% | 20.0% | 4 | 4 | 0 | 0 | 0 | 100.0% (39.8100.0%) | 6 | 1.2 |",
    ]
    assert "slower and\nfaster if nothing is planted, of slower otherwise" in end
    assert end.endswith(f"every level.\n\nresults: {tmp_path / 'c.md'}\n")
    assert out.partition("\n\nresults: ")[0] in saved
    assert "- rnn_core: working tree" in saved


def test_counted_calibration_plants_instructions_beside_busy_processes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing below twice the tolerance could settle, so its tolerance is half of it.

    The busy processes end with the command.
    """
    busy: list[Process] = []

    def start(command: list[str]) -> Process:
        busy.append(Process(command))
        return busy[-1]

    monkeypatch.setattr(calibration, "Process", start)
    fake = FakeProcesses(BENCHMARKS)
    python = ("--python", sys.executable, "--results", str(tmp_path / "pairs"))
    options = ("--measure", "instructions", "--load", "2", "--sessions", "1")
    status = main([*python, *options], fake)
    lines = [line.split("|") for line in capsys.readouterr().out.splitlines()]
    head, _, *rows = [[cell.strip() for cell in line[1:-1]] for line in lines if len(line) > 1]

    assert status == 0
    assert lines[0][0].startswith("1 sessions of at most 10 minutes beside 2 busy processes, at")
    assert tuple(head[4:8]) == MEASURES["instructions"].words
    assert [row[:7] for row in rows] == [
        ["0%", "0.5%", "0.00%", "2", "0", "0", "2"],
        ["0.5%", "0.25%", "0.50%", "2", "2", "0", "0"],
        ["1%", "0.5%", "1.00%", "2", "2", "0", "0"],
        ["2%", "0.5%", "2.00%", "2", "2", "0", "0"],
    ]
    assert {settings.measure for settings in fake.settings} == {"instructions"}
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


def test_budget_of_a_resumed_session_includes_its_pairs(tmp_path: Path) -> None:
    """Three pairs took 36 seconds: with 30, only the second session is measured."""
    rest = FakeProcesses(BENCHMARKS)
    assert run(tmp_path, FakeProcesses(BENCHMARKS, before=interrupt_at(8))) == 130
    assert run(tmp_path, rest, "--resume", "--budget", "0.5") == 0

    assert len(rest.started) == 12


def test_rate_counts_slower_and_faster_as_false_alarms() -> None:
    """With a planted slowdown, only "slower" counts, as a detection."""
    cases = [
        calibration.Case(level, 1, word, 1.0, 6, 1.0)
        for level in (0.0, 0.2)
        for word in MEASURES["time"].words
    ]

    assert calibration.row(0.0, 0.05, cases[:4], MEASURES["time"])[8].startswith("50.0% (")
    assert calibration.row(0.2, 0.05, cases[4:], MEASURES["time"])[8].startswith("25.0% (")


def test_row_without_a_verdict_has_empty_cells() -> None:
    """No pair counted, so there is neither a ratio nor a time until a verdict."""
    case = calibration.Case(0.2, 1, "cannot tell", None, 0, 1.0)

    assert calibration.row(0.2, 0.05, [case], MEASURES["time"]) == [
        *("20%", "5%", "", "1", "0", "0", "0", "1", "0.0% (0.0-97.5%)", "", "")
    ]


def test_rates_have_exact_intervals() -> None:
    """For 0 of n, the Clopper-Pearson interval ends at 1 - 0.025^(1/n)."""
    assert rate(0, 160) == f"0.0% (0.0-{100 * (1 - 0.025 ** (1 / 160)):.1f}%)"
    assert rate(160, 160) == f"100.0% ({100 * 0.025 ** (1 / 160):.1f}-100.0%)"
