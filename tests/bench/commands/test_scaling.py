"""The command `python -m benchmarks.scaling`: sweeps, fits, tables and pictures."""

import json
import math
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from benchmarks.commands import scaling
from benchmarks.commands.common import Outcome
from benchmarks.commands.scaling import SWEEPS, Sweep, growth, main, per_step
from benchmarks.measuring import interleave
from benchmarks.workloads.same_work import DifferentWorkError
from benchmarks.workloads.training_step import Shape
from tests.bench.commands.conftest import RunMain

TINY_RUN = ("--cells", "RNN", "--implementations", "kernel,paddle", "--seconds", "0")


@pytest.fixture
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the sweeps by tiny ones, and time single calls."""
    monkeypatch.setattr(interleave, "SHORTEST_SAMPLE", 0)
    monkeypatch.setattr(interleave, "gc", Mock())
    for what, sweep in SWEEPS.items():
        tiny = sweep._replace(base=Shape(1, 2, 4), sizes=(2, 3))
        monkeypatch.setitem(scaling.SWEEPS, what, tiny)


@pytest.mark.parametrize("power", [0.5, 1, 2])
def test_growth_finds_the_exponent_of_a_power_law(power: float) -> None:
    """Only the upper half of the sizes counts, because calls dominate the lower half."""
    sizes = [10, 30, 100, 300, 1000]

    assert growth(sizes, [size**power for size in sizes]) == pytest.approx(power)
    assert growth(sizes, [7.0, 7.0, *(3 * n**power for n in sizes[2:])]) == pytest.approx(power)


def test_growth_is_nan_without_a_fit() -> None:
    """One size, or a value that has no logarithm, cannot be fitted."""
    assert math.isnan(growth([], []))
    assert math.isnan(growth([10], [1.0]))
    assert math.isnan(growth([10, 20, 30], [1.0, 0.0, 2.0]))
    assert math.isnan(per_step([10], [1.0]))


def test_per_step_ignores_a_constant() -> None:
    """The slope is 4096 bytes per time step, whatever the constant."""
    steps = (100, 300, 1000)

    assert per_step(steps, [5e6 + 4096 * T for T in steps]) == pytest.approx(4096)


@pytest.mark.parametrize("sweep", SWEEPS.values(), ids=SWEEPS)
def test_sweep_changes_one_number(sweep: Sweep) -> None:
    """The other numbers are those of the base."""
    assert list(sweep.sizes) == sorted(set(sweep.sizes))
    for size, shape in sweep.shapes():
        assert getattr(shape, sweep.field) == size
        kept = [word for word in str(shape).split() if word[0] != sweep.letter]
        assert sweep.others == " ".join(kept)


def test_tables_show_times_memory_and_growth() -> None:
    """A point without a result is left out, and so is a sweep without points."""
    outcome = Outcome()
    outcome.environment["threads"] = "1"
    times = [{"size": size, "rounds": [{"kernel": size / 1000}]} for size in (10, 100, 1000)]
    peaks = [{"size": size, "bytes": {"kernel": size * 2**20}} for size in (1, 2)]
    outcome.data = [
        {"cell": "RNN", "sweep": "T", "points": [*times, {"size": 2000, "rounds": []}]},
        {"cell": "RNN", "sweep": "memory", "points": peaks},
        {"cell": "LSTM", "sweep": "T", "points": []},
    ]

    assert scaling.tables(outcome, ["kernel"]).splitlines() == [
        "RNN, B1 H128: median ms of a step",
        "",
        "| T    | kernel |",
        "| ---- | ------ |",
        "| 10   | 10     |",
        "| 100  | 100    |",
        "| 1000 | 1000   |",
        "",
        "RNN, B16 H128: peak memory of a step, MiB",
        "",
        "| T | kernel |",
        "| - | ------ |",
        "| 1 | 1.0    |",
        "| 2 | 2.0    |",
        "",
        "Growth, 1 thread(s): exponent p of time = c size^p, fitted over the upper half of the "
        "sizes",
        "",
        "| cell | over | theory | kernel |",
        "| ---- | ---- | ------ | ------ |",
        "| RNN  | T    | 1      | 1.00   |",
        "",
        "Memory: bytes per time step, and the size of the saved states alone",
        "",
        "| cell | kernel  | states alone |",
        "| ---- | ------- | ------------ |",
        "| RNN  | 1048576 | 16384        |",
    ]


def test_tables_without_results_say_so() -> None:
    """This happens after Ctrl-C at the first point."""
    assert scaling.tables(Outcome(), ["kernel"]) == "Nothing was measured."


@pytest.mark.usefixtures("_tiny")
def test_scaling_measures_and_saves_every_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_main: RunMain
) -> None:
    """Each point has three rounds, or a peak for each implementation; the picture is written."""
    # Each real measurement would start a process.
    monkeypatch.setattr(scaling, "measure_peak", lambda *_: 2**20)
    path, drawn = tmp_path / "scaling.json", tmp_path / "scaling.svg"
    status, out, _ = run_main(main, *TINY_RUN, "--save", str(path), "--plot", str(drawn))
    results = json.loads(path.read_text(encoding="utf-8"))["results"]
    points = [point["rounds"] for entry in results[:3] for point in entry["points"]]

    assert status == 0
    assert [entry["sweep"] for entry in results] == ["T", "H", "B", "memory"]
    assert [len(rounds) for rounds in points] == [3] * 6
    for times in (times for rounds in points for times in rounds):
        assert times.keys() == {"kernel", "paddle"}
        assert min(times.values()) > 0
    assert [point["size"] for point in results[3]["points"]] == [2, 3]
    assert "| cell | over | theory    | kernel | paddle |" in out
    assert drawn.read_text(encoding="utf-8").startswith("<?xml")


def test_picture_has_a_panel_for_each_cell_and_sweep() -> None:
    """Both axes are logarithmic."""
    outcome = Outcome()
    points = [{"size": 2, "rounds": [{"kernel": 1.0}]}]
    outcome.data = [
        {"cell": cell, "sweep": what, "points": points} for cell in ("RNN", "LSTM") for what in "TH"
    ]

    panels = scaling.draw(outcome, ["kernel"]).axes
    assert [axes.get_title() for axes in panels] == [
        "RNN, B1 H128",
        "RNN, B16 T10",
        "LSTM, B1 H128",
        "LSTM, B16 T10",
    ]
    assert {(axes.get_xscale(), axes.get_yscale()) for axes in panels} == {("log", "log")}


@pytest.mark.usefixtures("_tiny")
@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (KeyboardInterrupt(), 130, ""),
        (RuntimeError("no memory"), 2, "error: no memory"),
        (DifferentWorkError("paddle: loss 1"), 1, "nothing was timed: paddle: loss 1"),
    ],
)
def test_scaling_exits_with_the_status_of_its_end(
    error: BaseException,
    status: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    run_main: RunMain,
) -> None:
    """Results from before Ctrl-C or a failure are printed."""

    def end(calls: Any, *_: object) -> Any:
        yield dict.fromkeys(calls, 1.0)
        raise error

    monkeypatch.setattr(scaling, "time_rounds", end)

    ended = run_main(main, *TINY_RUN, "--sweeps", "T")

    assert ended.status == status
    assert message in ended.err
    if not isinstance(error, DifferentWorkError):
        assert "| 2 | 1000   | 1000   |" in ended.out
        assert "Incomplete" in ended.out
