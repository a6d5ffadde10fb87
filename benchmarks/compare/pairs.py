"""Pairs of processes, kept in a folder for `--resume`, and judged by one or more measures."""

import math
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.compare.measures import MEASURES
from benchmarks.compare.process import Job, Run, Selection, count_processes, time_processes
from benchmarks.compare.result import Outcome
from benchmarks.compare.sides import FOLDERS, SIDES, SideError, load_run
from benchmarks.compare.verdicts import Judge, Verdict
from benchmarks.interpreters import Interpreter
from benchmarks.locks import LOCK
from benchmarks.plugins.sampling import Settings, planted_name
from benchmarks.saved.baseline import differences, obstacles
from benchmarks.saved.records import LARGEST_FILE
from benchmarks.saved.saved_run import Measure, SavedRun, Series
from rnn_core.runtime.files import parse_json, read_file, write_json

# Functions that run the processes.
RUNS: Mapping[Series, Run] = {"instructions": count_processes, "time": time_processes}

Pair = tuple[SavedRun, SavedRun]


@dataclass(frozen=True)
class Plan(Selection):
    """What to measure, and how. A comparison can be resumed only with an equal plan.

    Attributes:
        baseline: interpreter of one side.
        candidate: interpreter of the other side.
        seconds: time for each benchmark in each process.
        threads: number of threads of each process.
        within: tolerance of the verdict "same" by each measure to judge; 0.05 stands for ratios
            from 1/1.05 to 1.05.
        seed: random seed for the order of the processes and benchmarks.
        planted: shares of work to plant in the candidate; each process measures all of them.
        load: number of busy processes beside the measured ones.
        lenient: whether only an interval above the tolerance is worse: see `Judge`.
    """

    baseline: Interpreter
    candidate: Interpreter
    seconds: float
    threads: int
    within: Mapping[Measure, float]
    seed: int = 0
    planted: tuple[float, ...] = ()
    load: int = 0
    lenient: bool = False

    def dump(self) -> dict[str, Any]:
        """Return the plan as JSON, with one value for each choice of the user."""
        return {
            "format": "rnn_core pairs 2",
            **asdict(self),
            "baseline": f"{self.baseline.name} ({self.baseline.python})",
            "candidate": f"{self.candidate.name} ({self.candidate.python})",
            "paths": list(self.paths),
            "planted": list(self.planted),
            "workload": None if self.workload is None else list(self.workload),
        }


def check_countable(device: str, threads: int) -> None:
    """Raise SideError unless instructions can be counted with these settings."""
    if device != "cpu":
        raise SideError(f"instructions are counted on the CPU only, not on {device}")
    if threads > 1:
        raise SideError(f"instructions are counted with one thread, not with {threads}")


def series_of(
    measures: Collection[Measure], counted: bool | None = None
) -> Mapping[Series, tuple[Measure, ...]]:
    """Return the series of processes that a comparison needs, and the measures to judge each by.

    Counts come first, because they are certain. Every process measures memory, too.

    Args:
        measures: measures to judge by.
        counted: whether there are counts; None if there are those that the measures need.
    """
    if counted is None:
        counted = "instructions" in measures
    first = tuple(name for name in measures if counted and name != "time")
    rest = tuple(name for name in measures if name not in (*first, "instructions"))
    series: dict[Series, tuple[Measure, ...]] = {"instructions": first, "time": rest}
    return {name: found for name, found in series.items() if found}


