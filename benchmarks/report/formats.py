"""What is in each kind of file that a folder of results holds, checked part by part.

Files may come from elsewhere: nothing that they say is believed before it is checked, and what is
not of its form is a ValueError that says why.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import wraps
from pathlib import Path
from typing import Any, Literal, TypeVar
from xml.etree import ElementTree

from benchmarks.saved.result_files import COMPARISON_FORMAT, FACTS, FORMAT

CaseOutcome = Literal["passed", "failed", "error", "skipped"]
# The verdict on a project without a fault.
HEALTHY = "healthy"
VERDICTS = ("slower", "faster", "same", "cannot tell")
# A traceback is there to show where to look; the whole of it is in the file.
LONGEST_DETAIL = 3000

T = TypeVar("T")


@dataclass(frozen=True)
class Case:
    """What became of one test; `reason` and `detail` of one that did not pass."""

    name: str
    outcome: CaseOutcome
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Begun:
    """A run of pytest: when it began, with which arguments, where, and how it ended."""

    date: datetime
    arguments: tuple[str, ...]
    environments: dict[str, dict[str, str]]
    exit_status: int | None

    @property
    def timed(self) -> bool:
        """Whether times were asked for."""
        return "--benchmark-disable" not in self.arguments


@dataclass(frozen=True)
class StepTime:
    """Median and middle half of the rounds of one benchmark, in milliseconds."""

    device: str
    cell: str
    shape: str
    implementation: str
    stage: str
    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Compared:
    """One benchmark of a comparison: the candidate's time as a multiple of the baseline's."""

    name: str
    baseline_ms: float
    candidate_ms: float
    ratio: float
    low: float | None
    high: float | None
    verdict: str
    smallest_effect: float | None
    pairs_to_settle: int | None


@dataclass(frozen=True)
class ComparedBehaviour:
    """How one experiment compares."""

    experiment: str
    verdict: str
    text: str


@dataclass(frozen=True)
class Comparison:
    """Two environments compared by `benchmarks.compare`."""

    date: datetime
    baseline: str
    candidate: str
    environments: tuple[dict[str, str], dict[str, str]]
    pairs: int
    within: float
    confidence: float
    outcome: str
    benchmarks: tuple[Compared, ...]
    behaviour: tuple[ComparedBehaviour, ...]
    not_compared: tuple[str, ...]
    drift: str

    def count(self, verdict: str) -> int:
        """How many benchmarks have this verdict."""
        return sum(bench.verdict == verdict for bench in self.benchmarks)

    @property
    def different(self) -> int:
        """How many experiments train differently."""
        return sum(each.verdict == "different" for each in self.behaviour)

    @property
    def shared(self) -> str:
        """What all benchmarks' names have in common, left out of the picture: "cpu B1 T10 H128"."""
        words = [bench.name.split(" ") for bench in self.benchmarks]
        return " ".join(word for word in words[0] if all(word in each for each in words[1:]))

    def short(self, bench: Compared) -> str:
        """A benchmark's name without what all have in common."""
        shared = self.shared.split(" ")
        return " ".join(w for w in bench.name.split(" ") if w not in shared) or bench.name

    @property
    def changes(self) -> list[tuple[str, str, str]]:
        """What differs between the two environments: the fact, then and now."""
        then, now = self.environments
        return [
            (key, then.get(key, ""), now.get(key, ""))
            for key in dict.fromkeys([*then, *now])
            if then.get(key) != now.get(key)
        ]


@dataclass(frozen=True)
class Planted:
    """What became of one planted fault."""

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
    def as_hoped(self) -> bool:
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


@dataclass(frozen=True)
class Planting:
    """A run of `tests.faults`."""

    environment: dict[str, str]
    verdicts: tuple[Planted, ...]

    @property
    def faults(self) -> list[Planted]:
        """What was planted, the healthy project left out."""
        return [each for each in self.verdicts if not each.healthy]

    @property
    def caught(self) -> int:
        """How many faults a test noticed."""
        return sum(each.as_hoped for each in self.faults)

    @property
    def surprises(self) -> list[Planted]:
        """What did not end as it should."""
        return [each for each in self.verdicts if not each.as_hoped]


