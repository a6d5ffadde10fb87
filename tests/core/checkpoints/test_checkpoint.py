"""The file format of a checkpoint: read by `History.load`, checked, and free of pickles."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

from rnn_core import CheckpointError
from rnn_core.checkpoints import checkpoint as module
from rnn_core.checkpoints.checkpoint import HEADER_SIZE, Checkpoint
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
