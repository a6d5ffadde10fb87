"""The two sides of a comparison: an interpreter that starts processes, or saved runs."""

import json
import math
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import ROOT
from benchmarks.runner import run
from benchmarks.saved.baseline import SavedRun, read_run

TOX = ROOT / ".tox"
SIDES = ("baseline", "candidate")
# Run in isolated mode, so that the environment's own start-up files print nothing.
PROBE = ("-I", "-c", "import sys; print(sys.version_info >= (3, 10))")
PROBE_LIMIT = 60.0  # seconds
ALLOWED = (
    "allowed are a Python interpreter (a path, or a name on PATH) and a tox environment (paddle30, "
    "bench-paddle33, py311-paddle30-cpu)"
)


class SideError(Exception):
    """A side is missing or damaged, or its measurements cannot be compared."""


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
        name: name of the side.
        runs: one run for each process, in the order of the pairs.
        comparison: folder of the comparison that the runs belong to; None for a single run.
    """

    name: str
    runs: tuple[SavedRun, ...]
    comparison: Path | None = None


def find_side(text: str) -> Interpreter | Saved:
    """Return the side that a user named.

    Raises:
        SideError: there is no such side, or its files are damaged.
    """
    folder, _, side = text.rpartition(":")
    if side in SIDES and Path(folder).is_dir():
        return read_side(Path(folder), side)
    path = Path(text).expanduser()
    if path.suffix == ".json":
        return Saved(path.stem, (read_file(path),))
    if path.is_dir():
        raise SideError(
            f"{text} is a folder: add :baseline or :candidate for one side of a saved comparison"
        )
    return find_interpreter(text)


# Returns the interpreter that a text names, or None if the text is of another kind. Raises
# SideError if it is of this kind and the interpreter cannot be used.
Finder = Callable[[str], Interpreter | None]


def find_interpreter(text: str) -> Interpreter:
    """Return the interpreter that a user named, by the first finder that knows such names.

    Raises:
        SideError: no finder knows the name, or the interpreter cannot be used.
    """
    finders: tuple[Finder, ...] = (find_program, find_tox_environment)
    for find in finders:
        found = find(text)
        if found is not None:
            return found
    raise SideError(f"{text} is not an interpreter or tox environment: {ALLOWED}")


def find_program(text: str) -> Interpreter | None:
    """Find an interpreter by its path, or by its name on PATH.

    The interpreter is named after its environment. Links are not followed, because a virtual
    environment's interpreter is a link to one outside it.

    Raises:
        SideError: the path is not that of a Python interpreter, 3.10 or newer.
    """
    # Not Path(text): it would make a bare name, to look up on PATH, of ./python.
    bare = not os.path.dirname(text)  # noqa: PTH120
    program = shutil.which(os.path.expanduser(text))  # noqa: PTH111
    if program is None:
        if bare:
            return None
        raise SideError(f"{text} is not an executable file: {ALLOWED}")
    python = Path(os.path.abspath(program))  # noqa: PTH100 - resolve() would follow links
    check_python(text, python)
    inside = not bare and python.parent.name in ("bin", "Scripts")
    return Interpreter(python.parents[1].name if inside else python.name, python)


def check_python(text: str, python: Path) -> None:
    """Raise SideError unless the program is a Python interpreter, 3.10 or newer."""
    try:
        result = run([python, *PROBE], timeout=PROBE_LIMIT)
    except OSError as error:
        raise SideError(f"{text} cannot be started: {error}") from error
    answer = result.output.strip()
    if result.status or answer not in ("True", "False"):
        raise SideError(f"{text} is not a Python interpreter")
    if answer == "False":
        raise SideError(f"{text} is older than Python 3.10")


def find_tox_environment(name: str) -> Interpreter | None:
    """Find the interpreter of a tox environment, and let tox create the environment if necessary.

    `paddle30` is `bench-paddle30`, or an existing test environment with that Paddle.

    Raises:
        SideError: tox is not installed, or cannot create the environment.
    """
    short = name.startswith("paddle")
    environment = f"bench-{name}" if short else name
    existing = [TOX / environment]
    if short:
        existing += sorted(TOX.glob(f"py*-{name}-cpu"))
    for folder in existing:
        for program in ("bin/python", "Scripts/python.exe"):
            if (folder / program).is_file():
                return Interpreter(name, folder / program)
    tox = shutil.which("tox")
    if tox is None:
        raise SideError(f"{name} is not an environment, and tox is not installed: {ALLOWED}")
    # tox would create an environment of any name, but an unknown one has no Paddle.
    if environment not in run([tox, "list", "--no-desc", "-q"]).output.split():
        return None
    # Creating an environment takes minutes: show tox's progress.
    created = run([tox, "run", "-e", environment, "--notest"], capture=False)
    python = TOX / environment / "bin" / "python"
    if created.status != 0 or not python.is_file():
        raise SideError(f"tox could not create {environment}; see its output above")
    return Interpreter(name, python)


def read_side(folder: Path, side: str) -> Saved:
    """Read one side of a saved comparison.

    Raises:
        SideError: the comparison has no complete pair, or a file is damaged.
    """
    files = sorted((folder / "pairs").glob(f"*-{side}.json"))
    other = SIDES[1 - SIDES.index(side)]
    runs = [
        read_file(path)
        for path in files
        if path.with_name(path.name.replace(side, other)).is_file()
    ]
    if not runs:
        raise SideError(f"{folder} has no complete pair of a comparison")
    return Saved(f"{folder.name}:{side}", tuple(runs), folder.resolve())


def read_file(path: Path) -> SavedRun:
    """Read the file of one process, or another file that pytest-benchmark wrote for this suite.

    Raises:
        SideError: the file is missing, or is not a run of this suite.
    """
    try:
        saved = read_run(str(path), json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise SideError(f"{path} cannot be read as a saved run: {error}") from error
    for name, bench in saved.benchmarks.items():
        times = [bench["stats"]["median"], bench.get("extra_info", {}).get("lower_quartile")]
        for time in times:
            if time is not None and not (isinstance(time, float | int) and 0 < time < math.inf):
                raise SideError(
                    f"{path}: the time of {name} must be a positive number of seconds, got {time!r}"
                )
    return saved
