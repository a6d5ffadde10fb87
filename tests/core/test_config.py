"""Settings are checked when a config is made; errors name the given and the allowed values."""

import pytest

from rnn_core import TrainConfig


def test_config_is_frozen() -> None:
    """A config cannot change during a run."""
    with pytest.raises(AttributeError):
        TrainConfig().epochs = 6  # type: ignore[misc]
