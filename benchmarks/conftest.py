"""How the stages are timed: by rounds in a run, by long samples in a process of a comparison."""

from collections.abc import Callable
from typing import Any, Protocol

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.plugins.sampling import NAME, Sampler


class Measure(Protocol):
    """Times a target."""

    def __call__(
        self,
        target: Callable[..., object],
        setup: Callable[[], Any] | None,
        rounds: int,
        warmup_rounds: int,
    ) -> None:
        """Call `setup`, then `target` with what it gives; a comparison has its own rounds."""


@pytest.fixture
def planted() -> float:
    """Slowdown that is planted on purpose: none, unless a process of a calibration says so."""
    return 0.0


@pytest.fixture
def measure(pytestconfig: pytest.Config, benchmark: BenchmarkFixture, planted: float) -> Measure:
    """What a benchmark times its target with."""

    def time_target(
        target: Callable[..., object],
        setup: Callable[[], Any] | None,
        rounds: int,
        warmup_rounds: int,
    ) -> None:
        sampler = pytestconfig.pluginmanager.get_plugin(NAME)
        if isinstance(sampler, Sampler):
            sampler.measure(benchmark, planted, target, setup)
        else:
            benchmark.pedantic(  # type: ignore[no-untyped-call]
                target, setup=setup, rounds=rounds, warmup_rounds=warmup_rounds
            )

    return time_target
