"""The first steps of the three experiments stay within an envelope of the float64 reference.

Two separate questions: are the seeded weights unchanged, and does training from given weights take
the same course? The given weights come from a hash function, so the second question does not depend
on the random generators of Paddle or NumPy.
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
from rnn_core.config import Execution
from rnn_core.parameters import named_weights
from tests import ROOT
from tests.helpers.comparison import Tolerance, assert_close
from tests.helpers.measured import expected_of, recorded_in
from tests.helpers.parametrize import over_cells, over_executions
from tests.helpers.tolerances import ENVELOPES, TRAINING
from tests.helpers.weights import read_parameters, write_parameters
from tests.reference.network import GATES, Arrays, CellName
from tests.reference.training import Clip, clip_by_norm, no_clip
from tests.reference.training import train as train_reference

VOCAB, SIZE, T = 10, 128, 10
# The notebook's samples: two digits padded with zeros, and their sum.
BATCHES = [
    (np.array([[*digits, *[0] * (T - 2)]]), np.array([[float(sum(digits))]]))
    for digits in ((1, 2), (2, 4), (3, 2), (3, 1))
]
# See the entry "about" of the file.
INITIAL: dict[CellName, dict[str, Any]] = json.loads(
    (ROOT / "tests" / "data" / "initial_weights.json").read_text(encoding="utf-8")
)["seed 0"]


class Reference(NamedTuple):
    """Settings of an experiment, stated a second time so that a change of its config is noticed."""

    cell: CellName
    learning_rate: float
    clip: Clip


REFERENCES = {
    "exploding-rnn": Reference("RNN", 0.05, no_clip),
    "clipped-rnn": Reference("RNN", 0.05, partial(clip_by_norm, limit=1.0)),
    "clipped-lstm": Reference("LSTM", 0.1, partial(clip_by_norm, limit=1.0)),
}


def hashed_weights(cell: CellName) -> Arrays:
    """Weights distributed like the seeded ones, computed from their names by SHAKE-256."""
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
    """Numbers within +-sqrt(6 / (rows + columns)) that float32 holds exactly."""
    digest = hashlib.shake_256(name.encode()).digest(4 * rows * columns)
    # -1 to 1 in steps of 2**-23: 24 bits, as many as a float32 has.
    unit = (np.frombuffer(digest, "<u4") >> 8) / 2.0**23 - 1
    scaled = (unit * np.sqrt(6 / (rows + columns))).astype(np.float32)
    return scaled.astype(np.float64).reshape(rows, columns)


@pytest.mark.parametrize("name", EXPERIMENTS)
@over_executions
def test_first_steps_stay_within_the_envelope(name: str, execution: Execution) -> None:
    """Loss and gradient norms differ from the reference by no more than rounding explains."""
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
        where = f"left the envelope at training step {k + 1}"
        assert_close(expected_of(step), recorded_in(history, k), tolerance, where)


@over_cells
@over_executions
def test_initial_weights_are_the_known_ones(cell: CellName, execution: Execution) -> None:
    """The weights of seed 0 have the known sums, largest magnitudes, first entries and bits.

    If the sums differ, the initializer or the generator has changed; if only the bits do, the
    numbers were rounded differently.
    """
    paddle.seed(0)
    known, weights = INITIAL[cell], named_weights(NumericPrediction(cell=cell, execution=execution))

    assert list(known) == list(weights)
    for name, values in weights.items():
        actual = {
            "sum": values.sum(dtype=np.float64),
            "largest": np.abs(values).max(),
            "first": values.ravel()[: len(known[name]["first"])],
        }
        expected = {key: known[name][key] for key in actual}
        assert_close(expected, actual, Tolerance(1e-5, absolute=1e-7), where=name)
        assert hashlib.sha256(values.astype("<f4").tobytes()).hexdigest() == known[name]["sha256"]


@over_cells
@pytest.mark.parametrize("seed", [0, 1])
def test_train_starts_from_the_weights_of_its_seed(cell: CellName, seed: int) -> None:
    """The first step is that of the seeded weights, whatever was drawn before."""
    paddle.seed(seed)
    weights = read_parameters(NumericPrediction(cell=cell))
    expected = next(train_reference(weights, BATCHES, learning_rate=0.0))

    history = train(TrainConfig(cell=cell, seed=seed, epochs=1))

    assert_close(expected_of(expected), recorded_in(history, 0), TRAINING["float32"])
