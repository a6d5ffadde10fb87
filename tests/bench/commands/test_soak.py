"""The soak test: readings of a process that trains, their slopes, and the verdict."""

import gc
import mmap

import psutil
import pytest

from benchmarks.commands.soak import main
from benchmarks.measuring.growth import Slope, slope, watch
from rnn_core import TrainConfig
from rnn_core.step import TrainingStep

TINY = TrainConfig(
    cell="LSTM", epochs=1, clip_norm=1.0, batch_size=2, hidden_size=4, execution="kernel"
)
STEPS, ROUNDS = 10, 40
# Limit in bytes per step for so short a run, in which memory pools still fill: in 12 runs, the
# intervals ended at 364 to 581 (Paddle 2.6.2 and 3.3.1, both roundings, November 2026).
SHORT_LIMIT = 8 * 2**10
LEAK = 100 * 2**10


def test_training_leaves_no_memory_files_or_threads() -> None:
    """Building and training models, recording and streaming data do not make the process grow."""
    gc.collect()  # The files of what earlier tests have left would close meanwhile.
    seen = [*watch(TINY, STEPS, lambda reading: reading.step >= STEPS * ROUNDS)]

    # Resident memory, not the address space, which is ten times as large.
    assert seen[-1].memory == pytest.approx(psutil.Process().memory_info().rss, rel=0.5)
    assert len(seen) == ROUNDS
    assert slope(seen, "memory").verdict(SHORT_LIMIT) != "grows"
    assert slope(seen, "files") == slope(seen, "threads") == Slope(0, 0, 0)


def test_soak_finds_a_memory_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    """If each step keeps 100 KiB, the process grows by about 100 KiB per step."""
    kept: list[mmap.mmap] = []
    update = TrainingStep.update

    def leaking(self: TrainingStep) -> None:
        update(self)
        # A separate mapping: the allocator could reuse memory that earlier tests have freed.
        kept.append(mmap.mmap(-1, LEAK))
        kept[-1].write(b"\1" * LEAK)

    monkeypatch.setattr(TrainingStep, "update", leaking)
    try:
        found = slope([*watch(TINY, STEPS, lambda r: r.step >= STEPS * ROUNDS)], "memory")
    finally:
        for mapping in kept:
            mapping.close()

    assert found.verdict(SHORT_LIMIT) == "grows"
    assert found.low <= LEAK * 1.1
    assert found.high >= LEAK * 0.9


def test_soak_exits_4_when_it_is_too_short(capsys: pytest.CaptureFixture[str]) -> None:
    """One round is trained, which is not enough for a verdict."""
    assert main(["--minutes", "1e-6", "--cell", "RNN"]) == 4
    assert "needs at least 24 rounds, got 1: increase --minutes" in capsys.readouterr().err
