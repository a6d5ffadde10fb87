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
from rnn_core.history import DAMAGE, History, open_arrays
from rnn_core.model import NumericPrediction
from rnn_core.parameters import set_weights
from rnn_core.recorder import Position
from rnn_core.runtime.files import write_whole

FORMAT = "rnn_core checkpoint 1"


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
        """
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
            with path.open("rb") as file, open_arrays(file) as stored:
                if "checkpoint" not in stored or str(stored["checkpoint"]) != FORMAT:
                    raise ValueError("format tag is missing or different")
                position = Position(*stored["position"].tolist())
                if position.epoch < 1 or min(position) < 0:
                    raise ValueError(f"{position} is not valid")
                checkpoint = cls(
                    history=History.from_arrays(stored),
                    position=position,
                    data=int(stored["data"]),
                    weights={n: stored[f"weights/{n}"] for n in json.loads(str(stored["weights"]))},
                    random={name: stored[f"random/{name}"] for name in STATES},
                )
                check_random_states(checkpoint.random)
        except DAMAGE as error:
            raise ValueError(f"{path} is not a valid {FORMAT!r} file: {error}") from error
        return checkpoint

    def differences(self, config: TrainConfig, data: int) -> list[str]:
        """What makes the run of this checkpoint another run; more epochs do not.

        Args:
            config: settings of the run that is to be resumed.
            data: checksum of its batches.
        """
        saved, given = self.history.config.as_dict(), config.as_dict()
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

    def restore(self, model: NumericPrediction) -> None:
        """Set the model's weights and the random generators.

        Raises:
            ValueError: the weights are those of another model; nothing has changed.
        """
        set_weights(model, self.weights)
        restore_random_states(self.random)
        seed_paddle(self.history.config.seed, self.history.steps)
