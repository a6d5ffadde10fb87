"""The page of a folder of results in which everything happens, and its pictures."""

import json
from collections.abc import Iterator
from difflib import unified_diff
from typing import Any

import numpy as np
import pytest
from markupsafe import Markup

from benchmarks.compare.result import Comparison
from benchmarks.report import page, pictures
from benchmarks.report.formats import Case, Planting
from benchmarks.report.matrix import environments_of
from benchmarks.report.page import make_page, notices
from benchmarks.report.pictures import draw_comparison, draw_curves, draw_releases, draw_times
from benchmarks.report.reading import Problem, Results, read_results
from benchmarks.report.releases import Chart, Cost
from benchmarks.report.times import blocks_of
from tests.helpers.matrix_results import (
    comparison,
    counted,
    curves,
    faults,
    left,
    link,
    made_up,
    step_time,
)
from tests.helpers.rich_results import KNOWN, NOW, write_matrix
from tests.helpers.shown import lines_of_figure, lines_of_page
from tests.recorded.conftest import Check

NOTHING: Any = {"norms": {"W": np.array([])}, "loss": np.array([]), "accuracy": np.array([])}
NOTHING |= {"epoch_ends": np.array([], np.int64)}


@pytest.fixture(scope="module")
def drawn() -> Iterator[list[str]]:
    """The lines of all pictures since the last test; a page has their names instead."""
    lines: list[str] = []

    def describe(figure: Any, key: str, title: str, description: str) -> Markup:
        lines.extend((f"# {key}: {title}", description, *lines_of_figure(figure), ""))
        return Markup("<svg>{}</svg>").format(key)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "inline", describe)
        patch.setattr(page, "load", lambda: KNOWN)
        patch.chdir("/")  # Not where the templates are.
        yield lines


