"""The command `python -m benchmarks.compare`: exit statuses, file and text, with fake processes."""

import json
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from benchmarks.behaviour.judge import BehaviourVerdict
from benchmarks.compare import command
from benchmarks.compare.command import main
from benchmarks.compare.pairs import Pairs
from benchmarks.compare.result import Comparison
from benchmarks.compare.sides import CrashError
from benchmarks.interpreters import Interpreter, SideError
from benchmarks.locks import lock_folder
from tests.helpers.command_lines import assert_rejected
from tests.helpers.fake_processes import FIRST, SECOND, FakeProcesses, interrupt_at, write_run

SAME = {FIRST: 1.0, SECOND: 1.0}
SLOWER = {FIRST: 1.2, SECOND: 1.0}
SPENT = ("--budget", "0.000001")


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

    def time_of(self, name: str) -> Any:
        """Return the result of a benchmark for the measure "time"."""
        [found] = [b["measures"]["time"] for b in self.saved["benchmarks"] if b["name"] == name]
        return found


Compare = Callable[..., Compared]


@pytest.fixture
def compare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Compare:
    """Return a function that compares the times of this interpreter with itself."""
    folder = tmp_path / "r"

    def compared(fake: FakeProcesses, *options: str, behaviour: bool = False) -> Compared:
        monkeypatch.setattr(command, "Pairs", partial(Pairs, run=fake))
        switch = () if behaviour else ("--no-behaviour",)
        results = ("--results", str(folder), *switch)
        status = main([sys.executable, sys.executable, *results, *options])
        saved = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
        return Compared(status, *capsys.readouterr(), saved)

    return compared


@pytest.fixture
def compare_behaviours(monkeypatch: pytest.MonkeyPatch, compare: Compare) -> Compare:
    """Return a function that also compares behaviours, with a given verdict or error."""

    def compared(ratios: dict[str, float], verdict: Any, error: str = "") -> Compared:
        def fake(
            baseline: Interpreter, candidate: Interpreter, folder: Path
        ) -> list[BehaviourVerdict]:
            assert {baseline.python, candidate.python} == {Path(sys.executable)}
            assert folder.name == "behaviour"
            if error:
                raise SideError(error)
            facts = (verdict, 7, 8, None, None, None, "clipped-rnn: so")
            return [BehaviourVerdict("clipped-rnn", "textbook", *facts)]

        monkeypatch.setattr(command, "compare_behaviour", fake)
        return compare(FakeProcesses(ratios), behaviour=True)

    return compared


def test_compare_exits_0_when_all_benchmarks_are_the_same(compare: Compare) -> None:
    """The table is printed with a count of the verdicts, and all results are saved."""
    status, out, _, content = found = compare(FakeProcesses(SAME))

    assert status == 0
    assert "0 slower, 0 faster, 2 same, 0 cannot tell" in out
    assert "same within 5%" in out
    assert content["format"] == "rnn_core comparison 2"
    assert (content["outcome"], content["within"], content["confidence"]) == ("settled", 0.05, 0.99)
    assert content["pairs"] == 6
    assert content["baseline"]["environment"].keys() >= {"paddle", "numpy", "python", "cpu"}
    assert content["behaviour"] == []
    assert found.time_of(FIRST)["baseline"] == pytest.approx(1, rel=0.02)


def test_compare_exits_1_when_a_benchmark_is_slower(compare: Compare) -> None:
    """The other benchmark is the same."""
    found = compare(FakeProcesses(SLOWER))
    slow = found.time_of(FIRST)

    assert found.status == 1
    assert "1 slower, 0 faster, 1 same, 0 cannot tell" in found.out
    assert slow["verdict"] == "slower"
    assert [slow["baseline"], slow["candidate"]] == pytest.approx([1.0, 1.2], rel=0.02)
    assert 1.15 < slow["low"] < slow["ratio"] < slow["high"] < 1.25


def test_compare_exits_0_when_a_benchmark_is_faster(compare: Compare) -> None:
    """A faster benchmark is not a finding."""
    found = compare(FakeProcesses({FIRST: 0.8}))

    assert found.status == 0
    assert found.time_of(FIRST)["verdict"] == "faster"


def test_compare_exits_4_without_a_verdict(compare: Compare) -> None:
    """The budget was spent before the first look."""
    found = compare(FakeProcesses(SAME), *SPENT)

    assert (found.status, found.saved["pairs"]) == (4, 1)
    assert "NOT ONE BENCHMARK HAS A VERDICT" in found.out
    assert "out of time" in found.out
    assert found.time_of(FIRST)["low"] is None
    # One process cannot tell whether the machine drifted.
    assert found.saved["drift"] == {"baseline": None, "candidate": None}


