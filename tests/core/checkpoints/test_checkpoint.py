"""The file format of a checkpoint: read by `History.load`, checked, and free of pickles."""

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rnn_core import CheckpointError, History
from rnn_core.checkpoints.checkpoint import Checkpoint
from tests.helpers.resumed import SMALL, change, content, noisy_run, stopped


def test_history_can_be_loaded_from_a_checkpoint(tmp_path: Path) -> None:
    """It is the history so far, with the outcome `interrupted`."""
    path = stopped(tmp_path, steps=7)
    history = History.load(path)

    assert (history.outcome, history.steps, len(history.accuracy)) == ("interrupted", 7, 1)


@pytest.mark.parametrize("kind", [History, Checkpoint])
def test_load_names_the_allowed_executions(
    kind: type[History | Checkpoint], tmp_path: Path
) -> None:
    """A file of an earlier version may name one that was removed."""
    path = stopped(tmp_path, steps=0)
    change(path, config=np.array(json.dumps({**SMALL.as_dict(), "execution": "fused"})))

    words = f"{path.name} is not .* must be one of 'textbook', 'kernel', got 'fused'$"
    with pytest.raises(ValueError, match=words):
        kind.load(path)


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
            with pytest.raises(ValueError, match="file: Object arrays cannot be loaded"):
                Checkpoint.load(path)

    assert not mark.exists()
    pickle.loads(pickled)  # noqa: S301 - it would have run
    assert mark.exists()
