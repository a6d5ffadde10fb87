"""One process of a comparison: which benchmarks it times, and how."""

import gc
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from benchmarks import ROOT
from benchmarks.compare.process import Job, Selection, time_processes
from benchmarks.interpreters import Interpreter
from benchmarks.measuring.threads import VARIABLES
from benchmarks.plugins import sampling
from benchmarks.plugins.sampling import (
    Sampler,
    Settings,
    fixed_work,
    lower_quartile,
    slowed,
    warm_up,
)
from benchmarks.plugins.saving import Saving

if TYPE_CHECKING:
    from benchmarks.instructions.counter import Counter

KERNEL = "benchmarks/test_stages.py::test_stage[cpu-step-RNN-B1-T10-H128-kernel{}]"


class Clock:
    """A clock that advances by hand, and by a tick at each reading."""

    def __init__(self, tick: float = 0.0) -> None:
        self.now, self.tick = 0.0, tick

    def perf_counter(self) -> float:
        """Advance by a tick and return the time."""
        self.now += self.tick
        return self.now


@pytest.mark.parametrize("share", [0.0, 0.05, 0.2])
def test_planted_slowdown_is_a_share_of_time(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """This holds for short and long calls; the result of the call is returned."""
    clock = Clock(tick=1e-6)
    monkeypatch.setattr(sampling, "time", clock)

    def call(seconds: float) -> str:
        clock.now += seconds
        return "done"

    for seconds in (0.01, 0.4):
        begin = clock.now
        assert slowed(call, share)(seconds) == "done"
        assert clock.now - begin == pytest.approx((1 + share) * seconds, abs=1e-5)


def test_warm_up_ignores_a_slow_first_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes at least three calls and 30 ms, and returns the median time of a call."""
    clock = Clock()
    monkeypatch.setattr(sampling, "time", clock)
    taken = iter([0.5, *[0.001] * 100])
    called: list[Any] = []

    def call(*inputs: object) -> None:
        called.append(inputs)
        clock.now += next(taken)

    assert warm_up(call, lambda: ((7,), {})) == pytest.approx(0.001)
    assert called == [(7,)] * 3
    assert warm_up(call, None) == pytest.approx(0.001)
    assert len(called) - 3 == pytest.approx(30, abs=1)
    assert called[3] == ()


def test_fixed_work_returns_milliseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock advances by 3 ms from one reading to the next."""
    monkeypatch.setattr(sampling, "time", Clock(tick=0.003))

    assert fixed_work() == pytest.approx(3)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"seed": 1}', '{"seed": "x"}'])
def test_an_invalid_sample_option_is_a_usage_error(text: str) -> None:
    """The message says that the option is internal."""
    with pytest.raises(pytest.UsageError, match="--sample is internal to benchmarks.compare"):
        Settings.load(text)


