"""Read a folder of results. Missing and damaged files are listed as problems."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from benchmarks.compare.chain import BISECTION, LINK, Chain, chains_of
from benchmarks.compare.result import FILE, Comparison
from benchmarks.report.formats import Case, Planting, StepTime, read_cases, read_times
from benchmarks.saved.result_files import TIMES, Kind, begun_file, outcomes_file
from benchmarks.saved.run_file import RunFile
from rnn_core import EXPERIMENTS, History

KINDS: tuple[Kind, ...] = ("tests", "benchmarks")
# Results of other commands, next to the folders of the environments.
FAULTS, COMPARISONS = "faults.json", "comparisons"
CALIBRATION = "calibration"  # Not on the page.
# Exit statuses of pytest after a complete run.
ENDED = (0, 1)
ENDINGS: dict[int | None, str] = {
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
    """Everything in a folder of results.

    Attributes:
        environments: results of the environments.
        comparisons: comparisons, without those of the chains.
        chains: comparisons of releases that follow each other.
        planting: results of the planted faults; None if there are none.
        problems: files outside the environments that are damaged or foreign.
    """

    environments: list[EnvironmentResults] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    chains: list[Chain] = field(default_factory=list)
    planting: Planting | None = None
    problems: list[Problem] = field(default_factory=list)

    @property
    def listed(self) -> list[tuple[str, str]]:
        """Each file with a problem, with its folder, and the reason."""
        return [(each.file, each.reason) for each in self.problems] + [
            (f"{environment.name}/{each.file}", each.reason)
            for environment in self.environments
            for each in environment.problems
        ]


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
    links: list[Comparison] = []
    for path in _content(folder):
        if path.name in (*ours, CALIBRATION):
            continue
        if path.name == COMPARISONS and path.is_dir():
            for inner in _try(results.problems, COMPARISONS, path, _content) or ():
                if inner.name.startswith(BISECTION):
                    continue
                name = f"{COMPARISONS}/{inner.name}/{FILE}"
                comparison = _try(results.problems, name, inner / FILE, Comparison.load)
                found = links if inner.name.startswith(LINK) else results.comparisons
                found += [] if comparison is None else [comparison]
        elif path.is_dir():
            results.environments.append(read_environment(path))
        elif path.name == FAULTS:
            results.planting = _try(results.problems, FAULTS, path, Planting.load)
        else:
            results.problems.append(Problem(path.name, FOREIGN))
    subjects = dict.fromkeys(each.subject for each in links if each.subject) or {(): None}
    for place, subject in enumerate(subjects):
        # Comparisons that failed are in the first chain.
        wanted = (subject, ()) if place == 0 else (subject,)
        chains, others = chains_of([each for each in links if each.subject in wanted])
        results.chains += chains
        results.comparisons += others
    damaged = [problem for problem in results.problems if problem.reason != FOREIGN]
    whole = (results.environments, results.comparisons, results.chains, results.planting, damaged)
    if not any(whole):
        raise ValueError(f"{folder} holds no results: run tox, or pytest --results, first")
    return results


def read_environment(folder: Path) -> EnvironmentResults:
    """Read the results of one environment."""
    found = EnvironmentResults(folder.name)
    content = _try(found.problems, "", folder, _content)
    if content is None:
        return found
    names = {path.name for path in content}
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
    run = found.runs.get("benchmarks")
    expected = () if run is None else run.expected
    unwritten = "missing: the run ended before it was written"
    found.problems += [Problem(name, unwritten) for name in expected if name not in names]
    known = {TIMES, *(begun_file(kind) for kind in KINDS), *(outcomes_file(kind) for kind in KINDS)}
    foreign = sorted(name for name in names - known if not name.endswith(".npz"))
    found.problems += [Problem(name, FOREIGN) for name in foreign]
    return found


def _read_kind(folder: Path, kind: Kind, names: set[str], found: EnvironmentResults) -> None:
    begun, outcomes = begun_file(kind), outcomes_file(kind)
    unknown = "date and environment are unknown" if outcomes in names else "the run did not begin"
    broken = "the run broke off before its end" if begun in names else "the run did not begin"
    run = _try(found.problems, begun, folder / begun, RunFile.load, unknown)
    cases = _try(found.problems, outcomes, folder / outcomes, read_cases, broken)
    if cases is not None:
        found.cases[kind] = cases
    if run is not None:
        found.runs[kind] = run
        if outcomes in names and run.exit_status not in ENDED:
            how = ENDINGS.get(run.exit_status, "broke off")
            found.problems.append(Problem(outcomes, f"incomplete: the run {how}"))


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
    key, history = pair
    if key in found.histories:
        found.problems.append(Problem(path.name, "has the same experiment as another file"))
        return
    found.histories[key] = history
    if history.outcome != "finished":
        steps = f"{history.steps} step{'s' * (history.steps != 1)}"
        text = f"incomplete: the run was {history.outcome} after {steps}"
        found.problems.append(Problem(path.name, text))


def _content(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _try(
    problems: list[Problem], name: str, path: Path, read: Callable[[Path], T], missing: str = ""
) -> T | None:
    """Read a file; on failure add a problem and return None; `missing` says why it is missing."""
    try:
        return read(path)
    except FileNotFoundError:
        problems.append(Problem(name, f"missing: {missing}" if missing else "missing"))
    except OSError as error:
        problems.append(Problem(name, f"cannot be read: {error.strerror or error}"))
    except ValueError as error:
        # History.load names the full path, which does not belong on the page.
        problems.append(Problem(name, f"cannot be read: {str(error).replace(str(path), 'it')}"))
    return None
