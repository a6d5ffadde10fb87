"""Without clipping, the RNN explodes, its gradients vanish, and the loss becomes NaN.

`EXPLOSION_LIMIT` in `rnn_core.history` defines what explodes. Measured over 200 seeds with two
roundings at learning rate 0.05 (Paddle 3.3.1, November 2026): runs explode at step 5 to 11, and a
gradient first vanishes at step 5 to 12, in three of ten runs before the explosion: large weights
saturate tanh first. All recurrent gradients are exactly zero from step 5 to 12 on; the loss exceeds
4e23 by step 20, is infinite at step 21 to 27 and NaN at step 23 to 29. At learning rate 0.005, none
of 100 seeds explodes.
"""

import numpy as np
import pytest

from rnn_core import History, TrainConfig
from rnn_core.config import Execution
from tests.helpers.trained import run


def unclipped(seed: int, device: str, **changes: object) -> History:
    """Train the unclipped RNN, even past infinity."""
    settings = {"on_nonfinite": "continue", "seed": seed, "device": device, **changes}
    return run(TrainConfig(**settings))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seed", "execution"), [*((seed, "textbook") for seed in range(8)), (0, "kernel")]
)
def test_runs_explode_vanish_and_end_in_nan(seed: int, execution: Execution, device: str) -> None:
    """From step 13 on the recurrent gradients are exactly zero, while the loss exceeds 1e20.

    The loss is infinite after step 20 and NaN from step 30 on; the history names all three events.
    """
    history = unclipped(seed, device, epochs=8, execution=execution)

    events = {event.kind: event.step for event in history.events}
    assert set(events) == {"exploded", "vanished", "non-finite"}
    assert 3 <= events["exploded"] <= 13
    assert 3 <= events["vanished"] <= 14
    assert 21 <= events["non-finite"] <= 28
    for name in "WUb":
        assert history.raw_norms[f"recurrent.{name}"][12:20].tolist() == [0.0] * 8
    assert history.loss[19] > 1e20
    assert np.isfinite(history.loss[:20]).all()
    assert np.isinf(history.loss).any()
    assert np.isnan(history.loss[-3:]).all()


@pytest.mark.parametrize("seed", range(8))
def test_a_tenth_of_the_learning_rate_does_not_explode(seed: int, device: str) -> None:
    """At learning rate 0.005 nothing explodes or vanishes."""
    history = unclipped(seed, device, learning_rate=0.005)

    assert history.events == ()
