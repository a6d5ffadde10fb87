"""The files of a recorded side: whether a traced step repeats a recorded one."""

import numpy as np
import pytest

from benchmarks.behaviour.files import Recording, Trace
from tests.helpers.histories import make_history


@pytest.mark.parametrize("wrong", range(3))
def test_step_repeats_only_if_all_of_its_digests_do(wrong: int) -> None:
    """They are those of the parameters before, of the gradients, and of the parameters after."""
    rows = np.arange(80, dtype=np.uint8).reshape(5, 16)
    recording = Recording(make_history(), gradients=rows[3:], parameters=rows[:3])
    digests = [rows[1].tobytes(), rows[4].tobytes(), rows[2].tobytes()]

    assert Trace([], *digests).repeats(recording, 2)
    digests[wrong] = bytes(16)
    assert not Trace([], *digests).repeats(recording, 2)