def test_compare_exits_4_when_one_benchmark_has_no_verdict(compare: Compare) -> None:
    """The verdict on the other benchmark does not settle the comparison."""
    fake = FakeProcesses(SAME, before=interrupt_at(13))
    fake.disturbed = {(f"{pair:04}-baseline", FIRST) for pair in range(1, 7)}
    compare(fake)
    found = compare(fake, "--resume", *SPENT)

    assert found.status == 4
    assert "1 same, 1 cannot tell" in found.out
    assert "NOT ONE BENCHMARK" not in found.out


@pytest.mark.parametrize("pairs", [0, 1])
def test_compare_exits_2_when_a_process_crashes(pairs: int, compare: Compare) -> None:
    """The saved comparison has the outcome "crashed" and the message."""
    crash = CrashError("new: the benchmarks' process exited with status 1:\nno such operator")
    status, _, err, content = compare(
        FakeProcesses(SAME, before=interrupt_at(2 * pairs + 1, crash))
    )

    assert status == 2
    assert "could not compare: new: the benchmarks' process exited" in err
    assert (content["outcome"], content["pairs"]) == ("crashed", pairs)
    assert len(content["benchmarks"]) == 2 * pairs
    assert content["error"].endswith("no such operator")


def test_compare_resumes_after_ctrl_c(compare: Compare) -> None:
    """The status is 130, the result so far is saved, and only the rest is measured."""
    cut = compare(FakeProcesses(SLOWER, before=interrupt_at(8)))
    fake = FakeProcesses(SLOWER)
    resumed = compare(fake, "--resume")

    assert (cut.status, cut.saved["outcome"], cut.saved["pairs"]) == (130, "interrupted", 3)
    assert "3 pairs of processes" in cut.out
    assert "--resume continues with the complete pairs" in cut.out
    assert (resumed.status, resumed.saved["outcome"]) == (1, "settled")
    assert len(fake.started) == 6


def test_compare_does_not_overwrite_a_comparison(compare: Compare) -> None:
    """Without --resume or --restart, the exit status is 2."""
    compare(FakeProcesses(SLOWER))
    refused = compare(FakeProcesses(SAME))

    assert refused.status == 2
    assert "already has a comparison: continue it with --resume" in refused.err
    assert refused.time_of(FIRST)["verdict"] == "slower"
    assert compare(FakeProcesses(SAME), "--restart").status == 0


@pytest.mark.parametrize("option", ["--resume", "--restart"])
def test_compare_refuses_a_folder_in_use(option: str, compare: Compare, tmp_path: Path) -> None:
    """Nothing in it changes, whatever the option."""
    compare(FakeProcesses(SLOWER))
    with lock_folder(tmp_path / "r"):
        fake = FakeProcesses(SAME)
        refused = compare(fake, option)

    assert (refused.status, fake.started) == (2, [])
    assert "r is in use by another run" in refused.err
    assert refused.time_of(FIRST)["verdict"] == "slower"


