"""A traced model has the numbers of the textbook, whatever it has traced before."""

import subprocess
import sys
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest

from rnn_core import (
    EXPERIMENTS,
    CheckpointError,
    DigitSums,
    NumericPrediction,
    TrainConfig,
    evaluate,
    named_gradients,
    named_weights,
    new_model,
    set_weights,
    train,
)
from rnn_core.commands.main import main
from rnn_core.config import EAGER, EXECUTIONS, Cell, Execution
from rnn_core.executions.traced import same_bits
from rnn_core.runtime import versions
from tests.helpers.command_lines import assert_rejected
from tests.helpers.comparison import Tolerance, assert_close
from tests.helpers.measured import recorded_in
from tests.helpers.parametrize import over_cells, over_traced, over_traced_with_slow_sot
from tests.helpers.tolerances import GRADIENT

# Measured in the first 20 steps of the LSTM, on Paddle 2.6.2: 1.0e-6.
ROUNDING = Tolerance(1e-5, absolute=1e-5)
SMALL = TrainConfig(
    epochs=2, num_steps=2, batch_size=3, emb_size=4, hidden_size=5, clip_norm=1.0, dtype="float64"
)


def check_same(cell: Cell, expected: Any, actual: Any) -> None:
    """The same bits where they are known to be; otherwise equal to rounding."""
    if versions.traces_same_bits(cell):
        assert actual == expected
    else:
        assert_close(expected, actual, ROUNDING)


@pytest.mark.parametrize("epochs", [5, pytest.param(100, marks=pytest.mark.slow)])
@over_traced_with_slow_sot
def test_experiments_have_the_numbers_of_the_textbook(
    cell: Cell, execution: Execution, epochs: int, device: str
) -> None:
    """Loss and all gradient norms of every step, of every experiment with this cell."""
    if not versions.traces_same_bits(cell):
        epochs = 5  # Small differences grow.
    for experiment in EXPERIMENTS.values():
        config = replace(experiment.config, device=device)
        if config.cell == cell:
            config = replace(config, epochs=min(config.epochs, epochs))
            expected, actual = train(config), train(replace(config, execution=execution))
            assert actual.steps == expected.steps
            for k in range(expected.steps):
                check_same(cell, recorded_in(expected, k), recorded_in(actual, k))


def results(model: NumericPrediction, tokens: Any) -> dict[str, Any]:
    """Predictions, last states and gradients of a batch."""
    model.clear_gradients()
    predictions, hidden = model(paddle.to_tensor(tokens))
    (predictions.sum() + (hidden * hidden).sum()).backward()
    outputs = {"predictions": predictions.numpy(), "hidden": hidden.numpy()}
    return outputs | named_gradients(model)


@pytest.mark.parametrize("long", [False, pytest.param(True, marks=pytest.mark.slow)])
@over_traced_with_slow_sot
def test_calls_depend_on_nothing_but_tokens_and_weights(
    cell: Cell, execution: Execution, long: bool
) -> None:
    """Neither on the batch that was traced, nor on the weights then, nor on another model."""
    # 105 steps of the LSTM take half a minute.
    T = (105 if cell == "RNN" else 9) if long else 2
    generator = np.random.default_rng(1)
    traced, textbook = (
        NumericPrediction(130, 4, 260, cell, "float64", e) for e in (execution, "textbook")
    )
    copied = deepcopy(traced)
    set_weights(textbook, named_weights(traced))
    set_weights(traced, {n: 0 * w for n, w in named_weights(traced).items()})
    first = results(textbook, [[1]])
    assert_close(first, results(copied, [[1]]), GRADIENT["float64"])
    shapes = [((33, T), "train"), ((33, 1), "eval"), ((33, T), "train"), ((33, 1), "eval")]  # B, T
    kinds = ["int64", "int32" if execution == "static" else "int64", "int64", "int64"]
    for (shape, mode), kind in zip(shapes, kinds, strict=True):
        weights = {
            n: w + generator.normal(0, 0.7 / w.shape[-1] ** 0.5, w.shape)
            for n, w in named_weights(traced).items()
        }
        tokens = generator.integers(0, 130, shape).astype(kind)
        for model in (traced, textbook):
            set_weights(model, weights)
            getattr(model, mode)()
        with paddle.no_grad():
            assert [each.stop_gradient for each in traced(paddle.to_tensor(tokens))] == [True] * 2
            assert traced.training == (mode == "train")
            assert not paddle.is_grad_enabled()
        expected, actual = results(textbook, tokens), results(traced, tokens)
        assert_close(expected, actual, GRADIENT["float64"])
    assert_close(first, results(copied, [[1]]), GRADIENT["float64"])


