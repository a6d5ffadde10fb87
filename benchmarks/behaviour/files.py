"""The files of one side of a comparison: recorded runs, and traces of single steps."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from benchmarks.workloads.own import find_workload
from rnn_core.config import Execution, TrainConfig
from rnn_core.experiments import EXPERIMENTS
from rnn_core.history import History
from rnn_core.runtime.archive import Archive, read_archive
from rnn_core.runtime.files import write_whole
from rnn_core.runtime.messages import printable

DIGEST_SIZE = 16
# In bytes. All tensors of a step of the LSTM take 3 MB; a user's model may be large.
LARGEST_FILE = 2**32 - 1
MOST_STEPS = 2**24
# Variant of the second run of a workload, which must have the bits of the first.
AGAIN = ".again"
Digests = NDArray[np.uint8]


class Files(ABC):
    """Paths of a run's files."""

    @property
    @abstractmethod
    def stem(self) -> str:
        """First part of the names of its files."""

    def history(self, folder: Path) -> Path:
        """Return the path of the run's losses and norms."""
        return folder / f"{self.stem}.npz"

    def digests(self, folder: Path) -> Path:
        """Return the path of the digests of the run's steps."""
        return folder / f"{self.stem}.digests.npz"

    def trace(self, folder: Path, step: int) -> Path:
        """Return the path of all tensors of one step."""
        return folder / f"{self.stem}.step-{step}.npz"

    def replay(self, folder: Path, step: int) -> Path:
        """Return the path of the tensors that this side computes from the other side's inputs."""
        return folder / f"{self.stem}.step-{step}.replay.npz"


@dataclass(frozen=True)
class Job(Files):
    """A run of an experiment, to record or trace.

    Attributes:
        experiment: name of the experiment.
        execution: implementation of the recurrent layer.
        epochs: number of epochs; None for the experiment's own.
    """

    experiment: str
    execution: str
    epochs: int | None = None

    @property
    def stem(self) -> str:
        """First part of the names of its files."""
        return f"{self.experiment}-{self.execution}"

    @property
    def config(self) -> TrainConfig:
        """The experiment's settings, with the execution and epochs of this run."""
        config = EXPERIMENTS[self.experiment].config
        epochs = config.epochs if self.epochs is None else self.epochs
        return replace(config, execution=cast("Execution", self.execution), epochs=epochs)

    def load_history(self, folder: Path) -> History:
        """Read the run's losses and norms, as `History.load` does."""
        return History.load(self.history(folder))


@dataclass(frozen=True)
class OwnJob(Files):
    """A run of a workload of the user's own, to record or trace.

    Attributes:
        workload: text of its reference.
        execution: "eager" or "static".
        steps: number of steps.
        seed: seed that the function gets.
        device: device of the run.
        budget: time limit for all runs of a comparison, in minutes.
        variant: last part of the names of its files; empty for the run to compare.
        moved_by: seed that moves each weight to a neighbouring number; None to leave them.
        moved_at: step before which it moves them.
    """

    workload: str
    execution: str = "eager"
    steps: int = 100
    seed: int = 0
    device: str = "cpu"
    budget: float = 10.0
    variant: str = ""
    moved_by: int | None = None
    moved_at: int = 1

    @property
    def experiment(self) -> str:
        """Name of the workload, without its folder."""
        return Path(self.workload).name

    @property
    def stem(self) -> str:
        """First part of the names of its files."""
        name = self.experiment.replace(".py:", ":").replace(":", "-")
        return f"{name}-{self.execution}{self.variant}"

    @property
    def content(self) -> str:
        """Digest of the workload's files, and the settings: with another one, results differ."""
        digest = find_workload(self.workload).digest[:16]
        return f"{digest}, {self.steps} steps, seed {self.seed}, {self.execution}"

    def load_history(self, folder: Path) -> "OwnRun":
        """Read the run's losses and norms, as `OwnRun.load` does."""
        return OwnRun.load(self.history(folder))


@dataclass(frozen=True, eq=False)
class OwnRun:
    """Losses and norms of a workload of the user's own, in a run of R steps.

    Attributes:
        settings: seed, device and the like, the digest of the workload's file, and the rounding of
            one number.
        loss: loss of every step, `[R]`.
        raw_norms: L2 norm of each parameter's gradient, by parameter name, `[R]`; NaN in a step
            that computes none.
    """

    settings: dict[str, Any]
    loss: NDArray[np.float64]
    raw_norms: dict[str, NDArray[np.float64]]
    clipped_norms: ClassVar[dict[str, NDArray[np.float64]]] = {}

    def describe(self) -> str:
        """Return the first and the last loss."""
        return f"loss {self.loss[0]:.4g} in step 1, {self.loss[-1]:.4g} in step {len(self.loss)}"

    @property
    def recorded(self) -> NDArray[np.int64]:
        """Numbers of the steps, `[R]`."""
        return np.arange(1, len(self.loss) + 1)

    def save(self, path: Path) -> None:
        """Write the file.

        Raises:
            OSError: the file cannot be written.
        """
        about = {"settings": self.settings, "parameters": list(self.raw_norms)}
        norms = np.stack([*self.raw_norms.values()])
        with write_whole(path) as file:
            np.savez(file, about=np.array(json.dumps(about)), loss=self.loss, norms=norms)

    @classmethod
    def load(cls, path: Path) -> "OwnRun":
        """Read the file that `save` wrote.

        Raises:
            OSError: the file cannot be read.
            ValueError: the file is damaged.
        """

        def read(stored: Archive) -> OwnRun:
            about = stored.json("about")
            loss = stored.vector("loss", np.float64, MOST_STEPS)
            names = [printable(name) for name in about["parameters"]]
            norms = stored.array("norms", np.float64, (len(names), len(loss)))
            settings = about["settings"]
            if not len(loss) or not 0 < settings["epsilon"] < 1:
                raise ValueError("it has no steps, or its numbers have no rounding")
            return cls(settings, loss, dict(zip(names, norms, strict=True)))

        return read_archive(path, "run of a workload", LARGEST_FILE, read)


