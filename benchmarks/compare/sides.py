"""The two sides of a comparison: an interpreter that starts processes, or saved runs."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.interpreters import HERE, Interpreter, Origin, find_interpreter, names_new_process
from benchmarks.interpreters import SideError as SideError
from benchmarks.saved.saved_run import SavedRun, Series
from rnn_core.runtime.messages import printable

SIDES = ("baseline", "candidate")
# Folders of the processes' files, within that of the comparison, by what they measure.
FOLDERS: Mapping[Series, str] = {"instructions": "counts", "time": "pairs"}


class CrashError(SideError):
    """A process of a side ended with an error."""


@dataclass(frozen=True)
class Saved:
    """A side that was measured before.

    Attributes:
        name: name of the side.
        runs: one run for each process, in the order of the pairs, by what they measured.
        comparison: folder of the comparison that the runs belong to; None for a single run.
    """

    name: str
    runs: Mapping[Series, tuple[SavedRun, ...]]
    comparison: Path | None = None

    @property
    def first(self) -> SavedRun:
        """The first run."""
        return next(iter(self.runs.values()))[0]


def find_side(text: str, origin: Origin = HERE) -> Interpreter | Saved:
    """Return the side that a user named; `origin` is that of `find_interpreter`.

    Raises:
        SideError: there is no such side, or its files are damaged.
    """
    if names_new_process(text):
        return find_interpreter(text, origin)
    expanded = os.path.expanduser(text)  # noqa: PTH111 - Path's fails for an unknown user
    folder, _, side = expanded.rpartition(":")
    if side in SIDES and Path(folder).is_dir():
        return read_side(Path(folder), side)
    path = Path(expanded)
    if path.suffix == ".json":
        run = load_run(path)
        if run.timed and all(each.value("instructions") for each in run.timed):
            raise SideError(f"{text} has counts, not times: give its comparison, FOLDER:baseline")
        return Saved(path.stem, {"time": (run,)})
    if path.is_dir():
        raise SideError(
            f"{text} is a folder: add :baseline or :candidate for one side of a saved comparison"
        )
    return find_interpreter(text, origin)


def read_side(folder: Path, side: str) -> Saved:
    """Read one side of a saved comparison.

    Raises:
        SideError: the comparison has no complete pair, or a file is damaged.
    """
    other = SIDES[1 - SIDES.index(side)]
    runs = {
        series: tuple(
            load_run(path)
            for path in sorted((folder / name).glob(f"*-{side}.json"))
            if path.with_name(f"{path.stem.removesuffix(side)}{other}.json").exists()
        )
        for series, name in FOLDERS.items()
    }
    if not any(runs.values()):
        raise SideError(f"{folder} has no complete pair of a comparison")
    found = {series: each for series, each in runs.items() if each}
    return Saved(f"{folder.name}:{side}", found, folder.resolve())


def load_run(path: Path) -> SavedRun:
    """Read the file of one process, or another file that pytest-benchmark wrote for this suite.

    Raises:
        SideError: the file is missing, or is not a run of this suite.
    """
    try:
        return SavedRun.load(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error  # str(error) has the path again.
        raise SideError(
            f"{printable(str(path))} cannot be read as a saved run: {reason}"
        ) from error
