"""Pairs of processes: their order, their files, and how they are resumed."""

import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.compare.pairs import (
    Contest,
    Pairs,
    Part,
    Plan,
    contests_of,
    elapsed,
    order,
    settle,
)
from benchmarks.compare.process import Job, Selection, count_processes, time_processes
from benchmarks.compare.result import Disturbance
from benchmarks.compare.sides import SIDES, read_side
from benchmarks.compare.summary import disturbance, summarise, typical
from benchmarks.compare.text import unpaired
from benchmarks.compare.verdicts import Judge
from benchmarks.interpreters import Interpreter, SideError
from benchmarks.saved.saved_run import Measure, SavedRun
from tests.helpers.fake_processes import FIRST, PACE, SECOND, FakeProcesses, interrupt_at, write_run

PLAN = Plan(
    ("benchmarks",),
    "step",
    "cpu",
    Interpreter("old", Path(sys.executable)),
    Interpreter("new", Path(sys.executable)),
    seconds=0.1,
    threads=1,
    within={"time": 0.05},
)
CLEAR = {FIRST: 1.2, SECOND: 1.0}


def finished(pairs: Pairs) -> Contest:
    """Measure until every benchmark is settled, and return the only contest."""
    *_, ([contest], _) = settle(pairs, budget=60)
    return contest


def test_measuring_stops_when_all_is_settled(tmp_path: Path) -> None:
    """Each process leaves a file; both processes of a pair share a seed."""
    fake = FakeProcesses(CLEAR)
    verdicts = finished(Pairs(PLAN, tmp_path, resume=False, run=fake)).judge.verdicts
    files = sorted(path.stem for path in (tmp_path / "pairs").iterdir())
    seeds = [settings.seed for settings in fake.settings]

    assert {name: v.word for name, v in verdicts.items()} == {FIRST: "slower", SECOND: "same"}
    assert files == sorted(fake.started)
    assert fake.started[:4] == [
        f"{number + 1:04}-{side}" for number in (0, 1) for side in order(PLAN.seed, number)
    ]
    assert seeds[::2] == seeds[1::2]
    assert len(set(seeds)) == len(seeds) / 2


def test_settled_benchmarks_are_not_timed_again(tmp_path: Path) -> None:
    """Later processes time only the benchmarks that are not settled."""
    noisy = FakeProcesses({FIRST: 1.5, SECOND: 1.0}, noise=0.012)
    contest = finished(Pairs(PLAN, tmp_path, resume=False, run=noisy))

    assert contest.judge.verdicts[FIRST].pairs == 6
    assert noisy.settings[0].only is None
    assert sorted(noisy.settings[2].only or ()) == [SECOND, FIRST]
    assert noisy.settings[12].only == (SECOND,)
    count = len(noisy.settings)
    assert count > 12
    again = finished(Pairs(PLAN, tmp_path, resume=True, run=noisy))
    assert again.judge.verdicts == contest.judge.verdicts
    assert len(noisy.settings) == count
    # The first processes have both benchmarks, the last ones do not.
    assert unpaired(*(read_side(tmp_path, side) for side in SIDES)).count("\n| test_stage") == 2


def test_next_pair_has_what_is_open_by_any_measure(tmp_path: Path) -> None:
    """One benchmark has a verdict by time only, the other by memory only."""
    costs: dict[Measure, dict[str, float]] = {"memory": {FIRST: 1.005}}
    fake = FakeProcesses({FIRST: 1.5, SECOND: 1.0}, noise=0.012, costs=costs)
    plan = replace(PLAN, within={"time": 0.05, "memory": 0.005}, lenient=True)
    *_, (contests, _) = islice(settle(Pairs(plan, tmp_path, resume=False, run=fake), 60), 7)

    assert [contest.judge.open for contest in contests] == [[SECOND], [FIRST]]
    assert fake.settings[12].only == (SECOND, FIRST)