def test_results_are_relative_to_the_current_directory(
    compare: Compare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The processes run in the project's directory and get the whole path."""
    monkeypatch.chdir(tmp_path)
    fake = FakeProcesses(SAME)
    compare(fake, "--results", "r")

    assert {path.parent for path in fake.paths} == {tmp_path / "r" / "pairs"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--restart"], "is not removed: it has no comparison"),
        ([], "is not empty, and has no comparison"),
        (["--resume"], "is not empty, and has no comparison"),
    ],
)
def test_compare_touches_no_other_files(
    options: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A folder with other files is refused."""
    monkeypatch.setattr(command, "Pairs", partial(Pairs, run=FakeProcesses(SAME)))
    (tmp_path / "notes.txt").touch()
    arguments = [sys.executable, sys.executable, "--results", str(tmp_path), *options]

    assert_rejected(main, [*arguments, "--no-behaviour"], message, capsys)
    assert (tmp_path / "notes.txt").exists()


@pytest.mark.parametrize(
    ("verdict", "status"),
    [("bitwise equal", 0), ("equal within rounding", 0), ("different", 1)],
)
def test_compare_exits_1_when_an_experiment_trains_differently(
    verdict: str, status: int, compare_behaviours: Compare, compare: Compare
) -> None:
    """The verdict is saved, printed in capitals if it is "different", and survives --resume."""
    found = compare_behaviours(SAME, verdict)
    again = compare(FakeProcesses(SAME), "--resume")

    assert (found.status, again.status) == (status, status)
    assert [each["verdict"] for each in found.saved["behaviour"]] == [verdict]
    assert again.saved["behaviour"] == found.saved["behaviour"]
    assert ("BEHAVIOUR DIFFERS: clipped-rnn: so" in found.out) == (verdict == "different")


@pytest.mark.parametrize(("ratios", "status"), [(SAME, 2), (SLOWER, 1)])
def test_compare_exits_2_when_behaviour_cannot_be_compared(
    ratios: dict[str, float], status: int, compare_behaviours: Compare
) -> None:
    """The times are printed and saved; a slower benchmark is still a finding."""
    found = compare_behaviours(ratios, None, "the candidate did not train")

    assert found.status == status
    assert "could not compare behaviour: the candidate did not train" in found.err
    assert " same, 0 cannot tell" in found.out
    assert found.saved["outcome"] == "settled"


def test_sides_of_a_saved_comparison_are_judged_again(
    tmp_path: Path, compare: Compare, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their pairs are judged with another tolerance; nothing is measured."""
    before = compare(FakeProcesses({FIRST: 1.03}, noise=0.001))
    sides = [f"{tmp_path}/r:baseline", f"{tmp_path}/r:candidate"]

    assert before.time_of(FIRST)["verdict"] == "same"
    assert main(["--baseline", sides[0], "--candidate", sides[1], "--within", "1%"]) == 1
    out, _ = capsys.readouterr()
    assert "1 slower" in out
    assert "r:candidate against r:baseline: " in out

    # Processes of two comparisons are not pairs, even if they have the same benchmarks.
    shutil.copytree(tmp_path / "r", tmp_path / "s")
    assert main([sides[0], f"{tmp_path}/s:candidate"]) == 4
    assert "measured at different times" in capsys.readouterr().out


@pytest.fixture
def _saved_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Save four runs in the current folder."""
    monkeypatch.chdir(tmp_path)
    write_run(Path("a.json"), {FIRST: 1e-3})
    write_run(Path("b.json"), {FIRST: 2e-3})
    write_run(Path("second.json"), {SECOND: 1e-3})
    write_run(Path("other.json"), {FIRST: 1e-3}, {"cpu": "Another CPU"})


@pytest.mark.usefixtures("_saved_runs")
def test_compare_exits_4_for_two_saved_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """They are not pairs: their ratios are shown, without a verdict."""
    assert main(["a.json", "b.json"]) == 4
    out, _ = capsys.readouterr()
    assert "| 2.00  | cannot tell |" in out
    assert "measured at different times" in out


def test_disturbed_first_pair_still_has_a_ratio(
    monkeypatch: pytest.MonkeyPatch, compare: Compare
) -> None:
    """Until a pair counts, the ratio of the measured times is shown."""
    fake = FakeProcesses(SAME)
    fake.disturbed = {("0001-baseline", FIRST)}
    seen: list[Comparison] = []
    save = Comparison.save

    def saved(self: Comparison, folder: Path) -> None:
        seen.append(self)
        save(self, folder)

    monkeypatch.setattr(Comparison, "save", saved)
    found = compare(fake)
    ratios = [result.ratio for bench, result in seen[0].results("time") if bench.name == FIRST]

    # The disturbed side took three times as long.
    assert ratios == [pytest.approx(1 / 3, rel=0.05)]
    assert seen[-1].disturbance.text.startswith("1 of ")
    assert seen[-1].disturbance.text in found.out


def test_compare_reports_drift(compare: Compare) -> None:
    """The fixed work of one process takes much longer than that of another."""
    found = compare(FakeProcesses(SAME, drift=0.1))
    drift = found.saved["drift"]["baseline"]

    assert drift["slowest_ms"] > 1.1 * drift["fastest_ms"]
    assert "the machine drifted" in found.out


@pytest.mark.usefixtures("_saved_runs")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.json", sys.executable], "a saved run cannot be compared with an interpreter"),
        ([sys.executable, "a.json"], "a saved run cannot be compared with an interpreter"),
        (["a.json", "other.json"], "the saved runs cannot be compared: cpu differs"),
        (["a.json", "second.json"], "have no benchmark in common"),
        (["a.json", "none.json"], "cannot be read as a saved run"),
        ([], "two sides are needed"),
        (["a"], "two sides are needed"),
        (["a", "b", "c"], "two sides are needed"),
        (["--baseline", "a"], "two sides are needed"),
        (["a", "--candidate", "b"], "two sides are needed"),
        (["a", "b", "--within", "0"], "must be greater than 0% and less than 100%, got '0'"),
        (["a", "b", "--budget", "-1"], "must be a number greater than 0, got '-1'"),
        (["a", "b", "--seed", "-1"], "must be at least 0, got -1"),
        (["a", "b", "--resume", "--restart"], "not allowed with argument"),
    ],
)
def test_compare_rejects_wrong_options_and_sides(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error says what is allowed, or why the sides cannot be compared."""
    assert_rejected(main, arguments, message, capsys)
