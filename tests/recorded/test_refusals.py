"""What the functions, options and readers of files of rnn_core say to wrong input."""

import json
import math
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from functools import partial
from inspect import signature
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
    config,
    evaluate,
    load_data,
    named_gradients,
    named_weights,
    new_model,
    set_weights,
    train,
)
from rnn_core.checkpoints.checkpoint import Checkpoint, largest_weights
from rnn_core.commands import arguments
from rnn_core.commands.plot import save_plot
from rnn_core.data import batch
from rnn_core.executions.kernel import KernelLSTM, KernelRNN
from rnn_core.history import check_size
from rnn_core.runtime import files, messages
from rnn_core.runtime.devices import resolve_device
from tests.helpers.histories import ENVIRONMENT, make_history
from tests.helpers.recorded import asked, outcome
from tests.helpers.resumed import SMALL, stopped
from tests.recorded.conftest import Check

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
    "NumPy's 2": np.int64(2),
    "NumPy's 2.0": np.float32(2),
    "object": object(),
}
# As `inputs`, `state` or labels; the layers are of float32.
FLOAT64 = {"float64": np.ones((2, 3, 4)), "int64": np.ones((2, 4), np.int64)}

CONFIG = TrainConfig(epochs=1, emb_size=4, hidden_size=4, num_steps=2)
SIZES = {"emb_size": 4, "hidden_size": 4}
INPUTS = {"inputs": paddle.ones([2, 3, 4]), "state": None}
TOKENS, LABELS = paddle.ones([2, 2], dtype="int64"), paddle.ones([2, 1])
NAMES = [*make_history().raw_norms]
LAYERS = (SimpleRNN, LSTM, KernelRNN, KernelLSTM)


def small(**changes: Any) -> NumericPrediction:
    """A model of `CONFIG`."""
    return new_model(replace(CONFIG, **changes))


def frozen(model: NumericPrediction, name: str) -> NumericPrediction:
    """The model without training of this parameter."""
    dict(model.named_parameters())[name].stop_gradient = True
    return model


def evaluating(layer: paddle.nn.Layer) -> paddle.nn.Layer:
    """The layer in evaluation mode."""
    layer.eval()
    return layer


def with_weight(name: str, values: Any) -> None:
    """Set one weight, and the others as they are; None leaves one out."""
    weights = {**named_weights(small()), name: values}
    set_weights(small(), {each: found for each, found in weights.items() if found is not None})


def without_gradient(name: str) -> NumericPrediction:
    """A model after a backward pass that has not reached one parameter."""
    model = small()
    dict(model.named_parameters())[name].stop_gradient = True
    model(TOKENS)[0].sum().backward()
    return model


# Public functions with valid arguments.
CALLS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "TrainConfig": (TrainConfig, {field.name: field.default for field in fields(TrainConfig)}),
    "DigitSums": (DigitSums, {f.name: f.default for f in fields(DigitSums)} | {"count": 4}),
    "DigitSums.samples": (DigitSums(4).samples, {"start": 0, "stop": 2}),
    "load_data": (load_data, {"num_steps": 3, "batch_size": 1, "dtype": "float32"}),
    "NumericPrediction": (
        NumericPrediction,
        {"vocab_size": 3, **SIZES, "cell": "RNN", "dtype": "float32", "execution": "kernel"},
    ),
    "NumericPrediction.forward": (lambda tokens: small()(tokens), {"tokens": TOKENS}),
    **{layer.__name__: (layer, SIZES) for layer in LAYERS},
    **{f"{layer.__name__}.forward": (layer(**SIZES), INPUTS) for layer in LAYERS},
    **{
        f"{layer.__name__}, each state": (
            lambda h, c, layer=layer: layer(**SIZES)(INPUTS["inputs"], LSTMState(h, c)),
            {"h": paddle.ones([2, 4]), "c": paddle.ones([2, 4])},
        )
        for layer in (LSTM, KernelLSTM)
    },
    "new_model": (new_model, {"config": CONFIG}),
    "named_weights": (named_weights, {"model": small()}),
    "named_gradients": (named_gradients, {"model": None}),
    "set_weights": (set_weights, {"model": small(), "weights": named_weights(small())}),
    "set_weights, one weight": (
        lambda values: with_weight("recurrent.U", values),
        {"values": np.ones((4, 4), np.float32)},
    ),
    "evaluate": (evaluate, {"model": small(), "data": [(TOKENS, LABELS)]}),
    "evaluate, a batch": (
        lambda labels, tokens: evaluate(small(), [(tokens, labels)]),  # type: ignore[list-item]
        {"labels": LABELS, "tokens": TOKENS},
    ),
    "train": (
        train,
        {"config": CONFIG, "data": None, "model": None, "on_step": None}
        | {"checkpoint": None, "every": 1, "resume": False},
    ),
    "History.event": (make_history().event, {"kind": "exploded"}),
    "History.save": (make_history().save, {"path": "a.npz"}),
    "History.load": (History.load, {"path": "a.npz"}),
    "save_plot": (save_plot, {"history": make_history(), "path": "a.svg"}),
    "resolve_device": (resolve_device, {"name": "cpu"}),
}


pytestmark = pytest.mark.usefixtures("folder", "one_machine")


