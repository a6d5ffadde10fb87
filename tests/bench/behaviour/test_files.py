"""The files of a recorded side: damage is detected, and different bits have other digests."""

from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from benchmarks.behaviour.files import Job, Recording, Trace, digest
from tests.helpers.histories import make_history


def test_digest_takes_all_nans_as_equal() -> None:
    """The sign of a NaN does not matter; the other elements do."""
    expected = digest([np.array([np.nan, 1.0])])

    assert digest([np.array([-np.nan, 1.0])]) == expected
    assert digest([np.array([np.nan, 2.0])]) != expected


@pytest.mark.parametrize("wrong", range(3))
def test_step_repeats_only_if_all_of_its_digests_do(wrong: int) -> None:
    """They are those of the parameters before, of the gradients, and of the parameters after."""
    rows = np.arange(80, dtype=np.uint8).reshape(5, 16)
    recording = Recording(make_history(), gradients=rows[3:], parameters=rows[:3])
    digests = [rows[1].tobytes(), rows[4].tobytes(), rows[2].tobytes()]

    assert Trace([], *digests).repeats(recording, 2)
    digests[wrong] = bytes(16)
    assert not Trace([], *digests).repeats(recording, 2)


def test_history_is_written_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So a recording that was interrupted does not look complete."""
    job, rows = Job("exploding-rnn", "textbook", 2), np.zeros((9, 16), np.uint8)
    monkeypatch.setattr(np, "savez", Mock(side_effect=OSError("disk full")))

    with pytest.raises(OSError, match="disk full"):
        Recording(make_history(), gradients=rows, parameters=rows).save(job, tmp_path)

    assert [*tmp_path.iterdir()] == []
