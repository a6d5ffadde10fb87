"""Pairs of processes, one after the other, kept in a folder so that nothing is measured twice."""

import json
import math
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.compare.sides import (
    SIDES,
    Interpreter,
    Run,
    Selection,
    SideError,
    read_file,
    run_process,
)
from benchmarks.compare.verdicts import Judge, Verdict
from benchmarks.plugins.sampling import Settings, planted_id
from benchmarks.saved.baseline import SavedRun, differences, obstacles
from rnn_core.runtime.files import write_whole

# Times as long as the usual process, and the comparison has been interrupted there.
LONGEST_GAP = 4

Pair = tuple[SavedRun, SavedRun]


@dataclass(frozen=True)
class Plan:
    """What is measured, and how: what must stay the same when a comparison goes on.

    Attributes:
        baseline: one side.
        candidate: the other.
        selection: of benchmarks.
        seconds: of timing for each benchmark and process.
        threads: of every process.
        within: how far from 1 a ratio may be and count as the same; 0.05 is 5%.
        seed: of all orders.
        planted: slowdowns that the candidate is timed with, each beside the others.
    """

    baseline: Interpreter
    candidate: Interpreter
    selection: Selection
    seconds: float
    threads: int
    within: float
    seed: int = 0
    planted: tuple[float, ...] = ()

    def dump(self) -> dict[str, Any]:
        """As JSON takes it, one value for each thing that a person chose."""
        return {
            "format": "rnn_core pairs 1",
            "baseline": f"{self.baseline.name} ({self.baseline.python})",
            "candidate": f"{self.candidate.name} ({self.candidate.python})",
            "paths": list(self.selection.paths),
            "benchmarks": self.selection.keywords,
            "device": self.selection.device,
            "seconds": self.seconds,
            "threads": self.threads,
            "within": self.within,
            "seed": self.seed,
            "planted": list(self.planted),
        }


class Pairs:
    """The pairs of a plan, those on disk first.

    Args:
        plan: what to measure.
        folder: made if it is not there.
        resume: whether to go on with what is there; else it must be empty.
        run: starts a process.

    Raises:
        SideError: the folder holds something else, or a comparison under another plan.
    """

    def __init__(self, plan: Plan, folder: Path, resume: bool, run: Run = run_process) -> None:
        self.plan, self.folder, self.run = plan, folder, run
        self.settings = folder / "settings.json"
        self.done: list[Pair] = []
        if self.settings.exists():
            self._check_resumable(resume)
        elif folder.exists() and any(folder.iterdir()):
            raise SideError(f"{folder} is not empty, and holds no comparison")
        (folder / "pairs").mkdir(parents=True, exist_ok=True)
        with write_whole(self.settings) as file:
            file.write((json.dumps(plan.dump(), indent=1) + "\n").encode())
        while all(self._path(len(self.done), side).exists() for side in SIDES):
            runs = [read_file(self._path(len(self.done), side)) for side in SIDES]
            self._keep((runs[0], runs[1]))

    def _check_resumable(self, resume: bool) -> None:
        """Refuse to mix what does not belong together."""
        if not resume:
            raise SideError(
                f"{self.folder} holds a comparison already: go on with it by --resume, or begin "
                "again by --anew"
            )
        try:
            before = json.loads(self.settings.read_text(encoding="utf-8"))
            before = {str(key): value for key, value in before.items()}
        except (OSError, ValueError, AttributeError) as error:
            raise SideError(f"{self.settings} is damaged: {error}") from error
        now = self.plan.dump()
        changed = [
            f"{key} was {before.get(key)!r}, is {now.get(key)!r}"
            for key in {**before, **now}
            if before.get(key) != now.get(key)
        ]
        if changed:
            raise SideError(f"{self.folder} cannot be gone on with: " + "; ".join(changed))

    def measure(self, only: Sequence[Sequence[str]] | None = None) -> Pair:
        """Measure the next pair.

        Args:
            only: node ids to time, of the baseline and of the candidate; None for all.

        Raises:
            SideError: a process failed, or is not of the environment of those before it.
        """
        number = len(self.done)
        found: dict[str, SavedRun] = {}
        for side in order(self.plan.seed, number):
            candidate = side == "candidate"
            settings = Settings(
                seed=1000 * self.plan.seed + number,
                seconds=self.plan.seconds,
                only=None if only is None else tuple(only[SIDES.index(side)]),
                planted=self.plan.planted if candidate else (),
            )
            interpreter = self.plan.candidate if candidate else self.plan.baseline
            path = self._path(number, side)
            found[side] = self.run(interpreter, self.plan.selection, settings, path)
        pair = found["baseline"], found["candidate"]
        try:
            self._keep(pair)
        except SideError:
            for side in SIDES:  # Or nobody could go on after the fault is mended.
                self._path(number, side).unlink()
            raise
        return pair

    def _keep(self, pair: Pair) -> None:
        """Count the pair, if it belongs to the others."""
        reasons = obstacles(pair[0].machine, pair[1].machine)
        if reasons:
            raise SideError("the sides cannot be compared: " + "; ".join(reasons))
        for run, first in zip(pair, self.done[0] if self.done else pair, strict=True):
            changed = obstacles(run.machine, first.machine) or differences(
                run.environments, first.environments
            )
            if changed:
                raise SideError(
                    f"{run.name} is of another environment than {first.name}: " + "; ".join(changed)
                )
        self.done.append(pair)

    def _path(self, number: int, side: str) -> Path:
        return self.folder / "pairs" / f"{number + 1:04}-{side}.json"


