"""Reading a folder of results. Files that are missing or damaged become problems by name."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from benchmarks.compare.result import FILE, Comparison
from benchmarks.report.formats import (
    Case,
    Planting,
    StepTime,
    read_cases,
    read_times,
)
from benchmarks.saved.result_files import TIMES, Kind, begun_file, outcomes_file
from benchmarks.saved.run_file import RunFile
from rnn_core import EXPERIMENTS, History

KINDS: tuple[Kind, ...] = ("tests", "benchmarks")
# Results of other commands, beside the folders of environments.
FAULTS, COMPARISONS = "faults.json", "comparisons"
CALIBRATION = "calibration"  # Not on the page.
# Exit statuses of pytest after a complete run.
ENDED = (0, 1)
ENDINGS = {
    2: "was interrupted",
    3: "ended with an internal error of pytest",
    4: "had a wrong command line",
    5: "found no tests",
}
FOREIGN = "not a file of results"

T = TypeVar("T")


@dataclass(frozen=True)
class Problem:
    """A file that is missing, damaged or foreign, with the reason."""

    file: str
    reason: str


@dataclass
class EnvironmentResults:
    """The results of one environment.

    Attributes:
        name: name of the folder.
        runs: runs of pytest, by kind.
        cases: outcomes of the tests, by kind of run.
        times: step times.
        histories: histories of the experiments, by device and experiment.
        problems: files that are missing, damaged or foreign.
    """

    name: str
    runs: dict[Kind, RunFile] = field(default_factory=dict)
    cases: dict[Kind, list[Case]] = field(default_factory=dict)
    times: list[StepTime] = field(default_factory=list)
    histories: dict[tuple[str, str], History] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


@dataclass
class Results:
    """Everything in a folder of results."""

    environments: list[EnvironmentResults] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    planting: Planting | None = None
    problems: list[Problem] = field(default_factory=list)


def read_results(folder: Path, ours: frozenset[str] = frozenset()) -> Results:
    """Read a folder of results.

    Args:
        folder: folder with a folder for each environment.
        ours: names of files in it that are not results.

    Raises:
        ValueError: the folder does not exist or holds no results.
        OSError: the folder cannot be read.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder: run tox, or pytest --results, first")
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
            results.planting = _try(results.problems, FAULTS, path, Planting.load)
        else:
            results.problems.append(Problem(path.name, FOREIGN))
    damaged = [problem for problem in results.problems if problem.reason != FOREIGN]
    if not (results.environments or results.comparisons or results.planting or damaged):
        raise ValueError(f"{folder} holds no results: run tox, or pytest --results, first")
    return results


def read_environment(folder: Path) -> EnvironmentResults:
    """Read the results of one environment."""
    found = EnvironmentResults(folder.name)
    try:
        names = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    except OSError as error:
        found.problems.append(Problem("", f"the folder cannot be read: {error.strerror}"))
        return found
    # Benchmark environments do not run the tests.
    kinds = KINDS if "tests-run.json" in names or not folder.name.startswith("bench") else KINDS[1:]
    if not names:
        found.problems.append(Problem("", "the folder is empty: the run broke off before it began"))
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
        run = _try(found.problems, begun, folder / begun, RunFile.load)
        if run is not None:
            found.runs[kind] = run
    else:
        reason = "missing: " + (
            "date and environment are unknown" if outcomes in names else "the run did not begin"
        )
        found.problems.append(Problem(begun, reason))
    if outcomes in names:
        cases = _try(found.problems, outcomes, folder / outcomes, read_cases)
        if cases is not None:
            found.cases[kind] = cases
    elif begun in names:
        found.problems.append(Problem(outcomes, "missing: the run broke off before its end"))
    elif kind == "tests":
        found.problems.append(Problem(outcomes, "missing: the run did not begin"))
    begun_run = found.runs.get(kind)
    if begun_run is not None and outcomes in names and begun_run.exit_status not in ENDED:
        how = ENDINGS.get(begun_run.exit_status or -1, "broke off")
        found.problems.append(Problem(outcomes, f"incomplete: the run {how}"))


def _missing(names: set[str], found: EnvironmentResults) -> Iterator[Problem]:
    """Files that the run of the benchmarks should have left."""
    run = found.runs.get("benchmarks")
    if run is None:
        if begun_file("benchmarks") not in names and not found.histories:
            yield Problem("*.npz", "missing: the benchmarks did not begin")
        return
    for name in run.expected or ():
        if name not in names:
            yield Problem(name, "missing: the run ended before it was written")


def _read_history(path: Path, found: EnvironmentResults) -> None:
    def read(path: Path) -> tuple[tuple[str, str], History]:
        history = History.load(path)
        device = history.environment["device"]
        for name, experiment in EXPERIMENTS.items():
            if replace(history.config, device=experiment.config.device) == experiment.config:
                return (device, name), history
        raise ValueError("its config is not that of an experiment")

    pair = _try(found.problems, path.name, path, read)
    if pair is None:
        return
    if pair[0] in found.histories:
        found.problems.append(Problem(path.name, "has the same experiment as another file"))
        return
    found.histories[pair[0]] = pair[1]
    if pair[1].outcome != "finished":
        text = f"incomplete: the run was {pair[1].outcome} after {pair[1].steps} steps"
        found.problems.append(Problem(path.name, text))


def _try(problems: list[Problem], name: str, path: Path, read: Callable[[Path], T]) -> T | None:
    """Read a file; on failure add a problem and return None."""
    try:
        return read(path)
    except FileNotFoundError:
        problems.append(Problem(name, "missing"))
    except OSError as error:
        problems.append(Problem(name, f"cannot be read: {error.strerror}"))
    except ValueError as error:
        # History.load names the full path, which does not belong on the page.
        problems.append(Problem(name, f"cannot be read: {str(error).replace(str(path), 'it')}"))
    return None
