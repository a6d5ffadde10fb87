"""What the benchmarks of the suite time, check and record, with work that is made up."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from inspect import unwrap
from itertools import count, product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks import test_experiments, test_stages, test_traced, test_workload
from benchmarks.workloads.own import Reference, WorkloadError
from benchmarks.workloads.stages import FIRST_STEP, STAGES, WHOLE_STEP
from benchmarks.workloads.training_step import SHAPES, Shape
from rnn_core import EXPERIMENTS
from tests.helpers.matrix_results import made_up
from tests.recorded.conftest import Check

REFUSED: tuple[dict[tuple[str, str], str], ...] = ({}, {("LSTM", "sot"): "too old"})


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What a benchmark gets from pytest and calls in the suite; each call is a line."""
    lines: list[str] = []

    def note(text: object, result: Any = None) -> Any:
        lines.append(f"  {text}")
        return result

    @contextmanager
    def use_device(device: str) -> Iterator[None]:
        note(f"on {device}")
        yield
        note(f"no longer on {device}")

    def measure(target: Any, setup: Any, **rounds: object) -> None:
        note(f"timed {rounds}")
        for _ in range(2):
            inputs, named = setup() if setup else ((), {})
            target(*inputs, **named)

    def call(title: object, benchmark: Any, *given: Any) -> None:
        info: dict[str, Any] = {}
        fixture = SimpleNamespace(extra_info=info, group=None, name=None)
        fixture.pedantic = lambda call, args, rounds: (note(f"timed {rounds}"), call(*args))[1]
        lines.append(str(title))
        end = "well"
        try:
            benchmark(fixture, *given)
        except AssertionError:  # What pytest says of it depends on its version.
            end = "with a failed assertion"
        except (pytest.skip.Exception, pytest.fail.Exception) as error:
            end = f"with {type(error).__name__}: {error}"
        note(f"ended {end}; {fixture.name} of {fixture.group}; {info}")

    for module in (test_experiments, test_stages, test_traced, test_workload):
        monkeypatch.setattr(module, "use_device", use_device, raising=False)
        monkeypatch.setattr(module, "synchronize", lambda on: note(f"wait for {on}"), raising=False)
    return SimpleNamespace(lines=lines, note=note, measure=measure, call=call)


def test_whole_experiments(session: Any, monkeypatch: pytest.MonkeyPatch, check: Check) -> None:
    """One epoch first; then what is timed, left behind and judged, on each device."""

    def train(config: Any) -> Any:
        session.note(f"train {config.cell}, {config.epochs} epochs, on {config.device}")
        return made_up(experiment, config=replace(EXPERIMENTS[experiment].config, seed=5))

    monkeypatch.setattr(test_experiments, "train", train)
    for experiment, device, holds in product(EXPERIMENTS, ("cpu", "gpu:0"), (True, False)):
        words = {"it trains": lambda _: holds, "it ends": lambda _: True}  # noqa: B023
        monkeypatch.setattr(test_experiments, "BEHAVIOURS", {experiment: words})
        session.call(
            f"{experiment}, {holds}",
            test_experiments.test_experiment,
            lambda *given: session.note(f"recorded {given}"),
            lambda name, history: session.note(f"left {name}: {history.steps} steps"),
            *(device, experiment),
        )
    check(session.lines)


def test_static_graphs(
    session: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check: Check
) -> None:
    """What is recorded in which process, compared with what, and how the result is called."""
    compared = {"difference": 0.0, "first_step": None, "until": 20, "reasons": "why"}

    def load(job: Any, side: Any) -> Any:
        session.note(f"load {job} of {side.name}")
        return SimpleNamespace(parameters=np.array([0, side.name == "primitive"]))

    def replaced(name: str, value: Any) -> None:
        monkeypatch.setattr(test_experiments, name, value)

    replaced("load", load)
    replaced("record_sides", lambda *given: [session.note(e) for each in given for e in each])
    for known in REFUSED:
        replaced("refused_tracing", lambda *names, known=known: known.get(names))
        sides = unwrap(test_experiments.recorded)(SimpleNamespace(mktemp=tmp_path.joinpath))
        for execution, mode, name in product(("static", "sot"), sides, EXPERIMENTS):
            for verdict, changes in (
                ("bitwise equal", {}),
                ("equal within rounding", {"first_step": 3}),
                ("equal within rounding", {"first_step": 3, "difference": 1e-9}),
                ("different", {"first_step": 3, "until": 2, "difference": 1.0}),
            )[: None if name == "exploding-rnn" else 1]:
                found = SimpleNamespace(**{**compared, **changes}, verdict=verdict)
                replaced("judge", lambda *_, found=found: found)
                session.call(
                    f"{execution}, {mode}, {name}, {changes}",
                    lambda _, *given: test_experiments.test_experiment_as_static_graph(*given),
                    *(sides, lambda *given: session.note(f"recorded {given}")),
                    *(execution, mode, name),
                )
    check(session.lines, {tmp_path: "FOLDER"})


