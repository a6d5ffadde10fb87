"""The command `python -m benchmarks.compare`: exit statuses, file and text, with fake processes."""

import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from benchmarks.behaviour.files import OwnJob
from benchmarks.behaviour.judge import BehaviourVerdict
from benchmarks.behaviour.own import NotRepeatableError
from benchmarks.compare import command
from benchmarks.compare.command import choose_measures, main
from benchmarks.compare.pairs import Contest, Pairs, settle
from benchmarks.compare.result import Comparison
from benchmarks.compare.sides import CrashError, Saved, find_side
from benchmarks.compare.summary import reasons_of
from benchmarks.compare.text import unpaired
from benchmarks.instructions.functions import Function, Profile
from benchmarks.interpreters import Interpreter, SideError
from benchmarks.locks import lock_folder
from benchmarks.saved.saved_run import Measure
from tests.helpers.command_lines import assert_rejected
from tests.helpers.fake_processes import FIRST, SECOND, FakeProcesses, interrupt_at, write_run

SAME = {FIRST: 1.0, SECOND: 1.0}
SLOWER = {FIRST: 1.2, SECOND: 1.0}
TIME = ("--measure", "time")


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

    @property
    def course(self) -> Any:
        """How the comparison of times went."""
        return self.saved["courses"]["time"]

    def result_of(self, name: str, measure: str = "time") -> Any:
        """Return the result of a benchmark by a measure."""
        [found] = [b["measures"][measure] for b in self.saved["benchmarks"] if b["name"] == name]
        return found


Compare = Callable[..., Compared]


@pytest.fixture
def compare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Compare:
    """Return a function that compares this interpreter with itself, by default its times."""
    folder = tmp_path / "r"

    def compared(
        fake: FakeProcesses, *options: str, behaviour: bool = False, measure: str | None = "time"
    ) -> Compared:
        monkeypatch.setattr(command, "Pairs", partial(Pairs, run=fake))
        for name in ("find_valgrind", "find_switch"):
            monkeypatch.setattr(command, name, lambda *_: None)
        switch = () if behaviour else ("--no-behaviour",)
        measures = () if measure is None else ("--measure", measure)
        results = ("--results", str(folder), *measures, *switch)
        status = main([sys.executable, sys.executable, *results, *options])
        file = folder / "comparison.json"
        saved = json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
        return Compared(status, *capsys.readouterr(), saved)

    return compared


@pytest.fixture
def compare_behaviours(monkeypatch: pytest.MonkeyPatch, compare: Compare) -> Compare:
    """Return a function that also compares behaviours, with a given verdict or error."""

    def compared(ratios: dict[str, float], verdict: Any, error: str = "") -> Compared:
        def fake(baseline: Interpreter, candidate: Interpreter, folder: Path) -> Any:
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
    assert content["format"] == "rnn_core comparison 3"
    assert content["confidence"] == 0.99
    assert content["courses"].keys() == {"time"}
    assert found.course == {"pairs": 6, "seconds": 72.0, "within": 0.05, "outcome": "settled"}
    assert content["baseline"]["environment"].keys() >= {"paddle", "numpy", "python", "cpu"}
    assert content["behaviour"] == []
    assert found.result_of(FIRST)["baseline"] == pytest.approx(1, rel=0.02)


def test_compare_exits_1_when_a_benchmark_is_slower(compare: Compare) -> None:
    """The other benchmark is the same."""
    found = compare(FakeProcesses(SLOWER))
    slow = found.result_of(FIRST)

    assert found.status == 1
    assert "1 slower, 0 faster, 1 same, 0 cannot tell" in found.out
    assert slow["verdict"] == "slower"
    assert [slow["baseline"], slow["candidate"]] == pytest.approx([1.0, 1.2], rel=0.02)
    assert 1.15 < slow["low"] < slow["ratio"] < slow["high"] < 1.25


def test_compare_exits_4_without_a_verdict(compare: Compare) -> None:
    """The budget was spent before the first look."""
    found = compare(FakeProcesses(SAME), "--budget", "0.000001")

    assert (found.status, found.course["pairs"]) == (4, 1)
    assert "NOT ONE BENCHMARK HAS A VERDICT" in found.out
    assert "out of time" in found.out
    assert found.result_of(FIRST)["low"] is None
    # One process cannot tell whether the machine drifted.
    assert found.saved["drift"] == {"baseline": None, "candidate": None}


