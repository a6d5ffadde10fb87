"""Comparisons of releases that follow each other are joined; their text is in test_releases.py."""

import pytest

from benchmarks.compare.chain import chains_of, releases_of
from benchmarks.compare.result import Comparison, Side
from tests.helpers.matrix_results import link


def links(pairs: str) -> list[Comparison]:
    """Return the comparisons of releases that "3.0>3.1 3.1>3.2" names."""
    any_link = link("3.1.0", "3.2.0")
    return [
        any_link.model_copy(
            update={
                side: Side(name=name, environment={})
                for side, name in zip(("baseline", "candidate"), pair.split(">"), strict=True)
            }
        )
        for pair in pairs.split()
    ]


@pytest.mark.parametrize(
    ("pairs", "chains", "others"),
    [
        ("", [], ""),
        ("3.0>3.1 3.1>3.2", ["3.0>3.1>3.2"], ""),
        ("3.1>3.2 3.0>3.1", ["3.0>3.1>3.2"], ""),
        # Links decide, not versions: a development version may be 0.0.0.
        ("3.0>3.1 3.1>0.0", ["3.0>3.1>0.0"], ""),
        # The nearer release counts, on both sides; 3.10 is later than 3.9.
        ("3.0>3.2 3.0>3.1 3.1>3.2", ["3.0>3.1>3.2"], "3.0>3.2"),
        ("3.0>3.1 3.0>3.2 3.1>3.2", ["3.0>3.1>3.2"], "3.0>3.2"),
        ("3.0>3.10 3.0>3.9 3.9>3.10", ["3.0>3.9>3.10"], "3.0>3.10"),
        ("3.0>3.2 3.1>3.2", ["3.1>3.2"], "3.0>3.2"),
        # One comparison failed; or the chains overlap.
        ("3.0>3.1 3.2>3.3", ["3.0>3.1 3.2>3.3"], ""),
        ("3.0>3.2 3.2>3.3 3.1>3.4", ["3.0>3.2>3.3", "3.1>3.4"], ""),
        # Twice the same, and circles.
        ("3.0>3.1 3.0>3.1", ["3.0>3.1"], "3.0>3.1"),
        ("3.0>3.1 3.1>3.0 3.2>3.2", [], "3.0>3.1 3.1>3.0 3.2>3.2"),
    ],
)
def test_comparisons_that_follow_each_other_are_a_chain(
    pairs: str, chains: list[str], others: str
) -> None:
    """A space in a chain stands for a comparison that is missing."""
    found, rest = chains_of(links(pairs))

    assert [
        releases_of(chain)[0]
        + "".join(f"{'>' if each else ' '}{after}" for (_, after), each in chain.items())
        for chain in found
    ] == chains
    assert " ".join(f"{each.baseline.name}>{each.candidate.name}" for each in rest) == others
    for chain in found:
        for pair, each in chain.items():
            assert each is None or pair == (each.baseline.name, each.candidate.name)
