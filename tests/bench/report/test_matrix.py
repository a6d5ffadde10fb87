"""The matrix of environments: their places and states, and what failed where."""

from dataclasses import replace

import pytest

from benchmarks.report.formats import Case
from benchmarks.report.matrix import (
    Environment,
    breakages_of,
    environments_of,
    rows_of,
)
from benchmarks.report.reading import EnvironmentResults
from tests.helpers.matrix_results import left

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
