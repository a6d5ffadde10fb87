"""Checkpoints: what a run needs to go on as if it had never stopped, and the folder that holds it.

A checkpoint is a NumPy archive, and not what `paddle.save` writes, since it may come from a
stranger. `paddle.load` unpickles any file first, whatever its name or kind, and a pickle runs what
it says (tried on Paddle 2.6.2, 3.0.0 and 3.3.1). What reads Paddle's binary tensors without a
pickle is private, and has no checksum: of a tensor of 74 bytes that was cut short, 49 of 74 lengths
were accepted with other values, and so were 50 of 74 damaged bytes. NumPy's archives have a
checksum for every array, and `allow_pickle=False`.
"""

import json
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnn_core.checkpoints.random_states import STATES, random_states, restore_random_states
from rnn_core.config import TrainConfig
from rnn_core.history import DAMAGE, History, open_arrays
from rnn_core.model import NumericPrediction
from rnn_core.parameters import blocks_of, check_weights, named_weights, set_weights
from rnn_core.recorder import Position
from rnn_core.runtime import parallel
from rnn_core.runtime.files import PREFIX, write_whole

if sys.platform != "win32":
    import fcntl

FORMAT = "rnn_core checkpoint 1"
KEEP = 3  # The last one may be damaged, and so may be the one before.
NAME = re.compile(r"step-(\d{9,})\.npz")


class CheckpointError(Exception):
    """A checkpoint cannot be used or written.

    Attributes:
        history: the run so far; None where nothing was trained.
    """

    def __init__(self, message: str, history: History | None = None) -> None:
        super().__init__(message)
        self.history = history


class CheckpointWarning(UserWarning):
    """A checkpoint is no good, and the one before it is used."""


