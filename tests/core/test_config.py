"""Settings are checked when a config is made; errors name the given and the allowed values."""

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnn_core import TrainConfig
from rnn_core.config import check_path


def test_config_is_frozen() -> None:
    """A config cannot change during a run."""
    with pytest.raises(AttributeError):
        TrainConfig().epochs = 6  # type: ignore[misc]


@pytest.mark.parametrize("name", ["learning_rate", "clip_norm"])
@pytest.mark.parametrize("value", [0, -0.1, math.nan, math.inf, 1e-38, 3.5e38])
def test_config_rejects_numbers_outside_float32(name: str, value: Any) -> None:
    """Learning rate and threshold must be positive and finite in float32."""
    words = f"{name} must be a positive float32, 1.18e-38 to 3.4e+38, got {value}"
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        TrainConfig(**{name: value})


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("learning_rate", [2.0**-126, float(np.finfo(np.float32).max), 1]),
        ("clip_norm", [2.0**-126, float(np.finfo(np.float32).max), 1]),
        ("epochs", [1, 2**63 - 1]),
        ("seed", [0, 2**32 - 1]),
        ("record", [0, 10**6]),
        # A history from a machine with a GPU can be read on one without.
        ("device", ["gpu", "gpu:0", "gpu:12", "xpu:0", "npu", "my_npu:1"]),
    ],
)
def test_config_accepts_the_whole_range(name: str, values: list[Any]) -> None:
    """The smallest and the largest value are accepted."""
    for value in values:
        assert getattr(TrainConfig(**{name: value}), name) == value


@pytest.mark.parametrize("path", ["x", Path("x"), "x" * 4095])
def test_check_path_accepts_the_shortest_and_the_longest(path: str | Path) -> None:
    """A path has 1 to 4095 characters, none of them NUL."""
    check_path("path", path)
    with pytest.raises(ValueError, match="^path must be a path, got .*x"):
        check_path("path", f"{path}\0{path}")


@pytest.mark.parametrize(
    "value", ["", "gpu:", "gpu:-1", "gpu:0 ", "gpu:\u0663", "np\xfc", "../gpu", 52 * "x", 0]
)
def test_config_rejects_names_that_no_device_has(value: object) -> None:
    """A device has a type, with or without a number. Which types there are depends on Paddle."""
    with pytest.raises(
        ValueError, match="^device must be a name such as 'cpu', .* or 'npu:0', got "
    ):
        TrainConfig(device=value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"epochs": 1.0}, "epochs must be an int, got 1.0"),
        ({"clip_norm": True}, "clip_norm must be a number, got True"),
        ({"cell": "rnn"}, "cell must be one of 'RNN', 'LSTM', got 'rnn'"),
        ({"cell": None}, "cell must be one of 'RNN', 'LSTM', got None"),
        ({"clip": "x"}, "clip must be one of 'by-norm', 'by-global-norm', 'none', got 'x'"),
        ({"dtype": "float16"}, "dtype must be one of 'float32', 'float64', got 'float16'"),
        (
            {"execution": "x"},
            "execution must be one of 'textbook', 'kernel', 'static', 'sot', got 'x'",
        ),
        ({"on_nonfinite": "x"}, "on_nonfinite must be one of 'stop', 'raise', 'continue', got 'x'"),
        ({"seed": -1}, "seed must be 0 to 2**32 - 1, because Paddle uses 32 bits, got -1"),
        (
            {"seed": 2**32},
            "seed must be 0 to 2**32 - 1, because Paddle uses 32 bits, got 4294967296",
        ),
        ({"hidden_size": 2**31}, f"hidden_size must be at most {2**31 - 1}, got {2**31}"),
        ({"epochs": 10**26}, f"epochs must be at most {2**63 - 1}, got {10**26}"),
        ({"record": -1}, "record must be at least 0, got -1"),
        # It would not clip at all.
        (
            {"clip": "by-global-norm"},
            "clip_norm must be a number if clip is 'by-global-norm', got None",
        ),
        ({"clip": "none", "clip_norm": 1.0}, "clip_norm must be None if clip is 'none', got 1.0"),
    ],
)
def test_config_rejects_wrong_values_and_conflicts(settings: dict[str, Any], words: str) -> None:
    """The error lists what is allowed."""
    with pytest.raises((TypeError, ValueError), match=f"^{re.escape(words)}$"):
        TrainConfig(**settings)
