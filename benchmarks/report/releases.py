"""Releases of Paddle beside each other, from comparisons of each with the one before it."""

from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.behaviour.judge import BehaviourVerdict
from benchmarks.compare.chain import (
    Chain,
    Result,
    behaviour_of,
    changes_of,
    defects_of,
    limits_of,
    measures_of,
    releases_of,
    undecided_of,
    values_of,
)
from benchmarks.compare.result import Benchmark, Comparison
from benchmarks.known_defects import Defect
from benchmarks.report.matrix import fact_name
from benchmarks.saved.saved_run import Measure


class Cost(NamedTuple):
    """The cost of a benchmark in one release.

    Attributes:
        value: the cost; None if it was not measured, as are the other attributes.
        ratio: the cost as a multiple of that in the oldest release.
        change: the cost as a multiple of that in the release before; None if it is not larger
            than the limits, or not certain.
    """

    value: float | None
    ratio: float | None
    change: float | None


class Chart(NamedTuple):
    """The costs of one benchmark in all releases.

    Attributes:
        benchmark: the benchmark, as in the newest comparison that has it.
        releases: names of the releases.
        costs: cost in each of them, by measure.
    """

    benchmark: Benchmark
    releases: Sequence[str]
    costs: dict[Measure, list[Cost]]


class Link(NamedTuple):
    """A release compared with the one before it.

    Attributes:
        before: name of the release before.
        after: name of the release.
        comparison: the comparison; None if it is missing.
        behaviour: whether it trains like the one before, in words.
        defects: known defects that it breaks and mends, in words.
        changes: costs that changed by more than the limits.
        undecided: number of costs without a verdict.
    """

    before: str
    after: str
    comparison: Comparison | None
    behaviour: str
    defects: str
    changes: list[Result]
    undecided: int


class Releases(NamedTuple):
    """A chain of comparisons, as the page shows it.

    Attributes:
        names: names of the releases, the oldest first.
        facts: Python, CPU, and settings of an own workload, in words.
        behaviours: verdict on each experiment from release to release; None if not compared.
        charts: costs by benchmark.
        links: the comparisons.
        limits: smallest changes that are shown, in words.
    """

    names: list[str]
    facts: str
    behaviours: dict[str, list[BehaviourVerdict | None]]
    charts: list[Chart]
    links: list[Link]
    limits: str


def releases_on_page(chain: Chain, defects: Sequence[Defect]) -> Releases:
    """Return what the page shows of a chain."""
    found = [each for each in chain.values() if each is not None]
    environments = [side.environment for each in found for side in (each.baseline, each.candidate)]
    facts = {
        fact_name(key): dict.fromkeys(each[key] for each in environments if key in each)
        for key in ("python", "cpu")
    } | {"workload": dict.fromkeys(each.workload for each in found if each.workload)}
    verdicts = [
        {verdict.experiment: verdict for verdict in (each.behaviour if each else ())}
        for each in chain.values()
    ]
    names = releases_of(chain)
    return Releases(
        names,
        ", ".join(f"{name} {' and '.join(values)}" for name, values in facts.items() if values),
        {name: [each.get(name) for each in verdicts] for each in verdicts for name in each},
        charts_of(chain),
        [
            Link(
                *pair,
                each,
                behaviour_of(each),
                defects_of(defects, names[: place + 1]),
                changes_of(each),
                len(undecided_of(each)),
            )
            for place, (pair, each) in enumerate(chain.items(), 1)
        ],
        limits_of(measures_of(chain)),
    )


def charts_of(chain: Chain) -> list[Chart]:
    """Return a chart for each benchmark."""
    names = releases_of(chain)
    changes = {
        (after, measure, benchmark.parameters): result.ratio
        for (_, after), comparison in chain.items()
        for measure, benchmark, result in changes_of(comparison)
    }
    charts: dict[str, Chart] = {}
    for comparison in chain.values():
        for benchmark in comparison.benchmarks if comparison else ():
            charts[benchmark.parameters] = Chart(benchmark, names, {})
    for measure in measures_of(chain):
        for label, values in values_of(chain, measure).items():
            oldest = next(values[name] for name in names if name in values)
            charts[label].costs[measure] = [
                Cost(values[name], values[name] / oldest, changes.get((name, measure, label)))
                if name in values
                else Cost(None, None, None)
                for name in names
            ]
    return [*charts.values()]
