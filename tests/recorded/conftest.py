"""Fixtures of the recorded outputs."""

from typing import Any

import numpy as np
import pytest


@pytest.fixture
def even_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all weights of new models be the same in every version of Paddle."""
    import paddle  # Not at the top: pytest may import this file before a fault is planted.

    create = paddle.nn.Layer.create_parameter

    def created(*given: Any, **named: Any) -> Any:
        weight = create(*given, **named)
        if not weight.numpy().any():  # Such as a bias that a layer must not have.
            return weight
        size = int(np.prod(weight.shape))
        values = np.cos(np.arange(size) + size).reshape(weight.shape)
        weight.set_value(values.astype(str(weight.numpy().dtype)))
        return weight

    monkeypatch.setattr(paddle.nn.Layer, "create_parameter", created)
