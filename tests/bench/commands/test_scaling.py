"""Sweeps, their fits and the memory: `python -m benchmarks.scaling`."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from benchmarks.commands import scaling
from benchmarks.commands.common import Outcome
from benchmarks.commands.scaling import MEMORY, SWEEPS, Sweep, growth, per_step
from benchmarks.measuring.memory import measure_peak, saved_bytes
from benchmarks.workloads.same_work import DifferentWorkError
from benchmarks.workloads.training_step import Shape

TINY = {
    "T": Sweep(Shape(1, 1, 4), "steps", (2, 3), "1"),
    "H": Sweep(Shape(1, 2, 1), "size", (2, 3), "towards 2"),
    "B": Sweep(Shape(1, 2, 4), "batch", (1, 2), "towards 1"),
}
TINY_RUN = ("--cells", "RNN", "--implementations", "kernel,paddle", "--seconds", "0")


@pytest.fixture
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sweeps that cost nothing."""
    for what, sweep in TINY.items():
        monkeypatch.setitem(scaling.SWEEPS, what, sweep)
    monkeypatch.setattr(scaling, "MEMORY", Sweep(Shape(1, 1, 4), "steps", (2, 3), "1"))


@pytest.mark.parametrize("power", [0.5, 1, 2])
def test_growth_finds_a_power_law(power: float) -> None:
    """The exponent comes out, with a cost of calls in the lower half that is not looked at."""
    sizes = [10, 30, 100, 300, 1000]
    assert growth(sizes, [size**power for size in sizes]) == pytest.approx(power)
    assert growth(sizes, [7.0, 7.0, *(3 * n**power for n in sizes[2:])]) == pytest.approx(power)


def test_growth_of_too_little() -> None:
    """One size, or a value that has no logarithm, fits nothing."""
    assert math.isnan(growth([], []))
    assert math.isnan(growth([10], [1.0]))
    assert math.isnan(growth([10, 20, 30], [1.0, 0.0, 2.0]))
    assert math.isnan(per_step([10], [1.0]))


def test_bytes_per_step() -> None:
    """A constant part does not count."""
    assert per_step([100, 300, 1000], [5e6 + 4096 * T for T in (100, 300, 1000)]) == pytest.approx(
        4096
    )
    assert saved_bytes("RNN", batch=3, size=5) == 4 * 3 * (5 + 5)
    assert saved_bytes("LSTM", batch=3, size=5) == 4 * 3 * (5 + 7 * 5)


def test_sweeps_change_one_number() -> None:
    """Only the quantity that the sweep is over."""
    for letter, sweep in {**SWEEPS, "T ": MEMORY}.items():
        assert list(sweep.sizes) == sorted(set(sweep.sizes))
        for size, shape in sweep.shapes():
            assert getattr(shape, sweep.field) == size
            assert sweep.others in " ".join(
                word for word in str(shape).split() if word[0] != letter.strip()
            )


def test_tables() -> None:
    """Times, growth, memory and its slope, from made-up values; an empty point is left out."""
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
        "Growth, 1 thread(s): the exponent p where the time is proportional to size^p, over the "
        "upper half of the sizes",
        "",
        "| cell | over | theory | kernel |",
        "| ---- | ---- | ------ | ------ |",
        "| RNN  | T    | 1      | 1.00   |",
        "",
        "Memory: bytes per time step, and what the saved states alone need",
        "",
        "| cell | kernel  | states alone |",
        "| ---- | ------- | ------------ |",
        "| RNN  | 1048576 | 16384        |",
    ]
    assert scaling.tables(Outcome(), ["kernel"]) == "Nothing was measured."


