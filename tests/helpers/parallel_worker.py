"""Program for each of two processes, started by Paddle's launcher for `test_parallel`.

Trains all cases in both processes together, and again in one process alone with the whole batch.
Writes the results of each process into the folder given as argument. With the argument `die`, the
second process fails while the first one waits for it.
"""

import json
import os
import sys
from contextlib import redirect_stdout
from io import StringIO
from itertools import product
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.commands import processes
from rnn_core import Batch, NumericPrediction, TrainConfig, load_data, train
from rnn_core.__main__ import main as command
from rnn_core.config import EXECUTIONS, Cell, Clip
from rnn_core.data.digit_sums import DigitSums
from rnn_core.model import new_model
from rnn_core.recorder import Step
from rnn_core.runtime import parallel
from tests.helpers.parallel_checkpoints import checkpoints

CLIPS: dict[Clip, float | None] = {"none": None, "by-norm": 0.5, "by-global-norm": 0.5}
CELLS: tuple[Cell, ...] = ("RNN", "LSTM")
# Five samples do not divide evenly, and the last batch has two: 22 = 4 * 5 + 2.
SAMPLES, BATCH_SIZE = 22, 5
TIMING = "--rounds 1 --steps 1 --batch 5 --num-steps 3 --hidden-size 4"
COMMAND = "run digit-sums --samples 48 --held-out 10 --log-every 1"


def cases() -> list[str]:
    """Names of the cases: cell, clipping and execution."""
    return ["/".join(case) for case in product(CELLS, CLIPS, EXECUTIONS)]


def config_of(case: str) -> TrainConfig:
    """Settings of a run of five steps."""
    cell: Any
    clip: Any
    execution: Any
    cell, clip, execution = case.split("/")
    return TrainConfig(
        cell=cell,
        clip=clip,
        clip_norm=CLIPS[clip],
        execution=execution,
        epochs=1,
        learning_rate=0.01,
        batch_size=BATCH_SIZE,
        emb_size=8,
        hidden_size=8,
    )


def trained(config: TrainConfig, twice: bool = False) -> dict[str, Any]:
    """Losses, norms, accuracies and final weights of a run, as numbers that JSON keeps exactly."""
    data = DigitSums(count=SAMPLES, batch_size=config.batch_size)
    model = new_model(config)
    history = train(config, data, model)
    if twice:
        history = train(config, data, model)
    return {
        "loss": history.loss.tolist(),
        "accuracy": history.accuracy.tolist(),
        "raw_norms": {name: values.tolist() for name, values in history.raw_norms.items()},
        "clipped_norms": {name: values.tolist() for name, values in history.clipped_norms.items()},
        "weights": {name: p.numpy().tolist() for name, p in model.named_parameters()},
        "processes": history.environment["processes"],
    }


def refusals() -> list[str]:
    """Errors for batches that two processes cannot share, as a list and as a stream."""
    three = TrainConfig(batch_size=3)
    return [
        refusal(TrainConfig(), None),
        refusal(three, [*load_data(batch_size=3)]),
        refusal(three, DigitSums(count=4, batch_size=3)),
    ]


def refusal(config: TrainConfig, data: Any) -> str:
    """The error of `train`; "nothing" if it trains."""
    try:
        train(config, data)
    except ValueError as error:
        return str(error)
    return "nothing"


def die(step: Step) -> None:
    """Fail in the second process at step 3."""
    if parallel.rank() == 1 and step.number == 3:
        raise RuntimeError("the second process failed")


def counted() -> float:
    """Accuracy if the first process has one correct prediction of two, and the second two."""
    model = NumericPrediction(emb_size=8, hidden_size=4)
    data = DigitSums(count=4, batch_size=4)
    tokens, _ = data[0]
    predictions = model(tokens)[0].detach()
    # The first process has one correct prediction of two, the second has two.
    labels = predictions + np.array([[0.0], [1.0], [0.0], [0.0]], dtype=np.float32)
    config = TrainConfig(
        batch_size=4, epochs=1, emb_size=8, hidden_size=4, learning_rate=1e-9, record=1
    )
    return float(train(config, [Batch(tokens, labels)], model).accuracy[0])


def main(folder: Path) -> None:
    """Run all cases and write them."""
    number = parallel.rank()
    results: dict[str, Any] = {"refusals": refusals()}
    results["together"] = {case: trained(config_of(case)) for case in cases()}
    results["twice"] = trained(config_of(cases()[0]), twice=True)
    results["counted"] = counted()
    with redirect_stdout(StringIO()) as printed:
        results["status"] = command([*COMMAND.split(), "--save", str(folder / f"of-{number}.npz")])
    results["printed"] = printed.getvalue()
    with redirect_stdout(StringIO()) as printed:
        results["timed"] = processes.main(TIMING.split())
    results["timings"] = printed.getvalue()
    if number == 0:
        with patch.dict(os.environ, PADDLE_TRAINERS_NUM="1"):
            results["alone"] = {case: trained(config_of(case)) for case in cases()}
            results["twice alone"] = trained(config_of(cases()[0]), twice=True)
    (folder / f"{number}.json").write_text(json.dumps(results), encoding="utf-8")
    # Last: if one of these fails, the processes may wait for each other forever.
    seen = json.dumps(checkpoints(folder))
    (folder / f"{number}-checkpoints.json").write_text(seen, encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1] == "die":
        train(config_of(cases()[0]), DigitSums(count=500, batch_size=5), on_step=die)
    else:
        main(Path(sys.argv[1]))
