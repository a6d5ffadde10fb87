"""Detection of samples during which another process had the CPU."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.measuring import disturbance
from benchmarks.measuring.disturbance import Waiting, Watched


def test_sample_is_disturbed_if_over_2_percent_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples of two calls lose 2%, 2.1%, 50% and nothing; the last is not finished."""
    calls: list[int] = []
    monkeypatch.setattr(
        disturbance, "time", SimpleNamespace(perf_counter=lambda: float(len(calls)))
    )
    waited = [0.0, 0.04, 0.04, 0.082, 0.082, 1.0, 1.082, 1.082, 1.082, 2.0]

    def call(number: int) -> int:
        calls.append(number)
        return -number

    watched = Watched(call, 2, lambda: waited[len(calls)])
    returned = [watched(number) for number in range(9)]

    assert calls == list(range(9))
    assert returned == [-number for number in range(9)]
    assert watched.disturbed == [False, True, True, False]


def test_waiting_is_read_in_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second number of the file is read again at each call."""
    file = tmp_path / "schedstat"
    file.write_text("7 1500000000 3\n")
    monkeypatch.setattr(disturbance, "FILE", str(file))
    waiting = Waiting()

    assert waiting() == 1.5
    file.write_text("8000000000 2500000000 3\n")
    assert waiting() == 2.5
    waiting.close()
    assert waiting() == 0


def test_waiting_is_0_without_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On systems other than Linux, no sample counts as disturbed."""
    monkeypatch.setattr(disturbance, "FILE", str(tmp_path / "none"))

    assert Waiting()() == 0
