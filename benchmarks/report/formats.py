"""Readers of the files in a folder of results.

Files may come from elsewhere, so everything is validated. For a file that is damaged or has another
format, the readers raise a ValueError that says why.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree

from pydantic import model_validator

from benchmarks.saved.records import Positive, Record
from benchmarks.saved.result_files import CRASHED

CaseOutcome = Literal["passed", "failed", "crashed", "error", "skipped"]
# Name of the result for the project without a planted fault.
HEALTHY = "healthy"
# Number of characters of a traceback on the page; the file has the whole traceback.
LONGEST_DETAIL = 3000


@dataclass(frozen=True)
class Case:
    """The outcome of one test; `reason` and `detail` are empty if it passed."""

    name: str
    outcome: CaseOutcome
    reason: str = ""
    detail: str = ""


class Stage(Record):
    """The facts of a benchmark of a stage."""

    device: str
    cell: str
    shape: str
    implementation: str
    stage: str


class StepTime(Stage):
    """Median and middle half of the rounds of one benchmark, in milliseconds."""

    median: Positive
    low: Positive
    high: Positive


class _Other(Record):
    """The facts of any other benchmark, which the page does not show."""

    stage: None = None


class _Stats(Record):
    """Quartiles of the rounds, in seconds."""

    q1: Positive
    median: Positive
    q3: Positive

    @model_validator(mode="after")
    def _ordered(self) -> "_Stats":
        if not self.q1 <= self.median <= self.q3:
            raise ValueError("the median must lie between the quartiles")
        return self


class _Timed(Record):
    extra_info: Stage | _Other
    stats: _Stats


class _TimesFile(Record):
    """The file of pytest-benchmark."""

    benchmarks: tuple[_Timed, ...]


class Planted(Record):
    """The result for one planted fault, or for the project without a fault.

    Attributes:
        name: name of the fault; "healthy" for the project without one.
        stands_for: mistake that it stands for.
        caught: whether a test failed.
        problem: why the result does not count; empty if it does.
        tests: first failing tests.
    """

    name: str
    stands_for: str
    caught: bool
    problem: str
    tests: tuple[str, ...]

    @property
    def healthy(self) -> bool:
        """Whether nothing was planted, so that every test must pass."""
        return self.name == HEALTHY

    @property
    def as_expected(self) -> bool:
        """Whether a fault was caught, or the healthy project passed."""
        return not self.problem and self.caught != self.healthy

    @property
    def verdict(self) -> str:
        """The verdict in a few words."""
        if self.problem:
            return f"no verdict, {self.problem}"
        if self.healthy:
            return "false alarm" if self.caught else "passed"
        return "caught" if self.caught else "survived"


class Planting(Record):
    """A run of `python -m tests.faults`."""

    environment: dict[str, str]
    verdicts: tuple[Planted, ...]

    @property
    def faults(self) -> list[Planted]:
        """The planted faults, without the healthy project."""
        return [each for each in self.verdicts if not each.healthy]

    @property
    def caught(self) -> int:
        """The number of faults that a test noticed."""
        return sum(each.as_expected for each in self.faults)

    @property
    def surprises(self) -> list[Planted]:
        """Faults that were not caught, and a healthy project that failed."""
        return [each for each in self.verdicts if not each.as_expected]


def read_times(path: Path) -> list[StepTime]:
    """Read the times of all stages from pytest-benchmark's file.

    Raises:
        OSError, ValueError: the file cannot be read.
    """
    return [
        StepTime(
            **timed.extra_info.dump(),
            median=1e3 * timed.stats.median,
            low=1e3 * timed.stats.q1,
            high=1e3 * timed.stats.q3,
        )
        for timed in _TimesFile.load(path).benchmarks
        if isinstance(timed.extra_info, Stage)
    ]


def read_cases(path: Path) -> list[Case]:
    """Read the outcomes in a file of JUnit XML, one for each test.

    Raises:
        OSError, ValueError: the file cannot be read.
    """
    data = path.read_bytes()
    if not data:
        raise ValueError("the file is empty")
    # Entities, which make an XML file dangerous, need a document type; pytest writes none.
    if b"<!DOCTYPE" in data:
        raise ValueError("the file declares a document type, which pytest does not")
    try:
        root = ElementTree.fromstring(data)  # noqa: S314 - without a document type, see above
    except ElementTree.ParseError as error:
        raise ValueError(f"invalid XML: {error}") from error
    if root.tag not in ("testsuites", "testsuite"):
        raise ValueError(f"expected JUnit XML, got an element <{root.tag}>")
    cases: dict[str, Case] = {}
    for element in root.iter("testcase"):
        case = _case(element)
        # A test that fails and whose fixture then fails too has two elements: the first counts.
        if case.name not in cases or cases[case.name].outcome == "passed":
            cases[case.name] = case
    if not cases:
        raise ValueError("the file holds no tests")
    return list(cases.values())


def _case(element: ElementTree.Element) -> Case:
    # The whole name of the module: several folders have a test_command.py.
    name = f"{element.get('classname', '')}::{element.get('name', '')}"
    tags: dict[str, CaseOutcome] = {"failure": "failed", "error": "error", "skipped": "skipped"}
    for tag, outcome in tags.items():
        child = element.find(tag)
        if child is not None:
            reason = child.get("message", "") or outcome
            if reason.startswith(f"{CRASHED}: "):
                return Case(name, "crashed", reason)
            detail = (child.text or "")[-LONGEST_DETAIL:]
            return Case(name, outcome, reason, "" if outcome == "skipped" else detail)
    return Case(name, "passed")
