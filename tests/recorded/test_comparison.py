"""The result of a comparison as text, as Markdown, and in its facts."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from benchmarks.behaviour.judge import BehaviourVerdict
from benchmarks.compare import summary, verdicts
from benchmarks.compare.measures import MEASURES
from benchmarks.compare.pairs import Part, contests_of
from benchmarks.compare.result import (
    LARGEST_RATIO,
    LEAST_SHARE,
    Comparison,
    Disturbance,
    Drift,
    Measured,
    Pace,
)
from benchmarks.compare.summary import _result, explain_counts, reasons_of, summarise
from benchmarks.compare.text import text_of
from benchmarks.instructions.functions import Function, Operator, Profile
from benchmarks.saved.records import reason
from benchmarks.saved.saved_run import Measure, SavedRun
from rnn_core.runtime.messages import printable
from tests.helpers.matrix_results import FACTS, MACHINE, comparison
from tests.helpers.recorded import ended, rounded, shown
from tests.helpers.saved_runs import NOON, saved_benchmark, saved_content
from tests.helpers.time_zone import clock, time_zone
from tests.recorded.conftest import Check

LONG = "void phi::funcs::Transform<phi::CPUContext, 'name'>::operator()|ends at sixty\x1b[1m"
EQUAL = 3e6
LEAST = LEAST_SHARE * EQUAL


def result(verdict: str, ratio: float = 1.0, **changes: Any) -> dict[str, Any]:
    """Return the content of one result, with an interval of 1% to either side."""
    found: dict[str, Any] = {"baseline": EQUAL, "candidate": EQUAL * ratio, "ratio": ratio}
    found |= {"low": ratio * 0.99, "high": ratio * 1.01, "p": 0.25, "verdict": verdict}
    return {**found, "pairs": 6, "smallest_effect": 0.012, "pairs_to_settle": 0, **changes}


def open_result(effect: float | None, pairs: int | None, **ends: Any) -> dict[str, Any]:
    """Return the content of a result without a verdict."""
    return result("cannot tell", smallest_effect=effect, pairs_to_settle=pairs, **ends)


def benchmark(name: str, *facts: str, **changes: Any) -> dict[str, Any]:
    """Return the content of a benchmark, with the facts that identify it."""
    keys = ("device", "cell", "shape", "implementation", "stage")
    return {
        "name": name,
        **dict.fromkeys(keys, ""),
        **dict(zip(keys, facts, strict=False)),
        **changes,
    }


def behaviour(name: str, *facts: Any, text: str = "") -> dict[str, Any]:
    """Return the content of a verdict on an experiment."""
    given = (*facts, *(None,) * 4)[:5]
    kind, until, step, tensor, operator = given
    return vars(
        BehaviourVerdict(name, "textbook", kind, until, step, 0.5, tensor, operator, text or name)
    )


BEHAVIOURS = [
    behaviour("exploding-rnn", "bitwise equal", 20, text="exploding-rnn: bitwise equal"),
    behaviour(
        "clipped-rnn", "different", 6, 7, "h_1", "matmul", text="clipped-rnn: different\n  at 7"
    ),
    behaviour("clipped-lstm", "equal within rounding", 8, 3, text="clipped-lstm: equal"),
]
OPERATORS = [
    {
        "name": name,
        "before": before,
        "after": after,
        "calls_before": calls[0],
        "calls_after": calls[1],
    }
    for name, before, after, calls in (
        ("matmul", 8e5, 9e5, (10.0, 11.0)),
        ("new", None, 5e4, (None, 1.5)),
        ("add_grad", 1e4, 4e4, (2.0, 2.0)),
        ("d", 0.0, 3e4, (0.0, 3.0)),
        ("e", 0.0, 2e4, (0.0, 2e6)),
        ("sixth|one", 0.0, 1e4, (1.0, 1.0)),
        ("at the limit", 0.0, LEAST, (1.0, 1.0)),
        ("below the limit", 0.0, LEAST * 0.999, (1.0, 1.0)),
        ("as before", 5.0, 5.0, (1.0, 1.0)),
        ("less, at the limit", LEAST, 0.0, (1.0, 1.0)),
        ("gone", 123456.0, None, (3.0, None)),
    )
]
FUNCTIONS = [
    {"name": name, "library": library, "before": before, "after": after, "operator": operator}
    for name, library, before, after, operator in (
        (LONG, "libphi_core.so", None, 60_449.0, "matmul"),
        ("café::operator||<x>", "libc.so.6", 1e3, 2e3, ""),
        ("free", "libc.so.6", 2e3, 1050.0, ""),
        ("malloc", "libc.so.6", 9e3, None, "add"),
    )
]
RICH = comparison(
    baseline={
        "name": "3.0.0",
        "environment": {"paddle": "3.0.0", "paddle_commit": "a", "cuda": "", "cudnn": "9"},
    },
    candidate={
        "name": "entwickler-ü (1a2b3c4)",
        "environment": {"paddle": "3.3.1", "paddle_commit": "b", "flags": "A=1", "cuda": "12"},
    },
    courses={
        "memory": {"pairs": 3, "seconds": 29.94, "within": 0.005, "outcome": "crashed"},
        "time": {"pairs": 12, "seconds": 1234.5, "within": 0.05, "outcome": "out of time"},
        "instructions": {"pairs": 3, "seconds": 0.0, "within": 0.0125, "outcome": "settled"},
    },
    benchmarks=[
        benchmark(
            "a.py::test_stage[cpu-step-RNN-B1-T10-H128-kernel]",
            *("cpu", "RNN", "B1 T10 H128", "kernel", "step"),
            measures={
                "memory": result("more memory", 1.5, low=None, high=None),
                "time": result("slower", 1.5, baseline=0.5, candidate=1234.5),
                "instructions": result("more instructions", 1.02),
            },
            operators=OPERATORS,
            functions=FUNCTIONS,
        ),
        benchmark(
            "a.py::test_stage[gpu:0-step-LSTM-B1-T10-H128-paddle]",
            *("gpu:0", "LSTM", "B1 T10 H128", "paddle", "step"),
            measures={
                "time": result("faster", 0.123456, low=None),
                "instructions": result("fewer instructions", 0.5, high=None),
                "memory": result("less memory", 0.99999),
            },
            functions=FUNCTIONS[2:],
        ),
        benchmark(
            "a.py::test_traced",
            *("cpu", "GRU", "B1 T10 H128", "", "first"),
            measures={
                "time": result("same", 1.0004),
                "instructions": open_result(None, None),
                "memory": result("same"),
            },
        ),
        benchmark("a.py::test_plain[a[0]]", "cpu", measures={"time": open_result(0.0949, 7)}),
        benchmark(
            "own.py:train",
            *("cpu", "own.py:train", "", "eager", "step"),
            measures={"time": open_result(0.124, 0, low=None), "memory": open_result(1.0, 400)},
        ),
    ],
    not_compared=["a.py::gone", "a.py::new"],
    behaviour=BEHAVIOURS,
    error="new: crashed",
    drift={
        "baseline": {"fastest_ms": 1.0, "slowest_ms": 1.05},
        "candidate": {"fastest_ms": 2.0, "slowest_ms": 2.5},
    },
    disturbance={"left_out": 3, "of": 96},
)
SAME: dict[str, Any] = {
    "benchmarks": [benchmark("t.py::a[x]", measures={"time": result("same")})],
    "behaviour": [],
}
VARIANTS: dict[str, dict[str, Any]] = {
    "rich": RICH,
    "alike": comparison(),
    "same": comparison(**SAME),
    "same versions": comparison(**SAME, candidate=comparison()["baseline"]),
    "nothing measured": comparison(
        benchmarks=[],
        behaviour=[],
        baseline={"name": "a", "environment": {}},
        candidate={"name": "b", "environment": {}},
        drift={"baseline": None, "candidate": None},
        courses={
            "time": {"pairs": 0, "seconds": 0.0, "within": 0.05, "outcome": "interrupted"},
            "memory": {"pairs": 0, "seconds": 0.0, "within": 0.005, "outcome": "crashed"},
        },
    ),
    "not reported": comparison(
        **SAME,
        courses={
            **comparison()["courses"],
            "memory": {
                "pairs": 3,
                "seconds": 36.0,
                "within": 0.005,
                "outcome": "not reported by Paddle",
            },
        },
    ),
    "undecided": comparison(
        benchmarks=[
            benchmark("t.py::a[x y]", "cpu", measures={"time": open_result(0.2, 3)}),
            benchmark("t.py::b[x z]", "cpu", measures={"time": open_result(0.3, None)}),
        ],
        behaviour=BEHAVIOURS[:1],
        confidence=0.95,
    ),
    "one faster": comparison(
        benchmarks=[
            benchmark("a", "cpu", measures={"time": result("faster", 0.5)}),
            benchmark("b", "cpu", measures={"time": open_result(0.2, 3)}),
        ],
        behaviour=BEHAVIOURS[::2],
        disturbance={"left_out": 1, "of": 1},
    ),
    "different": comparison(**{**SAME, "behaviour": BEHAVIOURS[1:2]}),
    "incomparable": comparison(
        **{**SAME, "behaviour": [behaviour("own", "equal within rounding", 0, 1)]},
        workload="abc, 7 steps",
    ),
    "crashed": comparison(
        **SAME,
        courses={"time": {**comparison()["courses"]["time"], "outcome": "crashed"}},
    ),
}


def load(content: dict[str, Any]) -> Comparison:
    """Return a comparison with this content."""
    return Comparison.model_validate_json(json.dumps(content))


def test_texts(check: Check) -> None:
    """Every outcome, verdict and measure, on one side or both, as text and as Markdown."""
    texts = [f"== {name}\n{text_of(load(content))}\n" for name, content in VARIANTS.items()]
    check("\n".join(texts))


def test_markdown(check: Check) -> None:
    """The same result in another form."""
    texts = [text_of(load(VARIANTS[name]), "markdown") for name in ("rich", "nothing measured")]
    check("\n\n---\n\n".join(texts), extension=".md")


def test_facts(check: Check) -> None:
    """What the page, the history and the exit status ask of a comparison."""
    lines = []
    for name, content in VARIANTS.items():
        found = load(content)
        lines += [
            f"{name}: {found.status:d} {found.status.name}, {found.different} different"
            f"{', crashed' * found.crashed}{', unfinished' * found.unfinished}, "
            f"read back equal: {load(found.dump()) == found}",
            f"  measures {found.measures}, verdicts {found.verdicts}",
            f"  changes {found.changes}",
            f"  subject {found.subject}",
            f"  shared {found.shared!r}, explained {[each.name for each in found.explained]}",
        ]
        lines += [f"  {measure}: {found.counts(measure)}" for measure in MEASURES]
        for each in found.benchmarks:
            lines.append(f"  {each.name}: {each.label} | {found.short(each)} | {each.parameters}")
            for table in each.reasons if "instructions" in each.measures else ():
                lines += [f"    {table.title}: {', '.join(table.head)}"]
                lines += [f"      {printable(' | '.join(row))}" for row in table.rows]
    check(lines)


def test_words(check: Check) -> None:
    """Intervals, advice, drift and disturbance at every boundary."""
    lines = []
    for ends in (
        (0.4, 0.6),
        (None, 0.6),
        (0.4, None),
        (None, None),
        (1e-18, 1e18),
        (0.99995, 1.0005),
    ):
        each = Measured(**result("same", low=ends[0], high=ends[1]))
        lines.append(f"{ends}: {each.interval()!r} {each.interval(4)!r}")
    for effect in (0.0, 0.00012, 0.0124, 0.0999, 0.1, 0.104, 0.996, 0.99999, 1.0, 40.0, None):
        for pairs in (None, 0, 1, 5):
            advice = Measured(**open_result(effect, pairs)).advice
            lines.append(f"{shown(effect)}, {shown(pairs)}: {advice}")
    lines.append(f"with a verdict: {Measured(**result('same', pairs_to_settle=3)).advice!r}")
    paces = [None, (1.0, 1.0), (1.0, 1.1), (1.0, 1.11), (2.0, 5.0), (10.0, 10.04)]
    for one in paces:
        for other in paces[:: 2 if one else 1]:
            sides = [each and Pace(fastest_ms=each[0], slowest_ms=each[1]) for each in (one, other)]
            drift = Drift(baseline=sides[0], candidate=sides[1])
            lines.append(f"{one} {other}: {shown(drift.change)} {drift.text}")
    lines += [repr(Disturbance(left_out=out, of=9).text) for out in (0, 1, 9)]
    check(lines)


def course(**changes: Any) -> dict[str, Any]:
    """Return a comparison with changes to how its times were measured."""
    content = comparison()
    content["courses"]["time"] |= changes
    return content


def changed(**changes: Any) -> dict[str, Any]:
    """Return a comparison with changes to its first benchmark or to that benchmark's time."""
    content = comparison()
    first = content["benchmarks"][0]
    for name, value in changes.items():
        (first["measures"]["time"] if name in first["measures"]["time"] else first)[name] = value
    return content


