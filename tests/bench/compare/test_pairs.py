"""Pairs of processes: their order, their files, and how they are resumed."""

import json
import math
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.compare import verdicts
from benchmarks.compare.pairs import Contest, Pairs, Plan, contests_of, elapsed, order, settle
from benchmarks.compare.process import Selection
from benchmarks.compare.result import Disturbance
from benchmarks.compare.sides import SideError, read_file
from benchmarks.compare.summary import disturbance, typical_ms
from benchmarks.interpreters import Interpreter
from tests.helpers.fake_processes import FIRST, PACE, SECOND, FakeProcesses, write_run

PLAN = Plan(
    Interpreter("old", Path(sys.executable)),
    Interpreter("new", Path(sys.executable)),
    Selection(("benchmarks",), "step", "cpu"),
    seconds=0.1,
    threads=1,
    within=0.05,
)
CLEAR = {FIRST: 1.2, SECOND: 1.0}


@pytest.fixture(autouse=True)
def _few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take as many resamples as the first looks need."""
    monkeypatch.setattr(verdicts, "RESAMPLES", 5_000)


def finished(pairs: Pairs, budget: float = 60) -> Contest:
    """Measure until all is settled, and return the only contest."""
    [contest] = all_finished(pairs, budget)
    return contest


def all_finished(pairs: Pairs, budget: float = 60) -> list[Contest]:
    """Measure until all is settled, and return the contests."""
    *_, (contests, _) = settle(pairs, budget)
    return contests


def kill_at(number: int) -> Callable[[int], None]:
    """Return a function that presses Ctrl-C during the process of this number."""

    def interrupt(now: int) -> None:
        if now == number:
            raise KeyboardInterrupt

    return interrupt


def test_order_is_abba_or_baab_at_random() -> None:
    """Each side comes once in a pair, and both orders occur."""
    blocks = {(order(seed, 2 * at), order(seed, 2 * at + 1)) for seed in (0, 1) for at in range(9)}
    one, other = ("baseline", "candidate"), ("candidate", "baseline")

    assert blocks == {(one, other), (other, one)}
    assert order(3, 5) == order(3, 5)


def test_measuring_stops_when_all_is_settled(tmp_path: Path) -> None:
    """Each process leaves a file; both processes of a pair share a seed."""
    fake = FakeProcesses(CLEAR)
    pairs = Pairs(PLAN, tmp_path / "here", resume=False, run=fake)
    contest = finished(pairs)

    assert {name: v.word for name, v in contest.judge.verdicts.items()} == {
        FIRST: "slower",
        SECOND: "same",
    }
    assert sorted(path.stem for path in (tmp_path / "here" / "pairs").iterdir()) == sorted(
        fake.started
    )
    assert fake.started[:4] == [
        f"{number + 1:04}-{side}" for number in (0, 1) for side in order(PLAN.seed, number)
    ]
    seeds = [settings.seed for settings in fake.settings]
    assert seeds[::2] == seeds[1::2]
    assert len(set(seeds)) == len(seeds) / 2


def test_settled_benchmarks_are_not_timed_again(tmp_path: Path) -> None:
    """Later processes time only the open ones."""
    noisy = FakeProcesses({FIRST: 1.5, SECOND: 1.0}, noise=0.012)
    pairs = Pairs(PLAN, tmp_path, resume=False, run=noisy)
    contest = finished(pairs)

    assert contest.judge.verdicts[FIRST].pairs == 6
    assert noisy.settings[0].only is None
    assert noisy.settings[2].only == (SECOND, FIRST) or noisy.settings[2].only == (FIRST, SECOND)
    assert noisy.settings[12].only == (SECOND,)
    assert len(pairs.done) > 6


@pytest.mark.parametrize("number", [1, 2, 5, 6])
def test_resumed_comparison_has_the_same_verdicts(number: int, tmp_path: Path) -> None:
    """Complete pairs are not measured again; an incomplete pair is, both processes."""
    whole = finished(Pairs(PLAN, tmp_path / "whole", resume=False, run=FakeProcesses(CLEAR)))
    with pytest.raises(KeyboardInterrupt):
        finished(Pairs(PLAN, tmp_path / "cut", False, FakeProcesses(CLEAR, before=kill_at(number))))
    fake = FakeProcesses(CLEAR)
    pairs = Pairs(PLAN, tmp_path / "cut", resume=True, run=fake)
    kept = len(pairs.done)
    contest = finished(pairs)

    assert kept == (number - 1) // 2
    assert fake.started[0].startswith(f"{kept + 1:04}-")
    assert contest.judge.verdicts == whole.judge.verdicts


def test_existing_files_are_neither_used_nor_overwritten(tmp_path: Path) -> None:
    """Without --resume, an existing comparison is refused; other files always are."""
    Pairs(PLAN, tmp_path / "one", resume=False, run=FakeProcesses(CLEAR)).measure()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").touch()

    with pytest.raises(SideError, match="already has a comparison: continue it with --resume"):
        Pairs(PLAN, tmp_path / "one", resume=False)
    for resume in (False, True):
        with pytest.raises(SideError, match="is not empty, and has no comparison"):
            Pairs(PLAN, tmp_path / "other", resume=resume)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (replace(PLAN, within=0.1), "within was 0.05, is 0.1"),
        (replace(PLAN, threads=2), "threads was 1, is 2"),
        (replace(PLAN, candidate=Interpreter("x", Path("/x"))), r"candidate was 'new .*, is 'x"),
        (replace(PLAN, selection=Selection((), "LSTM", "cpu")), "benchmarks was 'step', is 'LSTM'"),
    ],
)
def test_resuming_with_another_plan_is_refused(other: Plan, words: str, tmp_path: Path) -> None:
    """The error names the change."""
    Pairs(PLAN, tmp_path, resume=False, run=FakeProcesses(CLEAR)).measure()
    with pytest.raises(SideError, match=words):
        Pairs(other, tmp_path, resume=True)


@pytest.mark.parametrize("change", [{"paddle": "2.5.0"}, {"cpu": "Another CPU"}])
def test_pair_from_another_environment_is_refused(change: dict[str, str], tmp_path: Path) -> None:
    """The refused pair is removed, so that the right environment can resume."""
    pairs = Pairs(PLAN, tmp_path, resume=False, run=FakeProcesses(CLEAR))
    pairs.measure()
    other = FakeProcesses(CLEAR)
    other.changes = change
    [key] = change
    with pytest.raises(SideError, match=f"was measured in another environment than .*{key}"):
        Pairs(PLAN, tmp_path, resume=True, run=other).measure()

    assert len(Pairs(PLAN, tmp_path, resume=True).done) == 1


def test_sides_from_different_machines_are_refused(tmp_path: Path) -> None:
    """Their times cannot be compared."""
    (tmp_path / "pairs").mkdir()
    (tmp_path / "settings.json").write_text(json.dumps(PLAN.dump()))
    write_run(tmp_path / "pairs" / "0001-baseline.json", {FIRST: 1e-3}, {"cpu": "Another CPU"})
    write_run(tmp_path / "pairs" / "0001-candidate.json", {FIRST: 1e-3})
    with pytest.raises(SideError, match="cannot be compared: cpu differs: .* and 'Another CPU'"):
        Pairs(PLAN, tmp_path, resume=True)


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"benchmarks": []}'])
def test_damaged_file_is_named(damage: str, tmp_path: Path) -> None:
    """Neither a damaged run nor damaged settings are used."""
    Pairs(PLAN, tmp_path, resume=False, run=FakeProcesses(CLEAR)).measure()
    (tmp_path / "pairs" / "0001-candidate.json").write_text(damage)
    with pytest.raises(SideError, match="0001-candidate.json cannot be read as a saved run"):
        Pairs(PLAN, tmp_path, resume=True)
    (tmp_path / "settings.json").write_text(damage)
    with pytest.raises(SideError, match=r"settings.json is damaged|cannot resume"):
        Pairs(PLAN, tmp_path, resume=True)


def test_sides_without_a_common_benchmark_are_refused(tmp_path: Path) -> None:
    """There is nothing to compare."""
    write_run(tmp_path / "a.json", {FIRST: 1e-3})
    write_run(tmp_path / "b.json", {SECOND: 1e-3})
    pair = read_file(tmp_path / "a.json"), read_file(tmp_path / "b.json")
    with pytest.raises(SideError, match="no benchmark in common"):
        contests_of(pair, 0.05)


def test_budget_ends_the_measurement(tmp_path: Path) -> None:
    """No pair starts that would exceed it, except the first."""
    pairs = Pairs(PLAN, tmp_path, resume=False, run=FakeProcesses(CLEAR))
    contest = finished(pairs, budget=0)

    assert len(pairs.done) == 1
    assert contest.judge.open == [SECOND, FIRST]


def test_each_planted_slowdown_is_a_contest(tmp_path: Path) -> None:
    """It compares the candidate's slowed-down benchmarks with the baseline."""
    plan = replace(PLAN, planted=(0.0, 0.2))
    fake = FakeProcesses({FIRST: 1.0})
    pairs = Pairs(plan, tmp_path, resume=False, run=fake)
    none, slowed = all_finished(pairs)

    assert none.judge.verdicts[FIRST].word == "same"
    assert slowed.judge.verdicts[FIRST].word == "slower"
    assert slowed.judge.verdicts[FIRST].ratio == pytest.approx(1.2, rel=0.01)
    assert {settings.planted for settings in fake.settings} == {(), (0.0, 0.2)}
    assert list(pairs.done[0][1].benchmarks) == [
        FIRST.replace("]", "-planted:0]"),
        FIRST.replace("]", "-planted:0.2]"),
    ]


