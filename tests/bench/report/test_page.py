"""The page: what is on it, that its numbers are those drawn, that nothing becomes markup."""

import os
import re
from collections import Counter
from contextlib import suppress
from datetime import datetime, timezone
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from matplotlib.lines import Line2D

from benchmarks.report.command import main
from benchmarks.report.curves import curves_of
from benchmarks.report.matrix import environments_of
from benchmarks.report.page import SECTIONS, besides, make_page
from benchmarks.report.pictures import (
    comparison_figure,
    curves_figure,
    draw_curves,
    draw_times,
    plain,
    times_figure,
)
from benchmarks.report.reading import EnvironmentResults, Results, read_results
from benchmarks.report.times import blocks_of
from tests.helpers.matrix_results import (
    bench,
    comparison,
    faults,
    made_up,
    write_cases,
    write_environment,
    write_json,
)

# Text that a page must escape wherever a file has text.
EVIL = "<script>alert(1)</script>\"'&$x^{$\x07"
VOID = {"meta", "link", "br"}


class Page(HTMLParser):
    """What is on a page: its elements, and the text of each section and table."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.tables: list[list[list[str]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("th", "td"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        """An element ends: the last that began."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Text."""
        self.words.append(data)
        if {"th", "td"} & set(self.open[-4:]):
            self.tables[-1][-1][-1] += data.strip()

    def all(self, attribute: str) -> list[str]:
        """Every value of an attribute."""
        return [value for _, found in self.elements if (value := found.get(attribute))]


