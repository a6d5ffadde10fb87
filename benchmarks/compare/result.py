"""The result of a comparison: what is computed, written, read, printed and shown on the page.

Importing this module needs pydantic, but neither pytest nor scipy: the page can be made without
them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, get_args

from pydantic import Field, model_validator

from benchmarks.behaviour.judge import BehaviourVerdict
from benchmarks.compare.measures import CANNOT_TELL, MEASURES, SAME, WORSE, Word
from benchmarks.instructions.functions import FunctionCost, OperatorCost
from benchmarks.saved.records import Count, Date, Milliseconds, Record
from benchmarks.saved.saved_run import Measure
from rnn_core.commands.status import ExitStatus
from rnn_core.runtime.files import write_json

FILE = "comparison.json"
Format = Literal["rnn_core comparison 3"]
[FORMAT] = get_args(Format)

Outcome = Literal["settled", "out of time", "interrupted", "crashed", "not reported by Paddle"]
# A machine whose pace changes by more than this share between processes counts as drifting.
DRIFT = 0.1

# Smallest share of a benchmark's instructions that explains a difference.
LEAST_SHARE = 1e-4

Share = Annotated[float, Field(gt=0, lt=1)]
# In milliseconds, instructions or bytes.
Amount = Annotated[float, Field(ge=1e-9, le=1e18)]
# Wide enough for every ratio of two values that were measured, and narrow enough for every axis.
LARGEST_RATIO = 1e18
Ratio = Annotated[float, Field(ge=1 / LARGEST_RATIO, le=LARGEST_RATIO)]


class Side(Record):
    """One side of a comparison.

    Attributes:
        name: name of the interpreter or tox environment.
        environment: versions, machine and flags; empty if no process of this side finished.
    """

    name: str
    environment: dict[str, str]


class Measured(Record):
    """The result for one measure of one benchmark.

    Attributes:
        baseline: typical value of the baseline, in milliseconds, instructions or bytes.
        candidate: typical value of the candidate.
        ratio: the candidate's value as a multiple of the baseline's.
        low: lower end of the ratio's interval; None if it is open.
        high: upper end of the ratio's interval; None if it is open.
        p: probability of a difference this large between equal sides, uncorrected.
        verdict: the verdict.
        pairs: number of pairs behind the verdict.
        smallest_effect: increase that this many pairs would find nine times in ten; 0.1 is 10%.
            None if it is infinite.
        pairs_to_settle: estimated number of further pairs until a verdict; None if too many.
    """

    baseline: Amount
    candidate: Amount
    ratio: Ratio
    low: Ratio | None
    high: Ratio | None
    p: Annotated[float, Field(ge=0, le=1)]
    verdict: Word
    pairs: Count
    smallest_effect: Annotated[float, Field(ge=0)] | None
    pairs_to_settle: Count | None

    def interval(self, digits: int = 3) -> str:
        """Return the ratio's interval, such as "1.081-1.124"; empty if both ends are open."""
        low, high = (None if end is None else f"{end:.{digits}f}" for end in (self.low, self.high))
        if low is None:
            return "" if high is None else f"up to {high}"
        return f"from {low}" if high is None else f"{low}-{high}"

    @property
    def advice(self) -> str:
        """What would help a benchmark without a verdict; empty for all others."""
        if self.verdict != CANNOT_TELL:
            return ""
        effect, pairs = self.smallest_effect, self.pairs_to_settle
        if effect is None or effect >= 1:
            detected = "not have detected an increase of 100%"
        else:
            percent = f"{100 * effect:.2g}" if effect < 0.1 else f"{100 * effect:.0f}"
            detected = f"have detected an increase of {percent}%"
        return f"would {detected}" + (f", needs about {pairs} more pairs" if pairs else "")


