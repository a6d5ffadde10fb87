"""The file format of a checkpoint.

A checkpoint is a NumPy archive, which holds a checksum for every array and is read without pickles.
It is not written by `paddle.save`: `paddle.load` unpickles any file, and a pickle can run any code
(docs/guides/checkpoints.md).
"""

import json
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnn_core.checkpoints.random_states import (
    STATES,
    check_random_states,
    restore_random_states,
    seed_paddle,
)
from rnn_core.config import TrainConfig
from rnn_core.executions.traced import same_bits
from rnn_core.history import LARGEST_FILE, LARGEST_HISTORY, History
from rnn_core.model import NumericPrediction
from rnn_core.parameters import set_weights
from rnn_core.recorder import Position
from rnn_core.runtime.archive import Archive, read_archive
from rnn_core.runtime.files import write_whole

FORMAT = "rnn_core checkpoint 1"
HEADER_SIZE = 256  # Bytes that an array takes in addition to its data, at most.


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The state of a run between two steps.

    Plain SGD keeps no state of its own, so there is no optimizer state.

    Attributes:
        history: history so far, with the config.
        position: position of the next step.
        data: checksum of the batches, from `Batches.checksum`.
        weights: weights by parameter name.
        random: states of NumPy's and Python's random generators.
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
            ValueError: `load` would refuse the weights for their size.
        """
        largest = largest_weights(self.history.config)
        if sum(weight.nbytes + HEADER_SIZE for weight in self.weights.values()) > largest:
            raise ValueError(f"the weights must have at most {largest} bytes")
        arrays = {
            **self.history.arrays(),
            "checkpoint": np.array(FORMAT),
            "position": np.array(self.position, dtype=np.int64),
            "data": np.array(self.data, dtype=np.int64),
            "weights": np.array(json.dumps(list(self.weights))),
            **{f"weights/{name}": values for name, values in self.weights.items()},
            **{f"random/{name}": values for name, values in self.random.items()},
        }
        # Into memory first: on a full disk, closing NumPy's archive would raise a second error.
        content = BytesIO()
        np.savez(content, **arrays)
        with write_whole(path) as file:
            file.write(content.getbuffer())

    @classmethod
    def load(cls, path: Path) -> "Checkpoint":
        """Read a checkpoint that `save` wrote. No pickle in it is loaded.

        Raises:
            ValueError: the file is damaged, cut short, not a checkpoint, or cannot be read.
        """
        try:
            return read_archive(path, f"{FORMAT!r} file", LARGEST_FILE, cls._from_archive)
        except OSError as error:
            raise ValueError(f"{path} is not a valid {FORMAT!r} file: {error}") from error

    @classmethod
    def _from_archive(cls, stored: Archive) -> "Checkpoint":
        if "checkpoint" not in stored or stored.text("checkpoint") != FORMAT:
            raise ValueError("format tag is missing or different")
        history = History.from_archive(stored)
        names = stored.json("weights")
        if names != list(history.raw_norms):
            raise ValueError("the weights must have the names of the norms")
        largest = largest_weights(history.config)
        if stored.size("weights/") > largest:
            raise ValueError(f"the weights must have at most {largest} bytes")
        checkpoint = cls(
            history=history,
            position=Position(*stored.array("position", np.int64, (4,)).tolist()),
            data=stored.integer("data"),
            weights={name: stored.any_array(f"weights/{name}") for name in names},
            random={
                name: stored.array(f"random/{name}", dtype, (length,))
                for name, (dtype, length) in STATES.items()
            },
        )
        checkpoint._check()
        return checkpoint

    def _check(self) -> None:
        """Raise ValueError if the parts contradict each other."""
        if self.history.outcome != "interrupted":
            raise ValueError(f"outcome must be 'interrupted', got {self.history.outcome!r}")
        for name, weight in self.weights.items():
            if weight.dtype != self.history.config.dtype:
                raise ValueError(f"weight {name!r} must be {self.history.config.dtype}")
        check_random_states(self.random)
        epoch, batch, *_ = self.position
        if epoch > self.history.config.epochs:
            raise ValueError(f"{self.position} is beyond the last epoch")
        # The length of an epoch is known if one is complete.
        ends = self.history.epoch_ends
        complete = (self.history.steps - batch) // (epoch - 1) if epoch > 1 else batch + 1
        self.check_position(int(ends[0]) if len(ends) else complete)

    def check_position(self, batches: int) -> None:
        """Raise ValueError unless the position is that after the last step of the history.

        Args:
            batches: number of batches in an epoch.
        """
        (epoch, batch, correct, total), history = self.position, self.history
        every, ends = history.config.record, history.epoch_ends
        fits = (
            epoch >= 1
            and 0 <= batch <= batches
            and history.steps == (epoch - 1) * batches + batch
            and batch <= total <= batch * history.config.batch_size
            and 0 <= correct <= (total if every else 0)
            and len(ends) == (history.steps // batches if every and batches else 0)
        )
        if fits and len(ends):
            counted = batch < batches or history.accuracy[-1] == correct / total
            fits = ends[0] == batches and counted
        if not fits:
            raise ValueError(f"{self.position} is not valid after {history.steps} steps")

    def differences(self, config: TrainConfig, data: int) -> list[str]:
        """What makes the run of this checkpoint another run.

        More epochs do not, and neither does an execution that computes the same bits.

        Args:
            config: settings of the run that is to be resumed.
            data: checksum of its batches.
        """
        saved, given = self.history.config.as_dict(), config.as_dict()
        if same_bits(config.cell, config.execution, self.history.config.execution):
            del given["execution"]
        differences = [
            f"{name} is {saved[name]!r} in the checkpoint, but {given[name]!r} now"
            for name in given
            if name != "epochs" and saved[name] != given[name]
        ]
        if self.position.epoch > config.epochs:
            differences.append(
                f"the checkpoint is at epoch {self.position.epoch}, but epochs={config.epochs}"
            )
        if self.data != data:
            differences.append("the training data differ")
        return differences

    def restore(self, model: NumericPrediction, batches: int) -> None:
        """Set the model's weights and the random generators.

        Args:
            model: model to continue with.
            batches: number of batches in an epoch.

        Raises:
            ValueError: the weights are those of another model, or the position is wrong; nothing
                has changed.
        """
        self.check_position(batches)
        set_weights(model, self.weights)
        restore_random_states(self.random)
        seed_paddle(self.history.config.seed, self.history.steps)


def largest_weights(config: TrainConfig) -> int:
    """Largest size of all weights, in bytes: twice that of a large LSTM in float64, or 64 MiB.

    A subclass of `NumericPrediction` may have more parameters than the equations. The file must
    have room for the history.
    """
    usual = 128 * max(config.vocab_size, config.emb_size, config.hidden_size) ** 2
    return min(max(2**26, usual), LARGEST_FILE - LARGEST_HISTORY - 2**24)
