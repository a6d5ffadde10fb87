"""The matrix of environments: their places and states, and what failed where."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from benchmarks.report.formats import Case, CaseOutcome
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
from benchmarks.report.reading import EnvironmentResults, Problem
from tests.helpers.matrix_results import WHOLE, left, with_history

PASSED, FAILED = Case("test_a::x", "passed"), Case("test_a::x", "failed", "1 != 2")


def matrix(*pairs: tuple[str, str]) -> list[EnvironmentResults]:
    """Return an environment for each Paddle and Python, in which all tests pass."""
    return [
        left(f"{paddle}-{python}", PASSED, paddle=paddle, python=python) for paddle, python in pairs
    ]


def names(environments: list[Environment]) -> list[str]:
    """Return the names of environments."""
    return [each.name for each in environments]


def test_environments_are_ordered_by_version_numbers() -> None:
    """Paddle 3.10 comes after 3.3, Python 3.9 before 3.11."""
    pairs = [("3.10.0", "3.9.7"), ("3.3.1", "3.11.7"), ("2.6.2", "3.9.1"), ("3.3.1", "3.10.13")]
    pairs.append(("3.3.1", "3.9.8"))
    environments = environments_of(matrix(*pairs))
    pythons, rows = rows_of(environments)

    assert names(environments) == [
        *("2.6.2-3.9.1", "3.3.1-3.9.8", "3.3.1-3.10.13", "3.3.1-3.11.7", "3.10.0-3.9.7")
    ]
    assert pythons == ["3.9", "3.10", "3.11"]
    assert list(rows) == [("cpu", "2.6.2"), ("cpu", "3.3.1"), ("cpu", "3.10.0")]
    assert [names(cell) for cell in rows["cpu", "3.10.0"]] == [["3.10.0-3.9.7"], [], []]


def test_an_environment_without_facts_is_placed_by_its_name() -> None:
    """Other names have no place."""
    places = ("py312-paddle31-gpu", "bench-paddle32", "mine", "py310-paddle26-cpu")
    known = matrix(*((paddle, "3.11.7") for paddle in ("3.2.10", "3.2.9", "3.10.0")))
    known.append(left("py310-paddle26", paddle="3.3.1", python="3.12.1"))
    environments = environments_of([*map(left, places), *known])

    assert {each.name: tuple(each.place) for each in environments} == {
        "py312-paddle31-gpu": ("gpu", "3.1", "3.12"),
        # The patch version is that of another environment.
        "bench-paddle32": ("cpu", "3.2.10", "unknown"),
        "py310-paddle26-cpu": ("cpu", "2.6", "3.10"),
        "mine": ("unknown", "unknown", "unknown"),
        **{each.name: ("cpu", each.name[:-7], "3.11") for each in known[:3]},
        "py310-paddle26": ("cpu", "3.3.1", "3.12"),
    }
    assert tuple(with_history("a").place) == ("cpu", "3.3.1", "3.11")


@pytest.mark.parametrize("kind", ["gpu", "npu"])
def test_an_environment_with_a_gpu_is_placed_with_the_gpus(kind: str) -> None:
    """This holds even though it tests the CPU too."""
    results = left("0", PASSED, paddle="3.3.1", python="3.11.7")
    devices = results.runs["tests"].environments
    devices[f"{kind}:0"] = {**devices["cpu"], "device": f"{kind}:0"}
    del devices["cpu"]["device"]  # Files from elsewhere may lack it.

    _, rows = rows_of(environments_of([results, *matrix(("3.3.1", "3.11.7"))]))

    assert list(rows) == [("cpu", "3.3.1"), (kind, "3.3.1")]


def incomplete(name: str) -> EnvironmentResults:
    """Return an environment that passed, but lacks a file."""
    results = left(name, PASSED, paddle="3.3.1")
    results.problems.append(Problem("tests.xml", "missing"))
    return results


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ([], "No environment left results"),
        ([left("a", PASSED)], "The one environment passed"),
        ([left("a", FAILED)], "1 of 1 environment has failures"),
        ([left("a", PASSED), left("b", PASSED)], "All 2 environments passed"),
        ([left("a", PASSED), left("b", FAILED)], "1 of 2 environments has failures"),
        ([left("a", PASSED), incomplete("b")], "1 of 2 environments is incomplete"),
        ([left("a", FAILED), left("b", FAILED)], "2 of 2 environments have failures"),
        ([incomplete("a"), incomplete("b")], "2 of 2 environments are incomplete"),
        (
            [left("a", PASSED), left("b", FAILED), incomplete("c")],
            "1 of 3 environments has failures, 1 more is incomplete",
        ),
    ],
)
def test_headline_counts_failed_and_incomplete_environments(
    results: list[EnvironmentResults], expected: str
) -> None:
    """Failures come before missing files."""
    assert headline(environments_of(results)) == expected


def test_environments_that_did_not_pass_are_grouped_by_state() -> None:
    """Each group names the fact that only its environments share; a group of one names none."""
    results = [
        left("good", PASSED, paddle="3.3.1"),
        left("bad", FAILED, paddle="2.6.2", numpy="1.26"),
        left("worse", FAILED, paddle="2.6.2", numpy="1.26"),
        incomplete("short"),
    ]

    assert [
        (state, names(those), pattern)
        for state, those, pattern in worst_of(environments_of(results))
    ] == [
        ("failed", ["bad", "worse"], "all with Paddle 2.6.2, and no other"),
        ("incomplete", ["short"], ""),
    ]


@pytest.mark.parametrize(
    ("outcomes", "verdict", "counts"),
    [
        (["error", "skipped"], "1 failed", {"failed": 1, "skipped": 1}),
        (["failed", "error", "crashed"], "1 crashed, 2 failed", {"failed": 2, "crashed": 1}),
    ],
)
def test_errors_in_fixtures_and_crashes_are_failures(
    outcomes: list[CaseOutcome], verdict: str, counts: dict[str, int]
) -> None:
    """Skipped tests are not; crashes have a count and a group of their own."""
    results = left("a", *map(Case, "xyz", outcomes))
    results.problems.append(Problem("tests.xml", "incomplete"))
    [each] = environments_of([results])

    assert (each.state, each.verdict) == ("failed", verdict)
    assert each.counts == counts
    assert len(breakages_of([each])) == len(counts.keys() - {"skipped"})


@pytest.mark.parametrize(
    ("failing", "pattern"),
    [
        ([0, 1], "all with Paddle 2.6.2, and no other"),
        ([0, 2], "all with Python 3.10, and no other"),
        ([1], ""),
        ([0, 1, 2], ""),
        ([0, 1, 4], ""),
        ([0, 1, 2, 3, 4], "everywhere"),
    ],
)
def test_a_failure_has_the_fact_that_only_its_environments_share(
    failing: list[int], pattern: str
) -> None:
    """All that fail share it, and no other environment that ran the test has it."""
    pairs = [("2.6.2", "3.10.1"), ("2.6.2", "3.11.1"), ("3.3.1", "3.10.1"), ("3.3.1", "3.11.1")]
    pairs.append(("3.0.0", "3.11.1"))
    results = matrix(*pairs)
    for index in failing:
        results[index].cases["tests"] = [FAILED]
    [breakage] = breakages_of(environments_of(results))

    assert (len(breakage.where), breakage.pattern) == (len(failing), pattern)
    assert breakage.cases == [FAILED]


def test_a_shared_fact_may_come_from_the_name_or_be_missing() -> None:
    """An empty fact counts like one that is missing."""
    on_gpu, old = ([left(f"py31{n}-paddle{end}", FAILED) for n in "01"] for end in ("33-gpu", "26"))
    plain = [left("a", FAILED, paddle="3.3.1", flags=""), left("b", FAILED, paddle="3.3.1")]
    passed = left("c", PASSED, paddle="3.3.1", flags="A=1")

    assert [
        breakages_of(environments_of([*failed, passed]))[0].pattern
        for failed in (on_gpu, old, plain)
    ] == [f"all with {fact}, and no other" for fact in ("device gpu", "Paddle 2.6", "flags none")]
    assert fact_name("device_name") == "device name"


def test_tests_that_fail_in_the_same_environments_are_one_breakage() -> None:
    """Those of most environments come first; an environment that skipped a test did not run it."""
    first, second, third = FAILED, replace(FAILED, name="test_b::y"), replace(FAILED, name="a")
    results = [
        left("a", second, first, third, paddle="2.6.2"),
        left("b", second, replace(third, outcome="skipped"), first, paddle="2.6.2"),
        left("c", PASSED, replace(second, outcome="skipped"), paddle="3.3.1"),
        left("d", replace(PASSED, name="a"), replace(FAILED, name="test_c"), paddle="3.3.1"),
    ]
    found = breakages_of(environments_of(results))

    assert [
        (names(list(each.where)), [case.name for case in each.cases], each.pattern)
        for each in found
    ] == [
        (["a", "b"], ["test_a::x"], "all with Paddle 2.6.2, and no other"),
        (["a", "b"], ["test_b::y"], "everywhere"),
        (["a"], ["a"], ""),
        (["d"], ["test_c"], ""),
    ]


def test_skips_are_counted_by_reason() -> None:
    """Each reason has the number of skipped tests in each environment."""
    gpu, jax = Case("a", "skipped", "no GPU"), Case("b", "skipped", "JAX is absent")
    cuda = Case("b", "skipped", "CUDA")
    results = [left("a", jax, gpu, replace(gpu, name="c")), left("b", gpu, cuda)]

    assert skips_of(environments_of(results)) == [
        ("no GPU", {"a": 2, "b": 1}),
        ("CUDA", {"b": 1}),
        ("JAX is absent", {"a": 1}),
    ]


def test_results_of_another_day_are_marked_as_old() -> None:
    """They are not from the same run of the matrix."""
    results = [left(f"{day}", PASSED, day=day, paddle="3.3.1") for day in (20, 22, 23, 24)]
    run = results[2].runs["tests"]
    earlier = run.model_copy(update={"date": run.date - timedelta(hours=1)})
    results.append(replace(results[2], name="hour", runs={"tests": earlier}))

    assert {each.name: each.old for each in environments_of(results)} == {
        "20": "4 days older than the newest",
        "22": "2 days older than the newest",
        "23": "",
        "24": "",
        "hour": "1 day older than the newest",
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ""),
        ({"source": "ARGS", "paths": ("tests",)}, ""),
        ({"source": "ARGS", "paths": ("tests/core/test_cells.py",)}, "not all tests"),
        ({"source": "INVOCATION_DIR", "paths": ("/project/tests/core",)}, "not all tests"),
        ({"options": ("--ignore",)}, "not all tests"),
        ({"deselected": 1}, "not all tests"),
        ({"stopped": "stopping after 1 failures"}, "not all tests"),
    ],
)
def test_a_run_of_some_tests_is_marked(changes: dict[str, Any], expected: str) -> None:
    """Paths, deselection or an early stop leave out tests."""
    results = left("a", PASSED, paddle="3.3.1")
    selection = WHOLE.model_copy(update=changes)
    results.runs["tests"] = results.runs["tests"].model_copy(update={"selection": selection})

    assert environments_of([results])[0].part == expected
    assert environments_of([left("bench")])[0].part == ""
