"""The command `python -m benchmarks.calibrate`, with fake processes."""

import signal
import sys
from pathlib import Path

import pytest

from benchmarks.compare import calibration
from benchmarks.compare.calibration import main
from benchmarks.runner import Process
from tests.helpers.fake_processes import FIRST, FakeProcesses


def test_busy_processes_end_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are killed."""
    busy: list[Process] = []

    def start(command: list[str]) -> Process:
        busy.append(Process(command))
        return busy[-1]

    monkeypatch.setattr(calibration, "Process", start)
    words = f"--python {sys.executable} --measure instructions --load 2 --sessions 1 --results"

    assert main([*words.split(), str(tmp_path)], FakeProcesses({FIRST: 1.0})) == 0
    assert [process._process.returncode for process in busy] == [-signal.SIGKILL] * 2
