"""The page: its contents, its tables, and that text from files never becomes markup."""

import json
import os
import re
from collections import Counter
from contextlib import suppress
from datetime import datetime, timezone
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from markupsafe import Markup

from benchmarks.behaviour.judge import BehaviourVerdict
from benchmarks.report import pictures
from benchmarks.report.command import main
from benchmarks.report.formats import Case, CaseOutcome
from benchmarks.report.page import SECTIONS, make_page, notices
from benchmarks.report.reading import Problem, Results, read_results
from benchmarks.saved.result_files import TIMES
from tests.helpers.matrix_results import (
    comparison,
    counted,
    faults,
    left,
    made_up,
    released,
    step_time,
    write_cases,
    write_environment,
    write_json,
)

# Text that a page must escape wherever a file has text, and a path that it must not tell.
PATH = "/home/alice/a.npz"
EVIL = "<script>alert(1)</script>\"'&$x^{$\x07"
VOID = {"meta", "link", "br"}


class Page(HTMLParser):
    """The elements of a page, and the text of each table."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.tables: list[list[list[str]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Record an element."""
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
        """End the element that was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Record text."""
        self.words.append(data)
        if {"th", "td"} & set(self.open[-4:]):
            self.tables[-1][-1][-1] += data.strip()

    def all(self, attribute: str) -> list[str]:
        """Return every value of an attribute."""
        return [value for _, found in self.elements if (value := found.get(attribute))]


# Parsing the page of all results takes longer than what the tests then do with it.
parse = cache(Page)


def words(html: str) -> str:
    """Return the text of a page."""
    return re.sub(r" ([,.:])(?= )", r"\1", re.sub(r"\s+", " ", " ".join(parse(html).words)))


def write_matrix(folder: Path) -> Path:
    """Write two versions, one of which fails, an empty run, comparisons and planted faults."""
    write_environment(folder / "py311-paddle33-cpu", times=0.5)
    failing = '<testcase classname="tests.test_a" name="one"><failure message="off" /></testcase>'
    write_environment(folder / "py311-paddle26-cpu", paddle="2.6.2", cases=failing)
    (folder / "py313-paddle32-cpu").mkdir()
    write_json(folder / "comparisons" / "a" / "comparison.json", comparison())
    write_json(folder / "comparisons" / "b" / "comparison.json", counted())
    other = ("textbook", "different", 6, 7, 0.5, "h_1", "matmul", "the text")
    differs = [vars(BehaviourVerdict("clipped-rnn", *other))]  # type: ignore[arg-type]
    for before, after, changes in (
        ("2.6.2", "3.0.0", {}),
        ("3.1.0", "3.2.0", {"behaviour": differs}),
        ("3.2.0", "3.3.0", {"behaviour": []}),
    ):
        path = folder / "comparisons" / f"releases-{before}..{after}" / "comparison.json"
        write_json(path, released(before, after, **changes))
    write_json(folder / "faults.json", faults())
    return folder


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """The results of the made-up matrix."""
    return read_results(write_matrix(tmp_path_factory.mktemp("results")))


@pytest.fixture(scope="module")
def html(results: Results) -> str:
    """The page of these results."""
    return make_page(results, datetime(2026, 11, 25, tzinfo=timezone.utc))


