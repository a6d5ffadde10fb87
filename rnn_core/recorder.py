"""What a run records: every n-th step, correct predictions, and the history they make up."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from paddle import Tensor

from rnn_core.config import TrainConfig
from rnn_core.history import History, Outcome
from rnn_core.runtime import parallel
from rnn_core.step import Measured

# Largest error of a correct prediction, as in the notebook.
CORRECT_WITHIN = 0.1


class Position(NamedTuple):
    """Where a run continues.

    Attributes:
        epoch: epoch of the next step, from 1.
        batch: index of the next batch in that epoch; equal to the number of batches once
            the epoch is complete.
        correct: correct predictions in the epoch so far; 0 if nothing is recorded.
        total: predictions in the epoch so far.
    """

    epoch: int = 1
    batch: int = 0
    correct: int = 0
    total: int = 0


@dataclass(frozen=True)
class Step:
    """One recorded training step, as `on_step` receives it.

    Attributes:
        number: step number, from 1.
        epoch: epoch number, from 1.
        index: index of the step in its epoch, from 0.
        loss: mean squared error before the update.
        raw_norms: L2 norm of each parameter's gradient before clipping, by parameter name.
        clipped_norms: L2 norm of each parameter's gradient after clipping, by parameter name.
        correct: correct predictions in the epoch so far.
        total: predictions in the epoch so far.
        last: whether this is the last step of its epoch.
    """

    number: int
    epoch: int
    index: int
    loss: float
    raw_norms: dict[str, float]
    clipped_norms: dict[str, float]
    correct: int
    total: int
    last: bool

    @property
    def finite(self) -> bool:
        """Whether the loss and all norms are finite."""
        norms = (*self.raw_norms.values(), *self.clipped_norms.values())
        return all(map(math.isfinite, (self.loss, *norms)))


class Recorder:
    """Collects what one run records, and makes its history.

    Args:
        config: settings of the run.
        environment: description of the environment, for the history.
        names: names of the parameters, in the model's order.
        batches: number of batches in an epoch.
        start: position of the first step.
        past: history up to that position, if the run is resumed.

    Attributes:
        trained: number of steps trained.
    """

    def __init__(
        self,
        config: TrainConfig,
        environment: dict[str, str],
        names: list[str],
        batches: int,
        start: Position,
        past: History | None,
    ) -> None:
        self.config, self.environment, self.names = config, environment, names
        self.batches, self.past = batches, past
        self.trained = 0 if past is None else past.steps
        self._correct, self._total = start.correct, start.total
        self._steps: list[Step] = []
        self._accuracies: list[tuple[int, float]] = []  # Step that ended the epoch, accuracy.
        self._uncounted: list[tuple[Tensor, Tensor]] = []

    @property
    def due(self) -> bool:
        """Whether the next step is to be recorded."""
        every = self.config.record
        return every > 0 and (self.trained + 1) % every == 0

    def record(
        self, predictions: Tensor, labels: Tensor, samples: int, measured: Measured | None
    ) -> Step | None:
        """Count one trained step; return it if it is recorded.

        Args:
            predictions: predictions of this process before the update, `[B, 1]`.
            labels: expected predictions, `[B, 1]`.
            samples: samples in the batch, of all processes together.
            measured: loss and norms, if the step is recorded.
        """
        epoch, index = divmod(self.trained, self.batches)
        if index == 0:
            self._correct = self._total = 0
        self._total += samples
        last = index == self.batches - 1
        if self.config.record:
            self._uncounted.append((predictions, labels))
            if measured is not None or last:
                self._count()
        step = None
        if measured is not None:
            step = Step(
                number=self.trained + 1,
                epoch=epoch + 1,
                index=index,
                **measured._asdict(),
                correct=self._correct,
                total=self._total,
                last=last,
            )
            self._steps.append(step)
        self.trained += 1
        if last and self.config.record:
            self._accuracies.append((self.trained, self._correct / self._total))
        return step

    def position(self) -> Position:
        """The position after the last trained step, with all predictions counted."""
        self._count()
        epoch, index = divmod(self.trained - 1, self.batches)
        return Position(epoch + 1, index + 1, self._correct, self._total)

    def history(self, outcome: Outcome) -> History:
        """The history of the whole run so far."""
        steps = self._steps
        history = History(
            config=self.config,
            environment=self.environment,
            outcome=outcome,
            # Ctrl-C may have come after a step was recorded and before it was counted.
            steps=max([self.trained, *(step.number for step in steps)]),
            recorded=np.array([step.number for step in steps], dtype=np.int64),
            loss=np.array([step.loss for step in steps]),
            raw_norms={n: np.array([step.raw_norms[n] for step in steps]) for n in self.names},
            clipped_norms={
                n: np.array([step.clipped_norms[n] for step in steps]) for n in self.names
            },
            accuracy=np.array([accuracy for _, accuracy in self._accuracies]),
            epoch_ends=np.array([end for end, _ in self._accuracies], dtype=np.int64),
        )
        return history if self.past is None else self.past.followed_by(history)

    def _count(self) -> None:
        """Count the waiting predictions of all processes."""
        correct = sum(count_correct(*pair) for pair in self._uncounted)
        self._uncounted.clear()
        self._correct += int(parallel.total(correct))


def count_correct(predictions: Tensor, labels: Tensor) -> int:
    """Number of predictions `[B, 1]` that lie within 0.1 of their labels `[B, 1]`."""
    # Plain Python: for the few predictions of a batch it is faster than NumPy.
    pairs = zip(predictions.numpy().tolist(), labels.numpy().tolist(), strict=True)
    return sum(abs(predicted - label) < CORRECT_WITHIN for (predicted,), (label,) in pairs)
