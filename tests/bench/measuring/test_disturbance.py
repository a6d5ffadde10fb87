"""Whether a sample was disturbed by others who had the processor."""

import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.measuring import disturbance
from benchmarks.measuring.disturbance import Waiting, Watched


def test_samples_are_watched_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample of three calls is disturbed where more than 2% of it were lost, not less."""
    clock = iter([0.0, 1.0, 5.0, 6.0, 9.0])
    monkeypatch.setattr(disturbance, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    lost = iter([0.5, 0.519, 0.6, 0.621, 1.0])
    calls: list[int] = []

    def call(number: int) -> int:
        calls.append(number)
        return -number

    watched = Watched(call, 3, lambda: next(lost))
    returned = [watched(number) for number in range(7)]

    assert list(range(7)) == calls == [-value for value in returned]  # type: ignore[operator]
    assert watched.disturbed == [False, True]


def test_waiting_is_read_in_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second number of the file, again at each call; nothing where there is no file."""
    file = tmp_path / "schedstat"
    file.write_text("7000000000 1500000000 3\n")
    monkeypatch.setattr(disturbance, "FILE", str(file))
    waiting = Waiting()

    assert waiting() == 1.5
    file.write_text("8000000000 2500000000 3\n")
    assert waiting() == 2.5
    waiting.close()
    monkeypatch.setattr(disturbance, "FILE", str(tmp_path / "none"))
    assert Waiting()() == 0


@pytest.mark.skipif(not Path(disturbance.FILE).exists(), reason=f"no {disturbance.FILE} here")
def test_to_wait_of_ones_own_accord_is_not_to_be_disturbed() -> None:
    """A thread that waits for a clock has lost next to nothing; what is lost never shrinks."""
    waiting = Waiting()
    before, began = waiting(), time.perf_counter()
    threading.Event().wait(0.02)
    lost, elapsed = waiting() - before, time.perf_counter() - began
    waiting.close()

    assert 0 <= lost < elapsed
