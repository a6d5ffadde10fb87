"""The random generators of NumPy and Python continue; Paddle's is seeded from seed and step."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import paddle
import pytest

from rnn_core import CheckpointError, TrainConfig, train
from rnn_core.checkpoints.random_states import (
    check_random_states,
    random_states,
    restore_random_states,
    seed_paddle,
)

# These tests are about the global generators of NumPy and Python.
# ruff: noqa: NPY002, S311


def draw() -> list[float]:
    """Numbers from both generators; an odd number of normal ones, so that one waits in each."""
    return [*np.random.rand(2), np.random.randn(), random.random(), random.gauss(0, 1)]


@pytest.mark.parametrize(
    "before",
    [lambda: None, draw, lambda: np.random.randn(), lambda: random.gauss(0, 1)],
    ids=["seeded", "drawn", "drawn by NumPy", "drawn by Python"],
)
def test_restored_generators_continue_their_sequences(before: Callable[[], object]) -> None:
    """Whatever was drawn before and since, the next numbers are the same."""
    np.random.seed(1)
    random.seed(1)
    before()
    states = random_states()
    check_random_states(states)
    expected = [draw(), draw()]

    np.random.seed(2)
    random.seed(2)
    draw()
    restore_random_states(states)

    assert [draw(), draw()] == expected


def test_random_states_rejects_another_generator(tmp_path: Path) -> None:
    """NumPy's global generator can be replaced by one whose state is unknown."""
    usual = np.random.mtrand.get_bit_generator()
    np.random.mtrand.set_bit_generator(np.random.PCG64(1))
    try:
        with pytest.raises(ValueError, match="global generator must be MT19937, got PCG64"):
            random_states()
        words = f"cannot write checkpoint {tmp_path}.*: NumPy's global generator must be MT19937"
        with pytest.raises(CheckpointError, match=words) as caught:
            train(TrainConfig(hidden_size=4), checkpoint=tmp_path)
    finally:
        np.random.mtrand.set_bit_generator(usual)
    assert caught.value.history is not None


def test_seed_paddle_depends_on_seed_and_step() -> None:
    """Each pair of seed and step has its own sequence, which can be repeated."""
    pairs = [(0, 5), (5, 0), (1, 5), (0, 6), (2**32 - 1, 5), (0, 2**32 + 5)]
    sequences = []
    for seed, steps in [*pairs, pairs[0]]:
        seed_paddle(seed, steps)
        sequences.append(paddle.rand([4]).numpy().tobytes())

    assert len(set(sequences)) == 6
    assert sequences[0] == sequences[6]


def test_seed_of_a_pair_is_the_same_in_every_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint of today is resumed with the same random numbers later. It has 63 bits."""
    seeds: list[int] = []
    monkeypatch.setattr(paddle, "seed", seeds.append)

    seed_paddle(3, 5)

    assert seeds == [4895867234429419378]
