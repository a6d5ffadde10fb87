"""The environments by Paddle, device and Python: what failed where, and the headline."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, get_args

from packaging.version import Version

from benchmarks.report.formats import Case
from benchmarks.report.reading import KINDS, EnvironmentResults
from benchmarks.text import version

State = Literal["failed", "incomplete", "passed"]
# The worst first.
STATES: tuple[State, ...] = get_args(State)
UNKNOWN = "unknown"
# An environment older than the newest by more than this is not from the same run of tox.
OLD = timedelta(days=1)
# Pattern of the names of tox's environments.
NAMED = re.compile(r"(?:py3(?P<python>\d+)-|bench-)paddle(?P<paddle>\d\d+)(?P<gpu>-gpu)?")
# Facts that failing environments may share and all others lack, in the order of preference.
TELLING = ("paddle", "device", "python", "numpy", "cpu", "flags")
NAMES = {
    "paddle": "Paddle",
    "paddle_commit": "Paddle's commit",
    "cuda": "CUDA",
    "cudnn": "cuDNN",
    "python": "Python",
    "numpy": "NumPy",
    "cpu": "CPU",
    "cpu_count": "CPUs",
}


class Place(NamedTuple):
    """The place of an environment in the matrix."""

    device: str
    paddle: str
    python: str


@dataclass(frozen=True)
class Environment:
    """An environment as the page shows it.

    Attributes:
        results: results of the environment.
        facts: versions, machine and flags of its first device; empty if no file has them.
        place: place in the matrix; unknown parts are "unknown".
        date: date of its last run; None if no file has it.
        old: age relative to the newest environment, in words; empty if at most a day.
    """

    results: EnvironmentResults
    facts: Mapping[str, str]
    place: Place
    date: datetime | None
    old: str = ""

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.results.name

    @property
    def cases(self) -> list[Case]:
        """The outcomes of tests and benchmarks."""
        return [case for kind in KINDS for case in self.results.cases.get(kind, [])]

    @property
    def failures(self) -> list[Case]:
        """The tests that failed, including crashes and errors in fixtures."""
        return [case for case in self.cases if case.outcome not in ("passed", "skipped")]

    @property
    def counts(self) -> Counter[str]:
        """The numbers of tests that passed, failed, crashed and were skipped."""
        names = {"error": "failed"}
        return Counter(names.get(case.outcome, case.outcome) for case in self.cases)

    @property
    def flags(self) -> str:
        """The flags that change rounding, and so the figures."""
        flags = self.facts.get("flags", "").split()
        return " ".join(flag for flag in flags if flag.startswith("MKL_"))

    @property
    def part(self) -> str:
        """Whether only some of the tests ran, in words; empty if all ran."""
        tests = self.results.runs.get("tests")
        return "not all tests" if tests is not None and tests.selection.partial else ""

    @property
    def state(self) -> State:
        """The state of the worst result."""
        if self.failures:
            return "failed"
        return "incomplete" if self.results.problems else "passed"

    @property
    def verdict(self) -> str:
        """The state in a few words."""
        bad = [word for word in ("crashed", "failed") if self.counts[word]]
        return ", ".join(f"{self.counts[word]} {word}" for word in bad) or self.state


@dataclass(frozen=True)
class Breakage:
    """Tests that failed in the same environments, often for the same reason.

    Attributes:
        where: the environments.
        pattern: fact that only these environments share; empty if there is none.
        cases: the tests, as they failed in the first of the environments.
    """

    where: tuple[Environment, ...]
    pattern: str
    cases: list[Case]


# The environments in each cell of a row, by the device and the Paddle of the row.
Rows = dict[tuple[str, str], list[list[Environment]]]


def environments_of(all_results: Iterable[EnvironmentResults]) -> list[Environment]:
    """Sort the environments by device, Paddle, Python and name."""
    found = [_environment(results) for results in all_results]
    paddles = {each.facts["paddle"] for each in found if "paddle" in each.facts}
    newest = max((each.date for each in found if each.date), default=None)
    dated = []
    for each in found:
        age = newest - each.date if newest and each.date else timedelta()
        days = f"{age.days} day{'s' * (age.days > 1)}"
        old = f"{days} older than the newest" if age > OLD else ""
        place = each.place
        if not each.facts:
            # The name says only 3.2; the other environments show which patch version that is.
            same = [paddle for paddle in paddles if paddle.startswith(f"{place.paddle}.")]
            place = place._replace(paddle=max(same, key=version, default=place.paddle))
        dated.append(replace(each, place=place, old=old))
    return sorted(dated, key=_order)


def rows_of(environments: Sequence[Environment]) -> tuple[list[str], Rows]:
    """Return the Pythons, and for each device and Paddle the environments of each Python."""
    pythons = sorted({each.place.python for each in environments}, key=version)
    rows: Rows = {}
    for each in environments:
        head = (each.place.device, each.place.paddle)
        cells = rows.setdefault(head, [[] for _ in pythons])
        cells[pythons.index(each.place.python)].append(each)
    return pythons, rows


def headline(environments: Sequence[Environment]) -> str:
    """Return the page's headline."""
    total = len(environments)
    failed = sum(each.state == "failed" for each in environments)
    incomplete = sum(each.state == "incomplete" for each in environments)
    if not total:
        return "No environment left results"
    if not failed and not incomplete:
        return "The one environment passed" if total == 1 else f"All {total} environments passed"
    of = f"of {total} environment{'s' * (total > 1)}"
    are = "is" if incomplete == 1 else "are"
    if not failed:
        return f"{incomplete} {of} {are} incomplete"
    failures = f"{failed} {of} {'has' if failed == 1 else 'have'} failures"
    return f"{failures}, {incomplete} more {are} incomplete" if incomplete else failures


