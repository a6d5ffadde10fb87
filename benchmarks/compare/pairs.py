"""Pairs of processes, measured one after the other and kept in a folder for `--resume`."""

import math
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.compare.process import Job, Run, Selection, time_processes
from benchmarks.compare.sides import SIDES, SideError, load_run
from benchmarks.compare.verdicts import Judge, Verdict
from benchmarks.interpreters import Interpreter
from benchmarks.locks import LOCK
from benchmarks.plugins.sampling import Settings, planted_id
from benchmarks.saved.baseline import differences, obstacles
from benchmarks.saved.records import LARGEST_FILE
from benchmarks.saved.saved_run import SavedRun
from rnn_core.runtime.files import parse_json, read_file, write_json

# A gap longer than this many typical processes counts as an interruption.
LONGEST_GAP = 4

Pair = tuple[SavedRun, SavedRun]


@dataclass(frozen=True)
class Plan(Selection):
    """What to measure, and how. A comparison can be resumed only with an equal plan.

    Attributes:
        baseline: interpreter of one side.
        candidate: interpreter of the other side.
        seconds: time for each benchmark in each process.
        threads: number of threads of each process.
        within: tolerance of the verdict "same"; 0.05 stands for ratios from 1/1.05 to 1.05.
        seed: random seed for the order of the processes and benchmarks.
        planted: slowdowns to plant in the candidate; each process times all of them.
    """

    baseline: Interpreter
    candidate: Interpreter
    seconds: float
    threads: int
    within: float
    seed: int = 0
    planted: tuple[float, ...] = ()

    def dump(self) -> dict[str, Any]:
        """Return the plan as JSON, with one value for each choice of the user."""
        return {
            "format": "rnn_core pairs 1",
            **asdict(self),
            "baseline": f"{self.baseline.name} ({self.baseline.python})",
            "candidate": f"{self.candidate.name} ({self.candidate.python})",
            "paths": list(self.paths),
            "planted": list(self.planted),
        }


class Pairs:
    """The pairs of a plan: those on disk, then new ones.

    Args:
        plan: plan of the measurement.
        folder: folder for the pairs; created if missing.
        resume: whether to continue with the pairs in the folder, which must be empty otherwise.
        run: function that runs processes and returns their results.

    Attributes:
        done: the complete pairs.

    Raises:
        SideError: the folder has other content, or a comparison with another plan.
    """

    def __init__(self, plan: Plan, folder: Path, resume: bool, run: Run = time_processes) -> None:
        folder = folder.absolute()  # The processes run in another directory.
        self.plan, self.folder, self.run = plan, folder, run
        self.settings = folder / "settings.json"
        self.done: list[Pair] = []
        if self.settings.exists():
            self._check_resumable(resume)
        elif folder.exists() and any(path.name != LOCK for path in folder.iterdir()):
            raise SideError(f"{folder} is not empty, and has no comparison")
        (folder / "pairs").mkdir(parents=True, exist_ok=True)
        write_json(self.settings, plan.dump())
        while all(self._path(len(self.done), side).exists() for side in SIDES):
            baseline, candidate = (load_run(self._path(len(self.done), side)) for side in SIDES)
            self._keep((baseline, candidate))

    def _check_resumable(self, resume: bool) -> None:
        """Raise SideError unless `resume` is True and the folder's comparison has the same plan."""
        if not resume:
            raise SideError(
                f"{self.folder} already has a comparison: continue it with --resume, or replace it "
                "with --restart"
            )
        try:
            before = dict(parse_json(read_file(self.settings, LARGEST_FILE)))
        except (OSError, ValueError, TypeError) as error:
            raise SideError(f"{self.settings} is damaged: {error}") from error
        now = self.plan.dump()
        changed = [
            f"{key} was {before.get(key)!r}, is {now.get(key)!r}"
            for key in {**before, **now}
            if before.get(key) != now.get(key)
        ]
        if changed:
            raise SideError(f"cannot resume {self.folder}: " + "; ".join(changed))

    def measure(self, only: Sequence[Sequence[str]] | None = None) -> Pair:
        """Measure the next pair.

        Args:
            only: node ids to time in the baseline and in the candidate; None times all.

        Raises:
            SideError: a process failed, or its environment differs from that of earlier processes.
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
            [found[side]] = self.run(self.plan, [Job(interpreter, settings, path)])
        pair = found["baseline"], found["candidate"]
        try:
            self._keep(pair)
        except SideError:
            for side in SIDES:  # With these files, every --resume would fail.
                self._path(number, side).unlink()
            raise
        return pair

    def _keep(self, pair: Pair) -> None:
        """Add a pair, if its machine and environments are those of the earlier pairs."""
        reasons = obstacles(pair[0].machine, pair[1].machine)
        if reasons:
            raise SideError("the sides cannot be compared: " + "; ".join(reasons))
        for run, first in zip(pair, self.done[0] if self.done else pair, strict=True):
            changed = obstacles(run.machine, first.machine) or differences(
                run.environments, first.environments
            )
            if changed:
                raise SideError(
                    f"{run.name} was measured in another environment than {first.name}: "
                    + "; ".join(changed)
                )
        self.done.append(pair)

    def _path(self, number: int, side: str) -> Path:
        return self.folder / "pairs" / f"{number + 1:04}-{side}.json"


def order(seed: int, number: int) -> Sequence[str]:
    """Return the order of the sides in a pair: A, B, B, A or B, A, A, B over two pairs, at random.

    Both orders cancel the effect of a machine that slows down at a constant rate.
    """
    swapped = Random(f"{seed} {number // 2}").random() < 0.5  # noqa: S311 - not a secret
    return SIDES[::-1] if swapped ^ (number % 2 == 1) else SIDES


@dataclass
class Contest:
    """One comparison of all benchmarks over the pairs, with at most one planted slowdown.

    Attributes:
        judge: judge of the benchmarks, by the baseline's names.
        planted: the planted slowdown; None if nothing is planted.
    """

    judge: Judge
    planted: float | None = None

    def log_ratios(self, pairs: Sequence[Pair]) -> dict[str, list[float | None]]:
        """Return each benchmark's log ratios in the pairs that timed it; None if disturbed."""
        found: dict[str, list[float | None]] = {}
        for name in self.judge.names:
            found[name] = []
            theirs = candidate_name(name, self.planted)
            for baseline, candidate in pairs:
                if name not in baseline.benchmarks or theirs not in candidate.benchmarks:
                    break
                before = baseline.benchmarks[name].value("time")
                after = candidate.benchmarks[theirs].value("time")
                disturbed = before is None or after is None
                found[name].append(None if disturbed else math.log(after / before))  # type: ignore[operator]
        return found

    def look(self, pairs: Sequence[Pair]) -> None:
        """Settle the benchmarks that the pairs can settle."""
        self.judge.look(self.log_ratios(pairs))

    def all(self, pairs: Sequence[Pair]) -> Mapping[str, Verdict]:
        """Return the current verdict on each benchmark."""
        return self.judge.all(self.log_ratios(pairs))


