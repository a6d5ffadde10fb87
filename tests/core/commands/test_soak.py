"""A soak: notes of a process that trains on, their slopes, and the verdict."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnn_core import NonFiniteError, TrainConfig, train
from rnn_core.__main__ import main
from rnn_core.commands import soak_command
from rnn_core.commands.soak import BLOCKS, Note, Slope, slope, soak
from rnn_core.step import TrainingStep

psutil = pytest.importorskip("psutil", reason="psutil, an optional extra, is not installed")
pytest.importorskip("scipy", reason="scipy, an optional extra, is not installed")

TINY = TrainConfig(
    cell="LSTM",
    epochs=1,
    learning_rate=0.01,
    clip_norm=1.0,
    batch_size=2,
    num_steps=3,
    emb_size=4,
    hidden_size=4,
    execution="kernel",
)
STEPS, ROUNDS = 10, 40
# Bytes a step may leave behind in so short a run, where pools still fill. Of 12 runs the intervals
# ended at 364 to 581 (Paddle 2.6.2 and 3.3.1, both roundings, November 2026).
SHORT_LIMIT = 8 * 2**10
LEAK = 100 * 2**10


def notes(memory: Callable[[int], float], rounds: int = 200) -> list[Note]:
    """Notes of rounds of 10 steps in which the memory was as given."""
    return [
        Note(10 * (n + 1), 0.1 * (n + 1), int(memory(n)), 5, 2, 0.01 + 1e-4 * (n % 7))
        for n in range(rounds)
    ]


def test_memory_does_not_grow_with_the_steps() -> None:
    """Training, recording and streamed data leave nothing behind, nor open files or threads."""
    seen = [*soak(TINY, STEPS, lambda note: note.step >= STEPS * ROUNDS)]

    assert [STEPS * (n + 1) for n in range(ROUNDS)] == [note.step for note in seen]
    assert slope(seen, "memory").verdict(SHORT_LIMIT) != "grows"
    assert Slope(0, 0, 0) == slope(seen, "files") == slope(seen, "threads")


def test_a_leak_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """100 KiB that every step keeps, and a file that every round leaves open, are growth."""
    kept: list[Any] = []
    update = TrainingStep.update

    def leaking(self: TrainingStep) -> None:
        update(self)
        kept.append(np.ones(LEAK, dtype=np.uint8))

    monkeypatch.setattr(TrainingStep, "update", leaking)
    found = slope([*soak(TINY, STEPS, lambda note: note.step >= STEPS * ROUNDS)], "memory")

    assert found.verdict(SHORT_LIMIT) == "grows"
    assert found.low <= LEAK * 1.1
    assert found.high >= LEAK * 0.9


def test_open_files_are_counted() -> None:
    """A file that a round leaves open is growth."""
    kept = []

    def done(note: Note) -> bool:
        kept.append(Path(__file__).open(encoding="utf-8"))  # noqa: SIM115
        return note.step >= 30

    try:
        found = slope([*soak(TINY, 1, done)], "files")
    finally:
        for file in kept:
            file.close()
    # One in every round of one step.
    assert pytest.approx([found.per_step, found.low, found.high]) == [1.0] * 3


def test_the_first_rounds_do_not_count() -> None:
    """Memory that rises at the start and then stays does not grow."""
    assert Slope(0, 0, 0) == slope(notes(lambda n: 10**6 * min(n, 35)), "memory")


def test_one_jump_is_no_growth() -> None:
    """A single jump, however high, moves neither the slope nor its lower end past the limit."""
    found = slope(notes(lambda n: 10**8 * (n > 120)), "memory")

    assert found.verdict(100) != "grows"


def test_a_slope_is_found_in_noise() -> None:
    """50 bytes a step among waves of 2000: the interval holds it, and is narrow."""
    found = slope(notes(lambda n: 500 * n + 1000 * (n * 7919 % 3)), "memory")

    assert found.low <= 50 <= found.high
    assert found.high - found.low < 5


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (101, 200, "grows"),
        (50, 101, "cannot tell"),
        (-50, 100, "does not grow"),
        (0, 0, "does not grow"),
    ],
)
def test_verdicts(low: float, high: float, verdict: str) -> None:
    """All of the interval, or none of it, must lie past the limit."""
    assert Slope((low + high) / 2, low, high).verdict(100) == verdict


def test_too_few_rounds_are_refused() -> None:
    """There must be a note for each block after the warm-up."""
    slope(notes(lambda _: 1.0, BLOCKS + 4), "memory")
    with pytest.raises(ValueError, match="must have at least 24 rounds, got 23"):
        slope(notes(lambda _: 1.0, BLOCKS + 3), "memory")


@pytest.mark.parametrize(
    ("memory", "status", "verdict"),
    [
        (lambda _: 2**30, 0, "The process does not grow, at a limit of 100 bytes a step."),
        (lambda n: 2**30 + 2000 * n, 1, "The process grows, at a limit of 100 bytes a step."),
        (
            lambda n: 2**30 + 10**8 * (n > 120),
            4,
            "The run is too short to tell whether the process grows, at a limit of 100 bytes a "
            "step.",
        ),
    ],
)
def test_the_command_says_it_and_exits_so(
    memory: Callable[[int], float],
    status: int,
    verdict: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The table has every quantity, its slope and its interval; the verdict is the last line."""
    monkeypatch.setattr(soak_command, "soak", lambda *_: iter(notes(memory)))

    assert main(["soak", "--minutes", "1", "--execution", "kernel"]) == status

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("LSTM (kernel), 2000 steps in 0.3 minutes, on cpu (")
    assert [line[2:12].strip() for line in lines[2:-1]] == [
        "memory",
        "open files",
        "threads",
        "step time",
    ]
    assert lines[-1] == verdict