def _from_json(read: Callable[[Any], T]) -> Callable[[Path], T]:
    """Read a JSON file by `read`, which takes its content.

    What it raises is an OSError, or a ValueError where the content is not of the form.
    """

    @wraps(read)
    def checked(path: Path) -> T:
        data = path.read_bytes()
        if not data:
            raise ValueError("it is empty")
        try:
            return read(json.loads(data))
        except KeyError as error:
            raise ValueError(f"it holds no {error}") from error
        except (TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise ValueError(f"it is of another form: {error}") from error

    return checked


@_from_json
def read_begun(data: Any) -> Begun:
    """What a run of pytest was begun with, and how it ended."""
    _check_format(data, FORMAT)
    status = data.get("exit_status")
    return Begun(
        date=_date(data["date"]),
        arguments=tuple(map(_text, data["arguments"])),
        environments={_text(key): _facts(value) for key, value in data["environments"].items()},
        exit_status=None if status is None else int(status),
    )


@_from_json
def read_times(data: Any) -> list[StepTime]:
    """The times of all stages in pytest-benchmark's file."""
    found = []
    for bench in data["benchmarks"]:
        info, stats = bench["extra_info"], bench["stats"]
        if "stage" in info:
            device, cell, shape, implementation, stage = (_text(info[key]) for key in FACTS)
            median, low, high = (1e3 * _number(stats[key]) for key in ("median", "q1", "q3"))
            if not 0 < low <= median <= high:
                raise ValueError(f"{bench.get('name')!r} has a median outside its quartiles")
            found.append(StepTime(device, cell, shape, implementation, stage, median, low, high))
    return found


@_from_json
def read_comparison(data: Any) -> Comparison:
    """What `benchmarks.compare` found."""
    _check_format(data, COMPARISON_FORMAT)
    within, confidence = _number(data["within"]), _number(data["confidence"])
    if not (0 < within < 1 and 0 < confidence < 1):
        raise ValueError(f"within {within} and confidence {confidence} must lie between 0 and 1")
    return Comparison(
        date=_date(data["date"]),
        baseline=_text(data["baseline"]["name"]),
        candidate=_text(data["candidate"]["name"]),
        environments=(
            _facts(data["baseline"]["environment"]),
            _facts(data["candidate"]["environment"]),
        ),
        pairs=int(_number(data["pairs"])),
        within=within,
        confidence=confidence,
        outcome=_text(data["outcome"]),
        benchmarks=tuple(map(_compared, data["benchmarks"])),
        behaviour=tuple(
            ComparedBehaviour(*(_text(one[key]) for key in ("experiment", "verdict", "text")))
            for one in data["behaviour"]
        ),
        not_compared=tuple(map(_text, data.get("not_compared", []))),
        drift=_text(data["drift"]["text"]) if data["drift"] else "",
    )


def _compared(bench: Mapping[str, Any]) -> Compared:
    parts = [_text(bench[key]) for key in FACTS]
    ratio, low, high = _number(bench["ratio"]), *map(_number_or_none, (bench["low"], bench["high"]))
    if min(x for x in (ratio, low, high) if x is not None) <= 0:
        raise ValueError(f"{bench['name']!r} has a ratio that is not positive")
    if bench["verdict"] not in VERDICTS:
        raise ValueError(f"{bench['verdict']!r} is none of the verdicts {', '.join(VERDICTS)}")
    pairs = _number_or_none(bench["pairs_to_settle"])
    return Compared(
        name=" ".join(filter(None, parts)) or _text(bench["name"]),
        baseline_ms=_number(bench["baseline_ms"]),
        candidate_ms=_number(bench["candidate_ms"]),
        ratio=ratio,
        low=low,
        high=high,
        verdict=bench["verdict"],
        smallest_effect=_number_or_none(bench["smallest_effect"]),
        pairs_to_settle=None if pairs is None else int(pairs),
    )


@_from_json
def read_planting(data: Any) -> Planting:
    """What `tests.faults` found."""
    return Planting(
        environment=_facts(data["environment"]),
        verdicts=tuple(
            Planted(
                name=_text(one["name"]),
                stands_for=_text(one["stands_for"]),
                caught=_flag(one["caught"]),
                problem=_text(one["problem"]),
                tests=tuple(map(_text, one["tests"])),
            )
            for one in data["verdicts"]
        ),
    )


def read_cases(path: Path) -> list[Case]:
    """The outcomes in a file of JUnit XML, one for each test.

    Raises:
        OSError, ValueError: it cannot be read, or is none.
    """
    data = path.read_bytes()
    if not data:
        raise ValueError("it is empty")
    # What pytest never writes, and what makes an XML file dangerous: entities are declared there.
    if b"<!DOCTYPE" in data:
        raise ValueError("it declares a document type, which pytest does not")
    try:
        root = ElementTree.fromstring(data)  # noqa: S314 - without a document type, see above
    except ElementTree.ParseError as error:
        raise ValueError(f"it is no whole XML: {error}") from error
    if root.tag not in ("testsuites", "testsuite"):
        raise ValueError(f"it is no JUnit XML: it begins with <{root.tag}>")
    cases: dict[str, Case] = {}
    for element in root.iter("testcase"):
        case = _case(element)
        # A test that fails, and whose fixture then fails too, is there twice: the first counts.
        if case.name not in cases or cases[case.name].outcome == "passed":
            cases[case.name] = case
    if not cases:
        raise ValueError("it holds no test")
    return list(cases.values())


def _case(element: ElementTree.Element) -> Case:
    module = element.get("classname", "").rpartition(".")[2]
    name = f"{module}::{element.get('name', '')}"
    tags: dict[str, CaseOutcome] = {"failure": "failed", "error": "error", "skipped": "skipped"}
    for tag, outcome in tags.items():
        child = element.find(tag)
        if child is not None:
            reason = child.get("message", "") or outcome
            detail = (child.text or "")[-LONGEST_DETAIL:]
            return Case(name, outcome, reason, "" if outcome == "skipped" else detail)
    return Case(name, "passed")


def _check_format(data: Any, expected: str) -> None:
    if data["format"] != expected:
        raise ValueError(f"it is of the format {data['format']!r}, not {expected!r}")


def _date(text: Any) -> datetime:
    date = datetime.fromisoformat(_text(text))
    return (date if date.tzinfo else date.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError(f"{value!r} is no number")
    return float(value)


def _number_or_none(value: Any) -> float | None:
    return None if value is None else _number(value)


def _facts(value: Any) -> dict[str, str]:
    return {_text(key): _text(fact) for key, fact in value.items()}
