"""One process of a comparison: which benchmarks it times, and how."""

import gc
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import ROOT
from benchmarks.compare.process import Job, Selection, time_processes
from benchmarks.interpreters import Interpreter
from benchmarks.measuring.disturbance import Watched
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
    **others: Any,
) -> Sampler:
    """Return a sampler with these settings, and short samples."""
    settings = Settings(seed, 0.1, only, source=str(source), rnn_core="1a2b3c4", **others).dump()
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
    assert sampler(1, planted=(0.0, 0.5)).shares("a") == {"a": 0.0}  # Timed without and with more.


@pytest.mark.parametrize(
    ("planted", "setup", "first", "counts"),
    [
        (0.0, False, False, (9, 3)),  # Samples of 3 calls of 4 ms, in 0.1 s.
        (0.0, True, False, (25, 1)),
        (0.0, True, True, (25, 1)),
        (0.5, False, False, (9, 3)),
    ],
)
def test_garbage_is_collected_and_frozen_before_timing(
    planted: float,
    setup: bool,
    first: bool,
    counts: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each sample takes at least 10 ms; with a setup, it is a single call.

    The memory of a first call is not measured, and that of others before the timed ones, whose
    number depends on their speed.
    """
    events: list[object] = []
    make: Any = (lambda: ((7,), {})) if setup else None

    def target(*inputs: int) -> None:
        events.append(inputs)

    def warmed(call: Callable[..., None], given: Any) -> float:
        assert given is make
        events.append("slowed" if call is not target else "warm")
        return 0.004

    def pedantic(watched: Watched, setup: Any, rounds: int, iterations: int) -> None:
        events.append((rounds, iterations))
        assert (watched.calls, setup) == (iterations, make)
        assert watched.waiting() >= 0
        watched.disturbed = [False, False, False, False, True]

    for name in ("collect", "freeze", "unfreeze"):
        monkeypatch.setattr(gc, name, partial(events.append, name))
    monkeypatch.setattr(sampling, "warm_up", warmed)
    monkeypatch.setattr(sampling, "fixed_work", iter([1.0, 3.0]).__next__)
    monkeypatch.setattr(sampling, "allocated_peak", lambda call, device: call() or len(device))
    monkeypatch.setattr(sampling, "rounds_of", lambda timed: timed.rounds)
    info = {"device": "gpu:0"}
    benchmark: Any = SimpleNamespace(
        pedantic=pedantic, extra_info=info, rounds=[9.0, 1.0, 2.0, 3.0, 6.0]
    )
    sampler(1).measure(benchmark, planted, target, make, first)

    inputs = (7,) if setup else ()
    assert events == [
        *("unfreeze", "collect", "freeze"),
        *([] if first else [inputs, inputs]),  # The second one's memory is measured.
        "slowed" if planted else "warm",
        *("collect", "freeze", counts),
    ]
    peak = {} if first else {"peak_bytes": 5}
    # The lower quartile is that of 1, 2 and 3.
    assert info == {"device": "gpu:0", "fixed_work_ms": 2, "lower_quartile": 1.5, **peak}


@pytest.mark.parametrize(("setup", "first"), [(False, False), (True, False), (True, True)])
def test_instructions_are_counted_last(
    setup: bool,
    first: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The mean of 3 calls is taken, after 5 others; with a setup, a single call is counted.

    The first call of a model is counted at once, and its memory is not measured.

    Planted work comes on top. The time of a counted benchmark does not count.
    """
    monkeypatch.setattr(gc, "collect", int)  # It takes a second here.
    monkeypatch.setattr(gc, "unfreeze", None)  # Nothing is timed.
    events: list[str] = []
    given = iter(range(100))

    def target(*inputs: int) -> int:
        events.append(f"call{len(inputs)}")
        return 1000

    def count(call: Any, calls: int, name: str = "") -> int:
        events.append(f"count {calls} {name} {gc.isenabled()}")
        return sum(call() for _ in range(calls))

    @contextmanager
    def on(device: str) -> Iterator[None]:
        events.append(device)
        yield

    counters = {
        Path("dumps"): SimpleNamespace(
            count=count,
            stop=lambda: events.append("stop"),
            with_more=lambda call, share, usual: lambda: call() + share * usual,
        )
    }
    monkeypatch.setattr(sampling, "Counter", counters.get)
    monkeypatch.setattr("rnn_core.runtime.devices.use_device", on)
    levels = {"name[a-planted:0]": 1000, "name[a-planted:0.5]": 1500}
    counting = sampler(
        *(1, (*levels, "name[b-planted:0.5]")),
        planted=(0.0, 0.2, 0.5),
        measure="instructions",
        dumps="dumps",
    )
    benchmarks: list[Any] = [
        SimpleNamespace(fullname=f"name[{letter}]", pedantic=lambda call: call(), extra_info=info)
        for letter, info in (("a", {}), ("b", {"device": "gpu:0"}))
    ]
    make: Any = (lambda: ((next(given),), {})) if setup else None
    peaks = {"cpu": 100, "gpu:0": 200}
    monkeypatch.setattr(sampling, "allocated", {"cpu": 30}.get)
    monkeypatch.setattr(sampling, "allocated_peak", lambda call, device: call() and peaks[device])
    for benchmark in benchmarks:
        counting.pytest_runtest_setup()
        counting.measure(benchmark, 0.0, target, make, first)
    call, calls, before = f"call{int(setup)}", 1 if setup else 3, 0 if first else 5
    tested, events[:] = events[:], []
    assert counting.counter is not None
    counting.count_all(counting.counter)
    gc.enable()

    assert tested == 2 * (1 if first else 2) * [call]  # The second call is that of the memory.
    planting = (f"count {calls}  False", *calls * [call])
    assert events == [
        *("cpu", *before * [call]),
        *(f"count {calls} {calls} name[a-planted:0] False", *calls * [call]),
        *planting,
        *("gpu:0", *before * [call], "count 1  False", call, *planting),
        "stop",
    ]
    assert capsys.readouterr().out == "\nname[a]\n\nname[b]\n"
    assert counting.counted == {"name[a]": levels, "name[b]": {"name[b-planted:0.5]": 1500}}
    assert [each.extra_info for each in benchmarks] == [
        {**on, "lower_quartile": None, **({} if first else {"peak_bytes": peak})}
        for on, peak in (({}, 100), ({"device": "gpu:0"}, 170))
    ]
    saved: dict[str, Any] = {
        "benchmarks": [{"fullname": "name[a]", "extra_info": {"peak_bytes": 7}}]
    }
    counting.environments = {}
    counting.pytest_benchmark_update_json(saved)
    assert saved == {
        "benchmarks": [
            {"fullname": name, "extra_info": {"peak_bytes": 7, "instructions": found}}
            for name, found in levels.items()
        ],
        "environment": {},
        "sampling": asdict(counting.settings),
    }


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