def refusal(content: dict[str, Any]) -> str:
    """Return why a comparison with this content is refused."""
    error = ended(load, content).error
    return reason(error) if error else "accepted"


def test_wrong_fields(check: Check) -> None:
    """The limits of every field, and what is not consistent."""
    one = 1.0
    contents: dict[str, Any] = {
        "format": comparison(format="rnn_core comparison 4"),
        "confidence 1": comparison(confidence=one),
        "confidence 0": comparison(confidence=0.0),
        "no courses": comparison(courses={}),
        "no behaviour": comparison(behaviour=[{}]),
        "words of another measure": changed(verdict="less memory"),
        "no measures": changed(measures={}),
        "unknown measure": changed(measures={"luck": {}}),
    }
    for name, values in {
        "within": (-1.0, 0.0, 1.0, 0.999),
        "seconds": (-0.1, 0.0),
        "outcome": ("lost", "not reported by Paddle"),
        "pairs": (-1, 10**9, 10**9 + 1),
    }.items():
        contents |= {f"course {name} {value}": course(**{name: value}) for value in values}
    for name, limits in {
        "baseline": (0.99e-9, 1e-9, 1e18, 1.01e18, None),
        "ratio": (0.99e-18, 1e-18, 1e18, 1.01e18, None),
        "low": (-1.0, 0.0, 1e-18, None),
        "high": (1e18, 2e18, None),
        "p": (-0.1, 0.0, 1.0, 1.1),
        "verdict": ("awful", "same"),
        "pairs": (-1, 0, None),
        "smallest_effect": (-0.1, 0.0, None),
        "pairs_to_settle": (-1, 0, None),
    }.items():
        contents |= {f"{name} {value}": changed(**{name: value}) for value in limits}
    lines = [f"{name}: {refusal(content)}" for name, content in contents.items()]
    check(lines)


