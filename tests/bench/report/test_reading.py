"""Reading a folder of results: missing, damaged and foreign files are named."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.compare.result import FILE
from benchmarks.report import formats, reading
from benchmarks.report.formats import Case
from benchmarks.report.reading import EnvironmentResults, Problem, read_environment, read_results
from rnn_core import EXPERIMENTS
from tests.helpers.matrix_results import (
    FACTS,
    faults,
    made_up,
    released,
    write_cases,
    write_environment,
    write_json,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of a complete run."""
    return write_environment(tmp_path / "py311-paddle33-cpu")


def test_a_complete_run_has_no_problems(folder: Path) -> None:
    """Runs, outcomes, histories and times are read; an experiment may run on several devices."""
    experiment, gpu = EXPERIMENTS["clipped-rnn"], {**FACTS, "device": "gpu:0"}
    on_gpu = made_up(
        "clipped-rnn", config=replace(experiment.config, device="gpu"), environment=gpu
    )
    on_gpu.save(folder / "clipped-rnn-gpu0.npz")
    found = read_environment(folder)

    assert found.problems == []
    assert {"tests", "benchmarks"} == found.runs.keys() == found.cases.keys()
    assert found.histories.keys() == {
        *(("cpu", name) for name in EXPERIMENTS),
        ("gpu:0", "clipped-rnn"),
    }
    assert found.histories["gpu:0", "clipped-rnn"].environment == gpu
    [time] = found.times
    assert (time.low, time.median, time.high) == pytest.approx((1.0, 1.5, 2.0))


Damage = Callable[[Path], object]


def cut(size: int) -> Damage:
    """Truncate a file."""
    return lambda path: path.write_bytes(path.read_bytes()[:size])


def holds(text: str, encoding: str = "utf-8") -> Damage:
    """Replace the content of a file."""
    return lambda path: path.write_text(text, encoding=encoding)


def larger(path: Path) -> None:
    """Make the file too large, without room on the disk."""
    with path.open("r+b") as file:
        file.truncate(2**25 + 1)


def changed(**changes: Any) -> Damage:
    """Change a part of a JSON file."""
    return lambda path: write_json(path, {**json.loads(path.read_bytes()), **changes})


def trained(**changes: Any) -> Damage:
    """Replace a history by another of the same experiment."""
    return lambda path: made_up("clipped-rnn", **changes).save(path)


def copied(path: Path) -> None:
    """Add a second history of the same experiment."""
    path.with_name("clipped-rnn-gpu0.npz").write_bytes(path.read_bytes())


OTHER_CONFIG = replace(EXPERIMENTS["clipped-rnn"].config, seed=5)
DOCTYPE = '<!DOCTYPE a [<!ENTITY b "c">]><testsuites>&b;</testsuites>'
ODD = '<?xml version="1.0" encoding="no"?><a/>'


@pytest.mark.parametrize(
    ("file", "damage", "reason"),
    [
        ("tests.xml", Path.unlink, "missing: the run broke off before its end"),
        ("tests-run.json", Path.unlink, "missing: date and environment are unknown"),
        ("benchmarks-run.json", Path.unlink, "missing: date and environment are unknown"),
        ("benchmarks.json", Path.unlink, "missing: the run ended before it was written"),
        ("clipped-lstm.npz", Path.unlink, "missing: the run ended before it was written"),
        ("tests.xml", cut(40), "invalid XML: "),
        ("tests.xml", cut(0), "the file is empty"),
        ("tests.xml", holds("<html></html>"), "expected JUnit XML, got an element <html>"),
        ("tests.xml", holds("<testsuites />"), "the file holds no tests"),
        ("tests.xml", holds(DOCTYPE), "the file declares a document type"),
        ("tests.xml", holds(DOCTYPE, "utf-16"), "the file declares a document type, which pytest"),
        ("tests.xml", holds(ODD), "expected JUnit XML, got an element <a>"),
        ("tests.xml", larger, "it must have at most 33554432 bytes"),
        ("tests-run.json", holds("[" * 100_000), "invalid JSON: the JSON is nested too deeply"),
        ("clipped-rnn.npz", holds("PK"), "it is not a valid 'rnn_core history 2' file"),
        ("benchmarks.json", cut(40), "invalid JSON: "),
        ("benchmarks.json", holds("{}"), "datetime is missing"),
        ("tests-run.json", changed(format="other"), "format: input should be"),
        ("notes.txt", holds(""), "not a file of results"),
        ("clipped-rnn.npz", cut(900), "it is not a valid"),
        ("clipped-rnn.npz", copied, "has the same experiment as another"),
        ("clipped-rnn.npz", trained(config=OTHER_CONFIG), "its config is not that of an experim"),
        (
            "clipped-rnn.npz",
            trained(outcome="interrupted"),
            "incomplete: the run was interrupted after 2000 steps",
        ),
    ],
)
def test_each_damage_is_one_problem(folder: Path, file: str, damage: Damage, reason: str) -> None:
    """The problem has the name of the file and the reason, without the folder."""
    damage(folder / file)
    [problem] = read_environment(folder).problems

    assert problem.file == file
    assert problem.reason.removeprefix("cannot be read: ").startswith(reason)
    assert str(folder.parent) not in problem.reason


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with a name")
@pytest.mark.parametrize("replace_by", ["folder", "pipe", "device"])
def test_only_regular_files_are_read(folder: Path, replace_by: str) -> None:
    """A pipe would be waited for, and a device has no end."""
    names = sorted(path.name for path in folder.iterdir())
    for path in list(folder.iterdir()):
        path.unlink()
        if replace_by == "folder":
            path.mkdir()
        elif replace_by == "pipe":
            os.mkfifo(path)
        else:
            path.symlink_to("/dev/zero")
    problems = {each.file: each.reason for each in read_environment(folder).problems}

    assert sorted(problems) == names
    assert all(reason.startswith("cannot be read: ") for reason in problems.values())
    assert str(folder) not in str(problems)