class Reasons(NamedTuple):
    """A table that explains a number of instructions; its last three columns hold numbers."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def _thousands(*costs: float | None) -> list[str]:
    return ["none" if cost is None else f"{cost / 1e3:.1f}" for cost in costs]


def _calls(*numbers: float | None) -> str:
    """Return numbers of calls, "10 -> 11", or one of them if both are the same."""
    return " -> ".join(dict.fromkeys("none" if n is None else f"{n:g}" for n in numbers))


class Benchmark(Record):
    """One benchmark, with its results by measure.

    Attributes:
        name: node id of the test.
        device: device that it ran on; like all facts that follow, empty if the test has none.
        cell: recurrent cell.
        shape: batch size, number of steps and hidden size.
        implementation: implementation of the training step.
        stage: stage of the training step.
        measures: results by measure.
        operators: what each Paddle operator costs, with all that it calls, largest growth first;
            empty, as are the functions, if the number of instructions is the same or not known.
        functions: functions whose own instructions changed most, largest growth first.
    """

    name: str
    device: str
    cell: str
    shape: str
    implementation: str
    stage: str
    measures: Annotated[dict[Measure, Measured], Field(min_length=1)]
    operators: tuple[OperatorCost, ...] = ()
    functions: tuple[FunctionCost, ...] = ()

    @model_validator(mode="after")
    def _in_words_of_the_measure(self) -> "Benchmark":
        for measure, result in self.measures.items():
            if result.verdict not in MEASURES[measure].words:
                raise ValueError(f"{result.verdict!r} is not a verdict by {measure}")
        return self

    @property
    def reasons(self) -> list["Reasons"]:
        """Up to four tables: operators that cost more and less, and functions that do.

        Changes below 0.01% of the benchmark's instructions are left out.
        """
        least = LEAST_SHARE * self.measures["instructions"].baseline
        operators = [
            (cost, (cost.name, _calls(cost.calls_before, cost.calls_after)))
            for cost in self.operators
        ]
        functions = [(cost, (cost.name, cost.library, cost.operator)) for cost in self.functions]
        found = []
        for kind, extent, head, costs in (
            ("operators", "with", ("operator", "calls"), operators),
            ("functions", "without", ("function", "library", "nearest operator"), functions),
        ):
            for how, sign in (("more", 1), ("less", -1)):
                rows = [
                    (*words, *_thousands(cost.before, cost.after), f"{cost.change / 1e3:+.1f}")
                    for cost, words in costs[::sign]
                    if sign * cost.change >= least
                ]
                if rows:
                    extents = f"{extent} what they call, in thousands per call"
                    title = f"{kind} that cost {how}, {extents}"
                    head_of_all = (*head, "baseline", "candidate", "difference")
                    found.append(Reasons(title, head_of_all, rows))
        return found

    @property
    def label(self) -> str:
        """The facts, such as "cpu RNN B1 T10 H128 kernel step"; the name if there are none."""
        facts = (self.device, self.cell, self.shape, self.implementation, self.stage)
        return " ".join(filter(None, facts)) or self.name

    @property
    def parameters(self) -> str:
        """The part of the node id that `-k` selects by: "cpu-step-RNN-B1-T10-H128-kernel"."""
        test, _, inside = self.name.rpartition("::")[2].partition("[")
        return inside.removesuffix("]") or test


class Pace(Record):
    """How long the same work took in a side's fastest and slowest process, in milliseconds."""

    fastest_ms: Milliseconds
    slowest_ms: Milliseconds


class Drift(Record):
    """Whether the pace of the machine changed.

    Each side has its own pace: a different Python does the same work at a different speed.
    """

    baseline: Pace | None = None
    candidate: Pace | None = None

    @property
    def change(self) -> float | None:
        """Largest change of a side's pace; 0.1 is 10%. None if nothing was measured twice."""
        paces = [pace for pace in (self.baseline, self.candidate) if pace is not None]
        return max((pace.slowest_ms / pace.fastest_ms - 1 for pace in paces), default=None)

    @property
    def text(self) -> str:
        """One sentence for a reader."""
        if self.change is None:
            return "Whether the machine drifted is not known."
        found = (
            "the machine drifted, and more pairs are needed than on a quiet one"
            if self.change > DRIFT
            else "the machine was steady"
        )
        return (
            f"Fixed work without Paddle took up to {self.change:.0%} longer in one process than in "
            f"another: {found}."
        )


class Disturbance(Record):
    """How many measurements were left out because other processes had the CPU."""

    left_out: Count
    of: Count

    @property
    def text(self) -> str:
        """One sentence for a reader; empty if nothing was left out."""
        if not self.left_out:
            return ""
        return (
            f"{self.left_out} of {self.of} times were measured while other processes had the CPU, "
            "and left out."
        )


class Course(Record):
    """How the comparison by one measure went.

    Attributes:
        pairs: number of pairs of processes.
        seconds: time that the pairs took, without interruptions.
        within: tolerance of the verdict "same"; 0.05 stands for ratios from 1/1.05 to 1.05.
        outcome: way in which it ended.
    """

    pairs: Count
    seconds: Annotated[float, Field(ge=0)]
    within: Share
    outcome: Outcome


