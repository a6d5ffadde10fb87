"""Loss and norms of a training step, in one form for the reference and for `rnn_core`."""

from typing import Any

from rnn_core import History
from tests.reference.training import TrainingStep, norm


def expected_of(step: TrainingStep) -> dict[str, Any]:
    """Loss and gradient norms of a step of the reference."""
    return {
        "loss": step.loss,
        **{f"raw norm of {name}": norm(g) for name, g in step.gradients.items()},
        **{f"clipped norm of {name}": norm(g) for name, g in step.clipped.items()},
    }


def recorded_in(history: History, index: int) -> dict[str, Any]:
    """Loss and gradient norms of a recorded step, counted from 0."""
    return {
        "loss": history.loss[index],
        **{f"raw norm of {name}": v[index] for name, v in history.raw_norms.items()},
        **{f"clipped norm of {name}": v[index] for name, v in history.clipped_norms.items()},
    }