def write_matrix(folder: Path) -> Path:
    """Two versions, one of which fails, a broken run, a comparison and planted faults."""
    write_environment(folder / "py311-paddle33-cpu", times=0.5)
    failing = (
        '<testcase classname="tests.test_a" name="test_one"><failure message="off" /></testcase>'
    )
    write_environment(folder / "py311-paddle26-cpu", paddle="2.6.2", cases=failing)
    (folder / "py313-paddle32-cpu").mkdir()
    write_json(folder / "comparisons" / "a" / "comparison.json", comparison())
    write_json(folder / "faults.json", faults())
    return folder


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Of the made-up matrix."""
    return read_results(write_matrix(tmp_path_factory.mktemp("results")))


@pytest.fixture(scope="module")
def html(results: Results) -> str:
    """The page of it."""
    return make_page(results, datetime(2026, 11, 25, tzinfo=timezone.utc))


def test_everything_is_on_the_page(html: str) -> None:
    """Every section, the headline, and what each kind of result tells."""
    page = Page(html)
    text = re.sub(r"\s+", " ", " ".join(page.words))

    assert set(SECTIONS) <= set(page.all("id"))
    for words in (
        "1 of 3 environments has failures, 1 more is incomplete",
        "1 test failed in 1 environment",
        "the folder is empty: the run broke off before it began",
        "1 slower , 1 faster , 1 same , 1 cannot tell",
        "1 of 2 planted faults were caught",
        "exploded at step",
        "would have seen 12%",
        "Made 2026-11-25 00:00 UTC",
    ):
        assert words.replace(" ,", ",") in text.replace(" ,", ","), words


def test_a_page_on_which_all_is_well(tmp_path: Path) -> None:
    """It says so at once, and nothing else stands beside the headline."""
    write_environment(tmp_path / "py311-paddle33-cpu")
    results = read_results(tmp_path)
    # The made-up runs are none of the notebook's.
    results.environments[0].histories.clear()
    text = make_page(results, datetime(2026, 11, 25, tzinfo=timezone.utc))

    assert besides(results, outside=0) == []
    assert '<header class="passed">' in text
    assert '<p class="lede' not in text
    assert "The one environment passed" in text


def test_what_else_is_wrong_stands_beside_the_headline(tmp_path: Path) -> None:
    """Comparisons, faults, figures and files, though every environment passed."""
    write_environment(tmp_path / "py311-paddle33-cpu")
    write_json(tmp_path / "comparisons" / "a" / "comparison.json", comparison())
    write_json(tmp_path / "faults.json", faults())
    write_json(tmp_path / "comparisons" / "b" / "comparison.json", {})
    results = read_results(tmp_path)
    text = make_page(results, datetime(2026, 11, 25, tzinfo=timezone.utc))

    assert besides(results, outside=2) == [
        ("failed", "2 of the notebook's figures not met"),
        ("failed", "1 of the compared benchmarks slower"),
        ("failed", "1 of the compared experiments different"),
        ("failed", "1 of the planted faults not judged as they should be"),
        ("incomplete", "Not on the page: comparisons/b/comparison.json"),
    ]
    assert '<header class="failed">' in text
    assert "1 of the compared benchmarks slower." in text


def test_the_page_needs_nothing_and_runs_nothing(html: str) -> None:
    """No script, no address of anything outside, and a policy that forbids both."""
    page = Page(html)
    links = [*page.all("href"), *page.all("src"), *page.all("xlink:href")]

    assert all(link.startswith("#") or link == "data:," for link in links)
    assert not re.search(r"@import|url\((?!#)", html)
    assert not [tag for tag, _ in page.elements if tag in ("script", "iframe", "img", "object")]
    assert not [name for _, found in page.elements for name in found if name.startswith("on")]
    assert "default-src 'none'" in " ".join(page.all("content"))


def test_ids_are_unique_and_links_lead_somewhere(html: str) -> None:
    """Those in the pictures too, to which they refer themselves."""
    page = Page(html)
    ids = Counter(page.all("id"))
    links = {link[1:] for link in page.all("href") if link.startswith("#")}
    labels = {name for names in page.all("aria-labelledby") for name in names.split()}

    assert [name for name, count in ids.items() if count > 1] == []
    assert links | labels | set(re.findall(r"url\(#([^)]*)\)", html)) <= set(ids)


def test_tables_and_pictures_can_be_read_aloud(html: str) -> None:
    """Every header has a scope, every table a caption, every picture a title and a description."""
    page = Page(html)
    tags = Counter(tag for tag, _ in page.elements)
    pictures = [found for tag, found in page.elements if tag == "svg"]

    assert all(found.get("scope") for tag, found in page.elements if tag == "th")
    assert tags["caption"] == tags["table"]
    assert len(pictures) == tags["title"] - 1 == tags["desc"] == 5
    assert all(found["role"] == "img" for found in pictures)


def test_nothing_of_a_file_becomes_markup(tmp_path: Path) -> None:
    """Names, reasons, facts, folders and labels in pictures: escaped, whatever they hold."""
    safe = EVIL.replace("/", "|")[:-1]
    attribute = safe.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    folder = write_environment(tmp_path / safe, paddle=EVIL, python=EVIL, cpu=EVIL, flags=EVIL)
    write_cases(
        folder / "tests.xml",
        f'<testcase classname="a" name="{attribute}"><failure message="{attribute}">{attribute}'
        f'</failure></testcase><testcase name="b"><skipped message="{attribute}" /></testcase>',
    )
    write_json(
        folder / "benchmarks.json", {"benchmarks": [bench(2, 1, 3, implementation=EVIL, cell=EVIL)]}
    )
    (folder / f"{safe}.txt").write_text("", encoding="utf-8")
    with suppress(OSError):  # Some systems have no such names.
        (tmp_path / os.fsdecode(b"\xff")).mkdir()
    norms = {EVIL: np.ones(20)}
    history = made_up("exploding-rnn", raw_norms=norms, clipped_norms=norms)
    history.save(folder / "exploding-rnn.npz")
    bad = comparison()
    bad["benchmarks"][0]["cell"] = bad["candidate"]["name"] = bad["error"] = EVIL
    bad["behaviour"][0]["text"], bad["outcome"] = EVIL, "crashed"
    write_json(tmp_path / "comparisons" / safe / "comparison.json", bad)
    write_json(tmp_path / "comparisons" / "b" / "comparison.json", {"format": EVIL})
    write_json(tmp_path / "faults.json", faults(environment={"paddle": EVIL}))

    assert main([str(tmp_path)]) == 0
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script" not in html
    assert "alert(1)" in html
    Page(html)


def test_labels_of_pictures_are_plain() -> None:
    """matplotlib would set formulas, lacks letters, and has no room for any length."""
    assert plain("a $x$ 漢\n") == r"a \$x\$ ??"
    assert (plain("a" * 36), plain("a" * 37)) == ("a" * 36, "a" * 33 + "...")


def along(line: Line2D) -> list[float]:
    """Where a line's points stand on the axis from left to right."""
    return [float(value) for value in np.asarray(line.get_xdata())]


def up(line: Line2D) -> list[float]:
    """Where they stand on the other."""
    return [float(value) for value in np.asarray(line.get_ydata())]