def order(seed: int, number: int) -> Sequence[str]:
    """Which side of a pair comes first: A, B, B, A or B, A, A, B over each two pairs, at random.

    Either cancels a machine that gets slower at an even pace.
    """
    swapped = Random(f"{seed} {number // 2}").random() < 0.5  # noqa: S311, no secret.
    return SIDES[::-1] if swapped ^ (number % 2 == 1) else SIDES


@dataclass
class Contest:
    """One comparison over the pairs: all benchmarks, without or with one planted slowdown.

    Attributes:
        judge: of the benchmarks, by the baseline's names.
        planted: the slowdown; None where nothing is planted.
    """

    judge: Judge
    planted: float | None = None

    def log_ratios(self, pairs: Sequence[Pair]) -> dict[str, list[float | None]]:
        """Of each benchmark, in the pairs that measured it; None where it was disturbed."""
        found: dict[str, list[float | None]] = {}
        for name in self.judge.names:
            found[name] = []
            theirs = candidate_name(name, self.planted)
            for baseline, candidate in pairs:
                if name not in baseline.benchmarks or theirs not in candidate.benchmarks:
                    break
                after, before = time_of(candidate, theirs), time_of(baseline, name)
                whole = after is not None and before is not None
                found[name].append(math.log(after / before) if whole else None)  # type: ignore[operator]
        return found

    def look(self, pairs: Sequence[Pair]) -> None:
        """Settle what the pairs can settle."""
        self.judge.look(self.log_ratios(pairs))

    def all(self, pairs: Sequence[Pair]) -> Mapping[str, Verdict]:
        """Every benchmark as it stands."""
        return self.judge.all(self.log_ratios(pairs))


def time_of(run: SavedRun, name: str) -> float | None:
    """A benchmark's time in one process, in seconds; None where others had the processor."""
    bench = run.benchmarks[name]
    time = bench.get("extra_info", {}).get("lower_quartile", bench["stats"]["median"])
    return None if time is None else float(time)


def candidate_name(name: str, planted: float | None) -> str:
    """What the candidate calls the baseline's benchmark when it is slowed down."""
    return name if planted is None else f"{name.removesuffix(']')}-{planted_id(planted)}]"


def contests_of(pair: Pair, within: float, planted: Sequence[float] = ()) -> list[Contest]:
    """The contests over what both sides of the first pair have.

    Raises:
        SideError: they have nothing in common.
    """
    contests = []
    for share in planted or (None,):
        names = [
            name for name in pair[0].benchmarks if candidate_name(name, share) in pair[1].benchmarks
        ]
        if not names:
            raise SideError("the two sides have not one benchmark in common")
        contests.append(Contest(Judge(sorted(names), within), share))
    return contests


def settle(pairs: Pairs, budget: float) -> Iterator[tuple[list[Contest], float]]:
    """Measure pair after pair; yield the contests after each, and the seconds that are left.

    It ends when every benchmark is settled, or when another pair would not fit into the budget.
    Settled benchmarks are not measured again.

    Args:
        pairs: those on disk are looked at first.
        budget: seconds.

    Raises:
        SideError: a process failed, or nothing can be compared.
    """
    begin = time.monotonic()
    if not pairs.done:
        pairs.measure()
    contests = contests_of(pairs.done[0], pairs.plan.within, pairs.plan.planted)
    longest = max(2 * usual_gap(pairs.done), time.monotonic() - begin)
    while True:
        for contest in contests:
            contest.look(pairs.done)
        yield contests, max(0.0, begin + budget - time.monotonic())
        only = [
            sorted({name for contest in contests for name in contest.judge.open}),
            [
                candidate_name(name, contest.planted)
                for contest in contests
                for name in contest.judge.open
            ],
        ]
        at = time.monotonic()
        if not only[0] or at + longest > begin + budget:
            return
        pairs.measure(only)
        longest = max(longest, time.monotonic() - at)


def elapsed(pairs: Sequence[Pair]) -> float:
    """Seconds that the pairs took, from the ends of their processes; pauses do not count."""
    usual = usual_gap(pairs)
    # The first process began one process before its end.
    return usual + sum(min(gap, LONGEST_GAP * usual) for gap in gaps(pairs))


def usual_gap(pairs: Sequence[Pair]) -> float:
    """Seconds from the end of one process to that of the next."""
    return statistics.median(gaps(pairs) or [0.0])


def gaps(pairs: Sequence[Pair]) -> list[float]:
    """Those seconds, of all processes."""
    ends = sorted(run.when.timestamp() for pair in pairs for run in pair)
    return [later - earlier for earlier, later in pairwise(ends)]
