"""Detection of samples during which another process had the CPU."""

from pathlib import Path

import pytest

from benchmarks.measuring import disturbance
from benchmarks.measuring.disturbance import Waiting


def test_waiting_is_read_in_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call reads the second number of the file again; without a file, it returns 0."""
    file = tmp_path / "schedstat"
    file.write_text("7 1500000000 3\n")
    monkeypatch.setattr(disturbance, "FILE", str(file))
    waiting = Waiting()

    assert waiting() == 1.5
    file.write_text("8000000000 2500000000 3\n")
    assert waiting() == 2.5
    waiting.close()
    assert waiting() == 0
    file.unlink()
    assert Waiting()() == 0