@over_traced_with_slow_sot
def test_streams_are_trained_and_evaluated_with_the_textbooks_numbers(
    cell: Cell, execution: Execution
) -> None:
    """The last batch is smaller; the model is evaluated before and after."""
    data = DigitSums(count=5, num_steps=2, batch_size=3, dtype="float64")
    found = []
    for each in ("textbook", execution):
        config = replace(SMALL, cell=cell, execution=each)
        model = new_model(config)
        before, history, after = (
            evaluate(model, data),
            train(config, data, model),
            evaluate(model, data),
        )
        found.append({"before": before.loss, "after": after.loss, **recorded_in(history, 3)})

    check_same(cell, *found)


@over_cells
def test_checkpoints_resume_where_the_bits_are_the_same(cell: Cell, tmp_path: Path) -> None:
    """A run of the textbook is continued, in the same bits, or refused; the kernel has others."""
    for other in EXECUTIONS[:1] + EXECUTIONS[2:]:
        assert not same_bits(cell, "kernel", other)
        assert not same_bits(cell, other, "kernel")
    config = replace(SMALL, cell=cell)
    expected = train(config)
    train(replace(config, epochs=1), checkpoint=tmp_path)

    def resume() -> Any:
        return train(replace(config, execution="static"), checkpoint=tmp_path, resume=True)

    if same_bits(cell, "textbook", "static"):
        assert recorded_in(resume(), 3) == recorded_in(expected, 3)
    else:
        with pytest.raises(CheckpointError, match="execution is 'textbook' in the checkpoint"):
            resume()


def test_only_the_traced_executions_are_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    """`static` with its source, as a full graph, and `sot` with its bytecode.

    Each is traced once, in training mode, but with the modes of its parts. After an error in what
    was traced, the model is in its mode again, and gradients are off.
    """
    options: list[dict[str, bool]] = []
    seen: list[list[bool]] = []

    def modes() -> list[bool]:
        return [layer.training for layer in model.sublayers(include_self=True)]

    def to_static(_: object, **given: bool) -> Any:
        options.append(given)

        def fail(_: object) -> None:
            seen.append(modes())
            raise TypeError("not callable")

        return fail

    monkeypatch.setattr("paddle.jit.to_static", to_static)
    for execution in EXECUTIONS:
        model = NumericPrediction(2, 2, 2, execution=execution)
        for mode in (False, True):
            model.training = mode
            model.linear.eval()
            before = modes()
            with paddle.no_grad():
                if execution in EAGER:
                    model(paddle.to_tensor([[1]]))
                else:
                    with pytest.raises(TypeError, match="not callable"):
                        model(paddle.to_tensor([[1]]))
                    assert seen.pop() == [True, *before[1:]]
                assert not paddle.is_grad_enabled()
            assert modes() == before

    assert options == [{"full_graph": True}, {"full_graph": False}]


def test_each_shape_is_traced_once() -> None:
    """A call takes no more calls of Python if the one before it had another shape."""
    model = NumericPrediction(2, 2, 2, execution="static")

    def calls(tokens: paddle.Tensor) -> int:
        events: list[str] = []
        sys.setprofile(lambda _frame, event, _function: events.append(event))
        try:
            model(tokens)
        finally:
            sys.setprofile(None)
        return len(events)

    one, two = paddle.to_tensor([[1]]), paddle.to_tensor([[1], [1]])
    counts = [calls(tokens) for tokens in (one, one, one, two, one)]
    # Measured: a million, then about 1000.
    assert counts[4] < 2 * counts[2] < counts[0]


def test_run_is_refused_where_this_paddle_cannot_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the known defect, and what to do."""
    monkeypatch.setattr(versions, "installed_paddle", lambda: "2.6.2")

    words = "the known defect sot-named-tuple: use execution 'static', or Paddle 3"
    assert_rejected(main, ["run", "clipped-lstm", "--execution", "sot"], words)


@pytest.mark.slow
@over_traced
def test_tracing_prints_nothing(cell: Cell, execution: Execution) -> None:
    """Neither Paddle's log nor its warnings reach the output of a command."""
    program = f"from rnn_core import *\ntrain(TrainConfig(cell={cell!r}, execution={execution!r}))"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert run.stdout + run.stderr == ""
