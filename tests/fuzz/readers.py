"""The readers to test: what they read, how they fail, and what a result must satisfy.

A new reader is one more entry in `READERS`; `tests.fuzz.result_readers` has those of results.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rnn_core import History, TrainConfig
from rnn_core.checkpoints.checkpoint import Checkpoint
from rnn_core.checkpoints.random_states import random_states
from rnn_core.commands.text import summary_lines
from rnn_core.recorder import Position
from tests.fuzz.result_readers import RESULT_READERS, Reader
from tests.helpers.histories import empty_history, make_history


def check_history(history: History) -> None:
    """Check what plots, summaries and pages rely on."""
    recorded = history.recorded
    assert len(history.loss) == len(recorded) <= history.steps
    assert history.raw_norms.keys() == history.clipped_norms.keys()
    assert all(len(values) == len(recorded) for values in history.raw_norms.values())
    assert all(len(values) == len(recorded) for values in history.clipped_norms.values())
    assert (np.diff(recorded, prepend=0) > 0).all()
    assert len(history.accuracy) == len(history.epoch_ends) <= history.config.epochs
    assert ((history.accuracy >= 0) & (history.accuracy <= 1)).all()
    assert all(event.step <= history.steps for event in history.events)
    for line in summary_lines(history):
        assert line.isprintable(), f"control characters in {line!r}"
        assert len(line) < 3000, f"{len(line)} characters in a line of the summary"


def check_checkpoint(checkpoint: Checkpoint) -> None:
    """Check what a run relies on that continues from it."""
    check_history(checkpoint.history)
    epoch, batch, correct, total = checkpoint.position
    steps, config = checkpoint.history.steps, checkpoint.history.config
    assert 0 <= correct <= total <= steps * config.batch_size
    assert 1 <= epoch <= config.epochs
    assert 0 <= batch <= steps
    assert (steps - batch) % max(epoch - 1, 1) == 0
    assert list(checkpoint.weights) == list(checkpoint.history.raw_norms)
    assert all(weight.dtype == config.dtype for weight in checkpoint.weights.values())


def write_checkpoint(path: Path, **changes: Any) -> None:
    """Write a checkpoint after the last of four steps."""
    history = make_history(outcome="interrupted", **changes)
    weights = {name: np.ones((2, 3), history.config.dtype, order="F") for name in history.raw_norms}
    # Step 4 of 2 steps in each of 2 epochs.
    position = Position(2, 2, 2 if history.config.record else 0, 2)
    Checkpoint(history, position, 7, weights, random_states()).save(path)


NO_RECORD: dict[str, Any] = {
    "config": TrainConfig(epochs=2, record=0),
    "loss": np.array([]),
    "accuracy": np.array([]),
    "epoch_ends": np.array([], dtype=np.int64),
    "steps": 4,
}
HISTORIES = (
    make_history().save,
    make_history(loss=np.array([1.0, np.inf, np.nan, 0.0]), outcome="non-finite").save,
    empty_history().save,
)

READERS = (
    Reader("history", "npz", HISTORIES, History.load, check_history),
    Reader(
        "checkpoint",
        "npz",
        (write_checkpoint, partial(write_checkpoint, **NO_RECORD)),
        Checkpoint.load,
        check_checkpoint,
        (ValueError,),
    ),
    *RESULT_READERS,
)
