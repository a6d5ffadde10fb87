"""The record of a training run, and its file."""

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from rnn_core.config import TrainConfig, check_one_of, check_path
from rnn_core.runtime.archive import Archive, read_archive
from rnn_core.runtime.files import write_whole
from rnn_core.runtime.messages import shown

Outcome = Literal["finished", "non-finite", "interrupted"]
EventKind = Literal["exploded", "vanished", "non-finite"]
Values = NDArray[np.float64]

FORMAT = "rnn_core history 2"

# Entries that summaries and plots use; `rnn_core.runtime.environment` has more.
ENVIRONMENT_KEYS = {"paddle", "python", "cpu", "device", "device_name"}

# Largest size of a file, and of what it unpacks to, in bytes: a zip archive without extensions.
LARGEST_FILE = 2**32 - 1
# Largest size of the arrays of a history: 4.2 million recorded steps of an LSTM.
LARGEST_HISTORY = 2**30
MOST_PARAMETERS = 300  # Each has three arrays in a checkpoint.
LONGEST_NAME = 200  # Number of characters in the name of a parameter.

# A loss or raw gradient norm above this has exploded: the only definition. Measured over 83 to 200
# seeds (November 2026): in clipped runs no loss exceeds 105 and no raw norm 4414; in every
# unclipped run the loss exceeds 4e23.
EXPLOSION_LIMIT = 1e6


@dataclass(frozen=True)
class Event:
    """The first occurrence of one kind of event.

    Attributes:
        kind: "exploded" (a loss or raw gradient norm above `EXPLOSION_LIMIT`), "vanished" (a
            gradient of exactly zero while the loss is not) or "non-finite" (NaN or infinity).
        step: step number, from 1.
        what: names of the affected quantities at that step: "loss", or a parameter's name for the
            norm of its gradient.
        value: value of the first of them.
    """

    kind: EventKind
    step: int
    what: tuple[str, ...]
    value: float


