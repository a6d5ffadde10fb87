"""How far roundings part, step by step: `python -m benchmarks.behaviour_measure FILE.json`.

Where the sizes in `behaviour_envelope.py` come from. Weights that are moved to a neighbouring
float32 number, up or down at random, stand for other ways to round, and so do the three executions.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.behaviour.judge import differences, series_of
from rnn_core import EXPERIMENTS, NumericPrediction, TrainConfig, load_data, train
from rnn_core.config import Execution
from rnn_core.gradients import make_clip
from rnn_core.model import new_model
from rnn_core.parameters import named_weights, set_weights
from rnn_core.runtime.environment import describe_environment
from rnn_core.runtime.files import check_writable, write_whole
from rnn_core.step import Measured, TrainingStep

# Past these nothing is left to predict.
EPOCHS = {"exploding-rnn": 5, "clipped-rnn": 30, "clipped-lstm": 120}
RUNS = 30  # of each execution
# Of the whole run, for one step from the same weights.
PROBE_EVERY = {"exploding-rnn": 1, "clipped-rnn": 7, "clipped-lstm": 21}
PROBES = 3

EXECUTIONS: tuple[Execution, ...] = get_args(Execution)

Weights = dict[str, NDArray[Any]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure all, and write the largest differences: of each step, and of one step alone."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.behaviour_measure",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("path", type=Path, metavar="FILE.json")
    path = parser.parse_args(arguments).path
    try:
        check_writable(path)
    except OSError as error:
        parser.error(str(error))
    found: dict[str, Any] = {"environment": describe_environment()}
    random = np.random.default_rng(0)
    for name, experiment in EXPERIMENTS.items():
        grown = largest(growth(experiment.config, EPOCHS[name], random), f"{name}, growth")
        alone = dict(
            tqdm(single_steps(experiment.config, PROBE_EVERY[name], random), desc=f"{name}, steps")
        )
        found[name] = {"growth": grown.tolist(), "one step": alone}
    with write_whole(path) as file:
        file.write(json.dumps(found, indent=1).encode())
    return 0


def largest(runs: Iterator[NDArray[np.float64]], what: str) -> NDArray[np.float64]:
    """The largest difference of any run at each step, `[steps]`."""
    all_runs = np.stack(list(tqdm(runs, desc=what, total=RUNS * len(EXECUTIONS))))
    worst: NDArray[np.float64] = all_runs.max(axis=0)
    return worst


def growth(
    config: TrainConfig, epochs: int, random: np.random.Generator
) -> Iterator[NDArray[np.float64]]:
    """How far runs are from the textbook's own at each step, `[steps]`."""
    config = replace(config, epochs=epochs)
    expected = series_of(train(config))
    for execution in EXECUTIONS:
        other = replace(config, execution=execution)
        for _ in range(RUNS):
            model = new_model(other)
            write(model, moved(read(model), random))
            yield differences(expected, series_of(train(other, model=model)))


def single_steps(
    config: TrainConfig, every: int, random: np.random.Generator
) -> Iterator[tuple[int, float]]:
    """Steps of the textbook's run, and how far one step from their weights may be off."""
    textbook, *probes = (
        TrainingStep(
            new_model(replace(config, execution=execution)),
            config.learning_rate,
            make_clip(config.clip, config.clip_norm),
        )
        for execution in ("textbook", *EXECUTIONS)
    )
    batches = list(load_data(config.num_steps, config.batch_size, config.dtype))
    for step in range(1, config.epochs * len(batches) + 1):
        batch = batches[(step - 1) % len(batches)]
        _, expected = textbook.gradients(*batch, measure=True)
        if step % every == 0 and expected is not None:
            weights, worst = read(textbook.model), 0.0
            for probe in probes * PROBES:
                write(probe.model, moved(weights, random))
                _, measured = probe.gradients(*batch, measure=True)
                assert measured is not None
                worst = max(worst, *differences(values(expected), values(measured)))
            yield step, worst
        textbook.update()


def values(measured: Measured) -> NDArray[np.float64]:
    """Loss and norms of one step, `[quantities, 1]`."""
    norms = (*measured.raw_norms.values(), *measured.clipped_norms.values())
    return np.array([[measured.loss], *([norm] for norm in norms)])


def read(model: NumericPrediction) -> Weights:
    """All parameters' values, copied."""
    return named_weights(model)


def write(model: NumericPrediction, weights: Weights) -> None:
    """Set all parameters."""
    set_weights(model, weights)


def moved(weights: Weights, random: np.random.Generator) -> Weights:
    """Each number's neighbour above or below it, at random."""
    up = np.float32(np.inf)
    return {
        name: np.nextafter(w, np.where(random.random(w.shape) < 0.5, up, -up))
        for name, w in weights.items()
    }
