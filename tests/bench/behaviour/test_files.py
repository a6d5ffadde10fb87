"""The files of a recorded side: damage is detected, and different bits have other digests."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.behaviour.files import Job, Recording, Trace, digest

JOB = Job("clipped-rnn", "textbook")


@pytest.fixture
def copied(recorded: Path, tmp_path: Path) -> Path:
    """Copy a recorded run, to damage it."""
    for path in (JOB.digests(recorded), JOB.trace(recorded, 1), JOB.history(recorded)):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def test_truncated_trace_is_refused(copied: Path) -> None:
    """The error names the file."""
    trace = JOB.trace(copied, 1)
    trace.write_bytes(trace.read_bytes()[:-100])

    with pytest.raises(ValueError, match=r"step-1\.npz is damaged: not a zip archive, or trunc"):
        Trace.load(trace)


def test_pickles_are_not_loaded(copied: Path) -> None:
    """Unpickling an object from a file could run code."""
    np.savez(JOB.trace(copied, 1), about=np.array([print], dtype=object))

    with pytest.raises(ValueError, match=r"step-1\.npz is damaged"):
        Trace.load(JOB.trace(copied, 1))


def test_digests_of_another_run_are_refused(copied: Path) -> None:
    """There must be a digest for each step."""
    np.savez(JOB.digests(copied), gradients=np.zeros((3, 16), np.uint8), parameters=np.zeros(3))

    with pytest.raises(ValueError, match="digests do not belong to a history of 8 steps"):
        Recording.load(JOB, copied)


def test_digests_of_different_arrays_differ() -> None:
    """Arrays that differ in the sign of a zero, dtype, shape or last digit have other digests."""
    arrays: list[NDArray[Any]] = [
        np.zeros(2),
        -np.zeros(2),
        np.zeros(2, np.float32),
        np.zeros(2, np.int64),
        np.zeros((2, 1)),
        np.full(2, 5e-324),
    ]

    assert len({digest([array]) for array in arrays}) == len(arrays)


def test_digest_takes_all_nans_as_equal() -> None:
    """The sign of a NaN does not matter; the other elements do."""
    expected = digest([np.array([np.nan, 1.0])])

    assert digest([np.array([-np.nan, 1.0])]) == expected
    assert digest([np.array([np.nan, 2.0])]) != expected
