"""The command `python -m benchmarks.calibrate`, with fake processes."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks.compare import calibration, verdicts
from benchmarks.compare.calibration import main, rate
from benchmarks.compare.words import WORDS
from tests.helpers.command_lines import assert_rejected
from tests.helpers.fake_processes import FIRST, SECOND, FakeProcesses, write_run

BENCHMARKS = {FIRST: 1.0, SECOND: 1.0}


@pytest.fixture(autouse=True)
def _few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take as many resamples as the first looks need."""
    monkeypatch.setattr(verdicts, "RESAMPLES", 5_000)


def run(folder: Path, fake: FakeProcesses, *options: str) -> int:
    """Run a calibration of two sessions, and return its exit status."""
    python = ("--python", sys.executable, "--results", str(folder))
    return main([*python, "--sessions", "2", "--levels", "0,20", *options], fake)


def test_table_has_a_row_for_each_slowdown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each has four verdicts; none is wrong, and the interval says how little that proves."""
    status = run(tmp_path, FakeProcesses(BENCHMARKS), "--save", str(tmp_path / "c.md"))
    out, _ = capsys.readouterr()
    rows = [line.split("|") for line in out.splitlines() if line.startswith("|")][2:]
    cells = [[cell.strip() for cell in row[1:-1]] for row in rows]

    assert status == 0
    planted, measured = ([row[at] for row in cells] for at in (0, 1))
    assert planted == ["0%", "20%"]
    assert [float(text.rstrip("%")) for text in measured] == pytest.approx([0, 20], abs=1)
    assert cells[0][2:9] == ["4", "0", "0", "4", "0", "0.0% (0.0-60.2%)", "6"]
    assert cells[1][2:9] == ["4", "4", "0", "0", "0", "100.0% (39.8-100.0%)", "6"]
    assert float(cells[0][9]) == pytest.approx(12 * 6 / 60, abs=0.1)
    assert "- paddle: " in (tmp_path / "c.md").read_text()


def test_sessions_have_different_seeds_and_all_slowdowns(tmp_path: Path) -> None:
    """Both processes of a pair share a seed; only the candidate is slowed down."""
    fake = FakeProcesses(BENCHMARKS)
    run(tmp_path, fake)
    seeds = [settings.seed for settings in fake.settings]

    assert len(seeds) == 24
    assert len(set(seeds)) == 12
    assert {settings.planted for settings in fake.settings} == {(), (0.0, 0.2)}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["session-001", "session-002"]


def interrupt(number: int) -> None:
    """Press Ctrl-C in the second session."""
    if number == 16:
        raise KeyboardInterrupt


def test_calibrate_exits_130_after_ctrl_c(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The pairs are kept, and not used again without --resume."""
    assert run(tmp_path, FakeProcesses(BENCHMARKS, before=interrupt)) == 130
    assert "Incomplete: --resume continues" in capsys.readouterr().out
    assert run(tmp_path, FakeProcesses(BENCHMARKS)) == 2
    assert "already has a comparison" in capsys.readouterr().err


def test_resumed_calibration_has_the_verdicts_of_an_uninterrupted_one(tmp_path: Path) -> None:
    """Only the missing pairs are measured."""
    run(tmp_path / "cut", FakeProcesses(BENCHMARKS, before=interrupt))
    fake = FakeProcesses(BENCHMARKS)
    status = run(tmp_path / "cut", fake, "--resume", "--save", str(tmp_path / "cut.json"))
    run(tmp_path / "whole", FakeProcesses(BENCHMARKS), "--save", str(tmp_path / "whole.json"))
    cut, whole = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("cut", "whole"))

    assert status == 0
    assert len(fake.started) == 24 - 14
    assert [case["word"] for case in cut["cases"]] == [case["word"] for case in whole["cases"]]
    assert [case["ratio"] for case in cut["cases"]] == [case["ratio"] for case in whole["cases"]]


def test_rate_counts_slower_and_faster_as_false_alarms() -> None:
    """With a planted slowdown, only slower is counted, as a hit."""
    cases = [
        calibration.Case(level, 1, word, 1.0, 6, 1.0) for level in (0.0, 0.2) for word in WORDS
    ]

    assert calibration.row(0.0, cases[:4])[7].startswith("50.0% (")
    assert calibration.row(0.2, cases[4:])[7].startswith("25.0% (")


def test_row_without_a_verdict_has_empty_cells() -> None:
    """No pair counted, so there is neither a ratio nor a time until a verdict."""
    case = calibration.Case(0.2, 1, "cannot tell", None, 0, 1.0)

    assert calibration.row(0.2, [case]) == [
        *("20%", "", "1", "0", "0", "0", "1", "0.0% (0.0-97.5%)", "", ""),
    ]


def test_rates_have_exact_intervals() -> None:
    """Clopper and Pearson's have a formula for 0 of n: 1 - 0.025^(1/n)."""
    assert rate(0, 160) == f"0.0% (0.0-{100 * (1 - 0.025 ** (1 / 160)):.1f}%)"
    assert rate(160, 160) == f"100.0% ({100 * 0.025 ** (1 / 160):.1f}-100.0%)"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--levels", "5,x"], "must be percentages from 0 to 1000, separated by commas, got 'x'"),
        (["--levels", "-5"], "must be percentages"),
        (["--sessions", "0"], "must be at least 1, got 0"),
        (["--save", "c.txt"], "must end in .md or .json"),
        (["--python", "a.json"], "a.json is not an executable file"),
    ],
)
def test_calibrate_rejects_wrong_options(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The error says what is allowed; a saved run starts no processes."""
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "a.json", {FIRST: 1e-3})
    if "--python" in arguments:
        arguments = ["--python", str(tmp_path / "a.json")]

    assert_rejected(main, arguments, message, capsys)
