"""The soak test: readings of a process that trains, their slopes, and the verdict."""

import mmap
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from time import perf_counter
from typing import Any
from unittest.mock import MagicMock

import psutil
import pytest

from benchmarks.commands import soak
from benchmarks.commands.soak import main
from benchmarks.measuring import growth
from benchmarks.measuring.growth import BLOCKS, MODEL_ROUNDS, Reading, Slope, slope, watch
from rnn_core import History, NonFiniteError, NumericPrediction, TrainConfig, new_model, train
from rnn_core.data.digit_sums import DigitSums
from rnn_core.step import TrainingStep
from tests.bench.commands.conftest import Ended, RunMain
from tests.helpers.command_lines import assert_rejected

TINY = TrainConfig(
    cell="LSTM", epochs=1, clip_norm=1.0, batch_size=2, hidden_size=4, execution="kernel"
)
STEPS, ROUNDS = 10, 40
# Limit in bytes per step for so short a run, in which memory pools still fill: in 12 runs, the
# intervals ended at 364 to 581 (Paddle 2.6.2 and 3.3.1, both roundings, November 2026).
SHORT_LIMIT = 8 * 2**10
LEAK = 100 * 2**10


def readings(memory: Callable[[int], float], rounds: int = 200) -> list[Reading]:
    """Make readings after rounds of 10 steps, with the memory given for each round."""
    return [
        Reading(10 * (n + 1), 30.1 * (n + 1), int(memory(n)), 5, 2, 0.01 + 1e-4 * (n % 7))
        for n in range(rounds)
    ]


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


def test_slope_skips_the_warm_up() -> None:
    """Memory that rises only in the first rounds does not count as growth."""
    assert slope(readings(lambda n: 10**6 * min(n, 35)), "memory") == Slope(0, 0, 0)


def test_slope_is_found_in_noise() -> None:
    """In waves of 2000 bytes, a narrow interval contains the slope of 50 bytes a step."""
    found = slope(readings(lambda n: 500 * n + 1000 * (n * 7919 % 3)), "memory")

    assert found.low <= 50 <= found.high
    assert found.high - found.low < 5


def test_interval_has_a_confidence_of_95_percent() -> None:
    """One of 50% would end at -7.6 and 5.5 in this noise, and one of 90% at -15.1 and 13.3."""
    found = slope(readings(lambda n: 1000 * (n * n * 7919 % 101)), "memory")

    assert [found.low, found.high] == pytest.approx([-17.92, 14.29], abs=0.01)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (101, 200, "grows"),
        (50, 101, "cannot tell"),
        (-50, 100, "does not grow"),
        (0, 0, "does not grow"),
    ],
)
def test_verdict_needs_the_whole_interval(low: float, high: float, verdict: str) -> None:
    """The interval must lie above the limit, or must not exceed it."""
    assert Slope((low + high) / 2, low, high).verdict(100) == verdict


def test_slope_needs_a_reading_for_each_block() -> None:
    """24 rounds are the fewest that leave 20 after the warm-up."""
    slope(readings(lambda _: 1.0, BLOCKS + 4), "memory")

    with pytest.raises(ValueError, match="needs at least 24 rounds, got 23"):
        slope(readings(lambda _: 1.0, BLOCKS + 3), "memory")


@pytest.fixture
def soak_of(monkeypatch: pytest.MonkeyPatch, run_main: RunMain) -> Callable[..., Ended]:
    """Return a function that runs a soak with these readings, and raises an error after them."""

    def ended(memory: Callable[[int], float], *errors: BaseException, grows: str = "") -> Ended:
        def watched(
            config: TrainConfig, _: int, done: Callable[[Reading], bool]
        ) -> Iterator[Reading]:
            shape = replace(TINY, batch_size=16, emb_size=32, hidden_size=32)
            assert config == replace(shape, seed=3, on_nonfinite="raise")
            for number, reading in enumerate(readings(memory)):
                yield reading._replace(**{grows: number}) if grows else reading
            ends = [done(reading._replace(seconds=seconds)) for seconds in (59.9, 60.0)]
            assert ends == [False, True]
            for error in errors:
                raise error

        monkeypatch.setattr(soak, "watch", watched)
        words = "--minutes 1 --execution kernel --limit 100 --seed 3"
        return run_main(main, *words.split())

    return ended


