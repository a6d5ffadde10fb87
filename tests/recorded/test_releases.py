"""Releases compared one after the other: tables, changes, chains, bisection and the command."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.behaviour.files import OwnJob
from benchmarks.behaviour.judge import BehaviourVerdict
from benchmarks.compare import releases
from benchmarks.compare.chain import (
    Chain,
    chains_of,
    defects_of,
    limits_of,
    measures_of,
    releases_of,
    text_of,
)
from benchmarks.compare.measures import MEASURES
from benchmarks.compare.releases import bisect, main
from benchmarks.compare.result import FILE, Comparison, Side
from benchmarks.interpreters import Origin, SideError
from benchmarks.known_defects import Defect
from benchmarks.workloads.own import WorkloadError
from tests.helpers.matrix_results import counted, link, released, write_json
from tests.helpers.recorded import Printed, ended, help_and_refusals, transcript
from tests.recorded.conftest import Check

RELEASES = ("2.6.2", "3.0.0", "3.1.0", "3.2.0", "3.3.0")
NAMES = ("exploding-rnn", "clipped-rnn", "clipped-lstm")


def behaviours(*kinds: tuple[Any, ...]) -> list[dict[str, Any]]:
    """Return the content of a verdict on each experiment: kind, first step and tensor."""
    return [
        vars(BehaviourVerdict(name, "textbook", kind, 20, step, 0.0, tensor, None, ""))
        for name, (kind, step, tensor) in zip(NAMES, kinds, strict=False)
    ]


def measured(ratio: float, verdict: str, **changes: Any) -> dict[str, Any]:
    """Return the content of one result."""
    result = counted()["benchmarks"][1]["measures"]["memory"]
    return {**result, "ratio": ratio, "candidate": 2e6 * ratio, "verdict": verdict, **changes}


EQUAL, ROUNDED = ("bitwise equal", None, None), ("equal within rounding", 3, None)
OTHER = ("different", 7, "h_1")
CHANGES = {
    "time": [
        measured(ratio, verdict, baseline=2.0, candidate=2 * ratio)
        for ratio, verdict in ((1.06, "slower"), (1.04, "slower"), (0.5, "faster"), (1.0, "same"))
    ],
    "instructions": [
        measured(1.0101, "more instructions"),
        measured(1.0099, "more instructions"),
        measured(0.9, "cannot tell", smallest_effect=0.2, pairs_to_settle=4),
        measured(0.98, "same"),
    ],
    "memory": [
        measured(2.0, "more memory"),
        measured(0.991, "less memory"),
        measured(0.99005, "less memory"),
        measured(1.5, "cannot tell", smallest_effect=None, pairs_to_settle=None),
    ],
}


def measured_again() -> Comparison:
    """Return a comparison whose first release cost something else in the one before."""
    content = released("3.0.0", "3.1.0", behaviour=[])
    content["benchmarks"][0]["measures"]["instructions"]["baseline"] = 3.7e6
    return Comparison.model_validate_json(json.dumps(content))


def rich() -> Comparison:
    """Return a comparison of four benchmarks by three measures, with the first one explained."""
    content = released("3.2.0", "3.3.0", behaviour=behaviours(EQUAL, OTHER, EQUAL))
    first = content["benchmarks"][0]
    content["courses"]["time"] = content["courses"]["memory"]
    content["benchmarks"] = [
        {
            **(first if at == 0 else content["benchmarks"][1]),
            "name": f"a.py::test_stage[{'x' * 20 * at}ü{at}]",
            "measures": {measure: found[at] for measure, found in CHANGES.items()},
        }
        for at in range(4)
    ]
    del content["benchmarks"][1]["measures"]["time"]
    many = [{**first["operators"][0], "name": f"op{at}", "after": 9e5 - at} for at in range(5)]
    content["benchmarks"][0]["operators"] = many
    return Comparison.model_validate_json(json.dumps(content))


def at_the_ends() -> Comparison:
    """Return a comparison whose first result is undecided and whose last one is a change."""
    content = released("3.2.0", "3.3.0", behaviour=[])
    first, last = (benchmark["measures"] for benchmark in content["benchmarks"])
    first["instructions"] = measured(0.9, "cannot tell", smallest_effect=0.2, pairs_to_settle=4)
    last["memory"] = measured(2.0, "more memory")
    return Comparison.model_validate_json(json.dumps(content))


DEFECTS = [
    Defect("leak", "", {"2.6.2": False, "3.0.0": False, "3.2.0": True}),
    Defect("crash", "", {"2.6.2": True, "3.0.0": False, "3.2.0": False, "3.3.0": False}),
    Defect("slow", "", {"2.6.2": True, "3.0.0": False, "3.2.0": True, "3.3.0": True}),
    Defect("unchecked", "", {}),
]


def test_texts(check: Check) -> None:
    """Behaviours, defects, costs and changes; a comparison that failed, and one without change."""
    chains: dict[str, Chain] = {
        "rich": {
            ("2.6.2", "3.0.0"): link("2.6.2", "3.0.0", behaviour=behaviours(ROUNDED, EQUAL, OTHER)),
            ("3.0.0", "3.1.0"): measured_again(),
            ("3.1.0", "3.2.0"): None,
            ("3.2.0", "3.3.0"): rich(),
        },
        "the same": {
            ("3.2.0", "3.3.0"): link("3.2.0", "3.3.0", behaviour=behaviours(EQUAL, EQUAL))
        },
        "at the ends": {("3.2.0", "3.3.0"): at_the_ends()},
        "failed": {("3.2.0", "3.3.0"): None},
        "different": {
            ("3.1.0", "3.2.0"): link("3.1.0", "3.2.0", behaviour=behaviours(("different", 2, None)))
        },
    }
    texts = [f"== {name}\n{text_of(each, DEFECTS)}\n" for name, each in chains.items()]
    texts += [f"{name}: {limits_of([name])}" for name in MEASURES]
    texts += [str(measures_of({("a", "b"): rich(), ("b", "c"): link("a", "b"), ("c", "d"): None}))]
    check(texts)


def test_defects(check: Check) -> None:
    """Two defects, each unchecked, there or gone in three releases, of which the last is asked."""
    found: dict[str, list[str]] = {}
    states = tuple(product((None, False, True), repeat=3))
    for one, other in product(states, states[::4]):
        defects = [
            Defect(name, "", {r: s for r, s in zip("123", each, strict=True) if s is not None})
            for name, each in (("a", one), ("b", other))
        ]
        case = " ".join(
            "".join("?-+"[s is not None and 1 + s] for s in each) for each in (one, other)
        )
        found.setdefault(defects_of(defects, ["1", "2", "3"]), []).append(case)
    lines = [line for words, cases in found.items() for line in (f"{words}:", *cases)]
    check(lines)


def chain_cases() -> Iterator[str]:
    """Yield links between releases: named ones, and some at random."""
    yield from ("", "3.0>3.1 3.1>3.2", "3.1>3.2 3.0>3.1", "3.0>3.1 3.1>0.0", "3.0>3.1 3.0>3.1")
    yield from ("3.0>3.2 3.0>3.1 3.1>3.2", "3.0>3.10 3.0>3.9 3.9>3.10", "3.0>3.2 3.1>3.2")
    yield from ("3.0>3.1 3.2>3.3", "3.0>3.2 3.2>3.3 3.1>3.4", "3.0>3.1 3.1>3.0 3.2>3.2")
    yield from ("3.0>nightly nightly>3.1", "b>c a>b", "3.0>3.1 3.1>3.2 4.0>4.1 5.0rc0>5.0")
    yield from ("f>z e>y d>x c>w b>v a>u",)  # No versions, but always in the same order.
    random = np.random.default_rng(7)
    names = [*RELEASES, "3.3.0rc1", "3.10.0", "here.whl"]
    for _ in range(40):
        drawn = [random.choice(len(names), 2, replace=False) for _ in range(random.integers(2, 7))]
        yield " ".join(f"{names[min(each)]}>{names[max(each)]}" for each in drawn)


def test_chains(check: Check) -> None:
    """Which comparisons follow each other, and which are left; a space marks a missing one."""
    any_link = link("3.1.0", "3.2.0")
    lines = []
    for case in chain_cases():
        links = []
        for at, pair in enumerate(case.split()):
            before, after = (Side(name=name, environment={}) for name in pair.split(">"))
            date = any_link.date.replace(hour=5 * at % 23)
            change = {"baseline": before, "candidate": after, "date": date}
            links.append(any_link.model_copy(update=change))
        chains, rest = chains_of(links)
        lines.append(f"{case}:")
        for chain in chains:
            text = "".join(f"{'>' if each else ' '}{after}" for (_, after), each in chain.items())
            # Which of two comparisons of the same releases it is, by their dates.
            hours = [each.date.hour for each in chain.values() if each]
            lines.append(f"  {releases_of(chain)[0]}{text} {hours}")
        left = [f"{each.baseline.name}>{each.candidate.name}" for each in rest]
        lines += [f"  left: {' '.join(left)}"] if left else []
    check(lines)


def by(costs: dict[str, float], asked: list[str]) -> Callable[[str, str], float]:
    """Return a distance between releases, which records what was asked for."""

    def distance(before: str, after: str) -> float:
        asked.append(before + after)
        return costs[after] - costs[before]

    return distance


def test_bisections(check: Check) -> None:
    """The first release past half of the difference, and whether others changed it, too."""
    random = np.random.default_rng(3)
    cases = [(0, 0, 0, 0, 1), (0, 1, 1, 1, 1), (0, 0.3, 0.3, 1, 1), (0, -0.3, 0.4), (1, 1), (0, 2)]
    cases += [(0, -0.4, -0.4, 0.3), (0, 0.5, 1), (0, 0.2, 1), (0, 0, 0.8, 1), (0, -0.25, 1, 1)]
    cases += [tuple(random.integers(0, 4, random.integers(2, 9)) / 2) for _ in range(20)]
    lines = []
    for costs in cases:
        asked: list[str] = []
        names = "abcdefghi"[: len(costs)]
        distance = by(dict(zip(names, map(float, costs), strict=True)), asked)
        found, _, out, _ = ended(bisect, names, distance)
        words = [f"{cost:g}" for cost in costs]
        lines += [f"{', '.join(words)}: {' '.join(asked)}", *out.splitlines(), found, ""]
    check("\n".join(lines))


class FakeCompare:
    """Stands in for `benchmarks.compare`: writes a file, and notes what was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.changes: dict[str, Any] = {}
        self.benchmarks = 2
        self.status: dict[str, int] = {}
        self.late = 0  # Status after the file is written.
        self.error: Exception | None = None
        self.printed = Printed()

    def __call__(self, arguments: Sequence[str]) -> int:
        """Compare the first two arguments."""
        before, after, *options = arguments
        self.asked.append(f"- compare {' '.join(arguments)}{self.printed.waiting}")
        if self.error:
            error, self.error = self.error, None
            raise error
        if status := self.status.get(after, 0):
            sys.stderr.write(f"error: status {status}\n")
            return status
        sys.stdout.write("a table that is not shown\n")
        folder = Path(options[options.index("--results") + 1])
        content = released(before, after, **self.changes)
        if "--no-behaviour" in options:
            content["behaviour"] = []
        write_json(
            folder / FILE, {**content, "benchmarks": content["benchmarks"][: self.benchmarks]}
        )
        return self.late


