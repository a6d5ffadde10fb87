"""The random generators of NumPy and Python continue; Paddle's is seeded from seed and step."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import paddle
import pytest

from rnn_core.checkpoints.random_states import (
    WORDS,
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


@pytest.mark.parametrize("before", [lambda: None, draw], ids=["seeded", "drawn"])
def test_restored_generators_continue_their_sequences(before: Callable[[], object]) -> None:
    """Whatever was drawn before and since, the next numbers are the same."""
    np.random.seed(1)
    random.seed(1)
    before()
    states = random_states()
    expected = [draw(), draw()]

    np.random.seed(2)
    random.seed(2)
    draw()
    restore_random_states(states)

    assert [draw(), draw()] == expected


@pytest.mark.parametrize("generator", ["numpy", "python"])
@pytest.mark.parametrize(
    "words",
    [
        np.ones(WORDS, np.uint32),
        np.ones(WORDS + 1, np.int64),
        # NumPy accepts such a position, reads past its words and crashes.
        np.array([1] * WORDS + [10**6], np.uint32),
    ],
    ids=["short", "int64", "position"],
)
def test_check_rejects_an_invalid_state(generator: str, words: Any) -> None:
    """The error names the generator."""
    with pytest.raises(ValueError, match=f"state of the generator '{generator}' is not valid"):
        check_random_states({**random_states(), generator: words})


@pytest.mark.parametrize("waiting", [np.zeros(3), np.zeros(2, np.float32)])
def test_check_rejects_invalid_waiting_numbers(waiting: Any) -> None:
    """There is one waiting normal number for each generator, in float64."""
    with pytest.raises(ValueError, match="^the waiting normal numbers are not valid$"):
        check_random_states({**random_states(), "waiting": waiting})


def test_random_states_rejects_another_generator() -> None:
    """NumPy's global generator can be replaced by one whose state is unknown."""
    usual = np.random.mtrand.get_bit_generator()
    np.random.mtrand.set_bit_generator(np.random.PCG64(1))
    try:
        with pytest.raises(ValueError, match="global generator must be MT19937, got PCG64"):
            random_states()
    finally:
        np.random.mtrand.set_bit_generator(usual)


def test_seed_paddle_depends_on_seed_and_step() -> None:
    """Each pair of seed and step has a sequence of its own, which can be repeated."""
    pairs = [(0, 5), (5, 0), (1, 5), (0, 6), (2**63 - 1, 5)]
    sequences = [draws_of_paddle(seed, steps) for seed, steps in pairs]

    assert len({tuple(sequence) for sequence in sequences}) == 5
    assert draws_of_paddle(0, 5) == sequences[0]


def draws_of_paddle(seed: int, steps: int) -> list[float]:
    """The first numbers that Paddle draws after `seed_paddle`."""
    seed_paddle(seed, steps)
    return [float(number) for number in paddle.rand([4]).numpy()]
