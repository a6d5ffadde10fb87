"""What a run makes of its folder: checkpoints that are damaged, refused, of another run, in use."""

import os
import random
import re
import warnings
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnn_core import (
    Batch,
    CheckpointWarning,
    TrainConfig,
    load_data,
    named_weights,
    new_model,
    train,
)
from rnn_core.checkpoints.checkpoint import Checkpoint
from rnn_core.data.digit_sums import DigitSums
from rnn_core.recorder import Step
from tests.helpers.recorded import asked, ended
from tests.helpers.resumed import SMALL, change, content, noise, stopped, whole_run
from tests.recorded.conftest import Check

DATA = list(load_data())
OTHER_LABELS = [Batch(DATA[0].tokens, DATA[1].labels), *DATA[1:]]
# Every setting is another one.
OTHER = TrainConfig(
    "RNN", 2, 0.1, 2.0, "by-global-norm", 2, 9, 11, 9, 5, 4, "gpu", "float64", "kernel", 2, "raise"
)
STREAM = DigitSums(count=18, batch_size=4)  # Five batches; the last has two samples.


class Place:
    """A folder of checkpoints, and what is done there."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.errors: list[Any] = []  # Kept: even so, a refused run must give up its lock.
        self.listed = ""

    def stop(self, steps: int, **changes: Any) -> None:
        """Put in the last three checkpoints of a run that was killed after these steps."""
        stopped(self.folder, replace(SMALL, **changes), steps)

    def damage(self, *steps: int, by: bytes = b"damaged") -> None:
        """Write something else into checkpoints."""
        for each in steps:
            self.path(each).write_bytes(by)

    def rename(self, *steps: int, old: str = "linear.bias", new: str = "bias") -> None:
        """Rename a parameter everywhere in checkpoints."""
        for each in steps:
            with np.load(self.path(each)) as stored:
                arrays = {name.replace(old, new): values for name, values in stored.items()}
            names = np.array(str(arrays["weights"]).replace(old, new))
            np.savez(self.path(each), **{**arrays, "weights": names, "parameters": names})

    def change(self, step: int, **arrays: Any) -> None:
        """Replace arrays in a checkpoint."""
        change(self.path(step), **arrays)

    def differences(self, step: int) -> list[str]:
        """What makes a checkpoint one of another run, if everything differs."""
        return Checkpoint.load(self.path(step)).differences(OTHER, 5)

    def path(self, name: int | str) -> Path:
        """The path of a checkpoint, or of another file."""
        return self.folder / (f"step-{name:09}.npz" if isinstance(name, int) else name)

    def train(
        self, data: Any = None, folder: str = "", resume: bool = False, **changes: Any
    ) -> str:
        """Train with noise, and tell which steps, and whether these are other bits than usual."""
        random.seed(1)
        np.random.seed(2)  # noqa: NPY002 - the global generator
        config, steps = replace(SMALL, **{"seed": 3, **changes}), list[int]()
        model = new_model(config)
        add, before = noise(model), state(model)

        def on_step(step: Step) -> None:
            steps.append(step.number)
            add(step)

        at = self.path(folder)
        try:
            history = train(config, data, model, on_step, checkpoint=at, resume=resume)
        except Exception:
            changed = [k for k, v in state(model).items() if v != before[k]]
            if changed:
                print("changed:", *changed)
            raise
        text = f"{history.outcome}, {history.steps} steps, trained {steps[:1]} to {steps[-1:]}"
        name, whole = whole_run(replace(config, seed=SMALL.seed))[-1]
        usual = data is not None or content(BytesIO(whole)) == content(at / name)
        return text if usual else f"{text}, other bits"

    def resume(self, data: Any = None, folder: str = "", **changes: Any) -> str:
        """Resume the run."""
        return self.train(data, folder, resume=True, **changes)

    def __call__(self, line: str) -> Iterator[str]:
        """Do what a line says; yield what it returns, raises and warns of, and the new files."""
        scope = {name: getattr(self, name) for name in dir(self) if not name.startswith("_")}
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", CheckpointWarning)
            found = ended(eval, line, globals() | scope)
        self.errors.append(found.error)
        lines = [*found.out.splitlines(), *[found.text] * (found.text != "None")]
        lines += [f"{each.category.__name__}: {each.message}" for each in warned]
        yield from (f"    {each}".replace(str(self.folder), "RUN") for each in lines)
        listed = " ".join(sorted(path.name for path in self.folder.iterdir()))
        if listed != self.listed:
            yield "    files: " + re.sub(r"step-0+(\d+)\.npz", r"\1", listed)
        self.listed = listed


def state(model: Any) -> dict[str, Any]:
    """What a run that is refused must not change."""
    weights = {name: values.tobytes() for name, values in named_weights(model).items()}
    numpy = np.random.get_state()[1].tobytes()  # type: ignore[index] # noqa: NPY002
    return {"weights": weights, "numpy": numpy, "python": random.getstate()}


def happening(file: Path, folder: Path) -> list[str]:
    """The lines of a recorded file: each paragraph happens in a new folder, line by line."""
    lines: list[str] = []
    place = None
    for line in asked(file):
        # A name that would be a pattern.
        place = place or Place(folder / f"run [{len(lines)}] *")
        lines += [line, *(place(line) if line else ())]
        place = place if line else None
    return lines


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_folders(folder: Path, original_datadir: Path, check: Check) -> None:
    """What runs write, resume, refuse and warn of."""
    check(happening(original_datadir / "test_folders.txt", folder))


def test_static_graphs(folder: Path, original_datadir: Path, check: Check) -> None:
    """The same of runs that are resumed as static graphs."""
    check(happening(original_datadir / "test_static_graphs.txt", folder))