@dataclass(frozen=True, eq=False)
class History:
    """Everything that a run recorded; R is the number of recorded steps.

    Attributes:
        config: settings of the run.
        environment: versions, machine, device, threads and flags.
        outcome: "finished", or why the run ended early: "non-finite" or "interrupted".
        steps: number of steps trained.
        recorded: numbers of the recorded steps, from 1, `[R]` int64; `config.record` decides which.
        loss: mean squared error before the update, `[R]`.
        raw_norms: L2 norm of each parameter's gradient before clipping, by parameter name, `[R]`.
        clipped_norms: L2 norm of each parameter's gradient after clipping, by name, `[R]`.
        accuracy: share of predictions within 0.1 of their label before the update, for each
            complete epoch, `[epochs]`.
        epoch_ends: number of the last step of each of these epochs, `[epochs]` int64.
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
        """The first event of each kind in the recorded steps, ordered by step."""
        series = {"loss": self.loss, **self.raw_norms}
        zero_loss = self.loss == 0
        happened: dict[EventKind, dict[str, NDArray[np.bool_]]] = {
            # Infinity counts as non-finite only.
            "exploded": {
                name: (values > EXPLOSION_LIMIT) & np.isfinite(values)
                for name, values in series.items()
            },
            # A perfect fit has zero gradients too, but they have not vanished.
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
        """The first event of this kind; None if there is none.

        Raises:
            ValueError: `kind` is unknown.
        """
        check_one_of("kind", kind, get_args(EventKind))
        return next((event for event in self.events if event.kind == kind), None)

    def followed_by(self, rest: "History") -> "History":
        """The history of this run and its continuation `rest`.

        The environment is that of `rest`; its entry `up to step N` names what differed before.
        """
        joined: dict[str, Any] = {
            name: np.concatenate([getattr(self, name), getattr(rest, name)])
            for name in ("recorded", "loss", "accuracy", "epoch_ends")
        }
        for kind in ("raw_norms", "clipped_norms"):
            before, after = getattr(self, kind), getattr(rest, kind)
            joined[kind] = {name: np.concatenate([before[name], after[name]]) for name in before}
        environment = {**self.environment, **rest.environment}
        different = [
            f"{name} {value}"
            for name, value in self.environment.items()
            if value != environment[name]
        ]
        if different:
            environment[f"up to step {self.steps}"] = ", ".join(different)
        return replace(rest, environment=environment, **joined)

    def save(self, path: str | Path) -> None:
        """Write the history to one `.npz` file, whole or not at all.

        `numpy.load` opens it too: `recorded`, `loss`, `accuracy`, `epoch_ends`, `raw_norms/NAME`
        and `clipped_norms/NAME` are arrays, `config` and `environment` JSON.

        Raises:
            OSError: the file cannot be written.
        """
        check_path("path", path)
        with write_whole(Path(path)) as file:
            np.savez_compressed(file, **self.arrays())

    def arrays(self) -> dict[str, Any]:
        """The arrays that `save` writes, by their names in the archive."""
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
        """Read a history that `save` wrote. No pickle in it is loaded.

        Raises:
            OSError: the file cannot be read.
            ValueError: the file is damaged, cut short, or not a history.
        """
        check_path("path", path)
        return read_archive(Path(path), f"{FORMAT!r} file", LARGEST_FILE, cls.from_archive)

    @classmethod
    def from_archive(cls, stored: Archive) -> "History":
        """The history in an archive that holds `arrays`.

        Raises:
            Exception: as `Archive`, if the arrays are not a complete history.
        """
        if "format" not in stored or stored.text("format") != FORMAT:
            raise ValueError("format tag is missing or different")
        config = TrainConfig(**stored.json("config"))
        steps = stored.integer("steps")
        recorded = steps // config.record if config.record else 0
        names = stored.json("parameters")
        check_size(names, steps, config.record)

        def values(name: str) -> Values:
            return stored.array(name, np.float64, (recorded,))

        epochs = min(steps, config.epochs) if config.record else 0
        history = cls(
            config=config,
            environment=stored.json("environment"),
            outcome=cast(Outcome, stored.text("outcome")),
            steps=steps,
            recorded=stored.array("recorded", np.int64, (recorded,)),
            loss=values("loss"),
            raw_norms={name: values(f"raw_norms/{name}") for name in names},
            clipped_norms={name: values(f"clipped_norms/{name}") for name in names},
            accuracy=stored.vector("accuracy", np.float64, epochs),
            epoch_ends=stored.vector("epoch_ends", np.int64, epochs),
        )
        history._check()
        return history

    def _check(self) -> None:
        """Raise ValueError for values that no run records, or that contradict each other."""
        check_one_of("outcome", self.outcome, get_args(Outcome))
        texts = isinstance(self.environment, dict) and all(
            isinstance(item, str) for pair in self.environment.items() for item in pair
        )
        if not texts or ENVIRONMENT_KEYS - self.environment.keys():
            missing = ", ".join(sorted(ENVIRONMENT_KEYS))
            raise ValueError(f"the environment must hold texts, among them {missing}")
        every = self.config.record
        if self.recorded.tolist() != [every * (k + 1) for k in range(len(self.recorded))]:
            raise ValueError(f"recorded must hold every {every}-th step")
        # Not in one dictionary: both kinds of norms have the parameters' names.
        norms = [*self.raw_norms.items(), *self.clipped_norms.items()]
        for name, values in [("loss", self.loss), *norms]:
            if (values < 0).any():
                raise ValueError(f"{name} must not be negative")
        self._check_epochs()

    def _check_epochs(self) -> None:
        ends, count = self.epoch_ends.tolist(), len(self.epoch_ends)
        if count != len(self.accuracy):
            raise ValueError(f"{len(self.accuracy)} accuracies, but {count} ends of epochs")
        if not ((self.accuracy >= 0) & (self.accuracy <= 1)).all():
            raise ValueError("accuracy must lie in [0, 1]")
        if not ends:
            return
        # Ctrl-C may come after the last step of an epoch and before its accuracy.
        most = ends[0] * min(count + 1, self.config.epochs)
        equal = ends == [ends[0] * (k + 1) for k in range(count)]
        if not equal or not ends[-1] <= self.steps <= most:
            raise ValueError(f"epoch_ends must divide the {self.steps} steps into equal epochs")


def check_size(names: Any, steps: int, record: int) -> None:
    """Raise ValueError for a history that could not be saved and read again.

    Args:
        names: names of the parameters.
        steps: number of steps.
        record: number of steps of which one is recorded; 0 for none.
    """
    valid = isinstance(names, list) and names and all(map(_is_name, names))
    if not valid or len(set(names)) < len(names) or len(names) > MOST_PARAMETERS:
        raise ValueError(
            f"parameters must be a list of at most {MOST_PARAMETERS} names, got {shown(names)}"
        )
    most = LARGEST_HISTORY // (8 * (2 + 2 * len(names)))
    last = (most + 1) * record - 1 if record else math.inf
    if not 0 <= steps <= last:
        raise ValueError(f"steps must lie in [0, {last}] for record={record}, got {steps}")


def _is_name(name: object) -> bool:
    """Whether this can be the name of a parameter."""
    return isinstance(name, str) and name.isprintable() and 0 < len(name) <= LONGEST_NAME
