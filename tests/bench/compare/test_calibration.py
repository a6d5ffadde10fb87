"""The command that says how often a comparison is right. Its processes are made up."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks.compare import calibration as calibrate
from benchmarks.compare import verdicts
from benchmarks.compare.calibration import rate
from benchmarks.compare.words import WORDS
from tests.helpers.fake_processes import FIRST, SECOND, FakeProcesses, write_run

BENCHMARKS = {FIRST: 1.0, SECOND: 1.0}


@pytest.fixture(autouse=True)
def _few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough for the first looks."""
    monkeypatch.setattr(verdicts, "RESAMPLES", 5_000)


def run(folder: Path, fake: FakeProcesses, *options: str) -> int:
    """Status of a calibration of two sessions."""
    python = ("--python", sys.executable, "--results", str(folder))
    return calibrate.main([*python, "--sessions", "2", "--levels", "0,20", *options], fake)


def test_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each slowdown: four verdicts each, none wrong, and how sure that makes."""
    fake = FakeProcesses(BENCHMARKS)
    status = run(tmp_path, fake, "--save", str(tmp_path / "c.md"))
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


def test_sessions_differ(tmp_path: Path) -> None:
    """Each has its own seeds, orders and processes; the candidate has every slowdown."""
    fake = FakeProcesses(BENCHMARKS)
    run(tmp_path, fake)
    seeds = [told.seed for told in fake.told]

    assert len(seeds) == 24
    assert len(set(seeds)) == 12
    assert {told.planted for told in fake.told} == {(), (0.0, 0.2)}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["session-001", "session-002"]


def test_resume_measures_only_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """After Ctrl-C in the second session; the result is that of an uninterrupted one."""

    def interrupt(number: int) -> None:
        if number == 16:
            raise KeyboardInterrupt

    first = FakeProcesses(BENCHMARKS, before=interrupt)
    status = run(tmp_path / "cut", first)
    out, _ = capsys.readouterr()
    again = run(tmp_path / "cut", FakeProcesses(BENCHMARKS))
    error = capsys.readouterr().err
    fake = FakeProcesses(BENCHMARKS)
    resumed = run(tmp_path / "cut", fake, "--resume", "--save", str(tmp_path / "cut.json"))
    run(tmp_path / "whole", FakeProcesses(BENCHMARKS), "--save", str(tmp_path / "whole.json"))
    cut, whole = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("cut", "whole"))

    assert (status, again, resumed) == (130, 2, 0)
    assert "Incomplete: --resume goes on" in out
    assert "already has a comparison" in error
    assert len(fake.started) == 24 - 14
    assert [case["word"] for case in cut["cases"]] == [case["word"] for case in whole["cases"]]
    assert [case["ratio"] for case in cut["cases"]] == [case["ratio"] for case in whole["cases"]]


def test_false_alarms_are_slower_and_faster() -> None:
    """Where nothing is planted; where something is, only slower is right."""
    cases = [calibrate.Case(level, 1, word, 1.0, 6, 1.0) for level in (0.0, 0.2) for word in WORDS]

    assert calibrate.row(0.0, cases[:4])[7].startswith("50.0% (")
    assert calibrate.row(0.2, cases[4:])[7].startswith("25.0% (")
    assert calibrate.row(0.2, [cases[7]])[8:] == ["", ""]


def test_rates_have_exact_intervals() -> None:
    """Clopper and Pearson's, by hand where they have a formula: 1 - 0.025^(1/n) for none of n."""
    assert rate(0, 160) == f"0.0% (0.0-{100 * (1 - 0.025 ** (1 / 160)):.1f}%)"
    assert rate(160, 160) == f"100.0% ({100 * 0.025 ** (1 / 160):.1f}-100.0%)"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--levels", "5,x"], "must be percents from 0 to 1000, separated by commas, got '5,x'"),
        (["--levels", "-5"], "must be percents"),
        (["--sessions", "0"], "at least 1, got '0'"),
        (["--save", "c.txt"], "must end in .md or .json"),
    ],
)
def test_bad_arguments(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 2, and what is allowed."""
    with pytest.raises(SystemExit) as ended:
        calibrate.main(arguments)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def test_a_saved_run_cannot_be_calibrated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 2: it starts no processes."""
    write_run(tmp_path / "a.json", {FIRST: 1e-3})

    assert calibrate.main(["--python", str(tmp_path / "a.json")]) == 2
    assert "a.json is a saved run" in capsys.readouterr().err
