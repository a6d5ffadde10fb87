"""The two sides of a comparison: an interpreter that starts processes, or saved runs."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

from benchmarks.interpreters import Interpreter, find_interpreter
from benchmarks.interpreters import SideError as SideError
from benchmarks.saved.baseline import SavedRun, read_run

SIDES = ("baseline", "candidate")


class CrashError(SideError):
    """A process of a side ended with an error."""


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