def raise_everywhere(error: CheckpointError | None, history: History | None = None) -> None:
    """Raise this process's error, or that another one has one, so that none waits for ever.

    Of processes that train together, each calls this, whatever it has.

    Args:
        error: this process's, if it has one.
        history: the run so far, for those that have none.

    Raises:
        CheckpointError: a process has an error.
    """
    failed = parallel.total(error is not None)
    if error is not None:
        raise error
    if failed:
        raise CheckpointError(
            "another process cannot use the checkpoints: its log says why", history
        )


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A run between two steps.

    Plain SGD keeps nothing from one step to the next, so there is no state of an optimizer.

    Attributes:
        history: what was recorded so far, and the config.
        position: of the next step.
        data: a checksum of the batches, as `Batches.checksum` computes it.
        weights: every parameter by its name.
        random: the states of the random generators.
    """

    history: History
    position: Position
    data: int
    weights: dict[str, NDArray[Any]]
    random: dict[str, NDArray[Any]]

    def save(self, path: Path) -> None:
        """Write one `.npz` file, whole or not at all; `History.load` reads its history.

        Raises:
            OSError: the file cannot be written.
        """
        # In memory first: on a full disk, NumPy's zip file would fail once more when it is closed.
        content = BytesIO()
        np.savez(content, **self._arrays())
        with write_whole(path) as file:
            file.write(content.getbuffer())

    def _arrays(self) -> dict[str, Any]:
        return {
            **self.history.arrays(),
            "checkpoint": np.array(FORMAT),
            "position": np.array(self.position, dtype=np.int64),
            "data": np.array(self.data, dtype=np.int64),
            "weights": np.array(json.dumps(list(self.weights))),
            **{f"weights/{name}": values for name, values in self.weights.items()},
            **{f"random/{name}": values for name, values in self.random.items()},
        }

    @classmethod
    def load(cls, path: Path) -> "Checkpoint":
        """Read a checkpoint that `save` wrote. Nothing in the file is run: no pickles.

        Raises:
            ValueError: the file is damaged, cut short, no checkpoint, or cannot be read.
        """
        try:
            with path.open("rb") as file, open_arrays(file) as stored:
                if "checkpoint" not in stored or str(stored["checkpoint"]) != FORMAT:
                    raise ValueError("it says nothing of that format")
                position = Position(*stored["position"].tolist())
                if position.epoch < 1 or min(position) < 0:
                    raise ValueError(f"there is no {position}")
                checkpoint = cls(
                    history=History.from_arrays(stored),
                    position=position,
                    data=int(stored["data"]),
                    weights={n: stored[f"weights/{n}"] for n in json.loads(str(stored["weights"]))},
                    random={name: stored[f"random/{name}"] for name in STATES},
                )
        except DAMAGE as error:
            raise ValueError(f"{path} is not a whole {FORMAT!r} file: {error}") from error
        return checkpoint

    def check_run(self, path: Path, config: TrainConfig, data: int) -> None:
        """Refuse to go on with another run than that of the checkpoint; only epochs may be added.

        Raises:
            CheckpointError: the config differs, has fewer epochs than were trained, or the data
                differ.
        """
        there, here = self.history.config.as_dict(), config.as_dict()
        differing = [
            f"{name} is {there[name]!r} there and {here[name]!r} here"
            for name in here
            if name != "epochs" and there[name] != here[name]
        ]
        if self.position.epoch > config.epochs:
            differing.append(f"it is in epoch {self.position.epoch} of here {config.epochs}")
        if self.data != data:
            differing.append("its batches are others")
        if differing:
            raise CheckpointError(f"{path} is of another run: {'; '.join(differing)}")

    def check_model(self, path: Path, model: NumericPrediction) -> None:
        """Raise ValueError unless the weights are those of such a model."""
        try:
            check_weights(blocks_of(model), self.weights)
        except ValueError as error:
            raise ValueError(f"{path} does not fit the model: {error}") from error

    def restore(self, model: NumericPrediction) -> None:
        """Put the weights into the model, and the random generators where they stood.

        Raises:
            ValueError: as `restore_random_states`.
        """
        restore_random_states(self.random)
        set_weights(model, self.weights)


class CheckpointFolder:
    """The checkpoints of one run, of which the last `KEEP` are kept.

    Of several processes that train together, the first writes them, and all read them.
    """

    def __init__(
        self,
        folder: Path,
        every: int,
        data: int,
        model: NumericPrediction,
        interrupted: Callable[[], bool],
    ) -> None:
        """Take a folder that is this run's alone.

        Args:
            folder: as `checkpoint_folder` gives it.
            every: steps between two checkpoints.
            data: the checksum of the batches.
            model: the one that is trained.
            interrupted: whether Ctrl-C waits for a checkpoint.
        """
        self.folder, self.every, self.data = folder, every, data
        self.model, self.interrupted = model, interrupted

    def due(self, steps: int, last: bool) -> bool:
        """Whether to write a checkpoint after that many steps, or after the last one."""
        return last or steps % self.every == 0 or self.interrupted()

    def restore(self, config: TrainConfig) -> Checkpoint | None:
        """Put the last good checkpoint's weights and random states in place; None if none is there.

        What is newer, and damaged or foreign, is told by a `CheckpointWarning` and set aside, under
        its name and ".refused".

        Raises:
            CheckpointError: checkpoints are there, but none is good; the last good one is of
                another run; a damaged one cannot be set aside; or processes that train together
                see different ones.
        """
        checkpoint, error = None, None
        # The first process sets aside what is damaged, before the others look.
        for mine in (parallel.rank() == 0, parallel.rank() > 0):
            if mine:
                try:
                    checkpoint = self._restore(config)
                except CheckpointError as caught:
                    error = caught
            raise_everywhere(error)
        steps = -1 if checkpoint is None else checkpoint.history.steps
        if steps != parallel.total(steps if parallel.rank() == 0 else 0):
            words = f"not all processes find the same checkpoints in {self.folder}"
            error = CheckpointError(words)
        raise_everywhere(error)
        return checkpoint

    def _restore(self, config: TrainConfig) -> Checkpoint | None:
        refused: dict[Path, str] = {}
        for path in reversed(checkpoint_files(self.folder)):
            try:
                checkpoint = Checkpoint.load(path)
                checkpoint.check_run(path, config, self.data)
                checkpoint.check_model(path, self.model)
                checkpoint.restore(self.model)
            except DAMAGE as error:
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

    def save(self, history: History, position: Position) -> None:
        """Write a checkpoint of the run as it stands, and remove what is older than the last three.

        Of several processes, the first does, and the others wait for it.

        Raises:
            CheckpointError: that failed; the older checkpoints are as they were.
            KeyboardInterrupt: Ctrl-C was waiting.
        """
        error = None
        if parallel.rank() == 0:
            try:
                self._save(history, position)
            except CheckpointError as caught:
                error = caught
        raise_everywhere(error, history)
        if self.interrupted():
            raise KeyboardInterrupt

    def _save(self, history: History, position: Position) -> None:
        weights = named_weights(self.model)
        path = self.folder / f"step-{history.steps:09}.npz"
        try:
            Checkpoint(history, position, self.data, weights, random_states()).save(path)
            for old in checkpoint_files(self.folder)[:-KEEP]:
                old.unlink(missing_ok=True)
        except (OSError, ValueError) as error:
            raise CheckpointError(f"no checkpoint {path}: {error}", history) from error


@contextmanager
def checkpoint_folder(path: Path, resume: bool) -> Iterator[Path]:
    """Make a folder for checkpoints if it is not there, and keep other runs out of it.

    Of several processes, the first has it for all.

    Raises:
        CheckpointError: the folder cannot be made or written to; another run uses it; with
            `resume` false, it holds checkpoints already.
    """
    with ExitStack() as stack:
        error = None
        if parallel.rank() == 0:
            try:
                _take(path, resume, stack)
            except CheckpointError as caught:
                error = caught
        raise_everywhere(error)
        yield path


def _take(path: Path, resume: bool, stack: ExitStack) -> None:
    """Make and lock the folder, until the stack ends."""
    try:
        path.mkdir(exist_ok=True)
        lock = stack.enter_context((path / ".lock").open("a"))
        if sys.platform != "win32":  # There, two runs on one folder are not told apart.
            # The kernel lets go of it however the process ends.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for left_over in path.glob(f"{PREFIX}*"):  # By a run that was killed while it wrote.
            if left_over.is_file():
                left_over.unlink()
    except BlockingIOError as error:
        raise CheckpointError(f"{path} is in use by another run") from error
    except OSError as error:
        raise CheckpointError(f"cannot write checkpoints to {path}: {error}") from error
    files = checkpoint_files(path)
    if files and not resume:
        raise CheckpointError(
            f"{path} holds checkpoints already, up to {files[-1].name}: resume that run, or "
            f"name another folder"
        )


def _set_aside(damaged: Path) -> None:
    try:
        damaged.replace(damaged.with_name(f"{damaged.name}.refused"))
    except OSError as error:
        raise CheckpointError(f"damaged, and cannot be set aside: {error}") from error


def checkpoint_files(folder: Path) -> list[Path]:
    """The checkpoints in a folder, by their steps, unread."""
    found = [(NAME.fullmatch(path.name), path) for path in folder.glob("step-*.npz")]
    return [path for _, path in sorted((int(match[1]), path) for match, path in found if match)]
