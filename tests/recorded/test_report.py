"""What the report reads and decides: places, states, patterns, ratios, and damaged files."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.compare.chain import chains_of
from benchmarks.known_defects import Defect
from benchmarks.notebook.figures import NORMS, column, figures
from benchmarks.report import formats
from benchmarks.report.curves import LEAST, Curves, Point, curves_of, printed_of
from benchmarks.report.defects import known_of
from benchmarks.report.executions import row_of
from benchmarks.report.formats import Case, CaseOutcome, Planted, read_cases
from benchmarks.report.matrix import (
    Environment,
    breakages_of,
    environments_of,
    fact_name,
    headline,
    rows_of,
    skips_of,
    worst_of,
)
from benchmarks.report.reading import EnvironmentResults, Problem, read_environment
from benchmarks.report.releases import releases_on_page
from benchmarks.report.times import against_cpu, blocks_of
from rnn_core import EXPERIMENTS
from tests.helpers.matrix_results import (
    FACTS,
    MACHINE,
    WHOLE,
    curves,
    left,
    link,
    made_up,
    run_file,
    step_time,
    with_history,
    write_cases,
    write_environment,
)
from tests.helpers.rich_results import as_printed
from tests.recorded.conftest import Check

OUTCOMES: tuple[CaseOutcome, ...] = ("passed", "failed", "crashed", "error", "skipped")
PADDLES = ("2.6.2", "3.0.0", "3.3.1", "3.10.0", "develop")
NAMES = ("py310-paddle26-cpu", "py312-paddle33-gpu", "bench-paddle310", "mine", "py39-paddle3-cpu")


def names(environments: Iterable[Environment]) -> str:
    """Return the names of environments."""
    return " ".join(each.name for each in environments) or "none"


def random_results(random: Any, count: int) -> list[EnvironmentResults]:
    """Return results of as many environments, of which some lack facts, cases or dates."""
    found: list[EnvironmentResults] = []
    for number in range(count):
        some = {
            "paddle": random.choice(PADDLES[:2] if random.random() < 0.7 else PADDLES),
            "python": random.choice(["3.9.1", "3.10.4", "3.10.13"]),
            "numpy": random.choice(["1.26", "2.4"]),
            "device": random.choice(["cpu", "cpu", "gpu:1"]),
            "flags": random.choice(["", "MKL_CBWR=AVX2 A=1 MKL_B=2"]),
        }
        facts = {key: str(value) for key, value in some.items() if random.random() < 0.93}
        weights = [0.45, 0.2, 0.1, 0.05, 0.2]
        outcomes = random.choice(OUTCOMES, random.integers(4), p=weights).tolist()
        reason = f"because {random.integers(2)}"
        cases = [
            Case(f"test_{letter}", outcome, reason)
            for letter, outcome in zip("abc", outcomes, strict=False)
        ]
        day = int(random.choice([24, 24, 23, 22, 12]))
        name = f"{random.choice(NAMES)}{'' if random.random() < 0.5 else f'-{number}'}"
        name += f"x{number}" if name in [each.name for each in found] else ""
        results = left(name, *cases, day=day, **(facts if random.random() < 0.85 else {}))
        if random.random() < 0.2:
            results.problems.append(Problem("tests.xml", "missing"))
        found.append(results)
    return found


def lines_of_matrix(results: list[EnvironmentResults]) -> Iterator[str]:
    """Yield what the page says of these environments."""
    environments = environments_of(results)
    yield f"{headline(environments)}"
    for each in environments:
        counts = ", ".join(f"{n} {word}" for word, n in sorted(each.counts.items()))
        yield (
            f"  {each.name}: {', '.join(each.place)}; {each.state}, {each.verdict}; {counts}; "
            f"{each.old or 'new'}; flags {each.flags or '-'}; {len(each.failures)} failures"
        )
    pythons, rows = rows_of(environments)
    yield f"  columns {' '.join(pythons)}"
    for (device, paddle), cells in rows.items():
        yield f"  row {device} {paddle}: {' | '.join(map(names, cells))}"
    for state, those, pattern in worst_of(environments):
        yield f"  {state}: {names(those)}; {pattern or '-'}"
    for breakage in breakages_of(environments):
        cases = " ".join(f"{case.name}={case.outcome}" for case in breakage.cases)
        yield f"  broke {cases} in {names(breakage.where)}; {breakage.pattern or '-'}"
    for reason, where in skips_of(environments):
        yield f"  skipped as {reason}: {dict(where)}"


def test_matrices(check: Check) -> None:
    """Random environments, from none to nine, and those of which one fact tells all."""
    random = np.random.default_rng(7)
    cases = [random_results(random, count % 10) for count in range(36)]
    for fact in ("paddle", "device", "python", "numpy", "cpu", "flags"):
        different = {**FACTS, fact: "3.0.0" if fact in ("paddle", "python") else "gpu:0 other"}
        failed, passed = Case("a", "failed"), Case("a", "passed")
        pairs: list[tuple[Case, Any]] = [(failed, different)] * 2 + [(passed, FACTS)] * 2
        cases.append([left(f"{n}", each, **facts) for n, (each, facts) in enumerate(pairs)])
    both: Any = FACTS
    cases.append([left(f"{n}", failed, **both) for n in range(2)])
    crashed = Case("b", "crashed")
    often, seldom = ([Case(f"{n}", "skipped", why) for n in range(3)] for why in "zy")
    cases.append(
        [
            left("0", failed, crashed, *often, *seldom[:2]),
            left("1", failed, crashed, often[0], *seldom[:2]),
        ]
    )
    hours = [left(f"{hour}", paddle="3.3.1", day=24) for hour in (0, 24, 25, 48, 49)]
    for each in hours:
        run = each.runs["tests"]
        date = run.date - timedelta(hours=int(each.name))
        each.runs["tests"] = run.model_copy(update={"date": date})
    # A day and more before the newest, but its benchmarks ran later.
    both_kinds = hours[-1]
    both_kinds.runs["benchmarks"] = run_file({"device": "cpu"})
    several = left("several", paddle="3.3.1", python="3.11.7")
    devices = several.runs["tests"].environments
    devices |= {"npu:0": {**FACTS, "device": "npu:0"}, "gpu:0": {**FACTS, "device": "gpu:0"}}
    del devices["cpu"]["device"]  # Files from elsewhere may lack it.
    odd = [
        left(name) for name in ("py31-paddle31", "bench-paddle32-gpu", "py310-paddle3", "", "a-cpu")
    ]
    versions = ("3.1.10", "3.1.9", "3.10.0", "3.1.10rc1")
    newest = [left(f"p{paddle}", paddle=paddle) for paddle in versions]
    history = with_history("h", paddle="3.2.0").results
    cases += [hours, [several], [*odd, *newest, history]]
    # Of those that failed, none has flags.
    pairs = [(failed, FACTS), (failed, FACTS), (passed, different)]
    cases.append([left(f"{n}", each, **facts) for n, (each, facts) in enumerate(pairs)])
    # Their Paddle is known from their names only.
    cases.append(
        [
            left(f"py{python}-paddle{paddle}-cpu", failed if paddle == 26 else passed)
            for paddle in (26, 30)
            for python in (39, 310)
        ]
    )
    lines = [f"{n}: {line}" for n, each in enumerate(cases) for line in lines_of_matrix(each)]
    for changes in (
        {},
        {"source": "ARGS"},
        {"source": "ARGS", "paths": ("tests/core/test_cells.py",)},
        {"source": "INVOCATION_DIR", "paths": ("/project/tests/core",)},
        {"options": ("--ignore",)},
        {"deselected": 1},
        {"stopped": "stopping after 1 failures"},
    ):
        results = left("a", paddle="3.3.1")
        whole = results.runs["tests"]
        part = whole.model_copy(update={"selection": WHOLE.model_copy(update=changes)})
        for tests, others in ((part, whole), (whole, part)):
            results.runs = {"benchmarks": others, "tests": tests}
            [environment] = environments_of([results])
            lines.append(f"{changes}: {environment.part or 'all'}")
    facts = (*FACTS, "paddle_commit", "cuda", "cudnn", "cpu_count", "up to step 3", "new_fact")
    lines += [f"{fact}: {fact_name(fact)}" for fact in facts]

    check(lines)


def test_step_times(check: Check) -> None:
    """Random times: what stands beside what, and the ratios."""
    random = np.random.default_rng(3)
    cases = [random_results(random, number % 8) for number in range(24)]
    for found in cases:
        for each in found:
            for run in each.runs.values():
                run.environments["cpu"]["cpu"] = str(random.choice(["A CPU", "A CPU", "another"]))
            for _ in range(random.integers(9)):
                median = float(np.exp(random.normal(0, 2)))
                facts = {
                    "device": str(random.choice(["cpu"] * 4 + ["gpu:0", "npu:1"])),
                    "cell": str(random.choice(["RNN"] * 5 + ["own.py:f"])),
                    "shape": str(random.choice(["B1"] * 5 + [""])),
                    "stage": str(random.choice(["step", "step", "step", "forward"])),
                    "implementation": str(random.choice(["own", "kernel", "textbook", "paddle"])),
                }
                each.times.append(step_time(median, **facts))
    versions = [*product(("3.9.0", "3.10.0", "4.0.0"), ("3.9.1", "3.10.1")), ("4.1.0", "3.9.1")]
    versions += [("4.2.0", "3.10.1"), ("4.3.0rc1", "3.9.1"), ("4.3.0", "3.9.1")]
    cases.append([left(f"of {p}, {each}", paddle=p, python=each) for p, each in versions])
    cases[-1].append(left("one more of 4.1.0", paddle="4.1.0", python="3.9.1"))
    # Of other machines.
    others: list[Any] = [{each: "2"} for each in MACHINE]
    cases[-1] += [left(*each, paddle="4.4.0", **each) for each in others]
    for place, results in enumerate(cases[-1]):
        results.times.append(step_time(2.0**place))
    lines = []
    for number, found in enumerate(cases):
        environments = environments_of(found)
        for block in blocks_of(environments):
            lines.append(f"{number}: {block.title}: {' '.join(block.implementations)}")
            for row in block.rows:
                before = row.before.name if row.before else "none"
                cells = [
                    (name, row.times.get(name), row.ratio(name)) for name in block.implementations
                ]
                texts = [
                    f"{name} {time.median:.4g} {'-' if ratio is None else f'{ratio:.4g}'}"
                    for name, time, ratio in cells
                    if time
                ]
                where = " ".join(row.environment.place)
                lines.append(
                    f"  {row.environment.name} ({where}) after {before}: {', '.join(texts)}"
                )
        lines += [
            f"  {name} {' '.join(row)}: {cpu:.4g} {own:.4g}"
            for name, row, cpu, own in against_cpu(environments)
        ]

    check(lines)


def test_defects_and_releases(check: Check) -> None:
    """Random defects of random versions, and chains with gaps."""
    random = np.random.default_rng(5)
    versions = ["2.6.2", "3.0.0", "3.1.0", "3.2.0", "3.3.0", "3.10.0"]
    lines = []
    for number in range(12):
        defects = [
            Defect(
                f"d{n}",
                "",
                {each: bool(random.integers(2)) for each in versions if random.random() < 0.6},
            )
            for n in range(1 + number % 5)
        ]
        defects[0].there["3.0.0"] = False
        paddles = random.choice(versions, number % 4).tolist()
        known = known_of(defects, paddles)
        for each in defects:
            there = " ".join(f"{'+' if yes else '-'}{name}" for name, yes in each.there.items())
            lines.append(f"{number}: {each.name} {there}")
        lines.append(f"  with {' '.join(paddles) or 'none'}: {' '.join(known.versions)}")
        lines += [f"  {up.before} to {up.after}: {up.breaks} {up.mends}" for up in known.upgrades]
        lines += [
            f"  {name}: {' '.join(d.name for d in each)}" for name, each in known.groups.items()
        ]
        links = [link(*pair) for pair in pairwise(versions) if random.random() < 0.7]
        for n, found in enumerate(links):
            first = random.integers(2)
            kept = found.benchmarks[first : first + 1 + random.integers(2)]
            python = str(random.choice(["3.12.1", "3.11.7"]))
            facts = {"python": python, "cpu": "B"} if number % 3 else {"python": python}
            side = found.baseline.model_copy(update={"environment": facts})
            behaviour = found.behaviour[: random.integers(2)]
            update = {"benchmarks": kept, "baseline": side, "behaviour": behaviour}
            update["workload"] = "lm.py:f" if number % 5 == 1 else ""
            links[n] = found.model_copy(update=update)
        for chain in chains_of(links)[0]:
            lines += [f"  {line}" for line in lines_of_releases(chain, defects)]

    check(lines)


def lines_of_releases(chain: Any, defects: list[Defect]) -> Iterator[str]:
    """Yield what the page says of a chain of comparisons."""
    shown = releases_on_page(chain, defects)
    yield f"{' '.join(shown.names)}: {shown.facts or '-'}; {shown.limits or '-'}"
    for name, verdicts in shown.behaviours.items():
        yield f"  {name}: {', '.join(each.verdict if each else '-' for each in verdicts)}"
    for each in shown.links:
        changes = ", ".join(f"{measure} {result.ratio:.4g}" for measure, _, result in each.changes)
        yield (
            f"  {each.before} to {each.after}: {each.behaviour}; {each.defects}; {changes or '-'}; "
            f"{each.undecided} undecided{'' if each.comparison else '; missing'}"
        )
    for chart in shown.charts:
        for measure, costs in chart.costs.items():
            texts = [
                "-"
                if cost.value is None
                else f"{cost.value:.4g} x{cost.ratio:.4g}"
                + ("" if cost.change is None else f" by {cost.change:.4g}")
                for cost in costs
            ]
            yield f"  {chart.benchmark.parameters} {measure}: {', '.join(texts)}"


def test_curves_and_figures(check: Check) -> None:
    """Points, tables and events of runs of every length, and the notebook's figures beside them."""
    lines = []
    values = (None, 0.0, 1.0, 1 / 3, 123456.0, LEAST, 2 * LEAST, 0.5 / LEAST, 1 / LEAST, 1e308)
    for value, zero, nonfinite in product(values, (False, True), (False, True)):
        point = Point(value, zero, nonfinite)
        lines.append(f"{value} {zero} {nonfinite}: {point.drawn:.4g} {point.text!r}")
    for steps in (0, 1, 3, 4, 49, 50, 51, 52, 100, 101, 200, 202, 401, 2000):
        ends = np.arange(4, steps + 1, 4)
        norms = np.linspace(9, 0, steps)
        norms[5::7] = np.nan
        run = curves(
            loss=norms + 1,
            norms={"recurrent.W": norms, "linear.bias": norms * 0},
            accuracy=np.linspace(0, 1, len(ends)),
            epoch_ends=ends,
            outcome="interrupted",
        )
        lines += [f"{steps}: {line}" for line in lines_of_curves(run)]
    lines += [f"LSTM: {line}" for line in lines_of_curves(curves("clipped-lstm"))]
    lines += [f"{figure}: {figure.text(2.5)} {figure.error(2.5):.4g}" for figure in figures()]

    # Runs that differ in one bit are different.
    printed = as_printed()
    off = {**printed, "recurrent.U": np.nextafter(printed["recurrent.U"], np.inf)}
    name = [*printed][-1]
    last = {**printed, name: np.nextafter(printed[name], np.inf)}
    none = np.zeros(5)
    other = {"flags": "MKL_CBWR=AVX2 A=1 MKL_CBWR_B=2", "paddle": "3.3.1", "device": "cpu"}
    runs: list[dict[str, Any]] = [
        {"norms": printed, "accuracy": none},
        {"norms": printed, "accuracy": none, "paddle": "2.6.2"},
        {"norms": printed, "accuracy": none, "clipped_norms": off},
        {"norms": off, "accuracy": none},
        {"norms": {**printed, "recurrent.b": printed["recurrent.b"] * np.nan}, "accuracy": none},
        {"norms": printed, "accuracy": np.array([0, 0.25, 0, 0, 1])},
        {"norms": printed, "accuracy": none, "loss": np.ones(20)},
        {"norms": {"recurrent.W": printed["recurrent.W"] * 1.01}, "accuracy": none},
        {"norms": printed, "accuracy": none, "environment": other},
        {"norms": printed, "accuracy": none, "clipped_norms": last},
    ]
    environments = [with_history(f"run{9 - n}", **changes) for n, changes in enumerate(runs)]
    for device in ("gpu:0", "npu:1"):
        environments[0].results.histories[device, "exploding-rnn"] = made_up("exploding-rnn")
    for steps, row in {row.step: row for row in NORMS["clipped-rnn"]}.items():
        cut: dict[str, Any] = {"accuracy": np.full(steps // 4, 0.5), "outcome": "interrupted"}
        cut |= {"loss": np.ones(steps), "epoch_ends": np.arange(4, steps + 1, 4)}
        cut["norms"] = {f"recurrent.{name}": np.full(steps, getattr(row, name)) for name in "WUb"}
        environments.append(with_history(f"to {steps}", "clipped-rnn", **cut))
    few = [environments[n] for n in (3, 0, 1)]  # The first run is alone.
    for these in (environments, few):
        for experiment, found in curves_of(these).items():
            lines += [f"{experiment}: {each.versions}: {', '.join(each.where)}" for each in found]
    for table in (printed_of(environments), printed_of(environments[:2]), printed_of([])):
        lines.append(f"{table.outside} of {len(table.rows)} outside, {table.reproduced} reproduced")
        lines += [f"  {versions}: {', '.join(where)}" for versions, where in table.columns]
        for each in table.rows:
            cells = " ".join(
                "-" if cell is None else f"{cell[0]}{'' if cell[1] else '!'}" for cell in each.cells
            )
            figure = each.figure
            lines.append(
                f"  {figure.experiment} {figure.step} {figure.name}: {cells}; {each.error:.3g}"
            )
    for flags in ("", "MKL_NUM_THREADS=1", "MKL_CBWR=AVX2", "A=MKL_CBWR MKL_CBWR=COMPATIBLE B=1"):
        flagged = made_up("exploding-rnn", environment={**FACTS, "flags": flags})
        lines.append(f"{flags!r}: {column(flagged)}")

    check(lines)


def lines_of_curves(run: Curves) -> Iterator[str]:
    """Yield the events and the table of a run, of many rows the first and the last."""
    yield f"{'; '.join(run.events) or 'no event'}; {' | '.join(run.heads)}"
    rows = [" | ".join(row) for row in run.rows]
    yield from rows[:4] + ["..."] * (len(rows) > 8) + rows[max(4, len(rows) - 4) :]


def test_outcomes(tmp_path: Path, check: Check) -> None:
    """Tests in JUnit XML, planted faults, and static graphs."""
    path, lines = tmp_path / "tests.xml", []
    inside = (
        "",
        "<failure />",
        '<failure message="off">where\n  it failed</failure>',
        f'<failure message="{"m" * 3001}">{"d" * 3001}END</failure>',
        '<failure message="crashed: by SIGILL">where</failure>',
        '<failure message="crashed by SIGILL" />',
        '<failure message="it crashed: by SIGILL">where</failure>',
        '<error message="größer">where</error>',
        '<error message="crashed: x" />',
        '<skipped message="no GPU">file:3</skipped>',
        "<skipped />",
        '<skipped message="a" /><failure message="b" />',
        '<properties><property name="agreement" value="equal" /></properties>',
        '<properties><property name="other" value="equal" /></properties><failure />',
        '<properties><property name="agreement" value="equal" /></properties><failure />',
        '<properties><property name="agreement" /></properties>',
        f'<properties><property name="agreement" value="{"m" * 3001}" /></properties><failure />',
    )
    for n, text in enumerate(inside):
        case = f'<testcase classname="a" name="b">{text}</testcase>'
        for again in ("", "<failure message='2' />", "<error message='2' />", "<skipped />"):
            second = f'<testcase classname="a" name="b">{again}</testcase>'
            write_cases(path, case + second)
            [found] = read_cases(path)
            texts = [
                each if len(each) < 20 else f"{len(each)} with {each[-5:]!r}"
                for each in (found.reason, found.detail, found.agreement)
            ]
            lines.append(f"{n}, {again or 'passes'}: {found.outcome} {texts}")
    write_cases(path, "".join(f'<testcase name="{n}" />' for n in range(9000)))
    lines.append(f"{len(read_cases(path))} tests")
    write_cases(path, '<testcase /></testsuite><testsuite><testcase name="c" />')
    lines.append(f"{read_cases(path)}")
    for caught, name, problem, ending, slow in product(
        (False, True), ("healthy", "gate"), ("", "no tests"), ("", "crash"), (False, True)
    ):
        planted = Planted(
            name=name,
            stands_for="",
            caught=caught,
            problem=problem,
            ending=ending,
            slow=slow,
            tests=(),
        )
        lines.append(
            f"{caught} {name} {problem!r} {ending!r} {slow}: {planted.verdict}, "
            f"{'expected' if planted.as_expected else 'a surprise'}"
        )
    runs = ("a[sot-primitive-clipped-rnn]", "a[sot-default]", "a[sot]", "a", "a[x-y-z-w]")
    lines += [f"{name}: {row_of(name)}" for name in runs]

    check(lines)


OTHER = replace(EXPERIMENTS["clipped-rnn"].config, seed=5)
DOCTYPE = '<!DOCTYPE a [<!ENTITY b "c">]><testsuites>&b;</testsuites>'
ONE_STEP: dict[str, Any] = {
    "norms": {"W": np.ones(1)},
    "loss": np.ones(1),
    "accuracy": np.array([]),
    "epoch_ends": np.array([], np.int64),
    "outcome": "interrupted",
}
NO_STEP = {**ONE_STEP, "norms": {"W": np.ones(0)}, "loss": np.ones(0)}
GPU = {**FACTS, "device": "gpu:0"}


def test_damaged_files(tmp_path: Path, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing, damaged or foreign in the folder of an environment, and how it is called."""
    folder = write_environment(tmp_path / "py311-paddle33-cpu")
    monkeypatch.setattr(formats, "MOST_ELEMENTS", 50)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    run, times = files["tests-run.json"], files["benchmarks.json"]
    config = replace(EXPERIMENTS["clipped-rnn"].config, device="gpu")
    damages: dict[str, dict[str, bytes | None]] = {
        **{f"without {name}": {name: None} for name in sorted(files)},
        **{f"empty {name}": {name: b""} for name in sorted(files)},
        **{f"half of {name}": {name: content[:40]} for name, content in sorted(files.items())},
        "without any run": {"tests-run.json": None, "benchmarks-run.json": None},
        "without outcomes": {"tests.xml": None, "benchmarks.xml": None},
        "without tests": {"tests.xml": None, "tests-run.json": None},
        "only a history": {name: None for name in files if name != "clipped-lstm.npz"},
        "without benchmarks": {name: None for name in files if not name.startswith("tests")},
        "only times": {name: None for name in files if name != "benchmarks.json"},
        "nothing": dict.fromkeys(files),
        "HTML": {"tests.xml": b"<html></html>"},
        "no tests": {"tests.xml": b"<testsuites />"},
        "a suite": {"tests.xml": b'<testsuite><testcase name="a" /></testsuite>'},
        **{
            f"{count} tests": {
                "tests.xml": b"<testsuite>" + b"<testcase />" * count + b"</testsuite>"
            }
            for count in (49, 50)
        },
        "a document type": {"tests.xml": DOCTYPE.encode()},
        "in UTF-16": {"tests.xml": DOCTYPE.encode("utf-16")},
        "odd encoding": {"tests.xml": b'<?xml version="1.0" encoding="no"?><a/>'},
        "a name to hide": {"tests.xml": "<\u202ea/>".encode()},
        "many bytes": {"tests.xml": bytes(2**25 + 1)},
        "deep": {"tests-run.json": b"[" * 100_000},
        "another format": {"tests-run.json": run.replace(b"rnn_core", b"other")},
        "no times": {"benchmarks.json": b"{}"},
        "old times": {"benchmarks.json": times.replace(b'"device"', b'"machine"')},
        "broken off": {
            "tests-run.json": run.replace(b'"exit_status": 0', b'"exit_status": null'),
            "tests.xml": None,
        },
        "foreign": {"notes.txt": b"", "z.xml": b"", ".hidden.npz": b"", "a.npz.tmp": b""},
        "twice": {"copy.npz": saved(tmp_path, outcome="interrupted")},
        "no experiment": {"own.npz": saved(tmp_path, config=OTHER)},
        "interrupted": {"clipped-rnn.npz": saved(tmp_path, outcome="interrupted")},
        "both interrupted": {
            "clipped-rnn.npz": saved(tmp_path, outcome="interrupted"),
            "gpu.npz": saved(tmp_path, config=config, environment=GPU, outcome="interrupted"),
        },
        "one step": {"clipped-rnn.npz": saved(tmp_path, **ONE_STEP)},
        "no step": {"clipped-rnn.npz": saved(tmp_path, **NO_STEP)},
        "non-finite": {"clipped-rnn.npz": saved(tmp_path, outcome="non-finite")},
        "on a GPU": {"clipped-rnn-gpu0.npz": saved(tmp_path, config=config, environment=GPU)},
        **{
            f"status {status} of {kind}": {
                f"{kind}-run.json": files[f"{kind}-run.json"].replace(
                    b'"exit_status": 0', b'"exit_status": ' + status.encode()
                )
            }
            for status in ("null", "1", "2", "3", "4", "5", "143", "-11")
            for kind in ("tests", "benchmarks")
        },
    }
    lines = []
    for what, changes in damages.items():
        places = ("py311-paddle33-cpu", "bench-paddle33")
        for name in places if what.startswith(("without", "nothing")) else places[:1]:
            folder = folder.rename(tmp_path / name)
            for file, content in changes.items():
                (folder / file).unlink(missing_ok=True)
                if content is not None:
                    (folder / file).write_bytes(content)
            found = read_environment(folder)
            for file in changes:
                (folder / file).unlink(missing_ok=True)
                if file in files:
                    (folder / file).write_bytes(files[file])
            cases = ", ".join(f"{len(each)} {kind}" for kind, each in found.cases.items())
            histories = ", ".join(" ".join(each) for each in found.histories)
            lines += [
                f"{what} ({name}): runs of {' and '.join(found.runs) or 'nothing'}",
                f"  {cases or 'no case'}; {len(found.times)} times; {histories or 'no history'}",
                *(
                    f"  {each.file or '-'}: {without_details(each.reason)}"
                    for each in found.problems
                ),
            ]

    check(lines)


def saved(folder: Path, **changes: Any) -> bytes:
    """Return the file of a history of a clipped RNN."""
    path = folder / "saved.npz"
    made_up("clipped-rnn", **changes).save(path)
    return path.read_bytes()


def without_details(reason: str) -> str:
    """Return why a file cannot be read, without the words of a parser."""
    return re.sub(r"(invalid \w+: )(?!the ).*", r"\1...", reason)
