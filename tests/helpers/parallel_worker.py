"""Program for each of two processes, started by Paddle's launcher for `test_parallel`.

Trains all cases in both processes together; then it stops and resumes runs, and provokes errors in
one process. Writes the results of each process into the folder given as argument. With the
argument `slow`, it trains the slow cases alone; with `die`, the second process fails while the
first one waits for it.
"""

import gc
import json
import os
import random
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import replace
from io import StringIO
from itertools import product
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import paddle

from rnn_core import Batch, CheckpointError, History, NumericPrediction, TrainConfig, train
from rnn_core.checkpoints.checkpoint import Checkpoint
from rnn_core.commands.main import main as command
from rnn_core.config import CELLS, DTYPES, EAGER, Clip, DType
from rnn_core.data.digit_sums import DigitSums
from rnn_core.model import new_model
from rnn_core.recorder import Step
from rnn_core.runtime import parallel
from tests.helpers.memory import lost, tensor_bytes
from tests.helpers.process_state import process_state

CLIPS: dict[Clip, float | None] = {"none": None, "by-norm": 0.5, "by-global-norm": 0.5}
# Five samples do not divide evenly, and the last batch has two: 22 = 4 * 5 + 2.
SMALL = TrainConfig(
    epochs=1, learning_rate=0.01, num_steps=3, batch_size=5, emb_size=8, hidden_size=8
)
DATA = DigitSums(count=22, num_steps=3, batch_size=5)
CASES = {
    f"{cell}/{clip}/{execution}": replace(
        SMALL, cell=cell, clip=clip, clip_norm=norm, execution=execution
    )
    for cell, (clip, norm), execution in product(CELLS, CLIPS.items(), EAGER)
}
FIRST = next(iter(CASES.values()))
CASES["RNN/none/static"] = replace(FIRST, execution="static")
CASES["float64"] = replace(FIRST, dtype="float64", record=2)  # The other steps train as well.
SLOW = {"RNN/none/sot": replace(FIRST, execution="sot")}
TABLES: list[paddle.nn.Layer] = []  # Paddle may crash when one is freed.
SIZE = 1025  # Of the rows of a table.
NUMBERS = [0.1, -1e7 - 0.1, 1e-9, 2.0**53, 1e300, 5e-324, float("inf"), float("nan")]
COMMAND = "run digit-sums --samples 48 --held-out 10 --log-every 1"

# With every third step recorded, uncounted predictions wait when checkpoints are written after
# steps 4 and 8.
STOPPED = replace(SMALL, cell="LSTM", epochs=2, clip_norm=1.0, record=3)
EVERY, STEPS = 4, 10


def numbers(history: History, model: NumericPrediction) -> dict[str, Any]:
    """What a run recorded, and its final weights, as numbers that JSON keeps exactly."""
    return {
        "recorded": history.recorded.tolist(),
        "loss": history.loss.tolist(),
        "accuracy": history.accuracy.tolist(),
        "raw_norms": {name: values.tolist() for name, values in history.raw_norms.items()},
        "clipped_norms": {name: values.tolist() for name, values in history.clipped_norms.items()},
        "weights": {name: p.numpy().tolist() for name, p in model.named_parameters()},
        "processes": history.environment["processes"],
    }


def trained(config: TrainConfig, runs: int = 1) -> dict[str, Any]:
    """The numbers of the last of several runs of one model."""
    model = new_model(config)
    for _ in range(runs):
        history = train(config, replace(DATA, dtype=config.dtype), model)
    return numbers(history, model)


def die(step: Step) -> None:
    """Fail in the second process at step 3."""
    if parallel.rank() == 1 and step.number == 3:
        raise RuntimeError("the second process failed")


def seed() -> None:
    """Seed all generators."""
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    paddle.seed(1)


def averaged(dtype: DType) -> dict[str, Any]:
    """Averages of gradients of all magnitudes, of which the second process has three times those.

    Each process has its own weights at first, and should then have those of the first one.
    """
    table: Any = paddle.nn.Embedding(257, SIZE)
    model: Any = paddle.nn.Sequential(table)
    model.frozen = paddle.create_parameter([1], "float32")
    model.frozen.stop_gradient = True
    model.to(dtype=dtype)
    TABLES.append(model)
    weights = [np.random.default_rng(k).normal(size=(257, SIZE)).astype(dtype) for k in (0, 1)]
    table.weight.set_value(weights[parallel.rank()])
    gradient = np.random.default_rng(1).normal(size=(65, SIZE)).astype(dtype)
    gradient[::3] *= np.finfo(dtype).max / 64
    gradient[1::3] = np.finfo(dtype).smallest_subnormal * 2
    gradient[2::9, ::3], gradient[5::9, ::3] = np.nan, np.inf
    mine = paddle.to_tensor(gradient * (1 + 2 * parallel.rank()))
    wrong, held = [], []
    gc.freeze()  # Collections take 0.15 seconds with the modules.
    for rows in (65, 30, 65) * 9:
        table.clear_gradients()
        made = parallel.averaging(model)(paddle.arange(rows))
        (made * mine[:rows]).sum().backward()
        same = np.array_equal(table.weight.grad[:rows].numpy(), 2 * gradient[:rows], equal_nan=True)
        wrong += [] if same else [rows]
        del made
        gc.collect()
        held.append(tensor_bytes())
    taken = np.array_equal(table.weight.numpy(), weights[0])
    return {"wrong": wrong, "kept": held[-1] - held[5], "taken": taken}


