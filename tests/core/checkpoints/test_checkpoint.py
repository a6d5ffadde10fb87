"""The file format of a checkpoint: read by `History.load`, checked, and free of pickles."""

import os
import pickle
from collections.abc import Callable
from contextlib import suppress
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest

from rnn_core import CheckpointError, TrainConfig
from rnn_core.checkpoints import checkpoint as module
from rnn_core.checkpoints.checkpoint import HEADER_SIZE, Checkpoint
from rnn_core.recorder import Position
from tests.helpers.resumed import SMALL, change, content, noisy_run, stopped


class Bomb:
    """Creates a directory when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, int]]:
        return os.mkdir, (str(self.path), 0o700)


@pytest.mark.parametrize("kind", ["whole", "arrays"])
def test_load_never_runs_a_pickle(kind: str, tmp_path: Path) -> None:
    """A pickle in place of a checkpoint, or of an array in it, is refused."""
    path, mark = stopped(tmp_path / "run", steps=0), tmp_path / "mark"
    pickled, whole = pickle.dumps(Bomb(mark)), path.read_bytes()

    if kind == "whole":
        path.write_bytes(pickled)
        with pytest.raises(CheckpointError, match="is not a valid 'rnn_core checkpoint 1' file"):
            noisy_run(SMALL, path.parent, resume=True)
    else:
        # One array of each kind: all norms are read in the same way, and so are all weights.
        for name in {name.partition("/")[0]: name for name in content(path)}.values():
            path.write_bytes(whole)
            change(path, **{name: np.array([Bomb(mark)], dtype=object)})
            with pytest.raises(ValueError, match="has a header that numpy.savez does not write"):
                Checkpoint.load(path)

    assert not mark.exists()
    pickle.loads(pickled)  # noqa: S301 - it would have run
    assert mark.exists()


def test_save_refuses_larger_weights_than_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sizes of the weights and of the headers of their arrays count."""
    checkpoint = Checkpoint.load(stopped(tmp_path, steps=10))
    size = sum(weight.nbytes + HEADER_SIZE for weight in checkpoint.weights.values())
    monkeypatch.setattr(module, "largest_weights", lambda _: size)
    checkpoint.save(tmp_path / "allowed.npz")
    with ZipFile(tmp_path / "allowed.npz") as file:
        stored = sum(m.file_size for m in file.infolist() if m.filename.startswith("weights/"))
    monkeypatch.setattr(module, "largest_weights", lambda _: stored)
    Checkpoint.load(tmp_path / "allowed.npz")

    monkeypatch.setattr(module, "largest_weights", lambda _: size - 1)
    with pytest.raises(ValueError, match=f"the weights must have at most {size - 1} bytes$"):
        checkpoint.save(tmp_path / "refused.npz")
    assert not (tmp_path / "refused.npz").exists()


@pytest.mark.parametrize(
    ("record", "steps", "ends", "valid"),
    [
        # After two epochs of three batches: after the last batch of one, or before the next one.
        (1, 6, [3, 6], [(2, 3, 3, 4), (3, 0, 0, 0)]),
        (0, 6, [], [*((2, 3, 0, total) for total in range(3, 7)), (3, 0, 0, 0)]),
        (1, 4, [3], [(2, 1, 0, 1), (2, 1, 0, 2), (2, 1, 1, 1), (2, 1, 1, 2), (2, 1, 2, 2)]),
        (1, 0, [], [(1, 0, 0, 0)]),
        (1, 6, [2, 6], []),
        (1, 6, [3], []),
        (0, 6, [3, 6], []),
    ],
)
def test_position_is_that_after_the_last_step(
    record: int, steps: int, ends: list[int], valid: list[tuple[int, ...]]
) -> None:
    """Epoch and batch, and correct predictions of all in the epoch, whose share was 3/4."""
    config = TrainConfig(record=record, batch_size=2)
    accuracy = np.array([0.25, 0.75])[: len(ends)]
    history = SimpleNamespace(config=config, steps=steps, epoch_ends=ends, accuracy=accuracy)
    found = []
    for position in product(range(5), range(-1, 5), range(-1, 5), range(8)):
        checkpoint: Any = SimpleNamespace(position=Position(*position), history=history)
        with suppress(ValueError):
            Checkpoint.check_position(checkpoint, 3)
            found.append(position)

    assert found == valid