def outcomes(name: str, argument: str) -> Iterator[str]:
    """The lines of one argument: each message, and the kinds of values that get it."""
    function, valid = CALLS[name]
    tensors = {f"{kind} tensor": paddle.to_tensor(values) for kind, values in FLOAT64.items()}
    found: dict[str, list[str]] = {}
    for kind, value in {**WRONG, **tensors}.items():
        ended = outcome(partial(function, **{**valid, argument: value}), accepted="accepted")
        ended = re.sub(f"got {re.escape(messages.shown(value))}$", "got VALUE", ended)
        ended = re.sub(f"(?<=got ){type(value).__name__}$", "TYPE", ended)
        found.setdefault(ended.replace(str(Path.cwd()), "FOLDER"), []).append(kind)
    most = max(found, key=lambda message: len(found[message]))
    yield f"{name}: {argument}"
    for message, kinds in found.items():
        yield f"    {message} <- {'all others' if message == most else ', '.join(kinds)}"


def test_wrong_values(check: Check) -> None:
    """Every argument of the public functions with every kind of value."""
    lines = [
        line for name, (_, valid) in CALLS.items() for a in valid for line in outcomes(name, a)
    ]
    check(lines)


def test_every_public_function_is_tried() -> None:
    """A new one joins the table; errors, and classes that only hold results, check nothing."""
    tried = {name.partition(".")[0] for name in CALLS}

    assert set(api.__all__) - tried == {
        *("EXPERIMENTS", "Batch", "BatchStream", "Evaluation", "Event", "Experiment", "LSTMState"),
        *("CheckpointError", "CheckpointWarning", "NonFiniteError", "Step", "TrainingInterrupted"),
    }


TYPES = """
at_least(3): 2 3 007 0x7 1.5 x -1 9223372036854775807 9223372036854775808 1_0
at_least(2): 999999999999999999999999999999999999999999999999999999999999
at_least(2): -999999999999999999999999999999999999999999999999999999999999
seed: 0 -1 4294967295 4294967296 x
positive_number: 1e-3 5% 0 -1 inf nan x 1e999
non_negative_number: 0 5% -0.0 1e300 -1 nan inf x
percentage: 5 2.5% 0.5 0 100% 99.9% -1 5%% x
percentages: 20,0%,5,5 5,5%,05.0 1000 1001 -5 5,x 5,,6
names_from(CELLS): LSTM,RNN,LSTM "RNN, LSTM" rnn RNN,GRU ,
key_and_value: FLAGS=-a=b FLAGS= FLAGS =1 =
any_path: a a/b ../c " a " ~/a
writable_path(".md",".json"): a.md A.MD b.json .json c.txt c no/a.md folder.json
writable_path(".html"): a.md
"""


def tokens(values: list[int], dtype: Any = "int64") -> Any:
    """One sequence of tokens."""
    return paddle.to_tensor([values], dtype=dtype)


def test_values_at_the_limits(folder: Path, original_datadir: Path, check: Check) -> None:
    """What is accepted only just, and what only just not: the expressions in the recorded file."""
    lines = [
        f"{line}\n    {outcome(eval, line, dict(SCOPE))}" if line else ""
        for line in asked(original_datadir / "test_values_at_the_limits.txt")
    ]
    check(lines, {folder: "FOLDER"})


def test_types_of_options(folder: Path, check: Check) -> None:
    """What each type of a command's options makes of a text."""
    scope = {**vars(arguments), "CELLS": ("RNN", "LSTM")}
    Path("folder.json").mkdir()
    lines: list[str] = []
    for kind, _, texts in (line.partition(": ") for line in TYPES.strip().splitlines()):
        convert = eval(kind, scope)  # noqa: S307
        lines += [
            f"{kind} {text[:20]!r}: {outcome(convert, text)}"
            for text in ("", *shlex.split(texts), f"{texts[0]}\x1b" * 40)
        ]
    assert list(folder.iterdir()) == [folder / "folder.json"]
    check(lines, {folder: "FOLDER", "PosixPath": "Path"})


def norms(count: int, by: int = 1) -> dict[str, Any]:
    """The arrays of a history with one value for each recorded step."""
    names = [f"{kind}_norms/{name}" for kind in ("raw", "clipped") for name in NAMES]
    recorded = by * np.arange(1, count + 1)
    return {"recorded": recorded, **{name: np.ones(count) for name in ("loss", *names)}}


def ends(*steps: int, accuracy: Sequence[float] = ()) -> dict[str, Any]:
    """The arrays of a history with one value for each epoch."""
    return {
        "epoch_ends": np.array(steps, np.int64),
        "accuracy": np.array(accuracy or [0.5] * len(steps)),
    }


# Names in the expressions.
SCOPE = globals() | {
    "json": json,
    "signature": signature,
    "config": config,
    "batch": batch,
    "files": files,
    "check_size": check_size,
    "largest_weights": largest_weights,
    "ENVIRONMENT": ENVIRONMENT,
    "SMALL": SMALL,
}


@pytest.mark.parametrize("kind", ["history", "checkpoint"])
def test_damaged_file(kind: str, tmp_path: Path, original_datadir: Path, check: Check) -> None:
    """What `load` says to a file with other arrays: one, or some together in a dictionary."""
    load: Callable[[Path], object]
    if kind == "history":
        load, path = History.load, tmp_path / "history.npz"
        make_history().save(path)
    else:
        load, path = Checkpoint.load, stopped(tmp_path / "run", steps=10)
    with np.load(path) as stored:
        arrays = dict(stored)
    lines = []
    for line in asked(original_datadir / f"test_damaged_file_{kind}_.txt"):
        name, _, text = line.partition(" = ")
        value = eval(text, SCOPE)  # noqa: S307
        changed = arrays | (value if isinstance(value, dict) else {name: value})
        np.savez(path, **{each: a for each, a in changed.items() if a is not None})
        ended = outcome(load, path, accepted="accepted")
        lines.append(f"{line}\n    {ended.replace(str(path), path.name)}")
    check(lines)
