"""Evaluation of a model on held-out data."""

from collections.abc import Iterator

import numpy as np
import paddle
import pytest

from rnn_core import Batch, NumericPrediction
from rnn_core.evaluation import evaluate


def test_evaluate_weighs_all_samples_equally() -> None:
    """Loss and accuracy are means over samples, not over batches, and nothing is trained."""
    model = NumericPrediction(emb_size=8, hidden_size=4)
    tokens = [paddle.to_tensor([[1, 2], [3, 4], [5, 6]]), paddle.to_tensor([[7, 8]])]
    errors = [[0.0, 0.05, 1.0], [2.0]]
    data = [
        Batch(each, model(each)[0].detach() + paddle.to_tensor(error).reshape([-1, 1]))
        for each, error in zip(tokens, errors, strict=True)
    ]
    labels = np.concatenate([batch.labels.numpy() for batch in data]).astype(np.float64)
    before = [parameter.numpy().tolist() for parameter in model.parameters()]
    with_gradients: list[bool] = []

    def batches() -> Iterator[Batch]:
        for batch in data:
            with_gradients.append(paddle.is_grad_enabled())
            yield batch

    found = evaluate(model, batches())

    assert with_gradients == [False, False]
    assert found.samples == 4
    assert found.loss == pytest.approx((0.05**2 + 1 + 4) / 4, rel=1e-5)
    assert found.variance == pytest.approx(labels.var(), rel=1e-6)
    assert found.accuracy == 0.5
    assert [parameter.numpy().tolist() for parameter in model.parameters()] == before