class Pairs:
    """The pairs of one series of a plan: those on disk, then new ones.

    Args:
        plan: plan of the measurement.
        folder: folder of the comparison; created if missing.
        resume: whether to continue with the pairs in the folder, which must be empty otherwise.
        run: function that runs processes and returns their results; None for that of the series.
        series: what the processes measure.

    Attributes:
        done: the complete pairs.

    Raises:
        SideError: the folder has other content, or a comparison with another plan.
    """

    def __init__(
        self,
        plan: Plan,
        folder: Path,
        resume: bool,
        run: Run | None = None,
        series: Series = "time",
    ) -> None:
        folder = folder.absolute()  # The processes run in another directory.
        self.plan, self.folder, self.series = plan, folder, series
        self.run = run or RUNS[series]
        self.within = {name: plan.within[name] for name in series_of(plan.within)[series]}
        self.settings = folder / "settings.json"
        self.done: list[Pair] = []
        if self.settings.exists():
            self._check_resumable(resume)
        elif folder.exists() and any(path.name != LOCK for path in folder.iterdir()):
            raise SideError(f"{folder} is not empty, and has no comparison")
        (folder / FOLDERS[series]).mkdir(parents=True, exist_ok=True)
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

    def measure(self, only: Sequence[Sequence[str]] | None = None, count: int = 1) -> None:
        """Measure the next pairs.

        Args:
            only: node ids to measure in the baseline and in the candidate; None measures all.
            count: number of pairs.

        Raises:
            SideError: a process failed, or its environment differs from that of earlier processes.
        """
        numbers = range(len(self.done), len(self.done) + count)
        jobs = [
            self._job(number, side, only)
            for number in numbers
            for side in order(self.plan.seed, number)
        ]
        # A count does not depend on the moment: half a pair is kept.
        counted = self.series == "instructions"
        found = {job.path: load_run(job.path) for job in jobs if counted and job.path.exists()}
        missing = [job for job in jobs if job.path not in found]
        found |= zip((job.path for job in missing), self.run(self.plan, missing), strict=True)
        try:
            for number in numbers:
                baseline, candidate = (found[self._path(number, side)] for side in SIDES)
                self._keep((baseline, candidate))
        except SideError:
            kept = len(self.done) - numbers.start
            for job in jobs[kept * len(SIDES) :]:  # With these files, every --resume would fail.
                job.path.unlink()
            raise

    def _job(self, number: int, side: str, only: Sequence[Sequence[str]] | None) -> Job:
        candidate = side == "candidate"
        settings = Settings(
            seed=1000 * self.plan.seed + number,
            seconds=self.plan.seconds,
            only=None if only is None else tuple(only[SIDES.index(side)]),
            planted=self.plan.planted if candidate else (),
            measure=self.series,
        )
        interpreter = self.plan.candidate if candidate else self.plan.baseline
        return Job(interpreter, settings, self._path(number, side))

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
        return self.folder / FOLDERS[self.series] / f"{number + 1:04}-{side}.json"


def order(seed: int, number: int) -> Sequence[str]:
    """Return the order of the sides in a pair: A, B, B, A or B, A, A, B over two pairs, at random.

    Both orders cancel the effect of a machine that slows down at a constant rate.
    """
    swapped = Random(f"{seed} {number // 2}").random() < 0.5  # noqa: S311 - not a secret
    return SIDES[::-1] if swapped ^ (number % 2 == 1) else SIDES


@dataclass
class Contest:
    """One comparison of all benchmarks by one measure, with at most one planted slowdown.

    Attributes:
        judge: judge of the benchmarks, by the baseline's names.
        measure: measure that they are judged by.
        planted: the planted slowdown; None if nothing is planted.
    """

    judge: Judge
    measure: Measure = "time"
    planted: float | None = None

    def log_ratios(self, pairs: Sequence[Pair]) -> dict[str, list[float | None]]:
        """Return each benchmark's log ratios in the pairs that measured it; None if disturbed."""
        found: dict[str, list[float | None]] = {}
        for name in self.judge.names:
            found[name] = []
            theirs = candidate_name(name, self.planted)
            for baseline, candidate in pairs:
                if name not in baseline.benchmarks or theirs not in candidate.benchmarks:
                    break
                before = baseline.benchmarks[name].value(self.measure)
                after = candidate.benchmarks[theirs].value(self.measure)
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
    return name if planted is None else planted_name(name, planted)


def tolerance(within: float, planted: float | None) -> float:
    """Return the tolerance of "same": at most half of what is planted, which could never settle."""
    return min(within, planted / 2) if planted else within