@pytest.mark.slow
def test_process_times_chosen_benchmarks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real process times each of them with every slowdown, and saves no other run."""
    for variable in VARIABLES:
        monkeypatch.setenv(variable, "1")
    before = set(ROOT.glob(".benchmarks/*/*.json"))
    planted = (0.0, 1.0)
    only = tuple(KERNEL.format(f"-planted:{share:g}") for share in planted)
    settings = Settings(seed=1, seconds=0.05, only=only, planted=planted)
    [run] = time_processes(
        Selection(("benchmarks/test_stages.py",), "step and B1-T10-H128 and RNN", "cpu"),
        [Job(Interpreter("here", Path(sys.executable)), settings, tmp_path / "1.json")],
    )
    content = json.loads((tmp_path / "1.json").read_text())
    saved = {each["fullname"]: each for each in content["benchmarks"]}

    assert set(run.benchmarks) == set(only)
    assert run.environments["cpu"]["threads"] == "1"
    assert run.benchmarks[only[0]].extra_info.fixed_work_ms is not None
    assert run.benchmarks[only[0]].stats.rounds >= 5
    assert saved[only[0]]["options"]["disable_gc"] is True
    assert set(ROOT.glob(".benchmarks/*/*.json")) == before
    assert content["sampling"]["seed"] == 1


def sampler(
    seed: int,
    only: tuple[str, ...] | None = None,
    source: Path = ROOT,
    planted: tuple[float, ...] = (),
) -> Sampler:
    """Return a sampler with these settings, and the shortest samples."""
    settings = Settings(seed, 0.001, only, planted, source=str(source), rnn_core="1a2b3c4").dump()
    config: Any = SimpleNamespace(getoption=lambda _: settings)
    return Sampler(config, Saving())


def test_another_copy_of_the_source_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the two sides of a comparison could run different code."""
    session: Any = SimpleNamespace(items=[SimpleNamespace()])

    # A folder around that of rnn_core is another one too.
    for source in (tmp_path, ROOT.parent):
        with pytest.raises(pytest.UsageError, match=f"must come from {source}"):
            sampler(1, source=source).pytest_collection_finish(session)
    ours = sampler(1)
    ours.pytest_collection_finish(session)
    monkeypatch.setitem(sys.modules, "rnn_core.a.b", SimpleNamespace(__file__=None))
    with pytest.raises(pytest.UsageError, match=f"rnn_core.a.b comes from {Path.cwd()}, and"):
        ours.pytest_collection_finish(session)
    assert ours.environments["cpu"]["rnn_core"] == "1a2b3c4"


def test_the_seed_determines_the_order() -> None:
    """The same seed gives the same order; benchmarks that are not asked for are deselected."""

    def ordered(seed: int, only: tuple[str, ...] | None = None) -> str:
        items: list[Any] = [SimpleNamespace(nodeid=name) for name in "abcdefgh"]
        dropped: list[Any] = []
        config: Any = SimpleNamespace(hook=SimpleNamespace())
        config.hook.pytest_deselected = lambda items: dropped.extend(items)
        sampler(seed, only).pytest_collection_modifyitems(config, items)
        assert len(items) + len(dropped) == 8
        return "".join(item.nodeid for item in items)

    assert sorted(ordered(1)) == list("abcdefgh")
    assert ordered(1) == ordered(1) != ordered(2)
    assert sorted(ordered(1, ("b", "f"))) == ["b", "f"]


