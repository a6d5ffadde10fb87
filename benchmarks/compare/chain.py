"""Comparisons of each release with the one before it, as one table, and what changed between."""

import math
from collections.abc import Iterable, Mapping, Sequence

from benchmarks.behaviour.judge import BehaviourVerdict
from benchmarks.compare.measures import CANNOT_TELL, MEASURES, SAME
from benchmarks.compare.result import Benchmark, Comparison, Measured
from benchmarks.known_defects import Defect, upgrade
from benchmarks.saved.saved_run import Measure
from benchmarks.text import table, version

# The folders of these comparisons begin with it, and those of bisections.
LINK, BISECTION = "releases-", "bisect-"
# Smallest change between two releases that is listed, unless the measure varies more.
CHANGE = 0.01
# Rows of each table of reasons that explain a change.
SHOWN_REASONS = 3

Result = tuple[Measure, Benchmark, Measured]
# The comparison of each release with the next, by their names; None if it failed.
Chain = Mapping[tuple[str, str], Comparison | None]


def chains_of(links: Sequence[Comparison]) -> tuple[list[Chain], list[Comparison]]:
    """Join comparisons that follow each other.

    Of two comparisons with the same baseline or candidate, the one between nearer releases counts.
    Two chains, of which one ends before the other begins, are one with a missing comparison.

    Returns:
        The chains, the oldest releases first, and the comparisons that belong to none.
    """
    newest_last = sorted(links, key=lambda link: link.date)
    backwards = sorted(newest_last, key=lambda link: version(link.candidate.name), reverse=True)
    next_of = {link.baseline.name: link for link in backwards}
    forwards = sorted(next_of.values(), key=lambda link: version(link.baseline.name))
    last_of = {link.candidate.name: link for link in forwards}
    next_of = {link.baseline.name: link for link in last_of.values()}
    chains: list[dict[tuple[str, str], Comparison | None]] = []
    # Names that are not versions count as equal ones. Sorted by name, too, they have a fixed order.
    for name in sorted(next_of.keys() - last_of.keys(), key=lambda name: (version(name), name)):
        end = releases_of(chains[-1])[-1] if chains else name
        if version(end) < version(name):
            chains[-1][end, name] = None
        else:
            chains.append({})
        while name in next_of:
            link = next_of[name]
            chains[-1][name, link.candidate.name] = link
            name = link.candidate.name
    used = [link for chain in chains for link in chain.values()]
    return [*chains], [link for link in links if all(link is not each for each in used)]


def releases_of(chain: Chain) -> list[str]:
    """Return the names of all releases, the oldest first."""
    return list(dict.fromkeys(name for pair in chain for name in pair))


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


def smallest_change(measure: Measure) -> float:
    """Return the smallest change of a measure that is listed: 1%, or 5% of the time."""
    return max(CHANGE, MEASURES[measure].within)


def limits_of(measures: Iterable[Measure]) -> str:
    """Return the smallest changes that are listed, in words."""
    return ", ".join(
        f"{100 * smallest_change(measure):g}% of the {MEASURES[measure].quantity}"
        for measure in measures
    )


def results_of(comparison: Comparison | None) -> Iterable[Result]:
    """Yield all results of a comparison, if there is one."""
    if comparison is None:
        return
    for measure in comparison.measures:
        for benchmark, result in comparison.results(measure):
            yield measure, benchmark, result


def changes_of(comparison: Comparison | None) -> list[Result]:
    """Return every change between two releases that is large and certain enough."""
    return [
        (measure, benchmark, result)
        for measure, benchmark, result in results_of(comparison)
        if abs(math.log(result.ratio)) > math.log1p(smallest_change(measure))
        and result.verdict not in (SAME, CANNOT_TELL)
    ]


def undecided_of(comparison: Comparison | None) -> list[Result]:
    """Return the results without a verdict."""
    return [each for each in results_of(comparison) if each[-1].verdict == CANNOT_TELL]


def text_of(chain: Chain, defects: Sequence[Defect]) -> str:
    """Return a table of behaviours and defects, one of each measure, and the changes."""
    releases = releases_of(chain)
    sections = [
        table(
            ["Paddle", "trains like the one before", "known defects"],
            [
                [releases[place], behaviour_of(each), defects_of(defects, releases[: place + 1])]
                for place, each in enumerate(chain.values(), 1)
            ],
        )
    ]
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
    no_change = f"No change by more than {limits_of(measures_of(chain))}."
    sections.append("\n".join(change_lines(chain)) or no_change)
    return "\n\n".join(sections)


def behaviour_of(comparison: Comparison | None) -> str:
    """Return the verdicts on the experiments in a few words; those that agree are joined."""
    if comparison is None or not comparison.behaviour:
        return "not compared"
    found: dict[str, list[str]] = {}
    for each in comparison.behaviour:
        found.setdefault(words_of(each), []).append(each.experiment)
    if len(found) == 1:
        return next(iter(found))
    return "; ".join(f"{', '.join(names)}: {words}" for words, names in found.items())


def words_of(behaviour: BehaviourVerdict) -> str:
    """Return the verdict on one experiment, with the first step and tensor that differ."""
    words = str(behaviour.verdict)
    if behaviour.first_step is not None:
        words += f" from step {behaviour.first_step}"
        words += f" ({behaviour.tensor})" if behaviour.tensor else ""
    return words


def defects_of(defects: Sequence[Defect], releases: Sequence[str]) -> str:
    """Return the known defects that the last of these releases breaks and mends.

    It is compared with the newest one before it that was checked.
    """
    *older, after = releases
    checked = [name for name in older if any(name in each.there for each in defects)]
    if not checked or not any(after in each.there for each in defects):
        return "not checked"
    changed = upgrade(defects, checked[-1], after)
    words = [f"breaks {', '.join(changed.breaks)}"] * bool(changed.breaks)
    words += [f"mends {', '.join(changed.mends)}"] * bool(changed.mends)
    since = "" if checked[-1] == older[-1] else f" (since {checked[-1]})"
    return ("; ".join(words) or "no change") + since


def change_lines(chain: Chain) -> Iterable[str]:
    """Yield a line for each change, with what explains instructions, and each missing verdict."""
    for (before, after), comparison in chain.items():
        if comparison is None:
            yield f"{before} -> {after}: not compared"
            continue
        for measure, benchmark, result in undecided_of(comparison):
            words = comparison.describe(measure, result)
            yield f"{before} -> {after}: {benchmark.parameters} {measure}: {words}"
        for measure, benchmark, result in changes_of(comparison):
            digits = MEASURES[measure].digits
            yield f"{before} -> {after}: {benchmark.parameters} {result.ratio:.{digits}f} {measure}"
            for title, _, rows in benchmark.reasons if measure == "instructions" else ():
                shown = [f"{row[0][:60]} {row[-1]}" for row in rows[:SHOWN_REASONS]]
                yield f"    {title}: {', '.join(shown)}"