class Comparison(Record):
    """Two environments compared by `python -m benchmarks.compare`.

    Attributes:
        format: version of the file's format.
        date: date and time of the result.
        baseline: one side.
        candidate: the other side.
        courses: how the comparison went, by measure.
        confidence: lower limit for the share of verdicts by one measure that are right.
        error: message of the process that crashed; empty if none did.
        benchmarks: all benchmarks that both sides have.
        not_compared: names of the benchmarks that only one side has.
        behaviour: verdicts on the three experiments; empty if they were not compared.
        workload: digest of an own workload's files, and its settings; empty if there is none.
        drift: change of the machine's pace while times were measured.
        disturbance: number of times that were left out.
    """

    format: Format = FORMAT
    date: Date
    baseline: Side
    candidate: Side
    courses: dict[Measure, Course]
    confidence: Share
    error: str = ""
    benchmarks: tuple[Benchmark, ...]
    not_compared: tuple[str, ...]
    behaviour: tuple[BehaviourVerdict, ...]
    workload: str = ""
    drift: Drift
    disturbance: Disturbance

    @model_validator(mode="after")
    def _courses_of_all_measures(self) -> "Comparison":
        for measure in self.measures:
            if measure not in self.courses:
                raise ValueError(f"courses.{measure} is missing")
        return self

    def save(self, folder: Path) -> None:
        """Write the comparison into its folder."""
        write_json(folder / FILE, self.dump())

    @classmethod
    def saved_in(cls, folder: Path) -> "Comparison | None":
        """Return the comparison in a folder; None if there is none, or its file is damaged."""
        try:
            return cls.load(folder / FILE)
        except (OSError, ValueError):
            return None

    @property
    def measures(self) -> list[Measure]:
        """The measures that at least one benchmark has."""
        return [name for name in MEASURES if any(name in each.measures for each in self.benchmarks)]

    @property
    def explained(self) -> list[Benchmark]:
        """The benchmarks with operators or functions that explain a number of instructions."""
        counted = [each for each, _ in self.results("instructions")]
        return [each for each in counted if each.operators or each.functions]

    def counts(self, measure: Measure) -> str:
        """Return how many benchmarks have each verdict by a measure, in words."""
        verdicts = [result.verdict for _, result in self.results(measure)]
        return ", ".join(f"{verdicts.count(word)} {word}" for word in MEASURES[measure].words)

    @property
    def crashed(self) -> bool:
        """Whether a process crashed."""
        return any(course.outcome == "crashed" for course in self.courses.values())

    @property
    def unfinished(self) -> bool:
        """Whether it was interrupted, or a process crashed."""
        return any(each.outcome in ("interrupted", "crashed") for each in self.courses.values())

    def results(self, measure: Measure) -> list[tuple[Benchmark, Measured]]:
        """Return all benchmarks that have this measure, with their results."""
        return [
            (each, each.measures[measure]) for each in self.benchmarks if measure in each.measures
        ]

    @property
    def verdicts(self) -> list[Word]:
        """The verdicts on all benchmarks by all measures."""
        return [result.verdict for each in self.benchmarks for result in each.measures.values()]

    @property
    def different(self) -> int:
        """The number of experiments that train differently."""
        return sum(each.verdict == "different" for each in self.behaviour)

    @property
    def status(self) -> ExitStatus:
        """The exit status of the comparison."""
        if not WORSE.isdisjoint(self.verdicts) or self.different:
            return ExitStatus.FINDING
        undecided = self.crashed or not self.verdicts or CANNOT_TELL in self.verdicts
        undecided |= any(each.undecided for each in self.behaviour)
        return ExitStatus.CANNOT_TELL if undecided else ExitStatus.OK

    @property
    def changes(self) -> list[tuple[str, str, str]]:
        """Facts that differ, each with the value of the baseline and that of the candidate."""
        before, after = self.baseline.environment, self.candidate.environment
        return [
            (fact, before.get(fact, ""), after.get(fact, ""))
            for fact in {**before, **after}
            if before.get(fact, "") != after.get(fact, "")
        ]

    @property
    def subject(self) -> tuple[str, ...]:
        """What is the same all along a chain of releases: Python, CPU, device and own workload.

        It is empty if no process finished.
        """
        own = {each.cell for each in self.benchmarks if ":" in each.cell}
        devices = {each.device for each in self.benchmarks}
        facts = (self.candidate.environment.get(name, "") for name in ("python", "cpu"))
        return (*facts, *sorted(devices), *sorted(own), self.workload) if self.benchmarks else ()

    @property
    def shared(self) -> str:
        """The words that all labels share, left out of pictures: "cpu B1 T10 H128"."""
        first, *others = [each.label.split(" ") for each in self.benchmarks] or [[]]
        return " ".join(word for word in first if all(word in words for words in others))

    def short(self, benchmark: Benchmark) -> str:
        """Return the label of a benchmark without the words that all labels share."""
        shared = self.shared.split(" ")
        words = [word for word in benchmark.label.split(" ") if word not in shared]
        return " ".join(words) or benchmark.label

    def describe(self, measure: Measure, result: Measured) -> str:
        """Return a verdict in words, and what would help if there is none."""
        if result.verdict == SAME:
            return f"{SAME} within {100 * self.courses[measure].within:g}%"
        return result.verdict + (f": {result.advice}" if result.advice else "")
