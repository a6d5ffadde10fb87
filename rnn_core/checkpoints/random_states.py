"""Where the random generators stand: Paddle's, NumPy's and Python's global ones.

The loop itself draws nothing once the weights are there, but a caller's `on_step` or model may.
"""

import random
from typing import Any

import numpy as np
import paddle
from numpy.typing import NDArray

# Paddle's generator shows its seed, but not in every version its place: 2.6 keeps that to itself.
# So the next draws are kept, and the place is where they come again. 32 draws of 24 bits each come
# twice in no run.
NEXT = 32
CHUNK = 2**20  # draws looked through at a time: 4 MiB.
# Some two minutes: each is drawn twice, at 1e8 a second (measured on Paddle 2.6.2 to 3.3.1, AMD
# EPYC, November 2026).
FARTHEST = 2**32

# NumPy and Python keep 624 words of 32 bits and the place in them: the Mersenne Twister, MT19937.
WORDS = 624

STATES = ("paddle_seed", "paddle_next", "numpy", "python", "waiting")


def random_states() -> dict[str, NDArray[Any]]:
    """The states of all three generators, as plain arrays.

    Raises:
        ValueError: NumPy's global generator has been replaced by another kind.
    """
    numpy_state = np.random.get_state(legacy=False)  # noqa: NPY002 - the global one is meant
    if numpy_state["bit_generator"] != "MT19937":
        raise ValueError(f"NumPy's global generator is {numpy_state['bit_generator']}, not MT19937")
    _, python_words, python_gauss = random.getstate()
    # Each normal draw makes two numbers, and the second may be waiting; NaN where none is.
    waiting = [
        numpy_state["gauss"] if numpy_state["has_gauss"] else np.nan,
        np.nan if python_gauss is None else python_gauss,
    ]
    return {
        "paddle_seed": np.array(paddle.get_rng_state()[0].current_seed(), dtype=np.uint64),
        "paddle_next": _next_draws(),
        "numpy": np.array([*numpy_state["state"]["key"], numpy_state["state"]["pos"]], np.uint32),
        "python": np.array(python_words, dtype=np.uint32),
        "waiting": np.array(waiting, dtype=np.float64),
    }


def restore_random_states(states: dict[str, NDArray[Any]]) -> None:
    """Have every generator draw next what it would have drawn when `random_states` was called.

    Raises:
        ValueError: the states are none of `random_states`; Paddle's generator never draws so.
    """
    numpy_words, python_words = states["numpy"], states["python"]
    for words in (numpy_words, python_words):
        # NumPy itself takes any place, and ends the process at the next draw.
        if words.shape != (WORDS + 1,) or words.dtype != np.uint32 or words[-1] > WORDS:
            raise ValueError("that is no state of NumPy's or Python's generator")
    numpy_gauss, python_gauss = states["waiting"].tolist()
    _restore_paddle(int(states["paddle_seed"]), states["paddle_next"])
    np.random.set_state(  # noqa: NPY002
        {
            "bit_generator": "MT19937",
            "state": {"key": numpy_words[:-1], "pos": int(numpy_words[-1])},
            "has_gauss": int(not np.isnan(numpy_gauss)),
            "gauss": 0.0 if np.isnan(numpy_gauss) else numpy_gauss,
        }
    )
    gauss = None if np.isnan(python_gauss) else python_gauss
    random.setstate((3, tuple(python_words.tolist()), gauss))


def _next_draws(count: int = NEXT) -> NDArray[np.float32]:
    """What Paddle would draw next, `[count]` in [0, 1), without having drawn it."""
    state = paddle.get_rng_state()
    draws: NDArray[np.float32] = paddle.rand([count], dtype="float32").numpy()
    paddle.set_rng_state(state)
    return draws


def _restore_paddle(seed: int, expected: NDArray[Any]) -> None:
    if np.array_equal(_next_draws(), expected):
        return  # Nobody has drawn since the seed and the weights.
    if paddle.device.get_device() == "cpu":  # A GPU's draws depend on how many are asked for.
        paddle.seed(seed)
        for _ in range(FARTHEST // CHUNK):
            draws = _next_draws(CHUNK + NEXT)
            for start in np.flatnonzero(draws[:CHUNK] == expected[0]).tolist():
                if np.array_equal(draws[start : start + NEXT], expected):
                    if start:
                        paddle.rand([start], dtype="float32")
                    return
            paddle.rand([CHUNK], dtype="float32")
    raise ValueError(
        f"the place of Paddle's random generator after seed {seed} is not found: {FARTHEST} draws "
        f"are looked through on the CPU, none on a GPU"
    )
