"""Text output of a run: the notebook's lines while it trains, and a summary at the end."""

import math
from itertools import groupby

import numpy as np

from rnn_core.evaluation import Evaluation
from rnn_core.history import Event, History, Values
from rnn_core.recorder import Step
from rnn_core.runtime.messages import printable


def step_lines(step: Step) -> list[str]:
    """The notebook's lines for one step: the loss and the raw norms of the recurrent gradients.

    The LSTM's twelve parameters fill three lines: input weights, state weights and biases.
    """
    lines = [f"=========epoch: {step.epoch}, step: {step.index}, loss: {step.loss:.5f}========"]
    norms = {
        name.removeprefix("recurrent."): norm
        for name, norm in step.raw_norms.items()
        if name.startswith("recurrent.")
    }
    # W, U and b share a line; the LSTM's have one line per letter before the gate.
    for _, group in groupby(norms, key=lambda name: name[0] if "_" in name else ""):
        lines.append(", ".join(f"{name}_grad_l2: {norms[name]:f}" for name in group))
    return lines


def epoch_line(step: Step) -> str:
    """The notebook's line for the end of an epoch."""
    accuracy = step.correct / step.total
    return f"correct/total:{step.correct}/{step.total}, Accuracy: {accuracy:.5f}"


def summary_lines(history: History) -> list[str]:
    """Summary of a run: its loss, accuracy, largest norms and events."""
    config = history.config
    environment = {name: printable(value) for name, value in history.environment.items()}
    execution = "" if config.execution == "textbook" else f" ({config.execution})"
    recorded = "" if config.record == 1 else f" ({len(history.recorded)} recorded)"
    lines = [
        f"{config.cell}{execution}, {history.steps} step{'s' * (history.steps != 1)}{recorded}, "
        f"{history.outcome}, "
        f"on {environment['device_name']} ({environment['cpu']}), "
        f"Paddle {environment['paddle']}, Python {environment['python']}"
    ]
    if len(history.recorded):
        largest = {name: _largest(values) for name, values in history.raw_norms.items()}
        peak = max(largest, key=lambda name: np.nan_to_num(largest[name], nan=-1))
        lines += [
            f"  loss        first {history.loss[0]:.6g}, last {history.loss[-1]:.6g}, "
            f"largest {_largest(history.loss):.6g}",
            f"  gradient    largest norm {largest[peak]:.6g} before clipping, of {peak}",
        ]
    if len(history.accuracy):
        lines.append(f"  accuracy    {history.accuracy[-1]:.2f} in epoch {len(history.accuracy)}")
    happened = {event.kind: event for event in history.events}
    for kind in ("exploded", "vanished", "non-finite"):
        event = happened.get(kind)
        lines.append(f"  {kind:<11} {'never' if event is None else event_text(event)}")
    return lines


def evaluation_line(evaluation: Evaluation) -> str:
    """The line for held-out samples, below the summary."""
    samples = f"{evaluation.samples} sample{'s' * (evaluation.samples != 1)}"
    return (
        f"  held-out    loss {evaluation.loss:.6g} on {samples} (predicting the "
        f"mean: {evaluation.variance:.6g}), accuracy {evaluation.accuracy:.2f}"
    )


def event_text(event: Event) -> str:
    """An event in a few words, such as "step 6: loss 3.41168e+06"."""
    value = "exactly 0" if event.kind == "vanished" else f"{event.value:.6g}"
    if event.kind == "non-finite" and math.isfinite(event.value):
        value += ", not finite after clipping"
    parameters = ", ".join(name for name in event.what if name != "loss")
    what = ["loss"] * ("loss" in event.what) + [f"gradient of {parameters}"] * bool(parameters)
    return f"step {event.step}: {' and '.join(what)} {value}"


def _largest(values: Values) -> float:
    """The largest finite value; NaN if there is none."""
    finite = values[np.isfinite(values)]
    return float(finite.max()) if len(finite) else math.nan
