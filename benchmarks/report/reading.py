"""What the environments left in a folder: what is missing or damaged is told, not dropped."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from benchmarks.compare.result import FILE, Comparison
from benchmarks.report.formats import (
    Begun,
    Case,
    Planting,
    StepTime,
    read_begun,
    read_cases,
    read_planting,
    read_times,
)
from benchmarks.saved.result_files import TIMES, Kind, begun_file, history_file, outcomes_file
from rnn_core import EXPERIMENTS, History

KINDS: tuple[Kind, ...] = ("tests", "benchmarks")
# Not environments: what the commands of the same names leave.
FAULTS, COMPARISONS = "faults.json", "comparisons"
CALIBRATION = "calibration"  # Of which the page shows nothing.
# pytest's exit statuses of a run that was not cut short.
ENDED = (0, 1)
ENDINGS = {
    2: "was interrupted",
    3: "ended with an error inside pytest",
    4: "was asked wrongly",
    5: "found no test",
}
FOREIGN = "is no file of results"

T = TypeVar("T")


@dataclass(frozen=True)
class Problem:
    """A file that is missing, damaged or foreign, and why it is not on the page."""

    file: str
    reason: str


@dataclass
class EnvironmentResults:
    """What one environment left in its folder.

    Attributes:
        name: of the folder.
        runs: what was begun.
        cases: outcomes, of the kinds whose files can be read.
        times: of all benchmarks.
        histories: by device and experiment.
        problems: what is missing, damaged or foreign.
    """

    name: str
    runs: dict[Kind, Begun] = field(default_factory=dict)
    cases: dict[Kind, list[Case]] = field(default_factory=dict)
    times: list[StepTime] = field(default_factory=list)
    histories: dict[tuple[str, str], History] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


@dataclass
class Results:
    """All that a folder holds."""

    environments: list[EnvironmentResults] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    planting: Planting | None = None
    problems: list[Problem] = field(default_factory=list)


def read_results(folder: Path, ours: frozenset[str] = frozenset()) -> Results:
    """Read a folder of results; `ours` are names in it that are no results.

    Raises:
        ValueError: there is no such folder, or nothing in it that an environment or a command left.
        OSError: it cannot be read.
    """
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}: run tox, or pytest --results, first")
    results = Results()
    for path in sorted(folder.iterdir()):
        if path.name in (*ours, CALIBRATION) or path.name.startswith("."):
            continue
        if path.name == COMPARISONS and path.is_dir():
            for inner in sorted(path.iterdir()):
                name = f"{COMPARISONS}/{inner.name}/{FILE}"
                comparison = _try(results.problems, name, inner / FILE, Comparison.load)
                results.comparisons += [] if comparison is None else [comparison]
        elif path.is_dir():
            results.environments.append(read_environment(path))
        elif path.name == FAULTS:
            results.planting = _try(results.problems, FAULTS, path, read_planting)
        else:
            results.problems.append(Problem(path.name, FOREIGN))
    damaged = [problem for problem in results.problems if problem.reason != FOREIGN]
    if not (results.environments or results.comparisons or results.planting or damaged):
        raise ValueError(f"{folder} holds no results: run tox, or pytest --results, first")
    return results


def read_environment(folder: Path) -> EnvironmentResults:
    """Read what one environment left, and tell what is missing of what it should have left."""
    found = EnvironmentResults(folder.name)
    try:
        names = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    except OSError as error:
        found.problems.append(Problem("", f"the folder cannot be read: {error.strerror}"))
        return found
    # Benchmark environments run no tests.
    kinds = KINDS if "tests-run.json" in names or not folder.name.startswith("bench") else KINDS[1:]
    if not names:
        found.problems.append(Problem("", "nothing is here: it broke off before anything began"))
        return found
    for kind in kinds:
        _read_kind(folder, kind, names, found)
    if TIMES in names:
        found.times = _try(found.problems, TIMES, folder / TIMES, read_times) or []
    for name in sorted(names):
        if name.endswith(".npz"):
            _read_history(folder / name, found)
    found.problems += _missing(names, found)
    known = {TIMES, *(begun_file(kind) for kind in KINDS), *(outcomes_file(kind) for kind in KINDS)}
    foreign = sorted(name for name in names - known if not name.endswith(".npz"))
    found.problems += [Problem(name, FOREIGN) for name in foreign]
    return found


def _read_kind(folder: Path, kind: Kind, names: set[str], found: EnvironmentResults) -> None:
    begun, outcomes = begun_file(kind), outcomes_file(kind)
    if begun in names:
        run = _try(found.problems, begun, folder / begun, read_begun)
        if run is not None:
            found.runs[kind] = run
    else:
        reason = "missing: " + (
            "when and where this was run is not known" if outcomes in names else "never begun"
        )
        found.problems.append(Problem(begun, reason))
    if outcomes in names:
        cases = _try(found.problems, outcomes, folder / outcomes, read_cases)
        if cases is not None:
            found.cases[kind] = cases
    elif begun in names:
        found.problems.append(Problem(outcomes, "missing: begun, and broken off before its end"))
    elif kind == "tests":
        found.problems.append(Problem(outcomes, "missing: never begun"))
    begun_run = found.runs.get(kind)
    if begun_run is not None and outcomes in names and begun_run.exit_status not in ENDED:
        how = ENDINGS.get(begun_run.exit_status or -1, "broke off")
        found.problems.append(Problem(outcomes, f"is not the whole: the run {how}"))


def _missing(names: set[str], found: EnvironmentResults) -> Iterator[Problem]:
    """Times and histories that should be there, as far as the run that makes them was begun."""
    run = found.runs.get("benchmarks")
    if run is None:
        if "benchmarks-run.json" not in names and not found.histories:
            yield Problem("*.npz", "missing: never begun")
        return
    cases = found.cases.get("benchmarks")
    ran = None if cases is None else {case.name for case in cases if case.outcome != "skipped"}
    timed = ran is None or any("test_stage" in name for name in ran)
    if TIMES not in names and timed and run.timed:
        yield Problem(TIMES, "missing: broken off before times were written")
    for device in run.environments:
        for experiment in EXPERIMENTS:
            name = history_file(experiment, device)
            asked = ran is None or any(f"[{device}-{experiment}]" in case for case in ran)
            if asked and name not in names:
                yield Problem(name, "missing: it did not train to its end")


def _read_history(path: Path, found: EnvironmentResults) -> None:
    def read(path: Path) -> tuple[tuple[str, str], History]:
        history = History.load(path)
        device = history.environment["device"]
        for name, experiment in EXPERIMENTS.items():
            if replace(history.config, device=experiment.config.device) == experiment.config:
                return (device, name), history
        raise ValueError("it is of no experiment as it stands")

    pair = _try(found.problems, path.name, path, read)
    if pair is None:
        return
    if pair[0] in found.histories:
        found.problems.append(Problem(path.name, "holds the same experiment as another file"))
        return
    found.histories[pair[0]] = pair[1]
    if pair[1].outcome != "finished":
        text = f"is of a run that did not finish: {pair[1].outcome} after {pair[1].steps} steps"
        found.problems.append(Problem(path.name, text))


def _try(problems: list[Problem], name: str, path: Path, read: Callable[[Path], T]) -> T | None:
    """What `read` gives; None where it fails, and a problem more."""
    try:
        return read(path)
    except FileNotFoundError:
        problems.append(Problem(name, "missing"))
    except OSError as error:
        problems.append(Problem(name, f"cannot be read: {error.strerror}"))
    except ValueError as error:
        # History.load begins with the file's whole path, which is nobody's business here.
        problems.append(Problem(name, f"cannot be read: {str(error).replace(str(path), 'it')}"))
    return None