def saved_run(number: int, side: int, names: str, counted: bool) -> SavedRun:
    """Return a process's run, which took 6.04 seconds; its benchmarks have these names."""
    benchmarks = [
        saved_benchmark(
            f"t.py::{name}",
            (at + 1) * (1 + 0.1 * side + 0.01 * number),
            spread=0.3,
            device="cpu",
            stage="step",
            fixed_work_ms=None
            if (number, name) == (1, "a") or number == 2
            else 2.0 + 0.2 * at + 0.1 * (number * (number + side) % 4),
            lower_quartile=None if name == "c" or (number + at) % 4 == 3 else 0.9 * (at + 1 + side),
            peak_bytes=None
            if name == "b" or (name, number) == ("a", 2)
            else 1000 * (at + 1) + side,
            instructions=10**6 * (at + 1 + side) + number
            if counted and (name, side) != ("b", 1)
            else None,
        )
        for at, name in enumerate(names)
    ]
    facts = {**FACTS, **MACHINE, "paddle": ("3.0.0", "3.3.1")[side]}
    when = NOON + timedelta(seconds=6.04 * (2 * number + side + 20 * (not counted)))
    content = saved_content(benchmarks, {"gpu:0": {**facts, "device": "gpu:0"}, "cpu": facts}, when)
    content["sampling"] = {"begun": (when - timedelta(seconds=6.04)).isoformat()}
    run = SavedRun.model_validate_json(json.dumps(content))
    return run.model_copy(update={"name": f"none/{number}.json"})


