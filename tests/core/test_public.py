"""Every argument of the public functions with every kind of wrong value."""

import math
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest

from rnn_core import (
    LSTM,
    DigitSums,
    History,
    LSTMState,
    NumericPrediction,
    SimpleRNN,
    TrainConfig,
    api,
    evaluate,
    load_data,
    named_gradients,
    named_weights,
    new_model,
    set_weights,
    train,
)
from rnn_core.commands.plot import save_plot
from rnn_core.executions.kernel import KernelLSTM, KernelRNN
from rnn_core.runtime.devices import resolve_device
from tests.helpers.histories import make_history

OUTCOMES = ("accepted", "refused")
LONGEST_MESSAGE = 500  # characters
# Names of arguments in messages, if they are others.
NAMES = {"h": "state", "c": "state", "values": "weight 'recurrent.U'", "name": "device"}

WRONG: dict[str, Any] = {
    "None": None,
    "True": True,
    "0": 0,
    "-1": -1,
    "1.0": 1.0,
    "NaN": math.nan,
    "infinity": math.inf,
    "26 digits": 10**26,
    "5000 digits": 10**5000,
    "text": "no",
    "empty text": "",
    "1 MB": "x" * 10**6,
    "bytes": b"no",
    "empty list": [],
    "list": [1.0, 2.0],
    "dict": {"a": 1},
    "NumPy": np.ones((2, 3, 4), np.float32),
    "object": object(),
}
# As `inputs`, `state` or labels; the layers are of float32.
FLOAT64 = {"float64": np.ones((2, 3, 4)), "int64": np.ones((2, 4), np.int64)}

CONFIG = TrainConfig(epochs=1, emb_size=4, hidden_size=4, num_steps=2)
SIZES = {"emb_size": 4, "hidden_size": 4}
INPUTS = {"inputs": paddle.ones([2, 3, 4]), "state": None}
TOKENS = paddle.ones([2, 2], dtype="int64")


def small() -> NumericPrediction:
    """A model of `CONFIG`."""
    return new_model(CONFIG)


def labelled(labels: Any, tokens: Any = TOKENS) -> Any:
    """Evaluate on one batch."""
    return evaluate(small(), [(tokens, labels)])  # type: ignore[list-item]


def one_weight(values: Any) -> None:
    """Set one weight, and the others as they are."""
    set_weights(small(), {**named_weights(small()), "recurrent.U": values})


class Call:
    """A public function, its arguments, and the wrong values that an argument may have.

    Args:
        function: function to call.
        arguments: valid arguments.
        allowed: names of the values in `WRONG` that are valid for an argument.
    """

    def __init__(
        self, function: Callable[..., Any], arguments: dict[str, Any], **allowed: set[str]
    ) -> None:
        self.function, self.arguments, self.allowed = function, arguments, allowed