@pytest.mark.usefixtures("_tiny")
def test_a_tiny_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every sweep, memory included, is measured, printed and saved."""
    # Each peak takes a process of its own: the next test has two of them.
    monkeypatch.setattr(scaling, "measure_peak", lambda *_: 2**20)
    path = tmp_path / "scaling.json"
    status = scaling.main([*TINY_RUN, "--save", str(path)])
    out, _ = capsys.readouterr()
    results = json.loads(path.read_text(encoding="utf-8"))["results"]

    assert status == 0
    assert [entry["sweep"] for entry in results] == ["T", "H", "B", "memory"]
    for entry in results[:3]:
        assert [len(point["rounds"]) for point in entry["points"]] == [3, 3]
        assert all(
            times.keys() == {"kernel", "paddle"} and min(times.values()) > 0
            for point in entry["points"]
            for times in point["rounds"]
        )
    assert [point["size"] for point in results[3]["points"]] == [2, 3]
    assert "| cell | over | theory    | kernel | paddle |" in out


@pytest.mark.usefixtures("_tiny")
@pytest.mark.parametrize("ending", ["svg", "png"])
def test_draws(ending: str, tmp_path: Path) -> None:
    """A picture with a panel for each cell and sweep, both axes logarithmic."""
    pytest.importorskip("matplotlib", reason="matplotlib, an optional extra, is not installed")
    path = tmp_path / f"scaling.{ending}"
    assert scaling.main([*TINY_RUN, "--sweeps", "T,B", "--plot", str(path)]) == 0
    assert path.stat().st_size > 1000

    outcome = Outcome()
    points = [{"size": 2, "rounds": [{"kernel": 1.0}]}]
    outcome.data = [
        {"cell": cell, "sweep": what, "points": points} for cell in ("RNN", "LSTM") for what in "TH"
    ]
    panels = scaling.draw(outcome, ["kernel"]).axes
    assert [axes.get_title() for axes in panels] == [
        "RNN, B1 H4",
        "RNN, B1 T2",
        "LSTM, B1 H4",
        "LSTM, B1 T2",
    ]
    assert {(axes.get_xscale(), axes.get_yscale()) for axes in panels} == {("log", "log")}


def test_memory_grows_with_the_steps() -> None:
    """What backpropagation saves is in the peak: with 16 times the steps, several times as much."""
    short, long = (measure_peak("textbook", "LSTM", f"B16-T{T}-H64") for T in (25, 400))
    assert long - short >= (400 - 25) * saved_bytes("LSTM", batch=16, size=64) / 2


def test_failed_measurement_is_named() -> None:
    """The process's last words are in the error."""
    with pytest.raises(RuntimeError, match=r"LSTM B0-T1-H1 ended with 1: .*ValueError"):
        measure_peak("textbook", "LSTM", "B0-T1-H1")


@pytest.mark.usefixtures("_tiny")
@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (KeyboardInterrupt(), 130, ""),
        (RuntimeError("no memory"), 1, "error: no memory"),
        (DifferentWorkError("paddle: loss 1"), 1, "nothing was timed: paddle: loss 1"),
    ],
)
def test_what_ends_it(
    error: BaseException,
    status: int,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Ctrl-C and errors have their status; what was measured before is printed."""

    def end(calls: Any, *_: object) -> Any:
        yield dict.fromkeys(calls, 1.0)
        raise error

    monkeypatch.setattr(scaling, "time_rounds", end)
    found = scaling.main([*TINY_RUN, "--sweeps", "T"])
    out, said = capsys.readouterr()

    assert found == status
    assert words in said
    if not isinstance(error, DifferentWorkError):
        assert "| 2 | 1000   | 1000   |" in out
        assert "Incomplete" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--implementations", "torch"], "'torch' is none of textbook, kernel, paddle"),
        (["--sweeps", "X"], "'X' is none of T, H, B, memory"),
        (["--seconds", "-1"], "at least 0, got '-1'"),
        (["--plot", "scaling.gif"], "a plot must end in .svg, .png or .pdf"),
    ],
)
def test_bad_arguments(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 2, and what is allowed."""
    with pytest.raises(SystemExit) as ended:
        scaling.main(arguments)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err
