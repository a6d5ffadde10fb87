"""Settings are checked when they are made, and the error names what came and what is allowed."""

import math
import re
from typing import Any

import numpy as np
import pytest

from rnn_core import TrainConfig


def test_defaults_are_the_notebooks_first_run() -> None:
    """Without arguments, the config is the notebook's first experiment."""
    assert TrainConfig().as_dict() == {
        "cell": "RNN",
        "epochs": 5,
        "learning_rate": 0.05,
        "clip_norm": None,
        "clip": "by-norm",
        "batch_size": 1,
        "num_steps": 10,
        "vocab_size": 10,
        "emb_size": 128,
        "hidden_size": 128,
        "seed": 0,
        "device": "cpu",
        "dtype": "float32",
        "execution": "textbook",
        "record": 1,
        "on_nonfinite": "stop",
    }


def test_is_frozen() -> None:
    """A config cannot change under a run."""
    with pytest.raises(AttributeError):
        TrainConfig().epochs = 6  # type: ignore[misc]


SIZES = ["epochs", "batch_size", "num_steps", "vocab_size", "emb_size", "hidden_size"]


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("value", [0, -1])
def test_refuses_sizes_below_one(name: str, value: int) -> None:
    """Every size must be at least 1."""
    refuses({name: value}, ValueError, rf"^{name} must be at least 1, got {value}$")


@pytest.mark.parametrize("name", [*SIZES, "seed", "record"])
@pytest.mark.parametrize("value", [1.0, "1", None, True])
def test_refuses_sizes_that_are_no_ints(name: str, value: object) -> None:
    """A size, seed or count must be an int, and True is none."""
    refuses({name: value}, TypeError, rf"^{name} must be an int, got {value!r}$")


@pytest.mark.parametrize("name", ["learning_rate", "clip_norm"])
@pytest.mark.parametrize("value", [0, -0.1, math.nan, math.inf, 1e-38, 3.5e38, 10**400])
def test_refuses_numbers_out_of_range(name: str, value: float) -> None:
    """Learning rate and threshold must be positive, and not become 0 or infinity in float32."""
    words = f"{name} must be a positive float32, 1.18e-38 to 3.4e+38, got {value}"
    refuses({name: value}, ValueError, f"^{re.escape(words)}$")


@pytest.mark.parametrize("value", [2.0**-126, float(np.finfo(np.float32).max), 1])
def test_takes_numbers_of_float32(value: float) -> None:
    """The smallest and the largest normal number of float32 are numbers."""
    assert TrainConfig(learning_rate=value).learning_rate == value
    assert TrainConfig(clip_norm=value).clip_norm == value


@pytest.mark.parametrize("name", ["learning_rate", "clip_norm"])
@pytest.mark.parametrize("value", ["0.1", True, [0.1]])
def test_refuses_what_is_no_number(name: str, value: object) -> None:
    """Learning rate and threshold must be numbers."""
    refuses({name: value}, TypeError, rf"^{name} must be a number, got ")


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("cell", "rnn", "'RNN', 'LSTM'"),
        ("cell", None, "'RNN', 'LSTM'"),
        ("clip", "by-value", "'by-norm', 'by-global-norm', 'none'"),
        ("dtype", "float16", "'float32', 'float64'"),
        ("execution", "kernels", "'textbook', 'kernel'"),
        ("on_nonfinite", "ignore", "'stop', 'raise', 'continue'"),
    ],
)
def test_refuses_unknown_names(name: str, value: object, allowed: str) -> None:
    """A name is one of those that are listed, spelt as there."""
    refuses({name: value}, ValueError, rf"^{name} must be one of {allowed}, got {value!r}$")


@pytest.mark.parametrize(
    "value", ["", "GPU", "cuda", "gpu:", "gpu:-1", "gpu:0 ", "gpu:\u0663", "xpu", 0]
)
def test_refuses_what_is_no_device(value: object) -> None:
    """A device is the CPU or a GPU, with or without its number."""
    refuses({"device": value}, ValueError, r"^device must be 'cpu', 'gpu' or 'gpu:N', got ")


@pytest.mark.parametrize("value", ["cpu", "gpu", "gpu:0", "gpu:12"])
def test_takes_devices_that_may_not_be_here(value: str) -> None:
    """A history from a machine with a GPU can be read on one without."""
    assert TrainConfig(device=value).device == value


@pytest.mark.parametrize("value", [-1, 2**63])
def test_refuses_seeds_out_of_range(value: int) -> None:
    """A seed must be one that Paddle's generator takes."""
    refuses({"seed": value}, ValueError, rf"^seed must lie in \[0, 2\*\*63\), got {value}$")


def test_takes_the_largest_seed() -> None:
    """Every seed that fits Paddle's generator is a seed."""
    assert TrainConfig(seed=2**63 - 1).seed == 2**63 - 1


def test_refuses_to_record_less_than_nothing() -> None:
    """There is no step before none."""
    refuses({"record": -1}, ValueError, "^record must be at least 0, got -1$")


@pytest.mark.parametrize("value", [0, 1, 10**6])
def test_takes_every_count_of_steps(value: int) -> None:
    """No step, every step, or one in so many that a run has none."""
    assert TrainConfig(record=value).record == value


def test_refuses_global_clipping_without_a_threshold() -> None:
    """Asking for by-global-norm without a threshold would not clip at all."""
    refuses(
        {"clip": "by-global-norm"},
        ValueError,
        "^clip_norm must be a number if clip is 'by-global-norm', got None$",
    )


def test_refuses_a_threshold_without_clipping() -> None:
    """A threshold beside 'none' says two things at once."""
    refuses({"clip": "none", "clip_norm": 1.0}, ValueError, "must be None .* got 1.0")


def refuses(settings: dict[str, Any], error: type[Exception], match: str) -> None:
    """Check that these settings are refused with these words."""
    with pytest.raises(error, match=match):
        TrainConfig(**settings)