CALLS = {
    "TrainConfig": Call(
        TrainConfig,
        {field.name: field.default for field in fields(TrainConfig)},
        learning_rate={"1.0", "26 digits"},
        clip_norm={"None", "1.0", "26 digits"},
        seed={"0"},
        record={"0"},
        device={"text"},  # Which devices there are depends on the machine.
    ),
    "DigitSums": Call(
        DigitSums,
        {"count": 4, **{field.name: field.default for field in fields(DigitSums)[1:]}},
        seed={"0"},
        held_out={"True"},
    ),
    "DigitSums.samples": Call(
        DigitSums(4).samples, {"start": 0, "stop": 2}, start={"0"}, stop={"0"}
    ),
    "load_data": Call(load_data, {"num_steps": 3, "batch_size": 1, "dtype": "float32"}),
    "NumericPrediction": Call(
        NumericPrediction,
        {"vocab_size": 3, **SIZES, "cell": "RNN", "dtype": "float32", "execution": "kernel"},
    ),
    "NumericPrediction.forward": Call(
        lambda tokens: small()(tokens), {"tokens": TOKENS}, tokens={"int64 tensor"}
    ),
    **{layer.__name__: Call(layer, SIZES) for layer in (SimpleRNN, LSTM, KernelRNN, KernelLSTM)},
    **{
        f"{layer.__name__}.forward": Call(layer(**SIZES), INPUTS, state={"None"})
        for layer in (SimpleRNN, LSTM, KernelRNN, KernelLSTM)
    },
    **{
        f"{layer.__name__}, each state": Call(
            lambda h, c, layer=layer: layer(**SIZES)(INPUTS["inputs"], LSTMState(h, c)),
            {"h": paddle.ones([2, 4]), "c": paddle.ones([2, 4])},
        )
        for layer in (LSTM, KernelLSTM)
    },
    "new_model": Call(new_model, {"config": CONFIG}),
    "named_weights": Call(named_weights, {"model": small()}),
    "named_gradients": Call(named_gradients, {"model": None}),
    "set_weights": Call(set_weights, {"model": small(), "weights": named_weights(small())}),
    "one weight": Call(one_weight, {"values": np.ones((4, 4), np.float32)}),
    "evaluate": Call(evaluate, {"model": small(), "data": [(TOKENS, paddle.ones([2, 1]))]}),
    "evaluate, a batch": Call(
        labelled, {"labels": paddle.ones([2, 1]), "tokens": TOKENS}, tokens={"int64 tensor"}
    ),
    "train": Call(
        train,
        {
            "config": CONFIG,
            "data": None,
            "model": None,
            "on_step": None,
            "checkpoint": None,
            "every": 1,
            "resume": False,
        },
        data={"None"},
        model={"None"},
        on_step={"None"},
        checkpoint={"None", "text"},
    ),
    "History.event": Call(make_history().event, {"kind": "exploded"}),
    "History.save": Call(make_history().save, {"path": "a.npz"}, path={"text"}),
    "History.load": Call(History.load, {"path": "a.npz"}),
    "save_plot": Call(save_plot, {"history": make_history(), "path": "a.svg"}),
    "resolve_device": Call(resolve_device, {"name": "cpu"}),
}


def outcome(function: Callable[..., Any], arguments: dict[str, Any], name: str) -> str:
    """How a call ends: one of `OUTCOMES`, or what is wrong with the error for this argument."""
    try:
        function(**arguments)
    except OSError:
        return "refused"
    except (TypeError, ValueError) as error:
        text = str(error)
        good = re.match(f"({NAMES.get(name, name)}|a plot) (must|needs|are|'no' is not) ", text)
        # It shows the wrong value.
        shown = arguments[name] is None or name == "resume" or "got None" not in text
        return "refused" if good and shown and len(text) <= LONGEST_MESSAGE else text[:99]
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:99]
    return "accepted"


@pytest.mark.parametrize(
    ("name", "argument"),
    [(name, argument) for name, call in CALLS.items() for argument in call.arguments],
)
def test_a_wrong_value_is_refused_in_few_words(
    name: str, argument: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the argument, unless the value is valid for it."""
    monkeypatch.chdir(tmp_path)
    call = CALLS[name]
    tensors = {f"{kind} tensor": paddle.to_tensor(values) for kind, values in FLOAT64.items()}
    outcomes = {
        kind: outcome(call.function, {**call.arguments, argument: value}, argument)
        for kind, value in {**WRONG, **tensors}.items()
    }

    accepted = {kind for kind, ended in outcomes.items() if ended == "accepted"}
    surprises = {kind: ended for kind, ended in outcomes.items() if ended not in OUTCOMES}
    assert surprises == {}
    assert accepted == call.allowed.get(argument, set())


def test_every_public_function_is_tried() -> None:
    """A new one joins the table; errors, and classes that only hold results, check nothing."""
    tried = {name.partition(".")[0] for name in CALLS}

    assert set(api.__all__) - tried == {
        *("EXPERIMENTS", "Batch", "BatchStream", "Evaluation", "Event", "Experiment", "LSTMState"),
        *("CheckpointError", "CheckpointWarning", "NonFiniteError", "Step", "TrainingInterrupted"),
    }