@pytest.mark.parametrize(
    ("memory", "status", "verdict"),
    [
        (lambda _: 2**30, 0, "The process does not grow"),
        (lambda n: 2**30 + 900 * n, 0, "The process does not grow"),
        (lambda n: 2**30 + 2000 * n, 1, "The process grows"),
        (
            lambda n: 2**30 + 10**8 * (n > 120),
            4,
            "The run is too short to tell whether the process grows",
        ),
    ],
    ids=["constant", "90 bytes a step", "200 bytes a step", "a jump"],
)
def test_soak_prints_the_verdict_and_exits_with_its_status(
    memory: Callable[[int], float], status: int, verdict: str, soak_of: Callable[..., Ended]
) -> None:
    """The table has a row for each quantity; the verdict is the last line."""
    ended = soak_of(memory)
    lines = ended.out.splitlines()
    names = [line[2:12].strip() for line in lines[2:-1]]

    assert ended.status == status
    assert lines[0].startswith("LSTM (kernel), 2000 steps in 100.3 minutes, on cpu (")
    assert names == ["memory", "open files", "threads", "step time"]
    assert lines[-1] == f"{verdict}, at a limit of 100 bytes a step."


def test_soak_prints_slopes_per_1000_steps(soak_of: Callable[..., Ended]) -> None:
    """10,200 bytes in each round of 10 steps are 996 KiB per 1000 steps."""
    lines = soak_of(lambda n: 2**20 + 10_200 * n + 1000 * (n * n * 7919 % 101)).out.splitlines()

    assert lines[2:-1] == [
        "  memory       1.4377 to 2.9987 MiB    +998 (+984 to +1.02e+03) KiB per 1000 steps: grows",
        "  open files        5 to 5             +0 (+0 to +0) per 1000 steps: does not grow",
        "  threads           2 to 2             +0 (+0 to +0) per 1000 steps: does not grow",
        "  step time      10.5 to 10.3 ms       +0 (-48.1 to +0) us per 1000 steps",
    ]


def test_soak_shows_its_progress(
    soak_of: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bar counts seconds, and is full after those that were asked for."""
    bars = MagicMock()
    monkeypatch.setattr(soak, "tqdm", bars)
    soak_of(lambda _: 2**30)
    bar = bars.return_value.__enter__.return_value

    bars.assert_called_once_with(total=60, unit="s", disable=None, leave=False)
    bar.set_postfix.assert_called_with(memory="1024.0 MiB", refresh=False)
    assert [call.args for call in bar.update.call_args_list[:3]] == [(30,), (30,), (0,)]


@pytest.mark.parametrize(("grows", "status"), [("files", 1), ("threads", 1), ("step_time", 0)])
def test_soak_lets_only_times_grow(grows: str, status: int, soak_of: Callable[..., Ended]) -> None:
    """The limit of 100 a step is that of bytes; any growth of files and threads counts."""
    assert soak_of(lambda _: 2**30, grows=grows).status == status


def test_soak_exits_4_at_a_nonfinite_loss(soak_of: Callable[..., Ended]) -> None:
    """A run that cannot continue is not reported as growth."""
    error = NonFiniteError("loss or gradient not finite at step 7", train(TINY))
    ended = soak_of(lambda _: 2**30, error)

    assert ended.status == 4
    assert "error: loss or gradient not finite at step 7: the soak cannot" in ended.err


def test_soak_exits_130_after_ctrl_c(soak_of: Callable[..., Ended]) -> None:
    """The table of the rounds so far is printed, but its verdict is not the status."""
    ended = soak_of(lambda n: 2**30 + 2000 * n, KeyboardInterrupt())

    assert ended.status == 130
    assert "The process grows" in ended.out


def test_soak_exits_4_when_it_is_too_short(capsys: pytest.CaptureFixture[str]) -> None:
    """One round is trained, which is not enough for a verdict."""
    assert main(["--minutes", "1e-6", "--cell", "RNN"]) == 4
    assert "needs at least 24 rounds, got 1: increase --minutes" in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["psutil", "scipy"])
def test_soak_names_a_missing_package(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says how to install it."""
    monkeypatch.setitem(sys.modules, missing, None)

    message = f'error: {missing} is missing: pip install "rnn_core[soak]"'
    assert_rejected(main, ["--minutes", "1"], message)


def test_soak_rejects_several_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that was launched in two processes is refused."""
    monkeypatch.setenv("PADDLE_TRAINERS_NUM", "2")

    assert_rejected(main, ["--minutes", "1"], "error: a soak runs in 1 process, got 2")
    message = "python -m benchmarks.soak: error: argument --execution: invalid choice: 'fast'"
    assert_rejected(main, ["--minutes", "1", "--execution", "fast"], message)
    message = "error: unrecognized arguments: --threads 1"
    assert_rejected(main, ["--minutes", "1", "--threads", "1"], message)