def test_log_ratio_is_the_candidates_to_the_baselines(tmp_path: Path) -> None:
    """Twice the baseline's time is log 2."""
    pairs = Pairs(PLAN, tmp_path, resume=False, run=FakeProcesses({FIRST: 2.0}, noise=0))
    pairs.measure()
    [contest] = contests_of(pairs.done[0], 0.05)

    assert contest.log_ratios(pairs.done)[FIRST] == [pytest.approx(math.log(2))]


def test_disturbed_pairs_are_left_out(tmp_path: Path) -> None:
    """For the disturbed benchmark only, whichever side was disturbed."""
    run = FakeProcesses({FIRST: 1.0, SECOND: 1.3})
    run.disturbed = {("0001-baseline", FIRST), ("0004-candidate", SECOND)}
    pairs = Pairs(PLAN, tmp_path, resume=False, run=run)
    [contest] = all_finished(pairs)
    verdicts = contest.all(pairs.done)

    assert {
        name: (verdict.word, verdict.pairs, verdict.measured) for name, verdict in verdicts.items()
    } == {FIRST: ("same", 7, 8), SECOND: ("slower", 5, 6)}
    missing = [at for at, v in enumerate(contest.log_ratios(pairs.done)[FIRST]) if v is None]
    assert missing == [0]
    assert disturbance(pairs.done) == Disturbance(left_out=2, of=28)
    assert typical_ms([pair[0] for pair in pairs.done], FIRST) == pytest.approx(1, rel=0.01)
    assert typical_ms([pairs.done[0][0]], FIRST) == pytest.approx(3, rel=0.01)


