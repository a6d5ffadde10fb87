"""Made-up runs, with digests, for the comparison of behaviours."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.behaviour.files import OwnRun, Recording, Traced
from rnn_core import EXPERIMENTS
from rnn_core.model import model_of
from rnn_core.parameters import Parameters
from tests.helpers.histories import make_history

EPOCH = 4  # steps
# Last loss and accuracy of a run that behaves as its experiment should.
LAST_LOSS = {"exploding-rnn": 1e30, "clipped-rnn": 0.5, "clipped-lstm": 0.1}
LAST_ACCURACY = {"exploding-rnn": 0.0, "clipped-rnn": 0.5, "clipped-lstm": 1.0}


def healthy(experiment: str, epochs: int | None = None) -> dict[str, Any]:
    """Return loss, norms and accuracy of a run that behaves as it should."""
    steps = EPOCH * (EXPERIMENTS[experiment].config.epochs if epochs is None else epochs)
    loss = np.geomspace(8.0, LAST_LOSS[experiment], steps).astype(np.float32).astype(np.float64)
    norm = np.linspace(3.0, 2.0, steps)
    if experiment == "exploding-rnn":
        loss = np.where(np.arange(steps) < 12, 8.0, loss)
        norm = np.where(np.arange(steps) < 12, norm, 0.0)
    return {
        "loss": loss,
        "norm": norm,
        "accuracy": np.full(steps // EPOCH, LAST_ACCURACY[experiment]),
    }


def recording(
    experiment: str,
    loss: NDArray[np.float64],
    norm: NDArray[np.float64],
    accuracy: NDArray[np.float64],
    weights: NDArray[np.float64] | None = None,
    execution: str = "textbook",
) -> Recording:
    """Make a run with these losses and norms; its default weights are their running sum.

    Equal numbers have equal digests.
    """
    config: Any = EXPERIMENTS[experiment].config
    names = parameters_of(experiment)
    history = make_history(
        config=replace(config, epochs=len(accuracy), execution=execution),
        loss=loss,
        raw_norms=dict.fromkeys(names, norm),
        clipped_norms=dict.fromkeys(names, np.minimum(norm, 1.0)),
        accuracy=accuracy,
        epoch_ends=EPOCH * np.arange(1, len(accuracy) + 1),
    )
    if weights is None:
        weights = np.concatenate([[0.0], np.cumsum(np.nan_to_num(loss, posinf=0.0) + norm)])
    return Recording(history, bits(loss, norm), bits(weights, weights))


@cache
def parameters_of(experiment: str) -> list[str]:
    """Return the names of the parameters of an experiment's model."""
    return Parameters(model_of(EXPERIMENTS[experiment].config)).names


def own_run(
    settings: dict[str, Any], loss: NDArray[np.float64], parameters: Sequence[str]
) -> Recording:
    """Make a run of a workload whose weights are the running sum of losses."""
    weights = np.concatenate([[0.0], np.cumsum(loss)])
    run = OwnRun(settings, loss, dict.fromkeys(parameters, loss / 2))
    return Recording(run, bits(loss, loss), bits(weights, weights))


def bits(*columns: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the bits of two numbers in each row, instead of digests."""
    return np.stack(columns, axis=1).astype(np.float64).view(np.uint8)


def traced(values: Any, dtype: str, scale: float, operator: str, name: str = "h_1") -> Traced:
    """Make a tensor."""
    with np.errstate(invalid="ignore"):
        return Traced(name, operator, np.asarray(values, np.float64).astype(dtype), scale)