def test_the_table_shows_slopes_per_thousand_steps(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """1024 bytes a round of 10 steps are 100 KiB per 1000 steps."""
    monkeypatch.setattr(soak_command, "soak", lambda *_: iter(notes(lambda n: 2**20 + 1024 * n)))
    main(["soak", "--minutes", "1"])

    assert "+100 (+100 to +100) KiB per 1000 steps: grows" in capsys.readouterr().out


def test_a_soak_of_a_moment_says_that_it_is_too_short(capsys: pytest.CaptureFixture[str]) -> None:
    """One round is trained and no verdict given."""
    assert main(["soak", "--minutes", "1e-6", "--cell", "RNN"]) == 4
    assert "must have at least 24 rounds, got 1: it needs more minutes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--minutes", "0"], "--minutes must be positive"),
        (["--minutes", "nan"], "--minutes must be positive"),
        (["--minutes", "1", "--limit", "-1"], "--limit must be at least 0 bytes, got -1.0"),
        (["--minutes", "1", "--device", "gpu:99"], "device 'gpu:99' is not there"),
        (["--minutes", "1", "--seed", "-1"], "seed must lie in"),
    ],
)
def test_bad_input_trains_nothing(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is wrong is said in one line, with status 2."""
    assert main(["soak", *options]) == 2

    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"error: {message}" in captured.err


def test_a_soak_that_comes_to_infinity_cannot_tell(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said in a line, and its status is not that of growth."""

    def soaks(*_: object) -> Iterator[Note]:
        yield from notes(lambda _: 2**30)
        raise NonFiniteError("loss or gradient not finite at step 7", train(TINY))

    monkeypatch.setattr(soak_command, "soak", soaks)

    assert main(["soak", "--minutes", "1"]) == 4
    said = "error: loss or gradient not finite at step 7: the soak cannot go on"
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["psutil", "scipy"])
def test_a_missing_extra_is_named(
    missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who has not installed what it needs is told how."""
    monkeypatch.setitem(sys.modules, missing, None)

    assert main(["soak", "--minutes", "1"]) == 2
    assert f'error: {missing} is missing: pip install "rnn_core[soak]"' in capsys.readouterr().err


def test_one_process_is_watched(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Several, launched together, are refused."""
    monkeypatch.setenv("PADDLE_TRAINERS_NUM", "2")

    assert main(["soak", "--minutes", "1"]) == 2
    assert "error: a soak is of one process, got 2" in capsys.readouterr().err
