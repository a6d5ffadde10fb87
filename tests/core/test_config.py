"""Settings are checked when a config is made; errors name the given and the allowed values."""

import math
import re
from typing import Any

import numpy as np
import pytest

from rnn_core import TrainConfig


def test_defaults_are_the_notebooks_first_run() -> None:
    """Without arguments, the config is that of the notebook's first experiment."""
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


def test_config_is_frozen() -> None:
    """A config cannot change during a run."""
    with pytest.raises(AttributeError):
        TrainConfig().epochs = 6  # type: ignore[misc]


SIZES = ["epochs", "batch_size", "num_steps", "vocab_size", "emb_size", "hidden_size"]


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("value", [0, -1])
def test_config_rejects_sizes_below_1(name: str, value: int) -> None:
    """Every size must be at least 1."""
    refuses({name: value}, ValueError, rf"^{name} must be at least 1, got {value}$")


@pytest.mark.parametrize("name", [*SIZES, "seed", "record"])
@pytest.mark.parametrize("value", [1.0, "1", None, True])
def test_config_rejects_sizes_that_are_not_ints(name: str, value: object) -> None:
    """Sizes, seed and interval must be ints, and True is not accepted."""
    refuses({name: value}, TypeError, rf"^{name} must be an int, got {value!r}$")


@pytest.mark.parametrize("name", ["learning_rate", "clip_norm"])
@pytest.mark.parametrize("value", [0, -0.1, math.nan, math.inf, 1e-38, 3.5e38, 10**400])
def test_config_rejects_numbers_outside_float32(name: str, value: float) -> None:
    """Learning rate and threshold must be positive and finite in float32."""
    words = f"{name} must be a positive float32, 1.18e-38 to 3.4e+38, got {value}"
    refuses({name: value}, ValueError, f"^{re.escape(words)}$")


@pytest.mark.parametrize("value", [2.0**-126, float(np.finfo(np.float32).max), 1])
def test_config_accepts_the_range_of_float32(value: float) -> None:
    """The smallest and the largest normal number are accepted."""
    assert TrainConfig(learning_rate=value).learning_rate == value
    assert TrainConfig(clip_norm=value).clip_norm == value


@pytest.mark.parametrize("name", ["learning_rate", "clip_norm"])
@pytest.mark.parametrize("value", ["0.1", True, [0.1]])
def test_config_rejects_values_that_are_not_numbers(name: str, value: object) -> None:
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
def test_config_rejects_unknown_names(name: str, value: object, allowed: str) -> None:
    """The error lists the allowed names."""
    refuses({name: value}, ValueError, rf"^{name} must be one of {allowed}, got {value!r}$")


@pytest.mark.parametrize(
    "value", ["", "GPU", "cuda", "gpu:", "gpu:-1", "gpu:0 ", "gpu:\u0663", "xpu", 0]
)
def test_config_rejects_unknown_devices(value: object) -> None:
    """A device is the CPU or a GPU, with or without a number."""
    refuses({"device": value}, ValueError, r"^device must be 'cpu', 'gpu' or 'gpu:N', got ")


@pytest.mark.parametrize("value", ["cpu", "gpu", "gpu:0", "gpu:12"])
def test_config_accepts_devices_that_are_not_available(value: str) -> None:
    """A history from a machine with a GPU can be read on one without."""
    assert TrainConfig(device=value).device == value


@pytest.mark.parametrize("value", [-1, 2**63])
def test_config_rejects_seeds_out_of_range(value: int) -> None:
    """Paddle's generator accepts seeds below 2**63."""
    refuses({"seed": value}, ValueError, rf"^seed must lie in \[0, 2\*\*63\), got {value}$")


def test_config_accepts_the_largest_seed() -> None:
    """Paddle's generator accepts it too."""
    assert TrainConfig(seed=2**63 - 1).seed == 2**63 - 1


def test_config_rejects_a_negative_record() -> None:
    """0 records nothing."""
    refuses({"record": -1}, ValueError, "^record must be at least 0, got -1$")


@pytest.mark.parametrize("value", [0, 1, 10**6])
def test_config_accepts_any_other_record(value: int) -> None:
    """Also an interval longer than a run."""
    assert TrainConfig(record=value).record == value


def test_config_rejects_global_clipping_without_a_threshold() -> None:
    """It would not clip at all."""
    refuses(
        {"clip": "by-global-norm"},
        ValueError,
        "^clip_norm must be a number if clip is 'by-global-norm', got None$",
    )


def test_config_rejects_a_threshold_with_clip_none() -> None:
    """The two settings contradict each other."""
    refuses({"clip": "none", "clip_norm": 1.0}, ValueError, "must be None .* got 1.0")


def refuses(settings: dict[str, Any], error: type[Exception], match: str) -> None:
    """Check that these settings are refused with these words."""
    with pytest.raises(error, match=match):
        TrainConfig(**settings)
