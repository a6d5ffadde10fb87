"""The page's releases: costs beside the oldest release, changes, and what is missing."""

import pytest

from benchmarks.behaviour.judge import BehaviourVerdict
from benchmarks.compare.chain import chains_of
from benchmarks.known_defects import Defect
from benchmarks.report.releases import Cost, releases_on_page
from tests.helpers.matrix_results import link

# A comparison is missing: 3.0.0 to 3.1.0.
LINKS = [
    link("2.6.2", "3.0.0"),
    link("3.1.0", "3.2.0", behaviour=[]),
    link("3.2.0", "3.3.0", baseline={"name": "3.2.0", "environment": {"python": "3.12.1"}}),
]
[CHAIN], _ = chains_of(LINKS)
DEFECTS = [Defect("leak", "", {"2.6.2": False, "3.0.0": False, "3.2.0": True})]


def test_costs_are_multiples_of_the_oldest_release() -> None:
    """Only a change by more than 1% since the release before it is one."""
    chart, other = releases_on_page(CHAIN, DEFECTS).charts
    [instructions, memory] = chart.costs.values()
    values, ratios, changes = zip(*instructions, strict=True)

    assert chart.releases == ["2.6.2", "3.0.0", "3.1.0", "3.2.0", "3.3.0"]
    assert chart.benchmark == LINKS[-1].benchmarks[0]
    assert [*chart.costs] == ["instructions", "memory"]
    assert values == (4e6, 3.6e6, 3.6e6, 4e6, 4.01e6)
    assert ratios == pytest.approx((1, 0.9, 0.9, 1, 1.0025))
    assert changes == (None, pytest.approx(0.9), None, pytest.approx(4 / 3.6), None)
    assert {*memory, *other.costs["instructions"]} == {Cost(2e6, 1.0, None)}


def test_a_benchmark_may_be_missing_in_some_releases() -> None:
    """Its costs are then multiples of those in the oldest release that has it."""
    newest = link("3.0.0", "3.1.0").benchmarks
    first = LINKS[0].model_copy(update={"benchmarks": newest[1:]})
    chain = {("2.6.2", "3.0.0"): first, ("3.0.0", "3.1.0"): link("3.0.0", "3.1.0")}
    other, chart = releases_on_page(chain, []).charts

    assert [cost.ratio for cost in other.costs["instructions"]] == [1, 1, 1]
    assert chart.costs["instructions"] == [
        Cost(None, None, None),
        Cost(3.6e6, 1.0, None),
        Cost(3.6e6, 1.0, None),
    ]


def test_costs_without_a_verdict_are_counted() -> None:
    """That nothing changed cannot be said of them."""
    first = LINKS[0].benchmarks[0]
    measures = {
        name: result.model_copy(update={"verdict": "cannot tell"})
        for name, result in first.measures.items()
    }
    unsure = LINKS[0].model_copy(
        update={"benchmarks": (first.model_copy(update={"measures": measures}),)}
    )
    [shown] = releases_on_page({("2.6.2", "3.0.0"): unsure}, []).links

    assert (shown.changes, shown.undecided) == ([], 2)


def test_each_release_stands_beside_the_one_before() -> None:
    """Behaviours, defects and changes; whatever is missing is None or said in words."""
    shown = releases_on_page(CHAIN, DEFECTS)

    assert shown.names == ["2.6.2", "3.0.0", "3.1.0", "3.2.0", "3.3.0"]
    assert shown.limits == "1% of the instruction count, 1% of the peak memory"
    assert [(each.before, each.after) for each in shown.links] == [*CHAIN]
    assert [each.comparison for each in shown.links] == [LINKS[0], None, *LINKS[1:]]
    assert [each.behaviour for each in shown.links] == [
        "bitwise equal",
        *2 * ["not compared"],
        "bitwise equal",
    ]
    assert [each.defects for each in shown.links] == [
        "no change",
        "not checked",
        "breaks leak (since 3.0.0)",
        "not checked",
    ]
    assert [len(each.changes) for each in shown.links] == [1, 0, 1, 0]
    assert shown.behaviours.keys() == {"clipped-rnn"}
    assert [isinstance(each, BehaviourVerdict) for each in shown.behaviours["clipped-rnn"]] == [
        *(True, False, False, True)
    ]
    assert shown.facts == "Python 3.11.7 and 3.12.1, CPU A CPU"
    own = {
        pair: each and each.model_copy(update={"workload": "ab, 9"}) for pair, each in CHAIN.items()
    }
    assert releases_on_page(own, []).facts == f"{shown.facts}, workload ab, 9"