def test_no_pair_begins_too_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second pair takes 18 seconds, not 12: 45 are enough for two pairs, not for a third."""
    now = [0.0]

    def advance(number: int) -> None:
        now[0] += 6 if number < 3 else 9

    monkeypatch.setattr("benchmarks.compare.pairs.time", SimpleNamespace(monotonic=lambda: now[0]))
    pairs = Pairs(PLAN, tmp_path, resume=False, run=FakeProcesses(CLEAR, before=advance))

    assert [left for _, left in settle(pairs, budget=45)] == [33, 15]
    assert [left for _, left in settle(pairs, budget=11)] == [11]
    assert [left for _, left in settle(pairs, budget=-1)] == [0]


def test_counts_reach_the_next_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three pairs together, then one, two and two; four more would exceed the budget."""
    now, batches = [0.0], []
    fake = FakeProcesses(CLEAR)

    def run(selection: Selection, jobs: Sequence[Job]) -> list[SavedRun]:
        batches.append(len(jobs))
        now[0] += 6 * len(jobs)
        return fake(selection, jobs)

    monkeypatch.setattr("benchmarks.compare.pairs.time", SimpleNamespace(monotonic=lambda: now[0]))
    plan = replace(PLAN, within={"instructions": 1e-6})
    pairs = Pairs(plan, tmp_path, resume=False, run=run, series="instructions")

    assert [left for _, left in settle(pairs, budget=110)] == [74, 62, 38, 14]
    assert batches == [6, 2, 4, 4]
    assert Pairs(plan, tmp_path, resume=True, series="instructions").run is count_processes
    assert {path.parent.name for path in fake.paths} == {"counts"}
    assert {settings.measure for settings in fake.settings} == {"instructions"}


def test_benchmark_that_a_pair_lacks_stays_open(tmp_path: Path) -> None:
    """No further pair can settle it."""

    def drop(number: int) -> None:
        fake.ratios = {
            name: ratio for name, ratio in CLEAR.items() if (number, name) != (3, SECOND)
        }

    fake = FakeProcesses(CLEAR, before=drop)
    plan = replace(PLAN, within={"instructions": 0.005})
    pairs = Pairs(plan, tmp_path, resume=False, run=fake, series="instructions")
    *_, ([contest], _) = settle(pairs, budget=60)

    assert contest.judge.open == [SECOND]
    assert contest.all(pairs.done)[SECOND].measured == 1
    assert len(fake.started) == 8


@pytest.mark.parametrize("number", [1, 2, 5, 6, 13, 14])
def test_resumed_comparison_has_the_same_verdicts(number: int, tmp_path: Path) -> None:
    """Complete pairs are not measured again; an incomplete pair is, both processes.

    A look that left out a disturbed pair still does: no later pair takes its place.
    """

    def processes() -> FakeProcesses:
        fake = FakeProcesses({FIRST: 1.0, SECOND: 1.01}, noise=0.01)
        fake.disturbed = {(f"{pair:04}-candidate", FIRST) for pair in (1, 2, 4, 5)}
        return fake

    pairs = Pairs(PLAN, tmp_path / "whole", resume=False, run=processes())
    whole = finished(pairs).all(pairs.done)
    cut = processes()
    cut.before = interrupt_at(number)
    with suppress(KeyboardInterrupt):
        finished(Pairs(PLAN, tmp_path / "cut", resume=False, run=cut))
    resumed = processes()
    pairs = Pairs(PLAN, tmp_path / "cut", resume=True, run=resumed)
    kept = len(pairs.done)

    assert finished(pairs).all(pairs.done) == whole
    assert kept == (number - 1) // 2
    again = [f"{kept + 1:04}-{side}" for side in order(PLAN.seed, kept)]
    assert resumed.started[:2] == again
    assert whole[FIRST].measured > whole[FIRST].pairs


@pytest.mark.parametrize(
    "change", [{"paddle": "2.5.0", "numpy": "1"}, {"cpu": "Another CPU", "cpu_count": "99"}]
)
def test_pair_from_another_environment_is_refused(change: dict[str, str], tmp_path: Path) -> None:
    """The refused pair is removed, so that the right environment can resume."""
    fake = FakeProcesses(CLEAR)
    pairs = Pairs(PLAN, tmp_path, resume=False, run=fake)
    pairs.measure()
    fake.changes = change
    keys = ".*; ".join(change)
    with pytest.raises(SideError, match=f"was measured in another environment than .*{keys}"):
        pairs.measure()

    resumed = Pairs(PLAN, tmp_path, resume=True)
    assert (len(resumed.done), resumed.run) == (1, time_processes)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        (
            FIRST,
            {"cpu": "Another CPU", "cpu_count": "99"},
            "cannot be compared: cpu differs: .* and 'Another CPU'; cpu_count differs: .*",
        ),
        (SECOND, {}, "^the two sides have no benchmark in common$"),
    ],
)
def test_sides_that_cannot_be_compared_are_refused(
    name: str, changes: dict[str, str], message: str, tmp_path: Path
) -> None:
    """They are from different machines, or have different benchmarks."""
    Pairs(PLAN, tmp_path, resume=False)
    write_run(tmp_path / "pairs" / "0001-baseline.json", {name: 1e-3}, changes)
    write_run(tmp_path / "pairs" / "0001-candidate.json", {FIRST: 1e-3})
    with pytest.raises(SideError, match=message):
        finished(Pairs(PLAN, tmp_path, resume=True))


