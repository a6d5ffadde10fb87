"""The model: parts, seeded weights and input checks."""

from typing import Any
from unittest.mock import Mock

import numpy as np
import paddle
import pytest

from rnn_core import NumericPrediction
from rnn_core.config import Cell, DType, Execution
from rnn_core.parameters import named_weights
from tests.helpers.default_dtype import default_dtype
from tests.helpers.parametrize import over_cells, over_dtypes, over_executions


def model(cell: Cell = "RNN", **settings: object) -> NumericPrediction:
    """A model from seed 0."""
    paddle.seed(0)
    return NumericPrediction(cell=cell, **settings)  # type: ignore[arg-type]


@over_cells
def test_float64_starts_from_the_same_weights(cell: Cell) -> None:
    """A seed gives the same weights in both dtypes."""
    single, double = model(cell), model(cell, dtype="float64")

    weights = named_weights(double)
    for name, values in named_weights(single).items():
        assert weights[name].dtype == np.float64, name
        assert weights[name].tolist() == values.astype(np.float64).tolist(), name


@pytest.mark.parametrize("default", ["float64", "bfloat16"])
@over_dtypes
@over_cells
def test_the_default_dtype_does_not_matter(
    cell: Cell, dtype: DType, default: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A seed gives the same weights under any default dtype, which stays set, also on an error."""
    expected = named_weights(model(cell, dtype=dtype))
    with default_dtype(default):
        actual = named_weights(model(cell, dtype=dtype))
        assert paddle.get_default_dtype() == default
        monkeypatch.setattr(paddle.nn, "Linear", Mock(side_effect=MemoryError))
        with pytest.raises(MemoryError):
            model(cell, dtype=dtype)
        assert paddle.get_default_dtype() == default

    for name, values in expected.items():
        assert (actual[name].dtype.name, actual[name].tolist()) == (dtype, values.tolist()), name


@over_cells
@over_executions
def test_hooks_of_every_layer_run(cell: Cell, execution: Execution) -> None:
    """Once in each pass, in the order of the passes."""
    ours, called = model(cell, execution=execution), list[str]()
    for name, layer in ours.named_sublayers(include_self=True):
        note: Any = lambda *_, name=name: called.append(name)  # noqa: E731
        layer.register_forward_pre_hook(note)

    ours(paddle.to_tensor([[1, 2]]))

    assert called == ["", "embedding", "recurrent", "linear"]


def test_checked_tokens_are_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """With checked=True the tokens are not read again, and the predictions are the same.

    Otherwise they are, as they may have changed in place.
    """
    ours, tokens = model(), paddle.to_tensor([[1, 2]], dtype="int64")
    expected = ours(tokens)[0].tolist()
    tokens[0, 1] = 10
    with pytest.raises(ValueError, match="got 10$"):
        ours(tokens)
    tokens[0, 1] = 2
    checks: list[object] = []
    monkeypatch.setattr("rnn_core.model.check_tokens", lambda *args: checks.append(args))

    assert ours(tokens, checked=True)[0].tolist() == expected
    assert checks == []
    ours(tokens)
    ours.eval()
    assert ours(tokens)[0].tolist() == expected
    assert checks == [(tokens, 10)] * 2
