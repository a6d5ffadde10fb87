"""The random generators go on where they stood."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import paddle
import pytest

from rnn_core.checkpoints.random_states import CHUNK, WORDS, random_states, restore_random_states

# The global generators of NumPy and Python are what these tests are about.
# ruff: noqa: NPY002, S311


def draw() -> list[float]:
    """Numbers from every generator; an odd number of normal ones, so that one is left waiting."""
    numbers = [*paddle.rand([2]).numpy(), *paddle.randn([3]).numpy(), *np.random.rand(2)]
    return [*numbers, np.random.randn(), random.random(), random.gauss(0, 1)]


def seed_again() -> None:
    """What a caller may do in the middle of a run."""
    paddle.seed(2**63 - 1)
    paddle.randperm(7)


@pytest.mark.parametrize(
    "before",
    [
        lambda: None,
        draw,
        seed_again,
        lambda: paddle.rand([CHUNK - 1]),
        lambda: paddle.rand([CHUNK]),
        lambda: paddle.rand([2 * CHUNK + 5]),
    ],
    ids=["seeded", "drawn", "seeded-again", "end-of-chunk", "one-chunk", "two-chunks"],
)
def test_draws_what_it_would_have_drawn(before: Callable[[], object]) -> None:
    """Whatever was drawn before and since, the next numbers are the same."""
    for generator in (paddle, np.random, random):
        generator.seed(1)
    before()
    states = random_states()
    expected = [draw(), draw()]

    for generator in (paddle, np.random, random):
        generator.seed(2)
    draw()
    restore_random_states(states)

    assert [draw(), draw()] == expected


def test_looking_draws_nothing() -> None:
    """Asking for the states does not change them."""
    paddle.seed(1)
    expected = paddle.rand([4]).tolist()
    paddle.seed(1)
    random_states()

    assert paddle.rand([4]).tolist() == expected


@pytest.mark.parametrize("generator", ["numpy", "python"])
@pytest.mark.parametrize(
    "words",
    [
        np.ones(WORDS, np.uint32),
        np.ones(WORDS + 1, np.int64),
        # NumPy takes such a place, reads past its words and ends the process.
        np.array([1] * WORDS + [10**6], np.uint32),
    ],
    ids=["short", "int64", "place"],
)
def test_refuses_what_is_no_state(generator: str, words: Any) -> None:
    """A made-up state of NumPy's or Python's generator is refused."""
    with pytest.raises(ValueError, match="no state of NumPy's or Python's generator"):
        restore_random_states({**random_states(), generator: words})


@pytest.mark.parametrize("device", ["cpu", "gpu:0"])
def test_refuses_a_place_that_is_not_found(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Draws that do not come are looked for so far and no farther; on a GPU not at all."""
    monkeypatch.setattr("rnn_core.checkpoints.random_states.FARTHEST", CHUNK)
    monkeypatch.setattr("paddle.device.get_device", lambda: device)
    states = random_states()

    with pytest.raises(ValueError, match="random generator after seed 5 is not found"):
        restore_random_states(
            {**states, "paddle_seed": np.array(5), "paddle_next": states["paddle_next"][::-1]}
        )


def test_refuses_another_kind_of_generator() -> None:
    """NumPy's global generator may be replaced, and then is not understood."""
    usual = np.random.mtrand.get_bit_generator()
    np.random.mtrand.set_bit_generator(np.random.PCG64(1))
    try:
        with pytest.raises(ValueError, match="NumPy's global generator is PCG64, not MT19937"):
            random_states()
    finally:
        np.random.mtrand.set_bit_generator(usual)