def test_benchmark_of_one_side_is_not_compared(tmp_path: Path) -> None:
    """The result lists it."""
    Pairs(PLAN, tmp_path, resume=False)
    write_run(tmp_path / "pairs" / "0001-baseline.json", {FIRST: 1e-3, SECOND: 1e-3})
    write_run(tmp_path / "pairs" / "0001-candidate.json", {FIRST: 1e-3})
    pairs = Pairs(PLAN, tmp_path, resume=True)
    part = Part(pairs.within, pairs.done, contests_of(pairs.done[0], pairs.within))

    result = summarise([part], ("old", "new"))

    assert [each.name for each in result.benchmarks] == [FIRST]
    assert result.not_compared == (SECOND,)


def test_measure_is_settled_if_all_of_its_contests_are() -> None:
    """With planted slowdowns, a measure has several."""
    opened, closed = (Contest(Judge(names, 0.05)) for names in (["a"], []))

    found = [
        Part({"time": 0.05}, contests=contests, ended=True).outcome("time")
        for contests in ([opened], [closed], [opened, closed])
    ]

    assert found == ["out of time", "settled", "out of time"]


@pytest.mark.parametrize("peaks", [(7, 7), (None, 7), (7, None), (None, None)])
def test_peak_that_a_side_lacks_is_not_compared(
    peaks: tuple[int | None, int | None], tmp_path: Path
) -> None:
    """Paddle does not report it for every device."""
    pair = []
    for side, peak in zip(("baseline", "candidate"), peaks, strict=True):
        path = tmp_path / f"0001-{side}.json"
        write_run(path, {FIRST: 1e-3}, info={FIRST: {"peak_bytes": peak}})
        pair.append(SavedRun.load(path))

    contests = contests_of((pair[0], pair[1]), {"memory": 0.01, "time": 0.05})

    assert [each.measure for each in contests] == ["memory"] * (None not in peaks) + ["time"]


def test_disturbed_pairs_are_left_out(tmp_path: Path) -> None:
    """They are left out only for the disturbed benchmark, whichever side was disturbed."""
    run = FakeProcesses({FIRST: 1.0, SECOND: 1.3})
    run.disturbed = {("0001-baseline", FIRST), ("0004-candidate", SECOND)}
    pairs = Pairs(PLAN, tmp_path, resume=False, run=run)
    contest = finished(pairs)
    found = {name: (v.word, v.pairs, v.measured) for name, v in contest.all(pairs.done).items()}
    missing = [at for at, v in enumerate(contest.log_ratios(pairs.done)[FIRST]) if v is None]
    result = summarise([Part(pairs.within, pairs.done, [contest])], ("old", "new"))
    ratios = {bench.name: measured.ratio for bench, measured in result.results("time")}

    assert found == {FIRST: ("same", 7, 8), SECOND: ("slower", 5, 6)}
    assert missing == [0]
    assert ratios == {name: v.ratio for name, v in contest.all(pairs.done).items()}
    assert disturbance(pairs.done) == Disturbance(left_out=2, of=28)
    assert typical([pair[0] for pair in pairs.done], FIRST) == pytest.approx(1, rel=0.01)
    assert typical([pairs.done[0][0]], FIRST) == pytest.approx(3, rel=0.01)


def test_elapsed_time_does_not_count_interruptions(tmp_path: Path) -> None:
    """There are eight processes, with a gap of hours before the last two."""
    pairs = Pairs(PLAN, tmp_path, resume=False, run=FakeProcesses(CLEAR))
    for _ in range(4):
        pairs.measure()
    even = elapsed(pairs.done)
    later = [
        run.model_copy(update={"when": run.when + 5000 * PACE, "begun": run.begun + 5000 * PACE})
        for run in pairs.done[-1]
        if run.begun
    ]

    assert even == 8 * PACE.total_seconds()
    assert elapsed([]) == 0
    assert elapsed([*pairs.done[:3], (later[0], later[1])]) == even


def test_elapsed_time_of_processes_side_by_side_counts_once(tmp_path: Path) -> None:
    """Both processes of a pair begin at the same time, and one takes twice as long."""
    pairs = Pairs(PLAN, tmp_path, resume=False, run=FakeProcesses(CLEAR))
    pairs.measure()
    first, second = pairs.done[0]
    begun = min(run.begun for run in (first, second) if run.begun)
    both = tuple(run.model_copy(update={"begun": begun}) for run in (first, second))

    late = first.model_copy(update={"begun": first.when + PACE})  # The clock was set back.

    assert elapsed([(both[0], both[1])]) == 2 * PACE.total_seconds()
    assert elapsed([(late, late)]) == 0
    older = [run.model_copy(update={"begun": None}) for run in (first, second)]
    assert elapsed([(older[0], older[1])]) == PACE.total_seconds()
