"""The pictures: what they show, extreme numbers, and their labels."""

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from benchmarks.compare.result import Comparison
from benchmarks.report import pictures
from benchmarks.report.matrix import environments_of
from benchmarks.report.pictures import (
    INK,
    THIN,
    curves_figure,
    draw_comparison,
    draw_curves,
    draw_releases,
    draw_times,
    plain,
)
from benchmarks.report.releases import Chart, Cost
from benchmarks.report.times import blocks_of
from rnn_core.commands.plot import COLORS
from tests.helpers.matrix_results import comparison, counted, curves, left, step_time, write_json


def test_the_curves_picture_has_the_values_of_the_table() -> None:
    """Each column has a line, without the values that a logarithmic axis cannot show."""
    shown = curves()
    norms, loss, accuracy = curves_figure(shown).axes
    columns = dict(zip(shown.heads, zip(*shown.rows, strict=True), strict=True))
    [shares, *_] = accuracy.get_lines()

    for axes, name in [*((norms, name) for name in shown.norms), (loss, "loss")]:
        [line] = [line for line in axes.get_lines() if line.get_label() == name]
        assert [f"{value:.4g}" for _, value in points(line)] == [
            text for text in columns[name] if text[0].isdigit()
        ]
    assert [f"{share:.0%}" for _, share in points(shares)] == list(
        filter(None, columns["accuracy"])
    )
    assert [step for step, _ in points(shares)] == [4, 8, 12, 16, 20]


def points(line: Any) -> list[tuple[float, float]]:
    """Return the points of a line that are drawn."""
    return [(float(x), float(y)) for x, y in zip(*line.get_data(), strict=True) if np.isfinite(y)]


def test_the_curves_picture_marks_zeros_broken_values_and_events() -> None:
    """Zeros are at the bottom and broken values at the top, each in the axes of its curve."""
    figure = curves_figure(curves())
    norms, _, accuracy = figure.axes
    clipped = curves_figure(curves("clipped-rnn")).axes[0].get_legend_handles_labels()

    for look, low, high, expected in (
        (("o", "None"), 0, 0.5, [{*range(11, 21)}, set(), set()]),
        (("x", "None"), 0.5, 1, [set(), {20}, set()]),
        (("None", ":"), 0, 1, [{11, 16, 20}] * 3),
    ):
        assert [
            {
                step
                for line in axes.get_lines()
                if (line.get_marker(), line.get_linestyle()) == look
                for step, height in points(line)
                if low <= height <= high
            }
            for axes in figure.axes
        ] == expected
    assert {text.get_text(): text.get_position()[0] for text in norms.texts} == {
        "exactly 0 \u25cb": -0.01,
        "vanished, step 11": 11,
        "exploded, step 16": 16,
        "non-finite, step 20": 20,
    }
    assert [text.get_text() for text in accuracy.get_yticklabels()] == ["0%", "50%", "100%"]
    assert [axes.get_yscale() for axes in figure.axes] == ["log", "log", "linear"]
    assert [(axes.get_xlabel(), axes.get_ylabel()) for axes in figure.axes] == [
        *(("", "gradient norm"), ("", "loss"), ("step", "accuracy"))
    ]
    assert len({axes.get_xlim() for axes in figure.axes}) == 1
    assert all(step == int(step) for step in accuracy.get_xticks())
    assert accuracy.get_ylim() == (-0.1, 1.1)
    assert [*accuracy.get_yticks()] == [0, 0.5, 1]
    assert (accuracy.get_lines()[0].get_marker(), clipped[0][-1].get_color()) == (".", INK)  # type: ignore[attr-defined]
    assert {line.get_color() for line in accuracy.get_lines()} == {INK}
    assert figure.get_layout_engine() is not None
    figure.draw_without_rendering()
    [legend] = figure.legends
    assert legend.get_window_extent().y1 < accuracy.get_window_extent().y0
    assert (clipped[0][-1].get_ydata()[0], clipped[1][-1]) == (1, "clipped to 1")  # type: ignore[attr-defined]
    assert norms.get_legend_handles_labels()[1] == list(curves().norms)