def test_steps(session: Any, monkeypatch: pytest.MonkeyPatch, check: Check) -> None:
    """Each stage of a step, steps as static graphs and those of own workloads."""

    def make_work(name: str, cell: str, shape: object) -> Any:
        session.note(f"make {name}, {cell}, {shape}")
        weights = [0]

        def timed(stage: str, device: str) -> tuple[Any, Any]:
            def step() -> None:
                weights[0] += 1
                session.note(f"{stage} {weights[0]} of {name} on {device}")

            return step, None

        return SimpleNamespace(timed=timed, parameters=weights.copy)

    def worked(stage: str, work: Any, before: Any) -> None:
        session.note(f"{stage} worked: {before} to {work.parameters()}")

    for module in (test_stages, test_traced):
        monkeypatch.setattr(module, "make_work", make_work)
        monkeypatch.setattr(module, "assert_stage_worked", worked)
    monkeypatch.setattr(test_stages, "check_same_work", lambda *given: session.note(given))
    monkeypatch.setattr(test_traced, "operators", lambda *given: session.note(given, 7))
    test_stages.assert_same_work.cache_clear()
    first, *_, last = SHAPES
    for stage, device, cell, shape in (
        *((stage, "cpu", "RNN", first) for stage in STAGES),
        *(("step", device, "RNN", first) for device in ("gpu:0", "gpu:1", "cpu")),
        *(("step", "cpu", cell, last) for cell in ("RNN", "LSTM")),
    ):
        given: Any = session.measure, device, stage, "kernel", cell, shape
        session.call(f"{stage}, {cell}, {shape}", test_stages.test_stage, *given)
    test_stages.assert_same_work.cache_clear()
    for known, timed in product(REFUSED, (FIRST_STEP, WHOLE_STEP)):
        monkeypatch.setattr(test_traced, "refused_tracing", lambda *n, known=known: known.get(n))
        given = session.measure, "cpu", timed, "sot", "LSTM", first
        session.call(f"{timed} of a static graph", test_traced.test_traced, *given)
    errors = WorkloadError("no"), RuntimeError("not traced")
    for seconds, error in ((1e-4, None), (0.05, None), (9.0, None), *((1, e) for e in errors)):
        clock = SimpleNamespace(perf_counter=count(1, seconds).__next__)
        monkeypatch.setattr(test_workload, "time", clock)

        def step(finite: bool, error: Exception | None = error) -> None:
            session.note(f"step, finite {finite}")
            if error is not None:
                raise error

        training = SimpleNamespace(step=step)
        made = SimpleNamespace(make=lambda *given, made=training: session.note(given, made))
        monkeypatch.setattr(test_workload, "load_workload", {"/a/b.py:f": made}.get)
        given = session.measure, "gpu:0", Reference(Path("/a"), "b.py", "f"), 7, "static"
        session.call(f"own steps of {seconds:g} s", test_workload.test_workload, *given)
    check(session.lines)


def test_names(check: Check) -> None:
    """How the benchmarks are called, which are slow, and what they share."""
    lines = []
    tests = (test_experiments.test_experiment, test_experiments.test_experiment_as_static_graph)
    for test in (*tests, test_stages.test_stage, test_traced.test_traced):
        for mark in vars(test)["pytestmark"]:
            name = mark.kwargs.get("ids", str)
            values = [getattr(each, "values", [each])[0] for each in mark.args[1]]
            lines.append(f"{test.__name__}, {mark.args[0]}: {' '.join(map(name, values))}")
    slow = [str(*each.values) for each in test_traced.TRACED_SHAPES if not isinstance(each, Shape)]
    lines.append(f"slow: {slow}, rounds: {[*test_stages.ROUNDS.values()]}")
    recorded: Any = test_experiments.recorded
    lines.append(f"recorded for each {recorded._fixture_function_marker.scope}")
    check(lines)
