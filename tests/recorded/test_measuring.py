"""What the benchmarks measure and decide, with a clock and readings that are made up."""

import gc
import os
import runpy
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock
from weakref import WeakSet

import numpy as np
import pytest

from benchmarks import entry, locks
from benchmarks.measuring import disturbance, growth, interleave, memory, threads
from benchmarks.measuring.growth import Reading, Slope, slope
from benchmarks.plugins import sampling
from benchmarks.plugins.sampling import Sampler, Settings
from benchmarks.plugins.saving import Saving
from tests.helpers.recorded import ended, outcome
from tests.recorded.conftest import Check


class Clock:
    """A clock that advances by hand, and by a tick at each reading."""

    def __init__(self, tick: float = 0.0) -> None:
        self.now, self.tick = 0.0, tick

    def perf_counter(self) -> float:
        """Advance by a tick and return the time."""
        self.now += self.tick
        return self.now

    def work(self, seconds: float, *_: object) -> float:
        """Let time pass, and return how much."""
        self.now += seconds
        return seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that all measuring code reads."""
    clock = Clock()
    for module in (disturbance, growth, interleave, sampling):
        monkeypatch.setattr(module, "time", clock)
    return clock


def test_rounds(clock: Clock, monkeypatch: pytest.MonkeyPatch, check: Check) -> None:
    """The order of the calls and how often each is made, for short and long ones.

    Whoever stops early, and has no collector, leaves no object frozen.
    """
    lines = []
    for count, rounds, seed in ((1, 2, 0), (3, 3, 0), (3, 3, 1), (5, 2, 7)):
        for seconds in (1e-9, 0.003, 0.01, 0.5):
            called: list[str] = []

            def call(name: str, seconds: float) -> None:
                called.append(name)  # noqa: B023
                clock.work(seconds)

            names = "abcde"[:count]
            calls = {
                name: partial(call, name, k * seconds + seconds) for k, name in enumerate(names)
            }
            monkeypatch.setattr(interleave, "gc", garbage := Mock())
            garbage.isenabled.return_value = seconds > 0.005
            garbage.collect.side_effect = partial(called.append, " ")
            found = [*islice(interleave.time_rounds(calls, rounds + seed, seed), rounds)]
            lines.append(" ".join(name for name, *_ in garbage.mock_calls))
            runs = "".join(called) if len(called) < 60 else f"{len(called)} calls"
            lines.append(f"{count} calls of {seconds:g} s, {rounds} rounds, seed {seed}: {runs}")
            lines += [f"  {', '.join(f'{n} {t:.3g}' for n, t in times.items())}" for times in found]
    garbage.reset_mock()
    failing = {"a": Mock(side_effect=["compiled", "counted", LookupError("lost")])}
    lines.append(ended(list, interleave.time_rounds(failing, 2)).text)
    lines.append(" ".join(name for name, *_ in garbage.mock_calls))
    check(lines)


def test_ratios_of_rounds(check: Check) -> None:
    """Medians and ratios of seeded times, for one round and for many."""
    random, lines = np.random.default_rng(1), []
    for rounds in (1, 2, 3, 4, 5, 10, 21):
        for scale in (1e-6, 1e-3, 2.5, 400.0):
            times = scale * random.lognormal(0, 0.5, (rounds, 2))
            found: Any = [dict(zip("ab", pair, strict=True)) for pair in times.tolist()]
            medians = ", ".join(f"{interleave.median_ms(found, name):.5g} ms" for name in "ab")
            ratio = interleave.ratio(found, "a", "b")
            lines.append(f"{rounds} rounds of {scale:g} s: {medians}, {ratio}")
            lines[-1] += f", {ratio.median:.5g} {ratio.low:.5g} {ratio.high:.5g}"
    check(lines)


def test_disturbed_samples(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, check: Check
) -> None:
    """Samples of some calls that lose a share of their time, which the system tells or not."""
    file = tmp_path / "schedstat"
    monkeypatch.setattr(disturbance, "FILE", str(file))
    file.write_text("7 1500000000 3\n")
    waiting, without = disturbance.Waiting(), disturbance.Waiting()
    descriptor = without.file
    without.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)  # type: ignore[arg-type]
    lines = [f"{waiting()} s, closed {without()} s"]
    file.write_text("8000000000 2500000000 3\n")
    lines.append(f"{waiting()} s")
    for _ in range(2):
        waiting.close()
    file.unlink()
    lines.append(f"without a file {disturbance.Waiting()()} s")
    monkeypatch.setattr(disturbance, "FILE", f"{__file__}/forbidden")
    lines.append(f"with another error {disturbance.Waiting()()} s")
    for calls in (1, 2, 5):
        lost = 0.0
        for share in (0.0, 0.0199, 0.02, 0.0201, 0.5, 1.0):
            at: list[float] = []

            def call(value: object) -> object:
                nonlocal lost
                clock.work(1.0)
                lost += at[0]  # noqa: B023
                return value

            watched = disturbance.Watched(call, calls, lambda: lost)  # noqa: B023
            for each in (share, 0.0, share, 2 * share):
                at[:], lost = [each], 0.0
                assert [watched(n) for n in range(calls)] == [*range(calls)]
            at[:] = [1.0]
            watched(None)
            lines.append(f"samples of {calls} calls that lose {share:.2%}: {watched.disturbed}")
    check(lines)


def readings(memory: Callable[[int], float], rounds: int) -> list[Reading]:
    """Readings after rounds of 10 steps, with the memory given for each."""
    return [
        Reading(10 * (n + 1), 3.1 * (n + 1), int(memory(n)), 5 + n // 50, 2, 0.01 + 1e-4 * (n % 7))
        for n in range(rounds)
    ]


def test_slopes(check: Check) -> None:
    """Growth of made-up quantities, their verdicts at limits, and runs that are too short."""
    noise = np.random.default_rng(3).normal(size=1000)
    shapes: dict[str, Callable[[int], float]] = {
        "constant": lambda _: 2**30,
        "filling": lambda n: 10**6 * min(n, 35),
        "rising": lambda n: 500 * n,
        "falling": lambda n: 2**30 - 700 * n,
        "noise": lambda n: 2**30 + 10**4 * noise[n],
        "rising in noise": lambda n: 2**30 + 800 * n + 10**4 * noise[n],
        "jump": lambda n: 2**30 + 10**8 * (n > 120),
        "late jump": lambda n: 2**30 + 10**8 * (n > 190),
        "waves": lambda n: 500 * n + 1000 * (n * 7919 % 3),
    }
    lines = []
    for name, shape in shapes.items():
        for rounds in (0, 1, 23, 24, 25, 100, 200) if name == "constant" else (24, 100, 200):
            seen = readings(shape, rounds)
            found, error, *_ = ended(slope, seen, "memory")
            if error:
                lines.append(f"{name}, {rounds} rounds: {error}")
                continue
            text = f"{found.per_step:.5g} ({found.low:.5g} to {found.high:.5g})"
            verdicts = [f"{limit:g} {found.verdict(limit)}" for limit in (0.0, 50.0, 100.0, 1e5)]
            others = [f"{slope(seen, each).per_step:.3g}" for each in ("files", "step_time")]
            lines.append(f"{name}, {rounds} rounds: {text}: {', '.join(verdicts)}; {others}")
    bounds = (-1.0, 0.0, 99.9, 100.0, 100.1)
    for low in bounds:
        for high in (each for each in bounds if each >= low):
            found = Slope((low + high) / 2, low, high)
            lines.append(f"{low:g} to {high:g}: {[found.verdict(at) for at in (0.0, 100.0)]}")
    check(lines)


def test_rounds_of_a_soak(clock: Clock, monkeypatch: pytest.MonkeyPatch, check: Check) -> None:
    """What each round trains, and what is read after it, on Linux and on Windows."""
    import psutil

    events: list[str] = []
    alive: WeakSet[Any] = WeakSet()

    class Made:
        def __init__(self, **attributes: object) -> None:
            vars(self).update(attributes)
            alive.add(self)

    def train(_: object, data: Any, model: Any) -> Any:
        clock.work(0.5 + 0.01 * len(events))
        events.append(f"train model {model.name} of {len(alive)} in memory on {data}")
        return Made(steps=len(data))

    def new_model(config: Any) -> Any:
        clock.work(0.25)
        events.append(f"new model of {config.cell}")
        return Made(name=sum("new" in event for event in events))

    memory, read = iter(range(10**6, 10**8, 4096)), [0]

    @contextmanager
    def oneshot() -> Iterator[None]:  # Meanwhile, psutil reads once.
        read[:] = [next(memory)]
        yield

    process: dict[str, Any] = {
        "oneshot": oneshot,
        "memory_info": lambda: SimpleNamespace(rss=read[0], vms=-1),
        "num_threads": lambda: 7,
    }
    monkeypatch.setattr(growth, "train", train)
    monkeypatch.setattr(growth, "new_model", new_model)
    config: Any = SimpleNamespace(cell="LSTM", batch_size=4, num_steps=8, seed=3, dtype="float64")
    for files in ({"num_fds": lambda: 5, "num_handles": lambda: 400}, {"num_handles": lambda: 9}):
        monkeypatch.setattr(
            psutil, "Process", lambda files=files: SimpleNamespace(**process, **files)
        )
        for reading in growth.watch(config, 6, lambda reading: reading.step >= 6 * 12):
            values = [f"{value:.6g}" for value in reading]
            events.append(f"  {dict(zip(reading._fields, values, strict=True))}")
    for missing in ("psutil", "scipy"):
        monkeypatch.setattr(
            growth, "find_spec", lambda name, missing=missing: name != missing or None
        )
        events.append(outcome(growth.check_extra))
    check(events)


def test_peaks(monkeypatch: pytest.MonkeyPatch, check: Check) -> None:
    """Peaks of calls after earlier peaks, from counters that do or do not count."""
    import paddle
    from paddle.base import core

    lines: list[str] = []
    state = {"current": 0, "peak": 0}

    class Block:
        def __init__(self, size: int) -> None:
            self.shape = [size]
            state["current"] += size * counting
            state["peak"] = max(state.values())
            lines.append(f"  block of {size}: {state}")

        def __del__(self) -> None:
            state["current"] -= self.shape[0] * counting

    def empty(shape: list[int], _: str) -> Block:
        return Block(shape[0])

    def value(which: str, where: str, kind: str, number: int) -> int:
        assert kind == "Allocated"  # Not what Paddle keeps for later.
        lines.append(f"  {where} {number}: {which}") if number else None
        return state[which] + hidden * (which == "current")

    for where in ("host", "device"):
        for which in ("current", "peak"):
            monkeypatch.setattr(
                core, f"{where}_memory_stat_{which}_value", partial(value, which, where)
            )
    monkeypatch.setattr(paddle, "empty", empty)
    monkeypatch.setattr("rnn_core.runtime.devices.synchronize", lambda name: lines.append(name))
    for counting in (1, 0):
        for device in ("cpu", "gpu:13", "gpu"):
            # Another thread has freed what this one has allocated, in the last case.
            for current, peak, size, freed in (
                *((0, 0, 1, 0), (100, 100, 50, 0), (100, 5000, 50, 0), (7, 9, 10**6, 0)),
                (100, 5000, 50, 4000),
            ):
                hidden = freed
                state.update(current=current * counting, peak=peak * counting)
                call = partial(empty, [size], "")
                found = memory.allocated_peak(call, device)
                lines.append(f"{device}, {current} held, {peak} before, {size} more: {found}")
    check(lines)


def test_threads_and_cpus(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    check: Check,
) -> None:
    """What `--threads` accepts and sets, which CPUs are chosen, and which others may be used."""
    bound: list[list[int]] = []

    def bind(process: int, cpus: set[int]) -> None:
        bound.append(sorted(cpus))
        assert process == 0  # This one.

    monkeypatch.setattr(os, "sched_getaffinity", {0: {3, 5, 7, 9}}.get, raising=False)
    monkeypatch.setattr(os, "sched_setaffinity", bind, raising=False)
    for name in (*threads.VARIABLES, "XLA_FLAGS"):
        monkeypatch.setenv(name, "")  # So that what it is set to does not stay.
    monkeypatch.setattr(threads, "_locks", [])
    monkeypatch.setattr(threads, "_allowed", set())
    lines = [f"{threads.cpus()} CPUs"]

    def parsed(words: list[str]) -> object:
        found = ended(threads.threads_parser().parse_args, words)
        return found.err.strip().partition(": ")[2] if found.error else found.value

    for text in ("1", "4", "5", "0", "-1", "x", "1.0", "", "\u0663", "1" * 10, "0" * 9 + "1"):
        lines += [
            f"{words}: {parsed(words)}" for words in (["--threads", text], [f"--threads={text}"])
        ]
    for held in ((), (3,), (3, 5), (5, 9), (3, 5, 7, 9)):
        for count in (1, 2, 3, 4):
            for flags in (None, "", "--a=1"):
                lock = Mock(side_effect=lambda number, held=held: number not in held or None)
                monkeypatch.setattr(threads, "lock_cpu", lock)
                monkeypatch.delenv("XLA_FLAGS", raising=False)
                if flags is not None:
                    monkeypatch.setenv("XLA_FLAGS", flags)
                given = ["--threads", str(count)] if flags else [f"--threads={count}"]
                threads.use_threads(["compare", *given, "--other"])
                if flags is not None and held:
                    continue
                tried = [call.args[0] for call in lock.mock_calls]
                names = (*threads.VARIABLES, "XLA_FLAGS")
                found = " ".join(f"{name}={os.environ.get(name)}" for name in names)
                lines.append(f"{held} held, {count} threads: {bound[-1]}, tried {tried}, {found}")
    lines.append(f"CPUs before: {sorted(threads._allowed)}")
    released: list[int] = []
    for held in ((), (1,), (1, 9)):
        for allowed in (set(), {3}, {1, 2, 3}):
            monkeypatch.setattr(threads, "_allowed", allowed)
            monkeypatch.setattr(
                threads,
                "lock_cpu",
                lambda number, held=held: (
                    None
                    if number in held
                    else SimpleNamespace(release=partial(released.append, number))
                ),
            )
            bound.clear()
            released.clear()
            with suppress(LookupError), threads.all_cpus() as count:
                inside = f"{bound[-1]}, {count}"
                raise LookupError
            lines.append(f"{held} held, {allowed} allowed: {inside}, then {bound[-1]}, {released}")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(os, "getuid", lambda: 1234)
    monkeypatch.setattr("time.sleep", None)
    monkeypatch.setattr(threads, "lock_cpu", locks.lock_cpu)
    for command in ("first", "second"):
        threads.use_threads([])
        lines.append(f"{command} command: {bound[-1]}")
    first, second, other = (locks.lock_cpu(number) for number in (0, 0, 1))
    lines.append(
        f"locks of CPUs 0, 0 and 1: {[each is not None for each in (first, second, other)]}"
    )
    lines.append(str(sorted(path.name for path in tmp_path.iterdir())))
    monkeypatch.setattr(locks, "FileLock", Mock(side_effect=None))
    locks.FileLock.return_value.acquire.side_effect = OSError("no locks here")  # type: ignore[attr-defined]
    lines.append(f"without locks: {locks.lock_cpu(0)}")
    for name in ("sched_getaffinity", "sched_setaffinity"):
        monkeypatch.delattr(os, name)
    for known in (None, 6):
        monkeypatch.setattr(os, "cpu_count", lambda known=known: known)
        threads.use_threads([])
        with threads.all_cpus() as count:
            lines.append(f"{known} CPUs that cannot be bound: {count}")
    prepared: list[Any] = []
    monkeypatch.setattr(entry, "run_program", lambda *given: prepared.append(given))
    monkeypatch.setattr(entry, "use_threads", lambda words: lines.append(f"use_threads {words}"))
    monkeypatch.setattr("sys.argv", ["compare", "--threads", "2"])
    for command in (
        *("behaviour", "calibrate", "compare", "environments"),
        *("ratios", "releases", "report", "soak"),
    ):
        runpy.run_module(f"benchmarks.{command}", run_name="__main__")
        module, prepare = prepared[-1]
        lines.append(f"{command}: {module}, {prepare and prepare()}")
    check(lines)


def test_order_of_samples(check: Check) -> None:
    """Which benchmarks a process of a comparison measures, in which order."""
    lines: list[str] = []

    def ordered(only: tuple[str, ...] | None, **settings: Any) -> None:
        sampler = sampler_of(only=only, **settings)
        items: list[Any] = [SimpleNamespace(nodeid=f"t[{name}]") for name in "abcdefg"]
        dropped: list[str] = []
        config: Any = SimpleNamespace(hook=SimpleNamespace())
        config.hook.pytest_deselected = lambda items: dropped.extend(i.nodeid for i in items)
        sampler.pytest_collection_modifyitems(config, items)
        given: list[Any] = []
        for names in ([], ["planted"]):
            metafunc: Any = SimpleNamespace(
                fixturenames=names, parametrize=lambda *a, ids: given.append((a, ids(0.125)))
            )
            sampler.pytest_generate_tests(metafunc)
        lines.append(f"only {only}, {settings}:")
        lines.append(f"  {' '.join(item.nodeid for item in items)}; dropped {' '.join(dropped)}")
        lines.append(f"  shares of t[a]: {sampler.shares('t[a]')}; parameters {given}")

    for seed in range(6):
        ordered(None, seed=seed)
    ordered(("t[b]", "t[f]", "t[x]"), seed=1)
    ordered((), seed=1)
    for measure in ("time", "instructions"):
        for planted in ((), (0.0,), (0.0, 0.05, 1.5)):
            ordered(None, seed=2, measure=measure, planted=planted)
            names = ("t[a-planted:0.05]", "t[c-planted:1.5]", "t[d-planted:0.2]")
            ordered(names, seed=2, measure=measure, planted=planted)
    wrong = ("", "{}", "[]", "null", '{"seed": 1}', '{"seed": 1, "only": 2, "planted": []}')
    lines += [f"{text!r}: {outcome(Settings.load, text)}" for text in wrong]
    whole = Settings(1, 0.5, ("a",), (0.5, 1.0), "instructions", "/s", "1a2b", "now", "/d")
    lines += [whole.dump(), str(Settings.load(whole.dump()) == whole)]
    check(lines)


def sampler_of(**settings: Any) -> Sampler:
    """A sampler with these settings, and short samples."""
    sample = Settings(**{"seed": 1, "seconds": 0.1, "source": "/s", **settings}).dump()
    config: Any = SimpleNamespace(getoption=lambda _: sample)
    return Sampler(config, Saving())


def test_samples(clock: Clock, monkeypatch: pytest.MonkeyPatch, check: Check) -> None:
    """How many samples of how many calls, and what is recorded of them."""
    events: list[str] = []
    lost = [0.0]
    setups: list[Any] = [None, lambda: ((7,), {}), lambda: None]
    monkeypatch.setattr(gc, "collect", lambda: events.append("collect"))
    monkeypatch.setattr(gc, "freeze", lambda: events.append("freeze"))
    monkeypatch.setattr(gc, "unfreeze", lambda: events.append("unfreeze"))
    monkeypatch.setattr(sampling, "fixed_work", lambda: clock.work(0.25) + clock.now)
    monkeypatch.setattr(
        sampling, "allocated_peak", lambda call, device: call() and len(device) * 100
    )
    monkeypatch.setattr(sampling, "rounds_of", lambda benchmark: benchmark.rounds)
    waiting = Mock(side_effect=lambda: lost[0], close=lambda: events.append("close"))
    monkeypatch.setattr(sampling, "Waiting", lambda: waiting)
    lines: list[str] = []
    for seconds in (0.0004, 0.004, 0.01, 0.03, 0.7):
        for setup in setups:
            for planted, first, disturbed in ((0.0, False, 5), (0.5, False, 99), (0.0, True, 2)):
                made = given = 0

                def target(*inputs: object) -> float:
                    nonlocal made, given
                    made += 1
                    given += len(inputs)
                    lost[0] += 0.5 if made % disturbed == 0 else 0.0  # noqa: B023
                    return clock.work(seconds)  # noqa: B023

                def pedantic(call: Any, setup: Any, rounds: int, iterations: int) -> None:
                    events.append(f"{rounds} x {iterations}")
                    for _ in range(rounds):
                        inputs, named = (setup() if setup else None) or ((), {})
                        begin = clock.now
                        for _ in range(iterations):
                            call(*inputs, **named)
                        benchmark.rounds.append((clock.now - begin) / iterations)  # noqa: B023

                clock.now, clock.tick, lost[0] = 0.0, 1e-5, 0.0
                info = {"device": "gpu:0"} if planted else {}
                benchmark: Any = SimpleNamespace(rounds=[], extra_info=info, pedantic=pedantic)
                events.clear()
                sampler = sampler_of()
                sampler.held = 30
                sampler.measure(benchmark, planted, target, setup, first)
                facts = {
                    name: f"{value:.4g}" if isinstance(value, float) else value
                    for name, value in info.items()
                }
                kind = "none" if setup is None else str(setup())
                lines.append(
                    f"{seconds:g} s, setup {kind}, planted {planted:g}, first {first}, disturbed "
                    f"every {disturbed}: {made} calls, {given} with inputs; "
                    f"{' '.join(events)}; {facts}"
                )
    check(lines)


def test_quartiles_of_undisturbed_samples(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, check: Check
) -> None:
    """For seeded times with seeded disturbances, from a single sample to many."""
    random, lines = np.random.default_rng(5), []
    for count in (1, 2, 3, 4, 5, 6, 9, 20):
        for share in (0.0, 0.2, 0.45, 0.5, 0.7, 1.0):
            times = random.lognormal(0, 0.3, count).tolist()
            disturbed = (random.random(count) < share).tolist()
            found = sampling.lower_quartile(times, disturbed)
            marks = "".join("x" if bad else "." for bad in disturbed)
            lines.append(f"{marks}: {found if found is None else f'{found:.5g}'}")
    shares = (0.0, 0.05, 1.0, 1e-6, 12.5)
    lines += [f"{sampling.planted_id(s)} {sampling.planted_name('a[b]', s)}" for s in shares]
    lines.append(sampling.planted_name("a", 0.5))
    # The seconds of pieces of work, or of calls in a warm-up.
    ends = np.cumsum([100.0, 9.0, 0.0, 1.0, 0.0, 2.0, 0.0, 4.0, 0.0, 50.0, 0.0])
    monkeypatch.setattr(clock, "perf_counter", iter(ends).__next__)
    monkeypatch.setattr(sampling, "range", counted := Mock(side_effect=range), raising=False)
    lines.append(f"fixed work: {sampling.fixed_work():.5g} ms, {[*counted.mock_calls]}")
    for times in ([0, *ends], [0.0] * 7 + [1.0]):  # Of calls that the clock sees, or not.
        monkeypatch.setattr(clock, "perf_counter", iter(times).__next__)
        lines.append(f"a call after the warm-up: {sampling.warm_up(int, None):.5g} s")
    check(lines)


def test_counts(monkeypatch: pytest.MonkeyPatch, check: Check) -> None:
    """What a process counts when all tests have run, how often, and what it saves."""
    lines: list[str] = []
    monkeypatch.setattr(gc, "collect", lambda: lines.append("  collect"))
    monkeypatch.setattr(gc, "unfreeze", None)  # Nothing is timed.
    monkeypatch.setattr("benchmarks.plugins.sampling.allocated", {"cpu": 30}.get)
    monkeypatch.setattr(
        sampling,
        "allocated_peak",
        lambda call, device: call() and {"cpu": 100, "gpu:0": 200}[device],
    )

    @contextmanager
    def on(device: str) -> Iterator[None]:
        lines.append(f"  on {device}")
        yield

    def count(call: Any, calls: int, name: str = "") -> float:
        total = float(sum(call() for _ in range(calls)))
        lines.append(f"  count {calls}, name {name!r}, collector {gc.isenabled()}: {total:.6g}")
        return total

    def with_more(call: Any, share: float, usual: int) -> Any:
        return lambda: call() + share * usual

    counter = SimpleNamespace(count=count, stop=lambda: lines.append("  stop"), with_more=with_more)
    monkeypatch.setattr(sampling, "Counter", {Path("dumps"): counter}.get)
    printed = lambda *words, **options: lines.append(f"  print {words}, {options}")  # noqa: E731
    monkeypatch.setattr(sampling, "print", printed, raising=False)
    session = SimpleNamespace(take_requests=lambda: (Path("out.json"), None))
    session.write = lambda path: lines.append(f"  write {path}")
    monkeypatch.setattr(sampling, "BenchmarkSession", lambda _: session)
    monkeypatch.setattr("rnn_core.runtime.devices.use_device", on)
    names = ("t[a-planted:0]", "t[a-planted:0.5]", "t[b-planted:0.5]")
    for planted, only in (((), None), ((0.0, 0.2, 0.5), names), ((0.2, 0.0, 0.5), None)):
        for setup, first in ((False, False), (True, False), (True, True)):
            given, made = iter(range(1000)), []

            def target(*inputs: int) -> int:
                made.append(inputs)  # noqa: B023
                return 1000 + len(made)  # noqa: B023

            make: Any = (lambda: ((next(given),), {})) if setup else None  # noqa: B023
            sampler = sampler_of(only=only, planted=planted, measure="instructions", dumps="dumps")
            benchmarks: list[Any] = [
                SimpleNamespace(fullname=f"t[{letter}]", pedantic=lambda c: c(), extra_info=info)
                for letter, info in (("a", {}), ("b", {"device": "gpu:0"}))
            ]
            lines.append(f"planted {planted}, only {only}, setup {setup}, first {first}")
            session.benchmarks = [] if first else benchmarks
            for benchmark in benchmarks:
                sampler.pytest_runtest_setup()
                sampler.measure(benchmark, 0.0, target, make, first)
                lines.append(f"  {len(made)} calls before, {sampler.held} held")
            finished = sampler.pytest_sessionfinish()
            next(finished)
            gc.enable()
            lines.append(f"  {len(made)} calls, last input {made[-1]}")
            sampler.environments = {}
            saved: dict[str, Any] = {
                "benchmarks": [
                    {"fullname": b.fullname, "extra_info": b.extra_info} for b in benchmarks
                ]
            }
            sampler.pytest_benchmark_update_json(saved)
            lines += [f"  {benchmark}" for benchmark in saved.pop("benchmarks")]
            lines.append(f"  {saved}")
    check(lines)
