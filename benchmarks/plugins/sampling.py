"""One process of a comparison: times each selected benchmark in long samples, or counts it.

`benchmarks.compare` and `benchmarks.calibrate` start such processes. With `--sample`, the root
conftest registers this plugin instead of the one that saves and compares runs.
"""

import gc
import json
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks import ROOT
from benchmarks.instructions.counter import Counter
from benchmarks.measuring.disturbance import Waiting, Watched
from benchmarks.measuring.interleave import SHORTEST_SAMPLE
from benchmarks.measuring.memory import allocated, allocated_peak
from benchmarks.plugins.adapter import BenchmarkSession, rounds_of
from benchmarks.plugins.comparison import SavedEnvironments, describe_environments
from benchmarks.plugins.saving import Saving
from benchmarks.saved.saved_run import Series
from benchmarks.source import check_source

NAME = "rnn_core-sampler"

LEAST_SAMPLES = 5
# Length of the warm-up in seconds, and its minimum number of calls.
WARM_UP, WARM_UP_CALLS = 0.03, 3
# Calls to count, and calls before them until caches and allocations have settled: the first ones
# take up to 1% more, later ones vary by 0.02% from one to the next.
COUNTED_CALLS, CALLS_BEFORE = 3, 5


@dataclass(frozen=True)
class Settings:
    """Settings of one process.

    Attributes:
        seed: random seed for the order of the benchmarks, the same on both sides of a pair.
        seconds: time to spend on each benchmark.
        only: names of the benchmarks to measure; None for all selected ones.
        planted: shares of a benchmark's own work to plant, each measured; empty to plant none.
        measure: what to measure.
        source: folder that rnn_core must come from.
        rnn_core: version of rnn_core, to be saved with the environment.
        begun: time at which the process was started, to be saved.
        dumps: path that Valgrind writes its counts to, each with a number after it.
    """

    seed: int
    seconds: float
    only: tuple[str, ...] | None = None
    planted: tuple[float, ...] = ()
    measure: Series = "time"
    source: str = str(ROOT)
    rnn_core: str = ""
    begun: str | None = None
    dumps: str = ""

    def dump(self) -> str:
        """Return the value of `--sample`."""
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, text: str) -> "Settings":
        """Read what `dump` wrote.

        Raises:
            pytest.UsageError: the text is something else.
        """
        try:
            values = json.loads(text)
            only = values.pop("only")
            planted = tuple(values.pop("planted"))
            return cls(**values, only=None if only is None else tuple(only), planted=planted)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise pytest.UsageError(
                f"--sample is internal to benchmarks.compare, which writes its value: {error!r}"
            ) from error


