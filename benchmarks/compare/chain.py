"""Comparisons of each release with the one before it, as one table, and what changed between."""

import math
from collections.abc import Iterable, Mapping, Sequence

from benchmarks.compare.measures import MEASURES
from benchmarks.compare.result import Benchmark, Comparison, Measured
from benchmarks.known_defects import Defect, upgrade
from benchmarks.saved.saved_run import Measure
from benchmarks.text import table

# Smallest change between two releases that is listed.
CHANGE = 0.01
# Rows of each table of reasons that explain a change.
SHOWN_REASONS = 3

# The comparison of each release with the next, by their names; None if it failed.
Chain = Mapping[tuple[str, str], Comparison | None]


def measures_of(chain: Chain) -> list[Measure]:
    """Return the measures that the comparisons have."""
    found = [each for each in chain.values() if each is not None]
    return [measure for measure in MEASURES if any(measure in each.measures for each in found)]


def values_of(chain: Chain, measure: Measure) -> dict[str, dict[str, float]]:
    """Return what each benchmark costs in each release, by label.

    A release in the middle was measured twice: the values are those beside its predecessor.
    """
    found: dict[str, dict[str, float]] = {}
    for (before, after), comparison in chain.items():
        for benchmark, result in () if comparison is None else comparison.results(measure):
            values = found.setdefault(benchmark.parameters, {})
            values.setdefault(before, result.baseline)
            values[after] = result.candidate
    return found


def changes_of(chain: Chain) -> Iterable[tuple[str, str, Measure, Benchmark, Measured]]:
    """Yield every change by more than 1% between two releases, the newest last."""
    for (before, after), comparison in chain.items():
        if comparison is None:
            continue
        for measure in comparison.measures:
            for benchmark, result in comparison.results(measure):
                if abs(math.log(result.ratio)) > math.log1p(CHANGE):
                    yield before, after, measure, benchmark, result


def text_of(chain: Chain, defects: Sequence[Defect]) -> str:
    """Return a table of behaviours and defects, one of each measure, and the changes."""
    sections = [
        table(
            ["Paddle", "trains like the one before", "known defects"],
            [
                [after, behaviour_of(comparison), defects_of(defects, before, after)]
                for (before, after), comparison in chain.items()
            ],
        )
    ]
    releases = list(dict.fromkeys(name for pair in chain for name in pair))
    for measure in measures_of(chain):
        traits, values = MEASURES[measure], values_of(chain, measure)
        rows = [
            [name, *(traits.show(costs[each]) if each in costs else "" for each in releases)]
            for name, costs in values.items()
        ]
        sections.append(
            f"{traits.quantity.capitalize()}, {traits.unit}:\n"
            + table(["benchmark", *releases], rows)
        )
    sections.append("\n".join(change_lines(chain)) or "No change by more than 1%.")
    return "\n\n".join(sections)


def behaviour_of(comparison: Comparison | None) -> str:
    """Return the verdicts on the experiments in a few words; those that agree are joined."""
    if comparison is None or not comparison.behaviour:
        return "not compared"
    found: dict[str, list[str]] = {}
    for each in comparison.behaviour:
        words = str(each.verdict)
        if each.first_step is not None:
            words += f" from step {each.first_step}" + (f" ({each.tensor})" if each.tensor else "")
        found.setdefault(words, []).append(each.experiment)
    if len(found) == 1:
        return next(iter(found))
    return "; ".join(f"{', '.join(names)}: {words}" for words, names in found.items())


def defects_of(defects: Sequence[Defect], before: str, after: str) -> str:
    """Return the known defects that a release breaks and mends."""
    if not all(any(name in each.there for each in defects) for name in (before, after)):
        return "not checked"
    changed = upgrade(defects, before, after)
    words = [f"breaks {', '.join(changed.breaks)}"] * bool(changed.breaks)
    words += [f"mends {', '.join(changed.mends)}"] * bool(changed.mends)
    return "; ".join(words) or "no change"


def change_lines(chain: Chain) -> Iterable[str]:
    """Yield a line for each change, and what explains a change of instructions."""
    for before, after, measure, benchmark, result in changes_of(chain):
        digits = MEASURES[measure].digits
        yield f"{before} -> {after}: {benchmark.parameters} {result.ratio:.{digits}f} {measure}"
        for title, _, rows in benchmark.reasons if measure == "instructions" else ():
            shown = [f"{row[0][:60]} {row[-1]}" for row in rows[:SHOWN_REASONS]]
            yield f"    {title}: {', '.join(shown)}"