class Releases:
    """Runs commands with fake comparisons, and keeps all that they print and ask for."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.patch = folder, monkeypatch
        self.fake = FakeCompare()
        self.lines: list[str] = []
        self.verdicts: dict[str, Any] = {}
        self.folders: list[Path] = []
        monkeypatch.setenv("PATH", "")  # Without Valgrind, the same is asked for.
        monkeypatch.setattr(releases, "compare", self.fake)
        monkeypatch.setattr(releases, "print", self.fake.printed, raising=False)
        monkeypatch.setattr(releases, "RESULTS", folder)
        monkeypatch.setattr(releases, "PROGRAMS", ("named-tuple", "another"))
        monkeypatch.setattr(releases, "load", lambda: {"defects": {"leak": ""}, "checks": []})
        monkeypatch.setattr(releases, "compare_behaviour", self.compare_behaviour)
        monkeypatch.setattr(releases, "find_interpreter", self.find)
        monkeypatch.setattr(releases, "has_defect", self.has_defect)
        monkeypatch.setattr(Origin, "versions", lambda origin: self.versions(origin))
        monkeypatch.setattr(OwnJob, "content", property(lambda _: "digest"))

    def versions(self, origin: Origin) -> list[str]:
        """Return the versions for every Python, on every index."""
        self.fake.asked.append(f"- versions for {origin}")
        return ["2.6.1", "2.6.2", "3.0.0rc1", "3.0.0", "3.1.0rc0", "3.1.0"]

    def has_defect(self, python: Any, name: str) -> Any:
        """Return whether a release has the only defect."""
        return self.verdicts.get(python) if name == "named-tuple" else None

    def compare_behaviour(self, before: str, after: str, folder: Path, **options: Any) -> Any:
        """Return the verdict for the second release."""
        assert folder.is_dir()
        self.folders.append(folder)
        waiting = self.fake.printed.waiting
        self.fake.asked.append(f"- behaviour {before} {after} {options}{waiting}")
        return [BehaviourVerdict("", "", self.verdicts[after], 1, 1, None, None, None, "")]

    def find(self, text: str, origin: Origin | None = None) -> Any:
        """Return an interpreter whose path is the release."""
        self.fake.asked.append(f"- defect of {text} from {origin}{self.fake.printed.waiting}")
        return type("Found", (), {"python": text})

    def run(self, line: str, tables: bool = False, **changes: Any) -> None:
        """Run a command with a fake that has these attributes; leave out its tables."""
        vars(self.fake).update(
            {"asked": [], "changes": {}, "status": {}, "late": 0, "benchmarks": 2, **changes}
        )
        self.fake.printed.waiting = ""
        found = transcript(main, line).splitlines()
        self.lines += found if tables else [each for each in found if each[:1] not in ("", "|")]
        self.lines += [*self.fake.asked, ""]


@pytest.fixture
def command(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Releases:
    """The command, with results in a folder of its own."""
    return Releases(folder, monkeypatch)


def test_command(command: Releases, check: Check) -> None:
    """What is compared, what is known already, what is missing, and how the command ends."""
    command.run("2.6.2 3.0.0 3.1.0", tables=True)
    command.run("2.6.2 3.0.0 3.1.0 3.2.0")
    command.run("--python 3.12 --index-url https://here --budget 2.5")
    command.run("--since 3.0.0")
    command.run("--since 2.6.1")
    command.run("3.0.0 3.1.0 --device gpu:1")
    command.run("3.0.0 here/a.whl", status={"here/a.whl": 4})
    command.run("3.0.0 3.1.0/a.whl")
    command.run("3.0.0 3.1.0/a.whl")
    command.run("3.0.0 3.1.0/a.whl", status={"3.1.0/a.whl": 2})
    for _ in range(2):
        command.run("here/a.whl 3.0.0")
    command.run("3.1.0 3.3.0 3.2.0", status={"3.3.0": 2})
    for error in (SideError("lost"), WorkloadError("lost"), OSError("lost")):
        command.run("3.2.0 3.0.0 2.6.2", error=error)
    command.run("3.0.0 here.whl 3.2.0", status={"here.whl": 130})
    command.run("3.0.0 here.whl 3.2.0", late=130)
    for late in (2, 0):
        command.run("3.3.0 3.1.0", changes={"behaviour": []}, late=late)
    for outcome in ("interrupted", "crashed", "out of time"):
        courses = counted()["courses"]
        courses["memory"] = {**courses["memory"], "outcome": outcome}
        command.run("3.3.0 3.4.0 --results other", changes={"courses": courses})
        command.run("3.3.0 3.4.0 --results other")
    (command.folder / "own.py").touch()
    own = "3.0.0 3.1.0 --workload own.py:train"
    command.run(own)
    command.run(f"{own} --execution static --steps 7 --seed 3")
    check("\n".join(command.lines), {command.folder: "TMP"})


def test_bisect_command(command: Releases, check: Check) -> None:
    """A benchmark, a defect, an experiment and an own workload; what cannot be bisected."""
    command.run("--bisect instructions:RNN 3.0.0 3.1.0 3.2.0 3.3.0", benchmarks=1)
    command.run("--bisect instructions:RNN 3.2.0 3.3.0", benchmarks=1)
    for error in (WorkloadError("lost"), OSError("lost")):
        command.run("--bisect memory:z 3.0.0 3.1.0", error=error)
    command.run("--bisect memory:x 3.0.0 3.1.0")
    command.run("--bisect time:x 3.0.0 3.1.0 --device npu:0", benchmarks=0)
    only = released("3.0.0", "3.2.0")["benchmarks"][:1]
    only[0]["measures"]["instructions"]["verdict"] = "cannot tell"
    command.run("--bisect instructions:LSTM 3.0.0 3.2.0", changes={"benchmarks": only})
    for ratio, word in ((0.5, "fewer"), (0.99005, "fewer"), (1.0099, "more"), (1.0101, "more")):
        only[0]["measures"]["instructions"] |= {"ratio": ratio, "verdict": f"{word} instructions"}
        command.run(f"--bisect instructions:{ratio} 3.0.0 3.2.0", changes={"benchmarks": only})
    for status in (2, 130):
        command.run("--bisect instructions:GRU 3.0.0 3.2.0", status={"3.2.0": status})
    command.run("--bisect memory:y --since 3.0.0rc1", benchmarks=1)
    command.run("--bisect memory:y 3.0.0 3.1.0 3.2.0", benchmarks=1, late=2)
    command.verdicts = {"3.0.0": True, "3.1.0": True, "3.2.0": False, "3.3.0": False}
    command.run("--bisect named-tuple 3.0.0 3.1.0 3.2.0 3.3.0")
    command.run("--bisect named-tuple 3.0.0 4.0 --python 3.12 --index-url https://here")
    kinds = ("bitwise equal", "equal within rounding", "different", "different")
    command.verdicts = dict(zip(RELEASES[1:], kinds, strict=True))
    command.run("--bisect clipped-rnn 2.6.2 3.0.0 3.1.0 3.2.0 3.3.0 --python 3.12")
    (command.folder / "own.py").touch()
    for what in ("memory", "instructions", "time", "memory:x", "clipped-rnn", "named-tuple"):
        command.run(f"--bisect {what} 3.0.0 3.1.0 --workload own.py:train", benchmarks=1)
    for what in ("speed", "instructions:", "instructions", "time:x"):
        command.run(f"--bisect {what} 3.0.0 3.1.0")
    command.lines.append(f"temporary folders left: {[*filter(Path.exists, command.folders)]}")
    check("\n".join(command.lines), {command.folder: "TMP"})


@pytest.mark.usefixtures("command")
def test_options(monkeypatch: pytest.MonkeyPatch, check: Check) -> None:
    """The help, and every option with wrong values."""
    check(help_and_refusals(main, WRONG, monkeypatch))


WRONG = """3.0.0
3.0.0 3.1.0 3.0.0
--since 3.1.0
--since 4
--since x
--budget 0
--bisect speed
3.0.0 3.1.0 --steps 7
3.0.0 3.1.0 --seed 7
3.0.0 3.1.0 --execution eager"""
