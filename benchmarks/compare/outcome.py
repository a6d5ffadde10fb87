"""What a comparison found: as JSON takes it, in words, and as an exit status."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from statistics import geometric_mean, median
from typing import Any

from benchmarks.commands.common import milliseconds, table
from benchmarks.compare.pairs import Contest, Pair, elapsed, time_of
from benchmarks.compare.sides import SIDES, Saved, SideError
from benchmarks.compare.verdicts import ERROR, UNSETTLED, Verdict
from benchmarks.saved.baseline import SavedRun, differences
from benchmarks.saved.result_files import COMPARISON_FORMAT, FACTS

# Exit statuses; 130 is the shells' for Ctrl-C.
FINE, WORSE, NOT_COMPARED, INTERRUPTED = 0, 1, 2, 130

DIFFERENT = "different"
# More than this between a side's fastest and slowest process, and the machine is said to drift.
DRIFT = 0.1


def summary(
    pairs: Sequence[Pair],
    contest: Contest,
    names: Sequence[str],
    within: float,
    outcome: str,
    behaviours: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """All that a comparison found, as JSON takes it; what is not finite is None.

    Args:
        pairs: all that were measured.
        contest: what is judged by them.
        names: of baseline and candidate.
        within: what counts as the same; 0.05 is 5%.
        outcome: "settled", "out of time" or "interrupted".
        behaviours: the verdicts on the three experiments.
    """
    first = pairs[0]
    judged = set(contest.judge.names)
    return {
        "format": COMPARISON_FORMAT,
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        **{
            side: {"name": name, "environment": environment_of(run)}
            for side, name, run in zip(SIDES, names, first, strict=True)
        },
        "changes": differences(first[1].environments, first[0].environments),
        "pairs": len(pairs),
        "seconds": round(elapsed(pairs), 1),
        "within": within,
        "confidence": 1 - ERROR,
        "outcome": outcome,
        "benchmarks": [
            one_benchmark(pairs, name, verdict) for name, verdict in contest.all(pairs).items()
        ],
        "not_compared": sorted((first[0].benchmarks.keys() | first[1].benchmarks.keys()) - judged),
        "behaviour": [dict(verdict) for verdict in behaviours],
        "drift": drift(pairs),
        "disturbance": disturbance(pairs),
    }


def one_benchmark(pairs: Sequence[Pair], name: str, verdict: Verdict) -> dict[str, Any]:
    """What was found of one benchmark."""
    info = pairs[0][0].benchmarks[name]["extra_info"]
    before, after = (typical_ms((pair[side] for pair in pairs), name) for side in (0, 1))
    found = as_dict(verdict)
    if not verdict.pairs:  # Each was disturbed: then there is but the ratio of what was measured.
        found["ratio"] = after / before
    return {
        "name": name,
        **{fact: info.get(fact, "") for fact in FACTS},
        "baseline_ms": before,
        "candidate_ms": after,
        **found,
    }


def environment_of(run: SavedRun) -> dict[str, str]:
    """Of the first device that the run measured."""
    return dict(next(iter(run.environments.values())))


def typical_ms(runs: Iterable[SavedRun], name: str) -> float:
    """Geometric mean of a benchmark's times over undisturbed processes, in milliseconds.

    Where each was disturbed, over all of them.
    """
    measured = [run for run in runs if name in run.benchmarks]
    times = [time for run in measured if (time := time_of(run, name)) is not None]
    return 1e3 * geometric_mean(
        times or [run.benchmarks[name]["stats"]["median"] for run in measured]
    )


def disturbance(pairs: Sequence[Pair]) -> dict[str, Any]:
    """How often a benchmark was measured while others had the processor."""
    times = [time_of(run, name) for pair in pairs for run in pair for name in run.benchmarks]
    lost = times.count(None)
    text = f"{lost} of {len(times)} times were taken while others had the processor, and left out."
    return {"left_out": lost, "of": len(times), "text": text if lost else ""}


def as_dict(verdict: Verdict) -> dict[str, Any]:
    """A verdict as JSON takes it."""
    return {
        "ratio": verdict.ratio,
        "low": verdict.low if verdict.low > 0 else None,
        "high": finite(verdict.high),
        "p": verdict.p,
        "verdict": verdict.word,
        "pairs": verdict.pairs,
        "smallest_effect": finite(verdict.smallest_effect),
        "pairs_to_settle": verdict.pairs_to_settle,
    }


def finite(value: float) -> float | None:
    """The value, or None: JSON has no infinity."""
    return value if math.isfinite(value) else None


def drift(pairs: Sequence[Pair]) -> dict[str, Any]:
    """How the pace of the machine changed, by the fixed work beside each benchmark.

    Each side is looked at by itself, for another Python does the fixed work at another pace.
    """
    found: dict[str, Any] = {}
    for side, runs in zip(SIDES, zip(*pairs, strict=True), strict=True):
        times = [time for run in runs if (time := fixed_work_ms(run)) is not None]
        if len(times) > 1:
            found[side] = {"fastest_ms": min(times), "slowest_ms": max(times)}
    if not found:
        return {"drifted": None, "text": "Whether the machine drifted is not known."}
    change = max(side["slowest_ms"] / side["fastest_ms"] for side in found.values()) - 1
    text = (
        f"Fixed work without Paddle took up to {change:.0%} longer in one process than in another: "
    )
    text += (
        "the machine drifted, and more pairs are needed than on a quiet one."
        if change > DRIFT
        else "the machine was steady."
    )
    return {"drifted": change > DRIFT, "change": change, **found, "text": text}


def fixed_work_ms(run: SavedRun) -> float | None:
    """Milliseconds that the fixed work took beside the benchmarks of one process."""
    times = [
        bench["extra_info"]["fixed_work_ms"]
        for bench in run.benchmarks.values()
        if "fixed_work_ms" in bench.get("extra_info", {})
    ]
    return median(times) if times else None


def status(found: Mapping[str, Any]) -> int:
    """Exit status of a comparison.

    0: nothing is slower, and at least one benchmark has a verdict; 1: something is slower, or
    trains differently; 2: not one benchmark has a verdict.
    """
    verdicts = {bench["verdict"] for bench in found["benchmarks"]}
    if "slower" in verdicts or any(one["verdict"] == DIFFERENT for one in found["behaviour"]):
        return WORSE
    return FINE if verdicts - {UNSETTLED} else NOT_COMPARED


def words(found: Mapping[str, Any]) -> str:
    """The whole comparison for a person: a table, and what to know about it."""
    baseline, candidate = (found[side]["name"] for side in SIDES)
    changes = "; ".join(one for one in found["changes"] if not one.startswith("paddle_commit"))
    benchmarks = found["benchmarks"]
    rows = [
        [
            short(bench),
            milliseconds(bench["baseline_ms"]),
            milliseconds(bench["candidate_ms"]),
            interval(bench),
            verdict(bench, found["within"]),
        ]
        for bench in benchmarks
    ]
    lines = [
        f"{candidate} against {baseline}: {changes or 'the same versions twice'}.",
        f"{found['pairs']} pairs of processes in {found['seconds'] / 60:.1f} minutes, "
        f"{found['outcome']}. At most {1 - found['confidence']:.0%} of the verdicts may be wrong.",
        found["drift"]["text"],
        *([found["disturbance"]["text"]] if found["disturbance"]["text"] else []),
        "",
        table(["benchmark", "baseline ms", "candidate ms", "ratio (interval)", "verdict"], rows),
        "",
        counts(benchmarks),
    ]
    if found["not_compared"]:
        lines.append(f"NOT COMPARED, on one side only: {', '.join(found['not_compared'])}")
    if found["behaviour"]:
        lines.append(behaviour_words(found["behaviour"]))
    if status(found) == NOT_COMPARED:
        lines.append("NOT ONE BENCHMARK HAS A VERDICT.")
    return "\n".join(lines)


def behaviour_words(behaviours: Sequence[Mapping[str, Any]]) -> str:
    """How the experiments differ; loud where they do by more than rounding."""
    return "\n".join(
        ("BEHAVIOUR DIFFERS: " if one["verdict"] == DIFFERENT else "behaviour: ") + one["text"]
        for one in behaviours
    )


def counts(benchmarks: Sequence[Mapping[str, Any]]) -> str:
    """How many benchmarks have which verdict."""
    found = [bench["verdict"] for bench in benchmarks]
    return ", ".join(
        f"{found.count(word)} {word}" for word in ("slower", "faster", "same", "cannot tell")
    )


def short(bench: Mapping[str, Any]) -> str:
    """A benchmark's name without its file and what all of them share."""
    return str(bench["name"]).rpartition("::")[2].removeprefix("test_stage").strip("[]")


