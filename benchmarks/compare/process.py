"""One process of a comparison: pytest, which times the selected benchmarks once each."""

import os
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.compare.sides import CrashError, load_run
from benchmarks.interpreters import Interpreter
from benchmarks.plugins.sampling import Settings
from benchmarks.runner import run
from benchmarks.saved.saved_run import SavedRun

# Number of lines of a failed process's output to show.
SHOWN_LINES = 25


@dataclass(frozen=True)
class Selection:
    """Which benchmarks to time, and where.

    Attributes:
        paths: files and folders, as on pytest's command line.
        benchmarks: expression for pytest's `-k`; empty for all benchmarks.
        device: device to run on.
    """

    paths: tuple[str, ...]
    benchmarks: str
    device: str


# Starts one process and returns its results, which it also writes to the path.
Run = Callable[[Interpreter, Selection, Settings, Path], SavedRun]


def run_process(
    side: Interpreter, selection: Selection, settings: Settings, path: Path
) -> SavedRun:
    """Time the benchmarks in a fresh process; its file appears at `path` only when complete.

    The process inherits this process's threads and CPUs: see `benchmarks.measuring.threads`.

    Raises:
        CrashError: the process failed.
        SideError: the process measured nothing.
        OSError: the interpreter cannot be started.
    """
    part = path.with_suffix(".part")
    environment = {
        **os.environ,
        # Other plugins would take a fraction of a second to load, in each process.
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        # The order of sets affects times: keep it within a pair, change it between pairs.
        "PYTHONHASHSEED": str(settings.seed % 2**32),
    }
    environment.pop("PYTEST_ADDOPTS", None)
    result = run(command(side, selection, settings, part), environment)
    if result.status != 0:
        part.unlink(missing_ok=True)
        lines = result.last_lines(SHOWN_LINES)
        if result.status < 0:
            # `pytest -v` names a benchmark before it runs; faulthandler writes where it was first.
            benchmark = result.output.splitlines()[-1:]
            lines = "\n".join([*benchmark, *result.error.splitlines()[:SHOWN_LINES]])
        raise CrashError(f"{side.name}: the benchmarks' process {result.ending}:\n{lines}")
    saved = load_run(part)
    part.replace(path)
    return saved


def command(
    side: Interpreter, selection: Selection, settings: Settings, path: Path
) -> Sequence[str]:
    """Return the command line of one process."""
    plugins = ("pytest_benchmark.plugin", "xdist.plugin", "no:cacheprovider")
    settings = replace(settings, source=str(side.source), rnn_core=side.rnn_core)
    return [
        str(side.python),
        "-m",
        "pytest",
        *selection.paths,
        *(word for plugin in plugins for word in ("-p", plugin)),
        f"--benchmark-json={path}",
        # rnn_core from its folder, everything else from this checkout.
        f"--override-ini=pythonpath={shlex.quote(str(side.source))} .",
        "--benchmark-disable-gc",
        "--benchmark-quiet",
        "-v",
        f"--device={selection.device}",
        f"--sample={settings.dump()}",
        *(("-k", selection.benchmarks) if selection.benchmarks else ()),
    ]