def worst_of(environments: Sequence[Environment]) -> list[tuple[State, list[Environment], str]]:
    """Return the environments that did not pass, by state, and a fact that only these share."""
    found = []
    for state in STATES[:-1]:
        those = [each for each in environments if each.state == state]
        if those:
            found.append((state, those, what_tells(those, environments)))
    return found


def breakages_of(environments: Sequence[Environment]) -> list[Breakage]:
    """Group the tests that failed, by name, by the environments in which they failed.

    Crashes are apart. Groups of the most environments come first. An environment that skipped a
    test does not count as one that ran it.
    """
    ran: dict[str, list[tuple[Environment, Case]]] = {}
    for each in environments:
        for case in each.cases:
            if case.outcome != "skipped":
                ran.setdefault(case.name, []).append((each, case))
    groups: dict[tuple[object, ...], Breakage] = {}
    for _, pairs in sorted(ran.items()):
        failed = [(each, case) for each, case in pairs if case.outcome != "passed"]
        if failed:
            where = tuple(each for each, _ in failed)
            pattern = what_tells(where, [each for each, _ in pairs])
            crashed = failed[0][1].outcome == "crashed"
            key = (*(each.name for each in where), pattern, crashed)
            groups.setdefault(key, Breakage(where, pattern, [])).cases.append(failed[0][1])
    return sorted(groups.values(), key=lambda group: -len(group.where))


def skips_of(environments: Sequence[Environment]) -> list[tuple[str, Counter[str]]]:
    """Return every reason to skip, the most frequent first, with the tests by environment."""
    found: dict[str, Counter[str]] = {}
    for each in environments:
        for case in each.cases:
            if case.outcome == "skipped":
                found.setdefault(case.reason, Counter())[each.name] += 1
    return sorted(found.items(), key=lambda skip: (-max(skip[1].values()), skip[0]))


def what_tells(failed: Sequence[Environment], ran: Sequence[Environment]) -> str:
    """Return a fact that only the failing environments share, such as "Paddle 2.6.2"."""
    others = [each for each in ran if each not in failed]
    if len(failed) < 2:
        return ""  # A single environment always differs in something.
    if not others:
        return "everywhere"
    for key in TELLING:
        values = {_fact(each, key) for each in failed}
        if len(values) == 1 and values.isdisjoint(_fact(each, key) for each in others):
            return f"all with {fact_name(key)} {values.pop() or 'none'}, and no other"
    return ""


def fact_name(key: str) -> str:
    """Return the name of a fact as the page shows it."""
    return NAMES.get(key, key.replace("_", " "))


def _environment(results: EnvironmentResults) -> Environment:
    devices = [facts for run in results.runs.values() for facts in run.environments.values()] + [
        history.environment for history in results.histories.values()
    ]
    facts = devices[0] if devices else {}
    named = NAMED.fullmatch(results.name.removesuffix("-cpu"))
    known = {} if named is None else {"paddle": ".".join(named["paddle"])}
    if named and named["python"]:
        known["python"] = f"3.{named['python']}"
    known |= {key: facts[key] for key in ("paddle", "python") if key in facts}
    used = [each.get("device", "cpu") for each in devices]
    if not devices:
        used = [UNKNOWN if named is None else "gpu" if named["gpu"] else "cpu"]
    place = Place(
        # An environment that runs on a GPU runs on the CPU too.
        next((name.partition(":")[0] for name in used if name != "cpu"), "cpu"),
        known.get("paddle", UNKNOWN),
        ".".join(known.get("python", UNKNOWN).split(".")[:2]),
    )
    date = max((run.date for run in results.runs.values()), default=None)
    return Environment(results, facts, place, date)


def _fact(environment: Environment, key: str) -> str:
    if key in ("paddle", "python", "device"):
        return str(getattr(environment.place, key))
    return environment.facts.get(key, "")


def _order(environment: Environment) -> tuple[str, Version, Version, str]:
    place = environment.place
    return place.device, version(place.paddle), version(place.python), environment.name
