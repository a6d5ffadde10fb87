"""The result of a comparison as plain text."""

from collections.abc import Iterable, Mapping
from typing import Literal

from benchmarks.behaviour.judge import BehaviourVerdict
from benchmarks.compare.measures import CANNOT_TELL, MEASURES
from benchmarks.compare.result import Comparison
from benchmarks.compare.sides import Saved, SideError
from benchmarks.compare.summary import typical
from benchmarks.saved.saved_run import Measure
from benchmarks.text import significant, table
from rnn_core.runtime.messages import printable

NO_VERDICT = "NOT ONE BENCHMARK HAS A VERDICT."
Form = Literal["text", "markdown"]
# What separates lines: Markdown joins those without an empty line between them.
GAPS: Mapping[Form, str] = {"text": "\n", "markdown": "\n\n"}
# Rows of each table that explains the result of a benchmark, and characters of a name in it.
SHOWN_REASONS, LONGEST_NAME = 5, 60


def text_of(comparison: Comparison, form: Form = "text") -> str:
    """Return the whole comparison, with a table for each measure, then the functions behind it."""
    changes = "; ".join(
        f"{fact} {before or 'none'} -> {after or 'none'}"
        for fact, before, after in comparison.changes
        if fact != "paddle_commit"
    )
    sections = [
        [
            f"{comparison.candidate.name} against {comparison.baseline.name}: "
            f"{changes or 'the same versions twice'}.",
            f"At most {1 - comparison.confidence:.0%} of the verdicts by a measure may be wrong.",
        ]
    ]
    for measure, course in comparison.courses.items():
        words = [
            f"{measure.capitalize()}: {course.pairs} pair{'s' * (course.pairs != 1)} of processes "
            f"in {course.seconds / 60:.1f} minutes, {course.outcome}."
        ]
        words += [comparison.drift.text, comparison.disturbance.text] if measure == "time" else []
        results = [_table(comparison, measure), comparison.counts(measure)]
        known = measure in comparison.measures
        sections.append([" ".join(filter(None, words)), *(results if known else ())])
    for each in comparison.explained:
        why = f"Why {each.parameters} has {each.measures['instructions'].verdict}"
        for title, head, rows in each.reasons:
            shown = [[_name(name, form), *rest] for name, *rest in rows[:SHOWN_REASONS]]
            sections.append([f"{why}: {title}", table(head, shown)])
    notes = []
    if comparison.not_compared:
        notes.append(f"NOT COMPARED, on one side only: {', '.join(comparison.not_compared)}")
    if comparison.behaviour:
        notes.append(behaviour_text(comparison.behaviour, form))
    if set(comparison.verdicts) <= {CANNOT_TELL}:
        notes.append(NO_VERDICT)
    return "\n\n".join(GAPS[form].join(lines) for lines in (*sections, notes) if lines)


def behaviour_text(verdicts: Iterable[BehaviourVerdict], form: Form = "text") -> str:
    """Return the verdicts on the experiments; capitals mark those that are different."""
    return GAPS[form].join(
        ("BEHAVIOUR DIFFERS: " if each.verdict == "different" else "behaviour: ") + each.text
        for each in verdicts
    )


def unpaired(baseline: Saved, candidate: Saved) -> str:
    """Return ratios of runs that were not measured side by side, as a guide without a verdict.

    Raises:
        SideError: the runs have no benchmark in common.
    """
    runs = [side.runs.get("time", ()) for side in (baseline, candidate)]
    if not all(runs):
        raise SideError("of runs that are not pairs, only times are compared, and a side has none")
    names = [name for name in runs[0][0].benchmarks if name in runs[1][0].benchmarks]
    if not names:
        raise SideError("the saved runs have no benchmark in common")
    rows = []
    for name in names:
        times = [typical(each, name) for each in runs]
        label = name.rpartition("::")[2]
        rows.append([label, *map(significant, times), f"{times[1] / times[0]:.2f}", CANNOT_TELL])
    return "\n".join(
        [
            table(["benchmark", "baseline ms", "candidate ms", "ratio", "verdict"], rows),
            "",
            f"{len(runs[0])} and {len(runs[1])} processes, measured at different "
            "times. How much the machine's pace changed in between is not known; often it is more "
            f"than a regression. {NO_VERDICT} Give two interpreters or tox environments, to "
            "measure both sides now.",
        ]
    )


def _table(comparison: Comparison, measure: Measure) -> str:
    traits = MEASURES[measure]
    head = ["benchmark", f"baseline {traits.unit}", f"candidate {traits.unit}"]
    rows = [
        [
            benchmark.parameters,
            traits.show(result.baseline),
            traits.show(result.candidate),
            f"{result.ratio:.{traits.digits}f}" + (f" ({interval})" if interval else ""),
            comparison.describe(measure, result),
        ]
        for benchmark, result in comparison.results(measure)
        for interval in [result.interval(traits.digits)]
    ]
    return table([*head, "ratio (interval)", "verdict"], rows)


def _name(name: str, form: Form) -> str:
    name = printable(name, LONGEST_NAME)
    return f"`{name}`".replace("|", r"\|") if form == "markdown" else name
