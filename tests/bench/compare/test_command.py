"""The command `python -m benchmarks.compare`: exit statuses, file and text, with fake processes."""

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from benchmarks.behaviour.judge import BehaviourVerdict
from benchmarks.behaviour.sides import BehaviourError
from benchmarks.compare import command
from benchmarks.compare.command import main
from benchmarks.compare.pairs import Pairs
from benchmarks.compare.result import Comparison
from benchmarks.compare.sides import CrashError
from tests.helpers.command_lines import assert_rejected
from tests.helpers.fake_processes import FIRST, SECOND, FakeProcesses, write_run

SAME = {FIRST: 1.0, SECOND: 1.0}
SLOWER = {FIRST: 1.2, SECOND: 1.0}


def compare(
    monkeypatch: pytest.MonkeyPatch, folder: Path, fake: FakeProcesses, *options: str
) -> int:
    """Compare this interpreter with itself, and return the exit status."""
    monkeypatch.setattr(command, "Pairs", partial(Pairs, run=fake))
    return main([sys.executable, sys.executable, "--results", str(folder), *options])


def times(monkeypatch: pytest.MonkeyPatch, folder: Path, fake: FakeProcesses, *options: str) -> int:
    """Compare times only, and return the exit status."""
    return compare(monkeypatch, folder, fake, "--no-behaviour", *options)


class FakeBehaviours:
    """Stands in for `compare_behaviour`.

    Attributes:
        verdict: verdict to give.
        error: error to raise; empty for none.
        asked: interpreters and folder of each call.
    """

    def __init__(self) -> None:
        self.verdict: Any = "bitwise equal"
        self.error = ""
        self.asked: list[tuple[str, str, bool]] = []

    def __call__(self, baseline: str, candidate: str, folder: Path) -> list[BehaviourVerdict]:
        """Give the verdict on one experiment."""
        self.asked.append((baseline, candidate, folder.is_dir()))
        if self.error:
            raise BehaviourError(self.error)
        return [
            BehaviourVerdict(
                "clipped-rnn", "textbook", self.verdict, 7, 8, None, None, None, "clipped-rnn: so"
            )
        ]


@pytest.fixture
def behaviours(monkeypatch: pytest.MonkeyPatch) -> FakeBehaviours:
    """Replace the comparison of behaviours."""
    fake = FakeBehaviours()
    monkeypatch.setattr(command, "compare_behaviour", fake)
    return fake


def saved(folder: Path) -> Any:
    """Return the content of the file of results."""
    return json.loads((folder / "comparison.json").read_text(encoding="utf-8"))


def time_of(benchmark: Any) -> Any:
    """Return the result of a benchmark for the measure "time"."""
    return benchmark["measures"]["time"]


def test_compare_exits_0_when_all_benchmarks_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table is printed, and the last line counts the verdicts."""
    assert times(monkeypatch, tmp_path / "r", FakeProcesses(SAME)) == 0

    out, _ = capsys.readouterr()
    assert "0 slower, 0 faster, 2 same, 0 cannot tell" in out
    assert "same within 5%" in out


def test_compare_saves_environments_and_verdicts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file has what was printed, and more."""
    times(monkeypatch, tmp_path / "r", FakeProcesses(SAME))
    content = saved(tmp_path / "r")

    assert content["format"] == "rnn_core comparison 2"
    assert (content["outcome"], content["within"], content["confidence"]) == ("settled", 0.05, 0.99)
    assert content["pairs"] == 6
    assert content["baseline"]["environment"].keys() >= {"paddle", "numpy", "python", "cpu"}
    assert content["behaviour"] == []
    assert time_of(content["benchmarks"][0])["baseline"] == pytest.approx(1, rel=0.02)


