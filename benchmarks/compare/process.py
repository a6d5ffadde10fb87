"""The processes of a comparison: pytest, which times or counts the selected benchmarks."""

import os
import re
import shlex
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from random import Random

from tqdm import tqdm

from benchmarks.compare.sides import CrashError, load_run
from benchmarks.instructions.dumps import save_functions
from benchmarks.instructions.functions import functions_file
from benchmarks.instructions.valgrind import command_of_valgrind
from benchmarks.interpreters import Interpreter
from benchmarks.measuring.threads import VARIABLES, all_cpus
from benchmarks.plugins.sampling import Settings
from benchmarks.runner import NO_OUTPUT, Program, Result, run, run_together
from benchmarks.saved.saved_run import SavedRun

# Number of lines of a failed process's output to show.
SHOWN_LINES = 25
# What an own workload does wrong, with the user's traceback, as pytest prints it.
WRONG_WORKLOAD = re.compile(r"^_+ test_workload[^\n]* _+\n(.+?)\n(?:-+ Captured|=+ )", re.M | re.S)


@dataclass(frozen=True)
class Selection:
    """Which benchmarks to measure, and where.

    Attributes:
        paths: files and folders, as on pytest's command line.
        benchmarks: expression for pytest's `-k`; empty for all benchmarks.
        device: device to run on.
        workload: options of pytest that name an own workload; None if there is none.
        content: digest of its files, and its settings: see `OwnJob.content`.
    """

    paths: tuple[str, ...]
    benchmarks: str
    device: str
    workload: tuple[str, ...] | None = field(default=None, kw_only=True)
    content: str | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class Job:
    """What one process measures.

    Attributes:
        interpreter: interpreter that runs it.
        settings: settings of the process.
        path: path of its result file.
    """

    interpreter: Interpreter
    settings: Settings
    path: Path

    @property
    def part(self) -> Path:
        """Path of the file while the process writes it."""
        return self.path.with_suffix(".part")


# Runs processes and returns their results in the order of the jobs, each also written to its path.
Run = Callable[[Selection, Sequence[Job]], list[SavedRun]]


def time_processes(selection: Selection, jobs: Sequence[Job]) -> list[SavedRun]:
    """Time the benchmarks in fresh processes, one after the other.

    A process inherits this process's threads and CPUs: see `benchmarks.measuring.threads`. Its file
    appears only when complete.

    Raises:
        CrashError: a process failed.
        SideError: a process measured nothing.
        OSError: an interpreter cannot be started.
    """
    return [_finish(job, run(command(job, selection), environment(job.settings))) for job in jobs]


def count_processes(selection: Selection, jobs: Sequence[Job]) -> list[SavedRun]:
    """Count the instructions in fresh processes, as many at a time as there are CPUs.

    What else runs on the machine does not change a count. The functions of a process are written
    beside its file.

    Raises:
        CrashError: a process failed.
        SideError: there is no Valgrind, or a process counted nothing.
        OSError: a program cannot be started, or a file cannot be written.
    """
    valgrind = command_of_valgrind()
    found: dict[int, SavedRun] = {}
    with (
        all_cpus() as most,
        tempfile.TemporaryDirectory(prefix="rnn_core-") as folder,
        tqdm(total=len(jobs), unit="process", disable=None, leave=False) as bar,
    ):
        dumps = [Path(folder, str(number)) for number in range(len(jobs))]

        def ended(number: int, result: Result) -> None:
            job = jobs[number]
            if result.status == 0:
                save_functions(dumps[number], functions_file(job.path))
            found[number] = _finish(job, result)
            bar.update()

        programs = [
            Program(
                # Valgrind would replace "%p" in the path of a folder.
                [
                    *valgrind,
                    f"--callgrind-out-file={str(path).replace('%', '%%')}",
                    *command(job, selection, path),
                ],
                environment(job.settings) | counting_environment(job),
            )
            for job, path in zip(jobs, dumps, strict=True)
        ]
        run_together(programs, ended, most, bar.refresh)
    return [found[number] for number in range(len(jobs))]


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment variables of one process."""
    return {
        # Options of another pytest would change what is measured; under xdist, nothing is.
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        # Other plugins would take a fraction of a second to load, in each process.
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        # The order of sets affects times, and the places in a dictionary counts: keep them within
        # a pair, change them between pairs.
        "PYTHONHASHSEED": str(settings.seed % 2**32),
    }


def counting_environment(job: Job) -> dict[str, str]:
    """Return further environment variables of a process that counts.

    The addresses of memory differ between environments, and counts with them. So each pair has
    other addresses, and the spread of the pairs shows it.
    """
    random = Random(job.settings.seed)  # noqa: S311 - not a secret
    return {
        **dict.fromkeys(VARIABLES, "1"),
        # malloc keeps every small block. How long it searches for one depends on the addresses:
        # counts of a process varied by up to 0.15%.
        "GLIBC_TUNABLES": "glibc.malloc.tcache_count=65535",
        "RNN_CORE_PADDING": "x" * random.randrange(4096),
    }


def _finish(job: Job, result: Result) -> SavedRun:
    """Move the file of a process that has ended to its path, and load it."""
    if result.status != 0:
        job.part.unlink(missing_ok=True)
        lines = result.last_lines(SHOWN_LINES)
        if result.status < 0:
            # `pytest -v` names a benchmark before it runs; faulthandler writes where it was first.
            benchmark = result.output.splitlines()[-1:]
            lines = "\n".join([*benchmark, *result.error.splitlines()[:SHOWN_LINES]]) or NO_OUTPUT
        name, wrong = job.interpreter.name, WRONG_WORKLOAD.search(result.output)
        if wrong:
            raise CrashError(f"{name}: {wrong[1]}")
        raise CrashError(f"{name}: the benchmarks' process {result.ending}:\n{lines}")
    saved = load_run(job.part)
    job.part.replace(job.path)
    return saved


def command(job: Job, selection: Selection, dumps: Path | None = None) -> list[str]:
    """Return the command line of one process; Valgrind writes its counts to the path `dumps`."""
    plugins = ("pytest_benchmark.plugin", "xdist.plugin", "no:cacheprovider")
    side = job.interpreter
    settings = replace(
        job.settings,
        source=str(side.source),
        rnn_core=side.rnn_core,
        dumps=str(dumps or ""),
        begun=datetime.now(timezone.utc).isoformat(),
    )
    return [
        str(side.python),
        "-m",
        "pytest",
        *selection.paths,
        *(word for plugin in plugins for word in ("-p", plugin)),
        f"--benchmark-json={job.part}",
        # rnn_core from its folder, everything else from this checkout.
        f"--override-ini=pythonpath={shlex.quote(str(side.source))} .",
        "--benchmark-disable-gc",
        "--benchmark-quiet",
        "-v",
        f"--device={selection.device}",
        f"--sample={settings.dump()}",
        *(("-k", selection.benchmarks) if selection.benchmarks else ()),
        *(selection.workload or ()),
    ]
