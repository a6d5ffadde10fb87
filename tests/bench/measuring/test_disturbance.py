"""Detection of samples during which another process had the CPU."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.measuring import disturbance
from benchmarks.measuring.disturbance import Waiting, Watched


def test_sample_is_disturbed_if_over_2_percent_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two samples of three calls lose 1.9% and 2.1%; an unfinished sample does not count."""
    clock = iter([0.0, 1.0, 5.0, 6.0, 9.0])
    monkeypatch.setattr(disturbance, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    lost = iter([0.5, 0.519, 0.6, 0.621, 1.0])
    calls: list[int] = []

    def call(number: int) -> int:
        calls.append(number)
        return -number

    watched = Watched(call, 3, lambda: next(lost))
    returned = [watched(number) for number in range(7)]

    assert calls == list(range(7))
    assert returned == [-number for number in range(7)]
    assert watched.disturbed == [False, True]


def test_waiting_is_read_in_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second number of the file is read again at each call."""
    file = tmp_path / "schedstat"
    file.write_text("7000000000 1500000000 3\n")
    monkeypatch.setattr(disturbance, "FILE", str(file))
    waiting = Waiting()

    assert waiting() == 1.5
    file.write_text("8000000000 2500000000 3\n")
    assert waiting() == 2.5
    waiting.close()


def test_waiting_is_0_without_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On systems other than Linux, no sample counts as disturbed."""
    monkeypatch.setattr(disturbance, "FILE", str(tmp_path / "none"))

    assert Waiting()() == 0
