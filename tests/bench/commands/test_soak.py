"""The soak test: readings of a process that trains, their slopes, and the verdict."""

import mmap
from dataclasses import replace
from itertools import pairwise
from time import perf_counter
from typing import Any

import psutil
import pytest

from benchmarks.commands.soak import main
from benchmarks.measuring import growth
from benchmarks.measuring.growth import MODEL_ROUNDS, Slope, slope, watch
from rnn_core import History, NumericPrediction, TrainConfig, new_model, train
from rnn_core.data.digit_sums import DigitSums
from rnn_core.step import TrainingStep

TINY = TrainConfig(
    cell="LSTM", epochs=1, clip_norm=1.0, batch_size=2, hidden_size=4, execution="kernel"
)
STEPS, ROUNDS = 10, 40
# Limit in bytes per step for so short a run, in which memory pools still fill: in 12 runs, the
# intervals ended at 364 to 581 (Paddle 2.6.2 and 3.3.1, both roundings, November 2026).
SHORT_LIMIT = 8 * 2**10
LEAK = 100 * 2**10


def test_training_leaves_no_memory_files_or_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Building and training models, recording and streaming data do not make the process grow."""
    models: list[NumericPrediction] = []
    config = replace(TINY, num_steps=8, seed=3, dtype="float64")
    data = DigitSums(count=2 * STEPS, num_steps=8, batch_size=2, seed=3, dtype="float64")

    def make(config: TrainConfig) -> NumericPrediction:
        models.append(new_model(config))
        return models[-1]

    def trained(*given: Any) -> History:
        assert given == (config, data, models[-1])
        return train(*given)

    monkeypatch.setattr(growth, "new_model", make)
    monkeypatch.setattr(growth, "train", trained)
    began = perf_counter()

    seen = [*watch(config, STEPS, lambda reading: reading.step >= STEPS * ROUNDS)]

    assert seen[-1].seconds <= perf_counter() - began
    assert len(models) == ROUNDS // MODEL_ROUNDS
    # Resident memory, not the address space, which is ten times as large.
    assert seen[-1].memory == pytest.approx(psutil.Process().memory_info().rss, rel=0.5)
    for before, after in pairwise(seen):
        assert after.step_time * STEPS <= after.seconds - before.seconds
    assert [reading.step for reading in seen] == [STEPS * (n + 1) for n in range(ROUNDS)]
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