@pytest.mark.parametrize(
    ("measures", "number", "pairs"), [("time", 1, 0), ("time", 3, 1), ("instructions,time", 7, 0)]
)
def test_compare_exits_2_when_a_process_crashes(
    measures: str, number: int, pairs: int, compare: Compare
) -> None:
    """The saved comparison has the outcome "crashed", the message, and what was measured."""
    crash = CrashError("new: the benchmarks' process exited with status 1:\nno such operator")
    fake = FakeProcesses(SAME, before=interrupt_at(number, crash))
    status, _, err, content = found = compare(fake, measure=measures)

    assert status == 2
    assert "could not compare: new: the benchmarks' process exited" in err
    assert (found.course["outcome"], found.course["pairs"]) == ("crashed", pairs)
    assert len(content["benchmarks"]) == 2 * (number > 1)
    assert content["error"].endswith("no such operator")


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


@pytest.mark.usefixtures("workload")
@pytest.mark.parametrize(
    ("given", "paths", "expression"),
    [
        ([], ("benchmarks",), command.BENCHMARKS),
        (["--workload", "own.py:train"], ("benchmarks/test_workload.py",), ""),
        (["--workload", "own.py:train", "-k", "a or b"], ("benchmarks",), "(a or b) or test_wor"),
    ],
)
def test_own_workload_is_compared_instead_of_the_benchmarks(
    given: list[str], paths: tuple[str, ...], expression: str, tmp_path: Path
) -> None:
    """Unless some are asked for; the processes get its whole path, the seed and the execution."""
    options = command._options(["a", "b", "--seed=3", *given])

    assert command.benchmarks_of(options)[0] == paths
    assert command.benchmarks_of(options)[1].startswith(expression)
    if given:
        whole = f"--workload={tmp_path / 'own.py:train'}"
        expected = (whole, "--workload-seed=3", "--workload-execution=eager")
        assert command.workload_options(options.job) == expected


