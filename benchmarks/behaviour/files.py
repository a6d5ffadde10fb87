"""What one side of a comparison leaves in files: its runs, and every tensor of single steps."""

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from rnn_core.history import DAMAGE, History
from rnn_core.runtime.files import write_whole

DIGEST_SIZE = 16
Digests = NDArray[np.uint8]
Content = TypeVar("Content")


class Job(NamedTuple):
    """An experiment, how its recurrent layer is computed, and its epochs (None: its own)."""

    experiment: str
    execution: str
    epochs: int | None = None

    def history(self, folder: Path) -> Path:
        """Where the run's history is."""
        return folder / f"{self.experiment}-{self.execution}.npz"

    def digests(self, folder: Path) -> Path:
        """Where the digests of the run's steps are."""
        return folder / f"{self.experiment}-{self.execution}.digests.npz"

    def trace(self, folder: Path, step: int) -> Path:
        """Where all tensors of one step are."""
        return folder / f"{self.experiment}-{self.execution}.step-{step}.npz"

    def replay(self, folder: Path, step: int) -> Path:
        """Where the tensors are that this side makes of the other's."""
        return folder / f"{self.experiment}-{self.execution}.step-{step}.replay.npz"


@dataclass(frozen=True, eq=False)
class Recording:
    """A run, with digests that tell whether another has the same bits. R steps were recorded.

    Attributes:
        history: loss and norms of every step.
        gradients: of each step, its loss, norms and clipped gradients, `[R, 16]`.
        parameters: of all parameters before each step, and after the last, `[R + 1, 16]`.
    """

    history: History
    gradients: Digests
    parameters: Digests

    def save(self, job: Job, folder: Path) -> None:
        """Write it, the history last: where that is, all is.

        Raises:
            OSError: a file cannot be written.
        """
        with write_whole(job.digests(folder)) as file:
            np.savez(file, gradients=self.gradients, parameters=self.parameters)
        self.history.save(job.history(folder))

    @classmethod
    def load(cls, job: Job, folder: Path) -> "Recording":
        """Read what `save` wrote.

        Raises:
            OSError: a file cannot be read.
            ValueError: a file is damaged, or does not belong to the others.
        """
        history = History.load(job.history(folder))

        def read(stored: Any) -> Recording:
            recording = cls(history, stored["gradients"], stored["parameters"])
            steps = len(history.recorded)
            for digests, count in ((recording.gradients, steps), (recording.parameters, steps + 1)):
                if digests.shape != (count, DIGEST_SIZE) or digests.dtype != np.uint8:
                    raise ValueError(f"it does not belong to a history of {steps} steps")
            return recording

        return _load(job.digests(folder), read)


class Traced(NamedTuple):
    """A tensor of a step.

    Attributes:
        name: as in the equations of `rnn_core.cells`; `d z` is the loss's derivative by z.
        operator: that made it.
        values: as they came out.
        scale: the size of the numbers that its rounding comes from.
    """

    name: str
    operator: str
    values: NDArray[Any]
    scale: float


@dataclass(frozen=True, eq=False)
class Trace:
    """All tensors of one step in the order in which they were made.

    Attributes:
        tensors: each was made from those before it.
        before: digest of the parameters before the step, as in `Recording`.
        gradients: digest of loss, norms and clipped gradients.
        after: digest of the parameters after the step.
    """

    tensors: list[Traced]
    before: bytes
    gradients: bytes
    after: bytes

    def repeats(self, recording: Recording, step: int) -> bool:
        """Whether the step came out with the bits that the recorded run had there."""
        return [self.before, self.gradients, self.after] == [
            recording.parameters[step - 1].tobytes(),
            recording.gradients[step - 1].tobytes(),
            recording.parameters[step].tobytes(),
        ]

    def save(self, path: Path) -> None:
        """Write it.

        Raises:
            OSError: the file cannot be written.
        """
        about = {
            "tensors": [(t.name, t.operator, t.scale) for t in self.tensors],
            "digests": [digest.hex() for digest in (self.before, self.gradients, self.after)],
        }
        # Numbered, for a name with a slash or a dot in it is none that an archive keeps.
        arrays = {f"{k}": tensor.values for k, tensor in enumerate(self.tensors)}
        with write_whole(path) as file:
            np.savez(file, about=np.array(json.dumps(about)), **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path) -> "Trace":
        """Read what `save` wrote.

        Raises:
            OSError: the file cannot be read.
            ValueError: the file is damaged.
        """

        def read(stored: Any) -> Trace:
            about = json.loads(str(stored["about"]))
            tensors = [
                Traced(name, operator, stored[f"{k}"], float(scale))
                for k, (name, operator, scale) in enumerate(about["tensors"])
            ]
            return cls(tensors, *map(bytes.fromhex, about["digests"]))

        return _load(path, read)


def _load(path: Path, read: Callable[[Any], Content]) -> Content:
    """What `read` makes of an `.npz` file, in which nothing is run: no pickles."""
    with path.open("rb") as file:
        try:
            if not zipfile.is_zipfile(file):
                raise ValueError("it is no zip archive, or is cut short")
            file.seek(0)
            with np.load(file, allow_pickle=False) as stored:
                return read(stored)
        except DAMAGE as error:
            raise ValueError(f"{path} is damaged: {error}") from error


def digest(arrays: Iterable[NDArray[Any]]) -> bytes:
    """16 bytes that are the same for the same dtypes, shapes and bits, in the same order.

    Every NaN counts as the same; zeros of different sign do not.
    """
    hashed = hashlib.blake2b(digest_size=DIGEST_SIZE)
    for array in arrays:
        values = array
        if values.dtype.kind == "f" and np.isnan(values).any():
            values = np.where(np.isnan(values), values.dtype.type(np.nan), values)
        hashed.update(f"{values.dtype.str}{values.shape}".encode())
        hashed.update(values.tobytes())
    return hashed.digest()


def step_digest(loss: float, norms: Iterable[float], gradients: Iterable[NDArray[Any]]) -> bytes:
    """The digest of what a step computes before its update."""
    return digest([np.array([loss, *norms]), *gradients])
