"""How well a model does on data that it was not trained with."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import paddle

from rnn_core.data.batch import Batch
from rnn_core.model import NumericPrediction
from rnn_core.recorder import count_correct


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found.

    Attributes:
        samples: how many there were.
        loss: mean squared error.
        variance: of the labels: the loss of always saying their mean.
        accuracy: share of predictions within 0.1 of their label.
    """

    samples: int
    loss: float
    variance: float
    accuracy: float


def evaluate(model: NumericPrediction, data: Iterable[Batch]) -> Evaluation:
    """Predict every sample of `data`, batch by batch, without training.

    Args:
        model: on the device of the batches.
        data: at least one batch of tokens `[B, T]` and labels `[B, 1]`.

    Raises:
        TypeError, ValueError: as the model, for tokens that are none; `data` is empty.
    """
    errors, labels_, correct = [], [], 0
    with paddle.no_grad():
        for tokens, labels in data:
            predictions, _ = model(tokens)
            correct += count_correct(predictions, labels)
            labels_.append(labels.numpy().astype(np.float64).ravel())
            errors.append(predictions.numpy().astype(np.float64).ravel() - labels_[-1])
    if not errors:
        raise ValueError("data must hold at least one batch, got none")
    squares = np.square(np.concatenate(errors))
    return Evaluation(
        samples=len(squares),
        loss=float(squares.mean()),
        variance=float(np.concatenate(labels_).var()),
        accuracy=correct / len(squares),
    )