@time_zone("AAA-9")
def test_summaries(
    check: Check,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Two series with other benchmarks each, disturbed processes, several errors, and no pair."""
    monkeypatch.setattr(verdicts, "RESAMPLES", 500)
    monkeypatch.setattr(summary, "datetime", clock(NOON.replace(microsecond=7)))
    parts = []
    limits: list[dict[Measure, float]] = [{"instructions": 0.005, "memory": 0.01}, {"time": 0.05}]
    for counted, names, pairs, within in (
        (True, ("cbe", "bc"), 3, limits[0]),
        (False, ("abc", "dabc"), 6, limits[1]),
    ):
        runs = [
            (saved_run(at, 0, names[0], counted), saved_run(at, 1, names[1], counted))
            for at in range(pairs)
        ]
        contests = contests_of(runs[0], within)
        for contest in contests:
            contest.look(runs)
        parts.append(Part(within, runs, contests, not counted, f"error {counted}\nwhy" * counted))
    parts[1].error = "more"
    found: dict[str, Any] = {
        "measured": summarise(parts, ("old", "new"), workload="digest").dump(),
        "nothing": summarise([Part({"time": 0.1}, ended=True)], ("old", "new")).dump(),
    }
    extreme = [verdicts.unknown([], 0), verdicts.unknown([0.5], 1)]
    extreme += [replace(extreme[1], low=low, high=1 / low) for low in (1e-17, 1e-18, 0.9e-18)]
    extreme.append(replace(extreme[1], low=1 / LARGEST_RATIO, high=LARGEST_RATIO))
    found["extreme"] = {
        "results": [_result(parts[1].pairs, "t.py::a", "time", each).dump() for each in extreme]
    }
    found["the other way round"] = explain_counts(parts[::-1])
    found["printed"] = capsys.readouterr().err.splitlines()
    check(json.dumps(rounded(found), indent=1), extension=".json")


def test_reasons(check: Check) -> None:
    """At most 50 functions that cost more and 50 that cost less are kept, and all operators."""
    lines = []
    for changes in (range(-60, 61), (-0.5, 0, 0.5), (1, 2), (-1, -2)):
        before, after = (
            Profile(
                operators=tuple(
                    Operator(name=f"o{at}", cost=1e3 + sign * at, calls=1) for at in changes
                ),
                functions=tuple(
                    Function(name=f"f{at}", library="a", cost=1e3 + sign * at, operator="x" * sign)
                    for at in changes
                ),
            )
            for sign in (0, 1)
        )
        lines += [
            f"{kind}: {' '.join(f'{each.name}{each.change:+g}' for each in found)}"
            for kind, found in reasons_of(before, after).items()
        ]
    check(lines)
