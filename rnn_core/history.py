"""What happened in a training run, and its file."""

import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rnn_core.config import TrainConfig
from rnn_core.runtime.files import write_whole

Outcome = Literal["finished", "non-finite", "interrupted"]
EventKind = Literal["exploded", "vanished", "non-finite"]
Values = NDArray[np.float64]

FORMAT = "rnn_core history 2"

# What summaries and plots name; `rnn_core.runtime.environment` describes more.
ENVIRONMENT_KEYS = {"paddle", "python", "cpu", "device", "device_name"}

# What reading a file that is no whole history ends in, zip's and JSON's own errors included.
DAMAGE = (
    ValueError,
    TypeError,
    KeyError,
    EOFError,
    RuntimeError,
    OverflowError,
    OSError,
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
)

# A loss or raw gradient norm above this has exploded: the only definition. Measured over 83 to 200
# seeds (November 2026): in clipped runs no loss exceeds 105 and no raw norm 4414; every unclipped
# loss exceeds 4e23.
EXPLOSION_LIMIT = 1e6


@dataclass(frozen=True)
class Event:
    """The first time something of one kind happened.

    Attributes:
        kind: "exploded" (past `EXPLOSION_LIMIT`), "vanished" (a gradient exactly zero while the
            loss is not) or "non-finite".
        step: counted from 1.
        what: every quantity that did so at that step: "loss", or a parameter's name for the norm
            of its gradient.
        value: of the first of them.
    """

    kind: EventKind
    step: int
    what: tuple[str, ...]
    value: float


