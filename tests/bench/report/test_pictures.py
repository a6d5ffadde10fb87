"""The pictures: what they show, extreme numbers, and their labels."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from benchmarks.report.matrix import environments_of
from benchmarks.report.pictures import INK, THIN, draw_curves, draw_times
from benchmarks.report.times import blocks_of
from tests.helpers.matrix_results import curves, left, step_time


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize(("loss", "norm"), [(1e308, np.nan), (-1.0, 5e-324)])
def test_curves_of_extreme_numbers_can_be_drawn(loss: float, norm: float) -> None:
    """All values of a curve are the same extreme number. All colours are those of the page."""
    picture = draw_curves(curves(loss=np.full(20, loss), norms={"W": np.full(20, norm)}), "a")

    assert "</svg>" in picture
    assert [color for color in (INK, THIN) if color in picture] == []


def test_a_picture_is_part_of_a_page() -> None:
    """It has no random ids, no date, no folders, and no size, font and colours of its own."""
    results = left("a", paddle="3.3.1")
    results.times = [
        step_time(2, implementation=f"{number}", cell="/home/alice/a.py:f") for number in range(7)
    ]
    [block] = blocks_of(environments_of([results]))

    html = draw_times(block, "a")

    assert draw_times(block, "a") == html
    assert draw_times(block, "b") != html
    assert not re.search("DejaVu|metadata|alice|ns0|(?<!, )#[0-9a-fA-F]{6}", html)
    assert {*re.findall(r"var\(--series-(\d), #\w{6}\)", html)} == set("123456")
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