AnyJob = Job | OwnJob


@dataclass(frozen=True, eq=False)
class Recording:
    """A run of R steps, with digests that tell whether another run has the same bits.

    Attributes:
        history: loss and norms of every step.
        gradients: digests of each step's loss, norms and raw gradients, `[R, 16]`.
        parameters: digests of all parameters before each step, and after the last, `[R + 1, 16]`.
    """

    history: Any
    gradients: Digests
    parameters: Digests

    def save(self, job: AnyJob, folder: Path) -> None:
        """Write the files, the history last: if it exists, the other files exist, too.

        Raises:
            OSError: a file cannot be written.
        """
        with write_whole(job.digests(folder)) as file:
            np.savez(file, gradients=self.gradients, parameters=self.parameters)
        self.history.save(job.history(folder))

    @classmethod
    def load(cls, job: AnyJob, folder: Path) -> "Recording":
        """Read the files that `save` wrote.

        Raises:
            OSError: a file cannot be read.
            ValueError: a file is damaged, or the files belong to different runs.
        """
        history = job.load_history(folder)
        steps = len(history.recorded)

        def read(stored: Archive) -> Recording:
            return cls(
                history,
                stored.array("gradients", np.uint8, (steps, DIGEST_SIZE)),
                stored.array("parameters", np.uint8, (steps + 1, DIGEST_SIZE)),
            )

        return read_archive(job.digests(folder), "file of digests", LARGEST_FILE, read)


class Traced(NamedTuple):
    """A tensor of a step.

    Attributes:
        name: name as in the equations of `rnn_core.cells`; `d z` is the derivative of the loss
            with respect to z.
        operator: operator that computed the tensor.
        values: elements of the tensor.
        scale: size of the numbers whose rounding causes the tensor's error.
    """

    name: str
    operator: str
    values: NDArray[Any]
    scale: float


@dataclass(frozen=True, eq=False)
class Trace:
    """All tensors of one step.

    Attributes:
        tensors: the tensors, in the order of computation.
        before: digest of the parameters before the step, as in `Recording`.
        gradients: digest of the loss, the norms and the gradients before clipping.
        after: digest of the parameters after the step.
    """

    tensors: list[Traced]
    before: bytes
    gradients: bytes
    after: bytes

    def repeats(self, recording: Recording, step: int) -> bool:
        """Return whether the step has the same bits as in the recorded run."""
        return [self.before, self.gradients, self.after] == [
            recording.parameters[step - 1].tobytes(),
            recording.gradients[step - 1].tobytes(),
            recording.parameters[step].tobytes(),
        ]

    def save(self, path: Path) -> None:
        """Write the file.

        Raises:
            OSError: the file cannot be written.
        """
        about = {
            "tensors": [(t.name, t.operator, t.scale) for t in self.tensors],
            "digests": [digest.hex() for digest in (self.before, self.gradients, self.after)],
        }
        # Numbered: an archive does not keep names with a slash or a dot.
        arrays = {f"{k}": tensor.values for k, tensor in enumerate(self.tensors)}
        with write_whole(path) as file:
            np.savez(file, about=np.array(json.dumps(about)), **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path) -> "Trace":
        """Read the file that `save` wrote.

        Raises:
            OSError: the file cannot be read.
            ValueError: the file is damaged.
        """
        return read_archive(path, "trace", LARGEST_FILE, cls._from_archive)

    @classmethod
    def _from_archive(cls, stored: Archive) -> "Trace":
        about = stored.json("about")
        digests = [bytes.fromhex(digest) for digest in about["digests"]]
        if [len(digest) for digest in digests] != 3 * [DIGEST_SIZE]:
            raise ValueError(f"expected 3 digests of {DIGEST_SIZE} bytes")
        tensors = []
        for k, (name, operator, scale) in enumerate(about["tensors"]):
            values = stored.any_array(f"{k}")
            if not (isinstance(name, str) and isinstance(operator, str)):
                raise ValueError(f"the names of tensor {k} must be strings")  # noqa: TRY004
            if values.dtype.kind not in "biuf" or not 0 <= scale < np.inf:
                raise ValueError(f"tensor {k} must have real numbers and a finite scale")
            tensors.append(Traced(printable(name), printable(operator), values, float(scale)))
        return cls(tensors, *digests)


def digest(arrays: Iterable[NDArray[Any]]) -> bytes:
    """Return 16 bytes that are equal if dtypes, shapes and bits are, in the same order.

    All NaNs count as equal; zeros of different sign do not.
    """
    hashed = hashlib.blake2b(digest_size=DIGEST_SIZE)
    for array in arrays:
        values = array
        if values.dtype.kind == "f" and np.isnan(values).any():
            values = np.where(np.isnan(values), values.dtype.type(np.nan), values)
        hashed.update(f"{values.dtype.str}{values.shape}".encode())
        hashed.update(values.tobytes())
    return hashed.digest()


def rows(digests: list[bytes]) -> Digests:
    """Return digests as the array of a recording, `[len(digests), 16]`."""
    return np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(len(digests), -1)


def step_digest(loss: float, norms: Iterable[float], gradients: Iterable[NDArray[Any]]) -> bytes:
    """Return the digest of everything that a step computes before its update."""
    return digest([np.array([loss, *norms]), *gradients])