def candidate_name(name: str, planted: float | None) -> str:
    """Return the candidate's name of a benchmark of the baseline, with its planted slowdown."""
    return name if planted is None else f"{name.removesuffix(']')}-{planted_id(planted)}]"


def contests_of(pair: Pair, within: float, planted: Sequence[float] = ()) -> list[Contest]:
    """Return a contest for each planted slowdown, over the benchmarks that both sides have.

    Raises:
        SideError: the sides have no benchmark in common.
    """
    contests = []
    for share in planted or (None,):
        names = [
            name for name in pair[0].benchmarks if candidate_name(name, share) in pair[1].benchmarks
        ]
        if not names:
            raise SideError("the two sides have no benchmark in common")
        contests.append(Contest(Judge(sorted(names), within), share))
    return contests


def settle(pairs: Pairs, budget: float) -> Iterator[tuple[list[Contest], float]]:
    """Measure pair after pair; after each, yield the contests and the number of seconds left.

    Ends when every benchmark is settled, or when the next pair would exceed the budget. Settled
    benchmarks are not timed again.

    Args:
        pairs: pairs of the comparison; those on disk are judged first.
        budget: time limit in seconds.

    Raises:
        SideError: a process failed, or the sides have no benchmark in common.
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
    """Return how many seconds the pairs took, without interruptions."""
    usual = usual_gap(pairs)
    # No process ended before the first one, so a typical gap stands for its time.
    return usual + sum(min(gap, LONGEST_GAP * usual) for gap in gaps(pairs))


def usual_gap(pairs: Sequence[Pair]) -> float:
    """Return the median number of seconds from the end of one process to the end of the next."""
    return statistics.median(gaps(pairs) or [0.0])


def gaps(pairs: Sequence[Pair]) -> list[float]:
    """Return the numbers of seconds between the ends of consecutive processes."""
    ends = sorted(run.when.timestamp() for pair in pairs for run in pair)
    return [later - earlier for earlier, later in pairwise(ends)]
