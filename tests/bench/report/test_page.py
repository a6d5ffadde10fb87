"""The page: text from files never becomes markup, and nothing is loaded; see recorded, too."""

import json
import os
import re
from collections import Counter
from contextlib import suppress
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot

from benchmarks.report.command import main
from benchmarks.report.formats import Case
from benchmarks.report.page import make_page
from benchmarks.report.pictures import STYLE
from benchmarks.report.reading import Results, read_results
from benchmarks.saved.result_files import TIMES
from tests.helpers.matrix_results import (
    comparison,
    faults,
    left,
    made_up,
    released,
    write_cases,
    write_environment,
    write_json,
)
from tests.helpers.rich_results import EVIL, NOW, PATH, write_matrix

SHOWN = ("py311-paddle33-cpu", "py313-paddle32-cpu")
VOID = {"meta", "link", "br"}


class Page(HTMLParser):
    """The elements of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Record an element."""
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """End the element that was opened last."""
        assert self.open.pop() == tag

    def all(self, attribute: str) -> list[str]:
        """Return every value of an attribute."""
        return [value for _, found in self.elements if (value := found.get(attribute))]


# Parsing the page of all results takes longer than what the tests then do with it.
parse = cache(Page)


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of made-up results of every kind, but not of all of them: pictures take long."""
    results = read_results(write_matrix(tmp_path_factory.mktemp("results")))
    results.environments = [each for each in results.environments if each.name in SHOWN]
    for key in [("cpu", "clipped-rnn"), ("cpu", "clipped-lstm")]:
        del results.environments[0].histories[key]
    results.comparisons, results.chains = results.comparisons[1:], results.chains[1:]
    page = make_page(results, NOW)
    now, before = matplotlib.rcParams, matplotlib.rcParamsOrig
    # Nothing stays set or drawn.
    assert ([key for key in STYLE if now[key] != before[key]], pyplot.get_fignums()) == ([], [])
    return page


def test_page_loads_nothing_and_runs_nothing(html: str) -> None:
    """No scripts, no addresses outside the page, and a policy that forbids both."""
    page = parse(html)
    links = [*page.all("href"), *page.all("src"), *page.all("xlink:href")]

    assert all(link.startswith("#") or link == "data:," for link in links)
    assert not re.search(r"@import|url\((?!#)", html)
    assert not [tag for tag, _ in page.elements if tag in ("script", "iframe", "img", "object")]
    assert not [name for _, found in page.elements for name in found if name.startswith("on")]
    assert "default-src 'none'" in " ".join(page.all("content"))


def test_ids_are_unique_and_all_links_have_a_target(html: str) -> None:
    """Including the ids and references inside the pictures."""
    page = parse(html)
    ids = Counter(page.all("id"))
    links = {link[1:] for link in page.all("href") if link.startswith("#")}
    labels = {name for names in page.all("aria-labelledby") for name in names.split()}

    assert [name for name, count in ids.items() if count > 1] == []
    assert links | labels | set(re.findall(r"url\(#([^)]*)\)", html)) <= set(ids)


def test_tables_and_pictures_are_accessible(html: str) -> None:
    """Every header has a scope, every table a caption, every picture a title and a description."""
    page = parse(html)
    tags = Counter(tag for tag, _ in page.elements)
    pictures = [found for tag, found in page.elements if tag == "svg"]

    assert all(found.get("scope") for tag, found in page.elements if tag == "th")
    assert tags["caption"] == tags["table"]
    assert len(pictures) == tags["title"] - 1 == tags["desc"] >= 7
    assert all(found["role"] == "img" and "width" not in found for found in pictures)


def test_no_list_is_cut_where_it_ends() -> None:
    """Six environments, five and a hundred tests of a group, and twenty of an environment."""
    cases = {size: [Case(f"{size} {n}", "failed") for n in range(size)] for size in (5, 15, 100)}
    more = [cases[5], cases[100], *[[]] * 4]
    results = Results([left(f"e{n}", *cases[15], *each) for n, each in enumerate(more)])

    assert re.findall(r"\b\d+ more\b", make_page(results, NOW)) == ["10 more", "95 more", "95 more"]


def test_text_from_files_is_neither_markup_nor_the_path_of_a_user(tmp_path: Path) -> None:
    """Names, reasons, facts, folders and labels in pictures are escaped; paths are shortened."""
    safe = EVIL.replace("/", "|")[:-1]
    attribute = safe.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    folder = write_environment(
        tmp_path / safe, paddle=EVIL, python=EVIL, cpu=EVIL, flags=f"a={PATH}"
    )
    for name in ("clipped-rnn", "clipped-lstm"):  # Their pictures take long.
        (folder / f"{name}.npz").unlink()
    write_cases(
        folder / "tests.xml",
        f'<testcase classname="a" name="{attribute}"><failure message="{attribute}">{attribute}'
        f'</failure></testcase><testcase name="b"><skipped message="{attribute}" /></testcase>'
        f'<testcase name="c"><failure message="{PATH}">E   {PATH}: no</failure></testcase>'
        f'<testcase name="d"><skipped message="{PATH}: b" /></testcase>'
        r'<testcase name="e"><skipped message="C:\Users\alice\b.npz" /></testcase>',
    )
    times = json.loads((folder / TIMES).read_text(encoding="utf-8"))
    times["benchmarks"][0]["extra_info"] |= {"implementation": EVIL, "cell": EVIL}
    write_json(folder / TIMES, times)
    (folder / f"{safe}.txt").write_text("", encoding="utf-8")
    with suppress(OSError):  # Some systems have no such names.
        (tmp_path / os.fsdecode(b"\xff")).mkdir()
    made_up("exploding-rnn", norms={EVIL: np.ones(20)}).save(folder / "exploding-rnn.npz")
    bad = comparison()
    bad["benchmarks"][0]["cell"] = bad["candidate"]["name"] = EVIL
    bad["baseline"]["name"] = PATH
    bad["error"], bad["courses"]["time"]["outcome"] = f"{EVIL}\n{PATH}: no", "crashed"
    bad["behaviour"][0]["text"] = EVIL
    write_json(tmp_path / "comparisons" / safe / "comparison.json", bad)
    evil = released("3.1.0", "3.2.0")
    evil["benchmarks"][0]["functions"][0] |= dict.fromkeys(("name", "library", "operator"), EVIL)
    evil["benchmarks"][0]["operators"][0]["name"] = EVIL
    write_json(tmp_path / "comparisons" / "c" / "comparison.json", evil)
    evil["behaviour"] = bad["behaviour"]
    write_json(tmp_path / "comparisons" / f"releases-{safe}" / "comparison.json", evil)
    write_json(tmp_path / "comparisons" / "b" / "comparison.json", {"format": EVIL})
    write_json(tmp_path / "faults.json", faults(environment={"paddle": EVIL}))

    assert main([str(tmp_path)]) == 0
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script" not in html
    assert "alert(1)" in html
    assert {"a.npz", "b.npz"} <= {*re.findall(r"\w\.npz", html)}
    assert "alice" not in html
    parse(html)
