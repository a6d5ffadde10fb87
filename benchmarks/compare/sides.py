"""The two sides of a comparison: an interpreter that starts processes, or runs that are saved."""

import json
import math
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import ROOT
from benchmarks.plugins.sampling import Settings
from benchmarks.saved.baseline import SavedRun, read_run

TOX = ROOT / ".tox"
SIDES = ("baseline", "candidate")
# Of a process's output, when it fails.
SHOWN_LINES = 25
ALLOWED = (
    "allowed are an interpreter's path, a tox environment (paddle30, bench-paddle33, "
    "py311-paddle30-cpu), the file of a saved run (.json), or one side of a saved comparison "
    "(FOLDER:baseline, FOLDER:candidate)"
)


class SideError(Exception):
    """A side cannot be had, or what it measures cannot be compared."""


class CrashError(SideError):
    """A process of a side ended with an error."""


@dataclass(frozen=True)
class Interpreter:
    """A side that can start processes."""

    name: str
    python: Path


@dataclass(frozen=True)
class Saved:
    """A side that was measured before.

    Attributes:
        name: of the side.
        runs: its processes, in the order of their pairs.
        comparison: the folder of the comparison that they are a side of.
    """

    name: str
    runs: tuple[SavedRun, ...]
    comparison: Path | None = None


@dataclass(frozen=True)
class Selection:
    """Which benchmarks, by pytest's own options, and on which device."""

    paths: tuple[str, ...]
    keywords: str
    device: str


Run = Callable[[Interpreter, Selection, Settings, Path], SavedRun]


def find_side(text: str) -> Interpreter | Saved:
    """What a person means by `text`.

    Raises:
        SideError: nothing of that name is there, or it is damaged.
    """
    folder, _, side = text.rpartition(":")
    if side in SIDES and Path(folder).is_dir():
        return read_side(Path(folder), side)
    path = Path(text).expanduser()
    if path.suffix == ".json":
        return Saved(path.stem, (read_file(path),))
    if path.is_dir():
        raise SideError(f"{text} is a folder, and which side of it is not said: {ALLOWED}")
    if len(path.parts) == 1 and not text.startswith("."):
        return find_tox(text)
    if not (path.is_file() and os.access(path, os.X_OK)):
        raise SideError(f"{text} is no program that can be started: {ALLOWED}")
    # Not resolved: a virtual environment's interpreter is a link out of it.
    path = Path(os.path.abspath(path))  # noqa: PTH100
    inside = path.parent.name in ("bin", "Scripts")
    return Interpreter(path.parents[1].name if inside else path.name, path)


def find_tox(name: str) -> Interpreter:
    """The interpreter of a tox environment, which is made if it is not there.

    `paddle30` is `bench-paddle30`, or a test environment of that Paddle if there is one already.
    """
    short = name.startswith("paddle")
    names = [f"bench-{name}"] if short else [name]
    there = [TOX / one for one in names]
    if short:
        there += sorted(TOX.glob(f"py*-{name}-cpu"))
    for environment in there:
        for program in ("bin/python", "Scripts/python.exe"):
            if (environment / program).is_file():
                return Interpreter(name, environment / program)
    tox = shutil.which("tox")
    if tox is None:
        raise SideError(f"there is no environment {name}, and no tox that would make it: {ALLOWED}")
    known = subprocess.run(  # noqa: S603
        [tox, "list", "--no-desc", "-q"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    if names[0] not in known:  # tox would make an environment of any name, without Paddle.
        raise SideError(f"tox knows no environment {names[0]}: {ALLOWED}")
    made = subprocess.run([tox, "run", "-e", names[0], "--notest"], cwd=ROOT, check=False)  # noqa: S603
    python = TOX / names[0] / "bin" / "python"
    if made.returncode != 0 or not python.is_file():
        raise SideError(f"tox could not make {names[0]}: its output says why")
    return Interpreter(name, python)


def read_side(folder: Path, side: str) -> Saved:
    """One side of a saved comparison.

    Raises:
        SideError: it holds no finished pair, or a file is damaged.
    """
    files = sorted((folder / "pairs").glob(f"*-{side}.json"))
    other = SIDES[1 - SIDES.index(side)]
    runs = [
        read_file(path)
        for path in files
        if path.with_name(path.name.replace(side, other)).is_file()
    ]
    if not runs:
        raise SideError(f"{folder} holds no finished pair of a comparison")
    return Saved(f"{folder.name}:{side}", tuple(runs), folder.resolve())


def read_file(path: Path) -> SavedRun:
    """A process's own file, or any other that pytest-benchmark wrote for this suite.

    Raises:
        SideError: it is not there, or holds no run of this suite.
    """
    try:
        run = read_run(str(path), json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise SideError(f"{path} cannot be read as a saved run: {error}") from error
    for name, bench in run.benchmarks.items():
        times = [bench["stats"]["median"], bench.get("extra_info", {}).get("lower_quartile")]
        for time in times:
            if time is not None and not (isinstance(time, float | int) and 0 < time < math.inf):
                raise SideError(f"{path}: the time of {name} is {time!r} seconds")
    return run


def run_process(
    side: Interpreter, selection: Selection, settings: Settings, path: Path
) -> SavedRun:
    """Run the benchmarks in a fresh process, whose results appear whole at `path`.

    Threads and CPUs are inherited from this process: see `benchmarks.measuring.threads`.

    Raises:
        CrashError: it failed.
        SideError: it measured nothing.
    """
    part = path.with_suffix(".part")
    environment = {
        **os.environ,
        # Loading others takes a part of a second, in each process.
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        # The order of sets is a part of the noise: the same within a pair, another in the next.
        "PYTHONHASHSEED": str(settings.seed % 2**32),
    }
    environment.pop("PYTEST_ADDOPTS", None)
    done = subprocess.run(  # noqa: S603
        command(side.python, selection, settings, part),
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        part.unlink(missing_ok=True)
        raise CrashError(
            f"{side.name}: the benchmarks ended with status {done.returncode}:\n"
            + "\n".join(done.stdout.splitlines()[-SHOWN_LINES:])
        )
    run = read_file(part)
    part.replace(path)
    return run


def command(python: Path, selection: Selection, settings: Settings, path: Path) -> Sequence[str]:
    """The command line of one process."""
    plugins = ("pytest_benchmark.plugin", "xdist.plugin", "no:cacheprovider")
    return [
        str(python),
        "-m",
        "pytest",
        *selection.paths,
        *(word for plugin in plugins for word in ("-p", plugin)),
        f"--benchmark-json={path}",
        "--benchmark-disable-gc",
        "--benchmark-quiet",
        f"--device={selection.device}",
        f"--sample={settings.dump()}",
        *(("-k", selection.keywords) if selection.keywords else ()),
    ]
