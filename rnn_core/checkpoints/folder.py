"""The folder of a run's checkpoints: writing, resuming, damaged files, and the lock."""

import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rnn_core.checkpoints.checkpoint import Checkpoint
from rnn_core.checkpoints.random_states import random_states
from rnn_core.config import TrainConfig
from rnn_core.history import History
from rnn_core.model import NumericPrediction
from rnn_core.parameters import named_weights
from rnn_core.recorder import Position
from rnn_core.runtime import parallel
from rnn_core.runtime.files import PREFIX, without_waiting

if sys.platform != "win32":
    import fcntl

KEEP = 3  # The last one may be damaged, and so may be the one before.
NAME = re.compile(r"step-(\d{9,})\.npz")


class CheckpointError(Exception):
    """A checkpoint cannot be used or written.

    Attributes:
        history: history of the run so far; None if nothing was trained.
    """

    def __init__(self, message: str, history: History | None = None) -> None:
        super().__init__(message)
        self.history = history


class CheckpointWarning(UserWarning):
    """A checkpoint is damaged, and an earlier one is used instead."""


@dataclass(frozen=True)
class CheckpointFolder:
    """The checkpoints of one run, of which the last `KEEP` are kept.

    If several processes train together, the first writes the checkpoints and all read them.

    Attributes:
        folder: path of the folder, which `checkpoint_folder` has locked.
        every: number of steps between checkpoints.
        batches: number of batches in an epoch.
        data: checksum of the batches.
        model: model in training.
        interrupted: function that tells whether a signal has come.
    """

    folder: Path
    every: int
    batches: int
    data: int
    model: NumericPrediction
    interrupted: Callable[[], bool]

    def due(self, steps: int, last: bool) -> bool:
        """Whether to write a checkpoint after this number of steps."""
        return last or steps % self.every == 0 or self.interrupted()

    def restore(self, config: TrainConfig) -> Checkpoint | None:
        """Restore weights and random generators from the last valid checkpoint and return it.

        Newer files that are damaged or not checkpoints are renamed to end in ".refused", each with
        a `CheckpointWarning`. Returns None if the folder holds no checkpoint.

        Raises:
            CheckpointError: no checkpoint is valid; the last valid one belongs to another run; a
                damaged file cannot be renamed; or the processes see different checkpoints.
        """
        checkpoint = None
        # The first process renames damaged files before the others look.
        for mine in (parallel.rank() == 0, parallel.rank() > 0):
            with raised_everywhere():
                if mine:
                    checkpoint = self._restore(config)
        steps = -1 if checkpoint is None else checkpoint.history.steps
        with raised_everywhere():
            if steps != parallel.total(steps if parallel.rank() == 0 else 0):
                raise CheckpointError(f"the processes see different checkpoints in {self.folder}")
        return checkpoint

    def _restore(self, config: TrainConfig) -> Checkpoint | None:
        refused: dict[Path, str] = {}
        for path in reversed(checkpoint_files(self.folder)):
            try:
                checkpoint = Checkpoint.load(path)
                self._use(checkpoint, path, config)
            except ValueError as error:
                refused[path] = str(error)
                continue
            for damaged, reason in refused.items():
                if parallel.rank() == 0:
                    _set_aside(damaged)
                message = f"{reason}; {path.name} is used instead"
                warnings.warn(message, CheckpointWarning, stacklevel=2)
            return checkpoint
        if refused:
            raise CheckpointError("; ".join(refused.values()))
        return None

    def _use(self, checkpoint: Checkpoint, path: Path, config: TrainConfig) -> None:
        if differences := checkpoint.differences(config, self.data):
            raise CheckpointError(f"{path} is of another run: {'; '.join(differences)}")
        try:
            checkpoint.restore(self.model, self.batches)
        except ValueError as error:
            raise ValueError(f"{path} does not fit this run: {error}") from error

    def save(self, history: History, position: Position) -> None:
        """Write a checkpoint and remove all but the last `KEEP`.

        If several processes train together, the first writes and the others wait for it.

        Raises:
            CheckpointError: the checkpoint cannot be written; the older ones stay.
        """
        with raised_everywhere(history):
            if parallel.rank() == 0:
                self._save(history, position)

    def _save(self, history: History, position: Position) -> None:
        weights = named_weights(self.model)
        path = self.folder / f"step-{history.steps:09}.npz"
        try:
            Checkpoint(history, position, self.data, weights, random_states()).save(path)
            for old in checkpoint_files(self.folder)[:-KEEP]:
                if not old.is_dir():
                    old.unlink(missing_ok=True)
        except (OSError, ValueError) as error:
            raise CheckpointError(f"cannot write checkpoint {path}: {error}", history) from error


@contextmanager
def checkpoint_folder(path: Path, resume: bool) -> Iterator[Path]:
    """Create a folder for checkpoints if needed, and lock it against other runs.

    If several processes train together, the first holds the lock for all.

    Raises:
        CheckpointError: the folder cannot be created or written to; another run uses it; or it
            already holds checkpoints and `resume` is false.
    """
    with ExitStack() as stack:
        with raised_everywhere():
            if parallel.rank() == 0:
                _take(path, resume, stack)
        yield path


def _take(path: Path, resume: bool, stack: ExitStack) -> None:
    """Create and lock the folder until the stack ends."""
    try:
        path.mkdir(exist_ok=True)
        lock = open(path / ".lock", "a", opener=without_waiting)  # noqa: SIM115 - the stack closes it
        stack.enter_context(lock)
        if sys.platform != "win32":  # Windows has no such lock.
            # The kernel releases the lock however the process ends.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for unfinished in path.glob(f"{PREFIX}*"):  # From a run that was killed while writing.
            if unfinished.is_file():
                unfinished.unlink()
    except BlockingIOError as error:
        raise CheckpointError(f"{path} is in use by another run") from error
    except OSError as error:
        raise CheckpointError(f"cannot write checkpoints to {path}: {error}") from error
    files = checkpoint_files(path)
    if files and not resume:
        raise CheckpointError(
            f"{path} already holds checkpoints up to {files[-1].name}: resume that run or use "
            f"another folder"
        )


def _set_aside(damaged: Path) -> None:
    try:
        damaged.replace(damaged.with_name(f"{damaged.name}.refused"))
    except OSError as error:
        raise CheckpointError(f"cannot rename a damaged checkpoint: {error}") from error


def checkpoint_files(folder: Path) -> list[Path]:
    """Paths of the checkpoints in a folder, ordered by step."""
    found = [(NAME.fullmatch(path.name), path) for path in folder.glob("step-*.npz")]
    return [path for _, path in sorted((int(match[1]), path) for match, path in found if match)]


@contextmanager
def raised_everywhere(history: History | None = None) -> Iterator[None]:
    """Raise a `CheckpointError` in every process if the `with` block raised one in any.

    So no process waits forever for one that failed. Every process enters the block.

    Args:
        history: history of the run so far, for the processes without an error of their own.

    Raises:
        CheckpointError: the block failed in a process.
    """
    error = None
    try:
        yield
    except CheckpointError as caught:
        error = caught
    failed = parallel.total(error is not None)
    if error is not None:
        raise error
    if failed:
        raise CheckpointError("another process cannot use its checkpoints: see its log", history)
