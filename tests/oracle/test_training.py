"""Training steps of `train` agree with the reference, with every kind of clipping."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Any
from unittest.mock import patch

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from rnn_core import Batch, TrainConfig, train
from rnn_core.config import EAGER, Clip, DType, Execution
from rnn_core.model import model_of
from rnn_core.parameters import named_weights, set_weights
from rnn_core.step import TrainingStep
from tests.helpers.comparison import Tolerance, assert_close
from tests.helpers.float64_products import skip_where_products_crash
from tests.helpers.measured import expected_of, recorded_in
from tests.helpers.parametrize import over_cells, over_dtypes, over_executions
from tests.helpers.tolerances import FORWARD, GRADIENT, LONG, TRAINING
from tests.helpers.weights import (
    random_labels,
    random_model,
    read_gradients,
    read_parameters,
    round_to_float32,
    to_arrays,
    to_tensor,
    write_parameters,
)
from tests.reference.network import Array, Arrays, CellName, Shape, model_pass
from tests.reference.training import TrainingStep as ReferenceStep
from tests.reference.training import clip_by_global_norm, clip_by_norm, no_clip
from tests.reference.training import train as train_reference

VOCAB, STEPS, BATCHES = 7, 10, 5
LARGE_VOCAB = 1100
# Clips all gradients of the RNN and about half of those of the LSTM; float32 rounds it.
LIMIT = 2.1
RATE = 0.02
CLIPS: dict[Clip, Callable[[Any], Arrays]] = {
    "none": no_clip,
    "by-norm": partial(clip_by_norm, limit=LIMIT),
    "by-global-norm": partial(clip_by_global_norm, limit=LIMIT),
}


@over_cells
@over_dtypes
@over_executions
def test_passes_agree_with_the_reference(
    cell: CellName, dtype: DType, execution: Execution
) -> None:
    """Hidden state and predictions agree; without clearing, the gradients of two passes add up.

    Those from the hidden state are the same as those from the predictions; so they are in
    evaluation mode.
    """
    generator = np.random.default_rng(6)
    parameters = random_model(generator, cell, VOCAB, emb_size=3, hidden_size=4)
    model = model_of(config_of(cell, dtype, execution, (2, 5, 3, 4)))
    write_parameters(model, parameters, dtype)
    gradients = {name: np.zeros_like(values) for name, values in parameters.items()}
    for shape in ((2, 3), (1, 5)):  # B, T
        tokens, labels = generator.integers(0, VOCAB, shape), random_labels(generator, shape[0])
        expected = model_pass(parameters, tokens, labels)
        for name, gradient in expected.gradients.items():
            gradients[name] += gradient
        (model.train if len(tokens) == 2 else model.eval)()
        predictions, hidden = model(paddle.to_tensor(tokens))
        made = predictions if len(tokens) == 2 else model.linear(hidden)
        F.mse_loss(made, to_tensor(labels, dtype)).backward()
        assert_close(
            {"hidden": expected.hidden, "predictions": expected.predictions},
            to_arrays({"hidden": hidden, "predictions": predictions}),
            FORWARD[dtype],
        )

    assert_close(gradients, read_gradients(model), GRADIENT[dtype], where="gradient")


@pytest.mark.parametrize("shape", [(1, 10, 4, 6), (3, 4, 6, 4)], ids=str)  # B, T, E, H
@pytest.mark.parametrize("clip", CLIPS)
@over_cells
@over_dtypes
@over_executions
def test_ten_steps_agree_with_the_reference(
    cell: CellName, dtype: DType, execution: Execution, clip: Clip, shape: Shape
) -> None:
    """Loss, norms, clipped gradients and updated parameters agree; the last batch is smaller."""
    B, T, E, H = shape
    generator = np.random.default_rng(6)
    parameters = random_model(generator, cell, VOCAB, E, H)
    batches = [
        (generator.integers(0, VOCAB, (size, T)), random_labels(generator, size))
        for size in [B] * (BATCHES - 1) + [max(1, B - 1)]
    ]
    config = replace(
        config_of(cell, dtype, execution, shape),
        epochs=STEPS // BATCHES,
        # Without clipping, a large step would amplify rounding.
        learning_rate=0.002 if clip == "none" else RATE,
        clip=clip,
        clip_norm=None if clip == "none" else LIMIT,
    )

    expected = list(
        train_reference(parameters, batches * config.epochs, config.learning_rate, CLIPS[clip])
    )
    assert len(expected) == STEPS
    check_steps(config, parameters, batches, expected, TRAINING[dtype])


SIZES = [  # B, T, E, H
    (12, 5, 9, 8),
    (17, 3, 16, 15),
    (65, 2, 257, 515),
    (1, 260, 8, 8),
    # The sizes that are benchmarked.
    *(
        pytest.param(size, marks=pytest.mark.slow)
        for size in [(32, 50, 256, 256), (64, 25, 512, 512), (1, 500, 128, 128)]
    ),
]


@pytest.mark.parametrize("shape", SIZES, ids="B{0[0]}-T{0[1]}-E{0[2]}-H{0[3]}".format)
@over_cells
@over_dtypes
@over_executions
def test_step_agrees_with_the_reference_at_the_sizes_of_benchmarks(
    cell: CellName, dtype: DType, execution: Execution, shape: Shape
) -> None:
    """One step agrees; with one long sequence, the gradients reach its beginning.

    There, each token is read in its own part of the sequence, and shows that part's gradient.
    """
    skip_where_products_crash(dtype)
    parameters, batch, step = step_of_reference(cell, shape)
    config = replace(config_of(cell, dtype, execution, shape), vocab_size=LARGE_VOCAB)

    check_steps(config, parameters, [batch], [step], (LONG if shape[0] == 1 else TRAINING)[dtype])


def config_of(cell: CellName, dtype: DType, execution: Execution, shape: Shape) -> TrainConfig:
    """Settings of one clipped step at these sizes: B, T, E, H."""
    B, T, E, H = shape
    return TrainConfig(
        cell=cell,
        epochs=1,
        learning_rate=RATE,
        clip_norm=LIMIT,
        batch_size=B,
        num_steps=T,
        vocab_size=VOCAB,
        emb_size=E,
        hidden_size=H,
        dtype=dtype,
        execution=execution,
    )


@cache
def step_of_reference(
    cell: CellName, shape: Shape
) -> tuple[Arrays, tuple[Array, Array], ReferenceStep]:
    """Parameters, a batch, and the reference's step from them, computed once for all executions."""
    B, T, E, H = shape
    generator = np.random.default_rng(7)
    parameters = random_model(generator, cell, LARGE_VOCAB, E, H)
    tokens, labels = generator.integers(0, LARGE_VOCAB, (B, T)), random_labels(generator, B)
    if B == 1:
        tokens = np.sort(tokens)
        keep_gradients(parameters, generator)
    (step,) = train_reference(parameters, [(tokens, labels)], RATE, CLIPS["by-norm"])
    return parameters, (tokens, labels), step