@pytest.mark.usefixtures("workload")
@pytest.mark.parametrize(
    ("fails", "budget", "message"),
    [
        (CrashError("new: own.py:train: step 2 raised"), "10", ": new: own.py:train: step 2 raise"),
        # 12 processes of 6 seconds are needed by time.
        (
            None,
            "1.1",
            ": a step takes 0.001 s, and a process 6 s: a verdict by time takes",
        ),
    ],
)
def test_unusable_workload_is_refused_before_anything_is_measured(
    fails: CrashError | None,
    budget: str,
    message: str,
    compare: Compare,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It fails on a side, or a step takes longer than the budget allows."""
    fake = FakeProcesses(SAME)
    checks = FakeProcesses(SAME, before=interrupt_at(1, fails) if fails else lambda _: None)
    monkeypatch.setattr(command, "time_processes", checks)
    found = compare(fake, "--workload", "own.py:train", "--budget", budget)

    assert (found.status, fake.started, checks.started[:1]) == (2, [], [] if fails else ["check"])
    assert f"could not compare{message}" in found.err
    # The same command works once the file is mended.
    monkeypatch.setattr(command, "time_processes", FakeProcesses(SAME))
    assert compare(fake, "--workload", "own.py:train").status == 0


@pytest.mark.usefixtures("workload")
@pytest.mark.parametrize(("budget", "series"), [("1.7", "time"), ("0.7", "instructions")])
def test_each_series_needs_its_share_of_the_budget(
    budget: str, series: str, compare: Compare
) -> None:
    """Both together have 10 pairs of 12 seconds; the first one has half of the time."""
    given = ("--workload", "own.py:train", "--budget", budget)
    found = compare(FakeProcesses(SAME), *given, measure="time,instructions")

    assert (found.status, found.saved) == (2, None)
    assert f" a verdict by {series} takes at least " in found.err


@pytest.mark.usefixtures("workload")
@pytest.mark.parametrize(
    ("found", "given", "status", "saved"),
    [
        ("bitwise equal", [], 0, ["own.py:train"]),
        ("different", ["-k", "x"], 1, ["own.py:train", "clipped-rnn"]),
        (NotRepeatableError("two runs differ"), [], 4, []),
        (SideError("no such layer"), [], 2, None),
    ],
)
def test_behaviour_of_own_workload_is_compared_first(
    found: Any,
    given: list[str],
    status: int,
    saved: list[str] | None,
    compare: Compare,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """If it cannot be compared, nothing is measured; costs are if it does not repeat itself."""
    jobs: list[OwnJob] = []

    def verdict(name: str) -> BehaviourVerdict:
        kind: Any = found if name == "own.py:train" else "bitwise equal"
        return BehaviourVerdict(name, "eager", kind, 7, 8, None, None, None, f"{name}: so")

    def fake(*arguments: Any) -> Any:
        jobs.append(arguments[-1])
        if isinstance(found, Exception):
            raise found
        return verdict("own.py:train")

    monkeypatch.setattr(command, "compare_workload", fake)
    monkeypatch.setattr(command, "compare_behaviour", lambda *_: [verdict("clipped-rnn")])
    processes = FakeProcesses(SAME)
    given = ["--workload", "own.py:train", "--steps", "20", "--seed", "3", *given]
    ended = compare(processes, *given, behaviour=True)

    assert ended.status == status
    assert jobs == [OwnJob(str(Path.cwd() / "own.py:train"), "eager", 20, 3, "cpu")]
    assert (processes.started == []) == (saved is None)
    if saved is None:
        assert "could not compare: no such layer" in ended.err
    else:
        assert [each["experiment"] for each in ended.saved["behaviour"]] == saved
        assert [ended.out.count(f"{name}: so") for name in saved] == [1] * len(saved)
    # What was saved is not compared again. If nothing was, the comparison begins again.
    resume = [] if saved is None else ["--resume"]
    compare(FakeProcesses(SAME), *given, *resume, behaviour=True)
    assert len(jobs) == (1 if saved else 2)


def test_compare_does_not_overwrite_a_comparison(compare: Compare) -> None:
    """Without --resume or --restart, the exit status is 2."""
    compare(FakeProcesses(SLOWER))
    refused = compare(FakeProcesses(SAME))

    assert refused.status == 2
    assert "already has a comparison: continue it with --resume" in refused.err
    assert refused.result_of(FIRST)["verdict"] == "slower"
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
    assert refused.result_of(FIRST)["verdict"] == "slower"


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
    options: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder with other files is refused."""
    monkeypatch.setattr(command, "Pairs", partial(Pairs, run=FakeProcesses(SAME)))
    (tmp_path / "notes.txt").touch()
    arguments = [sys.executable, sys.executable, "--results", str(tmp_path), *options, *TIME]

    assert_rejected(main, [*arguments, "--no-behaviour"], message)
    assert (tmp_path / "notes.txt").exists()


@pytest.mark.parametrize(
    ("verdict", "status"), [("bitwise equal", 0), ("equal within rounding", 0), ("different", 1)]
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
    assert found.course["outcome"] == "settled"


def test_sides_of_a_saved_comparison_are_judged_again(
    tmp_path: Path, compare: Compare, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their pairs are judged with another tolerance; nothing is measured."""
    before = compare(FakeProcesses({FIRST: 1.03}, noise=0.001))
    sides = [f"{tmp_path}/r:baseline", f"{tmp_path}/r:candidate"]

    assert before.result_of(FIRST)["verdict"] == "same"
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
    """Save five runs in the current folder."""
    monkeypatch.chdir(tmp_path)
    write_run(Path("a.json"), {FIRST: 1e-3})
    write_run(Path("b.json"), {FIRST: 2e-3})
    write_run(Path("second.json"), {SECOND: 1e-3})
    write_run(Path("other.json"), {FIRST: 1e-3}, {"cpu": "Another CPU"})
    info = {FIRST: {"instructions": 1000}}
    write_run(Path("counted.json"), {FIRST: 1e-3}, info=info)


@pytest.mark.usefixtures("_saved_runs")
def test_compare_exits_4_for_two_saved_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """They are not pairs: their ratios are shown, without a verdict."""
    assert main(["b.json", "a.json"]) == 4
    assert re.sub(" +", " ", re.sub("-{2,}", "", capsys.readouterr().out)) == (
        "| benchmark | baseline ms | candidate ms | ratio | verdict |\n|" + " |" * 5 + "\n"
        "| test_stage[cpu-step-RNN-B1-T10-H128-kernel] | 2 | 1 | 0.50 | cannot tell |\n\n"
        "1 and 1 processes, measured at different times. How much the machine's pace changed in "
        "between is not known; often it is more than a regression. NOT ONE BENCHMARK HAS A "
        "VERDICT. Give two interpreters or tox environments, to measure both sides now.\n"
    )
    run = find_side("a.json")
    assert isinstance(run, Saved)
    with pytest.raises(SideError, match="^of runs that are not pairs, only times .*has none$"):
        unpaired(run, Saved("counts", {"instructions": run.runs["time"]}))


def test_disturbed_pair_has_a_ratio(monkeypatch: pytest.MonkeyPatch, compare: Compare) -> None:
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
        (["a.json", "second.json"], "compare: the saved runs have no benchmark in common"),
        (["a.json", "none.json"], "cannot be read as a saved run"),
        (["a.json", "counted.json"], "counted.json has counts, not times: give its comparison"),
        (["a.json", "b.json", "--measure", "memory"], "compared by time only, not by memory"),
        ([], "two sides are needed"),
        (["a"], "two sides are needed"),
        (["a", "b", "c"], "two sides are needed"),
        (["--baseline", "a"], "two sides are needed"),
        (["a", "--candidate", "b"], "two sides are needed"),
        (["a", "b", "--within", "0"], "must be greater than 0% and less than 100%, got '0'"),
        (["a", "b", "--within", "time=5,speed=1"], "must be names from time, instructions, memory"),
        (["a", "b", "--within", "time=5,1"], "must be KEY=VALUE, got '1'"),
        (["a", "b", "--measure", "luck"], "must be names from time, instructions, memory"),
        (["a", "b", "--format", "html"], "invalid choice: 'html'"),
        (["a", "b", "--budget", "-1"], "must be a number greater than 0, got '-1'"),
        (["a", "b", "--seed", "-1"], "must be at least 0, got -1"),
        (["a", "b", "--resume", "--restart"], "not allowed with argument"),
        (["a", "b", "--steps", "9"], "--steps needs --workload"),
        (["a", "b", "--execution", "static"], "--execution needs --workload"),
    ],
)
def test_compare_rejects_wrong_options_and_sides(arguments: list[str], message: str) -> None:
    """The error says what is allowed, or why the sides cannot be compared."""
    assert_rejected(main, arguments, message)


def test_counts_come_first_and_are_explained(compare: Compare) -> None:
    """Each measure has its verdict; three pairs settle counts, and their functions are named."""
    fake = FakeProcesses(SAME, costs={"instructions": {FIRST: 1.02}, "memory": {SECOND: 0.9}})
    found = compare(fake, measure="instructions,memory,time")
    kinds = [settings.measure for settings in fake.settings]
    [benchmark] = [each for each in found.saved["benchmarks"] if each["functions"]]
    grown, *others = benchmark["functions"]

    assert found.status == 1
    assert kinds == ["instructions"] * 6 + ["time"] * 12
    assert {path.parent.name for path in fake.paths} == {"counts", "pairs"}
    assert list(found.saved["courses"]) == ["instructions", "memory", "time"]
    assert [found.result_of(FIRST, measure)["verdict"] for measure in found.saved["courses"]] == [
        *("more instructions", "same", "same")
    ]
    assert found.result_of(SECOND, "memory")["verdict"] == "less memory"
    assert found.result_of(FIRST, "instructions")["candidate"] == pytest.approx(3.06e6)
    assert benchmark["name"] == FIRST
    assert (grown["name"], grown["before"], grown["after"]) == ("phi::matmul", 3e6, 3.06e6)
    assert [[each["before"], each["after"]] for each in others] == [[None, 1e3], [1e3, None]]
    assert [each["name"] for each in benchmark["operators"]] == ["op3060000", "matmul", "op3000000"]
    for words in (
        "1 more instructions, 0 fewer instructions, 1 same, 0 cannot tell",
        "| 3                | 3.06              | 1.0200 (1.0184-1.0216) | more instructions ",
        "Why cpu-step-RNN-B1-T10-H128-kernel has more instructions: operators that cost more, with",
    ):
        assert words in found.out
    why = [" ".join(line.split()) for line in found.out.splitlines()]
    assert [line for line in why if line.startswith("|") and line.endswith(".0 |")] == [
        "| op3060000 | none -> 3 | none | 1530.0 | +1530.0 |",
        "| matmul | 3 | 1500.0 | 1530.0 | +30.0 |",
        "| op3000000 | 3 -> none | 1500.0 | none | -1500.0 |",
        "| phi::matmul | libphi.so | matmul | 3000.0 | 3060.0 | +60.0 |",
        "| operator||<3060000> | libc.so | | none | 1.0 | +1.0 |",
        "| operator||<3000000> | libc.so | | 1.0 | none | -1.0 |",
    ]


def test_file_has_the_functions_that_changed_most() -> None:
    """They are 50 that cost more, those that grew most first, and 50 that cost less."""
    before, after = (
        Profile(
            operators=(),
            functions=tuple(
                Function(name=f"{at}", library="a", cost=1e3 + sign * at) for at in range(-60, 61)
            ),
        )
        for sign in (0, 1)
    )
    changes = [cost.change for cost in reasons_of(before, after)["functions"]]

    assert changes == [*range(60, 10, -1), *range(-11, -61, -1)]


def test_counts_alone_time_nothing(compare: Compare) -> None:
    """Peaks of memory are judged in the processes that are measured anyway."""
    fake = FakeProcesses(SLOWER, costs={"memory": {FIRST: 1.01}})
    counted = compare(fake, measure="instructions")
    timed = compare(fake, "--restart", measure="memory")

    assert (counted.status, timed.status) == (0, 1)
    assert list(counted.saved["courses"]) == ["instructions"]
    assert [settings.measure for settings in fake.settings] == ["instructions"] * 6 + ["time"] * 6
    assert timed.result_of(FIRST, "memory")["verdict"] == "more memory"
    assert timed.saved["drift"]["baseline"] is None


def test_memory_that_paddle_cannot_tell_is_not_judged(compare: Compare) -> None:
    """It has neither a result nor a verdict, nothing waits for it, and a line says so."""
    fake = FakeProcesses(SAME, costs={"memory": {FIRST: 0.0, SECOND: 0.0}})
    found = compare(fake, measure="instructions,memory")

    assert found.status == 0
    assert {tuple(each["measures"]) for each in found.saved["benchmarks"]} == {("instructions",)}
    assert "Memory: 3 pairs of processes in 0.6 minutes, not reported by Paddle." in found.out


@pytest.mark.parametrize(
    ("measures", "number", "kept"),
    [
        ("time", 8, 6),
        ("instructions", 1, 0),
        ("instructions", 4, 3),
        ("instructions,time", 10, 8),
    ],
)
def test_compare_resumes_after_ctrl_c(
    measures: str, number: int, kept: int, compare: Compare
) -> None:
    """Every count is kept, even of half a pair; of the times, complete pairs are."""
    cut = compare(FakeProcesses(SAME, before=interrupt_at(number)), measure=measures)
    rest = FakeProcesses(SAME)
    resumed = compare(rest, "--resume", measure=measures)
    processes = 6 * ("instructions" in measures) + 12 * ("time" in measures)

    assert (cut.status, resumed.status) == (130, 0)
    assert "--resume continues with the complete pairs" in cut.out
    assert len(rest.started) == processes - kept
    assert {course["outcome"] for course in resumed.saved["courses"].values()} == {"settled"}
    if "time" in measures:
        assert cut.course["outcome"] == "interrupted"


@pytest.mark.parametrize("number", [1, 7])
def test_a_failed_count_leaves_time_and_memory(number: int, compare: Compare) -> None:
    """By default, one line says so, and the status is that of a benchmark without a verdict."""
    crashes = [CrashError("new: the benchmarks' process was ended by SIGILL:\nin matmul")]

    def crash(now: int) -> None:
        if now == number and crashes:
            raise crashes.pop()

    fake = FakeProcesses(SAME, before=crash)
    found = compare(fake, "--within", "instructions=0.01", measure=None)
    ran = [settings.measure for settings in fake.settings]

    assert found.status == 4
    assert found.err.splitlines() == [
        "warning: counting failed: new: the benchmarks' process was ended by SIGILL. "
        "Comparing by time and memory alone."
    ]
    assert {name: each["outcome"] for name, each in found.saved["courses"].items()} == {
        "instructions": "crashed",
        "time": "settled",
        "memory": "settled",
    }
    assert found.saved["error"].endswith("in matmul")
    assert ran.count("time") == 12
    assert found.result_of(FIRST, "memory")["pairs"] == 3
    assert ("Instructions: 3 pairs" in found.out) == (number == 7)


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


@pytest.mark.parametrize("damage", ["{", None])
def test_damaged_functions_are_named(damage: str | None, compare: Compare, tmp_path: Path) -> None:
    """The verdicts do not need them, and no functions are listed."""
    for ratio, status in ((1.0, 0), (1.02, 1)):
        fake = FakeProcesses(SAME, costs={"instructions": {FIRST: ratio}})
        compare(fake, "--restart", measure="instructions")
        file = tmp_path / "r" / "counts" / "0001-candidate.functions.json"
        file.unlink() if damage is None else file.write_text(damage)
        found = compare(fake, "--resume", measure="instructions")

        assert found.status == status
        assert ("0001-candidate.functions.json cannot be read" in found.err) == bool(status)


@pytest.mark.parametrize(
    ("arguments", "out"),
    [
        ((), "1 more instructions"),
        (("--within", "instructions=3"), "same within 3%"),
        (("--within", "3"), "same within 3%"),
        (("--within", "time=3,memory=2"), "1 more instructions"),
        (("--measure", "memory"), "0 more memory, 0 less memory, 2 same, 0 cannot tell"),
        (("--measure", "time"), "could not compare: the saved comparison has no time"),
        (("--within", "1.95", "--lenient"), "1 cannot tell"),
    ],
)
def test_saved_counts_are_judged_again(
    arguments: tuple[str, ...],
    out: str,
    compare: Compare,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Their functions are named again, too."""
    compare(FakeProcesses(SAME, costs={"instructions": {FIRST: 1.02}}), measure="instructions")
    status = main([f"{tmp_path}/r:baseline", f"{tmp_path}/r:candidate", *arguments])
    captured = capsys.readouterr()

    assert out in captured.out + captured.err
    statuses = {"has no time": 2, "same": 0, "1 cannot tell": 4}
    assert status == next((statuses[words] for words in statuses if words in out), 1)
    assert ("phi::matmul" in captured.out) == (status == 1)
    assert "NOT ONE BENCHMARK" not in captured.out


def test_markdown_separates_its_blocks(compare: Compare) -> None:
    """Tables and lines have empty lines around them; names of functions are code."""
    fake = FakeProcesses(SAME, costs={"instructions": {FIRST: 1.02}})
    out = compare(fake, "--format", "markdown", measure="instructions").out
    blocks = out.split("\n\n")
    tables = [block for block in blocks if block.startswith("|")]

    assert len(tables) == 1 + 4
    assert all(line.startswith("|") for block in tables for line in block.splitlines())
    assert r"| `operator\|\|<3060000>` |" in tables[3]


@pytest.mark.parametrize(
    ("asked", "device", "threads", "valgrind", "chosen"),
    [
        (None, "cpu", 1, True, ("time", "instructions", "memory")),
        (None, "cpu", 1, False, ("time", "memory")),
        (None, "gpu:0", 1, True, ("time", "memory")),
        (None, "cpu", 2, True, ("time", "memory")),
        (("time",), "cpu", 2, False, ("time",)),
        (("instructions",), "cpu", 1, True, ("instructions",)),
        (("time", "instructions"), "cpu", 1, False, "no Valgrind: apt install valgrind"),
        (("instructions",), "gpu:0", 1, True, "instructions are counted on the CPU only, not on g"),
        (("instructions",), "cpu", 2, True, "are counted with one thread, not with 2"),
    ],
)
def test_instructions_are_counted_where_they_can_be(
    asked: tuple[Measure, ...] | None,
    device: str,
    threads: int,
    valgrind: bool,
    chosen: str | tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """If they cannot, one line says why; if they were asked for, that is an error."""

    def find() -> None:
        if not valgrind:
            raise SideError("no Valgrind: apt install valgrind")

    monkeypatch.setattr(command, "find_valgrind", find)
    if isinstance(chosen, str):
        with pytest.raises(SideError, match=chosen):
            choose_measures(asked, device, threads)
    else:
        assert tuple(choose_measures(asked, device, threads)) == chosen
    warnings = capsys.readouterr().err.splitlines()
    assert len(warnings) == (asked is None and "instructions" not in chosen)
    assert all(line.endswith("Comparing by time and memory alone.") for line in warnings)
