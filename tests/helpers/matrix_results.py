"""A complete folder of made-up results, for tests that then damage a part of it."""

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.behaviour.judge import BehaviourVerdict
from benchmarks.compare.result import Comparison
from benchmarks.report.curves import Curves, curves_of
from benchmarks.report.formats import Case, StepTime
from benchmarks.report.matrix import Environment, environments_of
from benchmarks.report.reading import EnvironmentResults
from benchmarks.saved.result_files import TIMES, history_file
from benchmarks.saved.run_file import RunFile, Selection
from rnn_core import EXPERIMENTS, History
from tests import ROOT
from tests.helpers.histories import make_history
from tests.helpers.saved_runs import saved_benchmark, saved_content

# No benchmark has the verdict "cannot tell".
COMPARISON = ROOT / "tests" / "data" / "comparison.json"
EXPECTED = (TIMES, *(history_file(name, "cpu") for name in EXPERIMENTS))
WHOLE = Selection(source="TESTPATHS", paths=("tests",), whole=("tests",), options=())
FACTS = {
    "paddle": "3.3.1",
    "python": "3.11.7",
    "numpy": "2.4.6",
    "cpu": "A CPU",
    "device": "cpu",
    "device_name": "cpu",
    "flags": "",
}
MACHINE = {"system": "Linux", "machine": "x86_64", "cpu": "A CPU", "cpu_count": "2"}
STAGE = {"device": "cpu", "cell": "RNN", "shape": "B1 T10 H128", "stage": "step"}
FIRST_STAGE = {**STAGE, "implementation": "textbook"}
# Instructions of a step in each release of Paddle, in millions.
COSTS = {"2.6.2": 4.0, "3.0.0": 3.6, "3.1.0": 3.6, "3.2.0": 4.0, "3.3.0": 4.01}
PARAMETERS = {"RNN": ("W", "U", "b"), "LSTM": ("w_f", "w_i", "u_f", "b_f")}


def write_environment(folder: Path, **changes: Any) -> Path:
    """Write the files that a run of tox leaves in the folder of one environment.

    Args:
        folder: folder to create.
        changes: facts of the environment, such as `paddle`; or `cases` of the tests, or `times`,
            a factor for all medians.
    """
    folder.mkdir(parents=True)
    times = changes.pop("times", 1.0)
    cases = changes.pop("cases", '<testcase classname="tests.test_a" name="test_one" />')
    facts = {**FACTS, **changes}
    for kind in ("tests", "benchmarks"):
        expected = EXPECTED if kind == "benchmarks" else ()
        write_json(folder / f"{kind}-run.json", run_file(facts, expected=expected).dump())
    write_cases(folder / "tests.xml", cases)
    stage = '<testcase classname="benchmarks.test_stages" name="test_stage[cpu-step-RNN]" />'
    write_cases(folder / "benchmarks.xml", stage)
    benchmark = saved_benchmark("test", 1.5e-3 * times, spread=5e-4 * times, **FIRST_STAGE)
    write_json(folder / TIMES, saved_content([benchmark], {"cpu": {**MACHINE, **facts}}))
    for name in EXPERIMENTS:
        made_up(name, facts["paddle"]).save(folder / history_file(name, "cpu"))
    return folder


def run_file(facts: dict[str, str], day: int = 24, expected: tuple[str, ...] = ()) -> RunFile:
    """Return the file of a complete run of all tests on that day of November."""
    return RunFile(
        date=datetime(2026, 11, day, tzinfo=timezone.utc),
        arguments=(),
        environments={"cpu": facts},
        selection=WHOLE,
        expected=expected,
        exit_status=0,
    )


def step_time(median: float, **facts: str) -> StepTime:
    """Return a time in milliseconds of the stage "step" of `kernel`, or as `facts` say."""
    times = {"median": median, "low": median / 2, "high": median * 2}
    return StepTime(**{**STAGE, "implementation": "kernel", **times, **facts})  # type: ignore[arg-type]