@pytest.mark.parametrize(("status", "how"), [(None, "broke off"), (2, "was interrupted")])
def test_the_outcomes_of_an_unfinished_run_are_incomplete(
    folder: Path, status: int | None, how: str
) -> None:
    """The run's own file shows that it is unfinished; JUnit XML does not."""
    changed(exit_status=status)(folder / "tests-run.json")

    assert read_environment(folder).problems == [Problem("tests.xml", f"incomplete: the run {how}")]


def test_a_benchmark_environment_needs_no_tests(tmp_path: Path) -> None:
    """In any other environment, the absence of their files is a problem."""
    for name in ("bench-paddle33", "py311-paddle33-cpu"):
        folder = write_environment(tmp_path / name)
        (folder / "tests.xml").unlink()
        (folder / "tests-run.json").unlink()

    folder = write_environment(tmp_path / "bench-paddle30")
    (folder / "tests.xml").unlink()
    changed(exit_status=None)(folder / "tests-run.json")

    found = read_environment(tmp_path / "bench-paddle33")
    assert ([*found.runs], found.problems) == (["benchmarks"], [])
    assert read_environment(folder).problems == [
        Problem("tests.xml", "missing: the run broke off before its end")
    ]
    assert read_environment(tmp_path / "py311-paddle33-cpu").problems == [
        Problem("tests-run.json", "missing: the run did not begin"),
        Problem("tests.xml", "missing: the run did not begin"),
    ]


def test_a_file_is_missing_only_if_the_run_should_have_left_it(folder: Path) -> None:
    """The run's own file lists its expected files: with `-k step`, no experiments."""
    changed(expected=["clipped-rnn.npz"])(folder / "benchmarks-run.json")
    for path in (*folder.glob("*.npz"), folder / "benchmarks.json"):
        path.unlink()

    assert read_environment(folder).problems == [
        Problem("clipped-rnn.npz", "missing: the run ended before it was written")
    ]


def test_outcomes_are_read_with_their_reasons(folder: Path) -> None:
    """A test that fails twice counts once; a run with failures is complete."""
    changed(exit_status=1)(folder / "tests-run.json")
    agreement = '<properties><property name="agreement" value="equal" /></properties>'
    write_cases(
        folder / "tests.xml",
        f'<testcase classname="tests.test_a" name="passes">{agreement}</testcase>'
        f'<testcase classname="tests.test_a" name="fails">{agreement}<failure message="2 &lt; 1">'
        "where</failure></testcase>"
        '<testcase classname="tests.test_a" name="fails"><error message="teardown" /></testcase>'
        '<testcase classname="tests.test_a" name="breaks"><error message="setup" /></testcase>'
        '<testcase classname="tests.test_a" name="leaves"></testcase>'
        '<testcase classname="tests.test_a" name="leaves"><error message="teardown" /></testcase>'
        '<testcase classname="tests.test_a" name="ends"><failure message="crashed: by SIGILL" />'
        "</testcase>"
        '<testcase classname="tests.test_a" name="skips"><skipped message="no GPU">x</skipped>'
        "</testcase>",
    )

    found = read_environment(folder)

    assert found.problems == []
    assert found.cases["tests"] == [
        Case("tests.test_a::passes", "passed", agreement="equal"),
        Case("tests.test_a::fails", "failed", "2 < 1", "where", "equal"),
        Case("tests.test_a::breaks", "error", "setup"),
        Case("tests.test_a::leaves", "error", "teardown"),
        Case("tests.test_a::ends", "crashed", "crashed: by SIGILL"),
        Case("tests.test_a::skips", "skipped", "no GPU"),
    ]


