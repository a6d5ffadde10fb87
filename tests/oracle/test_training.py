"""Ten training steps of `train` agree with the reference, with every kind of clipping."""

from collections.abc import Callable
from functools import partial
from typing import Any
from unittest.mock import patch

import numpy as np
import paddle
import pytest

from rnn_core import Batch, History, TrainConfig, train
from rnn_core.config import Clip, DType, Execution
from rnn_core.model import model_of
from rnn_core.step import TrainingStep
from tests.helpers.comparison import assert_close
from tests.helpers.measured import expected_of, recorded_in
from tests.helpers.parametrize import over_cells, over_dtypes, over_executions
from tests.helpers.tolerances import TRAINING
from tests.helpers.weights import (
    random_labels,
    random_model,
    read_parameters,
    to_tensor,
    write_parameters,
)
from tests.reference.network import Array, Arrays, CellName
from tests.reference.training import clip_by_global_norm, clip_by_norm, no_clip
from tests.reference.training import train as train_reference

VOCAB, STEPS, BATCHES = 7, 10, 5
# Clips all gradients of the RNN and about half of those of the LSTM.
LIMIT = 2.0
CLIPS: dict[Clip, Callable[[Any], Arrays]] = {
    "none": no_clip,
    "by-norm": partial(clip_by_norm, limit=LIMIT),
    "by-global-norm": partial(clip_by_global_norm, limit=LIMIT),
}


@pytest.mark.parametrize("shape", [(1, 10, 4, 6), (3, 4, 6, 4)], ids=str)  # B, T, E, H
@pytest.mark.parametrize("clip", CLIPS)
@over_cells
@over_dtypes
@over_executions
def test_ten_steps_agree_with_the_reference(
    cell: CellName, dtype: DType, execution: Execution, clip: Clip, shape: tuple[int, int, int, int]
) -> None:
    """Loss, norms, clipped gradients and updated parameters of each step agree."""
    B, T, E, H = shape
    generator = np.random.default_rng(6)
    parameters = random_model(generator, cell, VOCAB, E, H)
    batches = [
        (generator.integers(0, VOCAB, (B, T)), random_labels(generator, B)) for _ in range(BATCHES)
    ]
    config = TrainConfig(
        cell=cell,
        epochs=STEPS // BATCHES,
        # Without clipping, a large step would amplify rounding.
        learning_rate=0.002 if clip == "none" else 0.02,
        clip=clip,
        clip_norm=None if clip == "none" else LIMIT,
        batch_size=B,
        num_steps=T,
        vocab_size=VOCAB,
        emb_size=E,
        hidden_size=H,
        dtype=dtype,
        execution=execution,
    )

    expected = list(
        train_reference(parameters, batches * config.epochs, config.learning_rate, CLIPS[clip])
    )
    history, clipped, updated = train_and_watch(config, parameters, batches)

    assert len(expected) == STEPS == history.steps == len(clipped) == len(updated)
    for k, step in enumerate(expected):
        where = f"training step {k + 1}"
        assert_close(expected_of(step), recorded_in(history, k), TRAINING[dtype], where)
        assert_close(step.clipped, clipped[k], TRAINING[dtype], f"{where}, clipped gradient")
        assert_close(step.updated, updated[k], TRAINING[dtype], f"{where}, updated parameter")


def train_and_watch(
    config: TrainConfig, parameters: Arrays, batches: list[tuple[Array, Array]]
) -> tuple[History, list[Arrays], list[Arrays]]:
    """Train; return the history, and the clipped gradients and new parameters of each step."""
    model = model_of(config)
    write_parameters(model, parameters, config.dtype)
    clipped: list[Arrays] = []
    updated: list[Arrays] = []
    update = TrainingStep.update

    def watch(step: TrainingStep) -> None:
        clipped.append(step.parameters.arrays(step.clipped))
        update(step)
        updated.append(read_parameters(model))

    data = [
        Batch(paddle.to_tensor(tokens), to_tensor(labels, config.dtype))
        for tokens, labels in batches
    ]
    with patch.object(TrainingStep, "update", watch):
        history = train(config, data, model)
    return history, clipped, updated
