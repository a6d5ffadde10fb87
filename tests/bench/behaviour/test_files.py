"""Jobs, and the files of a recorded side: whether a traced step repeats a recorded one."""

import numpy as np
import pytest

from benchmarks.behaviour.files import Job, Recording, Trace
from rnn_core import EXPERIMENTS
from tests.helpers.histories import make_history


def test_job_has_its_own_number_of_epochs() -> None:
    """It may be larger or smaller than that of the experiment."""
    usual = EXPERIMENTS["exploding-rnn"].config.epochs

    found = [Job("exploding-rnn", "kernel", each).config.epochs for each in (None, 1, usual + 1)]

    assert found == [usual, 1, usual + 1]


@pytest.mark.parametrize("wrong", range(3))
def test_step_repeats_only_if_all_of_its_digests_do(wrong: int) -> None:
    """They are those of the parameters before, of the gradients, and of the parameters after."""
    rows = np.arange(80, dtype=np.uint8).reshape(5, 16)
    recording = Recording(make_history(), gradients=rows[3:], parameters=rows[:3])
    digests = [rows[1].tobytes(), rows[4].tobytes(), rows[2].tobytes()]

    assert Trace([], *digests).repeats(recording, 2)
    digests[wrong] = bytes(16)
    assert not Trace([], *digests).repeats(recording, 2)
