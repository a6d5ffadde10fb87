"""The result of a comparison as plain text."""

from collections.abc import Iterable

from benchmarks.behaviour.judge import BehaviourVerdict
from benchmarks.compare.result import UNITS, Comparison, Measure
from benchmarks.compare.sides import Saved, SideError
from benchmarks.compare.summary import typical_ms
from benchmarks.compare.words import CANNOT_TELL, WORDS, Word
from benchmarks.text import milliseconds, table

NO_VERDICT = "NOT ONE BENCHMARK HAS A VERDICT."


def text_of(comparison: Comparison) -> str:
    """Return the whole comparison as text, with a table for each measure."""
    changes = "; ".join(
        f"{fact} {before or 'none'} -> {after or 'none'}"
        for fact, before, after in comparison.changes
        if fact != "paddle_commit"
    )
    lines = [
        f"{comparison.candidate.name} against {comparison.baseline.name}: "
        f"{changes or 'the same versions twice'}.",
        f"{comparison.pairs} pairs of processes in {comparison.seconds / 60:.1f} minutes, "
        f"{comparison.outcome}. At most {1 - comparison.confidence:.0%} of the verdicts may be "
        "wrong.",
        comparison.drift.text,
        *filter(None, [comparison.disturbance.text]),
    ]
    for measure in comparison.measures:
        lines += ["", _table(comparison, measure)]
    lines += ["", counts(comparison.verdicts)]
    if comparison.not_compared:
        lines.append(f"NOT COMPARED, on one side only: {', '.join(comparison.not_compared)}")
    if comparison.behaviour:
        lines.append(behaviour_text(comparison.behaviour))
    if set(comparison.verdicts) <= {CANNOT_TELL}:
        lines.append(NO_VERDICT)
    return "\n".join(lines)


def behaviour_text(verdicts: Iterable[BehaviourVerdict]) -> str:
    """Return the verdicts on the experiments; capitals mark those that are different."""
    return "\n".join(
        ("BEHAVIOUR DIFFERS: " if each.verdict == "different" else "behaviour: ") + each.text
        for each in verdicts
    )


def counts(verdicts: list[Word]) -> str:
    """Return the number of benchmarks with each verdict, as text."""
    return ", ".join(f"{verdicts.count(word)} {word}" for word in WORDS)


def unpaired(baseline: Saved, candidate: Saved) -> str:
    """Return ratios of runs that were not measured side by side, as a guide without a verdict.

    Raises:
        SideError: the runs have no benchmark in common.
    """
    names = [name for name in baseline.runs[0].benchmarks if name in candidate.runs[0].benchmarks]
    if not names:
        raise SideError("the saved runs have no benchmark in common")
    rows = []
    for name in names:
        times = [typical_ms(side.runs, name) for side in (baseline, candidate)]
        label = name.rpartition("::")[2]
        rows.append([label, *map(milliseconds, times), f"{times[1] / times[0]:.2f}", CANNOT_TELL])
    return "\n".join(
        [
            table(["benchmark", "baseline ms", "candidate ms", "ratio", "verdict"], rows),
            "",
            f"{len(baseline.runs)} and {len(candidate.runs)} processes, measured at different "
            "times. How much the machine's pace changed in between is not known; often it is more "
            f"than a regression. {NO_VERDICT} Give two interpreters or tox environments, to "
            "measure both sides now.",
        ]
    )


def _table(comparison: Comparison, measure: Measure) -> str:
    unit = UNITS[measure]
    head = ["benchmark", f"baseline {unit}", f"candidate {unit}", "ratio (interval)", "verdict"]
    rows = [
        [
            benchmark.parameters,
            milliseconds(result.baseline),
            milliseconds(result.candidate),
            f"{result.ratio:.3f}" + (f" ({result.interval})" if result.interval else ""),
            comparison.describe(result),
        ]
        for benchmark, result in comparison.results(measure)
    ]
    return table(head, rows)
