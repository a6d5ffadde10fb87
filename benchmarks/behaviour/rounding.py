"""Measure how far apart rounding drives two runs: python -m benchmarks.behaviour_measure FILE.json.

The limits in `benchmarks/behaviour/envelope.py` come from these measurements. They simulate other
ways to round: each initial weight is moved to a neighbouring float32 number, up or down at random,
and the recurrent layer is computed by each execution.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.behaviour.judge import differences, series_of
from benchmarks.commands.parser import make_parser
from rnn_core import EXPERIMENTS, TrainConfig, load_data, train
from rnn_core.commands.arguments import writable_path
from rnn_core.commands.status import ExitStatus
from rnn_core.config import EAGER
from rnn_core.gradients import make_clip
from rnn_core.model import new_model
from rnn_core.parameters import named_weights, set_weights
from rnn_core.runtime.environment import describe_environment
from rnn_core.runtime.files import write_json
from rnn_core.step import Measured, TrainingStep

# Number of epochs after which the runs have separated.
EPOCHS = {"exploding-rnn": 5, "clipped-rnn": 30, "clipped-lstm": 120}
RUNS = 30  # for each execution
# Number of steps from one step that is measured alone to the next, over the whole run.
PROBE_EVERY = {"exploding-rnn": 1, "clipped-rnn": 7, "clipped-lstm": 21}
PROBES = 3

Weights = dict[str, NDArray[Any]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the largest differences of whole runs, step by step, and of single steps."""
    parser = make_parser("behaviour_measure", __doc__)
    parser.add_argument(
        "path", type=writable_path(".json"), metavar="FILE.json", help="file for the differences"
    )
    path = parser.parse_args(arguments).path
    found: dict[str, Any] = {"environment": describe_environment()}
    random = np.random.default_rng(0)
    for name, experiment in EXPERIMENTS.items():
        grown = largest(growth(experiment.config, EPOCHS[name], random), f"{name}, growth")
        alone = dict(
            tqdm(
                single_steps(experiment.config, PROBE_EVERY[name], random),
                desc=f"{name}, steps",
                disable=None,
            )
        )
        found[name] = {
            "growth": [finite(value) for value in grown],
            "one step": {step: finite(value) for step, value in alone.items()},
        }
    write_json(path, found)
    return ExitStatus.OK


def finite(value: float) -> float | None:
    """Return the value, or None if it is infinite, which JSON cannot express."""
    return float(value) if np.isfinite(value) else None


def largest(runs: Iterator[NDArray[np.float64]], what: str) -> NDArray[np.float64]:
    """Return the largest difference of any run at each step, `[steps]`."""
    bar = tqdm(runs, desc=what, total=RUNS * len(EAGER), disable=None)
    all_runs = np.stack(list(bar))
    worst: NDArray[np.float64] = all_runs.max(axis=0)
    return worst


def growth(
    config: TrainConfig, epochs: int, random: np.random.Generator
) -> Iterator[NDArray[np.float64]]:
    """Yield the differences of runs with moved weights from the textbook's run, `[steps]`."""
    config = replace(config, epochs=epochs)
    expected = series_of(train(config))
    for execution in EAGER:
        other = replace(config, execution=execution)
        for _ in range(RUNS):
            model = new_model(other)
            set_weights(model, moved(named_weights(model), random))
            yield differences(expected, series_of(train(other, model=model)))


def single_steps(
    config: TrainConfig, every: int, random: np.random.Generator
) -> Iterator[tuple[int, float]]:
    """Yield steps of the textbook's run, each with the largest difference of that step alone."""
    textbook, *probes = (
        TrainingStep(
            new_model(replace(config, execution=execution)),
            config.learning_rate,
            make_clip(config.clip, config.clip_norm),
        )
        for execution in ("textbook", *EAGER)
    )
    batches = list(load_data(config.num_steps, config.batch_size, config.dtype))
    for step in range(1, config.epochs * len(batches) + 1):
        batch = batches[(step - 1) % len(batches)]
        _, expected = textbook.gradients(*batch, measure=True)
        if step % every == 0 and expected is not None:
            weights, worst = named_weights(textbook.model), 0.0
            for probe in probes * PROBES:
                set_weights(probe.model, moved(weights, random))
                _, measured = probe.gradients(*batch, measure=True)
                assert measured is not None
                worst = max(worst, *differences(values(expected), values(measured)))
            yield step, worst
        textbook.update()


def values(measured: Measured) -> NDArray[np.float64]:
    """Return loss and norms of one step, `[quantities, 1]`."""
    norms = (*measured.raw_norms.values(), *measured.clipped_norms.values())
    return np.array([[measured.loss], *([norm] for norm in norms)])


def moved(weights: Weights, random: np.random.Generator) -> Weights:
    """Return the weights, each replaced by the next float32 number above or below, at random."""
    up = np.float32(np.inf)
    return {
        name: np.nextafter(w, np.where(random.random(w.shape) < 0.5, up, -up))
        for name, w in weights.items()
    }
