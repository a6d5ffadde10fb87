"""The words and the table at the end of a run of the benchmarks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks.saved.baseline import SavedRun, obstacles
from benchmarks.text import columns

STAGES = ("step", "recorded", "forward", "backward", "clip", "update")
SHOWN = 6

NOTHING_COMPARED = "NOT ONE BENCHMARK WAS COMPARED."
NOTHING_TIMED = (
    "NOTHING WAS TIMED: pytest-benchmark is off, because of --benchmark-disable or because tests "
    "run in several processes (-n). Leave both out to measure."
)
COMPARISON_REQUIRED = "--benchmark-compare-fail was given: that fails the run."
NOT_SAVED = "Not saved: a benchmark failed, and a run with faults is no baseline."
REGRESSED = "REGRESSED, by --benchmark-compare-fail: "
FIRST_RUN = ["This is the first run: it is saved, and the next one is compared with it."]
NO_VERDICT = (
    "A ratio of two single runs is no verdict: in 24 sessions of unchanged code, a limit of min:5% "
    "cried wolf in 87%, mean:10% in 78%. See benchmarks/README.md."
)


def file_name(run: SavedRun) -> Path:
    """A saved run's name without its folder, as short as the table wants it."""
    return Path(Path(run.name).name)


def no_baseline(runs: list[SavedRun], machine: Mapping[str, Any]) -> list[str]:
    """Why there is nothing to compare with."""
    if not runs:
        return list(FIRST_RUN)
    newest = sorted(runs, key=lambda run: run.when, reverse=True)
    lines = [
        f"None of the {len(runs)} saved runs is of this machine and these devices. This run is "
        "saved, and the next one is compared with it. Refused:"
    ]
    lines += [
        f"  {run.name}: {'; '.join(obstacles(machine, run.machine))}" for run in newest[:SHOWN]
    ]
    if len(newest) > SHOWN:
        lines.append(f"  and {len(newest) - SHOWN} older ones")
    return lines


def comparison(
    run: SavedRun, paddle: str, changes: list[str], compared: int, new: list[str], gone: list[str]
) -> list[str]:
    """Which run this one was compared with, and what the two do not share."""
    then = next(iter(run.environments.values()))["paddle"]
    versions = f"Paddle {paddle} then and now" if then == paddle else f"Paddle {then} -> {paddle}"
    others = [change for change in changes if not change.startswith("paddle ")]
    lines = [
        f"Compared with {run.name} of {run.when.astimezone():%Y-%m-%d %H:%M}: {versions}.",
        f"Also different: {'; '.join(others)}."
        if others
        else "The rest is the same: Python, NumPy, CUDA, cuDNN, threads and flags.",
    ]
    if compared:
        lines.append(f"{compared} benchmarks compared.")
    if new:
        lines.append(f"{len(new)} of this run are not in the baseline: {_some(new)}")
    if gone:
        lines.append(f"{len(gone)} of the baseline are not in this run: {_some(gone)}")
    return lines


def write(
    terminal: pytest.TerminalReporter, session: Any, baseline: SavedRun | None, said: list[str]
) -> None:
    """Write behaviours, step times and comparison, as far as there are any."""
    behaviours = [
        value
        for status in ("passed", "failed")
        for test in terminal.getreports(status)
        for name, value in test.user_properties
        if name == "behaviour"
    ]
    skipped = {str(test.longrepr[2]) for test in terminal.getreports("skipped")}
    if behaviours:
        terminal.section("behaviours", sep="-", bold=True)
        for device, name, text in behaviours:
            terminal.write_line(f"{device}  {name:<15}{text}")
        for reason in sorted(skipped):
            terminal.write_line(reason)
    rows = step_times(session.benchmarks, baseline)
    if rows:
        times = "median ms" + (" (times that of the baseline)" if baseline is not None else "")
        terminal.section(f"step times, {times}", sep="-", bold=True)
        for row in rows:
            terminal.write_line(row)
    if session.disabled:
        said = [*said, NOTHING_TIMED]
    elif session.benchmarks:
        said = [*said, NO_VERDICT] if baseline is not None else said
    if said:
        terminal.section("comparison", sep="-", bold=True)
        for line in said:
            loud = line.startswith(
                (NOTHING_COMPARED, NOTHING_TIMED, COMPARISON_REQUIRED, REGRESSED)
            )
            terminal.write_line(line, red=loud, bold=loud)


def step_times(benchmarks: list[Any], baseline: SavedRun | None) -> list[str]:
    """A table of medians: a row for each device, cell, shape and implementation."""
    cells: dict[tuple[str, ...], dict[str, str]] = {}
    for benchmark in benchmarks:
        info = benchmark.extra_info
        if "stage" not in info or not benchmark:
            continue
        row = tuple(info[key] for key in ("device", "cell", "shape", "implementation"))
        text = f"{benchmark['median'] * 1e3:.3g}"
        if baseline is not None and benchmark.fullname in baseline.benchmarks:
            before = baseline.benchmarks[benchmark.fullname]["stats"]["median"]
            text += f" ({benchmark['median'] / before:.2f})"
        cells.setdefault(row, {})[info["stage"]] = text
    if not cells:
        return []
    stages = [stage for stage in STAGES if any(stage in texts for texts in cells.values())]
    head = ["device", "cell", "shape", "", *stages]
    table = [head, *([*row, *(cells[row].get(stage, "") for stage in stages)] for row in cells)]
    return columns(table, left=4)


def _some(names: list[str]) -> str:
    """The first few names, without their files, and how many more there are."""
    shown = ", ".join(name.rpartition("::")[2] for name in names[:SHOWN])
    return shown + (f", and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