@pytest.fixture
def _no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw nothing, which takes most of the time."""
    for name in ("draw_curves", "draw_times", "draw_comparison", "draw_releases"):
        monkeypatch.setattr(pictures, name, lambda *_: Markup())


def test_page_has_every_section_and_kind_of_result(html: str) -> None:
    """Each is recognised by words or markup that no other has."""
    parts = (
        "✗ 1 of 3 environments has failures, 1 more is incomplete ✗ Failures in "
        "py311-paddle26-cpu. ! Incomplete: py313-paddle32-cpu. ✗ 35 of the notebook's figures",
        "environments 3 passed 3 failed 1 skipped 0 notebook's figures reproduced 1 of 36 planted "
        "faults caught 1 of 2 benchmarks slower 1 of 4, 1 cannot tell benchmarks with more "
        "instructions 1 of 2 benchmarks with more memory 0 of 2 experiments that differ 1",
        "Paddle 2.6.2 CPU ✗ 1 failed py311-paddle26-cpu 1 passed – Paddle 3.2 CPU – ! incomplete "
        "py313-paddle32-cpu Paddle 3.3.1 CPU ✓ passed py311-paddle33-cpu 2 passed –",
        "1 test failed in 1 environment py311-paddle26-cpu tests.test_a::one off Missing or "
        "damaged py313-paddle32-cpu the folder is empty: the run broke off before it began The",
        "All 2 environments agree in every digit. 35 figures differ",
        "exploding-rnn 1 norm of W 19.658676 ✗ 1.000000 9e-01 1e-06",
        "4 correct 0/4 0/4 0 0 8 correct 0/4 ✗ 1/4 1 0",
        "py311-paddle33-cpu vanished at step 11",
        "loss accuracy 1 1 2 3 1 2 2.976 5.953 8.929 2.637 3 8.859 17.72 26.58 6.952 4 26.37 52.73 "
        "79.1 18.33 0%",
        "environment textbook py311-paddle26-cpu 1.5 (1–2) py311-paddle33-cpu × that of "
        "py311-paddle26-cpu 0.75 (0.5–1) ×0.50",
        "exactly 0; exploded at step 16",  # Only the picture's description joins the events.
        "Time 1 slower, 1 faster, 1 same, 1 cannot tell: 6 pairs of processes, settled. Ratios "
        "from 0.952 to 1.050 count as the same: the grey band. Fixed work without Paddle took",
        "Instructions 1 more instructions, 0 fewer instructions, 1 same, 0 cannot tell: 3 pairs",
        "Memory 0 more memory, 0 less memory, 2 same, 0 cannot tell: 3 pairs of processes, "
        "settled. Ratios from 0.995 to 1.005 count as the same: the grey band. paddle33 against",
        "Why cpu LSTM B1 T10 H128 paddle step has more instructions",
        "1 of 2 planted faults were caught by a failing test, with Paddle 3.3.1. The others, and "
        "a healthy project that failed: one-percent survived: a bug",
        "gate-swapped a bug caught one-percent a bug ✗ survived Skipped",
        "would have detected an increase of 12%",
        "✗ 1 failed 2026-11-24 00:00 UTC Tests: 0 passed, 1 failed, 0 skipped. Benchmarks: 1 "
        "passed, 0 failed, 0 skipped. tests.test_a::one off Tests, begun 2026-11-24 00:00 UTC",
        "! incomplete unknown the folder is empty: the run broke off before it began No file",
        "Paddle 3.3.1 Python 3.11.7 NumPy 2.4.6 CPU A CPU device cpu device name cpu Made",
        "Made 2026-11-25 00:00 UTC",
        'id="times-1-title"',
        'id="releases-1-2-title"',
        'comparison-1-time-title">paddle33 against paddle30</title>',
        "-desc\">The candidate's time as a multiple of the baseline's, with 99% intervals.",
        '<header class="failed">',
        '<td class="number outside">✗ 1/4</td>',
        '<div class="failed"><dt><a href="#broken">failed</a>',
        '<div class="failed"><dt><a href="#faults">',
        '<div class="failed"><dt><a href="#comparisons">benchmarks slower',
        '<details class="environment failed" id="environment-1" open>',
        '<details class="environment passed" id="environment-3">',
        '<a href="#environment-2">py313-paddle32-cpu</a>',
    )
    shown = words(html) + html

    assert set(SECTIONS) <= set(parse(html).all("id"))
    assert [each for each in parts if each not in shown] == []


@pytest.mark.usefixtures("_no_pictures")
def test_page_cuts_long_lists_and_marks_old_and_partial_results() -> None:
    """It says how many environments and tests it leaves out."""
    outcomes: list[CaseOutcome] = [*(105 * ["failed"]), "error"]  # type: ignore[list-item]
    cases = [Case(f"test_a::{n:03}", outcome, "off") for n, outcome in enumerate(outcomes)]
    cases += [Case("x", "crashed", "crashed: by SIGILL"), Case("y", "skipped", "no GPU")]
    environments = [left(f"e{number}", *cases, paddle="3.3.1") for number in range(8)]
    part = left("part", Case("z", "passed"), day=20, paddle="3.2.2", flags="MKL_CBWR=AVX2 A=1")
    part.problems.append(Problem("tests.xml", "missing"))
    run = part.runs["tests"]
    selection = run.selection.model_copy(update={"deselected": 1})
    part.runs["tests"] = run.model_copy(update={"selection": selection})
    for each in environments[:3]:
        each.histories["cpu", "exploding-rnn"] = made_up("exploding-rnn")
    part.histories["cpu", "exploding-rnn"] = made_up("exploding-rnn", accuracy=np.zeros(5))
    parts = (
        "✗ Failures in e0, e1, e2, e3, e4, e5 and 2 more: all with Paddle 3.3.1, and no other.",
        "environments 9 passed 1 failed 848 crashed 8 skipped 8 notebook",
        "8 environments: everywhere e0, e1",
        "test_a::004 off 101 more test_a::005 off",
        "test_a::099 off And 6 more, in tests.xml. 1 test crashed in 8 environments: everywhere",
        "test_a::019 off And 87 more.",
        "Tests: 0 passed, 106 failed, 1 crashed, 1 skipped.",
        'no GPU</th><td>1 in <a class="whole" href="#environment-2">e0</a>, 1 in <a',
        "share a column; there are 2 columns.",
        "Paddle 3.3.1 3 environments largest error",
        "3 environments e0, e1, e2",
        "! incomplete part 1 passed MKL_CBWR=AVX2 not all tests 4 days older than the newest",
        "! incomplete 2026-11-20 00:00 UTC, 4 days older than the newest tests.xml missing",
        "✗ 1 crashed, 106 failed e7 0 passed, 1 skipped",
    )
    html = make_page(Results([*environments, part]), datetime.now(timezone.utc))
    shown = words(html) + html

    assert [each for each in parts if each not in shown] == []


@pytest.mark.usefixtures("_no_pictures")
def test_page_says_if_everything_passed(tmp_path: Path) -> None:
    """The headline says so, without any notice."""
    write_environment(tmp_path / "py311-paddle33-cpu")
    results = read_results(tmp_path)
    # The made-up histories do not reproduce the notebook's figures.
    results.environments[0].histories.clear()
    text = make_page(results, datetime(2026, 11, 25, tzinfo=timezone.utc))

    assert notices(results, outside=0) == []
    assert '<header class="passed">' in text
    assert '<p class="lede' not in text
    assert "The one environment passed" in text
    assert "Nothing: every test passed" in text


@pytest.mark.usefixtures("_no_pictures")
def test_page_has_a_notice_for_each_other_problem(tmp_path: Path) -> None:
    """Comparisons, faults, figures and files have one, even if every environment passed."""
    write_environment(tmp_path / "py311-paddle33-cpu")
    write_json(tmp_path / "comparisons" / "a" / "comparison.json", comparison())
    write_json(tmp_path / "faults.json", faults())
    for name in "bc":
        write_json(tmp_path / "comparisons" / name / "comparison.json", {})
    results = read_results(tmp_path)
    text = make_page(results, datetime(2026, 11, 25, tzinfo=timezone.utc))

    assert notices(results, outside=2) == [
        ("failed", "2 of the notebook's figures not reproduced"),
        ("failed", "1 of the compared benchmarks slower"),
        ("failed", "1 of the compared experiments different"),
        ("failed", "1 of the planted faults without the expected result"),
        (
            "incomplete",
            "Not on the page: comparisons/b/comparison.json, comparisons/c/comparison.json",
        ),
    ]
    assert '<header class="failed">' in text
    assert "1 of the compared benchmarks slower." in text
    assert "outside the environments" in text
    assert "agree in every digit" not in text
    assert "Nothing: every test passed" not in text


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
    assert len(pictures) == tags["title"] - 1 == tags["desc"] == 9
    assert all(found["role"] == "img" and "width" not in found for found in pictures)


def test_text_from_files_is_neither_markup_nor_the_path_of_a_user(tmp_path: Path) -> None:
    """Names, reasons, facts, folders and labels in pictures are escaped; paths are shortened."""
    safe = EVIL.replace("/", "|")[:-1]
    attribute = safe.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    folder = write_environment(
        tmp_path / safe, paddle=EVIL, python=EVIL, cpu=EVIL, flags=f"a={PATH}"
    )
    write_cases(
        folder / "tests.xml",
        f'<testcase classname="a" name="{attribute}"><failure message="{attribute}">{attribute}'
        f'</failure></testcase><testcase name="b"><skipped message="{attribute}" /></testcase>'
        f'<testcase name="c"><failure message="{PATH}">E   {PATH}: no</failure></testcase>'
        f'<testcase name="d"><skipped message="{PATH}: b" /></testcase>',
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
    assert "a.npz" in html
    assert "alice" not in html
    parse(html)


def tables(html: str, head: str) -> list[list[list[str]]]:
    """Return the rows of all tables whose first column has this heading."""
    return [table for table in parse(html).tables if table[0][0] == head]


@pytest.mark.usefixtures("_no_pictures")
def test_step_times_on_a_device_stand_beside_those_on_the_cpu() -> None:
    """What only one of the two has run, and parts of a step, have no ratio."""
    environment = left("e", paddle="3.3.1")
    for device, median in (("cpu", 2), ("npu:0", 1)):
        environment.times += [
            step_time(median, device=device),
            step_time(median, device=device, cell=device),
            step_time(9, device=device, stage="forward"),
        ]
    other = left("f", paddle="3.3.1")
    other.times = environment.times[::3]
    html = make_page(Results([environment, other]), datetime.now(timezone.utc))

    assert "<h3>CPU against NPU</h3>" in html
    assert [
        row for table in tables(html, "environment") for row in table[1:] if "×" in row[-1]
    ] == [[name, "npu:0", "RNN", "B1 T10 H128", "kernel", "2", "1", "×0.50"] for name in "ef"]


def test_the_table_of_a_comparison_has_ratios_intervals_and_verdicts(html: str) -> None:
    """One end of an interval may be open; without a verdict, the table says what would help."""
    # Tables of releases follow.
    table, instructions, memory, *_ = tables(html, "benchmark")
    functions, fell, *_ = tables(html, "function")
    operators, *_ = tables(html, "operator")
    advice = "would have detected an increase of 12%, needs about 5 more pairs"

    assert table[2][1:3] == ["1", "1.2"]
    assert [row[3:] for row in table[1:]] == [
        ["1.001", "0.990-1.017", "same"],
        ["1.197", "1.187-1.216", "slower"],
        ["0.801", "0.798-0.805", "faster"],
        ["1.046", "up to 1.057", f"cannot tell: {advice}"],
    ]
    assert instructions[0][1:3] == ["baseline million", "candidate million"]
    assert [row[1:] for row in instructions[1:]] == [
        ["3", "3.06", "1.0200", "1.0185-1.0215", "more instructions"],
        ["2", "2", "1.0000", "0.9985-1.0015", "same"],
    ]
    assert memory[1][1:] == ["1953", "1953", "1.0000", "0.9985-1.0015", "same"]
    assert operators[1] == ["matmul", "10 -> 11", "800.0", "900.0", "+100.0"]
    assert functions[1][1:] == ["libphi_core.so", "matmul", "none", "60.4", "+60.4"]
    assert fell[1] == ["free", "libc.so", "", "0.4", "0.0", "-0.4"]


def test_releases_have_behaviours_costs_and_changes(html: str) -> None:
    """Every symbol has words for screen readers; the comparisons are not shown a second time."""
    shown = words(html)
    [behaviours] = tables(html, "experiment")
    costs, same = tables(html, "Paddle")
    fell, rose = [table for table in tables(html, "benchmark") if table[0][-1] == "change"]
    parts = (
        "Paddle 2.6.2 to 3.3.0 Each release is compared with the one before it. Python 3.11.7, ",
        "2.6.2 to 3.0.0 Training: bitwise equal. Known defects: breaks ",
        "3.0.0 to 3.1.0 Not compared. 3.1.0 to 3.2.0 Training: different from step 7 (h_1). Known ",
        "How training differs clipped-rnn: ✗ different the text Costs that",
        "3.2.0 to 3.3.0 Training: not compared. Known defects: ",
        "No cost changed by",
    )

    assert behaviours == [
        ["experiment", "3.0.0", "3.1.0", "3.2.0", "3.3.0"],
        [
            "clipped-rnn",
            "=bitwise equal",
            "–not compared",
            "≠step 7different from step 7 (h_1)",
            "–not compared",
        ],
    ]
    assert costs == [
        ["Paddle", "instruction count, million", "peak memory, KiB"],
        ["2.6.2", "4×1.0000", "1953×1.0000"],
        ["3.0.0", "3.6×0.9000-10.0%", "1953×1.0000"],
        ["3.1.0", "3.6×0.9000", "1953×1.0000"],
        ["3.2.0", "4×1.0000+11.1%", "1953×1.0000"],
        ["3.3.0", "4.01×1.0025", "1953×1.0000"],
    ]
    assert [row[1] for row in same[1:]] == ["2×1.0000"] * 5
    assert fell[1][1:] == ["instruction count, million", "4", "3.6", "-10.0%"]
    assert rose[0][2:4] == ["3.1.0", "3.2.0"]
    assert [each for each in parts if each not in shown] == []
    assert html.count('<article class="comparison">') == 2


@pytest.mark.usefixtures("_no_pictures")
@pytest.mark.parametrize("outcome", ["crashed", "interrupted"])
def test_an_unfinished_comparison_of_releases_is_marked(tmp_path: Path, outcome: str) -> None:
    """A crash has a notice beside the headline; more instructions than in 2.6.2 have none."""
    content = released("3.1.0", "3.2.0", error="Segmentation fault")
    content["courses"]["memory"] = {**content["courses"]["memory"], "outcome": outcome}
    write_json(tmp_path / "comparisons" / "releases-3.1.0..3.2.0" / "comparison.json", content)
    results = read_results(tmp_path)
    shown = words(make_page(results, datetime.now(timezone.utc)))
    crashed = outcome == "crashed"

    assert notices(results, outside=0) == crashed * [("failed", "1 of the comparisons crashed")]
    assert ("✗ A process crashed: Segmentation fault" in shown) == crashed
    assert ("! The comparison was interrupted." in shown) == (not crashed)


def test_the_table_of_defects_has_the_versions_of_the_page(html: str) -> None:
    """What an upgrade breaks and mends comes first; a comparison has that of its two versions."""
    [(head, *rows)] = tables(html, "defect")
    shown = words(html)

    assert head == ["defect", "Paddle 2.6.2", "Paddle 3.3.1", "what is wrong"]
    assert rows[0] == ["Broken by an upgrade"]
    assert ["to-tensor-leak", "gone", "✗ there"] in [row[:3] for row in rows]
    assert ["Mended by an upgrade"] in rows
    assert ["maximum-of-nan", "✗ there", "gone"] in [row[:3] for row in rows]
    assert ["Unchanged"] in rows
    assert rows[-1][1:3] == ["there", "there"]
    assert "Paddle 2.6.2 to 3.3.1: ✗ breaks to-tensor-leak" in shown
    assert ", mends maximum-of-nan, missing-gpu" in shown
    assert "Paddle 3.0.0 to 3.3.1: ✗ breaks sot-named-tuple" in shown


@pytest.mark.usefixtures("_no_pictures")
def test_the_table_of_executions_has_a_column_for_each_environment() -> None:
    """A run that one environment did not make is said to be missing; a different one is loud."""

    def case(run: str, agreement: str) -> Case:
        return Case(f"test_experiments::as_graph[{run}]", "passed", agreement=agreement)

    static, sot = "static-default-clipped-rnn", "sot-primitive-clipped-lstm"
    old = left("old", case(static, "different up to step 3"), case("sot", "x"), paddle="2.6.2")
    new = left("new", case(static, "bitwise equal"), case(sot, "refused"), paddle="3.3.1")
    html = make_page(Results([new, old, left("none", paddle="3.0.0")]), datetime.now(timezone.utc))

    assert tables(html, "execution") == [
        [
            ["execution", "mode", "experiment", "Paddle 2.6.2old", "Paddle 3.3.1new"],
            ["static", "default", "clipped-rnn", "✗ different up to step 3", "bitwise equal"],
            ["sot", "", "", "x", "not run"],
            ["sot", "primitive", "clipped-lstm", "not run", "refused"],
        ]
    ]
