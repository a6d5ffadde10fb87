"""Evaluation of a model on held-out data."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import numpy as np
import paddle

from rnn_core.config import DType, check_type
from rnn_core.data.batch import Batch, batches_in, check_labels, dtype_name
from rnn_core.model import NumericPrediction
from rnn_core.recorder import count_correct


@dataclass(frozen=True)
class Evaluation:
    """Result of `evaluate`.

    Attributes:
        samples: number of samples.
        loss: mean squared error.
        variance: variance of the labels, which is the loss of always predicting their mean.
        accuracy: share of predictions within 0.1 of their label.
    """

    samples: int
    loss: float
    variance: float
    accuracy: float


def evaluate(model: NumericPrediction, data: Iterable[Batch]) -> Evaluation:
    """Predict the label of every sample of `data`, batch by batch, without training.

    Args:
        model: model on the device of the batches.
        data: batches of tokens `[B, T]` and labels `[B, 1]`, at least one.

    Raises:
        TypeError: `model` is not a model; tokens are not integers; or labels are not of its dtype.
        ValueError: `data` is empty; tokens are out of range; or labels are not finite or of
            another shape.
    """
    check_type("model", model, NumericPrediction)
    dtype = cast("DType", dtype_name(model.linear.weight))
    errors, labels_, correct = [], [], 0
    with paddle.no_grad():
        for tokens, labels in batches_in(data):
            predictions, _ = model(tokens)
            check_labels(labels, len(predictions), dtype)
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
