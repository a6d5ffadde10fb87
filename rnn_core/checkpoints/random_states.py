"""States of the global random generators of NumPy and Python, and a new seed for Paddle's.

The training loop draws nothing after the weights, but a caller's `on_step` or model may. Paddle
cannot serialise its generator's position in every version, so a resumed run seeds it instead.
"""

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import paddle
from numpy.random import SeedSequence
from numpy.typing import NDArray

# Both use the Mersenne Twister MT19937: 624 words of 32 bits, and a position among them.
WORDS = 624

# Dtype and length of each array.
STATES: dict[str, tuple[type[Any], int]] = {
    "numpy": (np.uint32, WORDS + 1),
    "python": (np.uint32, WORDS + 1),
    "waiting": (np.float64, 2),
}


def random_states() -> dict[str, NDArray[Any]]:
    """States of both generators as plain arrays.

    Raises:
        ValueError: NumPy's global generator is not MT19937.
    """
    numpy_state = np.random.get_state(legacy=False)  # noqa: NPY002 - the global generator is meant
    if numpy_state["bit_generator"] != "MT19937":
        raise ValueError(
            f"NumPy's global generator must be MT19937, got {numpy_state['bit_generator']}"
        )
    _, python_words, python_gauss = random.getstate()
    # Normal numbers are drawn in pairs; the second one waits for the next draw. NaN if none waits.
    waiting = [
        numpy_state["gauss"] if numpy_state["has_gauss"] else np.nan,
        np.nan if python_gauss is None else python_gauss,
    ]
    return {
        "numpy": np.array([*numpy_state["state"]["key"], numpy_state["state"]["pos"]], np.uint32),
        "python": np.array(python_words, dtype=np.uint32),
        "waiting": np.array(waiting, dtype=np.float64),
    }


def check_random_states(states: Mapping[str, NDArray[Any]]) -> None:
    """Raise ValueError unless the generators can continue from these arrays, as in `STATES`."""
    for name in ("numpy", "python"):
        words = states[name]
        # NumPy accepts any position, and crashes at the next draw if it is too large. From zeros
        # only, a generator draws only zeros.
        if words[-1] > WORDS or not words[:-1].any():
            raise ValueError(f"the state of the generator {name!r} is not valid")
    if np.isinf(states["waiting"]).any():
        raise ValueError("the waiting normal numbers are not valid")


def restore_random_states(states: Mapping[str, NDArray[Any]]) -> None:
    """Make both generators continue from these states, which `check_random_states` accepts."""
    numpy_words, python_words = states["numpy"], states["python"]
    numpy_gauss, python_gauss = states["waiting"].tolist()
    np.random.set_state(  # noqa: NPY002
        {
            "bit_generator": "MT19937",
            "state": {"key": numpy_words[:-1], "pos": int(numpy_words[-1])},
            "has_gauss": int(not np.isnan(numpy_gauss)),
            "gauss": numpy_gauss,
        }
    )
    gauss = None if np.isnan(python_gauss) else python_gauss
    random.setstate((3, tuple(python_words.tolist()), gauss))


def seed_paddle(seed: int, steps: int) -> None:
    """Seed Paddle's generator for a run that is resumed after `steps` steps.

    The sequence is derived from the run's seed and the step.
    """
    paddle.seed(int(SeedSequence((seed, steps)).generate_state(1, np.uint64)[0] >> np.uint64(1)))
