"""The file of a history."""

from pathlib import Path
from typing import IO

import numpy as np
import pytest

from rnn_core import History, TrainConfig
from tests.helpers.histories import check_equal, empty_history, make_history


@pytest.mark.parametrize(
    "saved",
    [
        make_history(
            outcome="non-finite",
            loss=np.array([0.0, 1e-320, np.inf, np.nan]),
            accuracy=np.array([0.0]),
            epoch_ends=np.array([2]),
        ),
        make_history(
            config=TrainConfig(cell="LSTM", epochs=2, clip_norm=0.1, record=3),
            steps=14,
            recorded=np.array([3, 6, 9, 12]),
            epoch_ends=np.array([7, 14]),
        ),
        empty_history(config=TrainConfig(record=0, epochs=2**40), steps=2**40),
    ],
    ids=["non-finite", "every third step", "empty"],
)
def test_load_returns_what_was_saved(saved: History, tmp_path: Path) -> None:
    """Every field is the same, bit for bit; NumPy alone can read the arrays too.

    The file has the name that was given.
    """
    path = tmp_path / "history of.today"
    saved.save(path)

    check_equal(saved, History.load(path))
    with np.load(path, allow_pickle=False) as arrays:
        assert arrays["recorded"].tolist() == saved.recorded.tolist()
        assert arrays["steps"] == saved.steps
        for name, norms in saved.raw_norms.items():
            assert arrays[f"raw_norms/{name}"].tolist() == norms.tolist()
            assert arrays[f"clipped_norms/{name}"].tolist() == saved.clipped_norms[name].tolist()


def test_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk neither damages nor replaces it."""
    path = tmp_path / "history.npz"
    make_history().save(path)
    before = path.read_bytes()

    def full(file: IO[bytes], **_: object) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)

    with pytest.raises(OSError, match="No space left"):
        make_history().save(path)
    assert path.read_bytes() == before


def test_load_reads_files_of_more_than_a_gigabyte(tmp_path: Path) -> None:
    """A checkpoint with large weights has as many bytes."""
    with (tmp_path / "large").open("wb") as file:
        file.truncate(2**30 + 1)  # Takes no room on the disk.

    with pytest.raises(ValueError, match=r"not a zip archive, or cut short$"):
        History.load(tmp_path / "large")