def test_garbage_is_collected_and_frozen_before_timing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each sample takes at least 10 ms; with a setup, it is a single call.

    The memory of a first call is not measured, and that of others before the timed ones, whose
    number depends on their speed.
    """
    calls: list[str] = []
    monkeypatch.setattr(gc, "collect", lambda: calls.append("collect"))
    monkeypatch.setattr(gc, "freeze", lambda: calls.append("freeze"))
    timed: list[tuple[Any, int, int]] = []

    def peak(*_: object) -> int:
        calls.append("peak")
        return 1

    monkeypatch.setattr(sampling, "allocated_peak", peak)

    def pedantic(call: Any, rounds: int, iterations: int, **_: Any) -> None:
        calls.append("time")
        timed.append((call.call, rounds, iterations))
        call.disturbed = [False, False, False, False, True]

    monkeypatch.setattr(sampling, "rounds_of", lambda _: [9.0, 1.0, 2.0, 3.0, 6.0])
    benchmark: Any = SimpleNamespace(pedantic=pedantic, extra_info={})
    for planted, setup in ((0.0, None), (0.0, lambda: None), (0.5, None)):
        assert "peak_bytes" not in benchmark.extra_info
        sampler(1).measure(benchmark, planted, int, setup, first=planted == 0)
    (target, samples, iterations), (_, _, single), (slow, _, _) = timed

    begin, end = ["collect", "freeze"], ["collect", "freeze", "time"]
    assert calls == [*begin, *end, *begin, *end, *begin, "peak", *end]
    assert target is int is not slow
    assert samples == 5
    assert iterations > 1  # An empty call takes far less than 10 ms.
    assert single == 1
    assert benchmark.extra_info.keys() == {"fixed_work_ms", "lower_quartile", "peak_bytes"}
    assert benchmark.extra_info["lower_quartile"] == 1.5  # Of 1, 2 and 3.


@pytest.mark.parametrize(("setup", "first"), [(False, False), (True, False), (True, True)])
def test_instructions_are_counted_last(
    setup: bool, first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mean of 3 calls is taken, after 5 others; with a setup, a single call is counted.

    The first call of a model is counted at once, and its memory is not measured.

    Planted work comes on top. The time of a counted benchmark does not count.
    """
    monkeypatch.setattr(gc, "collect", int)  # It takes a second here.
    events: list[str] = []
    given = iter(range(100))

    def target(*inputs: int) -> int:
        events.append(f"call{len(inputs)}")
        return 1000

    def count(call: Any, calls: int, name: str = "") -> int:
        events.append(f"count {calls} {name} {gc.isenabled()}")
        return sum(call() for _ in range(calls))

    levels = {"name[a-planted:0]": 1000, "name[a-planted:0.5]": 1500}
    counting = sampler(1, (*levels, "name[b-planted:0]"), planted=(0.0, 0.2, 0.5))
    counting.counter = cast(
        "Counter",
        SimpleNamespace(
            count=count,
            stop=lambda: events.append("stop"),
            with_more=lambda call, share, usual: lambda: call() + share * usual,
        ),
    )
    benchmarks: list[Any] = [
        SimpleNamespace(fullname=f"name[{letter}]", pedantic=lambda call: call(), extra_info={})
        for letter in "ab"
    ]
    make: Any = (lambda: ((next(given),), {})) if setup else None
    monkeypatch.setattr(sampling, "allocated", lambda _: 30)
    monkeypatch.setattr(sampling, "allocated_peak", lambda call, _: call() // 10)
    for benchmark in benchmarks:
        counting.pytest_runtest_setup()
        counting.measure(benchmark, 0.0, target, make, first)
    call, calls, before = f"call{int(setup)}", 1 if setup else 3, 0 if first else 5
    tested, events[:] = events[:], []
    counting.count_all(counting.counter)
    gc.enable()

    assert tested == 2 * (1 if first else 2) * [call]  # The second call is that of the memory.
    assert events == [
        *(*before * [call], f"count {calls} {calls} name[a-planted:0] False", *calls * [call]),
        *(f"count {calls}  False", *calls * [call]),
        *(*before * [call], f"count {calls} {calls} name[b-planted:0] False", *calls * [call]),
        "stop",
    ]
    assert counting.counted == {"name[a]": levels, "name[b]": {"name[b-planted:0]": 1000}}
    assert [each.extra_info for each in benchmarks] == [
        {"lower_quartile": None, **({} if first else {"peak_bytes": peak})} for peak in (100, 70)
    ]
    saved = {"benchmarks": [{"fullname": "name[a]", "extra_info": {"peak_bytes": 7}}]}
    counting.environments = {}
    counting.pytest_benchmark_update_json(saved)
    assert saved["benchmarks"] == [
        {"fullname": name, "extra_info": {"peak_bytes": 7, "instructions": found}}
        for name, found in levels.items()
    ]


@pytest.mark.parametrize(
    ("disturbed", "expected"),
    [
        ([False] * 6, 3.0),
        # The first sample is left out, disturbed or not.
        ([True, *[False] * 5], 3.0),
        ([False, True, *[False] * 4], 3.75),
        ([*[False] * 3, *[True] * 3], None),
        ([True] * 6, None),
        # A single sample is not left out.
        ([False], 1.0),
    ],
)
def test_lower_quartile_needs_quiet_samples(disturbed: list[bool], expected: float | None) -> None:
    """It is None if at least half of the samples were disturbed."""
    assert lower_quartile([1.0, 2.0, 3.0, 4.0, 5.0, 9.0][: len(disturbed)], disturbed) == expected
