"""Bisection over releases; tests/recorded has the command `python -m benchmarks.releases`."""

from collections.abc import Callable, Mapping, Sequence

import pytest

from benchmarks.compare.releases import bisect


def by(costs: Mapping[str, float], asked: list[str]) -> Callable[[str, str], float]:
    """Return a distance between releases, which records what was asked for."""

    def distance(before: str, after: str) -> float:
        asked.append(after)
        return costs[after] - costs[before]

    return distance


@pytest.mark.parametrize(
    ("costs", "first", "measured"),
    [
        ((0, 0, 0, 0, 1), "e", "ecde"),
        ((0, 1, 1, 1, 1), "b", "ecbb"),
        ((0, 0, 0, 1, 1), "d", "ecdd"),
    ],
)
def test_bisection_finds_the_first_release_past_half(
    costs: Sequence[float], first: str, measured: str
) -> None:
    """It measures the ends, and then half of what is left."""
    asked: list[str] = []
    found = bisect("abcde", by(dict(zip("abcde", costs, strict=True)), asked))

    assert found == f"{first} is the first release past half of the difference."
    assert "".join(asked) == measured


def test_bisection_warns_of_a_second_change() -> None:
    """The one that it found is then less than 80% of the whole."""
    costs = dict(zip("abcde", (0, 0.3, 0.3, 1, 1), strict=True))

    assert bisect("abcde", by(costs, [])).endswith(
        "From c to d, it is 70% of the difference between a and e: another release changed it, too."
    )
    assert "another release" in bisect("abc", by({"a": 0, "b": -0.3, "c": 0.4}, []))
    assert bisect("ae", by({"a": 1, "e": 1}, [])).startswith("e does not differ from a. Changes ")


def test_a_change_in_the_other_direction_is_not_the_one_looked_for() -> None:
    """Costs fell, and then rose further than they had fallen."""
    costs = dict(zip("abcd", (0, -0.4, -0.4, 0.3), strict=True))

    assert bisect("abcd", by(costs, [])).startswith("d is the first release past half")
