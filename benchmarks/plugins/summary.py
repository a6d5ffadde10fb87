"""Messages and tables at the end of a run of the benchmarks."""

from collections.abc import Sequence

import pytest

from benchmarks.plugins.adapter import BenchmarkSession, Timed
from benchmarks.saved.baseline import obstacles
from benchmarks.saved.result_files import FACTS, beside_cpu, kinds_of
from benchmarks.saved.saved_run import Machine, SavedRun
from benchmarks.text import columns, significant
from benchmarks.workloads.stages import FIRST_STEP, STAGES, WHOLE_STEP

# Number of runs or benchmarks in a list; longer lists are cut.
SHOWN = 6

NOTHING_COMPARED = "NOT ONE BENCHMARK WAS COMPARED."
NOTHING_TIMED = (
    "NOTHING WAS TIMED: --benchmark-disable or several processes (-n) switch pytest-benchmark off. "
    "Leave both out to measure."
)
COMPARISON_REQUIRED = "The run fails, because --benchmark-compare-fail requires a comparison."
NOT_SAVED = "Not saved: a benchmark failed or the run was cut short, so it cannot be a baseline."
SAVED = "This run is saved, and the next one will be compared with it."
REGRESSED = "REGRESSED, by --benchmark-compare-fail: "
LOUD = (NOT_SAVED, NOTHING_COMPARED, NOTHING_TIMED, COMPARISON_REQUIRED, REGRESSED)
FIRST_RUN = "This is the first run."
NO_VERDICT = (
    "Two single runs cannot show a small change: on unchanged code, a limit of min:5% raised a "
    "false alarm in 87% of 24 sessions, mean:10% in 78%. Use python -m benchmarks.compare."
)


def no_baseline(runs: list[SavedRun], machine: Machine) -> list[str]:
    """Return the lines that explain why no saved run can be the baseline."""
    if not runs:
        return [FIRST_RUN]
    newest = sorted(runs, key=lambda run: run.when, reverse=True)
    lines = ["No saved run is of this machine and these devices. Refused:"]
    lines += [
        f"  {run.name}: {'; '.join(obstacles(machine, run.machine))}" for run in newest[:SHOWN]
    ]
    if len(newest) > SHOWN:
        lines.append(f"  and {len(newest) - SHOWN} older ones")
    return lines


def comparison(
    run: SavedRun, paddle: str, changes: list[str], compared: int, new: list[str], gone: list[str]
) -> list[str]:
    """Return lines about the run that this one was compared with, and how the two differ."""
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
        lines.append(f"Only in this run ({len(new)}): {_some(new)}")
    if gone:
        lines.append(f"Only in the baseline ({len(gone)}): {_some(gone)}")
    return lines


def write(
    terminal: pytest.TerminalReporter,
    benchmarks: BenchmarkSession,
    baseline: SavedRun | None,
    messages: Sequence[str],
) -> None:
    """Write the behaviours, the step times and the comparison, if there are any."""
    behaviours = [
        value
        for status in ("passed", "failed")
        for test in terminal.getreports(status)
        for name, value in test.user_properties
        if name == "behaviour"
    ]
    skipped = {str(test.longrepr[2]) for test in terminal.getreports("skipped")}
    if behaviours:
        _section(terminal, "behaviours", [*columns(behaviours, left=3), *sorted(skipped)])
    times = "median ms" + (" (times that of the baseline)" if baseline is not None else "")
    _section(terminal, f"step times, {times}", step_times(benchmarks.benchmarks, baseline))
    _section(terminal, *against_cpu(benchmarks.benchmarks))
    if not benchmarks.enabled:
        messages = [*messages, NOTHING_TIMED]
    elif benchmarks.benchmarks and baseline is not None:
        messages = [*messages, NO_VERDICT]
    _section(terminal, "comparison", messages)


def _section(terminal: pytest.TerminalReporter, title: str, lines: Sequence[str]) -> None:
    """Write a section, if it has any lines; the loud ones are red."""
    if lines:
        terminal.section(title, sep="-", bold=True)
    for line in lines:
        loud = line.startswith(LOUD)
        terminal.write_line(line, red=loud, bold=loud)


def step_times(benchmarks: Sequence[Timed], baseline: SavedRun | None) -> list[str]:
    """Return a table of medians, with a row for each device, cell, shape and implementation."""
    cells: dict[tuple[str, ...], dict[str, str]] = {}
    for benchmark in benchmarks:
        info = benchmark.extra_info
        if "stage" not in info or benchmark.median is None:
            continue
        row = _row(benchmark)
        text = significant(1e3 * benchmark.median)
        if "operators" in info:
            text += f", {info['operators']} operators"
        if baseline is not None and benchmark.name in baseline.benchmarks:
            before = baseline.benchmarks[benchmark.name].stats.median
            text += f" ({benchmark.median / before:.2f})"
        cells.setdefault(row, {})[info["stage"]] = text
    if not cells:
        return []
    named = (FIRST_STEP, *STAGES)
    stages = [stage for stage in named if any(stage in texts for texts in cells.values())]
    head = ["device", "cell", "shape", "", *stages]
    rows = [[*row, *(cells[row].get(stage, "") for stage in stages)] for row in cells]
    return columns([head, *rows], left=4)


def against_cpu(benchmarks: Sequence[Timed]) -> tuple[str, list[str]]:
    """Return title and table of the whole steps that were timed on the CPU and another device."""
    medians = {
        _row(each): 1e3 * each.median
        for each in benchmarks
        if each.median is not None and each.extra_info.get("stage") == WHOLE_STEP
    }
    pairs = beside_cpu(medians)
    title = f"CPU against {kinds_of(row[0] for row in pairs)}, median ms of a step"
    head = ["device", "cell", "shape", "", "CPU", "device", "device / CPU"]
    rows = [
        [*row, significant(cpu), significant(own), f"{own / cpu:.2f}"]
        for row, (cpu, own) in pairs.items()
    ]
    return title, columns([head, *rows], left=4) if rows else []


def _row(benchmark: Timed) -> tuple[str, ...]:
    return tuple(benchmark.extra_info[fact] for fact in FACTS if fact != "stage")


def _some(names: list[str]) -> str:
    """Return the first few names, without their files, and how many more there are."""
    shown = ", ".join(name.partition("::")[2] for name in names[:SHOWN])
    return shown + (f", and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