def interval(bench: Mapping[str, Any]) -> str:
    """The ratio and its interval: 1.102 (1.081-1.124), with an end open 0.515 (up to 0.558)."""
    ratio, low, high = bench["ratio"], bench["low"], bench["high"]
    if low is None and high is None:
        return f"{ratio:.3f}"
    if low is None or high is None:
        return f"{ratio:.3f} ({f'up to {high:.3f}' if low is None else f'from {low:.3f}'})"
    return f"{ratio:.3f} ({low:.3f}-{high:.3f})"


def verdict(bench: Mapping[str, Any], within: float) -> str:
    """A verdict in words, and for `cannot tell` what would help."""
    if bench["verdict"] == "same":
        return f"same within {100 * within:g}%"
    if bench["verdict"] != UNSETTLED:
        return str(bench["verdict"])
    text: str = UNSETTLED
    if bench["smallest_effect"] is not None and bench["smallest_effect"] < 1:
        text += f": would have seen {100 * bench['smallest_effect']:.2g}%"
    else:
        text += ": would not have seen 100%"
    if bench["pairs_to_settle"]:
        text += f", needs about {bench['pairs_to_settle']} more pairs"
    return text


def unpaired(baseline: Saved, candidate: Saved) -> str:
    """Ratios of runs that were not measured side by side: for orientation, without a verdict.

    Raises:
        SideError: they have not one benchmark in common.
    """
    names = [name for name in baseline.runs[0].benchmarks if name in candidate.runs[0].benchmarks]
    if not names:
        raise SideError("the saved runs have not one benchmark in common")
    rows = []
    for name in names:
        times = [typical_ms(side.runs, name) for side in (baseline, candidate)]
        label = name.rpartition("::")[2]
        rows.append([label, *map(milliseconds, times), f"{times[1] / times[0]:.2f}", UNSETTLED])
    return "\n".join(
        [
            table(["benchmark", "baseline ms", "candidate ms", "ratio", "verdict"], rows),
            "",
            f"{len(baseline.runs)} and {len(candidate.runs)} processes, measured at different "
            "times: how much the machine's pace changed in between is not known, and often it is "
            "more than a regression. NOT ONE BENCHMARK HAS A VERDICT. Measure both sides now: "
            "give two interpreters or tox environments.",
        ]
    )