def test_compare_exits_1_when_a_benchmark_is_slower(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other benchmark is the same."""
    status = times(monkeypatch, tmp_path / "r", FakeProcesses(SLOWER))
    [slow] = [time_of(b) for b in saved(tmp_path / "r")["benchmarks"] if b["name"] == FIRST]

    assert status == 1
    assert "1 slower, 0 faster, 1 same, 0 cannot tell" in capsys.readouterr().out
    assert slow["verdict"] == "slower"
    assert 1.15 < slow["low"] < slow["ratio"] < slow["high"] < 1.25


def test_compare_exits_0_when_a_benchmark_is_faster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Faster is not a finding."""
    assert times(monkeypatch, tmp_path / "r", FakeProcesses({FIRST: 0.8})) == 0
    assert time_of(saved(tmp_path / "r")["benchmarks"][0])["verdict"] == "faster"


def test_compare_exits_4_without_a_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The budget was spent before the first look."""
    options = ("--budget", "0.000001")
    assert times(monkeypatch, tmp_path / "r", FakeProcesses(SAME), *options) == 4

    out, _ = capsys.readouterr()
    assert "NOT ONE BENCHMARK HAS A VERDICT" in out
    assert "out of time" in out
    assert time_of(saved(tmp_path / "r")["benchmarks"][0])["low"] is None


def test_compare_exits_4_when_one_benchmark_has_no_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other benchmark is the same, which does not make the comparison one."""
    fake = FakeProcesses(SAME)
    fake.disturbed = {(f"{pair:04}-baseline", FIRST) for pair in range(1, 7)}

    def stop(number: int) -> None:
        if number > 12:
            raise KeyboardInterrupt

    fake.before = stop
    times(monkeypatch, tmp_path / "r", fake)
    options = ("--resume", "--budget", "0.000001")
    assert times(monkeypatch, tmp_path / "r", fake, *options) == 4

    out, _ = capsys.readouterr()
    assert "1 same, 1 cannot tell" in out
    assert "NOT ONE BENCHMARK" not in out


def test_compare_exits_2_when_a_process_crashes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The crash is an outcome of the saved comparison, with its message."""

    def fail(number: int) -> None:
        if number == 3:
            raise CrashError("new: the benchmarks' process exited with status 1:\nno such operator")

    status = times(monkeypatch, tmp_path / "r", FakeProcesses(SAME, before=fail))
    content = saved(tmp_path / "r")

    assert status == 2
    assert "could not compare: new: the benchmarks' process exited" in capsys.readouterr().err
    assert (content["outcome"], content["pairs"]) == ("crashed", 1)
    assert content["error"].endswith("no such operator")


def test_compare_saves_a_crash_of_the_first_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A side that cannot run at all leaves a comparison without benchmarks."""

    def fail(_: int) -> None:
        raise CrashError("new: no module named paddle")

    status = times(monkeypatch, tmp_path / "r", FakeProcesses(SAME, before=fail))
    content = saved(tmp_path / "r")

    assert status == 2
    assert (content["outcome"], content["pairs"], content["benchmarks"]) == ("crashed", 0, [])


def test_compare_resumes_after_ctrl_c(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The status is 130, the result so far is saved, and only the rest is measured."""

    def interrupt(number: int) -> None:
        if number == 8:
            raise KeyboardInterrupt

    status = times(monkeypatch, tmp_path / "r", FakeProcesses(SLOWER, before=interrupt))
    out, error = capsys.readouterr()
    cut = saved(tmp_path / "r")
    fake = FakeProcesses(SLOWER)
    resumed = times(monkeypatch, tmp_path / "r", fake, "--resume")

    assert status == 130
    assert (cut["outcome"], cut["pairs"]) == ("interrupted", 3)
    assert "3 pairs of processes" in out
    assert "--resume continues with the complete pairs" in error
    assert resumed == 1
    assert len(fake.started) == 6
    assert saved(tmp_path / "r")["outcome"] == "settled"


def test_compare_does_not_overwrite_a_comparison(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --resume or --anew, it exits with 2."""
    times(monkeypatch, tmp_path / "r", FakeProcesses(SLOWER))

    assert times(monkeypatch, tmp_path / "r", FakeProcesses(SAME)) == 2
    assert "already has a comparison" in capsys.readouterr().err
    assert time_of(saved(tmp_path / "r")["benchmarks"][1])["verdict"] == "slower"
    assert times(monkeypatch, tmp_path / "r", FakeProcesses(SAME), "--anew") == 0


def test_anew_removes_nothing_but_comparisons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder with other files is refused."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").touch()

    assert times(monkeypatch, tmp_path / "other", FakeProcesses(SAME), "--anew") == 2
    assert "other is not removed: it has no comparison" in capsys.readouterr().err
    assert (tmp_path / "other" / "notes.txt").exists()


@pytest.mark.parametrize(
    ("verdict", "status"),
    [("bitwise equal", 0), ("equal within rounding", 0), ("different", 1)],
)
def test_compare_exits_1_when_an_experiment_trains_differently(
    verdict: str,
    status: int,
    behaviours: FakeBehaviours,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The verdict is saved, and printed in capitals if it is "different"."""
    behaviours.verdict = verdict

    assert compare(monkeypatch, tmp_path / "r", FakeProcesses(SAME)) == status
    assert behaviours.asked == [(sys.executable, sys.executable, True)]
    assert saved(tmp_path / "r")["behaviour"][0]["verdict"] == verdict
    capitals = "BEHAVIOUR DIFFERS: clipped-rnn: so" in capsys.readouterr().out
    assert capitals == (verdict == "different")


@pytest.mark.parametrize(("ratios", "status"), [(SAME, 2), (SLOWER, 1)])
def test_compare_exits_2_when_behaviour_cannot_be_compared(
    ratios: dict[str, float],
    status: int,
    behaviours: FakeBehaviours,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The times are printed and saved; a slower benchmark is still a finding."""
    behaviours.error = "the candidate did not train"

    assert compare(monkeypatch, tmp_path / "r", FakeProcesses(ratios)) == status
    out, error = capsys.readouterr()
    assert "could not compare behaviour: the candidate did not train" in error
    assert " same, 0 cannot tell" in out
    assert saved(tmp_path / "r")["outcome"] == "settled"


def test_verdicts_on_behaviour_survive_a_resumed_comparison(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behaviours: FakeBehaviours
) -> None:
    """Also if the experiments are not compared again."""
    behaviours.verdict = "different"
    compare(monkeypatch, tmp_path / "r", FakeProcesses(SAME))
    before = saved(tmp_path / "r")["behaviour"]

    assert times(monkeypatch, tmp_path / "r", FakeProcesses(SAME), "--resume") == 1
    assert len(before) == 1
    assert saved(tmp_path / "r")["behaviour"] == before


def test_sides_of_a_saved_comparison_are_judged_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are still pairs: another tolerance gives another verdict, and nothing is measured."""
    folder = tmp_path / "r"
    times(monkeypatch, folder, FakeProcesses({FIRST: 1.03}, noise=0.001))
    before = saved(folder)
    sides = ("--baseline", f"{folder}:baseline", "--candidate", f"{folder}:candidate")

    assert time_of(before["benchmarks"][0])["verdict"] == "same"
    assert main([*sides, "--within", "1%"]) == 1
    out = capsys.readouterr().out
    assert "1 slower" in out
    assert f"{folder.name}:candidate against {folder.name}:baseline: " in out
    assert saved(folder) == before


def test_compare_exits_4_for_two_saved_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are not pairs: their ratios are shown, without a verdict."""
    write_run(tmp_path / "a.json", {FIRST: 1e-3})
    write_run(tmp_path / "b.json", {FIRST: 2e-3})

    assert main([str(tmp_path / "a.json"), str(tmp_path / "b.json")]) == 4
    out, _ = capsys.readouterr()
    assert "| 2.00  | cannot tell |" in out
    assert "measured at different times" in out


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ("a.json", sys.executable, "a saved run cannot be compared with an interpreter"),
        (sys.executable, "a.json", "a saved run cannot be compared with an interpreter"),
        ("a.json", "other.json", "the saved runs cannot be compared: cpu differs"),
        ("a.json", "second.json", "have no benchmark in common"),
        ("a.json", "none.json", "cannot be read as a saved run"),
    ],
)
def test_compare_refuses_sides_that_do_not_fit(
    first: str,
    second: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The error says why they cannot be compared."""
    monkeypatch.chdir(tmp_path)
    write_run(Path("a.json"), {FIRST: 1e-3})
    write_run(Path("second.json"), {SECOND: 1e-3})
    write_run(Path("other.json"), {FIRST: 1e-3}, {"cpu": "Another CPU"})

    assert_rejected(main, [first, second], message, capsys)


def test_disturbed_first_pair_still_has_a_ratio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The ratio of the measured times stands in until a pair counts."""
    fake = FakeProcesses(SAME)
    fake.disturbed = {("0001-baseline", FIRST)}
    seen: list[Comparison] = []
    monkeypatch.setattr(Comparison, "save", lambda self, _: seen.append(self))
    status = times(monkeypatch, tmp_path / "r", fake)
    ratios = [result.ratio for bench, result in seen[0].results("time") if bench.name == FIRST]

    assert status == 0
    # The disturbed side took three times as long.
    assert ratios == [pytest.approx(1 / 3, rel=0.05)]
    assert seen[-1].disturbance.text.startswith("1 of ")
    assert seen[-1].disturbance.text in capsys.readouterr().out


def test_compare_reports_drift(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The fixed work of one process takes much longer than that of another."""

    class Drifting(FakeProcesses):
        def __call__(self, *arguments: Any) -> Any:
            run = super().__call__(*arguments)
            for bench in run.benchmarks.values():
                bench["extra_info"]["fixed_work_ms"] = 2.0 + 0.1 * len(self.started)
            return run

    times(monkeypatch, tmp_path / "r", Drifting(SAME))

    drift = saved(tmp_path / "r")["drift"]
    assert drift["baseline"]["slowest_ms"] > 1.1 * drift["baseline"]["fastest_ms"]
    assert "the machine drifted" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "two sides are needed"),
        (["a"], "two sides are needed"),
        (["a", "b", "c"], "two sides are needed"),
        (["--baseline", "a"], "two sides are needed"),
        (["a", "--candidate", "b"], "two sides are needed"),
        (["a", "b", "--within", "0"], "must be greater than 0% and less than 100%, got '0'"),
        (["a", "b", "--budget", "-1"], "must be a number greater than 0, got '-1'"),
        (["a", "b", "--seed", "-1"], "must be at least 0, got -1"),
        (["a", "b", "--resume", "--anew"], "not allowed with argument"),
    ],
)
def test_compare_rejects_wrong_options(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error says what is allowed."""
    assert_rejected(main, arguments, message, capsys)
