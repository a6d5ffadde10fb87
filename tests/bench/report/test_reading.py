"""Reading a folder of results: missing, damaged and foreign files are named."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.report.reading import Problem, read_environment, read_results
from rnn_core import EXPERIMENTS
from tests.helpers.matrix_results import (
    bench,
    comparison,
    faults,
    history_bytes,
    made_up,
    write_cases,
    write_environment,
    write_json,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a complete run leaves."""
    return write_environment(tmp_path / "py311-paddle33-cpu")


def test_a_complete_run_has_no_problems(folder: Path) -> None:
    """Runs, outcomes, histories and times are read."""
    found = read_environment(folder)

    assert found.problems == []
    assert {"tests", "benchmarks"} == found.runs.keys() == found.cases.keys()
    assert {("cpu", name) for name in ("exploding-rnn", "clipped-rnn", "clipped-lstm")} == set(
        found.histories
    )
    [time] = found.times
    assert pytest.approx((time.low, time.median, time.high)) == (1.0, 1.5, 2.0)


def cut(name: str, size: int = 40) -> Callable[[Path], object]:
    """Truncate a file."""
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:size])


def gone(name: str) -> Callable[[Path], object]:
    """Remove a file."""
    return lambda folder: (folder / name).unlink()


def holds(name: str, text: str) -> Callable[[Path], object]:
    """Replace the content of a file."""
    return lambda folder: (folder / name).write_text(text, encoding="utf-8")


def changed(name: str, **changes: Any) -> Callable[[Path], object]:
    """Change a part of a JSON file."""

    def change(folder: Path) -> None:
        content = json.loads((folder / name).read_text(encoding="utf-8"))
        write_json(folder / name, {**content, **changes})

    return change


def other_experiment(folder: Path) -> None:
    """Add a second file with the same experiment."""
    (folder / "clipped-rnn-gpu0.npz").write_bytes(history_bytes("clipped-rnn", "3.3.1"))


def other_config(folder: Path) -> None:
    """Replace a history by one with another config."""
    config = replace(EXPERIMENTS["clipped-rnn"].config, seed=5)
    made_up("clipped-rnn", config=config).save(folder / "clipped-rnn.npz")


def ended_early(folder: Path) -> None:
    """Replace a history by that of an interrupted run."""
    made_up("clipped-rnn", outcome="interrupted").save(folder / "clipped-rnn.npz")


@pytest.mark.parametrize(
    ("damage", "file", "reason"),
    [
        (gone("tests.xml"), "tests.xml", "missing: the run broke off before its end"),
        (gone("tests-run.json"), "tests-run.json", "missing: date and environment are unknown"),
        (
            gone("benchmarks.json"),
            "benchmarks.json",
            "missing: the run ended before it was written",
        ),
        (
            gone("clipped-lstm.npz"),
            "clipped-lstm.npz",
            "missing: the run ended before it was written",
        ),
        (cut("tests.xml"), "tests.xml", "cannot be read: invalid XML: "),
        (cut("benchmarks.json"), "benchmarks.json", "cannot be read: "),
        (cut("clipped-rnn.npz", 900), "clipped-rnn.npz", "cannot be read: it is not a valid"),
        (cut("tests.xml", 0), "tests.xml", "cannot be read: the file is empty"),
        (cut("benchmarks.json", 0), "benchmarks.json", "cannot be read: the file is empty"),
        (
            holds("tests.xml", "<html></html>"),
            "tests.xml",
            "expected JUnit XML, got an element <html>",
        ),
        (holds("tests.xml", "<testsuites />"), "tests.xml", "the file holds no tests"),
        (
            holds("tests.xml", '<!DOCTYPE a [<!ENTITY b "c">]><testsuites>&b;</testsuites>'),
            "tests.xml",
            "the file declares a document type",
        ),
        (holds("benchmarks.json", "[1]"), "benchmarks.json", "the file: input should be an object"),
        (holds("benchmarks.json", "{}"), "benchmarks.json", "benchmarks is missing"),
        (
            changed("benchmarks.json", benchmarks=[bench(1, 2, 3)]),
            "benchmarks.json",
            "benchmarks.0.stats: value error, the median must lie between the quartiles",
        ),
        (
            changed("benchmarks.json", benchmarks=[bench(float("nan"), 2, 3)]),
            "benchmarks.json",
            "benchmarks.0.stats.median: input should be a finite number, got nan",
        ),
        (changed("tests-run.json", format="other"), "tests-run.json", "format: input should be"),
        (changed("tests-run.json", date="soon"), "tests-run.json", "date: input should be a valid"),
        (
            changed("tests-run.json", environments=[]),
            "tests-run.json",
            "environments: input should",
        ),
        (changed("tests-run.json", exit_status=None), "tests.xml", "incomplete: the run broke off"),
        (
            changed("tests-run.json", exit_status=2),
            "tests.xml",
            "incomplete: the run was interrupted",
        ),
        (holds("notes.txt", ""), "notes.txt", "not a file of results"),
        (other_experiment, "clipped-rnn.npz", "has the same experiment as another"),
        (other_config, "clipped-rnn.npz", "its config is not that of an experiment"),
        (ended_early, "clipped-rnn.npz", "incomplete: the run was interrupted after 2000"),
    ],
)
def test_each_damage_is_one_problem(
    folder: Path, damage: Callable[[Path], object], file: str, reason: str
) -> None:
    """It has the name of the file and the reason, without the folder."""
    damage(folder)
    found = read_environment(folder)

    [problem] = found.problems
    assert problem.file == file
    assert reason in problem.reason
    assert str(folder.parent) not in problem.reason


