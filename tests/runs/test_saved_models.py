"""A trained model predicts the same after `paddle.jit.save`: loaded again, and in a predictor."""

from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest
from numpy.typing import NDArray
from paddle import inference
from paddle.static import InputSpec

from rnn_core.config import CELLS, Cell, TrainConfig
from rnn_core.model import NumericPrediction, new_model
from rnn_core.runtime.versions import tensor_of
from rnn_core.training import train
from tests.helpers.process_state import process_state

TOKENS = np.random.default_rng(0).integers(0, 10, (4, 3))
# Errors up to 1.8e-7 were measured, relative to 1 + the value (Paddle 2.6.2 to 3.3.1, AMD EPYC).
TOLERANCE = 2e-6

Outputs = list[NDArray[np.float32]]


@pytest.fixture(scope="module", params=CELLS)
def saved(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Outputs]:
    """The path of a saved model, and its predictions and hidden states before it was saved."""
    cell: Cell = request.param
    config = TrainConfig(
        cell=cell, emb_size=16, hidden_size=24, epochs=2, learning_rate=0.1, clip_norm=1.0
    )
    model: NumericPrediction = new_model(config)
    train(config, model=model)
    path = tmp_path_factory.mktemp(cell) / "model"
    tokens = InputSpec(list(TOKENS.shape), "int64", "tokens")
    before = process_state()
    paddle.jit.save(model, str(path), input_spec=[tokens, True])
    assert process_state() | {"warnings": before["warnings"]} == before
    assert model.training
    assert not any(parameter.stop_gradient for parameter in model.parameters())
    return path, [each.numpy() for each in model(tensor_of(TOKENS))]


def predict(path: Path, optimised: bool) -> Outputs:
    """The outputs of a predictor. oneDNN counts as an optimisation: it has its own products."""
    [program] = [each for each in path.parent.iterdir() if each.suffix in (".json", ".pdmodel")]
    config = inference.Config(str(program), str(path.with_suffix(".pdiparams")))
    config.disable_gpu()
    config.disable_glog_info()
    config.switch_ir_optim(optimised)
    if not optimised:
        config.disable_mkldnn()
    predictor = inference.create_predictor(config)
    [name] = predictor.get_input_names()
    predictor.get_input_handle(name).copy_from_cpu(TOKENS)
    predictor.run()
    names = predictor.get_output_names()
    return [predictor.get_output_handle(name).copy_to_cpu() for name in names]


def test_loaded_model_predicts_the_same_bits(saved: tuple[Path, Outputs]) -> None:
    """In a second call, without gradients, and loaded again after its weights have changed."""
    path, expected = saved

    for enabled in (True, False):
        loaded: Any = paddle.jit.load(str(path))
        with paddle.set_grad_enabled(enabled):
            for _ in range(2):
                found = [each.numpy() for each in loaded(tensor_of(TOKENS))]
                assert [each.tolist() for each in found] == [each.tolist() for each in expected]
        for parameter in loaded.parameters():
            parameter.set_value(parameter * 0)


def test_predictor_without_optimisations_predicts_the_same_bits(
    saved: tuple[Path, Outputs],
) -> None:
    """Neither passes over the graph nor oneDNN."""
    path, expected = saved

    found = predict(path, optimised=False)

    assert [each.tolist() for each in found] == [each.tolist() for each in expected]


def test_predictor_predicts_the_same_but_for_rounding(saved: tuple[Path, Outputs]) -> None:
    """With the optimisations that Paddle has by default."""
    path, expected = saved

    for one, other in zip(predict(path, optimised=True), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=TOLERANCE, atol=TOLERANCE)
