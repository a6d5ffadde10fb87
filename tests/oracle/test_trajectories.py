"""The first steps of the three experiments against their float64 reference, within an envelope.

Two questions, kept apart: whether the seeded weights are still what they were, and whether
training from given weights still goes where it went. The given weights come from a hash function,
so that no change of Paddle's or NumPy's random generators reaches the second question.
"""

import hashlib
import json
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import paddle
import pytest

from rnn_core import EXPERIMENTS, NumericPrediction, TrainConfig, train
from rnn_core.config import EXECUTIONS, Execution
from rnn_core.parameters import named_weights
from tests import ROOT
from tests.helpers.comparison import Tolerance, assert_close
from tests.helpers.tolerances import BETWEEN_EXECUTIONS, ENVELOPES, TRAINING
from tests.helpers.trained import run
from tests.helpers.weights import read_parameters, write_parameters
from tests.reference.network import CELLS, GATES, Arrays, CellName, model_pass
from tests.reference.training import Clip, clip_by_norm, no_clip, norm
from tests.reference.training import train as train_reference

VOCAB, SIZE, T = 10, 128, 10
# The notebook's samples: two digits, padded with zeros, and their sum.
BATCHES = [
    (np.array([[*digits, *[0] * (T - 2)]]), np.array([[float(sum(digits))]]))
    for digits in ((1, 2), (2, 4), (3, 2), (3, 1))
]
# From tests/data/initial_weights.json: see its "about".
INITIAL: dict[CellName, dict[str, Any]] = json.loads(
    (ROOT / "tests" / "data" / "initial_weights.json").read_text(encoding="utf-8")
)["seed 0"]

over_cells = pytest.mark.parametrize("cell", CELLS)
over_executions = pytest.mark.parametrize("execution", EXECUTIONS)


class Reference(NamedTuple):
    """What an experiment is, written down again: its config may not change unnoticed."""

    cell: CellName
    learning_rate: float
    clip: Clip


REFERENCES = {
    "exploding-rnn": Reference("RNN", 0.05, no_clip),
    "clipped-rnn": Reference("RNN", 0.05, partial(clip_by_norm, limit=1.0)),
    "clipped-lstm": Reference("LSTM", 0.1, partial(clip_by_norm, limit=1.0)),
}


def hashed_weights(cell: CellName) -> Arrays:
    """Weights with the distribution of the seeded ones, from SHAKE-256 of their names."""
    if cell == "RNN":
        shapes = {"W": (SIZE, SIZE), "U": (SIZE, SIZE), "b": (1, SIZE)}
    else:
        shapes = {f"{kind}_{gate}": (SIZE, SIZE) for kind in "wu" for gate in GATES}
        shapes |= {f"b_{gate}": (1, SIZE) for gate in GATES}
    shapes = {f"recurrent.{name}": shape for name, shape in shapes.items()}
    shapes |= {"embedding.weight": (VOCAB, SIZE), "linear.weight": (SIZE, 1)}
    return {name: hashed_uniform(name, *shape) for name, shape in shapes.items()} | {
        "linear.bias": np.zeros(1)
    }


def hashed_uniform(name: str, rows: int, columns: int) -> Any:
    """Numbers in +-sqrt(6 / (rows + columns)) that float32 holds exactly."""
    digest = hashlib.shake_256(name.encode()).digest(4 * rows * columns)
    # 24 bits, as many as a float32 has: -1 to 1 in steps of 2**-23.
    unit = (np.frombuffer(digest, "<u4") >> 8) / 2.0**23 - 1
    scaled = (unit * np.sqrt(6 / (rows + columns))).astype(np.float32)
    return scaled.astype(np.float64).reshape(rows, columns)


def seeded_model(cell: CellName, execution: Execution = "textbook") -> NumericPrediction:
    """The model that seed 0 names."""
    paddle.seed(0)
    return NumericPrediction(cell=cell, execution=execution)


