"""Whether a sample was disturbed by others who had the processor."""

import time

import pytest

from benchmarks import disturbance
from benchmarks.disturbance import Moment, Watched, disturbed, moment

BEGIN = Moment(switches=3, processor=1.0, wall=5.0)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        # Taken away for a tenth of the time; for a hundredth, as a kernel's own work may be.
        (Moment(4, 1.9, 6.0), True),
        (Moment(4, 1.99, 6.0), False),
        # It waited of its own accord: that is a part of what it costs.
        (Moment(3, 1.1, 6.0), False),
        # Two threads have more time than the clock.
        (Moment(9, 3.0, 6.0), False),
    ],
)
def test_disturbed(after: Moment, expected: bool) -> None:
    """The processor was taken from the process, and for long enough to count."""
    assert expected is disturbed(BEGIN, after)


def test_moments_are_of_this_process() -> None:
    """Clock and processor go on while it works, and nothing goes back."""
    before = moment()
    end = time.process_time() + 0.002
    while time.process_time() < end:
        pass
    after = moment()

    assert after.processor - before.processor >= 0.002
    assert after.wall > before.wall
    assert after.switches >= before.switches >= 0


def test_samples_are_watched_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample is so many calls, and is looked at before its first and after its last."""
    moments = iter([BEGIN, *(Moment(n, n / 2, n) for n in (4, 5, 5, 6)), Moment(7, 9.0, 9.0)])
    monkeypatch.setattr(disturbance, "moment", lambda: next(moments))
    calls: list[int] = []

    watched = Watched(lambda number: calls.append(number) or number, calls=3)  # type: ignore[func-returns-value]
    returned = [watched(number) for number in range(7)]

    assert returned == calls == list(range(7))
    assert watched.disturbed == [True, True]
