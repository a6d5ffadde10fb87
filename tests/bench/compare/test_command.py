"""The command that compares: its statuses, its file, its words. Its processes are made up."""

import json
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.behaviour.judge import BehaviourVerdict
from benchmarks.compare import command as compare
from benchmarks.compare.pairs import Pairs
from benchmarks.compare.result import Comparison
from benchmarks.compare.sides import CrashError
from tests.helpers.fake_processes import FIRST, SECOND, FakeProcesses, write_run

SAME = {FIRST: 1.0, SECOND: 1.0}
SLOWER = {FIRST: 1.2, SECOND: 1.0}


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, fake: FakeProcesses, *options: str) -> int:
    """Status of a comparison of this interpreter with itself."""
    monkeypatch.setattr(compare, "Pairs", partial(Pairs, run=fake))
    sides = (sys.executable, sys.executable)
    return compare.main([*sides, "--results", str(folder), "--no-behaviour", *options])


@pytest.fixture
def behaviour(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A comparison of behaviours that says what it is told to."""

    class BehaviourError(Exception):
        pass

    told = SimpleNamespace(verdict="bitwise equal", error=None, asked=[])

    def compare_behaviour(baseline: Path, candidate: Path, folder: Path) -> list[Any]:
        told.asked.append((baseline, candidate, folder.is_dir()))
        if told.error:
            raise BehaviourError(told.error)
        return [
            BehaviourVerdict(
                "clipped-rnn", "textbook", told.verdict, 7, 8, None, None, None, "clipped-rnn: so"
            )
        ]

    module: Any = SimpleNamespace(
        BehaviourError=BehaviourError, compare_behaviour=compare_behaviour
    )
    monkeypatch.setitem(sys.modules, "benchmarks.behaviour.command", module)
    return told


def saved(folder: Path) -> Any:
    """The content of the file of results."""
    return json.loads((folder / "comparison.json").read_text(encoding="utf-8"))


def time_of(benchmark: Any) -> Any:
    """The result of a benchmark for the measure "time"."""
    return benchmark["measures"]["time"]


def test_none_slower(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 0, a table, and a file with both environments and every verdict."""
    status = run(monkeypatch, tmp_path / "r", FakeProcesses(SAME))
    out, _ = capsys.readouterr()
    content = saved(tmp_path / "r")

    assert status == 0
    assert "0 slower, 0 faster, 2 same, 0 cannot tell" in out
    assert "same within 5%" in out
    assert content["format"] == "rnn_core comparison 2"
    assert (content["outcome"], content["within"], content["confidence"]) == ("settled", 0.05, 0.99)
    assert content["pairs"] == 6
    assert content["baseline"]["environment"].keys() >= {"paddle", "numpy", "python", "cpu"}
    assert content["behaviour"] == []
    assert time_of(content["benchmarks"][0])["baseline"] == pytest.approx(1, rel=0.02)


def test_slower(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 1, whatever else is the same."""
    status = run(monkeypatch, tmp_path / "r", FakeProcesses(SLOWER))
    [slow] = [time_of(b) for b in saved(tmp_path / "r")["benchmarks"] if b["name"] == FIRST]

    assert status == 1
    assert "1 slower, 0 faster, 1 same, 0 cannot tell" in capsys.readouterr().out
    assert slow["verdict"] == "slower"
    assert 1.15 < slow["low"] < slow["ratio"] < slow["high"] < 1.25


def test_faster_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Status 0."""
    assert run(monkeypatch, tmp_path / "r", FakeProcesses({FIRST: 0.8})) == 0
    assert time_of(saved(tmp_path / "r")["benchmarks"][0])["verdict"] == "faster"


def test_no_verdict_is_no_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 4 where the budget ends before the first look, with what is missing."""
    status = run(monkeypatch, tmp_path / "r", FakeProcesses(SAME), "--budget", "0.000001")
    out, _ = capsys.readouterr()

    assert status == 4
    assert "NOT ONE BENCHMARK HAS A VERDICT" in out
    assert "out of time" in out
    assert time_of(saved(tmp_path / "r")["benchmarks"][0])["low"] is None


@pytest.mark.parametrize(("crashing", "pairs"), [(1, 0), (3, 1)])
def test_compare_exits_2_and_keeps_the_message_of_a_process_that_crashes(
    crashing: int,
    pairs: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The crash is an outcome, also if it comes before the first pair."""

    def crash(number: int) -> None:
        if number == crashing:
            raise CrashError("new: the benchmarks ended with status 1:\nno such operator")

    status = run(monkeypatch, tmp_path / "r", FakeProcesses(SAME, before=crash))
    found = Comparison.load(tmp_path / "r" / "comparison.json")

    assert status == 2
    assert "could not compare: new: the benchmarks ended" in capsys.readouterr().err
    assert (found.outcome, found.pairs) == ("crashed", pairs)
    assert found.error.endswith("no such operator")


def test_ctrl_c_keeps_the_pairs_and_resume_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 130 with what is known so far; then only the rest is measured."""

    def interrupt(number: int) -> None:
        if number == 8:
            raise KeyboardInterrupt

    status = run(monkeypatch, tmp_path / "r", FakeProcesses(SLOWER, before=interrupt))
    out, error = capsys.readouterr()
    cut = saved(tmp_path / "r")
    fake = FakeProcesses(SLOWER)
    resumed = run(monkeypatch, tmp_path / "r", fake, "--resume")

    assert status == 130
    assert (cut["outcome"], cut["pairs"]) == ("interrupted", 3)
    assert "3 pairs of processes" in out
    assert "--resume goes on" in error
    assert resumed == 1
    assert len(fake.started) == 6
    assert saved(tmp_path / "r")["outcome"] == "settled"


def test_an_old_comparison_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Unless --anew says so, which removes nothing but comparisons."""
    run(monkeypatch, tmp_path / "r", FakeProcesses(SLOWER))
    status = run(monkeypatch, tmp_path / "r", FakeProcesses(SAME))
    kept = saved(tmp_path / "r")
    anew = run(monkeypatch, tmp_path / "r", FakeProcesses(SAME), "--anew")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").touch()
    refused = run(monkeypatch, tmp_path / "other", FakeProcesses(SAME), "--anew")

    assert (status, anew, refused) == (2, 0, 2)
    assert time_of(kept["benchmarks"][1])["verdict"] == "slower"
    assert "already has a comparison" in capsys.readouterr().err
    assert (tmp_path / "other" / "notes.txt").exists()


@pytest.mark.parametrize(
    ("verdict", "status"),
    [("bitwise equal", 0), ("equal within rounding", 0), ("different", 1)],
)
def test_behaviour(
    verdict: str,
    status: int,
    behaviour: SimpleNamespace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is kept beside the times; one that differs is as bad as a slower one."""
    behaviour.verdict = verdict
    monkeypatch.setattr(compare, "Pairs", partial(Pairs, run=FakeProcesses(SAME)))
    sides = (sys.executable, sys.executable)
    found = compare.main([*sides, "--results", str(tmp_path / "r")])

    assert found == status
    assert behaviour.asked == [(Path(sys.executable), Path(sys.executable), True)]
    assert saved(tmp_path / "r")["behaviour"][0]["verdict"] == verdict
    loud = "BEHAVIOUR DIFFERS: clipped-rnn: so" in capsys.readouterr().out
    assert loud == (verdict == "different")


def test_behaviour_that_fails(
    behaviour: SimpleNamespace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Status 2, and the times are there all the same."""
    behaviour.error = "the candidate did not train"
    monkeypatch.setattr(compare, "Pairs", partial(Pairs, run=FakeProcesses(SAME)))
    sides = (sys.executable, sys.executable)
    status = compare.main([*sides, "--results", str(tmp_path / "r")])
    out, error = capsys.readouterr()

    assert status == 2
    assert "could not compare behaviour: the candidate did not train" in error
    assert "2 same" in out
    assert saved(tmp_path / "r")["outcome"] == "settled"


def test_saved_sides_are_judged_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both sides of one comparison are pairs still, with another limit; nothing is measured."""
    folder = tmp_path / "r"
    run(monkeypatch, folder, FakeProcesses({FIRST: 1.03}, noise=0.001))
    before = saved(folder)
    sides = ("--baseline", f"{folder}:baseline", "--candidate", f"{folder}:candidate")
    status = compare.main([*sides, "--within", "1%"])

    out = capsys.readouterr().out

    assert time_of(before["benchmarks"][0])["verdict"] == "same"
    assert status == 1
    assert "1 slower" in out
    assert f"{folder.name}:candidate against {folder.name}:baseline: " in out
    assert saved(folder) == before


def test_saved_runs_that_are_no_pairs_give_no_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ratios for orientation, why there is no more, and status 4."""
    write_run(tmp_path / "a.json", {FIRST: 1e-3})
    write_run(tmp_path / "b.json", {FIRST: 2e-3})
    status = compare.main([str(tmp_path / "a.json"), str(tmp_path / "b.json")])
    out, _ = capsys.readouterr()

    assert status == 4
    assert "| 2.00  | cannot tell |" in out
    assert "measured at different times" in out


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ("a.json", sys.executable, "a saved run was measured at another time than fresh"),
        (sys.executable, "a.json", "a saved run was measured at another time than fresh"),
        ("a.json", "other.json", "the saved runs cannot be compared: cpu differs"),
        ("a.json", "second.json", "have no benchmark in common"),
        ("a.json", "none.json", "cannot be read as a saved run"),
    ],
)
def test_saved_runs_that_cannot_be_compared(
    first: str,
    second: str,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Status 2, and why."""
    monkeypatch.chdir(tmp_path)
    write_run(Path("a.json"), {FIRST: 1e-3})
    write_run(Path("second.json"), {SECOND: 1e-3})
    write_run(Path("other.json"), {FIRST: 1e-3}, {"cpu": "Another CPU"})

    assert compare.main([first, second]) == 2
    assert words in capsys.readouterr().err


def test_a_disturbed_first_pair_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is no ratio yet that counts: what was measured stands in, and it is said."""
    fake = FakeProcesses(SAME)
    first = next(iter(SAME))
    fake.disturbed = {("0001-baseline", first)}
    seen: list[Comparison] = []
    monkeypatch.setattr(Comparison, "save", lambda self, _: seen.append(self))
    status = run(monkeypatch, tmp_path / "r", fake)
    ratios = [result.ratio for bench, result in seen[0].results("time") if bench.name == first]

    assert status == 0
    # The disturbed side took three times as long.
    assert ratios == [pytest.approx(1 / 3, rel=0.05)]
    assert seen[-1].disturbance.text.startswith("1 of ")
    assert seen[-1].disturbance.text in capsys.readouterr().out


def test_behaviour_is_kept_when_a_comparison_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behaviour: SimpleNamespace
) -> None:
    """What was found of the experiments before is not forgotten by a run that does not look."""
    behaviour.verdict = "different"
    monkeypatch.setattr(compare, "Pairs", partial(Pairs, run=FakeProcesses(SAME)))
    compare.main([sys.executable, sys.executable, "--results", str(tmp_path / "r")])
    before = saved(tmp_path / "r")["behaviour"]

    assert run(monkeypatch, tmp_path / "r", FakeProcesses(SAME), "--resume") == 1
    assert len(before) == 1
    assert saved(tmp_path / "r")["behaviour"] == before


def test_drift_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """When the fixed work of one process takes much longer than that of another."""

    class Drifting(FakeProcesses):
        def __call__(self, *arguments: Any) -> Any:
            run = super().__call__(*arguments)
            for bench in run.benchmarks.values():
                bench["extra_info"]["fixed_work_ms"] = 2.0 + 0.1 * len(self.started)
            return run

    run(monkeypatch, tmp_path / "r", Drifting(SAME))

    assert Comparison.load(tmp_path / "r" / "comparison.json").drift.drifted
    assert "the machine drifted" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "two sides are needed"),
        (["a"], "two sides are needed"),
        (["a", "b", "c"], "two sides are needed"),
        (["--baseline", "a"], "two sides are needed"),
        (["a", "--candidate", "b"], "two sides are needed"),
        (["a", "b", "--within", "0"], "more than 0% and less than 100%, got '0'"),
        (["a", "b", "--within", "much"], "more than 0% and less than 100%, got 'much'"),
        (["a", "b", "--budget", "-1"], "must be a number above 0, got '-1'"),
        (["a", "b", "--budget", "nan"], "must be a number above 0, got 'nan'"),
        (["a", "b", "--resume", "--anew"], "not allowed with argument"),
    ],
)
def test_bad_arguments(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 2, and what is allowed."""
    with pytest.raises(SystemExit) as ended:
        compare.main(arguments)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err