@pytest.mark.parametrize("number", [5, 13, 14])
def test_resumed_comparison_with_disturbed_pairs_has_the_same_verdicts(
    number: int, tmp_path: Path
) -> None:
    """A look without a disturbed pair is not repeated with a later pair in its place."""
    disturbed = {(f"{pair:04}-candidate", FIRST) for pair in (1, 2, 4, 5)}
    found = []
    for folder, before in (("whole", lambda _: None), ("cut", kill_at(number))):
        run = FakeProcesses({FIRST: 1.0, SECOND: 1.01}, noise=0.01, before=before)
        run.disturbed = disturbed
        with suppress(KeyboardInterrupt):
            all_finished(Pairs(PLAN, tmp_path / folder, resume=False, run=run))
        again = FakeProcesses({FIRST: 1.0, SECOND: 1.01}, noise=0.01)
        again.disturbed = disturbed
        pairs = Pairs(PLAN, tmp_path / folder, resume=True, run=again)
        [contest] = all_finished(pairs)
        found.append(contest.all(pairs.done))

    assert found[0] == found[1]
    assert found[0][FIRST].measured > found[0][FIRST].pairs


def test_elapsed_time_does_not_count_interruptions(tmp_path: Path) -> None:
    """Eight processes, with a night before the last two."""
    fake = FakeProcesses(CLEAR)
    pairs = Pairs(PLAN, tmp_path, resume=False, run=fake)
    for _ in range(4):
        pairs.measure()
    even = elapsed(pairs.done)
    last = [replace(run, when=run.when + 5000 * PACE) for run in pairs.done[-1]]

    assert even == 8 * PACE.total_seconds()
    assert elapsed([]) == 0
    assert elapsed([*pairs.done[:3], (last[0], last[1])]) == even + 3 * PACE.total_seconds()
