"""Without clipping the RNN's gradients explode, then vanish, then the loss is NaN.

Ranges are those of 200 seeds at learning rate 0.05 (Paddle 3.3.1, November 2026): the recurrent
norms pass 1e3 at step 3 to 7 and are exactly zero from step 5 to 12 on; the loss passes 4e23 by
step 20, is infinite at step 21 to 27 and NaN at step 23 to 29. At learning rate 0.005, none of
100 seeds explodes.
"""

import numpy as np
import pytest

from rnn_core import History, TrainConfig
from rnn_core.config import Execution
from tests.helpers.trained import run

SEEDS = tuple(range(8))


def unclipped(seed: int, device: str, **changes: object) -> History:
    """Train the unclipped RNN, past infinity where it comes to that."""
    settings = {"on_nonfinite": "continue", "seed": seed, "device": device, **changes}
    return run(TrainConfig(**settings))  # type: ignore[arg-type]


def recurrent_norms(history: History) -> np.ndarray:
    """The raw norms of W, U and b, `[3, steps]`."""
    return np.stack([history.raw_norms[f"recurrent.{name}"] for name in "WUb"])


@pytest.mark.parametrize("seed", SEEDS)
def test_gradients_explode_within_seven_steps(seed: int, device: str) -> None:
    """A recurrent gradient's norm passes 1e3 by step 7, from under 1e3 at step 1."""
    norms = recurrent_norms(unclipped(seed, device)).max(axis=0)

    assert norms[0] < 1e3
    assert norms[:7].max() > 1e3


@pytest.mark.parametrize("seed", SEEDS)
def test_five_epochs_end_in_exact_zeros(seed: int, device: str) -> None:
    """From step 12 on the recurrent gradients are exactly zero, while the loss grows past 1e6."""
    history = unclipped(seed, device)

    assert history.steps == 20
    assert np.abs(recurrent_norms(history)[:, 12:]).max() == 0
    assert history.loss[-1] > 1e20
    assert np.isfinite(history.loss).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_eight_epochs_end_in_nan(seed: int, device: str) -> None:
    """The loss becomes infinite and then NaN for good, between step 21 and 32."""
    history = unclipped(seed, device, epochs=8)

    finite = np.isfinite(history.loss)
    assert finite[:20].all()
    assert np.isinf(history.loss).any()
    assert np.isnan(history.loss[-3:]).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_history_names_what_happened(seed: int, device: str) -> None:
    """The history tells an explosion, then vanished gradients, then infinity, in this order."""
    events = unclipped(seed, device, epochs=8).events

    assert sorted(
        (event.kind for event in events), key=["exploded", "vanished", "non-finite"].index
    ) == ["exploded", "vanished", "non-finite"]
    steps = {event.kind: event.step for event in events}
    assert steps["exploded"] <= 20
    assert steps["vanished"] <= 13
    assert 21 <= steps["non-finite"] <= 28


@pytest.mark.parametrize("seed", SEEDS)
def test_a_tenth_of_the_learning_rate_does_not_explode(seed: int, device: str) -> None:
    """At learning rate 0.005 nothing explodes or vanishes: the tests above can tell."""
    history = unclipped(seed, device, learning_rate=0.005)

    assert history.events == ()
    assert history.loss.max() < 1e3
    assert recurrent_norms(history).max() < 1e3


@pytest.mark.parametrize("num_steps", [20, 50])
def test_longer_sequences_explode_too(num_steps: int, device: str) -> None:
    """Sequences of 20 and of 50 digits explode as those of 10 do."""
    history = unclipped(0, device, num_steps=num_steps)

    assert history.loss.max() > 1e6


@pytest.mark.parametrize("execution", ["kernel"])
def test_the_other_executions_explode_too(execution: Execution, device: str) -> None:
    """However the layer is computed: an explosion, zeros, infinity and NaN, when they were due."""
    history = unclipped(0, device, epochs=8, execution=execution)

    steps = {event.kind: event.step for event in history.events}
    assert set(steps) == {"exploded", "vanished", "non-finite"}
    assert steps["exploded"] <= 20
    assert steps["vanished"] <= 13
    assert 21 <= steps["non-finite"] <= 28
    assert np.abs(recurrent_norms(history)[:, 12:20]).max() == 0
    assert np.isnan(history.loss[-3:]).all()