def test_outcomes_may_have_little_and_not_too_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names, messages and values may be missing; the elements are counted."""
    monkeypatch.setattr(formats, "MOST_ELEMENTS", 5)
    agreement = '<properties><property name="agreement" /></properties>'
    suite = f"<testsuite><testcase>{agreement}<failure /></testcase></testsuite>"
    path = tmp_path / "tests.xml"
    path.write_text(suite, encoding="utf-8")

    assert formats.read_cases(path) == [Case("::", "failed", "failed")]
    path.write_text(f"<testsuites>{suite}</testsuites>", encoding="utf-8")
    with pytest.raises(ValueError, match=r"^the file must have at most 5 elements$"):
        formats.read_cases(path)


def test_folders_that_cannot_be_read_are_problems(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason is that of the system, without the path."""

    def denied(path: Path) -> list[Path]:
        raise PermissionError(13, "denied", str(path))

    (folder.parent / "comparisons").mkdir()
    monkeypatch.setattr(reading, "_content", denied)
    results = read_results(folder.parent)

    assert results.listed == [
        (name, "cannot be read: denied") for name in ("comparisons", f"{folder.name}/")
    ]


def test_comparisons_of_releases_are_a_chain(tmp_path: Path) -> None:
    """The names of their folders tell; one that leads past another is an ordinary comparison.

    Those of bisections are not shown.
    """
    for pair in ("2.6.2..3.0.0", "3.0.0..3.1.0", "2.6.2..3.1.0"):
        write_json(tmp_path / f"comparisons/releases-{pair}" / FILE, released(*pair.split("..")))
    write_json(tmp_path / "comparisons/bisect-2.6.2..3.0.0" / FILE, released("2.6.2", "3.0.0"))
    results = read_results(tmp_path)

    assert [[*chain] for chain in results.chains] == [[("2.6.2", "3.0.0"), ("3.0.0", "3.1.0")]]
    assert [(each.baseline.name, each.candidate.name) for each in results.comparisons] == [
        ("2.6.2", "3.1.0")
    ]


@pytest.mark.parametrize(
    ("facts", "workload"),
    [({"cell": "model.py:workload"}, ""), ({"device": "gpu:0"}, ""), ({}, "digest of its files")],
)
def test_other_work_is_another_chain(tmp_path: Path, facts: dict[str, str], workload: str) -> None:
    """Comparisons of one content of an own workload, or on one device, belong together.

    One that failed is in the first chain.
    """
    content = released("2.6.2", "3.0.0")
    write_json(tmp_path / "comparisons/releases-2.6.2..3.0.0" / FILE, content)
    content["benchmarks"] = [{**each, **facts} for each in content["benchmarks"]]
    content["workload"] = workload
    failed = released("3.0.0", "3.1.0", benchmarks=[], workload="")
    write_json(tmp_path / "comparisons/releases-3.0.0..3.1.0" / FILE, failed)
    write_json(tmp_path / "comparisons/releases-2.6.2..3.0.0-other" / FILE, content)
    results = read_results(tmp_path)

    assert [[*chain] for chain in results.chains] == [
        [("2.6.2", "3.0.0"), ("3.0.0", "3.1.0")],
        [("2.6.2", "3.0.0")],
    ]
    assert results.comparisons == []


def test_other_files_beside_the_environments_are_problems(folder: Path) -> None:
    """An empty comparison and a foreign file are; the page itself and hidden files are not."""
    root = folder.parent
    for name in ("report.html", "notes.txt", ".hidden", "calibration", f"{folder.name}/.lock"):
        (root / name).write_text("", encoding="utf-8")
    (root / "comparisons" / "empty").mkdir(parents=True)
    write_json(root / "faults.json", {"environment": {}})
    (root / "py313-paddle32-cpu").mkdir()
    empty = Problem("", "the folder is empty: the run broke off before it began")
    results = read_results(root, frozenset(["report.html"]))

    assert results.environments[1:] == [EnvironmentResults("py313-paddle32-cpu", problems=[empty])]
    assert results.comparisons == []
    assert results.problems == [
        Problem("comparisons/empty/comparison.json", "missing"),
        Problem("faults.json", "cannot be read: verdicts is missing"),
        Problem("notes.txt", "not a file of results"),
    ]
    assert read_environment(folder).problems == []


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("faults.json", faults(), "planting"),
        ("faults.json", {}, "problems"),
        ("comparisons/a/comparison.json", released("3.0.0", "3.1.0"), "comparisons"),
        ("comparisons/releases-3.0.0..3.1.0/comparison.json", released("3.0.0", "3.1.0"), "chains"),
    ],
)
def test_a_folder_may_hold_one_kind_of_results_only(
    tmp_path: Path, name: str, content: dict[str, Any], kind: str
) -> None:
    """Even if it is damaged."""
    write_json(tmp_path / name, content)
    results = read_results(tmp_path)

    assert [name for name, found in vars(results).items() if found] == [kind]