def contests_of(
    pair: Pair,
    within: Mapping[Measure, float],
    planted: Sequence[float] = (),
    lenient: bool = False,
) -> list[Contest]:
    """Return a contest for each measure and planted slowdown, over the common benchmarks.

    There is none for peaks of memory that Paddle does not report.

    Raises:
        SideError: the sides have no benchmark in common.
    """
    contests = []
    for measure, share in product(within, planted or (None,)):
        names = [
            name for name in pair[0].benchmarks if candidate_name(name, share) in pair[1].benchmarks
        ]
        if not names:
            raise SideError("the two sides have no benchmark in common")
        # A disturbed time is missing in one pair, a peak of memory that Paddle cannot tell in all.
        known = [
            name
            for name in names
            if measure == "time"
            or (
                pair[0].benchmarks[name].value(measure)
                and pair[1].benchmarks[candidate_name(name, share)].value(measure)
            )
        ]
        if known:
            limit = tolerance(within[measure], share)
            judge = Judge(sorted(known), limit, measure, lenient)
            contests.append(Contest(judge, measure, share))
    return contests


def settle(pairs: Pairs, budget: float) -> Iterator[tuple[list[Contest], float]]:
    """Measure pair after pair; after each, yield the contests and the number of seconds left.

    Ends when every benchmark is settled, or when the next pair would exceed the budget. Settled
    benchmarks are not measured again. Counts do not disturb each other: all pairs up to the next
    look are measured together.

    Args:
        pairs: pairs of the comparison; those on disk are judged first.
        budget: time limit in seconds.

    Raises:
        SideError: a process failed, or the sides have no benchmark in common.
    """
    begin = time.monotonic()
    counted = pairs.series == "instructions"
    count = MEASURES["instructions"].first_look if counted else 1
    if not pairs.done:
        pairs.measure(count=count)
    plan = pairs.plan
    contests = contests_of(pairs.done[0], pairs.within, plan.planted, plan.lenient)
    longest = max(elapsed(pairs.done) / len(pairs.done), (time.monotonic() - begin) / count)
    while True:
        for contest in contests:
            contest.look(pairs.done)
        yield contests, max(0.0, begin + budget - time.monotonic())
        still = [(contest, name) for contest in contests for name in contest.judge.open]
        if not still:
            return
        only = [
            sorted({name for _, name in still}),
            sorted({candidate_name(name, contest.planted) for contest, name in still}),
        ]
        look = min(contest.judge.next_look for contest, _ in still)
        count = look - len(pairs.done) if counted else 1
        at = time.monotonic()
        # Without a new pair to measure, what is still open is missing in an earlier pair.
        if count < 1 or at + count * longest > begin + budget:
            return
        pairs.measure(only, count)
        longest = max(longest, (time.monotonic() - at) / count)


@dataclass
class Part:
    """The part of a comparison that one series of processes settles.

    Attributes:
        within: tolerance of the verdict "same" by each of its measures.
        pairs: all pairs that were measured.
        contests: verdicts on these pairs, one for each measure; empty if there is no pair.
        ended: whether the measurement was not interrupted.
        error: message of the process that crashed; empty if none did.
    """

    within: dict[Measure, float]
    pairs: Sequence[Pair] = ()
    contests: Sequence[Contest] = ()
    ended: bool = False
    error: str = ""

    def outcome(self, measure: Measure) -> Outcome:
        """Return how the comparison by one of the measures ended."""
        judges = [contest.judge for contest in self.contests if contest.measure == measure]
        if judges and not any(judge.open for judge in judges):
            return "settled"
        if self.error:
            return "crashed"
        if not self.ended:
            return "interrupted"
        return "out of time" if judges else "not reported by Paddle"


def elapsed(pairs: Sequence[Pair]) -> float:
    """Return how many seconds the pairs took, without interruptions."""
    seconds, last = 0.0, None
    for run in sorted((run for pair in pairs for run in pair), key=lambda run: run.when):
        # A process that ran beside others counts from the end of the one before it.
        begun = max(filter(None, (run.begun, last)), default=run.when)
        seconds += max(0.0, (run.when - begun).total_seconds())
        last = run.when
    return seconds