def write_cases(path: Path, cases: str) -> None:
    """Write a file of JUnit XML with these cases."""
    path.write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>", encoding="utf-8")


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file, and create its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def made_up(experiment: str, paddle: str = "3.3.1", **changes: Any) -> History:
    """Return a history with an experiment's config, whose norms explode and then vanish.

    Args:
        experiment: name of the experiment.
        paddle: version of Paddle.
        changes: other values of fields; or `norms`, before and after clipping.
    """
    config = EXPERIMENTS[experiment].config
    steps = 4 * config.epochs
    norms = np.geomspace(1, 1e9, steps)
    norms[steps // 2 :] = 0
    loss = np.geomspace(1, 1e8, steps)
    loss[-1] = np.inf
    raw = {f"recurrent.{name}": norms * (1 + i) for i, name in enumerate(PARAMETERS[config.cell])}
    raw = changes.pop("norms", raw)
    fields: dict[str, Any] = {
        "config": config,
        "environment": {**FACTS, "paddle": paddle},
        "loss": loss,
        "raw_norms": raw,
        "clipped_norms": raw,
        "accuracy": np.linspace(0, 1, config.epochs),
        "epoch_ends": np.arange(4, steps + 1, 4),
    }
    return make_history(**{**fields, **changes})


def comparison(**changes: Any) -> dict[str, Any]:
    """Return the content of a comparison's file, with one benchmark for each verdict."""
    content = json.loads(COMPARISON.read_text(encoding="utf-8"))
    undecided = {"verdict": "cannot tell", "low": None, "smallest_effect": 0.12}
    content["benchmarks"][-1]["measures"]["time"] |= {**undecided, "pairs_to_settle": 5}
    return {**content, **changes}


def counted() -> dict[str, Any]:
    """Return the content of a comparison's file by instructions and memory, without times.

    The first of two benchmarks has more instructions, and functions that explain it.
    """
    content = comparison(behaviour=[])
    course = {**content["courses"]["time"], "pairs": 3, "within": 0.005}
    content["courses"] = {"instructions": course, "memory": course}
    same = {"baseline": 2e6, "candidate": 2e6, "ratio": 1.0, "low": 0.9985, "high": 1.0015}
    more = {"baseline": 3e6, "candidate": 3.06e6, "ratio": 1.02, "low": 1.0185, "high": 1.0215}
    rest = {"p": 0.5, "pairs": 3, "smallest_effect": 0.002, "pairs_to_settle": 0}
    content["benchmarks"] = content["benchmarks"][:2]
    for benchmark in content["benchmarks"]:
        same_result = {**rest, **same, "verdict": "same"}
        benchmark["measures"] = {"instructions": same_result, "memory": {**same_result}}
    content["benchmarks"][0]["measures"]["instructions"] = {
        **rest,
        **more,
        "verdict": "more instructions",
    }
    content["benchmarks"][0]["operators"] = [
        {"name": "matmul", "before": 8e5, "after": 9e5, "calls_before": 10, "calls_after": 11}
    ]
    content["benchmarks"][0]["functions"] = [
        {
            "name": f"void phi::funcs::{'Long' * 40}<float>",
            "library": "libphi_core.so",
            "before": None,
            "after": 60_400.0,
            "operator": "matmul",
        },
        {"name": "free", "library": "libc.so", "before": 400.0, "after": 0.0, "operator": ""},
    ]
    return content


def released(before: str, after: str, **changes: Any) -> dict[str, Any]:
    """Return the content of a comparison of two releases, whose first benchmark costs as in COSTS.

    The other one costs the same in each. One experiment is bitwise equal.
    """
    found = counted()
    for side, name in (("baseline", before), ("candidate", after)):
        found[side]["name"] = name
    result = found["benchmarks"][0]["measures"]["instructions"]
    costs = [COSTS.get(name, 4.0) for name in (before, after)]
    how = "fewer" if costs[1] < costs[0] else "more"
    result |= {
        "verdict": f"{how} instructions",
        "baseline": 1e6 * costs[0],
        "candidate": 1e6 * costs[1],
        "ratio": costs[1] / costs[0],
    }
    facts = ("bitwise equal", 20, None, 0.0, None, None, "same")
    found["behaviour"] = [vars(BehaviourVerdict("clipped-rnn", "textbook", *facts))]  # type: ignore[arg-type]
    return {**found, **changes}


def link(before: str, after: str, **changes: Any) -> Comparison:
    """Return a comparison of two releases: see `released`."""
    return Comparison.model_validate_json(json.dumps(released(before, after, **changes)))


def faults(**changes: Any) -> dict[str, Any]:
    """Return the content of the file of `tests.faults`: one fault caught, one survived."""
    verdicts = [
        {"name": name, "stands_for": "a bug", "caught": caught, "problem": "", "tests": []}
        for name, caught in (("healthy", False), ("gate-swapped", True), ("one-percent", False))
    ]
    return {"environment": {"paddle": "3.3.1"}, "verdicts": verdicts, **changes}


def left(name: str, *cases: Case, day: int = 24, **facts: str) -> EnvironmentResults:
    """Return the results of an environment; without facts, no file describes it."""
    results = EnvironmentResults(name, cases={"tests": list(cases)})
    if facts:
        results.runs["tests"] = run_file({"device": "cpu", "cpu": "A CPU", **facts}, day)
    return results


def with_history(name: str, experiment: str = "exploding-rnn", **changes: Any) -> Environment:
    """Return an environment with a made-up history of one experiment."""
    results = left(name)
    results.histories["cpu", experiment] = made_up(experiment, **changes)
    [environment] = environments_of([results])
    return environment


def curves(experiment: str = "exploding-rnn", **changes: Any) -> Curves:
    """Return the curves of one made-up run."""
    [found] = curves_of([with_history("a", experiment, **changes)])[experiment]
    return found
