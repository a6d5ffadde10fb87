"""The files of a recorded side: damage is detected, and different bits have other digests."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.behaviour.files import Job, OwnRun, Recording, Trace, Traced, digest, step_digest
from benchmarks.test_experiments import traced_job
from tests.helpers.histories import make_history

JOB = Job("clipped-rnn", "textbook")


def test_benchmark_cuts_a_long_experiment_short() -> None:
    """Of one that ends earlier, all epochs are recorded."""
    jobs = [traced_job(name, "static") for name in ("exploding-rnn", "clipped-lstm")]

    assert jobs == [Job("exploding-rnn", "static", 5), Job("clipped-lstm", "static", 50)]


@pytest.mark.parametrize(
    ("changes", "values", "message"),
    [
        ({"digests": ["00" * 16] * 2}, np.zeros(2), "expected 3 digests of 16 bytes"),
        ({"digests": ["00"] * 3}, np.zeros(2), "expected 3 digests of 16 bytes"),
        ({"digests": 3}, np.zeros(2), "not iterable"),
        ({"tensors": [["h", "tanh", float("nan")]]}, np.zeros(2), "NaN is not JSON"),
        (
            {"tensors": [["h", "tanh", -1.0]]},
            np.zeros(2),
            "must have real numbers and a finite scale",
        ),
        ({"tensors": [["h", "tanh", "1"]]}, np.zeros(2), "not supported between"),
        ({"tensors": [["h", 3, 1.0]]}, np.zeros(2), "names of tensor 0 must be strings"),
        ({"tensors": [[["h"], "tanh", 1.0]]}, np.zeros(2), "names of tensor 0 must be strings"),
        ({"tensors": [["h", "tanh", 1.0]] * 2}, np.zeros(2), "1 is missing"),
        ({}, np.array("a"), "0 must be numbers"),
        ({}, np.zeros(2, complex), "must have real numbers and a finite scale"),
        (["tensors"], np.zeros(2), "must be integers"),
    ],
)
def test_wrong_trace_is_refused(
    changes: Any, values: NDArray[Any], message: str, tmp_path: Path
) -> None:
    """A scale must be a finite number, and a tensor must have numbers."""
    about: Any = {"tensors": [["h", "tanh", 1.0]], "digests": ["00" * 16] * 3}
    about = about | changes if isinstance(changes, dict) else changes
    path = JOB.trace(tmp_path, 1)
    np.savez(path, about=np.array(json.dumps(about)), **{"0": values})  # type: ignore[arg-type]

    with pytest.raises(ValueError, match=f"step-1.npz is not a valid trace: .*{message}"):
        Trace.load(path)


def test_names_in_a_trace_are_escaped(tmp_path: Path) -> None:
    """They are printed on the terminal."""
    path = JOB.trace(tmp_path, 1)
    none = bytes(16)
    Trace([Traced("h\x1b[2J", "tanh\n", np.arange(2), 0.0)], none, none, none).save(path)
    [tensor] = Trace.load(path).tensors

    assert (tensor.name, tensor.operator, tensor.scale) == (r"h\x1b[2J", r"tanh\n", 0.0)
    assert tensor.values.tolist() == [0, 1]


@pytest.mark.parametrize(("steps", "epsilon"), [(0, 0.5), (1, 0.0), (1, 1.0)])
def test_wrong_run_of_a_workload_is_refused(steps: int, epsilon: float, tmp_path: Path) -> None:
    """It has steps, and its numbers are rounded."""
    path, zeros = tmp_path / "run.npz", np.zeros(steps)
    OwnRun({"epsilon": epsilon}, zeros, {"w": zeros}).save(path)

    with pytest.raises(ValueError, match=r"not a valid run of a workload: it has no steps, or its"):
        OwnRun.load(path)


def test_digests_of_another_run_are_refused(recorded: Path, tmp_path: Path) -> None:
    """There must be a digest for each step."""
    shutil.copy(JOB.history(recorded), tmp_path)
    np.savez(JOB.digests(tmp_path), gradients=np.zeros((3, 16), np.uint8), parameters=np.zeros(3))

    with pytest.raises(
        ValueError, match=r"valid file of digests: .*gradients must be uint8 of shape \[8,"
    ):
        Recording.load(JOB, tmp_path)


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
    steps = [(1.0, [2.0], arrays[:1]), (1.5, [2.0], arrays[:1]), (1.0, [2.5], arrays[:1])]
    assert len({step_digest(*step) for step in [*steps, (1.0, [2.0], arrays[1:2])]}) == 4


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