@pytest.mark.parametrize(("steps", "marker"), [(25, "."), (26, "None")])
def test_the_lines_of_curves_differ_in_looks_and_marks(steps: int, marker: str) -> None:
    """Their marks have own heights, below and above the values; only short lines have points."""
    values = np.full(steps, 10.0)
    values[:2] = 1000, 0
    run: dict[str, Any] = {"accuracy": np.ones(6), "epoch_ends": 4 * np.arange(1, 7)}
    run |= {"loss": np.where(values, values, np.inf), "outcome": "interrupted"}
    figure = curves_figure(curves(norms={f"p{n}": values for n in range(8)}, **run))
    norms, loss, _ = figure.axes
    lines = [line for axes in (norms, loss) for line in axes.get_lines()]
    named = [line for line in lines if not str(line.get_label()).startswith("_")]
    zeros = [line for line in norms.get_lines() if line.get_marker() == "o"]
    colors = [*COLORS[:6], INK, COLORS[0], INK]

    assert [line.get_color() for line in named] == colors
    assert [line.get_linestyle() for line in named] == [*("-", "--", ":", "-.", "--", "--"), *"---"]
    assert [line.get_marker() for line in named] == 9 * [marker]
    assert [line.get_color() for line in zeros] == colors[:8]
    assert {x for line in zeros for x, _ in points(line)} == {2}
    assert [y for line in zeros for _, y in points(line)] == pytest.approx(
        [0.02 + 0.012 * n for n in (*range(7), 0)]
    )
    for axes, below, above, edge, words in (
        (norms, 0.44, 0.12, 10 / 10**0.11, ("exactly 0 \u25cb", (-0.01, 0.05))),
        (loss, 0.12, 0.44, 1000 * 10**0.11, ("NaN, inf \u00d7", (-0.01, 0.95))),
    ):
        [limit] = [line for line in axes.get_lines() if line.get_color() == THIN]
        assert axes.get_ylim() == pytest.approx((10 / 10**below, 1000 * 10**above))
        assert np.unique(limit.get_ydata()) == pytest.approx(edge)
        assert [*axes.get_yticks()] == [10, 100, 1000]
        assert words in [(text.get_text(), text.get_position()) for text in axes.texts]
        assert not axes.xaxis.get_gridlines()[0].get_visible()
    # In fractions of the height, whatever the values are.
    [event] = [text for text in norms.texts if "non-finite" in text.get_text()]
    for each, (x, y) in ((event, event.get_position()), (zeros[0], (2, 0.02))):
        place = norms.transAxes.inverted().transform(each.get_transform().transform((x, y)))
        assert place[1] == pytest.approx(y)
    assert event.get_position() == (2, 0.97)


def test_curves_without_a_positive_value_have_an_axis() -> None:
    """It spans a power of ten at least."""
    figure = curves_figure(curves(loss=np.ones(20), norms={"p": np.zeros(20)}))

    assert [axes.get_ylim() for axes in figure.axes[:2]] == [
        pytest.approx((0.1 / 10**0.22, 10**0.06)),
        pytest.approx((10**-0.06, 10**0.06)),
    ]