@dataclass(frozen=True, eq=False)
class History:
    """Everything a run recorded. R is the number of recorded steps.

    Attributes:
        config: the run's settings.
        environment: versions, machine, device, threads and flags.
        outcome: "finished", or why it ended early: "non-finite" or "interrupted".
        steps: number of steps trained.
        recorded: the steps that were recorded, counted from 1, `[R]` int64: all of them, every
            n-th or none, as `config.record` says.
        loss: mean squared error of each recorded step, `[R]`, before its update.
        raw_norms: for each parameter by name, the L2 norm of its gradient before clipping, `[R]`.
        clipped_norms: the same after clipping.
        accuracy: share of predictions within 0.1 of their label, taken before the update, of each
            whole epoch, `[epochs]`.
        epoch_ends: the step, counted from 1, that ended each of those epochs, `[epochs]` int64.
    """

    config: TrainConfig
    environment: dict[str, str]
    outcome: Outcome
    steps: int
    recorded: NDArray[np.int64]
    loss: Values
    raw_norms: dict[str, Values]
    clipped_norms: dict[str, Values]
    accuracy: Values
    epoch_ends: NDArray[np.int64]

    @property
    def events(self) -> tuple[Event, ...]:
        """The first event of each kind in the recorded steps, in their order."""
        series = {"loss": self.loss, **self.raw_norms}
        zero_loss = self.loss == 0
        happened: dict[EventKind, dict[str, NDArray[np.bool_]]] = {
            # NaN compares as False, and infinity counts as non-finite alone.
            "exploded": {
                name: (values > EXPLOSION_LIMIT) & np.isfinite(values)
                for name, values in series.items()
            },
            # A perfect fit has zero gradients too, and nothing has vanished.
            "vanished": {
                name: (values == 0) & ~zero_loss for name, values in self.raw_norms.items()
            },
            "non-finite": {name: ~np.isfinite(values) for name, values in series.items()},
        }
        for name, values in self.clipped_norms.items():
            happened["non-finite"][name] = happened["non-finite"][name] | ~np.isfinite(values)
        events = []
        for kind, masks in happened.items():
            steps = [int(mask.argmax()) for mask in masks.values() if mask.any()]
            if steps:
                first = min(steps)
                what = tuple(name for name, mask in masks.items() if mask[first])
                step, value = int(self.recorded[first]), float(series[what[0]][first])
                events.append(Event(kind, step, what, value))
        return tuple(sorted(events, key=lambda event: event.step))

    def event(self, kind: EventKind) -> Event | None:
        """The first event of this kind, or None."""
        return next((event for event in self.events if event.kind == kind), None)

    def followed_by(self, rest: "History") -> "History":
        """This run and the one that went on from its end, as one.

        The environment is that of the latter; what differed before is told beside it.
        """
        joined: dict[str, Any] = {
            name: np.concatenate([getattr(self, name), getattr(rest, name)])
            for name in ("recorded", "loss", "accuracy", "epoch_ends")
        }
        for kind in ("raw_norms", "clipped_norms"):
            before, after = getattr(self, kind), getattr(rest, kind)
            joined[kind] = {name: np.concatenate([before[name], after[name]]) for name in before}
        environment = {**self.environment, **rest.environment}
        other = [
            f"{name} {value}"
            for name, value in self.environment.items()
            if value != environment[name]
        ]
        if other:
            environment[f"up to step {self.steps}"] = ", ".join(other)
        return replace(rest, environment=environment, **joined)

    def save(self, path: str | Path) -> None:
        """Write the history to one `.npz` file, whole or not at all.

        `numpy.load` opens it too: `recorded`, `loss`, `accuracy`, `epoch_ends`, `raw_norms/NAME`
        and `clipped_norms/NAME` are arrays, `config` and `environment` JSON.

        Raises:
            OSError: the file cannot be written.
        """
        with write_whole(Path(path)) as file:
            np.savez_compressed(file, **self.arrays())

    def arrays(self) -> dict[str, Any]:
        """What `save` writes, by its name in the archive."""
        arrays: dict[str, Any] = {
            "format": np.array(FORMAT),
            "config": np.array(json.dumps(self.config.as_dict())),
            "environment": np.array(json.dumps(self.environment)),
            "outcome": np.array(self.outcome),
            "steps": np.array(self.steps),
            "recorded": self.recorded,
            "loss": self.loss,
            "accuracy": self.accuracy,
            "epoch_ends": self.epoch_ends,
            "parameters": np.array(json.dumps(list(self.raw_norms))),
        }
        for name in self.raw_norms:
            arrays[f"raw_norms/{name}"] = self.raw_norms[name]
            arrays[f"clipped_norms/{name}"] = self.clipped_norms[name]
        return arrays

    @classmethod
    def load(cls, path: str | Path) -> "History":
        """Read a history that `save` wrote. Nothing in the file is run: no pickles.

        Raises:
            OSError: the file cannot be read.
            ValueError: the file is damaged, cut short, or no history.
        """
        with Path(path).open("rb") as file:
            try:
                with open_arrays(file) as stored:
                    return cls.from_arrays(stored)
            except DAMAGE as error:
                raise ValueError(f"{path} is not a valid {FORMAT!r} file: {error}") from error

    @classmethod
    def from_arrays(cls, stored: Mapping[str, Any]) -> "History":
        """The history that `arrays` gave.

        Raises:
            ValueError or another of `DAMAGE`: the arrays are no whole history.
        """
        if "format" not in stored or str(stored["format"]) != FORMAT:
            raise ValueError("format tag is missing or different")
        names = json.loads(str(stored["parameters"]))
        history = cls(
            config=TrainConfig(**json.loads(str(stored["config"]))),
            environment=json.loads(str(stored["environment"])),
            outcome=_outcome(str(stored["outcome"])),
            steps=int(stored["steps"]),
            recorded=stored["recorded"],
            loss=stored["loss"],
            raw_norms={name: stored[f"raw_norms/{name}"] for name in names},
            clipped_norms={name: stored[f"clipped_norms/{name}"] for name in names},
            accuracy=stored["accuracy"],
            epoch_ends=stored["epoch_ends"],
        )
        history._check()
        return history

    def _check(self) -> None:
        """Refuse parts that `save` does not write, or that do not fit each other."""
        norms = {**self.raw_norms, **self.clipped_norms}
        for values in (self.loss, self.accuracy, *norms.values()):
            if values.ndim != 1 or values.dtype != np.float64:
                raise ValueError(
                    f"expected one-dimensional float64 arrays, got {values.ndim}-dimensional "
                    f"{values.dtype}"
                )
        for values in (*self.raw_norms.values(), *self.clipped_norms.values()):
            if values.shape != self.loss.shape:
                raise ValueError(f"{len(self.loss)} losses, but {len(values)} norms")
        if not norms:
            raise ValueError("the history has no parameters")
        if self.accuracy.shape != self.epoch_ends.shape:
            raise ValueError(
                f"{self.accuracy.size} accuracies, but {self.epoch_ends.size} ends of epochs"
            )
        if self.recorded.shape != self.loss.shape:
            raise ValueError(f"{len(self.loss)} losses, but {self.recorded.size} recorded steps")
        for what, numbers in (("epoch_ends", self.epoch_ends), ("recorded", self.recorded)):
            rising = [0, *numbers.tolist(), self.steps + 1]
            if numbers.dtype != np.int64 or rising != sorted(set(rising)):
                raise ValueError(f"{what} must be increasing step numbers within the run")
        named = isinstance(self.environment, dict) and all(
            isinstance(item, str) for pair in self.environment.items() for item in pair
        )
        if not named or ENVIRONMENT_KEYS - self.environment.keys():
            missing = ", ".join(sorted(ENVIRONMENT_KEYS))
            raise ValueError(f"the environment must hold texts, among them {missing}")


def open_arrays(file: IO[bytes]) -> Any:
    """The arrays of a NumPy archive, to be closed; none of them is unpickled.

    Raises:
        ValueError or another of `DAMAGE`: the file is no whole archive.
    """
    if not zipfile.is_zipfile(file):
        raise ValueError("not a zip archive, or cut short")
    file.seek(0)
    return np.load(file, allow_pickle=False)


def _outcome(value: str) -> Outcome:
    for outcome in get_args(Outcome):
        if value == outcome:
            return outcome  # type: ignore[no-any-return]
    raise ValueError(f"unknown outcome {value!r}")
