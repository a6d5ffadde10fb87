"""The part of `parallel_worker` with checkpoints: stop, resume, and errors of one process."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from rnn_core import CheckpointError, History, NumericPrediction, TrainConfig, train
from rnn_core.checkpoints.checkpoint import Checkpoint
from rnn_core.data.digit_sums import DigitSums
from rnn_core.model import new_model
from rnn_core.recorder import Step
from rnn_core.runtime import parallel

# Five batches; the last has two samples. With every third step recorded, uncounted predictions wait
# when checkpoints are written after steps 4 and 8.
CONFIG = TrainConfig(
    cell="LSTM",
    epochs=2,
    learning_rate=0.01,
    clip_norm=1.0,
    batch_size=5,
    emb_size=8,
    hidden_size=8,
    record=3,
)
DATA = DigitSums(count=22, batch_size=5)
EVERY, STEPS = 4, 10


class Stopped(Exception):  # noqa: N818 - it stands for whatever ends a process
    """Ends a run at a step, in every process."""


def checkpoints(folder: Path) -> dict[str, Any]:
    """Results of this process for all that two processes try with checkpoints."""
    # Wide enough for some correct predictions.
    with patch("rnn_core.recorder.CORRECT_WITHIN", 5.0), noted() as written:
        return {
            "whole": ended(*run()),
            **stopped_and_resumed(folder / "run", written),
            "errors": errors(folder, written),
        }


@contextmanager
def noted() -> Iterator[list[str]]:
    """Names of the checkpoints that this process writes."""
    names: list[str] = []
    save = Checkpoint.save

    def noting(self: Checkpoint, path: Path) -> None:
        names.append(f"{path.parent.name}/{path.name}")
        save(self, path)

    with patch.object(Checkpoint, "save", noting):
        yield names


def run(
    on_step: Callable[[Step], object] | None = None, seed: int = 0, **options: Any
) -> tuple[History, NumericPrediction]:
    """Train a model with the initial weights of a seed."""
    model = new_model(replace(CONFIG, seed=seed))
    return train(CONFIG, DATA, model, on_step, every=EVERY, **options), model


def ended(history: History, model: NumericPrediction) -> dict[str, Any]:
    """Final state of a run, as numbers that JSON keeps exactly."""
    return {
        "recorded": history.recorded.tolist(),
        "loss": history.loss.tolist(),
        "accuracy": history.accuracy.tolist(),
        "raw_norms": {name: values.tolist() for name, values in history.raw_norms.items()},
        "weights": {name: p.numpy().tolist() for name, p in model.named_parameters()},
    }


def stopped_and_resumed(folder: Path, written: list[str]) -> dict[str, Any]:
    """Stop at steps 6 and 9 and resume, then resume with the last checkpoint damaged."""
    seen: list[int] = []

    def until(step: int) -> Callable[[Step], None]:
        def stop(at: Step) -> None:
            seen.append(at.number)
            if at.number == step:
                raise Stopped

        return stop

    with suppress(Stopped):
        run(until(6), checkpoint=folder)
    with suppress(Stopped):
        run(until(9), seed=1, checkpoint=folder, resume=True)
    parallel.wait()  # Until no process looks for checkpoints.
    if parallel.rank() == 0:
        (folder / "step-000000008.npz").write_bytes(b"damaged")
    parallel.wait()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        resumed = ended(*run(until(STEPS + 1), seed=2, checkpoint=folder, resume=True))
    return {
        "resumed": resumed,
        "seen": seen,
        "warnings": [str(warning.message) for warning in caught],
        "written": [*written],
    }


def errors(folder: Path, written: list[str]) -> dict[str, list[Any]]:
    """For each case: message, steps in its history, and a sum over the processes afterwards."""
    before, first = len(written), parallel.rank() == 0

    def full(self: Checkpoint, path: Path) -> None:  # noqa: ARG001 - as `Checkpoint.save`
        if self.history.steps == EVERY:
            raise OSError(28, "No space left on device")

    def another_seed() -> object:
        return train(replace(CONFIG, seed=1), DATA, checkpoint=folder / "run", resume=True)

    def seconds_data() -> object:
        data = DATA if first else replace(DATA, seed=1)
        return train(CONFIG, data, checkpoint=folder / "run", resume=True)

    def seconds_folder() -> object:
        there = folder / ("run" if first else "nowhere")
        return train(CONFIG, DATA, checkpoint=there, resume=True)

    found: dict[str, list[Any]] = {
        "used": error(lambda: run(checkpoint=folder / "run")),
        "another seed": error(another_seed),
        "the second's data": error(seconds_data),
        "the second's folder": error(seconds_folder),
    }
    found["written"] = written[before:]
    with patch.object(Checkpoint, "save", full):
        found["full"] = error(lambda: run(checkpoint=folder / "full"))
    return found


def error(train: Callable[[], object]) -> list[Any]:
    """The message, the steps in its history, and whether the processes can still sum together."""
    try:
        train()
    except CheckpointError as caught:
        steps = None if caught.history is None else caught.history.steps
        return [str(caught), steps, parallel.total(parallel.rank() + 1)]
    return ["nothing", None, parallel.total(parallel.rank() + 1)]