def test_the_picture_of_step_times_has_a_row_for_each_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The middle half is a line through the median; the rows go from top to bottom."""
    monkeypatch.setattr(pictures, "inline", lambda figure, *_: figure)
    older, newer = left("py311-a", paddle="3.0.0", python="3.11"), left("b", paddle="3.3.1")
    older.times = [step_time(2), step_time(4, implementation="textbook")]
    newer.times = [step_time(3)]
    [block] = blocks_of(environments_of([older, newer]))
    figure: Any = draw_times(block, "a")
    [axes] = figure.axes
    lines = [*axes.get_lines()]
    medians = {line.get_label(): points(line) for line in lines if line.get_linestyle() == "None"}
    halves = [points(line) for line in lines if line.get_linestyle() == "-"]

    assert {name: [x for x, _ in found] for name, found in medians.items()} == {
        "textbook": [4],
        "kernel": [2, 3],
    }
    assert [round(y) for found in medians.values() for _, y in found] == [0, 0, 1]
    assert medians["textbook"][0][1] < medians["kernel"][0][1]
    assert halves == [
        [(median / 2, y), (2 * median, y)] for found in medians.values() for median, y in found
    ]
    assert axes.get_ylim() == (1.5, -0.5)
    assert (axes.get_xscale(), axes.get_xlabel()) == ("log", "ms")
    assert {f"{tick:e}"[0] for tick in axes.get_xticks()} == {*"125"}
    assert axes.xaxis.get_major_formatter()(0.25, 0) == "0.25"
    assert not axes.yaxis.get_gridlines()[0].get_visible()
    assert [text.get_text() for text in axes.get_yticklabels()] == [
        "Paddle 3.0.0\nPython 3.11",
        "Paddle 3.3.1\nPython unknown, b",
    ]
    assert len({(line.get_marker(), line.get_color()) for line in lines[::3]}) == 2


def test_the_picture_of_a_comparison_has_a_row_for_each_benchmark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the ratio, the interval and the verdict; an open end reaches past the edge."""
    monkeypatch.setattr(pictures, "inline", lambda figure, *_: figure)
    content = comparison()
    content["benchmarks"][2]["measures"]["time"] |= {"ratio": 0.25, "low": 0.01, "high": 0.5}
    write_json(tmp_path / "comparison.json", content)
    compared = Comparison.load(tmp_path / "comparison.json")
    figure: Any = draw_comparison(compared, "time", "a")
    [axes] = figure.axes
    [equal, *lines] = map(points, axes.get_lines())
    markers = [line.get_marker() for line in axes.get_lines()[2::2]]
    [band] = axes.patches
    left_edge, right_edge = axes.get_xlim()  # Of all ratios, but not of all intervals.

    for row, (_, bench) in enumerate(compared.results("time")):
        low, high = lines[2 * row]
        assert lines[2 * row + 1] == [(bench.ratio, row)]
        assert high == (bench.high, row)
        assert low == (bench.low, row) if bench.low else low[0] < left_edge
        assert axes.texts[row].get_position()[1] == row
    assert [text.get_text() for text in axes.texts] == ["same", "slower", "faster", "cannot tell"]
    assert markers == ["o", ">", "<", "x"]
    assert [text.get_text() for text in axes.get_yticklabels()] == [
        *("LSTM paddle", "RNN fused", "RNN kernel", "RNN paddle")
    ]
    assert equal == [(1, 0), (1, 1)]
    assert (left_edge, right_edge) == pytest.approx((0.25 / 1.03, 4 * 1.03))
    assert (band.get_x(), band.get_x() + band.get_width()) == pytest.approx((1 / 1.05, 1.05))
    assert (axes.get_xscale(), axes.get_ylim()) == ("log", (3.5, -0.5))
    assert axes.get_xlabel() == "the baseline's time = 1; left is faster"