def test_tables_hold_what_is_drawn(html: str) -> None:
    """The curves: every point of every line is in the table below it, and no more."""
    results = EnvironmentResults("a")
    results.histories["cpu", "exploding-rnn"] = made_up("exploding-rnn")
    [curves] = curves_of(environments_of([results]))["exploding-rnn"]
    norms, loss, accuracy = curves_figure(curves).axes
    # The clipped run's table has the same head, and more rows.
    [rows] = [
        table[1:] for table in Page(html).tables if table[0] == curves.heads and len(table) == 21
    ]
    columns = list(zip(*rows, strict=True))

    def check(values: list[float], texts: tuple[str, ...]) -> None:
        words = ("exactly 0", "NaN or infinite")
        drawn = [f"{value:.4g}" for value in values if not np.isnan(value)]
        assert [text for text in texts if text not in words] == drawn

    for axes, name, texts in (
        *((norms, name, text) for name, text in zip(curves.norms, columns[1:4], strict=True)),
        (loss, "loss", columns[4]),
    ):
        line = next(line for line in axes.get_lines() if line.get_label() == name)
        assert [float(text) for text in columns[0]] == along(line)
        check(up(line), texts)
    # A mark for each zero, and for what is not finite.
    marks = Counter(line.get_marker() for line in norms.get_lines() for _ in along(line))
    assert 3 * columns[1].count("exactly 0") == marks["o"] == 30
    assert columns[4].count("NaN or infinite") == 1
    [crosses] = [line for line in loss.get_lines() if line.get_marker() == "x"]
    assert along(crosses) == [20]
    [line] = [line for line in accuracy.get_lines() if line.get_marker() == "."]
    assert [f"{value:.0%}" for value in up(line)] == [text for text in columns[5] if text]


def test_step_times_are_those_drawn(results: Results, html: str) -> None:
    """Median, middle half, and the ratio to the version before."""
    environments = environments_of(results.environments)
    [block] = blocks_of(environments)
    [axes] = times_figure(block).axes
    drawn = [along(line) for line in axes.get_lines()]
    [table] = [table for table in Page(html).tables if table[0] == ["environment", "textbook"]]

    assert [pytest.approx(values) for values in drawn] == [[1, 2], [1.5], [0.5, 1], [0.75]]
    assert [row[1] for row in table[1:]] == ["1.5(1–2)", "0.75(0.5–1)×0.50"]
    assert "× that of py311-paddle26-cpu" in table[2][0]


def test_a_comparisons_intervals_are_those_drawn(results: Results, html: str) -> None:
    """Ratio and interval; an open end is drawn past the edge, and said in the table."""
    [axes] = comparison_figure(results.comparisons[0], "time").axes
    ratios = [along(line) for line in axes.get_lines()[1:]]
    [table] = [table for table in Page(html).tables if table[0][0] == "benchmark"]
    left, right = axes.get_xlim()

    assert [f"{low:.3f}-{high:.3f}" for low, high in ratios[:6:2]] == [row[4] for row in table[1:4]]
    assert [f"{ratio:.3f}" for [ratio] in ratios[1::2]] == [row[3] for row in table[1:]]
    assert 0 < ratios[6][0] < left
    assert ratios[6][1] < right
    assert table[4][4] == f"up to {ratios[6][1]:.3f}"
    words = {text.get_text() for text in axes.texts}
    assert words == {"slower", "faster", "same", "cannot tell"}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [np.nan, -1.0, 1e308, 5e-324])
def test_any_number_can_be_drawn(value: float) -> None:
    """A history of one value, whatever it is."""
    results = EnvironmentResults("a")
    norms = {"W": np.full(20, value)}
    results.histories["cpu", "exploding-rnn"] = made_up(
        "exploding-rnn", loss=norms["W"], raw_norms=norms, clipped_norms=norms
    )
    [curves] = curves_of(environments_of([results]))["exploding-rnn"]

    assert "</svg>" in draw_curves(curves, "a")


def test_a_picture_is_the_same_each_time(results: Results) -> None:
    """Its ids do not depend on chance, nor does its date."""
    [block] = blocks_of(environments_of(results.environments))

    assert draw_times(block, "a") == draw_times(block, "a")
    assert draw_times(block, "a") != draw_times(block, "b")


def test_no_results_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Said in words, with status 2, and no file is written."""
    assert main([str(tmp_path)]) == 2
    assert "holds no results" in capsys.readouterr().err
    assert main([str(tmp_path / "nowhere"), "--output", str(tmp_path / "page.html")]) == 2
    assert "is not a folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_page_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 3, and what was there stays."""
    (tmp_path / "results" / "py311-paddle33-cpu").mkdir(parents=True)
    output = tmp_path / "nowhere" / "page.html"

    assert main([str(tmp_path / "results"), "--output", str(output)]) == 3
    assert "no page: cannot write" in capsys.readouterr().err
