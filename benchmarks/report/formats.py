"""Readers of the files in a folder of results.

Files may come from elsewhere, so everything is validated. For a file that is damaged or has another
format, the readers raise a ValueError that says why.
"""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, NamedTuple
from xml.etree import ElementTree

from benchmarks.saved.records import Record
from benchmarks.saved.result_files import AGREEMENT, CRASHED, FACTS
from benchmarks.saved.saved_run import SavedRun
from rnn_core.runtime.files import read_file

CaseOutcome = Literal["passed", "failed", "crashed", "error", "skipped"]
# Name of the result for the project without a planted fault.
HEALTHY = "healthy"
# Number of characters of a traceback on the page; the file has the whole traceback.
LONGEST_DETAIL = 3000
# In bytes. The outcomes of all tests take 0.5 MB, and 10 MB if every test fails.
LARGEST_CASES = 2**25
# The outcomes of all tests have 3000.
MOST_ELEMENTS = 100_000


@dataclass(frozen=True)
class Case:
    """The outcome of one test.

    Attributes:
        name: module and name of the test.
        outcome: the outcome.
        reason: message; empty if the test passed.
        detail: end of the traceback; empty if there is none.
        agreement: how far a run as a static graph agrees with the eager one; empty for other tests.
    """

    name: str
    outcome: CaseOutcome
    reason: str = ""
    detail: str = ""
    agreement: str = ""


class StepTime(NamedTuple):
    """Median and middle half of the rounds of one benchmark, in milliseconds."""

    device: str
    cell: str
    shape: str
    implementation: str
    stage: str
    median: float
    low: float
    high: float


class Planted(Record):
    """The result for one planted fault, or for the project without a fault.

    Attributes:
        name: name of the fault; "healthy" for the project without one.
        stands_for: mistake that it stands for.
        caught: whether a test failed.
        problem: why the result does not count; empty if it does.
        ending: how the tests ended instead of by a failing one, such as by a crash; empty if not.
        slow: whether slow tests ran.
        tests: failing tests, each by its path below `tests` and its name; their files if the tests
            did not end.
        seconds: duration of the run.
    """

    name: str
    stands_for: str
    caught: bool
    problem: str
    ending: str = ""
    slow: bool = False
    tests: tuple[str, ...]
    seconds: float = 0.0

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
        words = ("passed", "false alarm") if self.healthy else ("survived", "caught")
        how = ", ".join(filter(None, (self.ending, "slow tests" if self.slow else "")))
        return words[self.caught] + (f" ({how})" if how and self.caught else "")


class Planting(Record):
    """A run of `python -m tests.faults`, whose code had the digest `source`."""

    environment: dict[str, str]
    source: str = ""
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
            **{fact: getattr(timed.extra_info, fact) for fact in FACTS},
            median=1e3 * timed.stats.median,
            low=1e3 * timed.stats.q1,
            high=1e3 * timed.stats.q3,
        )
        for timed in SavedRun.load(path).timed
    ]


class _Builder(ElementTree.TreeBuilder):
    """Builds the tree of a file of few elements, without entities, which could make it endless."""

    count = 0

    def start(self, tag: Any, attrs: Any) -> Any:
        self.count += 1
        if self.count > MOST_ELEMENTS:
            raise ValueError(f"the file must have at most {MOST_ELEMENTS} elements")
        return super().start(tag, attrs)

    def doctype(self, *_: object) -> None:
        raise ValueError("the file declares a document type, which pytest does not")


def read_cases(path: Path) -> list[Case]:
    """Read the outcomes in a file of JUnit XML, one for each test.

    Raises:
        OSError, ValueError: the file cannot be read.
    """
    data = read_file(path, LARGEST_CASES)
    if not data:
        raise ValueError("the file is empty")
    try:
        # pytest writes UTF-8, whatever the file declares.
        parser = ElementTree.XMLParser(target=_Builder(), encoding="utf-8")  # noqa: S314 - checks
        root: Any = ElementTree.parse(BytesIO(data), parser).getroot()  # noqa: S314 - checks
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
    agreed = element.find(f"properties/property[@name='{AGREEMENT}']")
    agreement = "" if agreed is None else agreed.get("value", "")[:LONGEST_DETAIL]
    tags: dict[str, CaseOutcome] = {"failure": "failed", "error": "error", "skipped": "skipped"}
    for tag, outcome in tags.items():
        child = element.find(tag)
        if child is not None:
            reason = child.get("message", "")[:LONGEST_DETAIL] or outcome
            if reason.startswith(f"{CRASHED}: "):
                return Case(name, "crashed", reason)
            detail = (child.text or "")[-LONGEST_DETAIL:]
            return Case(name, outcome, reason, "" if outcome == "skipped" else detail, agreement)
    return Case(name, "passed", agreement=agreement)
