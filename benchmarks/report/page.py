"""The page, which Jinja2 makes from the results and templates/page.html."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import TypeVar

from jinja2 import Environment as Templates
from jinja2 import FileSystemLoader, StrictUndefined
from markupsafe import Markup

from benchmarks.compare.chain import words_of
from benchmarks.compare.measures import CANNOT_TELL, MEASURES, Word
from benchmarks.compare.result import Comparison
from benchmarks.known_defects import defects_of, load, upgrade
from benchmarks.report import pictures
from benchmarks.report.curves import curves_of, printed_of
from benchmarks.report.defects import known_of
from benchmarks.report.executions import agreements_of
from benchmarks.report.matrix import (
    STATES,
    State,
    breakages_of,
    environments_of,
    fact_name,
    headline,
    rows_of,
    skips_of,
    worst_of,
)
from benchmarks.report.reading import Results
from benchmarks.report.releases import releases_on_page
from benchmarks.report.times import against_cpu, blocks_of
from benchmarks.saved.result_files import kinds_of
from benchmarks.saved.saved_run import Measure
from benchmarks.text import significant, without_folders
from rnn_core import EXPERIMENTS

TEMPLATES = Path(__file__).parent / "templates"
# Ids and titles of the sections, in their order.
SECTIONS = {
    "matrix": "Matrix",
    "broken": "What broke where",
    "notebook": "The notebook's figures",
    "curves": "The three experiments",
    "executions": "Static graphs",
    "times": "Step times",
    "comparisons": "Comparisons",
    "releases": "Releases",
    "defects": "Known defects of this Paddle",
    "faults": "Planted faults",
    "skipped": "Skipped tests",
    "environments": "Environments",
}
SYMBOLS = {"failed": "✗", "incomplete": "!", "passed": "✓"}
T = TypeVar("T")
Drawn = TypeVar("Drawn")


def make_page(results: Results, now: datetime) -> str:
    """Return the page as HTML, in which all text from result files is escaped."""
    environments = environments_of(results.environments)
    pythons, rows = rows_of(environments)
    printed = printed_of(environments)
    defects = defects_of(load())
    also = notices(results, printed.outside)
    states: list[State] = [each.state for each in environments] or ["incomplete"]
    states += [state for state, _ in also]
    return (
        _templates()
        .get_template("page.html")
        .render(
            sections=SECTIONS,
            made=now,
            headline=headline(environments),
            worst=worst_of(environments),
            state=min(states, key=STATES.index),
            also=also,
            environments=environments,
            ids={each.name: f"environment-{number}" for number, each in enumerate(environments, 1)},
            counts=sum((each.counts for each in environments), Counter()),
            pythons=pythons,
            rows=rows,
            breakages=breakages_of(environments),
            problems=results.problems,
            printed=printed,
            experiments=EXPERIMENTS,
            curves={
                name: _drawn(found, pictures.draw_curves, name)
                for name, found in curves_of(environments).items()
            },
            agreements=agreements_of(environments),
            times=_drawn(blocks_of(environments), pictures.draw_times, "times"),
            against=against_cpu(environments),
            compared=counts_of(results.comparisons),
            different=sum(each.different for each in results.comparisons),
            comparisons=_drawn(results.comparisons, _draw_measures, "comparison"),
            releases=_drawn(
                [releases_on_page(each, defects) for each in results.chains],
                lambda shown, key: _drawn(shown.charts, pictures.draw_releases, key),
                "releases",
            ),
            traits=MEASURES,
            cannot_tell=CANNOT_TELL,
            known=known_of(
                defects, [e.facts["paddle"] for e in environments if "paddle" in e.facts]
            ),
            upgrade=partial(upgrade, defects),
            planting=results.planting,
            skips=skips_of(environments),
        )
    )


@cache
def _templates() -> Templates:
    """The templates, which are compiled once."""
    templates = Templates(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    templates.globals["symbols"] = SYMBOLS
    templates.filters |= {
        "date": "{:%Y-%m-%d %H:%M} UTC".format,
        "ms": significant,
        "fact": fact_name,
        "kinds": kinds_of,
        "words": words_of,
    }
    return templates


def _shown(value: object) -> object:
    """Return a value as the page shows it: it may be mailed, so its texts have no folders."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return without_folders(value)
    return value


def _drawn(items: Sequence[T], draw: Callable[[T, str], Drawn], name: str) -> list[tuple[T, Drawn]]:
    """Return each item with its pictures, whose ids begin with name and number."""
    return [(each, draw(each, f"{name}-{number}")) for number, each in enumerate(items, 1)]


def _draw_measures(comparison: Comparison, key: str) -> dict[Measure, Markup]:
    """Draw each measure of a comparison."""
    return {
        measure: pictures.draw_comparison(comparison, measure, f"{key}-{measure}")
        for measure in comparison.measures
    }


def counts_of(comparisons: Sequence[Comparison]) -> dict[Measure, Counter[Word]]:
    """Return how often each verdict was given, by measure; without those that nothing has."""
    counts = {
        measure: Counter(
            result.verdict for each in comparisons for _, result in each.results(measure)
        )
        for measure in MEASURES
    }
    return {measure: found for measure, found in counts.items() if found}


def notices(results: Results, outside: int) -> list[tuple[State, str]]:
    """Return what else belongs beside the headline, even if every environment passed.

    Args:
        results: all results.
        outside: number of the notebook's figures that are not reproduced.
    """
    compared = counts_of(results.comparisons)
    links = [each for chain in results.chains for each in chain.values() if each]
    crashed = sum(each.crashed for each in (*results.comparisons, *links))
    different = sum(each.different for each in results.comparisons)
    surprises = 0 if results.planting is None else len(results.planting.surprises)
    counts = {
        "of the notebook's figures not reproduced": outside,
        **{
            f"of the compared benchmarks {traits.finding}": compared[measure][traits.worse]
            for measure, traits in MEASURES.items()
            if measure in compared
        },
        "of the compared experiments different": different,
        "of the comparisons crashed": crashed,
        "of the planted faults without the expected result": surprises,
    }
    found: list[tuple[State, str]] = [
        ("failed", f"{count} {what}") for what, count in counts.items() if count
    ]
    if results.problems:
        names = ", ".join(problem.file for problem in results.problems)
        found.append(("incomplete", f"Not on the page: {names}"))
    return found