class Sampler(SavedEnvironments):
    """Selects, orders and measures the benchmarks of one process."""

    def __init__(self, config: pytest.Config, saving: Saving) -> None:
        self.config, self.saving = config, saving
        self.settings = Settings.load(config.getoption("sample"))
        self.counter: Counter | None = None
        self.counts: list[Callable[[Counter], None]] = []  # Those to make when all tests have run.
        self.held = 0  # Bytes that belong to the counts to be made.
        self.counted: dict[str, dict[str, int]] = {}  # Instructions of each test's benchmarks.
        if self.settings.measure == "instructions":
            self.counter = Counter(Path(self.settings.dumps))

    @pytest.hookimpl(trylast=True)  # The planted share comes last in a benchmark's name.
    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Time each benchmark with every slowdown; one test counts a benchmark at all levels."""
        if self.settings.planted and self.counter is None and "planted" in metafunc.fixturenames:
            metafunc.parametrize("planted", self.settings.planted, ids=planted_id)

    def shares(self, test: str) -> dict[str, float]:
        """Return the benchmarks that a test measures, and the share of work to plant in each."""
        shares = self.settings.planted if self.counter else ()
        names = {planted_name(test, share): share for share in shares} or {test: 0.0}
        only = self.settings.only
        return {name: share for name, share in names.items() if only is None or name in only}

    @pytest.hookimpl(trylast=True)  # After -k and -m.
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Deselect what is not asked for, and shuffle the rest by the seed."""
        chosen = [item for item in items if self.shares(item.nodeid)]
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        Random(self.settings.seed).shuffle(chosen)  # noqa: S311 - not for cryptography
        items[:] = chosen

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Describe what the results depend on."""
        try:
            check_source(Path(self.settings.source))
        except ImportError as error:
            raise pytest.UsageError(str(error)) from error
        self.environments = {
            device: facts | {"rnn_core": self.settings.rnn_core}
            for device, facts in describe_environments(session.items).items()
        }

    def pytest_runtest_setup(self) -> None:
        """Remember how much memory is not the next benchmark's."""
        if self.counts:
            gc.collect()
            self.held = allocated("cpu")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self) -> Any:
        """Count if counts are wanted; write the results, or say why they cannot be written."""
        if self.counter is not None:
            self.count_all(self.counter)
        benchmarks = BenchmarkSession(self.config)
        file, _ = benchmarks.take_requests()
        if file is not None and benchmarks.benchmarks:
            with self.saving.attempt(file):
                benchmarks.write(file)
        return (yield)

    def pytest_benchmark_update_json(self, output_json: dict[str, Any]) -> None:
        """Save the counts and the settings too."""
        super().pytest_benchmark_update_json(output_json)
        if self.counter is not None:
            output_json["benchmarks"] = [
                {**each, "fullname": name, "extra_info": {**each["extra_info"], "instructions": of}}
                for each in output_json["benchmarks"]
                for name, of in self.counted[each["fullname"]].items()
            ]
        output_json["sampling"] = asdict(self.settings)

    def measure(
        self,
        benchmark: BenchmarkFixture,
        planted: float,
        target: Callable[..., object],
        setup: Callable[[], Any] | None,
        first: bool,
    ) -> None:
        """Time `target` or count its instructions, and record the peak of its memory.

        If each call is the first one of a new model, no calls precede those that are counted, and
        memory is not measured.
        """
        if self.counter is None:
            gc.unfreeze()
        gc.collect()  # What earlier benchmarks have left would count as memory of this one.
        gc.freeze()  # Later collections would visit all existing objects, which takes 50 ms.
        if self.counter is not None:
            benchmark.pedantic(prepared(target, setup))  # type: ignore[no-untyped-call]
            benchmark.extra_info["lower_quartile"] = None  # Its time means nothing.
            before = 0 if first else CALLS_BEFORE
            self.counts.append(partial(self.count, benchmark, target, setup, before))
        elif not first:
            prepared(target, setup)()  # As when counting: timed calls vary in number.
        if not first:
            device = benchmark.extra_info.get("device", "cpu")
            peak = allocated_peak(prepared(target, setup), device)
            benchmark.extra_info["peak_bytes"] = peak - self.held
        if self.counter is None:
            self.time(benchmark, planted, target, setup)

    def time(
        self,
        benchmark: BenchmarkFixture,
        planted: float,
        target: Callable[..., object],
        setup: Callable[[], Any] | None,
    ) -> None:
        """Time `target` in samples after a warm-up, with fixed work before and after.

        A sample takes at least 10 ms; with a setup before each call, it is a single call.
        """
        call = slowed(target, planted) if planted else target
        duration = warm_up(call, setup)
        calls = 1 if setup else math.ceil(SHORTEST_SAMPLE / duration)
        samples = max(LEAST_SAMPLES, math.ceil(self.settings.seconds / (calls * duration)))
        gc.collect()
        gc.freeze()
        work = [fixed_work()]
        waiting = Waiting()
        watched = Watched(call, calls, waiting)
        benchmark.pedantic(watched, setup=setup, rounds=samples, iterations=calls)  # type: ignore[no-untyped-call]
        waiting.close()
        work.append(fixed_work())
        benchmark.extra_info["fixed_work_ms"] = statistics.mean(work)
        quartile = lower_quartile(rounds_of(benchmark), watched.disturbed)
        benchmark.extra_info["lower_quartile"] = quartile

    def count_all(self, counter: Counter) -> None:
        """Count all benchmarks after the last test: what runs in between would take far longer."""
        gc.disable()
        for count in self.counts:
            count(counter)
        counter.stop()

    def count(
        self,
        benchmark: BenchmarkFixture,
        target: Callable[..., object],
        setup: Callable[[], Any] | None,
        before: int,
        counter: Counter,
    ) -> None:
        """Count the instructions of `target` after some calls, with each planted share of work.

        With a setup before each call, a single call is counted.
        """
        from rnn_core.runtime.devices import use_device  # Not at the top: it imports Paddle.

        test, calls = benchmark.fullname, 1 if setup else COUNTED_CALLS
        # If Valgrind ends the process, this is the last line of its output.
        print(f"\n{test}", flush=True)
        counted, usual = self.counted.setdefault(test, {}), 0
        with use_device(benchmark.extra_info.get("device", "cpu")):
            for _ in range(before):
                prepared(target, setup)()
            for name, share in self.shares(test).items():
                call = prepared(target, setup)
                if share:
                    usual = usual or counter.count(prepared(target, setup), 1)
                    call = counter.with_more(call, share, usual)
                total = counter.count(call, calls, "" if share else f"{calls} {name}")
                counted[name] = round(total / calls)
                usual = usual or counted[name]