def keep_gradients(parameters: Arrays, generator: np.random.Generator) -> None:
    """Open the forget gate; or make the states of an RNN small and U a rotation."""
    if "recurrent.b_f" in parameters:
        parameters["recurrent.b_f"] += 6
        return
    H = len(parameters["recurrent.U"])
    rotation, _ = np.linalg.qr(generator.normal(size=(H, H)))
    parameters["recurrent.U"] = round_to_float32(rotation)
    for name in ("recurrent.b", "embedding.weight"):
        parameters[name] = round_to_float32(parameters[name] / 300)


def check_steps(
    config: TrainConfig,
    parameters: Arrays,
    batches: list[tuple[Array, Array]],
    expected: list[ReferenceStep],
    tolerance: Tolerance,
) -> None:
    """Assert that each step of `train` agrees with the reference."""
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

    def predicted(model: Any) -> Any:
        return model(data[-1].tokens)[0].numpy().tolist()

    def evaluated() -> Any:
        model.eval()
        with paddle.no_grad():
            return predicted(model)

    if eager := config.execution in EAGER:
        evaluated()
        model.train()
    with patch.object(TrainingStep, "update", watch):
        history = train(config, data, model)
    if eager:  # Evaluation sees the new weights, and computes as training does, also if frozen.
        fresh = model_of(config)
        set_weights(fresh, named_weights(model))
        for _ in range(2):
            assert evaluated() == predicted(fresh)
            for parameter in fresh.parameters():
                parameter.stop_gradient = True

    assert len(expected) == history.steps == len(clipped) == len(updated)
    for k, step in enumerate(expected):
        where = f"training step {k + 1}"
        assert_close(expected_of(step), recorded_in(history, k), tolerance, where)
        assert_close(step.clipped, clipped[k], tolerance, f"{where}, clipped gradient")
        assert_close(step.updated, updated[k], tolerance, f"{where}, updated parameter")
