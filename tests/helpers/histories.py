"""Histories for tests that need no training, and a comparison of histories."""

from typing import Any

import numpy as np

from rnn_core import History, TrainConfig

ENVIRONMENT = {
    "paddle": "9.9.9",
    "python": "3.99",
    "cpu": "A CPU",
    "device": "cpu",
    "device_name": "cpu",
}


def make_history(**changes: Any) -> History:
    """Four steps, two epochs, two parameters; `changes` replace any field.

    The numbers of trained and recorded steps are the number of losses.
    """
    loss = changes.get("loss", np.array([4.0, 3.0, 2.0, 1.0]))
    fields: dict[str, Any] = {
        "config": TrainConfig(epochs=2),
        "environment": ENVIRONMENT,
        "outcome": "finished",
        "steps": len(loss),
        "recorded": np.arange(1, len(loss) + 1),
        "loss": loss,
        "raw_norms": {
            "recurrent.W": np.array([1.0, 2.0, 3.0, 4.0]),
            "linear.bias": np.array([5.0, 6.0, 7.0, 8.0]),
        },
        "clipped_norms": {
            "recurrent.W": np.array([0.1, 0.2, 0.3, 0.4]),
            "linear.bias": np.array([0.5, 0.6, 0.7, 0.8]),
        },
        "accuracy": np.array([0.5, 1.0]),
        "epoch_ends": np.array([2, 4]),
    }
    return History(**{**fields, **changes})


def empty_history(**changes: Any) -> History:
    """A run interrupted in its first step; `changes` replace any field."""
    empty = np.array([])
    fields: dict[str, Any] = {
        "outcome": "interrupted",
        "loss": empty,
        "raw_norms": {"W": empty},
        "clipped_norms": {"W": empty},
        "accuracy": empty,
        "epoch_ends": empty.astype(np.int64),
    }
    return make_history(**{**fields, **changes})


def check_equal(expected: History, actual: History) -> None:
    """Check that every field is the same, bit for bit."""
    assert actual.config == expected.config
    assert actual.environment == expected.environment
    assert actual.outcome == expected.outcome
    assert actual.steps == expected.steps
    np.testing.assert_array_equal(actual.recorded, expected.recorded, strict=True)
    np.testing.assert_array_equal(actual.loss, expected.loss, strict=True)
    np.testing.assert_array_equal(actual.accuracy, expected.accuracy, strict=True)
    np.testing.assert_array_equal(actual.epoch_ends, expected.epoch_ends, strict=True)
    assert list(actual.raw_norms) == list(expected.raw_norms)
    for name in expected.raw_norms:
        np.testing.assert_array_equal(actual.raw_norms[name], expected.raw_norms[name])
        np.testing.assert_array_equal(actual.clipped_norms[name], expected.clipped_norms[name])