@pytest.fixture(scope="module")
def many(drawn: list[str], tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The page of many results, and its pictures."""
    drawn.clear()
    html = make_page(read_results(write_matrix(tmp_path_factory.mktemp("results"))), NOW)
    return "\n".join(lines_of_page(html)), "\n".join(drawn)


@pytest.mark.parametrize("part", ["environments", "comparisons"])
def test_page_of_many_results(many: tuple[str, str], part: str, check: Check) -> None:
    """Every kind of result, with what is missing and damaged."""
    halves = many[0].split('<section id="comparisons"')

    check(halves[part == "comparisons"] + "\n", extension=".html")


def test_pictures_of_many_results(many: tuple[str, str], check: Check) -> None:
    """Each with its axes, lines and labels."""
    check(many[1])


@pytest.mark.usefixtures("drawn")
def test_pages_of_few_results(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    """None, one kind of result alone, and too many failures, each as changes of another page."""
    for name in ("draw_curves", "draw_times", "draw_comparison", "draw_releases"):
        monkeypatch.setattr(pictures, name, lambda *_: Markup("drawn"))
    off = [Case(f"test_a::{n:03}", "failed", "off" * 80) for n in range(105)]
    skip = Case("y", "skipped", "no GPU")
    many = [left("e0", *off, Case("e", "error", "off"), skip, paddle="3.3.1")]
    some = {n: [Case(f"{n} {k}", "failed", "off") for k in range(n)] for n in (6, 14)}
    more = {1: [*some[14], *some[6]], 2: some[6]}
    many += [left(f"e{n}", Case("e", "error", "off"), skip, *more.get(n, ())) for n in range(1, 7)]
    crashing = [
        left("a", Case("x", "crashed", "crashed: by SIGILL"), paddle="2.6.2"),
        left("b", Case("x", "crashed", "crashed: by SIGILL"), paddle="2.6.2"),
        left("c", Case("x", "passed")),
    ]
    passed = [left(name, Case("x", "passed"), paddle="3.3.1") for name in ("a", "b")]
    missing = left("d", Case("x", "failed", "off"), paddle="3.2.2")
    missing.problems.append(Problem("tests.xml", "missing"))
    few = left("c")
    few.problems.append(Problem("tests.xml", "missing"))
    few.times.append(step_time(2.5, device="npu:0"))
    equal = [left(paddle, paddle=paddle) for paddle in ("3.2.0", "3.3.1")]
    for each in equal:
        each.times.append(step_time(2.5))
    for each in (*many[:4], *crashing, few):
        each.histories["cpu", "exploding-rnn"] = made_up("exploding-rnn")

    def planting(**changes: Any) -> Results:
        return Results(planting=Planting.model_validate_json(json.dumps(faults(**changes))))

    clean = faults()["verdicts"][:2]
    lacking = {"name": "lacking", "environment": {"numpy": "2.4.6", "xpu": "1"}}
    content = comparison(behaviour=[], confidence=0.999, baseline=lacking)
    content["benchmarks"] = content["benchmarks"][::3]
    courses = counted()["courses"]
    courses["memory"] = {**courses["memory"], "outcome": "crashed"}
    second = link("3.0.0", "3.1.0", behaviour=[], courses=courses)
    worse = {**counted(), "behaviour": comparison()["behaviour"], "courses": courses}
    worse["benchmarks"][0] |= {"operators": [], "functions": []}
    worse["benchmarks"][0]["measures"]["memory"]["verdict"] = "more memory"
    graphs = [
        left(run, Case(f"x[{run}]", "passed", agreement="bitwise equal"), paddle="3.3.1")
        for run in ("sot-default", "static-default")
    ]
    chains: list[Any] = [{("2.6.2", "3.0.0"): link("2.6.2", "3.0.0", behaviour=[])}]
    chains.append({("3.0.0", "3.1.0"): second})
    found = {
        "nothing": Results(),
        "a foreign file": Results(problems=[Problem("notes.txt", "not a file of results")]),
        "faults": planting(),
        "all faults caught": planting(verdicts=clean),
        "no fault": planting(environment={}, verdicts=[]),
        "a comparison": Results(comparisons=[Comparison.model_validate_json(json.dumps(content))]),
        "a worse one": Results(comparisons=[Comparison.model_validate_json(json.dumps(worse))]),
        "releases": Results(chains=chains[:1]),
        "a crash in the second chain": Results(chains=chains),
        "one environment": Results(passed[:1]),
        "two environments": Results(passed),
        "equal times": Results(equal),
        "static graphs": Results(graphs),
        "a crash": Results(crashing),
        "incomplete": Results([*passed, few]),
        "both": Results([missing]),
        "many failures": Results([*many, *passed]),
    }
    pages = {what: lines_of_page(make_page(results, NOW)) for what, results in found.items()}
    lines = pages["nothing"].copy()
    for what, results in found.items():
        base = pages["one environment" if len(results.environments) > 1 else "nothing"]
        lines += [f"# {what}", *list(unified_diff(base, pages[what], n=0, lineterm=""))[2:]]
        lines += [f"notice: {state}, {text}" for state, text in notices(results, outside=2)]

    check([line if line[:2] != "@@" else "@" for line in lines], extension=".diff")


def test_pictures_of_extreme_results(drawn: list[str], check: Check) -> None:
    """Many lines, long names, missing and extreme numbers, and nothing to draw."""
    drawn.clear()
    for steps in (25, 26):
        norms = {f"parameter {n}," * (1 + n): np.full(steps, 10.0**n) for n in range(9)}
        norms["parameter 0,"][:2] = 1000, 0
        norms["parameter 7," * 8][5] = 0
        loss = np.where(np.arange(steps) == 3, np.inf, 10.0)
        draw_curves(_interrupted(norms, loss), f"{steps}-steps")
    for value in (np.nan, 0.0, 1e99, 1e101, 1e-101):
        values = np.full(3, value)
        draw_curves(_interrupted({"W": values, "U": np.full(3, 2.0)}, values), f"{value:g}")
    for few in ((0, 1, np.inf), (np.nan, 1, 0), (99, 1, 0.01)):  # At the ends.
        draw_curves(_interrupted({"W": np.array(few, float)}, np.ones(3)), f"{few}")
    draw_curves(curves("clipped-rnn", outcome="interrupted", **NOTHING), "nothing")

    slow, fast = (
        left("py311-a", paddle="3.0.0", python="3.11"),
        left("\u024f\u0250" * 20, paddle="3 $x"),
    )
    slow.times = [step_time(1000.0 + n, implementation=f"{n}$\n" * 12) for n in range(8)]
    slow.times += [step_time(3, cell="C")]
    fast.times = [
        step_time(1e-4),
        step_time(5e5, implementation="textbook"),
        step_time(2, cell="C"),
    ]
    for number, block in enumerate(blocks_of(environments_of([slow, fast]))):
        draw_times(block, f"times-{number}")

    content = counted()
    one, two = content["benchmarks"]
    for ratio, low, high in ((1.02, None, None), (1.0, 0.96, 1.01), (1.05, 1.04, None), (3, 1, 99)):
        changes = {"ratio": ratio, "low": low, "high": high, "verdict": "more memory"}
        two["measures"]["memory"] |= changes
        for benchmarks in ([one, two], [two]):
            found = json.dumps({**content, "benchmarks": benchmarks})
            compared = Comparison.model_validate_json(found)
            draw_comparison(compared, "memory", f"{ratio}-of-{len(benchmarks)}")
        one["measures"]["memory"]["verdict"] = "less memory"

    rows = [(4.0, 1.0, None), (None, None, None), (3.6, 0.9, 0.9), (None, None, None), (8, 2, 2.2)]
    late = [(None, None, None)] * 3 + [(1.0, 1.0, None), (1.03, 1.03, 1.03)]
    costs: Any = {"time": rows, "instructions": late, "memory": rows[::-1]}
    costs = {measure: [Cost(*row) for row in found] for measure, found in costs.items()}
    for length in (11, 12):
        names = [f"{n}" * length for n in range(5)]
        draw_releases(Chart(compared.benchmarks[0], names, costs), f"{5 * length}-letters")

    check("\n".join(drawn))


def _interrupted(norms: Any, loss: Any) -> Any:
    ends = 4 * np.arange(1, 1 + len(loss) // 4)
    rest: Any = {"accuracy": np.linspace(0, 1, len(ends)), "epoch_ends": ends}
    return curves(norms=norms, loss=loss, outcome="interrupted", **rest)
