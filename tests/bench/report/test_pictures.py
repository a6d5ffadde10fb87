"""The pictures: what they show, extreme numbers, and their labels."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.compare.result import Comparison
from benchmarks.report.matrix import environments_of
from benchmarks.report.pictures import (
    curves_figure,
    draw_comparison,
    draw_curves,
    draw_times,
    plain,
)
from benchmarks.report.times import blocks_of
from tests.helpers.matrix_results import comparison, curves, left, step_time, write_json


def test_the_curves_picture_has_the_values_of_the_table() -> None:
    """Each column has a line, without the values that a logarithmic axis cannot show."""
    shown = curves()
    norms, loss, _ = curves_figure(shown).axes
    lines = {line.get_label(): line for axes in (norms, loss) for line in axes.get_lines()}
    columns = dict(zip(shown.heads, zip(*shown.rows, strict=True), strict=True))

    for name in (*shown.norms, "loss"):
        values = np.asarray(lines[name].get_ydata(), dtype=np.float64)
        drawn = [f"{value:.4g}" for value in values if np.isfinite(value)]
        assert drawn == [text for text in columns[name] if text[0].isdigit()]


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("value", [np.nan, -1.0, 1e308, 5e-324])
def test_curves_of_extreme_numbers_can_be_drawn(value: float) -> None:
    """Every value of the history is the same extreme number."""
    values = np.full(20, value)

    assert "</svg>" in draw_curves(curves(loss=values, norms={"W": values}), "a")


def test_a_comparison_of_extreme_ratios_can_be_drawn(tmp_path: Path) -> None:
    """Intervals may be open, or far wider than the picture."""
    content = comparison()
    extremes = ((1e-9, None, 1e9), (1e9, 1e-9, None), (1.0, None, None), (1.0, 1e-9, 1e9))
    for benchmark, (ratio, low, high) in zip(content["benchmarks"], extremes, strict=True):
        benchmark["measures"]["time"] |= {"ratio": ratio, "low": low, "high": high}
    write_json(tmp_path / "comparison.json", content)

    assert "</svg>" in draw_comparison(Comparison.load(tmp_path / "comparison.json"), "time", "a")


def test_a_picture_is_reproducible() -> None:
    """Its ids are not random, and it has no date."""
    results = left("a", paddle="3.3.1")
    results.times = [step_time(2)]
    [block] = blocks_of(environments_of([results]))

    assert draw_times(block, "a") == draw_times(block, "a")
    assert draw_times(block, "a") != draw_times(block, "b")


def test_labels_of_pictures_are_short_and_plain() -> None:
    """Formulas are escaped, and letters that the font lacks are replaced."""
    assert plain("a $x$ 漢\n") == r"a \$x\$ ??"
    assert (plain("a" * 36), plain("a" * 37)) == ("a" * 36, "a" * 33 + "...")