@pytest.mark.parametrize("name", EXPERIMENTS)
@over_executions
def test_first_steps(name: str, execution: Execution) -> None:
    """Loss and gradient norms stay as near to the reference as rounding explains, step by step."""
    reference, envelope = REFERENCES[name], ENVELOPES[name]
    weights = hashed_weights(reference.cell)
    batches = BATCHES * (len(envelope) // len(BATCHES) + 1)
    expected = train_reference(weights, batches, reference.learning_rate, reference.clip)
    model = NumericPrediction(cell=reference.cell, execution=execution)
    write_parameters(model, weights, "float32")

    epochs = len(batches) // len(BATCHES)
    config = replace(EXPERIMENTS[name].config, epochs=epochs, execution=execution)
    history = train(config, model=model)

    for k, (step, tolerance) in enumerate(zip(expected, envelope, strict=False)):
        assert_close(
            {
                "loss": step.loss,
                **{f"raw norm of {n}": norm(g) for n, g in step.gradients.items()},
                **{f"clipped norm of {n}": norm(g) for n, g in step.clipped.items()},
            },
            {
                "loss": history.loss[k],
                **{f"raw norm of {n}": v[k] for n, v in history.raw_norms.items()},
                **{f"clipped norm of {n}": v[k] for n, v in history.clipped_norms.items()},
            },
            tolerance,
            where=f"left the envelope at training step {k + 1}",
        )


@pytest.mark.parametrize("execution", ["kernel"])
def test_executions_stay_together(execution: Execution) -> None:
    """Over 20 epochs the clipped LSTM does the same however it is computed, but for rounding."""
    config = replace(EXPERIMENTS["clipped-lstm"].config, epochs=20)

    expected, actual = run(config), run(replace(config, execution=execution))

    # Rounded in another way: were this the same computation, the comparison would say nothing.
    assert actual.loss.tolist() != expected.loss.tolist()
    assert actual.accuracy.tolist() == expected.accuracy.tolist()
    for k in range(expected.steps):
        assert_close(
            {"loss": expected.loss[k], **{n: v[k] for n, v in expected.raw_norms.items()}},
            {"loss": actual.loss[k], **{n: v[k] for n, v in actual.raw_norms.items()}},
            BETWEEN_EXECUTIONS,
            where=f"training step {k + 1}",
        )


@over_cells
def test_initial_weights(cell: CellName) -> None:
    """The weights of seed 0 have their known sums, largest magnitudes and first entries.

    Where this fails, the initializer or the generator changed: other numbers, other results.
    """
    known = INITIAL[cell]
    weights = read_parameters(seeded_model(cell))

    assert list(known) == list(weights)
    for name, values in weights.items():
        assert_close(
            {key: known[name][key] for key in ("sum", "largest", "first")},
            {
                "sum": values.sum(),
                "largest": np.abs(values).max(),
                "first": values.ravel()[: len(known[name]["first"])],
            },
            Tolerance(1e-5, absolute=1e-7),
            where=name,
        )


@over_cells
@over_executions
def test_initial_weights_bitwise(cell: CellName, execution: Execution) -> None:
    """The weights of seed 0 are the same to the last bit.

    Where only this fails, the numbers were rounded in another way.
    """
    known = {name: summary["sha256"] for name, summary in INITIAL[cell].items()}

    actual = {
        name: hashlib.sha256(values.astype("<f4").tobytes()).hexdigest()
        for name, values in named_weights(seeded_model(cell, execution)).items()
    }

    assert actual == known


@over_cells
@pytest.mark.parametrize("seed", [0, 1])
def test_training_starts_from_the_seed(cell: CellName, seed: int) -> None:
    """The first step is that of the weights which the seed names, whatever was drawn before."""
    paddle.seed(seed)
    expected = model_pass(read_parameters(NumericPrediction(cell=cell)), *BATCHES[0])

    history = train(TrainConfig(cell=cell, seed=seed, epochs=1))

    assert_close(
        {"loss": expected.loss, **{n: norm(g) for n, g in expected.gradients.items()}},
        {"loss": history.loss[0], **{n: v[0] for n, v in history.raw_norms.items()}},
        TRAINING["float32"],
    )