def test_an_empty_folder_is_one_problem(tmp_path: Path) -> None:
    """No file is listed as missing."""
    (tmp_path / "py313-paddle33-cpu").mkdir()

    assert read_environment(tmp_path / "py313-paddle33-cpu").problems == (
        [Problem("", "the folder is empty: the run broke off before it began")]
    )


def test_a_benchmark_environment_needs_no_tests(tmp_path: Path) -> None:
    """In another environment, their files are missing."""
    for name in ("bench-paddle33", "py311-paddle33-cpu"):
        folder = write_environment(tmp_path / name)
        (folder / "tests.xml").unlink()
        (folder / "tests-run.json").unlink()

    assert read_environment(tmp_path / "bench-paddle33").problems == []
    assert read_environment(tmp_path / "py311-paddle33-cpu").problems == [
        Problem("tests-run.json", "missing: the run did not begin"),
        Problem("tests.xml", "missing: the run did not begin"),
    ]


def test_a_file_is_missing_only_if_the_run_should_have_left_it(folder: Path) -> None:
    """The run's own file says which: not the experiments of `-k step`, for example."""
    changed("benchmarks-run.json", expected=["clipped-rnn.npz"])(folder)
    for path in (*folder.glob("*.npz"), folder / "benchmarks.json"):
        path.unlink()

    assert read_environment(folder).problems == [
        Problem("clipped-rnn.npz", "missing: the run ended before it was written")
    ]


def test_a_run_file_of_the_first_version_is_read(folder: Path) -> None:
    """It says neither which tests were asked for nor which files should be there."""
    for kind in ("tests", "benchmarks"):
        path = folder / f"{kind}-run.json"
        content = json.loads(path.read_text(encoding="utf-8"))
        del content["selection"], content["expected"]
        write_json(path, {**content, "format": "rnn_core run 1"})
    (folder / "clipped-rnn.npz").unlink()
    found = read_environment(folder)

    assert found.problems == []
    assert [run.selection for run in found.runs.values()] == [None, None]
    assert found.runs["tests"].environments["cpu"]["paddle"] == "3.3.1"


def test_outcomes_are_read_with_their_reasons(folder: Path) -> None:
    """A test that fails twice counts once."""
    write_cases(
        folder / "tests.xml",
        '<testcase classname="tests.test_a" name="passes" />'
        '<testcase classname="tests.test_a" name="fails"><failure message="2 &lt; 1">where'
        "</failure></testcase>"
        '<testcase classname="tests.test_a" name="fails"><error message="teardown" /></testcase>'
        '<testcase classname="tests.test_a" name="breaks"><error message="setup" /></testcase>'
        '<testcase classname="tests.test_a" name="skips"><skipped message="no GPU">x</skipped>'
        "</testcase>",
    )

    assert [
        (case.name, case.outcome, case.reason, case.detail)
        for case in read_environment(folder).cases["tests"]
    ] == [
        ("tests.test_a::passes", "passed", "", ""),
        ("tests.test_a::fails", "failed", "2 < 1", "where"),
        ("tests.test_a::breaks", "error", "setup", ""),
        ("tests.test_a::skips", "skipped", "no GPU", ""),
    ]


def test_comparisons_and_faults_are_read(folder: Path) -> None:
    """Their files lie beside the folders of environments."""
    root = folder.parent
    write_json(root / "comparisons" / "a" / "comparison.json", comparison())
    write_json(root / "faults.json", faults())
    results = read_results(root)

    assert [each.name for each in results.environments] == ["py311-paddle33-cpu"]
    assert results.problems == []
    [compared] = results.comparisons
    assert (compared.verdicts.count("slower"), compared.different) == (1, 1)
    assert compared.changes[0] == ("paddle", "3.0.0", "3.3.1")
    assert results.planting is not None
    assert (results.planting.caught, len(results.planting.faults)) == (1, 2)
    assert [each.name for each in results.planting.surprises] == ["one-percent"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format": "rnn_core comparison 3"}, "format: input should be 'rnn_core comparison 2'"),
        ({"pairs": "many"}, "pairs: input should be a valid integer, got 'many'"),
        ({"benchmarks": [{}]}, "benchmarks.0.name is missing"),
    ],
)
def test_a_damaged_comparison_is_a_problem(
    folder: Path, changes: dict[str, Any], reason: str
) -> None:
    """It is named with its folder; other comparisons are read."""
    root = folder.parent
    write_json(root / "comparisons" / "bad" / "comparison.json", comparison(**changes))
    write_json(root / "comparisons" / "good" / "comparison.json", comparison())
    results = read_results(root)

    [problem] = results.problems
    assert problem.file == "comparisons/bad/comparison.json"
    assert reason in problem.reason
    assert len(results.comparisons) == 1


def test_other_files_beside_the_environments_are_problems(folder: Path) -> None:
    """The page itself is not; an empty comparison and a foreign file are."""
    root = folder.parent
    for name in ("report.html", "notes.txt"):
        (root / name).write_text("", encoding="utf-8")
    (root / "comparisons" / "empty").mkdir(parents=True)
    write_json(root / "faults.json", {"environment": {}})

    assert read_results(root, frozenset(["report.html"])).problems == [
        Problem("comparisons/empty/comparison.json", "missing"),
        Problem("faults.json", "cannot be read: verdicts is missing"),
        Problem("notes.txt", "not a file of results"),
    ]


def test_no_results_is_an_error(tmp_path: Path) -> None:
    """A folder that does not exist, that is empty, or that has only other files."""
    with pytest.raises(ValueError, match="is not a folder"):
        read_results(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="holds no results"):
        read_results(tmp_path)
    (tmp_path / "notes.txt").write_text("", encoding="utf-8")
    with pytest.raises(ValueError, match="holds no results"):
        read_results(tmp_path)