def counted() -> float:
    """Accuracy if the first process has one correct prediction of two, and the second two."""
    config = TrainConfig(batch_size=4, epochs=1, emb_size=8, hidden_size=4, learning_rate=1e-9)
    model = new_model(config)
    tokens, _ = DigitSums(count=4, batch_size=4)[0]
    predictions = model(tokens)[0].detach()
    labels = predictions + np.array([[0.0], [1.0], [0.0], [0.0]], dtype=np.float32)
    return float(train(config, [Batch(tokens, labels)], model).accuracy[0])


def printed(arguments: list[str]) -> tuple[int, str]:
    """The exit status of a command, and what it prints."""
    with redirect_stdout(StringIO()) as output:
        status = command(arguments)
    return status, output.getvalue()


class Stopped(Exception):  # noqa: N818 - it stands for whatever ends a process
    """Ends a run at a step, in every process."""


def checkpoints(folder: Path) -> dict[str, Any]:
    """Results of this process in all checks with checkpoints."""
    # Wide enough for some correct predictions.
    with patch("rnn_core.recorder.CORRECT_WITHIN", 5.0), noted() as written:
        return {
            "whole": numbers(*run()),
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
    model = new_model(replace(STOPPED, seed=seed))
    return train(STOPPED, DATA, model, on_step, every=EVERY, **options), model


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
    parallel.wait()  # Until no process reads checkpoints.
    if parallel.rank() == 0:
        (folder / "step-000000008.npz").write_bytes(b"damaged")
    parallel.wait()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        resumed = numbers(*run(until(STEPS + 1), seed=2, checkpoint=folder, resume=True))
    return {
        "resumed": resumed,
        "seen": seen,
        "warnings": [str(warning.message) for warning in caught],
        "written": [*written],
    }


def errors(folder: Path, written: list[str]) -> dict[str, list[Any]]:
    """For each case: message, steps in its history, and a sum over the processes afterwards."""
    before, used = len(written), folder / "run"
    second = parallel.rank() == 1

    def resume(seed: int = 0, data: DigitSums = DATA, checkpoint: Path = used) -> object:
        return train(replace(STOPPED, seed=seed), data, checkpoint=checkpoint, resume=True)

    def full(self: Checkpoint, path: Path) -> None:  # noqa: ARG001 - as `Checkpoint.save`
        if self.history.steps == EVERY:
            raise OSError(28, "No space left on device")

    found: dict[str, list[Any]] = {
        "used": error(lambda: run(checkpoint=used)),
        "another seed": error(lambda: resume(seed=1)),
        "the second's data": error(lambda: resume(data=replace(DATA, seed=int(second)))),
        "the second's folder": error(
            lambda: resume(checkpoint=folder / "nowhere" if second else used)
        ),
    }
    found["written"] = written[before:]
    with patch.object(Checkpoint, "save", full):
        found["full"] = error(lambda: run(checkpoint=folder / "full"))
    return found


def error(train: Callable[[], object]) -> list[Any]:
    """The message, the steps in its history, and whether the processes can still sum together."""
    found: list[Any] = ["nothing", None]
    try:
        train()
    except CheckpointError as caught:
        found = [str(caught), None if caught.history is None else caught.history.steps]
    return [*found, parallel.total(parallel.rank() + 1)]


def train_slow(folder: Path) -> None:
    """Run the slow cases and write them."""
    parallel.join("cpu", 2)
    results = {"together": {case: trained(config) for case, config in SLOW.items()}}
    (folder / f"{parallel.rank()}.json").write_text(json.dumps(results), encoding="utf-8")


def main(folder: Path) -> None:
    """Run all cases but the slow ones, and write them."""
    rank = parallel.rank()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    TABLES.append(paddle.nn.Linear(1, 1))
    seed()
    drawn = paddle.rand([1]).item()
    seed()
    before = process_state()
    parallel.join("cpu", 2)
    parallel.averaging(TABLES[0])(paddle.ones([1, 1])).backward()
    after = process_state()
    dtypes: Any = DTYPES
    results: dict[str, Any] = {
        "changed": [name for name, value in before.items() if after[name] != value],
        "drawn": [drawn, paddle.rand([1]).item()],
        "together": {case: trained(config) for case, config in CASES.items()},
        "twice": trained(FIRST, runs=2),
        "counted": counted(),
        "total": [parallel.total(number * (rank + 1)) for number in NUMBERS],
        "of one": [parallel.total(n if rank == k else 1.0) for n in NUMBERS for k in (0, 1)],
        "left": lost(lambda: parallel.total(1.0), 50, 300),
        "averaged": {dtype: averaged(dtype) for dtype in dtypes},
        "run": printed([*COMMAND.split(), "--save", str(folder / f"of-{rank}.npz")]),
    }
    (folder / f"{rank}.json").write_text(json.dumps(results), encoding="utf-8")
    # Last: if one of these fails, the processes may wait for each other forever.
    seen = json.dumps(checkpoints(folder))
    (folder / f"{rank}-checkpoints.json").write_text(seen, encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1] == "die":
        train(FIRST, replace(DATA, count=500), on_step=die)
    else:
        if sys.argv[1] == "slow":
            train_slow(Path(sys.argv[2]))
        else:
            main(Path(sys.argv[1]))
        # Skips the cleanup at exit, in which Paddle may crash: docs/guides/parallel.md.
        os._exit(0)
