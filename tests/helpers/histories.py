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

    There are as many norms, trained steps and recorded steps as losses.
    """
    loss = changes.get("loss", np.array([4.0, 3.0, 2.0, 1.0]))
    norms = np.arange(1.0, len(loss) + 1)
    fields: dict[str, Any] = {
        "config": TrainConfig(epochs=2),
        "environment": ENVIRONMENT,
        "outcome": "finished",
        "steps": len(loss),
        "recorded": np.arange(1, len(loss) + 1),
        "loss": loss,
        "raw_norms": {"recurrent.W": norms, "linear.bias": norms + 4},
        "clipped_norms": {"recurrent.W": norms / 10, "linear.bias": (norms + 4) / 10},
        "accuracy": np.array([0.5, 1.0]),
        "epoch_ends": np.array([2, 4]),
    }
    return History(**{**fields, **changes})


def empty_history(**changes: Any) -> History:
    """A run interrupted in its first step; `changes` replace any field."""
    empty, no_ends = np.array([]), np.array([], dtype=np.int64)
    fields = {"outcome": "interrupted", "loss": empty, "accuracy": empty, "epoch_ends": no_ends}
    return make_history(**{**fields, **changes})


def check_equal(expected: History, actual: History) -> None:
    """Check that every field is the same, bit for bit."""
    for name, values in vars(expected).items():
        found = getattr(actual, name)
        if name.endswith("norms"):
            assert [*found] == [*values]
            values, found = np.array([*values.values()]), np.array([*found.values()])
        if isinstance(values, np.ndarray):
            np.testing.assert_array_equal(found, values, name, strict=True)
        else:
            assert (type(found), found) == (type(values), values), name
