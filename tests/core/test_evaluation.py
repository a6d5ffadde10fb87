"""Evaluation of a model on held-out data."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import paddle
import pytest

from rnn_core import Batch, NumericPrediction
from rnn_core.config import DType, Execution
from rnn_core.evaluation import evaluate
from tests.helpers.parametrize import over_dtypes, over_executions


@over_dtypes
@over_executions
def test_evaluate_weighs_all_samples_equally(execution: Execution, dtype: DType) -> None:
    """Loss and accuracy are means over samples, not over batches, nothing is trained or drawn.

    Each batch is made when the one before has been used.
    The model's mode does not matter, and stays.
    """
    model: Any = NumericPrediction(10, 8, 4, dtype=dtype, execution=execution)
    tokens = [paddle.to_tensor([[1, 2], [3, 4], [5, 6]]), paddle.to_tensor([[7, 8]], dtype="int32")]
    errors = [[0.0, 0.05, 1.0], [2.0]]
    data = [
        Batch(each, model(each)[0].detach() + paddle.to_tensor(error, dtype=dtype).reshape([-1, 1]))
        for each, error in zip(tokens, errors, strict=True)
    ]
    labels = np.concatenate([batch.labels.numpy() for batch in data]).astype(np.float64)
    predictions = np.concatenate([model(each)[0].numpy() for each in tokens])
    before = [parameter.numpy().tolist() for parameter in model.parameters()]
    done: list[tuple[str, bool]] = []
    log: Any = lambda *_: done.append(("used", paddle.is_grad_enabled()))  # noqa: E731
    model.register_forward_pre_hook(log)

    def batches() -> Iterator[Batch]:
        for batch in data:
            done.append(("made", paddle.is_grad_enabled()))
            yield batch

    paddle.seed(3)
    expected = paddle.rand([1]).tolist()
    paddle.seed(3)
    found = evaluate(model, batches())

    assert paddle.rand([1]).tolist() == expected
    assert done == [("made", False), ("used", False)] * 2
    assert found.samples == 4
    assert found.loss == pytest.approx(np.square(labels - predictions).mean(), rel=1e-12)
    assert found.variance == pytest.approx(labels.var(), rel=1e-12)
    assert found.accuracy == 0.5
    assert all(layer.training for layer in model.sublayers(include_self=True))
    model.eval()
    with paddle.no_grad():
        assert evaluate(model, batches()) == found
        assert not paddle.is_grad_enabled()
    assert not model.training
    assert [parameter.numpy().tolist() for parameter in model.parameters()] == before
    many = evaluate(model, data * 33)
    assert many.samples == 132
    assert many.loss == pytest.approx(found.loss, rel=1e-12)
    far = paddle.to_tensor([[1e6], [1e6 + 1], [1e6 + 2]], dtype=dtype)
    assert evaluate(model, [Batch(tokens[0], far)]).variance == pytest.approx(2 / 3, rel=1e-12)
    with paddle.no_grad():
        model.embedding.weight[7] = np.nan  # Only the last batch has this token.
    found = evaluate(model, data)
    assert (np.isnan(found.loss), found.accuracy) == (True, 0.5)