def test_the_picture_of_counts_has_their_words_and_a_narrow_axis(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a percent can be seen: the axis has marks within 2%."""
    monkeypatch.setattr(pictures, "inline", lambda figure, *_: figure)
    write_json(tmp_path / "comparison.json", counted())
    figure: Any = draw_comparison(
        Comparison.load(tmp_path / "comparison.json"), "instructions", "a"
    )
    [axes] = figure.axes
    [band] = axes.patches
    left_edge, right_edge = axes.get_xlim()
    marks = [place for place in axes.get_xticks() if left_edge <= place <= right_edge]

    assert axes.get_xlabel() == "the baseline's instruction count = 1; left is fewer"
    assert [text.get_text() for text in axes.texts] == ["more instructions", "same"]
    assert [line.get_marker() for line in axes.get_lines()[2::2]] == [">", "o"]
    assert band.get_x() + band.get_width() == pytest.approx(1.005)
    assert 1 / 1.06 < left_edge < right_edge < 1.06
    assert len(marks) >= 3


def test_the_picture_of_releases_has_a_panel_for_each_measure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A ring and a label mark a change: above a rise, below a fall. A missing value is a gap."""
    monkeypatch.setattr(pictures, "inline", lambda figure, *_: figure)
    names = ["2.6.2", "3.0.0", "3.1.0", "3.2.0"]
    rows = [(4.0, 1.0, None), (3.6, 0.9, 0.9), (None, None, None), (4.4, 1.1, 1.2)]
    flat = [Cost(1.0, 1.0, None)] * 4
    costs: Any = {"instructions": [Cost(*row) for row in rows], "memory": flat}
    benchmark = Comparison.model_validate_json(json.dumps(counted())).benchmarks[0]
    figure: Any = draw_releases(Chart(benchmark, names, costs), "a")
    long: Any = draw_releases(Chart(benchmark, [name * 4 for name in names], costs), "a")
    above, below = figure.axes
    line, *rings = above.get_lines()
    low, high = below.get_ylim()

    assert points(line) == [(0, 1.0), (1, 0.9), (3, 1.1)]
    assert [points(ring) for ring in rings] == [[(1, 0.9)], [(3, 1.1)]]
    assert [(text.get_text(), text.xyann[1] > 0) for text in above.texts] == [
        ("-10.0%", False),
        ("+20.0%", True),
    ]
    assert [points(each) for each in below.get_lines()] == [[(n, 1.0) for n in range(4)]]
    assert len(below.texts) == 0
    assert high - low > 0.06
    assert [axes.get_ylabel() for axes in figure.axes] == ["instruction count", "peak memory"]
    assert line.get_linestyle() != below.get_lines()[0].get_linestyle()
    for found, rotation in ((figure, 0), (long, 90)):
        labels = found.axes[1].get_xticklabels()
        assert [label.get_rotation() for label in labels] == 4 * [rotation]
    assert [label.get_text() for label in below.get_xticklabels()] == names


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("value", [np.nan, -1.0, 1e308, 5e-324])
def test_curves_of_extreme_numbers_can_be_drawn(value: float) -> None:
    """Every value of the history is the same extreme number. All colours are those of the page."""
    values = np.full(20, value)
    picture = draw_curves(curves(loss=values, norms={"W": values}), "a")

    assert "</svg>" in picture
    assert [color for color in (INK, THIN) if color in picture] == []


def test_a_comparison_of_extreme_ratios_can_be_drawn(tmp_path: Path) -> None:
    """Intervals may be open, or far wider than the picture."""
    content = comparison()
    extremes = ((1e-9, None, 1e9), (1e9, 1e-9, None), (1.0, None, None), (1.0, 1e-9, 1e9))
    for benchmark, (ratio, low, high) in zip(content["benchmarks"], extremes, strict=True):
        benchmark["measures"]["time"] |= {"ratio": ratio, "low": low, "high": high}
    write_json(tmp_path / "comparison.json", content)

    assert "</svg>" in draw_comparison(Comparison.load(tmp_path / "comparison.json"), "time", "a")


def test_a_picture_is_part_of_a_page() -> None:
    """It has no random ids, no date, and no size, font and background of its own."""
    results = left("a", paddle="3.3.1")
    results.times = [step_time(2)]
    [block] = blocks_of(environments_of([results]))

    html = draw_times(block, "a")

    assert draw_times(block, "a") == html
    assert draw_times(block, "b") != html
    assert not re.search("DejaVu|metadata|#ffffff", html)
    assert re.search('inherit[;"]', html)
    root = ElementTree.fromstring(html)  # noqa: S314 - made above
    ids, links = ({each.get(name, "") for each in root.iter()} - {""} for name in ("id", "href"))
    clips = re.findall(r"url\(#([^)]*)\)", html)
    assert root.attrib.keys() == {"viewBox", "role", "aria-labelledby"}
    assert (root.get("role"), root.get("aria-labelledby")) == ("img", "a-title a-desc")
    assert [(each.tag, each.get("id"), (each.text or "")[:6]) for each in root[:2]] == [
        *(("title", "a-title", "Time o"), ("desc", "a-desc", "Median"))
    ]
    assert {name[:2] for name in ids} == {"a-"}
    assert {*links, *(f"#{clip}" for clip in clips)} < {f"#{name}" for name in ids}
    assert min(len(links), len(clips)) > 0


def test_labels_of_pictures_are_short_and_plain() -> None:
    """Formulas are escaped, and letters that the font lacks are replaced."""
    assert plain("a $x$ \u0250\n") == r"a \$x\$ ??"
    assert (plain("a" * 36), plain("a" * 37)) == ("a" * 36, "a" * 33 + "...")