def prepared(
    target: Callable[..., object], setup: Callable[[], Any] | None
) -> Callable[[], object]:
    """Return a call with inputs from `setup`."""
    inputs, named = (setup() if setup else None) or ((), {})
    return partial(target, *inputs, **named)


def lower_quartile(times: Sequence[float], disturbed: Sequence[bool]) -> float | None:
    """Return the lower quartile of the undisturbed samples; None if most were disturbed.

    The first sample is left out: it is often slow, however long the warm-up. The lower quartile
    varies less between processes than the median does, because other virtual machines on the same
    hardware slow this one down for a tenth of a second at a time, and it cannot detect that.
    """
    whole = [time for time, bad in zip(times, disturbed, strict=True) if not bad]
    if 2 * len(whole) <= len(times):
        return None
    return float(np.percentile(whole[0 if disturbed[0] else 1 :] or whole, 25))


def warm_up(call: Callable[..., object], setup: Callable[[], Any] | None) -> float:
    """Call until caches and allocations have settled; return the seconds of a typical call."""
    durations: list[float] = []
    end = time.perf_counter() + WARM_UP
    while len(durations) < WARM_UP_CALLS or time.perf_counter() < end:
        inputs, named = (setup() if setup else None) or ((), {})
        begin = time.perf_counter()
        call(*inputs, **named)
        durations.append(time.perf_counter() - begin)
    return max(statistics.median(durations), 1e-7)


def slowed(call: Callable[..., object], share: float) -> Callable[..., object]:
    """Return a call that keeps the CPU busy afterwards, for a share of the call's own time."""

    def slow(*inputs: object) -> object:
        begin = time.perf_counter()
        result = call(*inputs)
        now = time.perf_counter()
        end = now + share * (now - begin)
        while time.perf_counter() < end:
            pass
        return result

    return slow


def planted_id(share: float) -> str:
    """Return the part of a benchmark's name that stands for a planted share of work."""
    return f"planted:{share:g}"


def planted_name(name: str, share: float) -> str:
    """Return the name of a benchmark with a planted share of work."""
    return f"{name.removesuffix(']')}-{planted_id(share)}]"


def fixed_work() -> float:
    """Return the milliseconds that a fixed piece of work takes: the current pace of the machine.

    The work is a Python loop, and products of matrices that fit into the first-level cache, without
    Paddle. It is done five times; the result is the median.
    """
    matrix = np.full((64, 64), 0.5, dtype=np.float32)
    durations = []
    for _ in range(5):
        begin = time.perf_counter()
        total = 0
        for number in range(50_000):
            total += number * number
        for _ in range(100):
            matrix = matrix @ matrix
            matrix /= matrix[0, 0]
        durations.append(time.perf_counter() - begin)
    return 1e3 * statistics.median(durations)
